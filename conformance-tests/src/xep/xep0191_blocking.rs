//! XEP-0191: blocking.

use crate::harness::*;

#[track_caller]
fn block(alice: &Client, jid: &str) {
    request!(alice, "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='{jid}'/></block></iq>")
        .must("<iq type='result'/>");
    settle();
}

#[track_caller]
fn unblock(alice: &Client, jid: &str) {
    request!(alice, "<iq type='set'><unblock xmlns='urn:xmpp:blocking'><item jid='{jid}'/></unblock></iq>")
        .must("<iq type='result'/>");
    settle();
}

#[track_caller]
fn list(alice: &Client) -> Vec<String> {
    let reply = request!(alice, "<iq type='get'><blocklist xmlns='urn:xmpp:blocking'/></iq>");
    reply.must("<iq type='result'><blocklist xmlns='urn:xmpp:blocking'/></iq>");
    let mut jids: Vec<String> =
        reply.need_child("blocklist").children().filter_map(|i| i.attr("jid")).map(str::to_owned).collect();
    jids.sort();
    jids
}

/// §3.2: nobody is blocked at first.
#[test]
fn the_list_is_empty_at_first() {
    assert!(list(&user()).is_empty());
}

/// §3.3: who is blocked is on the list.
#[test]
fn a_blocked_contact_is_on_the_list() {
    let alice = user();
    block(&alice, "romeo@montague.example");
    assert_eq!(list(&alice), ["romeo@montague.example"]);
}

/// §3.3: several at once.
#[test]
fn several_contacts_are_blocked_at_once() {
    let alice = user();
    request!(
        alice,
        "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='a@example.com'/><item jid='b@example.com'/></block></iq>"
    )
    .must("<iq type='result'/>");
    assert_eq!(list(&alice), ["a@example.com", "b@example.com"]);
}

/// §3.3: resources that asked for the list get a push.
#[test]
fn a_block_is_pushed_to_resources_that_asked_for_the_list() {
    let alice = user();
    let other = alice.session("other");
    list(&other);
    request!(
        alice,
        "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='a@example.com'/></block></iq>"
    );
    expect!(
        other,
        "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='a@example.com'/></block></iq>"
    );
}

/// §3.3: who never asked does not.
#[test]
fn a_block_is_not_pushed_to_resources_that_never_asked() {
    let alice = user();
    let other = alice.session("other");
    list(&alice);
    request!(
        alice,
        "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='a@example.com'/></block></iq>"
    );
    other.expect_no("<iq type='set'><block xmlns='urn:xmpp:blocking'/></iq>");
}

/// §3.4: an unblocked contact is off the list.
#[test]
fn an_unblocked_contact_is_off_the_list() {
    let alice = user();
    block(&alice, "a@example.com");
    block(&alice, "b@example.com");
    unblock(&alice, "a@example.com");
    assert_eq!(list(&alice), ["b@example.com"]);
}

/// §3.4: an unblock is pushed.
#[test]
fn an_unblock_is_pushed() {
    let alice = user();
    block(&alice, "a@example.com");
    let other = alice.session("other");
    list(&other);
    unblock_quietly(&alice);
    expect!(
        other,
        "<iq type='set'><unblock xmlns='urn:xmpp:blocking'><item jid='a@example.com'/></unblock></iq>"
    );
}

fn unblock_quietly(alice: &Client) {
    request!(
        alice,
        "<iq type='set'><unblock xmlns='urn:xmpp:blocking'><item jid='a@example.com'/></unblock></iq>"
    )
    .must("<iq type='result'/>");
}

/// §3.5: unblock without items empties the list.
#[test]
fn unblock_without_items_empties_the_list() {
    let alice = user();
    block(&alice, "a@example.com");
    block(&alice, "b@example.com");
    request!(alice, "<iq type='set'><unblock xmlns='urn:xmpp:blocking'/></iq>").must("<iq type='result'/>");
    assert!(list(&alice).is_empty());
}

/// §3.3: block without items is bad-request.
#[test]
fn block_without_items_is_bad_request() {
    request!(user(), "<iq type='set'><block xmlns='urn:xmpp:blocking'/></iq>").must_fail("bad-request");
}

/// §3.3: an address that is none.
#[test]
fn blocking_a_malformed_address_is_refused() {
    request!(
        user(),
        "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='@example.com'/></block></iq>"
    )
    .must_fail_with_one_of(&["jid-malformed", "bad-request", "item-not-found"]);
}

/// §3.3: the list is kept.
#[test]
fn the_list_is_there_at_the_next_login() {
    let alice = user();
    block(&alice, "a@example.com");
    alice.log_out();
    assert_eq!(list(&alice.session("again")), ["a@example.com"]);
}

/// §3.3: nobody changes another account's list.
#[test]
fn another_accounts_list_is_not_to_be_changed() {
    let (alice, bob) = (online(), online());
    request!(alice, "<iq type='set' to='{bob:#}'><block xmlns='urn:xmpp:blocking'><item jid='a@example.com'/></block></iq>").must("<iq type='error'/>");
    assert!(list(&bob).is_empty());
}

/// §2.2 and §3.3: a message of a blocked contact is not delivered.
#[test]
fn a_blocked_contacts_message_is_not_delivered() {
    let (alice, bob) = (online(), online());
    block(&alice, &bob.bare());
    send!(bob, "<message to='{alice}' type='chat' id='m'><body>hello?</body></message>");
    alice.expect_no("<message/>");
}

