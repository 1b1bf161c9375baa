//! XEP-0280 §4, §5 and §10.1: turning copies on and off.

use super::*;

/// Whether a copy of what Carol sends to the phone comes to the desk.
#[track_caller]
fn gets_copies(phone: &Client, desk: &Client) -> bool {
    let carol = online();
    settle();
    send!(carol, "<message to='{phone}' type='chat'><body>hi</body></message>");
    expect!(phone, "<message from='{carol}'><body>hi</body></message>");
    barrier();
    desk.unclaimed(|e| e.name == "message").is_some()
}

/// §4: nobody gets copies who has not asked for them.
#[test]
fn copies_are_off_at_first() {
    let phone = online();
    let desk = phone.session_online("desk", 0);
    assert!(!gets_copies(&phone, &desk));
}

/// §4: after enabling they come.
#[test]
fn copies_come_after_enabling() {
    let phone = online();
    let desk = phone.session_online("desk", 0);
    enable(&desk);
    assert!(gets_copies(&phone, &desk));
}

/// §4: each resource decides for itself.
#[test]
fn enabling_holds_for_one_resource() {
    let phone = online();
    let desk = phone.session_online("desk", 0);
    let tablet = phone.session_online("tablet", 0);
    enable(&tablet);
    assert!(!gets_copies(&phone, &desk));
    assert_eq!(copies(&tablet, "received"), 1, "{}", *tablet);
}

/// §5: after disabling they do not come.
#[test]
fn no_copies_come_after_disabling() {
    let (phone, desk) = pair();
    assert!(gets_copies(&phone, &desk));
    disable(&desk);
    assert!(!gets_copies(&phone, &desk));
}

/// §10.1: they can be turned on and off as often as one likes.
#[test]
fn enabling_again_works() {
    let (phone, desk) = pair();
    disable(&desk);
    enable(&desk);
    assert!(gets_copies(&phone, &desk));
}

/// §10.1: enabling twice is no error.
#[test]
fn enabling_twice_is_answered_with_a_result() {
    let alice = user();
    enable(&alice);
    enable(&alice);
}

/// §10.1: and gives no second copy.
#[test]
fn enabling_twice_gives_one_copy() {
    let (phone, desk) = pair();
    enable(&desk);
    let carol = online();
    send!(carol, "<message to='{phone}' type='chat'><body>hi</body></message>");
    barrier();
    assert_eq!(copies(&desk, "received"), 1, "{}", *desk);
}

/// §10.1: disabling what is disabled is no error.
#[test]
fn disabling_twice_is_answered_with_a_result() {
    let alice = user();
    disable(&alice);
    enable(&alice);
    disable(&alice);
    disable(&alice);
}

/// §4: it holds for the session, and the next one of that resource has to ask again.
#[test]
fn a_new_session_of_the_resource_has_copies_off() {
    let (phone, desk) = pair();
    desk.log_out();
    let desk = phone.session_online("desk", 0);
    assert!(!gets_copies(&phone, &desk));
}

/// §4: the request may be addressed to the own account.
#[test]
fn enabling_may_name_the_own_account() {
    let phone = online();
    let desk = phone.session_online("desk", 0);
    request!(desk, "<iq type='set' to='{desk:#}'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
        .must("<iq type='result'/>");
    assert!(gets_copies(&phone, &desk));
}

/// §4.1: nobody turns them on for another account, nor gets that account's copies.
#[test]
fn another_accounts_copies_cannot_be_enabled() {
    let phone = online();
    let desk = phone.session_online("desk", 0);
    let mallory = online();
    request!(mallory, "<iq type='set' to='{phone:#}'><enable xmlns='urn:xmpp:carbons:2'/></iq>")
        .must("<iq type='error'/>");
    assert!(!gets_copies(&phone, &desk));
    mallory.expect_no("<message/>");
}

/// §5.1: nor off.
#[test]
fn another_accounts_copies_cannot_be_disabled() {
    let (phone, desk) = pair();
    let mallory = online();
    request!(mallory, "<iq type='set' to='{phone:#}'><disable xmlns='urn:xmpp:carbons:2'/></iq>")
        .must("<iq type='error'/>");
    assert!(gets_copies(&phone, &desk));
}

/// §4: it is a set; a get is no request of this protocol (RFC 6120 §8.4).
#[test]
fn a_get_does_not_enable() {
    let phone = online();
    let desk = phone.session_online("desk", 0);
    request!(desk, "<iq type='get'><enable xmlns='urn:xmpp:carbons:2'/></iq>").must("<iq type='error'/>");
    assert!(!gets_copies(&phone, &desk));
}
