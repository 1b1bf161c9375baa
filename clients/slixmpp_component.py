"""slixmpp as an external component (XEP-0114): a bot that sends back what it is sent, and a user who talks to it."""

import asyncio
import logging
import os

import slixmpp

import common
import slix

COMPONENT = os.environ.get("XMPP_COMPONENT", "echo.localhost")
PORT = int(os.environ.get("XMPP_PORT_COMPONENT", "5347"))
SECRET = os.environ.get("XMPP_COMPONENT_SECRET", "the secret of the component")
BODY = "Wherefore art thou? <&> \u2603 \U0001f339"


class Echo(slixmpp.ComponentXMPP):
    """Sends back messages, takes everybody as a contact."""

    def __init__(self, secret=SECRET):
        super().__init__(COMPONENT, secret, common.ADDRESS, PORT)
        self.ready = asyncio.get_running_loop().create_future()
        self.refused = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0199")
        self.plugin["xep_0030"].add_identity(category="client", itype="bot", name="Echo")
        self.add_event_handler("session_start", lambda _: self.ready.done() or self.ready.set_result(True))
        self.add_event_handler("stream_error", self._refused)
        self.add_event_handler("disconnected", lambda _: self.ended.set())
        self.add_event_handler("message", self._echo)
        self.add_event_handler("presence_subscribe", self._subscribe)

    def _refused(self, error):
        if not self.refused.done():
            self.refused.set_result(error["condition"])

    def _echo(self, message):
        if message["body"]:
            message.reply(message["body"]).send()

    def _subscribe(self, presence):
        bot, user = presence["to"].bare, presence["from"].bare
        self.send_presence(pfrom=bot, pto=user, ptype="subscribed")
        self.send_presence(pfrom=bot, pto=user)


async def refuses_a_wrong_secret(report):
    liar = Echo("not the secret")
    liar.connect()
    condition = await report.wait("a wrong secret is refused", liar.refused)
    report.check("the reason is not-authorized", condition == "not-authorized", condition)
    report.check("no session began", not liar.ready.done())
    liar.abort()


async def main(report):
    await refuses_a_wrong_secret(report)
    echo = Echo()
    echo.connect()
    await report.wait("the component connects", echo.ready)
    anna = slix.User(common.unique("anna"), register=True)
    errors = asyncio.Queue()
    anna.add_event_handler("message_error", errors.put_nowait)
    anna.open()
    await report.wait("registers anna", anna.registered)
    await report.wait("logs in anna", anna.ready)

    disco = anna.plugin["xep_0030"]
    items = await report.wait("anna asks what the server has", disco.get_items(jid=common.HOST))
    found = [str(item[0]) for item in items["disco_items"]["items"]]
    report.check("the component is there", COMPONENT in found, found)
    info = await report.wait("anna asks who the component is", disco.get_info(jid=COMPONENT))
    identities = [identity[:2] for identity in info["disco_info"]["identities"]]
    report.check("it is a bot", ("client", "bot") in identities, identities)
    await report.wait("anna pings it", anna.plugin["xep_0199"].send_ping(COMPONENT))

    bot = f"anybody@{COMPONENT}"
    anna.send_presence_subscription(pto=bot, ptype="subscribe")
    await report.wait("anna's roster says to", anna.subscription(bot, "to"))
    await report.wait("anna sees the bot", anna.presence(bot, "available"))
    anna.send_message(mto=bot, mbody=BODY, mtype="chat")
    got = await report.wait("the bot answers", anna.message(bot))
    report.check("the body is unchanged", got["body"] == BODY, got["body"])

    await echo.disconnect()
    await report.wait("the component leaves", echo.ended.wait())
    anna.send_message(mto=bot, mbody="still there?", mtype="chat")
    error = await report.wait("a message to it comes back", errors.get())
    report.check("as an error from it", error["from"].bare == bot, error["from"])
    await report.wait("anna logs out", anna.close())


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("XMPP_LOG", "CRITICAL"))
    common.run("slixmpp-component", main)
