//! XEP-0249: invitations without the room. A server passes them on, and that is all it has to do.

use crate::harness::rooms::*;

const INVITATION: &str = "<x xmlns='jabber:x:conference' jid='darkcave@conference.localhost' password='cauldronburn' \
                          reason='Hey Hecate' continue='true' thread='e0ffe42b'/>";

/// §2: it comes as it was sent.
#[test]
fn an_invitation_comes_as_it_was_sent() {
    let (alice, bob) = (online(), online());
    send!(alice, "<message to='{bob:#}' id='i'>{INVITATION}</message>");
    expect!(bob, "<message from='{alice}' to='{bob:#}' id='i'>{INVITATION}</message>");
}

/// §2: to a full JID as well.
#[test]
fn an_invitation_to_a_session_comes_to_it() {
    let (alice, bob) = (online(), online());
    let desk = bob.session_online("desk", 0);
    send!(alice, "<message to='{desk}' id='i'>{INVITATION}</message>");
    expect!(desk, "<message from='{alice}' id='i'>{INVITATION}</message>");
    bob.expect_nothing();
}

/// §5 (1), (2): somebody who is blocked does not get one through.
#[test]
fn an_invitation_of_somebody_blocked_does_not_come() {
    let (alice, bob) = (online(), online());
    request!(bob, "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='{alice:#}'/></block></iq>")
        .must("<iq type='result'/>");
    settle();
    send!(alice, "<message to='{bob:#}' id='i'>{INVITATION}</message>");
    bob.expect_nothing();
}

/// §1: it is what works where the room's own invitation is blocked.
#[test]
fn an_invitation_comes_though_the_room_is_blocked() {
    let (room, bob) = (room(), online());
    request!(bob, "<iq type='set'><block xmlns='urn:xmpp:blocking'><item jid='{SERVICE}'/></block></iq>")
        .must("<iq type='result'/>");
    settle();
    send!(room.owner, "<message to='{bob:#}' id='i'><x xmlns='jabber:x:conference' jid='{room}'/></message>");
    expect!(bob, "<message from='{owner}' id='i'/>", owner = room.owner);
}

/// §4: no server adds the invited to the room.
#[test]
fn an_invitation_makes_no_member() {
    let (room, bob) = (room_with(MEMBERS_ONLY), online());
    send!(room.owner, "<message to='{bob:#}' id='i'><x xmlns='jabber:x:conference' jid='{room}'/></message>");
    expect!(bob, "<message id='i'/>");
    bob.try_join(&room, "bob", "").must_fail("registration-required");
}

/// §2: the addressee who is offline gets it later (XEP-0160, for messages without a body only where the server keeps
/// them: so with a body, as clients send it).
#[test]
fn an_invitation_waits_for_its_addressee() {
    let (alice, bob) = (online(), online());
    bob.send("<presence type='unavailable'/>");
    settle();
    send!(alice, "<message to='{bob:#}' id='i'><body>Come to the cave</body>{INVITATION}</message>");
    barrier();
    bob.send("<presence/>");
    expect!(bob, "<message from='{alice}' id='i'>{INVITATION}</message>");
}