/// §3.3: and SHOULD be answered with service-unavailable.
#[test]
fn a_blocked_contacts_message_is_service_unavailable() {
    let (alice, bob) = (online(), online());
    block(&alice, &bob.bare());
    send!(bob, "<message to='{alice:#}' type='chat' id='m'><body>hello?</body></message>");
    expect!(bob, "<message type='error' id='m'/>").must_fail("service-unavailable");
}

/// §3.3: an IQ of a blocked contact is answered with service-unavailable.
#[test]
fn a_blocked_contacts_iq_is_service_unavailable() {
    let (alice, bob) = (online(), online());
    befriend(&alice, &bob);
    block(&alice, &bob.bare());
    request!(bob, "<iq type='get' to='{alice}'><x xmlns='urn:example:x'/></iq>")
        .must_fail("service-unavailable");
    alice.expect_no("<iq type='get'/>");
}

/// §3.3: presence of a blocked contact is not delivered.
#[test]
fn a_blocked_contacts_presence_is_not_delivered() {
    let (alice, bob) = (online(), online());
    subscribe(&alice, &bob);
    block(&alice, &bob.bare());
    bob.send("<presence><status>still here</status></presence>");
    expect_no!(alice, "<presence from='{bob}'/>");
}

/// §3.3: a request of a blocked contact is not delivered.
#[test]
fn a_blocked_contacts_request_is_not_delivered() {
    let (alice, bob) = (online(), online());
    block(&alice, &bob.bare());
    send!(bob, "<presence to='{alice:#}' type='subscribe'/>");
    expect_no!(alice, "<presence from='{bob:#}'/>");
}

/// §3.3: a blocked contact that sees the user's presence is sent unavailable.
#[test]
fn a_blocked_contact_is_sent_unavailable() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    request!(alice, "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='{bob:#}'/></block></iq>")
        .must("<iq type='result'/>");
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// §3.3: and no more presence after that.
#[test]
fn a_blocked_contact_gets_no_more_presence() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    block(&alice, &bob.bare());
    alice.send("<presence><status>secret</status></presence>");
    expect_no!(bob, "<presence from='{alice}'/>");
}

/// §3.3: a blocked stranger learns nothing.
#[test]
fn a_blocked_stranger_is_sent_nothing() {
    let (alice, bob) = (online(), online());
    request!(alice, "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='{bob:#}'/></block></iq>")
        .must("<iq type='result'/>");
    bob.expect_nothing();
}

/// §3.3: a message to a blocked contact is not-acceptable, with the condition blocked.
#[test]
fn a_message_to_a_blocked_contact_is_not_acceptable() {
    let (alice, bob) = (online(), online());
    block(&alice, &bob.bare());
    send!(alice, "<message to='{bob}' type='chat' id='m'><body>hi</body></message>");
    let error = expect!(alice, "<message type='error' id='m'/>");
    error
        .must_fail("not-acceptable")
        .must("<message><error><blocked xmlns='urn:xmpp:blocking:errors'/></error></message>");
    bob.expect_nothing();
}

/// §3.4: after unblocking the contact gets current presence again.
#[test]
fn an_unblocked_contact_gets_presence_again() {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    block(&alice, &bob.bare());
    request!(alice, "<iq type='set'><unblock xmlns='urn:xmpp:blocking'><item jid='{bob:#}'/></unblock></iq>")
        .must("<iq type='result'/>");
    expect!(bob, "<presence from='{alice}' type='{NONE}'/>");
}

/// §3.4: and its messages arrive.
#[test]
fn an_unblocked_contacts_message_is_delivered() {
    let (alice, bob) = (online(), online());
    block(&alice, &bob.bare());
    unblock(&alice, &bob.bare());
    send!(bob, "<message to='{alice:#}' type='chat'><body>hello</body></message>");
    expect!(alice, "<message from='{bob}'><body>hello</body></message>");
}

/// §3.1: a full JID blocks that resource only.
#[test]
fn a_blocked_full_jid_leaves_other_resources_alone() {
    let (alice, bob) = (online(), online());
    let phone = bob.session_online("phone", 0);
    block(&alice, &bob.to_string());
    send!(bob, "<message to='{alice}' type='chat'><body>blocked</body></message>");
    send!(phone, "<message to='{alice}' type='chat'><body>free</body></message>");
    expect!(alice, "<message from='{phone}'><body>free</body></message>");
    alice.expect_no("<message><body>blocked</body></message>");
}

/// §3.1: a domain blocks all its users.
#[test]
fn a_blocked_domain_blocks_its_users() {
    let alice = online();
    let bob = user_at("second.localhost");
    block(&alice, "second.localhost");
    send!(bob, "<message to='{alice}' type='chat'><body>hi</body></message>");
    alice.expect_no("<message/>");
}

/// §2: others are not affected.
#[test]
fn others_are_not_affected() {
    let (alice, bob, carol) = (online(), online(), online());
    block(&alice, &bob.bare());
    send!(carol, "<message to='{alice}' type='chat'><body>hi</body></message>");
    expect!(alice, "<message from='{carol}'><body>hi</body></message>");
}
