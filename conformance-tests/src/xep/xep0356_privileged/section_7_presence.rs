//! XEP-0356 §7: presence.

use super::*;

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
