"""slixmpp: three users in a room: it is configured, talked in, moderated, and its archive is read."""

import asyncio
import logging
import os

import slixmpp

import common
import slix

BODY = "A plague o' both your houses! <&> \u2603"
MODERATION = "urn:xmpp:message-moderate:1"


class Guest(slix.User):
    """A user who goes into one room."""

    def __init__(self, name, room, nick):
        super().__init__(common.unique(name), register=True)
        self.room, self.nick = room, nick
        self.said, self.subjects, self.moderated = asyncio.Queue(), asyncio.Queue(), asyncio.Queue()
        self.selves, self.others = asyncio.Queue(), asyncio.Queue()
        for plugin in ("xep_0045", "xep_0313", "xep_0359", "xep_0425"):
            self.register_plugin(plugin)
        self.muc = self.plugin["xep_0045"]
        self.add_event_handler("groupchat_message", self.said.put_nowait)
        self.add_event_handler("groupchat_subject", self.subjects.put_nowait)
        self.add_event_handler("moderated_message", self.moderated.put_nowait)
        self.add_event_handler(f"muc::{room}::self-presence", self.selves.put_nowait)
        self.add_event_handler(f"muc::{room}::presence", self.others.put_nowait)

    async def enter(self):
        """Gives its own presence, the subject, the occupants and the history."""
        return await self.muc.join_muc_wait(self.room, self.nick)

    async def refused(self):
        """Why it may not enter."""
        try:
            await self.enter()
        except slixmpp.exceptions.PresenceError as error:
            return error.condition
        return None

    def say(self, body):
        self.send_message(mto=self.room, mbody=body, mtype="groupchat")

    async def hears(self, nick, body):
        while True:
            message = await self.said.get()
            if message["from"].resource == nick and message["body"] == body:
                return message

    async def subject(self, wanted):
        while (await self.subjects.get())["subject"] != wanted:
            pass

    async def put_out(self, code):
        """Waits for the room's word that this user is out of it."""
        while True:
            presence = await self.selves.get()
            if presence["type"] == "unavailable" and code in presence["muc"]["status_codes"]:
                return presence

    async def sees(self, nick, kind, code=None):
        while True:
            presence = await self.others.get()
            got = "unavailable" if presence["type"] == "unavailable" else "available"
            codes = presence["muc"]["status_codes"]
            if presence["from"].resource == nick and got == kind and (code is None or code in codes):
                return presence

    async def archive(self):
        """The bodies of the room's archive, with their ids; what was taken back has none."""
        answer = await self.plugin["xep_0313"].retrieve(jid=self.room)
        results = [result["mam_result"] for result in answer["mam"]["results"]]
        return [(result["id"], result["forwarded"]["stanza"]["body"]) for result in results]


async def configure(report, anna):
    """XEP-0045 §10.2: the form is fetched, filled in and sent, and the room is as it says."""
    form = await report.wait("anna fetches the form of the room", anna.muc.get_room_config(anna.room))
    fields = form.get_fields()
    wanted = {
        "muc#roomconfig_roomname": "Verona",
        "muc#roomconfig_persistentroom": True,
        "muc#roomconfig_changesubject": False,
    }
    # Servers have several names for it.
    archive = ("muc#roomconfig_enablearchiving", "muc#roomconfig_enablelogging", "mam")
    wanted.update((name, True) for name in archive if name in fields)
    answer = anna.plugin["xep_0004"].make_form(ftype="submit")
    answer.add_field(var="FORM_TYPE", ftype="hidden", value="http://jabber.org/protocol/muc#roomconfig")
    for name, value in wanted.items():
        answer.add_field(var=name, ftype=fields[name]["type"], value=value)
    await report.wait("anna configures the room", anna.muc.set_room_config(anna.room, answer))
    info = await anna.plugin["xep_0030"].get_info(jid=anna.room)
    names = [name for _, _, _, name in info["disco_info"]["identities"]]
    report.check("the room has its name", "Verona" in names, names)
    report.check("the room stays", "muc_persistent" in info["disco_info"]["features"])
    report.check("the room has an archive", "urn:xmpp:mam:2" in info["disco_info"]["features"])
    return info["disco_info"]["features"]


