//! RFC 6121 §4.5: becoming unavailable.

use crate::harness::*;

/// Two users of which the second sees the first.
fn watched() -> (Client, Client) {
    let (alice, bob) = (online(), online());
    subscribe(&bob, &alice);
    (alice, bob)
}

/// §4.5.2: the full XML of a graceful unavailable goes to subscribers.
#[test]
fn unavailable_goes_to_subscribers_in_full() {
    let (alice, bob) = watched();
    alice.send("<presence type='unavailable'><status>bye</status></presence>");
    expect!(bob, "<presence from='{alice}' type='unavailable'><status>bye</status></presence>");
}

/// §4.5.2: the own other resources get it.
#[test]
fn unavailable_goes_to_own_other_resources() {
    let alice = online();
    let phone = alice.session_online("phone", 0);
    alice.send("<presence type='unavailable'><status>bye</status></presence>");
    expect!(phone, "<presence from='{alice}' type='unavailable'><status>bye</status></presence>");
}

/// §4.5.2: so does the resource itself.
#[test]
fn unavailable_comes_back_to_the_resource() {
    let alice = online();
    alice.send("<presence type='unavailable'/>");
    expect!(alice, "<presence from='{alice}' type='unavailable'/>");
}

/// §4.5.2: a closed stream is announced by the server.
#[test]
fn a_closed_stream_is_announced() {
    let (alice, bob) = watched();
    alice.log_out();
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// §4.5.2: a connection that is cut is announced by the server.
#[test]
fn a_cut_connection_is_announced() {
    let (alice, bob) = watched();
    alice.cut();
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// §4.5.2: a cut connection is announced to the own other resources.
#[test]
fn a_cut_connection_is_announced_to_own_resources() {
    let alice = online();
    let phone = alice.session_online("phone", 0);
    alice.cut();
    expect!(phone, "<presence from='{alice}' type='unavailable'/>");
}

/// §4.5.2: a stream that ends with an error is announced.
#[test]
fn a_stream_error_is_announced() {
    let (alice, bob) = watched();
    alice.send("<presence></wrong>");
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
}

/// §4.5.2: unavailable is announced once, not again at the end of the stream.
#[test]
fn unavailable_is_announced_once() {
    let (alice, bob) = watched();
    alice.send("<presence type='unavailable'/>");
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    alice.log_out();
    expect_no!(bob, "<presence from='{alice}'/>");
}

/// §4.5.2: a resource that never was available is not announced as unavailable.
#[test]
fn a_resource_that_never_was_available_is_not_announced() {
    let (alice, bob) = watched();
    let silent = alice.session("silent");
    silent.log_out();
    expect_no!(bob, "<presence from='{silent}'/>");
}

/// §4.5.2: unavailable for strangers is not announced.
#[test]
fn unavailable_does_not_go_to_strangers() {
    let (alice, bob) = (online(), online());
    alice.log_out();
    bob.expect_nothing();
}

/// §4.5.2 (Implementation Note): presence after unavailable is initial presence again.
#[test]
fn presence_after_unavailable_is_initial_presence() {
    let (alice, bob) = watched();
    subscribe(&alice, &bob);
    alice.send("<presence type='unavailable'/>");
    settle();
    alice.send("<presence/>");
    expect!(bob, "<presence from='{alice}' type='{NONE}'/>");
    expect!(alice, "<presence from='{bob}' type='{NONE}'/>");
}

/// §4.5: an unavailable resource gets no more presence of its contacts.
#[test]
fn an_unavailable_resource_gets_no_presence() {
    let (alice, bob) = watched();
    bob.send("<presence type='unavailable'/>");
    settle();
    alice.send("<presence><status>new</status></presence>");
    expect_no!(bob, "<presence from='{alice}'/>");
}

/// §4.5.3: all available resources of the contact learn of it.
#[test]
fn unavailable_goes_to_all_resources_of_the_contact() {
    let (alice, bob) = watched();
    let tablet = bob.session_online("tablet", 0);
    alice.send("<presence type='unavailable'/>");
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    expect!(tablet, "<presence from='{alice}' type='unavailable'/>");
}

/// §4.5.2: one resource that leaves does not take the others along.
#[test]
fn the_other_resources_stay_available() {
    let (alice, bob) = watched();
    let phone = alice.session_online("phone", 0);
    alice.send("<presence type='unavailable'/>");
    expect!(bob, "<presence from='{alice}' type='unavailable'/>");
    expect_no!(bob, "<presence from='{phone}' type='unavailable'/>");
    let tablet = bob.session("tablet");
    tablet.send("<presence/>");
    expect!(tablet, "<presence from='{phone}' type='{NONE}'/>");
}
