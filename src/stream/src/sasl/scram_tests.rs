use std::num::NonZeroU32;

use super::super::{Exchange, Found};
use super::*;
use crate::Secret;

fn terms(mechanisms: &[Mechanism], bindings: &[ChannelBinding]) -> Terms {
    Terms {
        domain: Domain::parse("example.org").unwrap(),
        mechanisms: mechanisms.to_vec(),
        bindings: bindings.to_vec(),
        downgrade_protection: false,
        certificate: Vec::new(),
        decoy: Arc::new(Decoy::new(Secret::new(b"decoy".as_slice()), ScramHash::ITERATIONS)),
    }
}

fn plain_terms(hash: ScramHash) -> Terms {
    terms(&[Mechanism::Scram(hash)], &[])
}

fn exporter() -> ChannelBinding {
    ChannelBinding { kind: BindingType::TlsExporter, data: b"exported".to_vec() }
}

fn plus_terms(hash: ScramHash) -> Terms {
    terms(&[Mechanism::ScramPlus(hash), Mechanism::Scram(hash)], &[exporter()])
}

fn pencil(hash: ScramHash, salt: &str) -> Answer {
    let salt = STANDARD.decode(salt).unwrap();
    let keys = ScramKeys::derive_with_salt(hash, NonZeroU32::new(4096).unwrap(), salt, b"pencil");
    Answer::Found(Found { keys: Some(keys), enabled: true })
}

fn condition(step: Step) -> FailureCondition {
    match step {
        Step::Failure(failure) => failure.condition,
        other => panic!("{other:?}"),
    }
}

