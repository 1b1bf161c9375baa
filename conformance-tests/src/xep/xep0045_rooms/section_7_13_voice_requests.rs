//! XEP-0045 §7.13, §8.6: asking for voice.

use crate::harness::rooms::*;

const REQUEST: &str = "<field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#request</value></field>";

/// Asks for voice.
fn ask(who: &Client, room: &Room) {
    send!(
        who,
        "<message to='{room}' id='v'><x xmlns='jabber:x:data' type='submit'>{REQUEST}\
         <field var='muc#role'><value>participant</value></field></x></message>"
    );
}

/// Answers a request.
fn answer(who: &Client, room: &Room, of: &Client, nick: &str, allow: &str) {
    send!(
        who,
        "<message to='{room}' id='approve'><x xmlns='jabber:x:data' type='submit'>{REQUEST}\
         <field var='muc#role'><value>participant</value></field><field var='muc#jid'><value>{of}</value></field>\
         <field var='muc#roomnick'><value>{nick}</value></field>\
         <field var='muc#request_allow'><value>{allow}</value></field></x></message>"
    );
}

/// A moderated room and a visitor.
fn a_visitor() -> (Room, Client) {
    let room = room_with(MODERATED);
    let visitor = room.guest("alice");
    (room, visitor)
}

/// §8.6: the moderators get a form that says who wants what.
#[test]
fn the_moderators_are_asked() {
    let (room, visitor) = a_visitor();
    let other = room.guest_as("admin", "bob");
    ask(&visitor, &room);
    for moderator in [&room.owner, &other] {
        expect!(
            moderator,
            "<message from='{room}'><x xmlns='jabber:x:data' type='form'>{REQUEST}\
             <field var='muc#role'><value>participant</value></field>\
             <field var='muc#jid'><value>{visitor}</value></field>\
             <field var='muc#roomnick'><value>alice</value></field>\
             <field var='muc#request_allow' type='boolean'/></x></message>"
        );
    }
}

/// §8.6: nobody else does.
#[test]
fn nobody_else_is_asked() {
    let (room, visitor) = a_visitor();
    let (other, member) = (room.guest("bob"), room.guest_as("member", "carol"));
    ask(&visitor, &room);
    other.expect_nothing();
    member.expect_nothing();
}

/// §8.6: a moderator who approves gives voice.
#[test]
fn an_approved_request_gives_voice() {
    let (room, visitor) = a_visitor();
    ask(&visitor, &room);
    expect!(room.owner, "<message from='{room}'><x xmlns='jabber:x:data' type='form'/></message>");
    answer(&room.owner, &room, &visitor, "alice", "true");
    expect!(
        visitor,
        "<presence from='{room}/alice'><x xmlns='{USER}'><item role='participant'/></x></presence>"
    );
    visitor.say(&room, "m", "hi");
    expect!(room.owner, "<message from='{room}/alice' id='m'/>");
}

/// §8.6: one who does not gives none.
#[test]
fn a_refused_request_gives_no_voice() {
    let (room, visitor) = a_visitor();
    ask(&visitor, &room);
    expect!(room.owner, "<message from='{room}'><x xmlns='jabber:x:data' type='form'/></message>");
    answer(&room.owner, &room, &visitor, "alice", "false");
    expect_no!(visitor, "<presence from='{room}/alice'/>");
    visitor.say(&room, "m", "hi");
    expect!(visitor, "<message type='error' id='m'/>").must_fail("forbidden");
}

/// §8: nobody else can approve, least of all the visitor.
#[test]
fn nobody_but_a_moderator_approves() {
    let (room, visitor) = a_visitor();
    let member = room.guest_as("member", "carol");
    ask(&visitor, &room);
    answer(&visitor, &room, &visitor, "alice", "true");
    answer(&member, &room, &visitor, "alice", "true");
    expect_no!(visitor, "<presence from='{room}/alice'/>");
    visitor.say(&room, "m", "hi");
    expect!(visitor, "<message type='error' id='m'/>").must_fail("forbidden");
}

/// §17.2 (2): who is not in the room does not ask.
#[test]
fn an_outsider_cannot_ask() {
    let (room, outsider) = (room_with(MODERATED), online());
    ask(&outsider, &room);
    expect!(outsider, "<message type='error' id='v'/>");
    room.owner.expect_nothing();
}
