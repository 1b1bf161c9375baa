//! Targets and addresses.

use std::collections::BTreeSet;

use waxwing_testkit::dns::{A, AAAA, SRV};

use super::*;

#[tokio::test]
async fn rfc6120_3_2_1_srv_records_name_host_and_port() {
    let dns = TestDns::start().await;
    dns.srv(PLAIN, 0, 5, 5270, "XMPP.Capulet.LIT").a("capulet.lit", ONE);
    let targets = find(&finder(&dns)).await.unwrap();
    let wanted = Target {
        host: "xmpp.capulet.lit".to_owned(),
        port: 5270,
        priority: 0,
        direct_tls: false,
        addresses: Addresses::LookUp,
        dnssec: false,
    };
    assert_eq!(targets, [wanted]);
    let both = BTreeSet::from([(PLAIN.to_owned(), SRV), (TLS.to_owned(), SRV)]);
    assert_eq!(dns.asked(), both, "nothing else is asked for");
}

#[tokio::test]
async fn xep0368_3_records_of_both_kinds_are_one_list() {
    let dns = TestDns::start().await;
    dns.srv(PLAIN, 10, 5, 5269, "second.lit").srv(PLAIN, 30, 0, 5269, "last.lit");
    dns.srv(TLS, 20, 5, 5270, "third.lit").srv(TLS, 5, 5, 443, "first.lit");
    let targets = find(&finder(&dns)).await.unwrap();
    assert_eq!(shown(&targets), ["first.lit:443*", "second.lit:5269", "third.lit:5270*", "last.lit:5269"]);
}

#[tokio::test]
async fn rfc2782_weights_of_both_kinds_are_weighed_together() {
    let dns = TestDns::start().await;
    dns.srv(PLAIN, 1, 30, 5269, "plain.lit").srv(TLS, 1, 10, 5270, "tls.lit");
    let finder = finder(&dns);
    let mut plain_first = 0;
    for _ in 0..1000 {
        plain_first += i32::from(!find(&finder).await.unwrap()[0].direct_tls);
    }
    assert!((700..800).contains(&plain_first), "{plain_first} of 1000 instead of about 750");
}

#[tokio::test]
async fn rfc6120_3_2_2_without_srv_records_the_domain_itself_is_tried() {
    for (six, four) in [(true, true), (true, false), (false, true)] {
        let dns = TestDns::start().await;
        if six {
            dns.aaaa("capulet.lit", SIX);
        }
        if four {
            dns.a("capulet.lit", ONE);
        }
        let finder = finder(&dns);
        assert_eq!(shown(&find(&finder).await.unwrap()), ["capulet.lit:5269"]);
        let wanted: Vec<IpAddr> =
            six.then_some(SIX.into()).into_iter().chain(four.then_some(ONE.into())).collect();
        assert_eq!(finder.addresses("capulet.lit").await.unwrap(), wanted);
    }
}

#[tokio::test]
async fn a_domain_that_dns_does_not_know_is_told() {
    let dns = TestDns::start().await;
    let error = find(&finder(&dns)).await.unwrap_err();
    assert_eq!(error, FindError::NoSuchDomain("capulet.lit".to_owned()));
    assert_eq!(error.to_string(), "DNS has no address for capulet.lit");
}

#[tokio::test]
async fn rfc6120_3_2_1_targets_that_do_not_resolve_are_no_reason_to_fall_back() {
    let dns = TestDns::start().await;
    dns.srv(PLAIN, 0, 0, 5269, "gone.lit").a("capulet.lit", ONE);
    let finder = finder(&dns);
    assert_eq!(shown(&find(&finder).await.unwrap()), ["gone.lit:5269"]);
    let error = finder.addresses("gone.lit").await.unwrap_err();
    assert_eq!(error, FindError::NoSuchDomain("gone.lit".to_owned()));
    assert!(!dns.asked().iter().any(|(name, _)| name == "capulet.lit"));
}

#[tokio::test]
async fn rfc7622_3_2_ip_addresses_need_no_dns() {
    let dns = TestDns::start().await;
    let finder = finder(&dns);
    let cases: [(&str, IpAddr, &str); 2] =
        [("192.0.2.1", ONE.into(), "192.0.2.1:5269"), ("[2001:db8::1]", SIX.into(), "[2001:db8::1]:5269")];
    for (text, address, words) in cases {
        let targets = finder.find(&domain(text)).await.unwrap();
        assert_eq!(targets[0].addresses, Addresses::Known(vec![address]));
        assert_eq!((targets.len(), targets[0].port, targets[0].direct_tls), (1, 5269, false));
        assert_eq!(targets[0].to_string(), words);
        assert_eq!(finder.addresses(text).await.unwrap(), [address]);
    }
    assert!(dns.asked().is_empty());
    // What only looks like an address is a name.
    assert!(finder.find(&domain("192.0.2.1.lit")).await.is_err());
    assert!(!dns.asked().is_empty());
}

