//! Name servers that fail, and names that are aliases.

use std::time::Instant;

use waxwing_testkit::dns::{A, AAAA, CNAME, Mood, SRV};

use super::*;

#[tokio::test]
async fn a_failing_name_server_is_an_error_and_no_reason_to_fall_back() {
    for (mood, word) in [(Mood::Failing, "Server Failure"), (Mood::Refusing, "Query Refused")] {
        let dns = TestDns::start().await;
        dns.a("capulet.lit", ONE).mood("", Some(SRV), mood);
        let words = find(&finder(&dns)).await.unwrap_err().to_string();
        assert_eq!(
            words,
            format!("name server {} answered \"{word}\" when asked for SRV {PLAIN}", dns.address())
        );
        assert!(!dns.asked().iter().any(|(name, _)| name == "capulet.lit"));
    }
}

#[tokio::test]
async fn one_kind_of_record_will_do_where_the_other_is_not_to_be_had() {
    for (broken, whole, shows) in [(TLS, PLAIN, "xmpp.lit:5269"), (PLAIN, TLS, "xmpp.lit:5269*")] {
        let dns = TestDns::start().await;
        dns.mood(broken, None, Mood::Failing).srv(whole, 0, 0, 5269, "xmpp.lit");
        assert_eq!(shown(&find(&finder(&dns)).await.unwrap()), [shows]);
    }
}

