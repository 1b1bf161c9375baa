"""aioxmpp: two users in a room: it is configured and talked in, and one of them is put out."""

import asyncio
import logging
import os

import aioxmpp
import aioxmpp.forms
import aioxmpp.muc

import aioxmpp_chat
import common
from aioxmpp_devices import MAM, Query  # noqa: F401 - it also teaches aioxmpp what a result is

BODY = "Peace? I hate the word. <&> \u2603"


class Guest(aioxmpp_chat.User):
    """A user who goes into one room."""

    def __init__(self, name, nick):
        super().__init__(common.unique(name))
        self.nick = nick
        self.muc = self.client.summon(aioxmpp.MUCClient)
        self.disco = self.client.summon(aioxmpp.DiscoClient)
        self.events = asyncio.Queue()
        self.said = asyncio.Queue()
        self.results = []
        self.room = None
        dispatcher = self.client.summon(aioxmpp.dispatcher.SimpleMessageDispatcher)
        dispatcher.register_callback(aioxmpp.MessageType.NORMAL, None, self.results.append)

    def note(self, what):
        """A callback that notes an event with the nick of whom it is about."""

        def noted(*args, **_):
            member = args[0] if args and isinstance(args[0], aioxmpp.muc.Occupant) else self.room.me
            self.events.put_nowait((what, member.nick))

        return noted

    async def enter(self, room):
        self.room, entered = self.muc.join(room, self.nick)
        self.room.on_message.connect(lambda message, member, *_, **__: self.hear(message, member))
        self.room.on_join.connect(self.note("join"))
        self.room.on_leave.connect(self.left)
        self.room.on_exit.connect(self.gone)
        self.room.on_nick_changed.connect(lambda member, old, new, **_: self.events.put_nowait(("nick", old, new)))
        self.room.on_topic_changed.connect(self.topic)
        await entered

    def hear(self, message, member):
        self.said.put_nowait((member.nick, message.body.any()))

    def left(self, member, muc_leave_mode=None, muc_reason=None, **_):
        self.events.put_nowait(("left", member.nick, muc_leave_mode, muc_reason))

    def gone(self, muc_leave_mode=None, muc_reason=None, **_):
        self.events.put_nowait(("out", muc_leave_mode, muc_reason))

    def topic(self, _member, topic, **_):
        self.events.put_nowait(("topic", topic.any() if topic else ""))

    async def event(self, *wanted):
        while True:
            event = await self.events.get()
            if event[: len(wanted)] == wanted:
                return event

    async def hears(self, nick, body):
        while await self.said.get() != (nick, body):
            pass

    async def say(self, body):
        message = aioxmpp.Message(type_=aioxmpp.MessageType.GROUPCHAT)
        message.body[None] = body
        await self.room.send_message(message)

    async def archive(self, room):
        """The bodies of the room's archive (XEP-0313)."""
        self.results.clear()
        await self.client.send(aioxmpp.IQ(type_=aioxmpp.IQType.SET, to=room, payload=Query()))
        forwarded = [message.mam_result.forwarded.stanza for message in self.results if message.mam_result]
        return [stanza.body.any() for stanza in forwarded if stanza.body]


async def configure(report, anna, room):
    data = await report.wait("anna fetches the form of the room", anna.muc.get_room_config(room))
    # Without aioxmpp's own class for this form, which takes no free number as the most occupants.
    wanted = {
        "FORM_TYPE": "http://jabber.org/protocol/muc#roomconfig",
        "muc#roomconfig_roomname": "Verona",
        "muc#roomconfig_persistentroom": "1",
        "muc#roomconfig_changesubject": "0",
    }
    offered = {field.var for field in data.fields}
    report.check("the form has what she looks for", wanted.keys() <= offered, offered)
    form = aioxmpp.forms.Data(type_=aioxmpp.forms.DataType.SUBMIT)
    form.fields.extend(aioxmpp.forms.Field(var=var, values=[value]) for var, value in wanted.items())
    await report.wait("anna configures the room", anna.muc.set_room_config(room, form))
    info = await anna.disco.query_info(room)
    names = [identity.name for identity in info.identities]
    report.check("the room has its name", "Verona" in names, names)
    report.check("the room stays", "muc_persistent" in info.features)
    return MAM in info.features


async def talk(report, anna, ben):
    await ben.say(BODY)
    await report.wait("ben hears himself", ben.hears("Ben", BODY))
    await report.wait("anna hears ben", anna.hears("Ben", BODY))
    await anna.room.set_topic({None: "Peace"})
    await report.wait("ben sees the subject", ben.event("topic", "Peace"))
    await ben.room.set_nick("Benvolio")
    await report.wait("anna sees the new nick", anna.event("nick", "Ben", "Benvolio"))
    await report.wait("ben has it", ben.event("nick", "Ben", "Benvolio"))


def member(guest, nick):
    return next(member for member in guest.room.members if member.nick == nick)


async def put_out(report, anna, ben, room):
    kicked, banned = aioxmpp.muc.LeaveMode.KICKED, aioxmpp.muc.LeaveMode.BANNED
    await report.wait("anna kicks ben", anna.room.kick(member(anna, "Benvolio"), "Enough"))
    event = await report.wait("ben is out", ben.event("out"))
    report.check("he is told why", event == ("out", kicked, "Enough"), event)
    await report.wait("anna sees him go", anna.event("left", "Benvolio", kicked))
    ben.nick = "Benvolio"
    await report.wait("ben comes back", ben.enter(room))
    await report.wait("anna sees him come", anna.event("join", "Benvolio"))
    ban = anna.muc.set_affiliation(room, ben.bare, "outcast", reason="Banished")
    await report.wait("anna bans ben", ban)
    event = await report.wait("ben is out for good", ben.event("out"))
    report.check("he is told that it is a ban", event[1] == banned, event)
    try:
        await asyncio.wait_for(ben.enter(room), common.STEP_SECONDS)
        refusal = None
    except aioxmpp.errors.XMPPError as error:
        refusal = error.condition
    report.check("ben is refused", refusal == aioxmpp.ErrorCondition.FORBIDDEN, refusal)


async def main(report):
    room = aioxmpp.JID(common.unique("verona"), f"conference.{common.HOST}", None)
    anna, ben = Guest("anna", "Anna"), Guest("ben", "Ben")
    for who, user in (("anna", anna), ("ben", ben)):
        await report.wait(f"registers {who}", user.register())
        await report.wait(f"logs in {who}", user.login())
    await report.wait("anna makes a room", anna.enter(room))
    me = anna.room.me
    report.check("she owns it", (me.affiliation, me.role) == ("owner", "moderator"), (me.affiliation, me.role))
    has_archive = await configure(report, anna, room)
    await report.wait("ben enters", ben.enter(room))
    nicks = sorted(member.nick for member in ben.room.members)
    report.check("ben sees who is there", nicks == ["Anna", "Ben"], nicks)
    await report.wait("anna sees ben come", anna.event("join", "Ben"))
    await talk(report, anna, ben)
    if has_archive:
        seen = await report.wait("ben reads the archive", ben.archive(room))
        report.check("it has what was said, once", seen.count(BODY) == 1, seen)
    await put_out(report, anna, ben, room)
    await anna.room.leave()
    report.check("anna leaves", not anna.room.muc_joined)
    for user in (anna, ben):
        await user.close()


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("XMPP_LOG", "CRITICAL"))
    common.run("aioxmpp in a room", main)
