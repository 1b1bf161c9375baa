//! What is declared is kept: each feature of a host and of an account answers the request it stands for.

use waxwing_blocking::Blocking;
use waxwing_last::Last;
use waxwing_ping::Ping;
use waxwing_private::Private;
use waxwing_time::Time;
use waxwing_vcard::VCard;
use waxwing_version::Version;

use super::*;

/// The `to` attribute and the payload's name of a get; None: the feature is shown in another way.
type Request = Option<(&'static str, &'static str)>;

/// What to ask of each feature.
const REQUESTS: &[(DiscoOn, &str, Request)] = &[
    (DiscoOn::Host, ns::DISCO_INFO, Some(("to='capulet.lit'", "query"))),
    (DiscoOn::Host, ns::DISCO_ITEMS, Some(("to='capulet.lit'", "query"))),
    // A stream feature and a node, tested by themselves.
    (DiscoOn::Host, ns::CAPS, None),
    (DiscoOn::Host, "urn:xmpp:ping", Some(("to='capulet.lit'", "ping"))),
    (DiscoOn::Host, "jabber:iq:version", Some(("to='capulet.lit'", "query"))),
    (DiscoOn::Host, "urn:xmpp:time", Some(("to='capulet.lit'", "time"))),
    (DiscoOn::Host, "jabber:iq:last", Some(("to='capulet.lit'", "query"))),
    // Features of the host that its accounts use.
    (DiscoOn::Host, "jabber:iq:private", Some(("", "query"))),
    (DiscoOn::Host, "urn:xmpp:blocking", Some(("", "blocklist"))),
    (DiscoOn::Host, "vcard-temp", Some(("", "vCard"))),
    (DiscoOn::Account, ns::DISCO_INFO, Some(("to='romeo@capulet.lit'", "query"))),
    (DiscoOn::Account, ns::DISCO_ITEMS, Some(("to='romeo@capulet.lit'", "query"))),
    (DiscoOn::Account, "jabber:iq:last", Some(("to='romeo@capulet.lit'", "query"))),
    (DiscoOn::Account, "vcard-temp", Some(("to='romeo@capulet.lit'", "vCard"))),
];

async fn romeo() -> TestClient {
    let server =
        TestServer::host("capulet.lit").with::<Disco>().with::<Ping>().with::<Version>().with::<Time>();
    let server = server.with::<Last>().with::<Private>().with::<VCard>().with::<Blocking>();
    server.start().await.login(ROMEO).await
}

/// XEP-0030 §3.1: a feature is something that the entity offers.
#[tokio::test]
async fn xep0030_3_1_every_declared_feature_answers() {
    let mut romeo = romeo().await;
    let host = Arc::clone(romeo.session().host());
    for on in [DiscoOn::Host, DiscoOn::Account] {
        for var in host.declared(on).features {
            let known = REQUESTS.iter().find(|(at, feature, _)| *at == on && *feature == var);
            let (_, _, request) = known.unwrap_or_else(|| panic!("{on:?} {var}: this test does not know it"));
            let Some((to, name)) = request else { continue };
            romeo.send(&format!("<iq {to} type='get' id='f'><{name} xmlns='{var}'/></iq>")).await;
            let answer = romeo.next().await.expect("an answer");
            let refused = answer.error().map(|error| error.condition);
            assert_ne!(refused, Some(Condition::ServiceUnavailable), "{on:?} {var}: {}", answer.to_xml());
            assert_ne!(refused, Some(Condition::FeatureNotImplemented), "{on:?} {var}: {}", answer.to_xml());
        }
    }
}

/// And nothing is in the table only.
#[tokio::test]
async fn xep0030_3_1_every_feature_that_answers_is_declared() {
    let host = Arc::clone(romeo().await.session().host());
    for (on, var, _) in REQUESTS {
        assert!(host.declared(*on).features.iter().any(|feature| feature == var), "{on:?} {var}");
    }
}
