//! A room at another server, which the tests play.

use std::time::Duration as Time;

use waxwing_core::Origin;
use waxwing_testkit::{Outside, TestClient, TestServer, TestServerBuilder};

use super::*;

const USER: &str = "romeo@montague.lit/orchard";
const OCCUPANT: &str = "garden@rooms.capulet.lit/Romeo";

struct Stage {
    server: TestServer,
    outside: Arc<Outside>,
    romeo: TestClient,
}

fn builder() -> TestServerBuilder {
    TestServer::host("montague.lit").with::<Outside>().with::<Joined>()
}

/// Romeo is in the garden.
async fn stage() -> Stage {
    stage_of(builder()).await
}

async fn stage_of(builder: TestServerBuilder) -> Stage {
    let server = builder.start().await;
    let host = server.server().shared().router().host("montague.lit").unwrap();
    let outside = host.service::<Outside>().unwrap();
    let romeo = server.login(USER).await;
    let mut stage = Stage { server, outside, romeo };
    stage.join().await;
    stage
}

impl Stage {
    async fn join(&mut self) {
        self.romeo.send(&format!("<presence to='{OCCUPANT}'><x xmlns='{NS_MUC}'/></presence>")).await;
        assert_eq!(self.came().await.unwrap().name(), "presence");
        self.says("presence", "", &itself("<status code='110'/>")).await;
        self.romeo.forget();
    }

    /// The room says something to Romeo.
    async fn says(&self, name: &str, attributes: &str, children: &str) {
        self.says_from(OCCUPANT, name, attributes, children).await;
    }

    async fn says_from(&self, from: &str, name: &str, attributes: &str, children: &str) {
        let xml = format!("<{name} from='{from}' to='{USER}' {attributes}>{children}</{name}>");
        let origin = Origin::Remote(Domain::parse("rooms.capulet.lit").unwrap());
        let router = self.server.server().shared().router();
        router.route(Stanza::parse(&xml).unwrap(), origin, Custody::memory()).await;
    }

    /// What came to the room.
    async fn came(&self) -> Option<Stanza> {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.outside.next()
    }

    /// Time goes by.
    async fn wait(&self, seconds: u64) {
        for _ in 0..seconds {
            tokio::time::sleep(Time::from_secs(1)).await;
        }
    }

    /// The ping of the server, as an id to answer.
    async fn ping(&self) -> String {
        let ping = self.came().await.expect("the room is asked");
        assert_eq!(ping.kind, Kind::Iq(IqType::Get));
        assert!(ping.children.find("urn:xmpp:ping", "ping").is_some());
        assert_eq!(ping.from.unwrap().to_string(), USER);
        assert_eq!(ping.to.unwrap().to_string(), OCCUPANT);
        ping.id.unwrap().to_string()
    }

    async fn refuse(&self, id: &str, condition: &str) {
        let error = format!(
            "<error type='cancel'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
        );
        self.says("iq", &format!("type='error' id='{id}'"), &error).await;
        self.wait(1).await;
    }

    async fn cut(&self, domain: &str) {
        let host = self.server.server().shared().router().host("montague.lit").unwrap();
        host.notify(Notice::RemoteCut(Domain::parse(domain).unwrap())).await;
    }

    async fn is_lost(&mut self) {
        self.romeo
            .expect(&format!(
                "<presence type='unavailable' from='{OCCUPANT}' to='{USER}'><x xmlns='{NS_USER}'>\
                 <item affiliation='none' role='none'/><status code='110'/><status code='333'/></x></presence>"
            ))
            .await;
        let goodbye = self.came().await.expect("the room is told");
        assert_eq!(goodbye.kind, Kind::Presence(PresenceType::Unavailable));
        assert_eq!(goodbye.to.unwrap().to_string(), OCCUPANT);
        self.wait(4000).await;
        assert!(self.came().await.is_none(), "it is not asked any more");
    }

    /// The client hears nothing of it, and the room is asked again in time.
    async fn is_kept(&mut self) {
        self.romeo.expect_nothing();
        self.wait(1000).await;
        self.ping().await;
    }
}

fn itself(more: &str) -> String {
    format!("<x xmlns='{NS_USER}'><item affiliation='none' role='participant'/>{more}</x>")
}

#[tokio::test(start_paused = true)]
async fn xep0410_3_2_a_silent_room_is_asked_and_a_talking_one_is_not() {
    let stage = stage().await;
    for _ in 0..5 {
        stage.wait(800).await;
        stage.says("message", "type='groupchat'", "<body>Hi</body>").await;
        assert!(stage.came().await.is_none());
    }
    stage.wait(890).await;
    assert!(stage.came().await.is_none());
    stage.wait(20).await;
    stage.ping().await;
}

#[tokio::test(start_paused = true)]
async fn xep0410_3_2_who_is_in_hears_nothing() {
    for answer in ["", "service-unavailable", "feature-not-implemented", "item-not-found"] {
        let mut stage = stage().await;
        stage.wait(910).await;
        let id = stage.ping().await;
        if answer.is_empty() {
            stage.says("iq", &format!("type='result' id='{id}'"), "").await;
        } else {
            stage.refuse(&id, answer).await;
        }
        stage.is_kept().await;
    }
}

#[tokio::test(start_paused = true)]
async fn xep0410_3_2_who_is_out_is_told() {
    for answer in ["not-acceptable", "not-allowed", "bad-request", "forbidden"] {
        let mut stage = stage().await;
        stage.wait(910).await;
        let id = stage.ping().await;
        stage.refuse(&id, answer).await;
        stage.is_lost().await;
    }
}

