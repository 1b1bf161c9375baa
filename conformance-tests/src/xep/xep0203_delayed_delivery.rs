//! XEP-0203: delayed delivery, as offline storage shows it.

use crate::harness::*;

/// What an account that was absent gets of a message with this inside.
#[track_caller]
fn delayed(inside: &str) -> Element {
    let (alice, bob) = (online(), user());
    bob.log_out();
    settle();
    send!(alice, "<message to='{bob:#}' type='chat' id='m'><body>hi</body>{inside}</message>");
    barrier();
    let next = bob.session("next");
    next.send("<presence/>");
    next.expect("<message id='m'/>")
}

fn delays(message: &Element) -> Vec<&Element> {
    message.children().filter(|c| c.name == "delay" && c.ns == "urn:xmpp:delay").collect()
}

/// §2: one and only one.
#[test]
fn there_is_one_delay() {
    let message = delayed("");
    assert_eq!(delays(&message).len(), 1, "{message}");
}

/// §2: its 'from' is who delayed the delivery.
#[test]
fn from_is_the_server() {
    delayed("").must("<message><delay xmlns='urn:xmpp:delay' from='localhost'/></message>");
}

/// §2: its 'stamp' is a dateTime in UTC (XEP-0082 §3.2).
#[test]
fn the_stamp_is_utc() {
    let message = delayed("");
    let stamp = delays(&message)[0].need("stamp").to_owned();
    let digits: String = stamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let (seconds, zone) = digits.split_at(19);
    assert_eq!(seconds, "0000-00-00T00:00:00", "{stamp}");
    let fraction = zone.strip_suffix('Z').or_else(|| zone.strip_suffix("+00:00")).expect("a zone");
    assert!(fraction.trim_matches('0').trim_matches('.').is_empty(), "{stamp}");
}

/// §2: it is the time at which the message was sent: not before the one sent before, nor after the one sent after.
#[test]
fn the_stamps_are_in_order() {
    let (alice, bob) = (online(), user());
    bob.log_out();
    settle();
    let now = || {
        let time = request!(alice, "<iq type='get' to='localhost'><time xmlns='urn:xmpp:time'/></iq>");
        time.need_child("time").need_child("utc").text()
    };
    let before = now();
    send!(alice, "<message to='{bob:#}' type='chat' id='m'><body>hi</body></message>");
    barrier();
    let after = now();
    let next = bob.session("next");
    next.send("<presence/>");
    let message = next.expect("<message id='m'/>");
    let stamp = delays(&message)[0].need("stamp").to_owned();
    // Up to the second, as fractions are optional.
    let second = |time: &str| time.get(..19).map(str::to_owned);
    assert!(
        second(&before) <= second(&stamp) && second(&stamp) <= second(&after),
        "{before} {stamp} {after}"
    );
}

const FORGED: &str = "<delay xmlns='urn:xmpp:delay' from='localhost' stamp='2002-09-10T23:08:25Z'/>";

/// §5: a notation in the server's name that the sender put there is discarded.
#[test]
fn a_forged_delay_is_discarded() {
    delayed(FORGED).must_not(
        "<message><delay xmlns='urn:xmpp:delay' from='localhost' stamp='2002-09-10T23:08:25Z'/></message>",
    );
}

/// §5: also when the recipient is there; or the sender is told not-acceptable.
#[test]
fn a_forged_delay_is_discarded_at_once() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob}' type='chat' id='m'><body>hi</body>{FORGED}</message>");
    barrier();
    if let Some(error) = alice.unclaimed(|e| e.name == "message") {
        error.must_fail("not-acceptable");
        return;
    }
    expect!(bob, "<message id='m'/>")
        .must_not("<message><delay xmlns='urn:xmpp:delay' from='localhost'/></message>");
}

/// §5: a notation of somebody else, as a client writes when it sends again (XEP-0198 §4), stays.
#[test]
fn a_delay_of_the_sender_stays() {
    let (alice, bob) = (online(), online());
    send!(
        alice,
        "<message to='{bob}' type='chat' id='m'><body>hi</body>\
         <delay xmlns='urn:xmpp:delay' from='{alice:#}' stamp='2002-09-10T23:08:25Z'/></message>"
    );
    expect!(
        bob,
        "<message id='m'><delay xmlns='urn:xmpp:delay' from='{alice:#}' stamp='2002-09-10T23:08:25Z'/></message>"
    );
}
