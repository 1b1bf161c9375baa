//! Occupants of other servers, which a component stands for here.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use waxwing_core::{Clock, External, Origin};
use waxwing_store::Store;
use waxwing_xmpp::Timestamp;

use super::*;

/// Another server.
struct Elsewhere {
    domain: Domain,
    reachable: AtomicBool,
    got: Mutex<Vec<Stanza>>,
}

impl Elsewhere {
    fn beside(server: &TestServer) -> Arc<Self> {
        let domain = Domain::parse("elsewhere.lit").unwrap();
        let this = Arc::new(Self { domain, reachable: AtomicBool::new(true), got: Mutex::default() });
        server.server().shared().router().attach(Arc::<Self>::clone(&this)).unwrap();
        this
    }

    async fn send(&self, server: &TestServer, xml: &str) {
        let stanza = Stanza::parse(xml).expect("a stanza");
        let origin = Origin::Remote(self.domain.clone());
        drop(server.server().shared().router().route(stanza, origin, Custody::memory()).await);
    }

    async fn enter(&self, server: &TestServer, room: &str) -> Vec<Stanza> {
        let x = format!("<x xmlns='{MUC}'/>");
        self.send(server, &format!("<presence from='ross@elsewhere.lit/r' to='{room}/ross'>{x}</presence>"))
            .await;
        self.got()
    }

    fn got(&self) -> Vec<Stanza> {
        std::mem::take(&mut *self.got.lock())
    }
}

impl External for Elsewhere {
    fn domain(&self) -> &Domain {
        &self.domain
    }
    fn is_connected(&self) -> bool {
        true
    }
    fn deliver(&self, stanza: &Stanza) -> Result<(), Condition> {
        if !self.reachable.load(Ordering::Relaxed) {
            return Err(Condition::RemoteServerTimeout);
        }
        self.got.lock().push(stanza.clone());
        Ok(())
    }
}

#[tokio::test]
async fn people_of_other_servers_are_at_home_in_rooms_but_make_none() {
    let server = server().await;
    let elsewhere = Elsewhere::beside(&server);
    refused(&elsewhere.enter(&server, COVEN).await[0], Condition::NotAllowed);
    let mut crone = client(&server, "crone1").await;
    make(&mut crone, COVEN, "roomadmins=ross@elsewhere.lit").await;
    let came = elsewhere.enter(&server, COVEN).await;
    assert_eq!(came.iter().map(nick).collect::<Vec<_>>(), ["firstwitch", "ross", ""]);
    crone.forget();
    elsewhere
        .send(
            &server,
            &format!(
                "<message from='ross@elsewhere.lit/r' to='{COVEN}' type='groupchat'><body>x</body></message>"
            ),
        )
        .await;
    assert_eq!(body(&drain(&mut crone)[0]), "x");
    assert_eq!(body(&elsewhere.got()[0]), "x");
    let query = format!("<query xmlns='{MUC}#admin'><item affiliation='member'/></query>");
    elsewhere
        .send(
            &server,
            &format!("<iq from='ross@elsewhere.lit/r' to='{COVEN}' type='get' id='q'>{query}</iq>"),
        )
        .await;
    ok(&elsewhere.got()[0]);
    elsewhere.send(&server, &format!("<iq from='ross@elsewhere.lit/r' to='{COVEN}' type='set' id='q'><query xmlns='urn:xmpp:mam:2'/></iq>")).await;
    let archive = elsewhere.got();
    assert!(
        archive[0].children.find("urn:xmpp:mam:2", "result").is_some() && archive.len() == 2,
        "{archive:?}"
    );
}

/// §18.1.2: a server that is not reached has nobody in the room.
#[tokio::test]
async fn xep0045_11_1_an_occupant_whose_server_is_gone_is_removed() {
    let server = server().await;
    let elsewhere = Elsewhere::beside(&server);
    let mut crone = client(&server, "crone1").await;
    coven(&mut crone).await;
    elsewhere.enter(&server, COVEN).await;
    crone.forget();
    elsewhere.reachable.store(false, Ordering::Relaxed);
    crone.send(&format!("<message type='groupchat' to='{COVEN}'><body>x</body></message>")).await;
    let seen = drain(&mut crone);
    assert_eq!(seen.iter().map(nick).collect::<Vec<_>>(), ["firstwitch", "ross"]);
    assert_eq!(codes(&seen[1]), ["333"]);
}

/// §18.1.2: who has been silent for long is asked.
#[tokio::test(start_paused = true)]
async fn xep0045_18_1_2_silent_occupants_of_other_servers_are_pinged() {
    let clock = Clock::fixed(Timestamp(1_700_000_000_000_000));
    let server = builder().clock(clock.clone()).start().await;
    let elsewhere = Elsewhere::beside(&server);
    let mut crone = client(&server, "crone1").await;
    coven(&mut crone).await;
    elsewhere.enter(&server, COVEN).await;
    crone.forget();
    let later = |seconds: i64| {
        if let Clock::Fixed(now) = &clock {
            now.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
        }
    };
    later(1900);
    tokio::time::sleep(std::time::Duration::from_secs(61)).await;
    let asked = elsewhere.got();
    assert_eq!((asked.len(), asked[0].from.as_ref().map(Jid::as_str)), (1, Some(COVEN)));
    let id = asked[0].id.clone().unwrap();
    // A client that knows no pings is there all the same.
    elsewhere
        .send(&server, &format!("<iq from='ross@elsewhere.lit/r' to='{COVEN}' type='error' id='{id}'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"))
        .await;
    tokio::time::sleep(std::time::Duration::from_secs(130)).await;
    crone.expect_nothing();
    assert!(elsewhere.got().is_empty(), "it is not asked again soon");
    // It does not answer.
    later(1900);
    tokio::time::sleep(std::time::Duration::from_secs(190)).await;
    let seen = drain(&mut crone);
    assert_eq!((seen.len(), nick(&seen[0]), codes(&seen[0])), (1, "ross", vec!["333".to_owned()]));
}

/// Other servers do not notice that this one was started anew: who was in a room still is.
#[tokio::test]
async fn people_of_other_servers_outlive_a_restart() {
    let store = Store::memory();
    let server = builder().store(store.clone()).start().await;
    let elsewhere = Elsewhere::beside(&server);
    let mut crone = client(&server, "crone1").await;
    make(&mut crone, COVEN, "persistentroom=1").await;
    elsewhere.enter(&server, COVEN).await;
    crone.drop_connection().await;
    server.halt().await;
    let server = builder().store(store).seed(2).start().await;
    let elsewhere = Elsewhere::beside(&server);
    let mut hag = client(&server, "hag66").await;
    assert_eq!(nick(&enter(&mut hag, COVEN, "thirdwitch").await[0]), "ross");
    assert_eq!(elsewhere.got().iter().map(nick).collect::<Vec<_>>(), ["thirdwitch"]);
}
