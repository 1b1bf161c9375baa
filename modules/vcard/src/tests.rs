use waxwing_testkit::{TestClient, TestServer};

use super::*;

async fn server() -> TestServer {
    TestServer::host("capulet.lit").with::<VCard>().start().await
}

async fn set(client: &mut TestClient, content: &str) {
    client.send(&format!("<iq type='set' id='s'><vCard xmlns='vcard-temp'>{content}</vCard></iq>")).await;
}

async fn stored(client: &mut TestClient) {
    client.expect("<iq to='{any}' type='result' id='s'/>").await;
}

fn error(to: &str, from: &str, kind: &str, condition: &str) -> String {
    format!(
        "<iq to='{to}' from='{from}' type='error' id='x'><error type='{kind}'>
        <{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    )
}

const JULIET: &str = "juliet@capulet.lit/balcony";
const ROMEO: &str = "romeo@capulet.lit/orchard";

#[tokio::test]
async fn xep0054_3_1_and_3_3_a_vcard_is_readable_by_everybody() {
    let server = server().await;
    let mut juliet = server.login(JULIET).await;
    set(&mut juliet, "<FN>Juliet</FN><N><GIVEN>Juliet</GIVEN><MIDDLE/></N>").await;
    stored(&mut juliet).await;
    juliet.send("<iq type='get' id='g'><vCard xmlns='vcard-temp'/></iq>").await;
    juliet
        .expect(
            "<iq to='juliet@capulet.lit/balcony' type='result' id='g'><vCard xmlns='vcard-temp'>
            <FN>Juliet</FN><N><GIVEN>Juliet</GIVEN><MIDDLE/></N></vCard></iq>",
        )
        .await;
    let mut romeo = server.login(ROMEO).await;
    romeo.send("<iq to='juliet@capulet.lit' type='get' id='g'><vCard xmlns='vcard-temp'/></iq>").await;
    romeo
        .expect(
            "<iq from='juliet@capulet.lit' to='romeo@capulet.lit/orchard' type='result' id='g'>
            <vCard xmlns='vcard-temp'><FN>Juliet</FN><N><GIVEN>Juliet</GIVEN><MIDDLE/></N></vCard></iq>",
        )
        .await;
}

#[tokio::test]
async fn xep0054_3_1_without_a_vcard_one_learns_so_of_oneself() {
    let mut romeo = server().await.login(ROMEO).await;
    romeo.send("<iq to='romeo@capulet.lit' type='get' id='x'><vCard xmlns='vcard-temp'/></iq>").await;
    romeo.expect(&error(ROMEO, "romeo@capulet.lit", "cancel", "item-not-found")).await;
}

#[tokio::test]
async fn xep0054_3_3_no_vcard_and_no_account_answer_alike() {
    let mut romeo = server().await.login(ROMEO).await;
    for to in ["juliet@capulet.lit", "nobody@capulet.lit"] {
        romeo.send(&format!("<iq to='{to}' type='get' id='x'><vCard xmlns='vcard-temp'/></iq>")).await;
        romeo.expect(&error(ROMEO, to, "cancel", "service-unavailable")).await;
    }
}

#[tokio::test]
async fn xep0054_3_2_nobody_writes_anothers_vcard() {
    let server = server().await;
    let mut juliet = server.login(JULIET).await;
    set(&mut juliet, "<FN>Juliet</FN>").await;
    stored(&mut juliet).await;
    let mut romeo = server.login(ROMEO).await;
    for to in ["juliet@capulet.lit", "nobody@capulet.lit"] {
        let set =
            format!("<iq to='{to}' type='set' id='x'><vCard xmlns='vcard-temp'><FN>R</FN></vCard></iq>");
        romeo.send(&set).await;
        romeo.expect(&error(ROMEO, to, "auth", "forbidden")).await;
    }
    juliet.send("<iq type='get' id='g'><vCard xmlns='vcard-temp'/></iq>").await;
    juliet
        .expect("<iq to='{any}' type='result' id='g'><vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard></iq>")
        .await;
}

#[tokio::test]
async fn a_vcard_beyond_the_limit_is_refused_and_the_old_one_stays() {
    let server = TestServer::host("capulet.lit")
        .with::<VCard>()
        .module_config("vcard", "bytes_max = \"100 B\"")
        .start()
        .await;
    let mut juliet = server.login(JULIET).await;
    set(&mut juliet, "<FN>Juliet</FN>").await;
    stored(&mut juliet).await;
    set(&mut juliet, &format!("<FN>{}</FN>", "x".repeat(100))).await;
    assert_eq!(juliet.next().await.unwrap().error().unwrap().condition, Condition::PolicyViolation);
    juliet.send("<iq type='get' id='g'><vCard xmlns='vcard-temp'/></iq>").await;
    juliet
        .expect("<iq to='{any}' type='result' id='g'><vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard></iq>")
        .await;
}

/// "hello" and "world", and their hashes as `sha1sum` prints them.
const HELLO: &str = "<PHOTO><TYPE>image/png</TYPE><BINVAL> aGVs\n bG8= </BINVAL></PHOTO>";
const HELLO_HASH: &str = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";
const WORLD: &str = "<PHOTO><TYPE>image/png</TYPE><BINVAL>d29ybGQ</BINVAL></PHOTO>";
const WORLD_HASH: &str = "7c211433f02071597741e6ff5a8ea34789abbf43";

/// Sends presence to a friend and gives what arrives there.
async fn arrives(juliet: &mut TestClient, romeo: &mut TestClient, update: &str, expected: &str) {
    juliet.send(&format!("<presence to='{ROMEO}'>{update}</presence>")).await;
    romeo.expect(&format!("<presence from='{JULIET}' to='{ROMEO}'>{expected}</presence>")).await;
}

fn shows(hash: &str) -> String {
    format!("<x xmlns='vcard-temp:x:update'><photo>{hash}</photo></x>")
}

#[tokio::test]
async fn xep0398_4_the_server_adds_the_hash() {
    let server = server().await;
    let (mut juliet, mut romeo) = (server.login(JULIET).await, server.login(ROMEO).await);
    set(&mut juliet, HELLO).await;
    stored(&mut juliet).await;
    let expected = shows(HELLO_HASH);
    arrives(&mut juliet, &mut romeo, "", &expected).await;
    // An update without photo MUST be overwritten.
    arrives(&mut juliet, &mut romeo, "<x xmlns='vcard-temp:x:update'/>", &expected).await;
}

#[tokio::test]
async fn xep0398_4_what_the_client_states_stays() {
    let server = server().await;
    let (mut juliet, mut romeo) = (server.login(JULIET).await, server.login(ROMEO).await);
    set(&mut juliet, HELLO).await;
    stored(&mut juliet).await;
    for update in ["<x xmlns='vcard-temp:x:update'><photo/></x>".to_owned(), shows("01b87fcd030b")] {
        arrives(&mut juliet, &mut romeo, &update, &update).await;
    }
}

#[tokio::test]
async fn xep0398_4_without_a_photo_nothing_is_added() {
    let server = server().await;
    let (mut juliet, mut romeo) = (server.login(JULIET).await, server.login(ROMEO).await);
    arrives(&mut juliet, &mut romeo, "", "").await;
    for card in ["<FN>Juliet</FN>", "<PHOTO><BINVAL>!no base64!</BINVAL></PHOTO>", "<PHOTO><BINVAL/></PHOTO>"]
    {
        set(&mut juliet, card).await;
        stored(&mut juliet).await;
        arrives(&mut juliet, &mut romeo, "", "").await;
    }
}

#[tokio::test]
async fn xep0398_4_unavailable_presence_carries_no_hash() {
    let server = server().await;
    let (mut juliet, mut romeo) = (server.login(JULIET).await, server.login(ROMEO).await);
    set(&mut juliet, HELLO).await;
    stored(&mut juliet).await;
    juliet.send(&format!("<presence type='unavailable' to='{ROMEO}'/>")).await;
    romeo.expect(&format!("<presence type='unavailable' from='{JULIET}' to='{ROMEO}'/>")).await;
}

#[tokio::test]
async fn xep0153_3_1_the_hash_follows_the_photo_and_outlives_a_restart() {
    let store = Store::memory();
    let server = TestServer::host("capulet.lit").with::<VCard>().store(store.clone()).start().await;
    let mut juliet = server.login(JULIET).await;
    for photo in [HELLO, WORLD] {
        set(&mut juliet, photo).await;
        stored(&mut juliet).await;
    }
    let server = TestServer::host("capulet.lit").with::<VCard>().store(store).start().await;
    let (mut juliet, mut romeo) = (server.login(JULIET).await, server.login(ROMEO).await);
    arrives(&mut juliet, &mut romeo, "", &shows(WORLD_HASH)).await;
    set(&mut juliet, "<FN>Juliet</FN>").await;
    stored(&mut juliet).await;
    arrives(&mut juliet, &mut romeo, "", "").await;
}

/// A presence handler that keeps the broadcast, in place of the real one.
struct Broadcast;

impl Module for Broadcast {
    type Config = NoConfig;
    const INFO: ModuleInfo = ModuleInfo::new("broadcast", "Remembers presence");
    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self);
        reg.gate(Side::Sent, Gate::Handle, Kinds::AVAILABILITY, &this, |_, event| {
            if let (None, Some(session)) = (&event.stanza.to, event.origin.session()) {
                session.set_presence(Some(event.stanza.clone()));
            }
            Hooked::pass()
        });
        Ok(this)
    }
}