#[tokio::test(start_paused = true)]
async fn xep0410_3_2_no_decision_without_an_answer_of_the_room() {
    for answer in ["", "remote-server-not-found", "remote-server-timeout", "resource-constraint"] {
        let mut stage = stage().await;
        stage.wait(910).await;
        let id = stage.ping().await;
        if !answer.is_empty() {
            stage.refuse(&id, answer).await;
        }
        // It is asked again, each time later.
        stage.wait(40).await;
        stage.ping().await;
        stage.wait(30).await;
        assert!(stage.came().await.is_none());
        stage.wait(50).await;
        stage.ping().await;
        stage.is_kept().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_room_is_asked_after_a_cut_of_its_own_domain_only() {
    let stage = stage().await;
    stage.cut("elsewhere.lit").await;
    stage.wait(60).await;
    assert!(stage.came().await.is_none());
    stage.cut("rooms.capulet.lit").await;
    stage.wait(16).await;
    stage.ping().await;
}

/// Whoever answers in the room's place is not listened to.
#[tokio::test(start_paused = true)]
async fn only_the_room_answers() {
    let mut stage = stage().await;
    stage.wait(910).await;
    let id = stage.ping().await;
    let error = "<error type='cancel'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    let attributes = format!("type='error' id='{id}'");
    stage.says_from("garden@rooms.capulet.lit/Tybalt", "iq", &attributes, error).await;
    stage.wait(1).await;
    stage.romeo.forget();
    stage.is_kept().await;
}

#[tokio::test(start_paused = true)]
async fn xep0045_7_14_who_has_left_is_not_asked_about() {
    let gone = itself("<status code='110'/>");
    for leave in 0..3 {
        let mut stage = stage().await;
        match leave {
            0 => stage.romeo.send(&format!("<presence type='unavailable' to='{OCCUPANT}'/>")).await,
            1 => stage.says("presence", "type='unavailable'", &gone).await,
            // Thrown out, by a room that says no 110.
            _ => stage.says("presence", "type='unavailable'", &itself("<status code='307'/>")).await,
        }
        stage.came().await;
        stage.wait(2000).await;
        assert!(stage.came().await.is_none(), "{leave}");
    }
}

#[tokio::test(start_paused = true)]
async fn xep0045_7_6_a_new_name_is_asked_about() {
    let stage = stage().await;
    let renamed = format!(
        "<x xmlns='{NS_USER}'><item affiliation='none' role='participant' nick='Montague'/>\
         <status code='110'/><status code='303'/></x>"
    );
    stage.says("presence", "type='unavailable'", &renamed).await;
    let here = itself("<status code='110'/>");
    stage.says_from("garden@rooms.capulet.lit/Montague", "presence", "", &here).await;
    // Of others nothing follows.
    stage.says_from("garden@rooms.capulet.lit/Tybalt", "presence", "type='unavailable'", &itself("")).await;
    stage.wait(910).await;
    let ping = stage.came().await.unwrap();
    assert_eq!(ping.to.unwrap().to_string(), "garden@rooms.capulet.lit/Montague");
}

#[tokio::test(start_paused = true)]
async fn xep0045_7_2_who_was_not_let_in_is_not_asked_about() {
    let mut stage = stage().await;
    let to = "vault@rooms.capulet.lit/Romeo";
    stage.romeo.send(&format!("<presence to='{to}'><x xmlns='{NS_MUC}'/></presence>")).await;
    stage.came().await;
    let error = "<error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    stage.says_from(to, "presence", "type='error'", error).await;
    // A name that is taken keeps nobody out who is in.
    stage.says("presence", "type='error'", error).await;
    stage.wait(910).await;
    stage.ping().await;
    assert!(stage.came().await.is_none());
}

/// What came meanwhile counts, not the answer to an old question.
#[tokio::test(start_paused = true)]
async fn who_has_entered_again_is_not_told_of_an_old_answer() {
    let mut stage = stage().await;
    stage.wait(910).await;
    let id = stage.ping().await;
    stage.join().await;
    stage.refuse(&id, "not-acceptable").await;
    stage.is_kept().await;
}

#[tokio::test(start_paused = true)]
async fn so_many_rooms_are_watched() {
    let mut stage = stage_of(builder().module_config("joined", "rooms_max = 1")).await;
    let to = "vault@rooms.capulet.lit/Romeo";
    stage.romeo.send(&format!("<presence to='{to}'><x xmlns='{NS_MUC}'/></presence>")).await;
    stage.came().await;
    stage.says_from(to, "presence", "", &itself("<status code='110'/>")).await;
    stage.wait(910).await;
    stage.ping().await;
    assert!(stage.came().await.is_none());
}

#[test]
fn rooms_outlive_the_process() {
    let rooms = Rooms::default();
    let due = tokio::time::Instant::now;
    let room = BareJid::parse("garden@rooms.capulet.lit").unwrap();
    assert!(rooms.enter(&room, "Romeo of old", due(), 10));
    assert_eq!(rooms.save(), None, "it is not in yet");
    let from = room.with_resource("Romeo of old").unwrap();
    assert!(rooms.hear(&Stanza::presence(PresenceType::Available), &from, due()));
    let again = Rooms::default();
    again.load(&rooms.save().unwrap());
    let asked = again.due(due(), 10, |_| due());
    assert_eq!(asked.len(), 1);
    assert_eq!(asked.first().unwrap().to, from);
    assert!(again.lose(asked.first().unwrap()) && !again.lose(asked.first().unwrap()));
}