async def talk(report, anna, ben):
    ben.say(BODY)
    mine = await report.wait("ben hears himself", ben.hears("Ben", BODY))
    got = await report.wait("anna hears ben", anna.hears("Ben", BODY))
    report.check("it is the same message", got["stanza_id"]["id"] == mine["stanza_id"]["id"] != "")
    anna.muc.set_subject(anna.room, "Peace")
    await report.wait("ben sees the subject", ben.subject("Peace"))
    ben.send_message(mto=f"{ben.room}/Anna", mbody="psst", mtype="chat")
    whisper = await report.wait("ben whispers to anna", anna.message(ben.room))
    report.check("it comes from his nick", whisper["from"].resource == "Ben", whisper["from"])
    nick = await report.wait("ben changes his nick", ben.muc.set_self_nick(slixmpp.JID(ben.room), "Benvolio"))
    report.check("he has the new one", nick == "Benvolio", nick)
    await report.wait("anna sees the old nick go", anna.sees("Ben", "unavailable", 303))
    await report.wait("anna sees the new one", anna.sees("Benvolio", "available"))
    return got


async def take_back(report, anna, ben, features, message):
    """XEP-0425: what ben said is taken back by anna, for all who are there and all who come."""
    if MODERATION not in features:
        # Debian's prosody and ejabberd.
        return
    before = [body for _, body in await anna.archive()]
    report.check("the archive has what ben said", BODY in before, before)
    id = message["stanza_id"]["id"]
    room = slixmpp.JID(anna.room)
    moderated = anna.plugin["xep_0425"].moderate(room, id, "No plagues")
    await report.wait("anna takes back what ben said", moderated)
    for who, user in (("anna", anna), ("ben", ben)):
        told = await report.wait(f"{who} is told", user.moderated.get())
        report.check("that message is meant", told["retract"]["id"] == id, told["retract"]["id"])
    after = [body for _, body in await anna.archive()]
    report.check("the archive has forgotten the words", BODY not in after, after)


async def put_out(report, anna, ben):
    await report.wait("anna kicks ben", anna.muc.set_role(anna.room, "Benvolio", "none", reason="Enough"))
    kicked = await report.wait("ben is out", ben.put_out(307))
    report.check("he is told why", kicked["muc"]["item"]["reason"] == "Enough", kicked["muc"]["item"]["reason"])
    await report.wait("anna sees him go", anna.sees("Benvolio", "unavailable", 307))
    await report.wait("ben comes back", ben.enter())
    ban = anna.muc.set_affiliation(anna.room, "outcast", jid=ben.boundjid.bare, reason="Banished")
    await report.wait("anna bans ben", ban)
    await report.wait("ben is out for good", ben.put_out(301))
    condition = await report.wait("ben tries again", ben.refused())
    report.check("ben is refused", condition == "forbidden", condition)
    banned = await anna.muc.get_affiliation_list(anna.room, "outcast")
    report.check("he is on the list", [str(jid) for jid in banned] == [ben.boundjid.bare], banned)


async def main(report):
    room = f"{common.unique('verona')}@conference.{common.HOST}"
    anna, ben, cleo = (Guest(name.lower(), room, name) for name in ("Anna", "Ben", "Cleo"))
    for user in (anna, ben, cleo):
        user.open()
        await report.wait(f"registers {user.nick}", user.registered)
        await report.wait(f"logs in {user.nick}", user.ready)
    presence, *_ = await report.wait("anna makes a room", anna.enter())
    item = presence["muc"]
    report.check("she owns it", (item["affiliation"], item["role"]) == ("owner", "moderator"), str(presence))
    features = await configure(report, anna)
    condition = await report.wait("nobody else is called Anna", renamed(ben, "Anna").refused())
    report.check("that is a conflict", condition == "conflict", condition)
    _, _, there, _ = await report.wait("ben enters", renamed(ben, "Ben").enter())
    nicks = sorted(presence["from"].resource for presence in there)
    report.check("ben sees who is there", nicks == ["Anna", "Ben"], nicks)
    await report.wait("anna sees ben come", anna.sees("Ben", "available"))
    message = await talk(report, anna, ben)
    _, subject, _, history = await report.wait("cleo enters", cleo.enter())
    report.check("she is told the subject", subject["subject"] == "Peace", subject["subject"])
    heard = [message["body"] for message in history]
    report.check("she is told what was said", BODY in heard, heard)
    seen = [body for _, body in await report.wait("cleo reads the archive", cleo.archive())]
    report.check("it has what was said, once", seen.count(BODY) == 1, seen)
    await take_back(report, anna, ben, features, message)
    await put_out(report, anna, ben)
    await report.wait("anna destroys the room", anna.muc.destroy(room, "The end"))
    for user in (anna, ben, cleo):
        await user.close()


def renamed(user, nick):
    user.nick = nick
    return user


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("XMPP_LOG", "CRITICAL"))
    common.run("slixmpp in a room", main)
