//! DNSSEC and the TLSA records that it vouches for (RFC 7673), against zones that are signed, unsigned and forged.

use std::io::Write;

use futures::StreamExt;
use waxwing_testkit::dns::{A, AAAA, CNAME, DNSKEY, DS, Mood, SRV, TLSA};

use super::*;
use crate::find::{Found, Part};

const TLSA_NAME: &str = "_5269._tcp.xmpp.lit";

/// A signed root, `lit` signed below it, `plain.lit` unsigned below that.
async fn signed() -> TestDns {
    let dns = TestDns::start().await;
    dns.sign("").sign("lit").unsigned("plain.lit");
    dns
}

/// `capulet.lit` is served by `xmpp.lit`, whose certificate is named.
async fn verona() -> TestDns {
    let dns = signed().await;
    dns.srv(PLAIN, 0, 0, 5269, "xmpp.lit").a("xmpp.lit", ONE).tlsa(TLSA_NAME, &tlsa());
    dns
}

fn tlsa() -> Vec<u8> {
    [vec![3, 1, 1], vec![7; 32]].concat()
}

fn try_validating(dns: &TestDns, anchor: &str) -> Result<Finder, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(anchor.as_bytes()).unwrap();
    let config =
        Dns { servers: vec![dns.address()], dnssec: true, trust_anchor: Some(file.path().to_owned()) };
    Finder::new(&config, Random::seeded(7)).map_err(|error| error.to_string())
}

fn validating(dns: &TestDns) -> Finder {
    try_validating(dns, &dns.trust_anchor()).unwrap()
}

/// The targets of a domain, and what is known of the first one: addresses, how many certificates are named, errors.
async fn look(finder: &Finder, name: &str) -> (Vec<Target>, Vec<IpAddr>, usize, Vec<FindError>) {
    let targets = finder.find(&domain(name)).await.unwrap();
    let parts: Vec<Part> = finder.parts(&targets[..1]).collect().await;
    let (mut addresses, mut named, mut errors) = (Vec::new(), 0, Vec::new());
    for part in parts {
        match part.found {
            Ok(Found { addresses: found, dane }) => {
                addresses.extend(found);
                named = named.max(dane.len());
            }
            Err(error) => errors.push(error),
        }
    }
    (targets, addresses, named, errors)
}

#[tokio::test]
async fn rfc7673_3_records_that_dnssec_vouches_for_name_certificates() {
    let dns = verona().await;
    let (targets, addresses, named, errors) = look(&validating(&dns), "capulet.lit").await;
    assert_eq!(errors, []);
    assert!(targets[0].dnssec);
    assert_eq!((addresses, named), (vec![ONE.into()], 1));
    let asked = dns.asked();
    assert!(asked.contains(&(TLSA_NAME.to_owned(), TLSA)), "{asked:?}");
}

#[tokio::test]
async fn without_validation_nobody_is_asked_for_certificates() {
    let dns = verona().await;
    let (targets, addresses, named, _) = look(&finder(&dns), "capulet.lit").await;
    assert!(!targets[0].dnssec);
    assert_eq!((addresses, named), (vec![ONE.into()], 0));
    assert!(!dns.asked().contains(&(TLSA_NAME.to_owned(), TLSA)));
}

#[tokio::test]
async fn rfc7673_3_1_an_unsigned_srv_record_is_used_and_vouched_for_by_nobody() {
    let dns = verona().await;
    dns.srv("_xmpp-server._tcp.plain.lit", 0, 0, 5269, "xmpp.lit");
    let (targets, addresses, named, errors) = look(&validating(&dns), "plain.lit").await;
    assert_eq!(errors, []);
    assert!(!targets[0].dnssec);
    assert_eq!((addresses, named), (vec![ONE.into()], 0));
}

#[tokio::test]
async fn rfc7673_3_2_without_signed_addresses_nobody_asks_for_certificates() {
    let dns = signed().await;
    dns.srv(PLAIN, 0, 0, 5269, "xmpp.plain.lit")
        .a("xmpp.plain.lit", ONE)
        .tlsa("_5269._tcp.xmpp.plain.lit", &tlsa());
    let (targets, addresses, named, errors) = look(&validating(&dns), "capulet.lit").await;
    assert_eq!(errors, []);
    assert!(targets[0].dnssec);
    assert_eq!((addresses, named), (vec![ONE.into()], 0));
    assert!(!dns.asked().iter().any(|(_, kind)| *kind == TLSA));
}