#[tokio::test]
async fn xep0153_3_1_a_new_photo_is_shown_at_once_by_the_resource_that_set_it() {
    let server = TestServer::host("capulet.lit").with::<VCard>().with::<Broadcast>().start().await;
    let mut juliet = server.online(JULIET).await;
    let shown = |client: &TestClient| {
        let presence = client.session().presence().unwrap();
        presence
            .children
            .find("vcard-temp:x:update", "x")
            .map(|x| x.tree().child_text("vcard-temp:x:update", "photo"))
    };
    assert_eq!(shown(&juliet), None);
    set(&mut juliet, HELLO).await;
    assert_eq!(shown(&juliet), Some(Some(HELLO_HASH.to_owned())));
    set(&mut juliet, WORLD).await;
    assert_eq!(shown(&juliet), Some(Some(WORLD_HASH.to_owned())));
    // XEP-0153 §4.1 rule 3: there is no photo any more.
    set(&mut juliet, "<FN>Juliet</FN>").await;
    assert_eq!(shown(&juliet), Some(Some(String::new())));
}

#[tokio::test]
async fn xep0153_4_1_a_client_that_states_its_photo_is_left_to_do_so() {
    let server = TestServer::host("capulet.lit").with::<VCard>().with::<Broadcast>().start().await;
    let mut juliet = server.online(JULIET).await;
    juliet.send(&format!("<presence>{}</presence>", shows("01b87fcd030b"))).await;
    // Directed presence says nothing of the others.
    juliet.send("<presence to='romeo@capulet.lit'/>").await;
    juliet.forget();
    let before = juliet.session().presence().unwrap().to_xml();
    set(&mut juliet, HELLO).await;
    assert_eq!(juliet.session().presence().unwrap().to_xml(), before);
}
