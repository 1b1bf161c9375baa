//! XEP-0313 §3.5 and §6.2, XEP-0359 §3: the archive's id of a message, and how the recipient learns it.

use super::*;

/// §3.5: the copy that is delivered says under which id it is archived.
#[test]
fn a_delivered_message_carries_its_id_in_the_archive() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    let live = expect!(
        bob,
        "<message id='m1'><stanza-id xmlns='urn:xmpp:sid:0' by='{bob:#}' id='{ANY}'/></message>"
    );
    let (id, _) = bob.archived("<message id='m1'/>");
    assert_eq!(live.need_child("stanza-id").need("id"), id);
}

/// §3.5: so does one to a full JID.
#[test]
fn a_message_to_a_full_jid_carries_its_id_in_the_archive() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    let live = expect!(
        bob,
        "<message id='m1'><stanza-id xmlns='urn:xmpp:sid:0' by='{bob:#}' id='{ANY}'/></message>"
    );
    let (id, _) = bob.archived("<message id='m1'/>");
    assert_eq!(live.need_child("stanza-id").need("id"), id);
}

/// §3.5: all resources get the same id.
#[test]
fn all_resources_get_the_same_id() {
    let (alice, bob) = (online(), online());
    let other = bob.session_online("other", 0);
    request!(other, "<iq type='set'><enable xmlns='urn:xmpp:carbons:2'/></iq>").must("<iq type='result'/>");
    send!(alice, "<message to='{bob}' type='chat' id='m1'><body>hi</body></message>");
    let live = expect!(bob, "<message id='m1'/>");
    let copy = expect!(other, "<message><received xmlns='urn:xmpp:carbons:2'/></message>");
    let copy = copy.need_child("received").need_child("forwarded").need_child("message");
    assert_eq!(live.need_child("stanza-id").need("id"), copy.need_child("stanza-id").need("id"));
}

/// §3.5: a message that is not archived has no id.
#[test]
fn a_message_that_is_not_archived_carries_no_id() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob:#}' type='chat' id='m1'><body>hi</body><no-store xmlns='urn:xmpp:hints'/></message>"
    );
    expect!(bob, "<message id='m1'/>").must_not("<message><stanza-id xmlns='urn:xmpp:sid:0'/></message>");
}

/// §3.5: the recipient does not see the id in the sender's archive.
#[test]
fn the_id_in_the_senders_archive_is_not_sent_to_the_recipient() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    let live = expect!(bob, "<message id='m1'/>");
    live.must_not(&format!("<message><stanza-id xmlns='urn:xmpp:sid:0' by='{alice:#}'/></message>"));
    let (id, _) = alice.archived("<message id='m1'/>");
    assert!(!live.to_string().contains(&id), "{id} is in {live}");
}

/// §3.5: nor is it in the recipient's archive.
#[test]
fn the_id_in_the_senders_archive_is_not_in_the_recipients() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob:#}' type='chat' id='m1'><body>hi</body></message>");
    let (id, _) = alice.archived("<message id='m1'/>");
    let (_, kept) = bob.archived("<message id='m1'/>");
    assert!(!kept.to_string().contains(&id), "{id} is in {kept}");
}

/// XEP-0359 §3 rule 4: a message from the archive carries at most one id by the account, and that is the right one.
#[test]
fn an_archived_message_has_no_other_id_by_the_account() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob:#}' type='chat' id='m1'><body>hi</body>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='{bob:#}' id='forged'/></message>"
    );
    let (id, kept) = bob.archived("<message id='m1'/>");
    let by_bob = format!("{bob:#}");
    let ids: Vec<&str> =
        kept.children().filter(|c| c.attr("by") == Some(&by_bob)).map(|c| c.need("id")).collect();
    assert!(ids.iter().all(|i| *i == id) && ids.len() <= 1, "{ids:?} for {id}");
}

/// §6.2: ids are unique.
#[test]
fn ids_are_unique() {
    let (_alice, bob) = conversation(&["1", "2", "3", "4", "5"]);
    let mut ids = bob.archive().ids();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
}

/// §3 (and XEP-0359 §3 rule 1): ids are unpredictable. A counter or a time would change in a few places only from
/// one message to the next.
#[test]
fn ids_are_unpredictable() {
    let bodies: Vec<String> = (0..8).map(|i| i.to_string()).collect();
    let (_alice, bob) = conversation(&bodies.iter().map(String::as_str).collect::<Vec<_>>());
    let ids = bob.archive().ids();
    let differing: Vec<usize> =
        ids.windows(2).map(|p| p[0].bytes().zip(p[1].bytes()).filter(|(a, b)| a != b).count()).collect();
    assert!(differing.iter().all(|n| *n >= 8), "ids that follow each other differ in few places: {ids:?}");
}

/// XEP-0359 §6: nothing can be learned from an id: not how many messages another archive has.
#[test]
fn ids_of_different_archives_do_not_continue_each_other() {
    let (alice, bob) = conversation(&["1", "2"]);
    let ids: Vec<String> = [alice.archive().ids(), bob.archive().ids()].concat();
    let numbers: Vec<u128> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    for pair in numbers.windows(2) {
        assert!(pair[0].abs_diff(pair[1]) > 1_000_000_000, "{ids:?} can be counted");
    }
}
