//! What "." says, in each combination.

use super::*;

/// What one kind of SRV record says.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Says {
    Nothing,
    Dot,
    PortZero,
    NoHost,
    Host,
    HostAndDot,
}

use Says::{Dot, Host, HostAndDot, NoHost, Nothing, PortZero};

fn add(dns: &TestDns, name: &str, says: Says) {
    match says {
        Nothing => dns,
        Dot => dns.srv(name, 0, 0, 0, "."),
        PortZero => dns.srv(name, 0, 0, 0, "xmpp.lit"),
        NoHost => dns.srv(name, 0, 0, 5269, "not a host.lit"),
        Host => dns.srv(name, 0, 0, 5269, "xmpp.lit"),
        HostAndDot => dns.srv(name, 0, 0, 0, ".").srv(name, 0, 0, 5269, "xmpp.lit"),
    };
}

async fn found(tls: Says, plain: Says) -> Result<Vec<String>, FindError> {
    let dns = TestDns::start().await;
    add(&dns, TLS, tls);
    add(&dns, PLAIN, plain);
    dns.a("capulet.lit", ONE);
    let found = find(&finder(&dns)).await;
    let fell_back = dns.asked().iter().any(|(name, _)| name == "capulet.lit");
    assert_eq!(fell_back, (tls, plain) == (Nothing, Nothing), "{tls:?} {plain:?}");
    found.map(|targets| shown(&targets))
}

#[tokio::test]
async fn rfc6120_3_2_1_a_dot_means_not_available_and_forbids_to_fall_back() {
    for refusal in [Dot, PortZero, NoHost] {
        for (tls, plain) in [(refusal, refusal), (refusal, Nothing), (Nothing, refusal)] {
            let error = found(tls, plain).await.unwrap_err();
            assert_eq!(error, FindError::NotOffered("capulet.lit".to_owned()), "{tls:?} {plain:?}");
        }
    }
    assert_eq!(found(Nothing, Nothing).await.unwrap(), ["capulet.lit:5269"]);
}

#[tokio::test]
async fn xep0368_5_a_dot_for_one_kind_leaves_the_other() {
    assert_eq!(found(Dot, Host).await.unwrap(), ["xmpp.lit:5269"]);
    assert_eq!(found(Host, Dot).await.unwrap(), ["xmpp.lit:5269*"]);
    assert_eq!(found(Nothing, Host).await.unwrap(), ["xmpp.lit:5269"]);
    assert_eq!(found(Host, Nothing).await.unwrap(), ["xmpp.lit:5269*"]);
    assert_eq!(found(Host, Host).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_dot_beside_a_host_is_passed_over() {
    assert_eq!(found(Dot, HostAndDot).await.unwrap(), ["xmpp.lit:5269"]);
    assert_eq!(found(HostAndDot, Nothing).await.unwrap(), ["xmpp.lit:5269*"]);
}

#[tokio::test]
async fn the_words_say_why() {
    let words = found(Dot, Dot).await.unwrap_err().to_string();
    let wanted =
        "capulet.lit is not open to other servers: its SRV records say so (\".\" as target, or port 0)";
    assert_eq!(words, wanted);
}