#[tokio::test]
async fn rfc7673_3_4_without_tlsa_records_or_usable_ones_all_is_as_without_dane() {
    let dns = signed().await;
    dns.srv(PLAIN, 0, 0, 5269, "xmpp.lit").a("xmpp.lit", ONE).aaaa("xmpp.lit", SIX);
    let (_, addresses, named, errors) = look(&validating(&dns), "capulet.lit").await;
    assert_eq!(errors, []);
    assert_eq!((addresses.len(), named), (2, 0));
    dns.tlsa(TLSA_NAME, &[9, 9, 9, 9]).tlsa(TLSA_NAME, &[3, 1, 1, 0]);
    let (_, addresses, named, errors) = look(&validating(&dns), "capulet.lit").await;
    assert_eq!(errors, []);
    assert_eq!((addresses.len(), named), (2, 0));
}

#[tokio::test]
async fn rfc7673_3_4_a_target_whose_tlsa_records_are_not_to_be_had_is_not_used() {
    let moods = [
        Mood::Forging,
        Mood::Stripping,
        Mood::Stale,
        Mood::Denying("plain.lit"),
        Mood::Denying("lit"),
        Mood::Denying(""),
        Mood::Failing,
    ];
    for mood in moods {
        let dns = verona().await;
        dns.mood(TLSA_NAME, Some(TLSA), mood);
        let (_, addresses, _, errors) = look(&validating(&dns), "capulet.lit").await;
        assert!(addresses.is_empty(), "{mood:?}: {addresses:?}");
        assert!(matches!(errors.as_slice(), [FindError::Dns(_)]), "{mood:?}: {errors:?}");
    }
}

#[tokio::test]
async fn a_foreign_denial_holds_where_nothing_is_signed_anyway() {
    // The same answer, of a zone that may say so.
    let dns = verona().await;
    dns.srv("_xmpp-server._tcp.plain.lit", 0, 0, 5269, "xmpp.plain.lit").a("xmpp.plain.lit", ONE);
    dns.mood("xmpp.plain.lit", Some(AAAA), Mood::Denying("plain.lit"));
    let (_, addresses, _, errors) = look(&validating(&dns), "plain.lit").await;
    assert_eq!((addresses, errors), (vec![ONE.into()], vec![]));
}

#[tokio::test]
async fn rfc4035_5_5_addresses_that_are_not_genuine_are_none() {
    for mood in [Mood::Forging, Mood::Stripping, Mood::Stale, Mood::Denying("plain.lit")] {
        let dns = verona().await;
        dns.mood("xmpp.lit", Some(A), mood);
        let (_, addresses, _, errors) = look(&validating(&dns), "capulet.lit").await;
        assert!(addresses.is_empty(), "{mood:?}: {addresses:?}");
        let words = format!(
            "what name server {} answered when asked for A xmpp.lit is not genuine (DNSSEC)",
            dns.address()
        );
        assert_eq!(errors, [FindError::Dns(words)], "{mood:?}");
    }
}

#[tokio::test]
async fn rfc7673_3_1_srv_records_that_are_not_genuine_are_an_error_and_no_reason_to_fall_back() {
    for mood in [Mood::Forging, Mood::Stripping, Mood::Stale, Mood::Denying("plain.lit")] {
        let dns = verona().await;
        dns.a("capulet.lit", ONE).mood("", Some(SRV), mood);
        let error = find(&validating(&dns)).await.unwrap_err();
        assert!(error.to_string().ends_with("is not genuine (DNSSEC)"), "{mood:?}: {error}");
        assert!(!dns.asked().contains(&("capulet.lit".to_owned(), A)), "{mood:?}");
    }
}

#[tokio::test]
async fn who_strips_all_signatures_does_not_make_a_signed_zone_an_unsigned_one() {
    // All of them; or only those that say that the zone is signed. (A key that the zone above names needs no signature.)
    let (deny, foreign) = (Mood::Denying(""), Mood::Denying("plain.lit"));
    let cases = [
        ("", None, vec![Mood::Stripping, Mood::Stale, deny, foreign]),
        ("lit", Some(DS), vec![Mood::Forging, Mood::Stripping, Mood::Stale, deny, foreign]),
        ("lit", Some(DNSKEY), vec![Mood::Forging, deny]),
    ];
    for (name, kind, moods) in cases {
        for mood in moods {
            let dns = verona().await;
            dns.mood(name, kind, mood);
            let found = find(&validating(&dns)).await;
            assert!(found.is_err(), "{name} {kind:?} {mood:?}: {found:?}");
        }
    }
    let dns = verona().await;
    dns.mood("", Some(DS), Mood::Willing);
    assert!(find(&validating(&dns)).await.is_ok());
}

