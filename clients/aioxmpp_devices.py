"""aioxmpp: a user with two devices: copies, history, a lost connection that is resumed, messages while away."""

import asyncio
import logging
import os

import aioxmpp
import aioxmpp.carbons
import aioxmpp.forms
import aioxmpp.misc
import aioxmpp.xso

import aioxmpp_chat
import common

MAM = "urn:xmpp:mam:2"


@aioxmpp.IQ.as_payload_class
class Query(aioxmpp.xso.XSO):
    """XEP-0313, which aioxmpp does not know by itself."""

    TAG = (MAM, "query")
    form = aioxmpp.xso.Child([aioxmpp.forms.Data])


@aioxmpp.IQ.as_payload_class
class Fin(aioxmpp.xso.XSO):
    TAG = (MAM, "fin")
    UNKNOWN_CHILD_POLICY = aioxmpp.xso.UnknownChildPolicy.DROP
    UNKNOWN_ATTR_POLICY = aioxmpp.xso.UnknownAttrPolicy.DROP


class Result(aioxmpp.xso.XSO):
    TAG = (MAM, "result")
    UNKNOWN_ATTR_POLICY = aioxmpp.xso.UnknownAttrPolicy.DROP
    forwarded = aioxmpp.xso.Child([aioxmpp.misc.Forwarded])


aioxmpp.Message.mam_result = aioxmpp.xso.Child([Result])


class Device(aioxmpp_chat.User):
    """A device of a user."""

    def __init__(self, name, resource):
        super().__init__(name, resource=resource)
        self.copies = asyncio.Queue()
        self.results = []
        self.suspended = asyncio.Event()
        self.resumed = asyncio.Event()
        self.established = 0
        self.carbons = self.client.summon(aioxmpp.CarbonsClient)
        dispatcher = self.client.summon(aioxmpp.dispatcher.SimpleMessageDispatcher)
        dispatcher.unregister_callback(aioxmpp.MessageType.CHAT, None)
        for kind in (aioxmpp.MessageType.CHAT, aioxmpp.MessageType.NORMAL):
            dispatcher.register_callback(kind, None, self.sort)
        self.client.on_stream_suspended.connect(lambda _: self.suspended.set())
        self.client.on_stream_resumed.connect(self.resumed.set)
        self.client.on_stream_established.connect(self.count)

    def count(self):
        self.established += 1

    def sort(self, message):
        copy = message.xep0280_sent or message.xep0280_received
        if message.mam_result is not None:
            self.results.append(message.mam_result.forwarded.stanza)
        elif copy is not None:
            self.copies.put_nowait(copy.stanza)
        else:
            self.messages.put_nowait(message)

    async def copy(self, body):
        while (await self.copies.get()).body.any() != body:
            pass

    async def history(self, jid):
        """The bodies of the archive of the conversation with `jid`."""
        form = aioxmpp.forms.Data(type_=aioxmpp.forms.DataType.SUBMIT)
        hidden = aioxmpp.forms.FieldType.HIDDEN
        form.fields.append(aioxmpp.forms.Field(var="FORM_TYPE", type_=hidden, values=[MAM]))
        form.fields.append(aioxmpp.forms.Field(var="with", values=[str(jid)]))
        query = Query()
        query.form = form
        self.results.clear()
        await self.client.send(aioxmpp.IQ(type_=aioxmpp.IQType.SET, payload=query))
        return [stanza.body.any() for stanza in self.results]


async def main(report):
    name = common.unique("anna")
    ben = aioxmpp_chat.User(common.unique("ben"))
    phone, desk = Device(name, "phone"), Device(name, "desk")
    for who, user in (("ben", ben), ("the phone", phone)):
        await report.wait(f"registers {who}", user.register())
        await report.wait(f"logs in {who}", user.login())
    await report.wait("logs in the desk", desk.login())
    await report.wait("the desk turns copies on", desk.carbons.enable())
    report.check("the phone has stream management", phone.client.stream.sm_enabled)

    await phone.say(ben.bare, "from the phone")
    got = await report.wait("ben gets a message", ben.message(phone.bare))
    report.check("that is the message of the phone", got == "from the phone", got)
    await report.wait("the desk sees what the phone has sent", desk.copy("from the phone"))
    await ben.say(phone.jid, "to the phone")
    await report.wait("the phone gets a message", phone.message(ben.bare))
    await report.wait("the desk sees what the phone got", desk.copy("to the phone"))
    seen = await report.wait("the desk asks for the history", desk.history(ben.bare))
    report.check("the history has both", seen == ["from the phone", "to the phone"], seen)

    # As if the network was gone.
    phone.client.stream._xmlstream._transport.get_extra_info("socket").shutdown(2)
    await report.wait("the phone loses its connection", phone.suspended.wait())
    await ben.say(phone.bare, "while it is cut")
    await report.wait("the phone resumes its session", phone.resumed.wait())
    got = await report.wait("it gets what came meanwhile", phone.message(ben.bare))
    report.check("that is the message", got == "while it is cut", got)
    report.check("it was no new session", phone.established == 1, phone.established)

    await report.wait("the phone logs out", phone.close())
    await report.wait("the desk logs out", desk.close())
    await ben.say(phone.bare, "while away")
    again = Device(name, "desk")
    await report.wait("the desk logs in again", again.login())
    got = await report.wait("it gets what came while nobody was there", again.message(ben.bare))
    report.check("that is what ben has said", got == "while away", got)
    await again.close()
    await ben.close()


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("XMPP_LOG", "CRITICAL"))
    common.run("aioxmpp-devices", main)
