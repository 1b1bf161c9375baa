//! XEP-0356 §7: presence.

use super::*;
use crate::harness::conn::PATIENCE;

/// §7.1: "Only initial <presence/> stanzas and <presence/> stanzas with a 'type' attribute with the value
/// "unavailable"".
#[test]
fn the_beginning_and_the_end_of_presence_are_told() {
    let (alice, reader) = (user(), privileged(READER));
    send!(alice, "<presence id='p1'><show>chat</show></presence>");
    expect!(
        reader,
        "<presence from='{alice}' to='{READER}' id='p1' type='{NONE}'><show>chat</show></presence>"
    );
    send!(alice, "<presence id='p2'><show>away</show></presence>");
    reader.expect_no(&format!("<presence from='{alice}' id='p2'/>"));
    send!(alice, "<presence type='unavailable'/>");
    expect!(reader, "<presence from='{alice}' to='{READER}' type='unavailable'/>");
}

#[test]
fn without_permission_nothing_is_told() {
    let gateway = Component::connect(GATEWAY);
    let alice = online();
    gateway.expect_no(&format!("<presence from='{alice}'/>"));
}

/// §7.4: presence of contacts, changes as well.
#[test]
fn contacts_are_told_of_with_roster() {
    let (alice, bob) = (online(), online_at("second.localhost"));
    subscribe(&alice, &bob);
    let (component, reader) = (privileged(PRIVILEGED), privileged(READER));
    send!(bob, "<presence id='p1'><show>dnd</show></presence>");
    expect!(component, "<presence from='{bob}' to='{PRIVILEGED}' type='{NONE}'><show>dnd</show></presence>");
    send!(bob, "<presence type='unavailable'/>");
    expect!(component, "<presence from='{bob}' to='{PRIVILEGED}' type='unavailable'/>");
    reader.expect_no(&format!("<presence from='{bob}'/>"));
}

/// §7.4: "If the managed entity is unavailable but the privileged entity is available, the server MUST send" it.
#[test]
fn contacts_are_told_of_while_the_account_is_away() {
    let (alice, bob) = (online(), online_at("second.localhost"));
    subscribe(&alice, &bob);
    let component = privileged(PRIVILEGED);
    alice.log_out();
    barrier();
    send!(bob, "<presence><show>xa</show></presence>");
    expect!(component, "<presence from='{bob}' to='{PRIVILEGED}'><show>xa</show></presence>");
}

/// §7.4: "managed entity contacts" only.
#[test]
fn strangers_are_not_told_of() {
    let (alice, bob, component) = (online(), user_at("second.localhost"), privileged(PRIVILEGED));
    send!(bob, "<presence to='{alice:#}'/>");
    component.expect_no(&format!("<presence from='{bob}'/>"));
}

/// §8 rule 1: "if a privileged entity is connected after first <presence/> stanzas have been received".
#[test]
fn who_connects_later_hears_of_all() {
    let (alice, bob) = (online(), online_at("second.localhost"));
    subscribe(&alice, &bob);
    let component = privileged(PRIVILEGED);
    expect!(component, "<presence from='{alice}' to='{PRIVILEGED}' type='{NONE}'/>");
    expect!(component, "<presence from='{bob}' to='{PRIVILEGED}' type='{NONE}'/>");
}

/// §8 rule 2: "the server SHOULD send it only once".
#[test]
fn the_same_presence_is_told_once() {
    let (alice, carol, bob) = (online(), online(), online_at("second.localhost"));
    subscribe(&alice, &bob);
    subscribe(&carol, &bob);
    let component = privileged(PRIVILEGED);
    send!(bob, "<presence id='once'><show>dnd</show></presence>");
    let told = format!("<presence from='{bob}' to='{PRIVILEGED}'><show>dnd</show></presence>");
    component.expect(&told);
    component.expect_no(&told);
}

/// §7.4: gone for one account, and there for another.
#[test]
fn the_end_is_told_when_no_account_sees_the_contact() {
    let (alice, carol, bob) = (online(), online(), online_at("second.localhost"));
    subscribe(&alice, &bob);
    subscribe(&carol, &bob);
    let component = privileged(PRIVILEGED);
    send!(bob, "<presence><show>dnd</show></presence>");
    component.expect(&format!("<presence from='{bob}' to='{PRIVILEGED}'><show>dnd</show></presence>"));
    let gone = format!("<presence from='{bob}' to='{PRIVILEGED}' type='unavailable'/>");
    send!(bob, "<presence type='unsubscribed' to='{alice:#}'/>");
    component.expect_no(&gone);
    send!(bob, "<presence type='unsubscribed' to='{carol:#}'/>");
    component.expect(&gone);
}

/// §8 rule 1: "it would have had": XEP-0191 §3.3 has a contact look unavailable to whom it has blocked.
#[test]
fn who_connects_later_does_not_hear_of_who_has_blocked_the_account() {
    let (alice, bob, carol) = (online(), online_at("second.localhost"), online_at("second.localhost"));
    subscribe(&alice, &bob);
    subscribe(&alice, &carol);
    request!(bob, "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='{alice:#}'/></block></iq>");
    let component = privileged(PRIVILEGED);
    component.expect(&format!("<presence from='{carol}' to='{PRIVILEGED}' type='{NONE}'/>"));
    component.expect_no(&format!("<presence from='{bob}'/>"));
}

/// §2: "totally transparent for the managed entities".
#[test]
fn what_a_component_does_not_read_bounces_to_nobody() {
    let (alice, reader) = (user(), privileged(READER));
    let status = format!("<status>{}</status>", "x".repeat(100_000));
    let (bounced, shown) =
        (Element::parse("<message type='error'/>"), Element::parse("<presence type='error'/>"));
    for turn in 0.. {
        assert!(turn < 200, "{READER} is not cut off");
        send!(alice, "<presence>{status}</presence>");
        send!(alice, "<presence type='unavailable'>{status}</presence>");
        send!(alice, "<message to='a@{READER}'/>");
        alice.ping();
        let came = alice.inbox();
        alice.forget();
        assert!(!came.iter().any(|it| it.matches(&shown)), "presence has bounced");
        if came.iter().any(|it| it.matches(&bounced)) {
            break;
        }
    }
    // What waited has been given back before the stream is closed.
    while !matches!(reader.poll(PATIENCE), Some(Item::Eof) | None) {}
    alice.expect_no("<presence type='error'/>");
}
