use super::support::*;

#[tokio::test]
async fn rfc6120_5_starttls_login_and_binding() {
    let server = start().await;
    let mut client = server.connect_starttls("example.net", "").await;
    client.send(&header("example.net")).await;
    let features = client.expect("</stream:features>").await;
    for part in [
        "<mechanism>SCRAM-SHA-256-PLUS</mechanism>",
        "tls-exporter",
        "tls-server-end-point",
        "urn:xmpp:stream-limits:0",
    ] {
        assert!(features.contains(part), "{part} in {features}");
    }
    assert!(
        !features.contains("starttls") && features.starts_with("<?xml version='1.0'?><stream:stream "),
        "{features}"
    );
    client.send(&plain("juliet", "pencil")).await;
    client.expect("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await;
    client.send(&header("example.net")).await;
    assert!(client.expect("</stream:features>").await.contains("<bind "));
    assert_eq!(client.bind("balcony").await, "juliet@example.net/balcony");
    client.send("</stream:stream>").await;
    assert_eq!(client.rest().await, "</stream:stream>");
    server.server.stop().await;
}

#[tokio::test]
async fn xep0368_direct_tls_by_sni() {
    let server = start().await;
    for host in ["example.org", "example.net"] {
        let mut client = server.connect_tls(host).await;
        assert_eq!(client.log_in(host, "juliet").await, format!("juliet@{host}/juliet"));
    }
    server.server.stop().await;
}

#[tokio::test]
async fn rfc6120_5_4_3_3_what_is_pipelined_after_starttls_is_never_interpreted() {
    let server = start().await;
    let injected = format!("{}{}", header("example.org"), plain("juliet", "pencil"));
    let mut client = server.connect_starttls("example.org", &injected).await;
    client.send(&header("example.org")).await;
    let answer = client.expect("</stream:features>").await;
    assert!(answer.contains("<mechanisms ") && !answer.contains("success"), "{answer}");
    server.server.stop().await;
}

#[tokio::test]
async fn without_allow_plaintext_nothing_but_starttls_is_offered() {
    let server = start().await;
    let mut client = server.connect().await;
    client.send(&header("example.net")).await;
    let features = client.expect("</stream:features>").await;
    assert!(features.ends_with(
        "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
    ));
    server.server.stop().await;
}

#[tokio::test]
async fn a_feature_before_login_is_enabled_by_its_iq() {
    let server = start().await;
    let mut client = server.connect().await;
    client.send(&header("example.org")).await;
    assert!(client.expect("</stream:features>").await.contains("urn:example:early"));
    client.send("<iq type='get' id='e'><query xmlns='urn:example:early'/></iq>").await;
    let answer = client.expect("</iq>").await;
    assert!(answer.contains("type='result'") && answer.contains("<answer "), "{answer}");
    client.send("<iq type='get' id='e'><query xmlns='urn:example:other'/></iq>").await;
    assert!(client.rest().await.contains("<not-authorized "));
    server.server.stop().await;
}

#[tokio::test]
async fn a_feature_after_login_is_enabled_by_its_nonza() {
    let server = start().await;
    let mut client = server.bound("juliet").await;
    client.send("<enable xmlns='urn:example:late'/>").await;
    assert_eq!(client.expect("/>").await, "<enabled xmlns='urn:example:late'/>");
    server.server.stop().await;
}

#[tokio::test]
async fn rfc6120_7_7_2_2_the_old_session_ends_with_conflict() {
    let server = start().await;
    let mut old = server.bound("juliet").await;
    let mut new = server.bound("juliet").await;
    assert!(old.rest().await.ends_with(
        "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>Another session took this resource.</text>\
         </stream:error></stream:stream>"
    ));
    new.expect_nothing().await;
    server.server.stop().await;
}

#[tokio::test]
async fn rfc6120_7_7_2_2_by_config_the_new_session_is_renamed_or_refused() {
    let server = start_with("[modules.c2s]\nresource_conflict = \"rename-new\"").await;
    let mut old = server.bound("juliet").await;
    let mut new = server.connect().await;
    let jid = new.log_in("example.org", "juliet").await;
    assert!(jid.starts_with("juliet@example.org/") && jid != "juliet@example.org/juliet", "{jid}");
    old.expect_nothing().await;
    server.server.stop().await;
}

#[tokio::test]
async fn rfc6120_4_9_3_4_a_login_that_takes_too_long() {
    let server = start_with("[limits]\nlogin_time_max = \"200 ms\"").await;
    let mut silent = server.connect().await;
    let answer = silent.rest().await;
    assert!(
        answer.starts_with("<?xml version='1.0'?><stream:stream ") && answer.contains("<connection-timeout "),
        "{answer}"
    );
    let mut slow = server.connect().await;
    slow.send(&header("example.org")).await;
    assert!(slow.rest().await.contains("<connection-timeout "));
    server.server.stop().await;
}

#[tokio::test]
async fn failed_logins_from_one_address_are_limited_over_connections() {
    let server = start_with("[limits]\nlogin_failures_per_minute = 3").await;
    for _ in 0..3 {
        let mut client = server.connect().await;
        client.send(&header("example.org")).await;
        client.send(&plain("juliet", "eraser")).await;
        client.expect("<not-authorized/></failure>").await;
    }
    let mut client = server.connect().await;
    client.send(&header("example.org")).await;
    client.send(&plain("juliet", "pencil")).await;
    client.expect("<not-authorized/></failure>").await;
    server.server.stop().await;
}

#[tokio::test]
async fn exempt_networks_have_no_rates() {
    let server = start_with("[limits]\nlogin_failures_per_minute = 0\nconnections_per_address_max = 1\nexempt = [\"127.0.0.0/8\"]").await;
    let mut one = server.bound("juliet").await;
    let mut other = server.bound("romeo").await;
    one.expect_nothing().await;
    other.expect_nothing().await;
    server.server.stop().await;
}

#[tokio::test]
async fn rfc6120_4_9_3_20_everybody_is_told_when_the_server_goes() {
    let server = start().await;
    let mut bound = server.bound("juliet").await;
    let mut early = server.connect().await;
    early.send(&header("example.org")).await;
    early.expect("</stream:features>").await;
    let ((), bound, early) = tokio::join!(server.server.stop(), bound.rest(), early.rest());
    for answer in [bound, early] {
        assert!(
            answer.contains("<system-shutdown ") && answer.ends_with("</stream:error></stream:stream>"),
            "{answer}"
        );
    }
}

const ANONYMOUS: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>";

#[tokio::test]
async fn rfc4505_guests_are_let_in_where_the_operator_wants_them() {
    let server = start_with("[modules.c2s]\nmechanisms = [\"ANONYMOUS\"]").await;
    let mut guest = server.connect().await;
    guest.send(&header("example.org")).await;
    guest.expect("<mechanism>ANONYMOUS</mechanism>").await;
    guest.send(ANONYMOUS).await;
    guest.expect("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await;
    guest.send("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await;
    guest.expect("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await;
    guest.send(&header("example.org")).await;
    guest.expect("</stream:features>").await;
    let jid = guest.bind("room").await;
    assert!(jid.starts_with("anonymous-") && jid.ends_with("@example.org/room"), "{jid}");
    let local = jid.split('@').next().unwrap();
    let host = server.server.shared().router().host("example.org").unwrap();
    let accounts = host.service::<dyn waxwing_core::Accounts>().unwrap();
    assert!(accounts.find(local).await.unwrap().is_some());
    guest.send("</stream:stream>").await;
    guest.rest().await;
    let gone = async {
        while accounts.find(local).await.unwrap().is_some() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), gone).await.unwrap();
    server.server.stop().await;
}

#[tokio::test]
async fn rfc4505_nobody_is_a_guest_by_default() {
    let server = start().await;
    let mut client = server.connect().await;
    client.send(&header("example.org")).await;
    assert!(!client.expect("</stream:features>").await.contains("ANONYMOUS"));
    client.send(ANONYMOUS).await;
    client.expect("<invalid-mechanism/>").await;
    server.server.stop().await;
}

mod external {
    use rcgen::{
        BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, OtherNameValue,
        SanType,
    };

    use super::*;

    struct Authority {
        issuer: Issuer<'static, KeyPair>,
        pem: String,
    }

    fn authority() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate with this XMPP address.
    fn identity(authority: &Authority, address: &str) -> Identity {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let value = OtherNameValue::Utf8String(address.to_owned());
        params.subject_alt_names.push(SanType::OtherName((vec![1, 3, 6, 1, 5, 5, 7, 8, 5], value)));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority.issuer).unwrap();
        (certificate.der().clone(), rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()))
    }

    async fn features(server: &TestServer, identity: Option<Identity>) -> (Client<Tls>, String) {
        let mut client = server.connect_tls_as("example.org", identity).await;
        client.send(&header("example.org")).await;
        let features = client.expect("</stream:features>").await;
        (client, features)
    }

    #[tokio::test]
    async fn xep0178_2_a_certificate_of_the_named_authority_logs_in() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, other) = (authority(), authority());
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, &ours.pem).unwrap();
        let server = start_with(&format!("[modules.c2s]\nclient_ca = {file:?}")).await;
        let (mut client, offered) = features(&server, Some(identity(&ours, "juliet@example.org"))).await;
        assert!(offered.contains("<mechanism>EXTERNAL</mechanism>"), "{offered}");
        client.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>").await;
        client.expect("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").await;
        client.send(&header("example.org")).await;
        client.expect("</stream:features>").await;
        assert_eq!(client.bind("balcony").await, "juliet@example.org/balcony");
        for stranger in
            [None, Some(identity(&other, "juliet@example.org")), Some(identity(&ours, "juliet@example.net"))]
        {
            let (mut client, offered) = features(&server, stranger).await;
            assert!(!offered.contains("EXTERNAL"), "{offered}");
            client.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>").await;
            client.expect("<invalid-mechanism/>").await;
        }
        server.server.stop().await;
    }
}

#[tokio::test]
async fn nothing_is_said_in_the_clear_on_the_port_of_direct_tls() {
    let server = start_with("[limits]\nlogin_time_max = \"300 ms\"").await;
    assert_eq!(server.connect_tls_port().await.rest().await, "");
    let mut confused = server.connect_tls_port().await;
    confused.send(&header("example.org")).await;
    assert!(!confused.rest_bytes().await.starts_with(b"<"));
    server.server.stop().await;
}
