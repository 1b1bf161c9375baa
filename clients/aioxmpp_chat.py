"""aioxmpp: two users register, log in over TLS, subscribe to each other, chat and leave."""

import asyncio
import logging
import os

import aiosasl
import aioxmpp
import aioxmpp.connector
import aioxmpp.ibr

import common

PASSWORD = "a long enough secret"
BODY = "But soft, what light? <&> \u2603 \U0001f339"


class Verifier(aioxmpp.security_layer.PKIXCertificateVerifier):
    """The usual checks of chain and name; remembers what they said."""

    def __init__(self, verdicts):
        self.verdicts = verdicts

    def verify_callback(self, *args):
        verdict = bool(super().verify_callback(*args))
        self.verdicts.append(verdict)
        return verdict


def security(ca, password, verdicts):
    """TLS that trusts the authority `ca`, and a password."""

    def context():
        made = aioxmpp.security_layer.default_ssl_context()
        made.load_verify_locations(ca)
        return made

    layer = aioxmpp.make_security_layer(password, ssl_context_factory=context)
    return layer._replace(certificate_verifier_factory=lambda: Verifier(verdicts))


class User:
    """One account and what it sees."""

    def __init__(self, name, ca=None, password=PASSWORD, resource="aioxmpp"):
        self.jid = aioxmpp.JID(name, common.HOST, resource)
        self.verdicts = []
        self.security = security(ca or common.CA, password, self.verdicts)
        # STARTTLS; the tools of aioxmpp know where to connect from DNS, here they are told.
        self.peer = (common.ADDRESS, common.PORT, aioxmpp.connector.STARTTLSConnector())
        self.client = aioxmpp.PresenceManagedClient(
            self.jid, self.security, override_peer=[self.peer], max_initial_attempts=1
        )
        self.roster = self.client.summon(aioxmpp.RosterClient)
        self.presence_client = self.client.summon(aioxmpp.PresenceClient)
        self.messages = asyncio.Queue()
        self.presences = asyncio.Queue()
        self.entries = asyncio.Queue()
        dispatcher = self.client.summon(aioxmpp.dispatcher.SimpleMessageDispatcher)
        dispatcher.register_callback(aioxmpp.MessageType.CHAT, None, self.messages.put_nowait)
        self.roster.on_subscribe.connect(lambda stanza: self.roster.approve(stanza.from_.bare()))
        for changed in (self.roster.on_entry_added, self.roster.on_entry_subscription_state_changed):
            changed.connect(lambda _: self.entries.put_nowait(None))
        self.presence_client.on_available.connect(lambda jid, _: self.presences.put_nowait((jid.bare(), True)))
        self.presence_client.on_unavailable.connect(lambda jid, _: self.presences.put_nowait((jid.bare(), False)))
        self.stack = None

    @property
    def bare(self):
        return self.jid.bare()

    async def register(self):
        """XEP-0077, inside TLS and before login."""
        _, stream, features = await aioxmpp.node.connect_xmlstream(
            self.jid, self.security._replace(sasl_providers=()), override_peer=[self.peer]
        )
        try:
            query = aioxmpp.ibr.Query(self.jid.localpart, PASSWORD)
            await aioxmpp.ibr.register(stream, query)
        finally:
            await stream.close_and_wait()

    async def login(self):
        self.stack = self.client.connected(presence=aioxmpp.PresenceState(True))
        await self.stack.__aenter__()

    async def close(self):
        await self.stack.__aexit__(None, None, None)

    async def subscription(self, jid, wanted):
        while jid not in self.roster.items or self.roster.items[jid].subscription != wanted:
            await self.entries.get()

    async def presence(self, jid, available):
        while await self.presences.get() != (jid, available):
            pass

    async def message(self, jid):
        while True:
            message = await self.messages.get()
            if message.from_.bare() == jid and message.body:
                return message.body.any()

    async def say(self, jid, body):
        message = aioxmpp.Message(to=jid, type_=aioxmpp.MessageType.CHAT)
        message.body[None] = body
        await self.client.send(message)


async def refuses_a_wrong_password(report, name):
    liar = User(name, password="not the password")
    refused = False
    try:
        await asyncio.wait_for(liar.login(), common.STEP_SECONDS)
    except aiosasl.AuthenticationFailure:
        refused = True
    report.check("a wrong password is refused", refused and all(liar.verdicts))


async def refuses_a_strange_certificate(report, name):
    """The negative twin: with another authority than ours the client must not go on."""
    stranger = User(name, ca=common.OTHER_CA)
    refused = False
    try:
        await asyncio.wait_for(stranger.login(), common.STEP_SECONDS)
    except Exception:  # noqa: BLE001 - OpenSSL's error or asyncio's InvalidStateError: aioopenssl races here
        refused = True
    report.check("a certificate of an unknown authority is refused", refused and not all(stranger.verdicts))


async def main(report):
    anna = User(common.unique("anna"))
    ben = User(common.unique("ben"))
    for who, user in (("anna", anna), ("ben", ben)):
        await report.wait(f"registers {who}", user.register())
        await report.wait(f"logs in {who} by STARTTLS", user.login())

    anna.roster.subscribe(ben.bare)
    await report.wait("ben's roster says from", ben.subscription(anna.bare, "from"))
    ben.roster.subscribe(anna.bare)
    await report.wait("anna's roster says both", anna.subscription(ben.bare, "both"))
    await report.wait("ben's roster says both", ben.subscription(anna.bare, "both"))
    await report.wait("anna sees ben come", anna.presence(ben.bare, True))
    await report.wait("ben sees anna come", ben.presence(anna.bare, True))

    await anna.say(ben.bare, BODY)
    got = await report.wait("ben gets a message", ben.message(anna.bare))
    report.check("the body is unchanged", got == BODY, got)
    await ben.say(anna.bare, "It is the east")
    got = await report.wait("anna gets the answer", anna.message(ben.bare))
    report.check("the answer is unchanged", got == "It is the east", got)

    await report.wait("ben logs out", ben.close())
    await report.wait("anna sees ben go", anna.presence(ben.bare, False))
    await report.wait("anna logs out", anna.close())

    name = anna.jid.localpart
    await refuses_a_wrong_password(report, name)
    await refuses_a_strange_certificate(report, name)


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("XMPP_LOG", "CRITICAL"))
    common.run("aioxmpp", main)