#[tokio::test]
async fn rfc5891_names_are_asked_for_by_their_a_labels() {
    let dns = TestDns::start().await;
    dns.srv("_xmpp-server._tcp.xn--bcher-kva.lit", 0, 0, 5269, "xn--mller-kva.lit")
        .a("xn--mller-kva.lit", ONE);
    let finder = finder(&dns);
    let targets = finder.find(&domain("bücher.lit")).await.unwrap();
    assert_eq!(shown(&targets), ["xn--mller-kva.lit:5269"]);
    assert_eq!(finder.addresses(&targets[0].host).await.unwrap(), [IpAddr::from(ONE)]);
}

#[tokio::test]
async fn rfc6761_6_3_localhost_is_this_machine_and_nobody_is_asked() {
    let dns = TestDns::start().await;
    let finder = finder(&dns);
    assert_eq!(shown(&finder.find(&domain("localhost")).await.unwrap()), ["localhost:5269"]);
    let addresses = finder.addresses("localhost").await.unwrap();
    assert!(addresses.iter().all(IpAddr::is_loopback) && !addresses.is_empty(), "{addresses:?}");
    assert!(dns.asked().is_empty());
}

#[tokio::test]
async fn a_name_too_long_for_srv_still_has_addresses() {
    let dns = TestDns::start().await;
    let name = [&["a".repeat(60).as_str(); 4].join("."), ".lit"].concat();
    dns.a(&name, ONE);
    let finder = finder(&dns);
    assert_eq!(shown(&finder.find(&domain(&name)).await.unwrap()), [format!("{name}:5269")]);
    assert!(dns.asked().iter().all(|(_, kind)| [A, AAAA].contains(kind)));
}

#[tokio::test]
async fn only_some_of_many_records_are_taken_those_of_the_lowest_priorities() {
    let dns = TestDns::start().await;
    for number in (0..1000_u16).rev() {
        dns.srv(PLAIN, number, 0, 5269, &format!("host{number}.lit"));
        dns.srv(TLS, number, 0, 5270, &format!("host{number}.lit"));
        dns.a("host0.lit", Ipv4Addr::from(0xC000_0200 + u32::from(number)));
    }
    let finder = finder(&dns);
    let targets = find(&finder).await.unwrap();
    assert_eq!(targets.len(), 16);
    assert!(targets.iter().all(|target| target.host.len() == "host0.lit".len()), "{targets:?}");
    assert_eq!(finder.addresses("host0.lit").await.unwrap().len(), 8);
}

#[tokio::test]
async fn rfc2308_and_rfc1035_answers_hold_for_their_time() {
    let dns = TestDns::start().await;
    dns.ttl(60).srv(PLAIN, 0, 0, 5269, "xmpp.lit").a("xmpp.lit", ONE);
    let finder = finder(&dns);
    find(&finder).await.unwrap();
    finder.addresses("xmpp.lit").await.unwrap();
    assert_eq!(dns.asked().len(), 4, "two kinds of SRV, two kinds of address");
    find(&finder).await.unwrap();
    finder.addresses("xmpp.lit").await.unwrap();
    assert!(dns.asked().is_empty(), "positive and negative answers are both remembered");
    pass(Duration::from_secs(59)).await;
    find(&finder).await.unwrap();
    assert!(dns.asked().is_empty());
    dns.remove(PLAIN).srv(PLAIN, 0, 0, 5269, "new.lit");
    pass(Duration::from_secs(2)).await;
    assert_eq!(shown(&find(&finder).await.unwrap()), ["new.lit:5269"]);
    assert_eq!(dns.asked().len(), 2);
}

#[tokio::test]
async fn what_has_no_time_to_live_is_asked_for_each_time() {
    let dns = TestDns::start().await;
    dns.ttl(0).srv(PLAIN, 0, 0, 5269, "xmpp.lit");
    let finder = finder(&dns);
    for _ in 0..3 {
        find(&finder).await.unwrap();
        assert_eq!(dns.asked().len(), 2);
    }
}

/// Lets time pass without waiting; sockets go on by the real clock.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
