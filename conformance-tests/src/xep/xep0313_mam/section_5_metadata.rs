//! XEP-0313 §5: what an archive spans.

use super::*;

#[track_caller]
fn metadata(client: &Client) -> Element {
    barrier();
    let reply = request!(client, "<iq type='get'><metadata xmlns='urn:xmpp:mam:2'/></iq>");
    reply.must("<iq type='result'><metadata xmlns='urn:xmpp:mam:2'/></iq>");
    reply.need_child("metadata").clone()
}

/// §5: the first and last message, with their times.
#[test]
fn metadata_names_the_first_and_the_last_message() {
    let (_alice, bob) = conversation(&["1", "2", "3"]);
    let page = bob.archive();
    let (ids, stamps) = (page.ids(), page.stamps());
    metadata(&bob).must(&format!(
        "<metadata xmlns='urn:xmpp:mam:2'><start id='{}' timestamp='{}'/><end id='{}' timestamp='{}'/></metadata>",
        ids[0], stamps[0], ids[2], stamps[2]
    ));
}

/// §5: in an archive of one message both are the same.
#[test]
fn metadata_of_one_message_has_the_same_start_and_end() {
    let (_alice, bob) = conversation(&["1"]);
    let metadata = metadata(&bob);
    assert_eq!(metadata.need_child("start").need("id"), metadata.need_child("end").need("id"));
}

/// §5: an empty archive has an empty element.
#[test]
fn metadata_of_an_empty_archive_is_empty() {
    let metadata = metadata(&user());
    assert_eq!(metadata.children().count(), 0, "{metadata}");
}

/// §5: the request may be addressed to the own account.
#[test]
fn metadata_may_be_asked_of_the_own_account() {
    let (_alice, bob) = conversation(&["1"]);
    request!(bob, "<iq type='get' to='{bob:#}'><metadata xmlns='urn:xmpp:mam:2'/></iq>")
        .must("<iq type='result'><metadata xmlns='urn:xmpp:mam:2'><start/><end/></metadata></iq>");
}

/// §8.1: it is nobody else's.
#[test]
fn metadata_of_another_account_is_refused() {
    let (alice, bob) = conversation(&["1"]);
    let reply = request!(alice, "<iq type='get' to='{bob:#}'><metadata xmlns='urn:xmpp:mam:2'/></iq>");
    reply
        .must("<iq type='error'><error/></iq>")
        .must_not("<iq type='error'><metadata xmlns='urn:xmpp:mam:2'><start/></metadata></iq>");
}