#[tokio::test]
async fn one_kind_that_is_not_to_be_had_and_one_that_says_nothing_or_no_is_an_error() {
    for (broken, whole) in [(TLS, PLAIN), (PLAIN, TLS)] {
        for refuses in [true, false] {
            let dns = TestDns::start().await;
            dns.a("capulet.lit", ONE).mood(broken, None, Mood::Failing);
            if refuses {
                dns.srv(whole, 0, 0, 0, ".");
            }
            let error = find(&finder(&dns)).await.unwrap_err();
            assert!(matches!(error, FindError::Dns(_)), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_silent_name_server_costs_bounded_time() {
    let dns = TestDns::start().await;
    dns.mood("", None, Mood::Silent);
    let begun = Instant::now();
    let error = find(&hasty(&dns)).await.unwrap_err();
    let words =
        format!("name server {} did not answer within 0.3 s when asked about capulet.lit", dns.address());
    assert_eq!(error, FindError::Timeout(words));
    assert!(matches!(hasty(&dns).addresses("capulet.lit").await, Err(FindError::Timeout(_))));
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_slow_name_server_is_waited_for() {
    let dns = TestDns::start().await;
    dns.mood("", None, Mood::Slow(Duration::from_millis(100))).srv(PLAIN, 0, 0, 5269, "xmpp.lit");
    assert_eq!(shown(&find(&finder(&dns)).await.unwrap()), ["xmpp.lit:5269"]);
}

#[tokio::test]
async fn a_name_server_that_is_not_there_is_named() {
    let dns = TestDns::start().await;
    let finder = finder(&dns).time_max(Duration::from_secs(2));
    let address = dns.address().to_string();
    drop(dns);
    tokio::task::yield_now().await;
    let words = find(&finder).await.unwrap_err().to_string();
    assert!(words.contains(&address), "{words}");
}

#[tokio::test]
async fn what_is_no_dns_message_is_an_error() {
    let dns = TestDns::start().await;
    dns.a("capulet.lit", ONE).mood("", Some(SRV), Mood::Babbling);
    let error = find(&hasty(&dns)).await.unwrap_err();
    assert!(matches!(error, FindError::Dns(_) | FindError::Timeout(_)), "{error:?}");
}

#[tokio::test]
async fn rfc7766_5_a_truncated_answer_is_fetched_by_tcp() {
    let dns = TestDns::start().await;
    dns.srv(PLAIN, 0, 0, 5269, "xmpp.lit").a("xmpp.lit", ONE).mood("", None, Mood::Truncating);
    let finder = finder(&dns);
    assert_eq!(shown(&find(&finder).await.unwrap()), ["xmpp.lit:5269"]);
    assert_eq!(finder.addresses("xmpp.lit").await.unwrap(), [IpAddr::from(ONE)]);
}

#[tokio::test]
async fn one_kind_of_address_will_do_where_the_other_is_not_to_be_had() {
    let dns = TestDns::start().await;
    dns.a("capulet.lit", ONE).mood("capulet.lit", Some(AAAA), Mood::Failing);
    let finder = finder(&dns);
    assert_eq!(finder.addresses("capulet.lit").await.unwrap(), [IpAddr::from(ONE)]);
    assert_eq!(shown(&find(&finder).await.unwrap()), ["capulet.lit:5269"]);
}

#[tokio::test]
async fn one_kind_of_address_missing_and_one_not_to_be_had_is_an_error() {
    let dns = TestDns::start().await;
    dns.aaaa("other.lit", SIX).mood("capulet.lit", Some(A), Mood::Failing);
    let finder = finder(&dns);
    let words =
        format!("name server {} answered \"Server Failure\" when asked for A capulet.lit", dns.address());
    assert_eq!(finder.addresses("capulet.lit").await, Err(FindError::Dns(words.clone())));
    assert_eq!(find(&finder).await, Err(FindError::Dns(words)));
}

#[tokio::test]
async fn srv_records_are_found_behind_aliases() {
    for apart in [false, true] {
        let dns = TestDns::start().await;
        dns.cname(PLAIN, "one.lit").cname("one.lit", "two.lit").srv("two.lit", 0, 0, 5269, "xmpp.lit");
        dns.cname(TLS, "three.lit").srv("three.lit", 0, 0, 0, ".").a("capulet.lit", ONE);
        if apart {
            dns.keep_aliases_apart();
        }
        assert_eq!(shown(&find(&finder(&dns)).await.unwrap()), ["xmpp.lit:5269"], "apart: {apart}");
    }
}

#[tokio::test]
async fn srv_records_behind_aliases_do_not_depend_on_the_zone_of_their_target() {
    let dns = TestDns::start().await;
    dns.cname(PLAIN, "one.lit").srv("one.lit", 0, 0, 5269, "xmpp.lit").mood(
        "xmpp.lit",
        Some(SRV),
        Mood::Failing,
    );
    assert_eq!(shown(&find(&finder(&dns)).await.unwrap()), ["xmpp.lit:5269"]);
}

#[tokio::test]
async fn an_alias_that_cannot_be_followed_is_an_error_and_no_reason_to_fall_back() {
    let dns = TestDns::start().await;
    dns.cname(PLAIN, "one.lit").srv("one.lit", 0, 0, 0, ".").a("capulet.lit", ONE);
    dns.mood(PLAIN, Some(CNAME), Mood::Failing);
    let error = find(&finder(&dns)).await.unwrap_err();
    assert!(matches!(error, FindError::Dns(_)), "{error:?}");
}

#[tokio::test]
async fn a_dot_behind_an_alias_forbids_to_fall_back() {
    for apart in [false, true] {
        let dns = TestDns::start().await;
        dns.cname(PLAIN, "one.lit").srv("one.lit", 0, 0, 0, ".").a("capulet.lit", ONE);
        if apart {
            dns.keep_aliases_apart();
        }
        let error = find(&finder(&dns)).await.unwrap_err();
        assert_eq!(error, FindError::NotOffered("capulet.lit".to_owned()), "apart: {apart}");
    }
}

#[tokio::test]
async fn an_alias_without_srv_records_behind_it_is_like_none() {
    let dns = TestDns::start().await;
    dns.cname(PLAIN, "capulet.lit").cname(TLS, "capulet.lit").a("capulet.lit", ONE);
    assert_eq!(shown(&find(&finder(&dns)).await.unwrap()), ["capulet.lit:5269"]);
}

#[tokio::test]
async fn addresses_are_found_behind_aliases() {
    for apart in [false, true] {
        let dns = TestDns::start().await;
        dns.cname("xmpp.lit", "one.lit").cname("one.lit", "two.lit").a("two.lit", ONE).a("two.lit", TWO);
        if apart {
            dns.keep_aliases_apart();
        }
        let found = finder(&dns).addresses("xmpp.lit").await.unwrap();
        assert_eq!(found, [IpAddr::from(ONE), IpAddr::from(TWO)], "apart: {apart}");
    }
}

#[tokio::test]
async fn aliases_without_end_come_to_an_end() {
    for apart in [false, true] {
        let dns = TestDns::start().await;
        dns.cname(PLAIN, TLS).cname(TLS, PLAIN).cname("capulet.lit", "capulet.lit");
        if apart {
            dns.keep_aliases_apart();
        }
        let error = find(&finder(&dns)).await.unwrap_err();
        assert!(matches!(error, FindError::Dns(_) | FindError::NoSuchDomain(_)), "{error:?}");
        assert!(dns.questions() < 50, "{} questions", dns.questions());
    }
}

/// Each alias is asked for once, and not all that follow it.
#[tokio::test]
async fn a_long_row_of_aliases_costs_few_questions() {
    let dns = TestDns::start().await;
    dns.cname(PLAIN, "step0.lit").keep_aliases_apart();
    for step in 0..50 {
        dns.cname(&format!("step{step}.lit"), &format!("step{}.lit", step + 1));
    }
    let error = find(&finder(&dns)).await.unwrap_err();
    assert!(matches!(&error, FindError::Dns(words) if words.contains("have no end")), "{error:?}");
    assert!(dns.questions() < 20, "{} questions", dns.questions());
}

#[tokio::test]
async fn srv_records_are_found_behind_a_few_aliases() {
    let dns = TestDns::start().await;
    dns.cname(PLAIN, "step0.lit").srv("step3.lit", 0, 0, 5269, "xmpp.lit");
    for step in 0..3 {
        dns.cname(&format!("step{step}.lit"), &format!("step{}.lit", step + 1));
    }
    assert_eq!(shown(&find(&finder(&dns)).await.unwrap()), ["xmpp.lit:5269"]);
}

/// However many targets there are, their addresses are asked for a few at a time.
#[tokio::test]
async fn many_targets_are_not_all_asked_for_at_once() {
    let dns = TestDns::start().await;
    dns.mood("", Some(A), Mood::Silent).mood("", Some(AAAA), Mood::Silent);
    for number in 0..40 {
        dns.srv(PLAIN, 0, 0, 5269, &format!("xmpp{number}.lit"));
    }
    let finder = finder(&dns);
    let targets = find(&finder).await.unwrap();
    dns.asked();
    let mut parts = finder.parts(&targets);
    let waited = tokio::time::timeout(Duration::from_millis(500), futures::StreamExt::next(&mut parts)).await;
    assert!(waited.is_err());
    assert_eq!(dns.asked().len(), 4);
}