/// COMPAT(hickory-resolver 0.26): to check whether the denial of the key is signed it asks for the key, again and again.
#[tokio::test]
async fn a_validation_that_goes_in_circles_costs_bounded_time() {
    let dns = verona().await;
    dns.mood("lit", Some(DNSKEY), Mood::Denying("plain.lit"));
    let finder = validating(&dns).time_max(Duration::from_millis(300));
    let error = find(&finder).await.unwrap_err();
    assert!(matches!(error, FindError::Timeout(_)), "{error}");
    // Then it stops: what is still asked for was under way.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let asked = dns.questions();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(dns.questions(), asked);
}

#[tokio::test]
async fn a_signed_domain_without_srv_records_falls_back_and_an_unsigned_one_too() {
    let dns = signed().await;
    dns.a("capulet.lit", ONE).a("plain.lit", TWO);
    let finder = validating(&dns);
    for (name, address) in [("capulet.lit", ONE), ("plain.lit", TWO)] {
        let (targets, addresses, named, errors) = look(&finder, name).await;
        assert_eq!(errors, [], "{name}");
        assert!(!targets[0].dnssec, "{name}");
        assert_eq!((addresses, named), (vec![address.into()], 0), "{name}");
    }
}

#[tokio::test]
async fn rfc7671_7_aliases_count_if_each_step_is_signed() {
    for apart in [false, true] {
        for (alias, named) in [("tlsa.lit", 1), ("tlsa.plain.lit", 0)] {
            let dns = signed().await;
            dns.srv(PLAIN, 0, 0, 5269, "xmpp.lit").a("xmpp.lit", ONE);
            dns.cname(TLSA_NAME, alias).tlsa(alias, &tlsa());
            if apart {
                dns.keep_aliases_apart();
            }
            let (_, addresses, found, errors) = look(&validating(&dns), "capulet.lit").await;
            assert_eq!(errors, [], "{alias} {apart}");
            assert_eq!((addresses, found), (vec![ONE.into()], named), "{alias} {apart}");
        }
    }
}

#[tokio::test]
async fn rfc7673_3_1_an_unsigned_alias_to_signed_srv_records_vouches_for_nothing() {
    for apart in [false, true] {
        for (name, vouched) in [("montague.lit", true), ("plain.lit", false)] {
            let dns = verona().await;
            dns.cname(&format!("_xmpp-server._tcp.{name}"), PLAIN);
            if apart {
                dns.keep_aliases_apart();
            }
            let (targets, _, named, errors) = look(&validating(&dns), name).await;
            assert_eq!(errors, [], "{name} {apart}");
            assert_eq!((targets[0].dnssec, named), (vouched, usize::from(vouched)), "{name} {apart}");
        }
    }
}

#[tokio::test]
async fn a_forged_alias_is_an_error() {
    let dns = signed().await;
    dns.srv(PLAIN, 0, 0, 5269, "xmpp.lit").a("xmpp.lit", ONE);
    dns.cname(TLSA_NAME, "tlsa.plain.lit").tlsa("tlsa.plain.lit", &tlsa());
    dns.mood(TLSA_NAME, Some(TLSA), Mood::Stripping).mood(TLSA_NAME, Some(CNAME), Mood::Stripping);
    let (_, addresses, _, errors) = look(&validating(&dns), "capulet.lit").await;
    assert_eq!((addresses, errors.len()), (vec![], 1));
}

#[tokio::test]
async fn rfc6761_6_3_localhost_needs_no_signature() {
    let dns = signed().await;
    let (_, addresses, _, errors) = look(&validating(&dns), "localhost").await;
    assert_eq!(errors, []);
    assert!(!addresses.is_empty());
}

#[tokio::test]
async fn whom_we_trust_is_what_the_file_says() {
    let (dns, other) = (verona().await, signed().await);
    // Another root: then all is forged, and nothing is merely unsigned.
    let stranger = try_validating(&dns, &other.trust_anchor()).unwrap();
    assert!(find(&stranger).await.is_err());
    assert!(stranger.find(&domain("plain.lit")).await.is_err());
    for file in ["", "nonsense", "lit. IN DNSKEY 257 3 15 AAAA"] {
        let error = try_validating(&dns, file).unwrap_err();
        assert!(error.contains("dns.trust_anchor"), "{file}: {error}");
    }
    let unread = Dns { trust_anchor: Some("anchor".into()), ..Dns::default() };
    let error = Finder::new(&unread, Random::seeded(7)).unwrap_err().to_string();
    assert_eq!(error, "dns.trust_anchor says nothing without dns.dnssec = true");
}

#[tokio::test]
async fn what_was_validated_is_remembered() {
    let dns = verona().await;
    let finder = validating(&dns);
    look(&finder, "capulet.lit").await;
    dns.asked();
    let (_, _, named, _) = look(&finder, "capulet.lit").await;
    assert_eq!(named, 1);
    assert_eq!(dns.asked(), [].into(), "answers and denials are both remembered");
}
