//! XEP-0424: messages that their authors take back.

use crate::harness::archive::*;

/// A retraction of the message with this id, as clients write it.
fn retraction(id: &str, of: &str, to: &str) -> String {
    format!(
        "<message to='{to}' type='chat' id='{id}'><retract xmlns='urn:xmpp:message-retract:1' id='{of}'/>\
         <fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:message-retract:1'/>\
         <body>/me retracted a previous message</body><store xmlns='urn:xmpp:hints'/></message>"
    )
}

const RETRACT: &str = "<message id='r1'><retract xmlns='urn:xmpp:message-retract:1' id='m1'/></message>";
const TOMBSTONE: &str = "<message id='m1'><retracted xmlns='urn:xmpp:message-retract:1' id='r1'/></message>";
const INTACT: &str = "<message id='m1'><body>oops</body></message>";

/// Alice has sent Bob a message.
fn sent() -> (Client, Client) {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob:#}' type='chat' id='m1'><body>oops</body><origin-id xmlns='urn:xmpp:sid:0' id='m1'/></message>"
    );
    settle();
    (alice, bob)
}

/// §2: a server that archives retractions says so.
#[test]
fn the_server_advertises_retraction() {
    let alice = user();
    let reply = request!(
        alice,
        "<iq type='get' to='{HOST}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>"
    );
    let mut features = reply.must("<iq type='result'/>").values("feature", "var");
    features.extend(alice.account_features());
    assert!(features.contains(&"urn:xmpp:message-retract:1".to_owned()), "{features:?}");
}

/// §4: tombstones are a feature of the archive.
#[test]
fn the_account_advertises_tombstones() {
    let features = user().account_features();
    assert!(features.contains(&"urn:xmpp:message-retract:1#tombstone".to_owned()), "{features:?}");
}

/// §3: the retraction reaches the recipient.
#[test]
fn a_retraction_is_delivered() {
    let (alice, bob) = sent();
    alice.send(&retraction("r1", "m1", &bob.bare()));
    bob.expect(RETRACT);
}

/// §5: the retraction is in both archives.
#[test]
fn a_retraction_is_archived() {
    let (alice, bob) = sent();
    alice.send(&retraction("r1", "m1", &bob.bare()));
    alice.archived(RETRACT);
    bob.archived(RETRACT);
}

/// §4: the retracted message is a tombstone in the recipient's archive.
#[test]
fn a_retracted_message_is_a_tombstone_in_the_recipients_archive() {
    let (alice, bob) = sent();
    alice.send(&retraction("r1", "m1", &bob.bare()));
    bob.archived(TOMBSTONE);
    assert_eq!(bob.archive().bodies(), ["", "/me retracted a previous message"]);
}

/// §4: and in the sender's.
#[test]
fn a_retracted_message_is_a_tombstone_in_the_senders_archive() {
    let (alice, bob) = sent();
    alice.send(&retraction("r1", "m1", &bob.bare()));
    alice.archived(TOMBSTONE);
    assert_eq!(alice.archive().bodies(), ["", "/me retracted a previous message"]);
}

/// §4: a tombstone is where the message was, under its id, with its time, sender and recipient; it tells when.
#[test]
fn a_tombstone_keeps_the_place_of_the_message() {
    let (alice, bob) = sent();
    let before = bob.archive();
    alice.send(&retraction("r1", "m1", &bob.bare()));
    let after = bob.archive();
    assert_eq!(after.ids()[0], before.ids()[0]);
    assert_eq!(after.stamps()[0], before.stamps()[0]);
    after.messages()[0].must(&format!(
        "<message from='{alice}' to='{bob:#}' type='chat' id='m1'>\
         <retracted xmlns='urn:xmpp:message-retract:1' id='r1' stamp='{ANY}Z'/></message>"
    ));
}

