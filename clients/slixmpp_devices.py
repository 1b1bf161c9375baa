"""slixmpp: a user with two devices: copies, history, a lost connection that is resumed, messages while away."""

import asyncio
import logging
import os

import common
import slix


class Device(slix.User):
    """A device of a user, with what today's clients use."""

    def __init__(self, name, resource, **options):
        super().__init__(name, **options)
        self.requested_jid.resource = resource
        self.boundjid.resource = resource
        self.copies = asyncio.Queue()
        self.resumed = asyncio.Event()
        self.managed = asyncio.Event()
        self.sessions = 0
        self.register_plugin("xep_0198")
        self.register_plugin("xep_0280")
        self.register_plugin("xep_0313")
        self.register_plugin("xep_0203")
        self.add_event_handler("carbon_sent", lambda message: self.copies.put_nowait(message["carbon_sent"]))
        self.add_event_handler("carbon_received", lambda message: self.copies.put_nowait(message["carbon_received"]))
        self.add_event_handler("session_resumed", lambda _: self.resumed.set())
        self.add_event_handler("sm_enabled", lambda _: self.managed.set())
        self.add_event_handler("session_start", self._count)

    def _count(self, _event):
        self.sessions += 1

    async def copy(self, body):
        """Waits for a copy of a message with this body."""
        while True:
            message = await self.copies.get()
            if message["body"] == body:
                return message

    async def history(self, jid):
        """The bodies of the archive of the conversation with `jid`."""
        answer = await self.plugin["xep_0313"].retrieve(with_jid=jid)
        return [result["mam_result"]["forwarded"]["stanza"]["body"] for result in answer["mam"]["results"]]


async def main(report):
    name = common.unique("anna")
    ben = slix.User(common.unique("ben"), register=True)
    phone = Device(name, "phone", register=True)
    for who, user in (("ben", ben), ("the phone", phone)):
        user.open()
        await report.wait(f"registers {who}", user.registered)
        await report.wait(f"logs in {who}", user.ready)
    await report.wait("the phone turns stream management on", phone.managed.wait())
    desk = Device(name, "desk")
    desk.open()
    await report.wait("logs in the desk", desk.ready)
    await report.wait("the desk turns copies on", desk.plugin["xep_0280"].enable())
    a, b = phone.boundjid.bare, ben.boundjid.bare

    phone.send_message(mto=b, mbody="from the phone", mtype="chat")
    await report.wait("ben gets a message", ben.message(a))
    await report.wait("the desk sees what the phone has sent", desk.copy("from the phone"))
    ben.send_message(mto=phone.boundjid.full, mbody="to the phone", mtype="chat")
    await report.wait("the phone gets a message", phone.message(b))
    await report.wait("the desk sees what the phone got", desk.copy("to the phone"))
    seen = await report.wait("the desk asks for the history", desk.history(b))
    report.check("the history has both", seen == ["from the phone", "to the phone"], seen)

    phone.transport.abort()
    await report.wait("the phone loses its connection", phone.ended.wait())
    ben.send_message(mto=a, mbody="while it is cut", mtype="chat")
    await report.wait("the desk gets a message meanwhile", desk.message(b))
    phone.open()
    await report.wait("the phone resumes its session", phone.resumed.wait())
    got = await report.wait("it gets what came meanwhile", phone.message(b))
    report.check("that is the message", got["body"] == "while it is cut", got["body"])
    report.check("it was no new session", phone.sessions == 1, phone.sessions)

    phone.ended.clear()
    await report.wait("the phone logs out", phone.close())
    await report.wait("the desk logs out", desk.close())
    ben.send_message(mto=a, mbody="while away", mtype="chat")
    again = Device(name, "desk")
    again.open()
    await report.wait("the desk logs in again", again.ready)
    got = await report.wait("it gets what came while nobody was there", again.message(b))
    report.check("that is the message, with the time", got["body"] == "while away" and got["delay"]["stamp"], got)
    await again.close()
    await ben.close()


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("XMPP_LOG", "CRITICAL"))
    common.run("slixmpp-devices", main)
