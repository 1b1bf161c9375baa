//! One login: a mechanism, then what the client says. The first byte names the mechanism and where the client may come
//! from; 0xFF, which no UTF-8 has, ends a message; `{nonce}` stands for the nonce of the server's challenge.
//!
//! Nobody is let in but by the password, the certificate, or as somebody without a name.

use waxwing_stream::sasl::{Exchange, Mechanism, ScramHash, Step, Success, Terms};
use waxwing_xmpp::{BareJid, Domain};

use crate::negotiation::{bindings, decoy, find};

pub(crate) fn run(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let mechanism = Mechanism::ALL[usize::from(*choice) % Mechanism::ALL.len()];
    let certificate = ["juliet@example.org", "romeo@example.org"];
    let known = usize::from(choice >> 6);
    let terms = Terms {
        domain: Domain::parse("example.org").expect("a domain"),
        mechanisms: Mechanism::ALL.to_vec(),
        bindings: if known == 3 { Vec::new() } else { bindings() },
        downgrade_protection: known != 2,
        certificate: certificate
            .iter()
            .take(known)
            .map(|jid| BareJid::parse(jid).expect("an address"))
            .collect(),
        decoy: decoy(),
    };
    let mut exchange = Exchange::begin(&terms, mechanism.name()).expect("it was offered");
    let mut nonce = Vec::new();
    for (number, message) in bytes.split(|byte| *byte == 0xFF).enumerate() {
        let message = with_nonce(message, &nonce);
        let mut step = match number {
            0 if message.is_empty() => exchange.initial(None),
            0 => exchange.initial(Some(&message)),
            _ => exchange.respond(&message),
        };
        while let Step::LookUp(look_up) = step {
            step = exchange.answer(find(&look_up));
        }
        match step {
            Step::Challenge(challenge) => nonce = nonce_of(&challenge),
            Step::Success(success) => return check(&success, &terms, &message),
            Step::Failure(_) | Step::LookUp(_) => return,
        }
    }
}

fn check(success: &Success, terms: &Terms, message: &[u8]) {
    let account = success.account.as_str();
    match success.mechanism {
        Mechanism::Plain => {
            assert!(account == "juliet@example.org" && message.ends_with(b"\0pencil"), "{success:?}");
        }
        Mechanism::External => assert!(terms.certificate.contains(&success.account), "{success:?}"),
        Mechanism::Anonymous => {
            assert!(
                success.account.domain() == "example.org" && account != "juliet@example.org",
                "{success:?}"
            );
        }
        // Nobody guesses a proof.
        Mechanism::Scram(ScramHash::Sha1 | ScramHash::Sha256 | ScramHash::Sha512)
        | Mechanism::ScramPlus(_) => {
            panic!("{success:?}")
        }
    }
}

fn nonce_of(challenge: &[u8]) -> Vec<u8> {
    let parts = challenge.split(|byte| *byte == b',');
    parts.filter_map(|part| part.strip_prefix(b"r=")).next().unwrap_or_default().to_vec()
}

fn with_nonce(message: &[u8], nonce: &[u8]) -> Vec<u8> {
    const MARK: &[u8] = b"{nonce}";
    match message.windows(MARK.len()).position(|window| window == MARK) {
        Some(at) => [&message[..at], nonce, &message[at + MARK.len()..]].concat(),
        None => message.to_vec(),
    }
}