fn challenge(step: Step) -> String {
    match step {
        Step::Challenge(data) => String::from_utf8(data).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn success(step: Step) -> Success {
    match step {
        Step::Success(success) => success,
        other => panic!("{other:?}"),
    }
}

/// An exchange of the RFCs: the machine with the server nonce of the example.
fn example(hash: ScramHash, server_nonce: &str) -> Scram {
    let mut scram = Scram::new(&plain_terms(hash), hash, false);
    scram.server_nonce = server_nonce.to_owned();
    scram
}

#[test]
fn rfc5802_5_example_exchange() {
    let mut scram = example(ScramHash::Sha1, "3rfcNHYJY1ZVvWVs7j");
    let Step::LookUp(look_up) = scram.respond(b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL") else { panic!() };
    assert_eq!(look_up.account.unwrap().as_str(), "user@example.org");
    assert_eq!(
        challenge(scram.answer(pencil(ScramHash::Sha1, "QSXCR+Q6sek8bf92"))),
        "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"
    );
    let step =
        scram.respond(b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
    assert_eq!(success(step).data.unwrap(), b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=");
}

#[test]
fn rfc7677_3_example_exchange() {
    let mut scram = example(ScramHash::Sha256, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
    scram.respond(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    assert_eq!(
        challenge(scram.answer(pencil(ScramHash::Sha256, "W22ZaJ0SNY7soEsUEjb6gQ=="))),
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    );
    let step = scram.respond(
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    );
    assert_eq!(success(step).data.unwrap(), b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

#[test]
fn rfc5802_5_a_wrong_proof_is_not_authorized() {
    for proof in ["v0X8v3Bz2T0CJGbJQyF0X+HI4TA=", "", "AAAA", "v0X8v3Bz2T0CJGbJQyF0X+HI4TsA"] {
        let mut scram = example(ScramHash::Sha1, "3rfcNHYJY1ZVvWVs7j");
        scram.respond(b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
        scram.answer(pencil(ScramHash::Sha1, "QSXCR+Q6sek8bf92"));
        let last = format!("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p={proof}");
        assert_eq!(condition(scram.respond(last.as_bytes())), FailureCondition::NotAuthorized, "{proof}");
    }
}

/// The client of the `sasl` crate against our server.
mod client {
    use super::*;
    use sasl::client::Mechanism as _;
    use sasl::client::mechanisms::Scram as Client;
    use sasl::common::scram::{ScramProvider, Sha1, Sha256};
    use sasl::common::{ChannelBinding as ClientBinding, Credentials};

    /// Runs a whole exchange; the client checks the server's signature.
    pub(super) fn run<S: ScramProvider>(
        terms: &Terms,
        binding: ClientBinding,
        password: &str,
        stored: &ScramKeys,
    ) -> Step {
        let credentials = Credentials::default()
            .with_username("user")
            .with_password(password)
            .with_channel_binding(binding);
        let mut client = Client::<S>::from_credentials(credentials).unwrap();
        let mut exchange = Exchange::begin(terms, client.name()).unwrap();
        let step = exchange.initial(Some(&client.initial()));
        let Step::LookUp(_) = step else { return step };
        let found = Found { keys: Some(stored.clone()), enabled: true };
        let challenge = challenge(exchange.answer(Answer::Found(found)));
        let step = exchange.respond(&client.response(challenge.as_bytes()).unwrap());
        if let Step::Success(success) = &step {
            client.success(success.data.as_deref().unwrap()).unwrap();
        }
        step
    }

    fn keys(hash: ScramHash) -> ScramKeys {
        ScramKeys::derive(hash, ScramHash::ITERATIONS, b"pencil")
    }

    #[test]
    fn another_implementation_logs_in_without_binding() {
        success(run::<Sha1>(
            &plain_terms(ScramHash::Sha1),
            ClientBinding::None,
            "pencil",
            &keys(ScramHash::Sha1),
        ));
        let stored = keys(ScramHash::Sha256);
        success(run::<Sha256>(&plain_terms(ScramHash::Sha256), ClientBinding::None, "pencil", &stored));
        success(run::<Sha256>(
            &plain_terms(ScramHash::Sha256),
            ClientBinding::Unsupported,
            "pencil",
            &stored,
        ));
        success(run::<Sha256>(&plus_terms(ScramHash::Sha256), ClientBinding::None, "pencil", &stored));
    }

    #[test]
    fn another_implementation_with_a_wrong_password_does_not() {
        let step = run::<Sha256>(
            &plain_terms(ScramHash::Sha256),
            ClientBinding::None,
            "eraser",
            &keys(ScramHash::Sha256),
        );
        assert_eq!(condition(step), FailureCondition::NotAuthorized);
    }

    #[test]
    fn rfc9266_another_implementation_logs_in_with_tls_exporter() {
        let stored = keys(ScramHash::Sha256);
        let binding = ClientBinding::TlsExporter(b"exported".to_vec());
        let done = success(run::<Sha256>(&plus_terms(ScramHash::Sha256), binding, "pencil", &stored));
        assert_eq!(done.mechanism, Mechanism::ScramPlus(ScramHash::Sha256));
    }

    #[test]
    fn rfc9266_other_binding_data_is_not_authorized() {
        let binding = ClientBinding::TlsExporter(b"of another connection".to_vec());
        let step = run::<Sha256>(&plus_terms(ScramHash::Sha256), binding, "pencil", &keys(ScramHash::Sha256));
        assert_eq!(condition(step), FailureCondition::NotAuthorized);
    }

    #[test]
    fn rfc5802_6_a_binding_type_that_was_not_offered_is_refused() {
        let binding = ClientBinding::TlsUnique(b"exported".to_vec());
        let step = run::<Sha256>(&plus_terms(ScramHash::Sha256), binding, "pencil", &keys(ScramHash::Sha256));
        assert_eq!(condition(step), FailureCondition::NotAuthorized);
    }

    #[test]
    fn rfc5802_6_y_although_plus_was_offered_is_a_downgrade() {
        let step = run::<Sha256>(
            &plus_terms(ScramHash::Sha256),
            ClientBinding::Unsupported,
            "pencil",
            &keys(ScramHash::Sha256),
        );
        assert_eq!(condition(step), FailureCondition::NotAuthorized);
    }

    #[test]
    fn xep0474_clients_that_do_not_know_it_are_not_disturbed() {
        let mut terms = plus_terms(ScramHash::Sha256);
        terms.downgrade_protection = true;
        success(run::<Sha256>(&terms, ClientBinding::None, "pencil", &keys(ScramHash::Sha256)));
    }
}

/// A client-final-message for the keys, computed from the password as RFC 5802 §3 says.
fn final_message(
    hash: ScramHash,
    password: &[u8],
    first_bare: &str,
    server_first: &str,
    binding: &[u8],
) -> String {
    let attribute = |name: &str| server_first.split(',').find_map(|part| part.strip_prefix(name)).unwrap();
    let salt = STANDARD.decode(attribute("s=")).unwrap();
    let keys = ScramKeys::derive_with_salt(hash, attribute("i=").parse().unwrap(), salt.clone(), password);
    let mut salted = vec![0; hash.bytes()];
    let algorithm = match hash {
        ScramHash::Sha1 => aws_lc_rs::pbkdf2::PBKDF2_HMAC_SHA1,
        ScramHash::Sha256 => aws_lc_rs::pbkdf2::PBKDF2_HMAC_SHA256,
        ScramHash::Sha512 => aws_lc_rs::pbkdf2::PBKDF2_HMAC_SHA512,
    };
    aws_lc_rs::pbkdf2::derive(algorithm, keys.iterations, &salt, password, &mut salted);
    let client_key = hash.hmac(&salted, b"Client Key");
    let without_proof = format!("c={},r={}", STANDARD.encode(binding), attribute("r="));
    let signature =
        hash.hmac(&keys.stored_key, format!("{first_bare},{server_first},{without_proof}").as_bytes());
    let proof: Vec<u8> =
        client_key.as_ref().iter().zip(signature.as_ref()).map(|(one, other)| one ^ other).collect();
    format!("{without_proof},p={}", STANDARD.encode(proof))
}

#[test]
fn scram_sha_512_logs_in_with_and_without_server_end_point() {
    let hash = ScramHash::Sha512;
    let end_point =
        ChannelBinding { kind: BindingType::TlsServerEndPoint, data: b"hash of certificate".to_vec() };
    let terms = terms(&[Mechanism::ScramPlus(hash), Mechanism::Scram(hash)], &[exporter(), end_point]);
    for (name, header, data) in [
        ("SCRAM-SHA-512", "n,,", b"".as_slice()),
        ("SCRAM-SHA-512-PLUS", "p=tls-server-end-point,,", b"hash of certificate"),
        ("SCRAM-SHA-512-PLUS", "p=tls-exporter,,", b"exported"),
    ] {
        let mut exchange = Exchange::begin(&terms, name).unwrap();
        exchange.initial(Some(format!("{header}n=user,r=abc").as_bytes()));
        let first = challenge(exchange.answer(pencil(hash, "QSXCR+Q6sek8bf92")));
        let last =
            final_message(hash, b"pencil", "n=user,r=abc", &first, &[header.as_bytes(), data].concat());
        assert_eq!(success(exchange.respond(last.as_bytes())).account.as_str(), "user@example.org");
    }
}

#[test]
fn rfc5802_5_1_binding_data_of_another_type_is_not_authorized() {
    let hash = ScramHash::Sha256;
    let end_point =
        ChannelBinding { kind: BindingType::TlsServerEndPoint, data: b"hash of certificate".to_vec() };
    let terms = terms(&[Mechanism::ScramPlus(hash)], &[exporter(), end_point]);
    let mut exchange = Exchange::begin(&terms, "SCRAM-SHA-256-PLUS").unwrap();
    exchange.initial(Some(b"p=tls-server-end-point,,n=user,r=abc"));
    let first = challenge(exchange.answer(pencil(hash, "QSXCR+Q6sek8bf92")));
    let last = final_message(hash, b"pencil", "n=user,r=abc", &first, b"p=tls-server-end-point,,exported");
    assert_eq!(condition(exchange.respond(last.as_bytes())), FailureCondition::NotAuthorized);
}

#[test]
fn rfc5802_5_1_the_gs2_header_must_be_repeated_as_it_was() {
    let mut exchange = Exchange::begin(&plain_terms(ScramHash::Sha256), "SCRAM-SHA-256").unwrap();
    exchange.initial(Some(b"y,,n=user,r=abc"));
    let first = challenge(exchange.answer(pencil(ScramHash::Sha256, "QSXCR+Q6sek8bf92")));
    let last = final_message(ScramHash::Sha256, b"pencil", "n=user,r=abc", &first, b"n,,");
    assert_eq!(condition(exchange.respond(last.as_bytes())), FailureCondition::NotAuthorized);
}

#[test]
fn rfc5802_6_plus_and_binding_flag_belong_together() {
    let terms = plus_terms(ScramHash::Sha256);
    for (name, message) in [
        ("SCRAM-SHA-256-PLUS", b"n,,n=user,r=abc".as_slice()),
        ("SCRAM-SHA-256-PLUS", b"y,,n=user,r=abc"),
        ("SCRAM-SHA-256", b"p=tls-exporter,,n=user,r=abc"),
    ] {
        let step = Exchange::begin(&terms, name).unwrap().initial(Some(message));
        assert_eq!(condition(step), FailureCondition::MalformedRequest, "{name}");
    }
}

#[test]
fn rfc6120_6_5_7_a_mechanism_that_was_not_offered_is_invalid() {
    let terms = plain_terms(ScramHash::Sha256);
    for name in [
        "SCRAM-SHA-1",
        "SCRAM-SHA-256-PLUS",
        "PLAIN",
        "EXTERNAL",
        "ANONYMOUS",
        "X-UNKNOWN",
        "",
        "scram-sha-256",
    ] {
        let failure = Exchange::begin(&terms, name).unwrap_err();
        assert_eq!(failure.condition, FailureCondition::InvalidMechanism, "{name}");
    }
    assert!(Exchange::begin(&terms, "SCRAM-SHA-256").is_ok());
}

#[test]
fn rfc6120_6_5_6_only_the_own_address_is_a_valid_authzid() {
    let terms = plain_terms(ScramHash::Sha256);
    for authzid in ["romeo@example.org", "user@example.net", "user", "user@example.org/balcony"] {
        let message = format!("n,a={authzid},n=user,r=abc");
        let step = Exchange::begin(&terms, "SCRAM-SHA-256").unwrap().initial(Some(message.as_bytes()));
        assert_eq!(condition(step), FailureCondition::InvalidAuthzid, "{authzid}");
    }
    let step =
        Exchange::begin(&terms, "SCRAM-SHA-256").unwrap().initial(Some(b"n,a=user@example.org,n=user,r=abc"));
    assert!(matches!(step, Step::LookUp(_)));
}

#[test]
fn rfc6120_6_4_2_without_initial_response_comes_an_empty_challenge() {
    let mut exchange = Exchange::begin(&plain_terms(ScramHash::Sha256), "SCRAM-SHA-256").unwrap();
    assert_eq!(challenge(exchange.initial(None)), "");
    assert!(matches!(exchange.respond(b"n,,n=user,r=abc"), Step::LookUp(_)));
}

#[test]
fn rfc6120_6_5_10_an_unknown_user_looks_like_a_wrong_password() {
    let terms = plain_terms(ScramHash::Sha256);
    let mut salts = Vec::new();
    for _ in 0..2 {
        let mut exchange = Exchange::begin(&terms, "SCRAM-SHA-256").unwrap();
        exchange.initial(Some(b"n,,n=nobody,r=abc"));
        let first = challenge(exchange.answer(Answer::Nothing));
        assert!(first.ends_with(",i=10000"), "{first}");
        salts.push(first.split(',').find(|part| part.starts_with("s=")).unwrap().to_owned());
        let last = final_message(ScramHash::Sha256, b"pencil", "n=nobody,r=abc", &first, b"n,,");
        assert_eq!(condition(exchange.respond(last.as_bytes())), FailureCondition::NotAuthorized);
    }
    assert_eq!(salts[0], salts[1]);
}

#[test]
fn a_name_that_no_account_can_have_gets_a_challenge_as_well() {
    let mut exchange = Exchange::begin(&plain_terms(ScramHash::Sha256), "SCRAM-SHA-256").unwrap();
    let Step::LookUp(look_up) = exchange.initial(Some(b"n,,n=us@er,r=abc")) else { panic!() };
    assert_eq!(look_up.account, None);
    assert!(challenge(exchange.answer(Answer::Nothing)).starts_with("r=abc"));
}

#[test]
fn rfc6120_6_5_2_a_disabled_account_is_told_so_only_after_its_proof() {
    for (password, expected) in
        [(b"pencil", FailureCondition::AccountDisabled), (b"eraser", FailureCondition::NotAuthorized)]
    {
        let mut exchange = Exchange::begin(&plain_terms(ScramHash::Sha256), "SCRAM-SHA-256").unwrap();
        exchange.initial(Some(b"n,,n=user,r=abc"));
        let Answer::Found(mut found) = pencil(ScramHash::Sha256, "QSXCR+Q6sek8bf92") else { panic!() };
        found.enabled = false;
        let first = challenge(exchange.answer(Answer::Found(found)));
        let last = final_message(ScramHash::Sha256, password, "n=user,r=abc", &first, b"n,,");
        assert_eq!(condition(exchange.respond(last.as_bytes())), expected);
    }
}

#[test]
fn rfc6120_6_5_11_a_store_that_fails_is_a_temporary_failure() {
    let mut exchange = Exchange::begin(&plain_terms(ScramHash::Sha256), "SCRAM-SHA-256").unwrap();
    exchange.initial(Some(b"n,,n=user,r=abc"));
    assert_eq!(condition(exchange.answer(Answer::Unavailable)), FailureCondition::TemporaryAuthFailure);
}

#[test]
fn rfc6120_6_5_8_malformed_messages_and_messages_out_of_turn() {
    let begin = || Exchange::begin(&plain_terms(ScramHash::Sha256), "SCRAM-SHA-256").unwrap();
    assert_eq!(condition(begin().initial(Some(b""))), FailureCondition::MalformedRequest);
    assert_eq!(condition(begin().initial(Some(&vec![b'a'; 9000]))), FailureCondition::MalformedRequest);
    let mut early = begin();
    early.initial(Some(b"n,,n=user,r=abc"));
    assert_eq!(condition(early.respond(b"c=biws,r=abc,p=AAAA")), FailureCondition::MalformedRequest);
    let mut done = begin();
    done.initial(Some(b"n,,n=user,r=abc"));
    done.answer(pencil(ScramHash::Sha256, "QSXCR+Q6sek8bf92"));
    done.respond(b"c=biws,r=abc,p=AAAA");
    assert_eq!(condition(done.respond(b"c=biws,r=abc,p=AAAA")), FailureCondition::MalformedRequest);
}

#[test]
fn rfc5802_5_1_another_nonce_is_not_authorized() {
    let mut exchange = Exchange::begin(&plain_terms(ScramHash::Sha256), "SCRAM-SHA-256").unwrap();
    exchange.initial(Some(b"n,,n=user,r=abc"));
    let first = challenge(exchange.answer(pencil(ScramHash::Sha256, "QSXCR+Q6sek8bf92")));
    let replayed = first.replacen("r=abc", "r=xbc", 1);
    let last = final_message(ScramHash::Sha256, b"pencil", "n=user,r=abc", &replayed, b"n,,");
    assert_eq!(condition(exchange.respond(last.as_bytes())), FailureCondition::NotAuthorized);
}

#[test]
fn rfc5802_5_1_server_nonces_are_never_the_same() {
    let nonce = || {
        let mut exchange = Exchange::begin(&plain_terms(ScramHash::Sha256), "SCRAM-SHA-256").unwrap();
        exchange.initial(Some(b"n,,n=user,r=abc"));
        challenge(exchange.answer(Answer::Nothing))
    };
    assert_ne!(nonce(), nonce());
}

#[test]
fn xep0474_6_1_the_hash_of_what_was_offered_is_signed() {
    let mut terms = plus_terms(ScramHash::Sha256);
    terms.downgrade_protection = true;
    let mut exchange = Exchange::begin(&terms, "SCRAM-SHA-256").unwrap();
    exchange.initial(Some(b"n,,n=user,r=abc"));
    let first = challenge(exchange.answer(pencil(ScramHash::Sha256, "QSXCR+Q6sek8bf92")));
    let list = ScramHash::Sha256.digest(b"SCRAM-SHA-256\x1eSCRAM-SHA-256-PLUS\x1ftls-exporter");
    assert!(first.ends_with(&format!(",h={}", STANDARD.encode(list))), "{first}");
    // A man in the middle who changes the attribute breaks the proof.
    let changed = first.replacen(",h=", ",h=AA", 1);
    let last = final_message(ScramHash::Sha256, b"pencil", "n=user,r=abc", &changed, b"n,,");
    assert_eq!(condition(exchange.respond(last.as_bytes())), FailureCondition::NotAuthorized);
}