/// §4: nothing that could leak the content is left.
#[test]
fn a_tombstone_has_nothing_of_the_content() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob:#}' type='chat' id='m1'><subject>oops1</subject><body>oops2</body>\
         <x xmlns='jabber:x:oob'><url>https://example.com/oops3</url></x>\
         <reply xmlns='urn:xmpp:reply:0' id='oops4'/></message>"
    );
    alice.send(&retraction("r1", "m1", &bob.bare()));
    for client in [&alice, &bob] {
        let (_, tombstone) = client.archived(TOMBSTONE);
        assert!(!tombstone.to_string().contains("oops"), "{tombstone}");
    }
}

/// §5: the retraction counts by bare JID: another resource of the author can take the message back.
#[test]
fn another_resource_of_the_author_can_retract() {
    let (alice, bob) = sent();
    let desk = alice.session_online("desk", 0);
    desk.send(&retraction("r1", "m1", &bob.bare()));
    bob.archived(TOMBSTONE);
    alice.archived(TOMBSTONE);
}

/// §5: a retraction without text and hint is one too.
#[test]
fn a_bare_retraction_makes_a_tombstone() {
    let (alice, bob) = sent();
    send!(
        alice,
        "<message to='{bob:#}' type='chat' id='r1'><retract xmlns='urn:xmpp:message-retract:1' id='m1'/></message>"
    );
    bob.archived(TOMBSTONE);
}

/// §5: somebody else cannot take it back.
#[test]
fn a_retraction_by_somebody_else_changes_nothing() {
    let (alice, bob) = sent();
    let carol = online();
    carol.send(&retraction("r1", "m1", &bob.bare()));
    carol.send(&retraction("r2", "m1", &alice.bare()));
    bob.archived(INTACT);
    alice.archived(INTACT);
    bob.archived(RETRACT);
}

/// §5: nor can the recipient.
#[test]
fn a_retraction_by_the_recipient_changes_nothing() {
    let (alice, bob) = sent();
    bob.send(&retraction("r1", "m1", &alice.bare()));
    bob.archived(INTACT);
    alice.archived(INTACT);
}

/// §5: a message of the same id by somebody else is another message.
#[test]
fn a_message_of_the_same_id_by_somebody_else_stays() {
    let (alice, bob) = sent();
    let carol = online();
    send!(carol, "<message to='{bob:#}' type='chat' id='m1'><body>mine</body></message>");
    barrier();
    alice.send(&retraction("r1", "m1", &bob.bare()));
    bob.archived(TOMBSTONE);
    bob.archived(&format!("<message from='{carol}' id='m1'><body>mine</body></message>"));
}

/// §5: so is one of the author to somebody else: the conversation is with one.
#[test]
fn a_message_of_the_same_id_to_somebody_else_stays() {
    let (alice, bob) = sent();
    let carol = online();
    send!(alice, "<message to='{carol:#}' type='chat' id='m1'><body>mine</body></message>");
    barrier();
    alice.send(&retraction("r1", "m1", &bob.bare()));
    alice.archived(TOMBSTONE);
    alice.archived(&format!("<message to='{carol:#}' id='m1'><body>mine</body></message>"));
}

/// §3: a retraction of what is not there is a message like any other.
#[test]
fn a_retraction_of_an_unknown_message_is_archived() {
    let (alice, bob) = sent();
    alice.send(&retraction("r1", "unheard-of", &bob.bare()));
    bob.archived("<message id='r1'><retract xmlns='urn:xmpp:message-retract:1' id='unheard-of'/></message>");
    bob.archived(INTACT);
}

/// §5: a retraction that comes while the recipient is away works too.
#[test]
fn a_retraction_while_the_recipient_is_away_makes_a_tombstone() {
    let (alice, bob) = sent();
    bob.log_out();
    alice.send(&retraction("r1", "m1", &bob.bare()));
    settle();
    let bob = bob.session("later");
    bob.archived(TOMBSTONE);
    bob.archived(RETRACT);
}
