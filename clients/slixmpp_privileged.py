"""slixmpp as a privileged entity (XEP-0356): rosters, messages, requests and presence of users who trust the server."""

import asyncio
import logging
import os

import slixmpp

import common
import slix

COMPONENT = os.environ.get("XMPP_PRIVILEGED", "privileged.localhost")
PORT = int(os.environ.get("XMPP_PORT_COMPONENT", "5347"))
SECRET = os.environ.get("XMPP_COMPONENT_SECRET", "the secret of the component")
BODY = "Sent in your name <&> \u2603"


class Privileged(slixmpp.ComponentXMPP):
    """Remembers what it is told."""

    def __init__(self):
        super().__init__(COMPONENT, SECRET, common.ADDRESS, PORT)
        self.advertised = asyncio.Event()
        self.ended = asyncio.Event()
        self.presences = asyncio.Queue()
        for plugin in ("xep_0030", "xep_0199", "xep_0297", "xep_0356"):
            self.register_plugin(plugin)
        self.add_event_handler("privileges_advertised", lambda _: self.advertised.set())
        self.add_event_handler("disconnected", lambda _: self.ended.set())
        for kind in ("presence_available", "presence_unavailable"):
            self.add_event_handler(kind, self.presences.put_nowait)

    async def sees(self, jid, kind):
        """Waits for presence of this type from a bare JID."""
        while True:
            presence = await self.presences.get()
            if presence["from"].bare == jid and presence["type"] == kind:
                return presence


async def rosters(report, component, anna):
    privilege = component.plugin["xep_0356"]
    friend = f"friend@{common.HOST}"
    items = {friend: {"name": "Friend", "groups": ["Friends"]}}
    await report.wait("it adds a contact", privilege.set_roster(anna.boundjid.bare, items))
    await report.wait("anna's client is told", anna.subscription(friend, "none"))
    result = await report.wait("it reads the roster", privilege.get_roster(anna.boundjid.bare))
    items = result["roster"]["items"]
    report.check("the contact is there", slixmpp.JID(friend) in items, items)


async def messages(report, component, anna, boris):
    message = component.make_message(mto=boris.boundjid.full, mfrom=anna.boundjid.bare, mbody=BODY, mtype="chat")
    component.plugin["xep_0356"].send_privileged_message(message)
    got = await report.wait("boris gets a message in anna's name", boris.message(anna.boundjid.bare))
    report.check("the body is unchanged", got["body"] == BODY, got["body"])


async def requests(report, component, anna):
    privilege = component.plugin["xep_0356"]
    ping = component.make_iq_get(ito=common.HOST, ifrom=anna.boundjid.bare)
    ping.enable("ping")
    answer = await report.wait("the server answers a ping in anna's name", privilege.send_privileged_iq(ping))
    report.check("it is for anna", answer["to"].bare == anna.boundjid.bare, answer)
    version = component.make_iq_get(ito=common.HOST, ifrom=anna.boundjid.bare, queryxmlns="jabber:iq:version")
    try:
        await privilege.send_privileged_iq(version)
        refused = None
    except slixmpp.exceptions.IqError as error:
        # On a component's stream slixmpp does not find the condition by itself.
        refused = error.iq.xml.find(".//{urn:ietf:params:xml:ns:xmpp-stanzas}forbidden")
    report.check("what is not granted is forbidden", refused is not None)


async def main(report):
    component = Privileged()
    component.connect()
    await report.wait("the component hears what it may do", component.advertised.wait())
    granted = component.plugin["xep_0356"].granted_privileges[common.HOST]
    kinds = [str(kind) for kind in (granted.roster, granted.message, granted.presence)]
    report.check("rosters, messages and presence", kinds == ["both", "outgoing", "managed_entity"], kinds)

    anna = slix.User(common.unique("anna"), register=True)
    boris = slix.User(common.unique("boris"), register=True)
    for user, name in ((anna, "anna"), (boris, "boris")):
        user.open()
        await report.wait(f"registers {name}", user.registered)
        await report.wait(f"logs in {name}", user.ready)
    await report.wait("it sees anna come", component.sees(anna.boundjid.bare, "available"))
    await rosters(report, component, anna)
    await messages(report, component, anna, boris)
    await requests(report, component, anna)
    await report.wait("anna logs out", anna.close())
    await report.wait("it sees anna go", component.sees(anna.boundjid.bare, "unavailable"))
    await report.wait("boris logs out", boris.close())
    await component.disconnect()
    await report.wait("the component leaves", component.ended.wait())


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("XMPP_LOG", "CRITICAL"))
    common.run("slixmpp-privileged", main)
