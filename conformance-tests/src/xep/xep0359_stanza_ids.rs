//! XEP-0359: ids that a server gives to messages. How they relate to the archive is in `xep0313_mam::section_3_ids`.

use crate::harness::archive::*;

/// The ids that a message carries by this entity.
fn ids_by(message: &Element, by: &str) -> Vec<String> {
    let ids = message.children().filter(|c| c.name == "stanza-id" && c.ns == "urn:xmpp:sid:0");
    ids.filter(|c| c.attr("by") == Some(by)).map(|c| c.need("id").to_owned()).collect()
}

/// §3 rules 2 and 4: an id that claims to be by the recipient's account is removed; the true one is there once.
#[test]
fn a_forged_id_by_the_recipients_account_is_removed() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob}' type='chat' id='m1'><body>hi</body>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='{bob:#}' id='forged'/></message>"
    );
    let live = expect!(bob, "<message id='m1'><body>hi</body></message>");
    let ids = ids_by(&live, &bob.bare());
    assert!(ids.len() == 1 && ids[0] != "forged", "{live}");
}

/// §3 rule 2: also where the server adds none.
#[test]
fn a_forged_id_is_removed_from_a_message_that_is_not_archived() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob}' type='chat' id='m1'><body>hi</body><no-store xmlns='urn:xmpp:hints'/>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='{bob:#}' id='forged'/></message>"
    );
    let live = expect!(bob, "<message id='m1'><body>hi</body></message>");
    assert!(ids_by(&live, &bob.bare()).is_empty(), "{live}");
}

/// §3 rules 2 and 7: addresses are compared as addresses, in their normal form.
#[test]
fn a_forged_id_by_the_account_in_capitals_is_removed() {
    let (alice, bob) = (online(), online());
    let shouted = bob.bare().to_uppercase();
    send!(
        alice,
        "<message to='{bob}' type='chat' id='m1'><body>hi</body>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='{shouted}' id='forged'/></message>"
    );
    let live = expect!(bob, "<message id='m1'><body>hi</body></message>");
    live.must_not("<message><stanza-id xmlns='urn:xmpp:sid:0' id='forged'/></message>");
}

/// §3 rule 2: all of them, if there are several.
#[test]
fn several_forged_ids_are_removed() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob}' type='chat' id='m1'><stanza-id xmlns='urn:xmpp:sid:0' by='{bob:#}' id='forged1'/>\
         <body>hi</body><stanza-id xmlns='urn:xmpp:sid:0' by='{bob:#}' id='forged2'/></message>"
    );
    let live = expect!(bob, "<message id='m1'><body>hi</body></message>");
    assert_eq!(ids_by(&live, &bob.bare()).len(), 1, "{live}");
    assert!(!live.to_string().contains("forged"), "{live}");
}

/// §3 rule 2: a sender cannot make up the id in its own archive either.
#[test]
fn a_forged_id_by_the_senders_account_is_removed() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob}' type='chat' id='m1'><body>hi</body>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='{alice:#}' id='forged'/></message>"
    );
    let live = expect!(bob, "<message id='m1'><body>hi</body></message>");
    live.must_not("<message><stanza-id xmlns='urn:xmpp:sid:0' id='forged'/></message>");
}

/// §3 rule 3: ids by others are none of the server's business.
#[test]
fn ids_by_others_are_left_alone() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob}' type='chat' id='m1'><body>hi</body>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='room@muc.example.com' id='theirs'/></message>"
    );
    let theirs = "<message id='m1'><stanza-id xmlns='urn:xmpp:sid:0' by='room@muc.example.com' id='theirs'/></message>";
    bob.expect(theirs);
    bob.archived(theirs);
}

/// §3 rule 3: so is one by a resource of the account, which is another address.
#[test]
fn an_id_by_a_full_jid_of_the_account_is_left_alone() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob}' type='chat' id='m1'><body>hi</body>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='{bob}' id='theirs'/></message>"
    );
    expect!(bob, "<message id='m1'><stanza-id xmlns='urn:xmpp:sid:0' by='{bob}' id='theirs'/></message>");
}

/// §3 rule 2 is about the stanza's children: what is deeper belongs to somebody else.
#[test]
fn an_id_deeper_inside_is_left_alone() {
    let (alice, bob) = (online(), online());
    let inner = format!(
        "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='carol@example.com'>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='{bob:#}' id='inner'/></message></forwarded>"
    );
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body>{inner}</message>");
    expect!(bob, "<message id='m1'><body>hi</body>{inner}</message>");
}

/// §2.2: the sender's own id is preserved.
#[test]
fn the_origin_id_is_preserved() {
    let (alice, bob) = (online(), online());
    let message = "<message id='m1'><origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>";
    send!(
        alice,
        "<message to='{bob}' type='chat' id='m1'><body>hi</body><origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>"
    );
    bob.expect(message);
    bob.archived(message);
    alice.archived(message);
}

/// §3 rules 5 and 6: the element has both attributes and no content.
#[test]
fn the_element_is_empty() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    let live = expect!(
        bob,
        "<message id='m1'><stanza-id xmlns='urn:xmpp:sid:0' by='{bob:#}' id='{ANY}'/></message>"
    );
    let id = live.need_child("stanza-id");
    assert!(id.children().next().is_none() && id.text().is_empty() && !id.need("id").is_empty(), "{live}");
}

/// §2.1: the id never changes.
#[test]
fn the_id_is_stable() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    let live = expect!(bob, "<message id='m1'/>");
    let ids = ids_by(&live, &bob.bare());
    assert_eq!(bob.archive().ids(), ids);
    bob.log_out();
    assert_eq!(bob.session("later").archive().ids(), ids);
}

/// §3 rule 7: for messages between two the account assigns the id: only the recipient's own is added.
#[test]
fn no_other_id_is_added() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    let live = expect!(bob, "<message id='m1'/>");
    let count = live.children().filter(|c| c.name == "stanza-id").count();
    assert_eq!((count, ids_by(&live, &bob.bare()).len()), (1, 1), "{live}");
}
