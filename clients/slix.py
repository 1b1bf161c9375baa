"""A slixmpp client with the few waits the scripts need."""

import asyncio

import slixmpp

import common


class User(slixmpp.ClientXMPP):
    """One account on the server under test; registers itself when asked to."""

    def __init__(self, name, password="a long enough secret", register=False, direct_tls=False, ca=None):
        super().__init__(f"{name}@{common.HOST}/slixmpp", password)
        self.direct_tls = direct_tls
        self.ca_certs = ca or common.CA
        self.registering = register
        self.registered = asyncio.get_running_loop().create_future()
        self.ready = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()
        self.messages = asyncio.Queue()
        self.presences = asyncio.Queue()
        self.changes = asyncio.Condition()
        self.auto_authorize = True
        self.auto_subscribe = False
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0199")
        if register:
            self.register_plugin("xep_0077", {"force_registration": False})
            self.add_event_handler("register", self._register)
        self.add_event_handler("session_start", self._started)
        self.add_event_handler("failed_all_auth", lambda _: self._refuse("login failed"))
        self.add_event_handler("ssl_invalid_chain", lambda error: self._refuse(f"certificate refused: {error}"))
        self.add_event_handler("disconnected", lambda _: self.ended.set())
        self.add_event_handler("message", self.messages.put_nowait)
        for kind in ("got_online", "got_offline"):
            self.add_event_handler(kind, self.presences.put_nowait)
        self.add_event_handler("roster_update", self._changed)
        self.add_event_handler("presence_subscribed", self._changed)

    def open(self):
        """Connects: direct TLS (XEP-0368) or STARTTLS, never plain text."""
        self.enable_plaintext = False
        self.enable_direct_tls = self.direct_tls
        self.enable_starttls = not self.direct_tls
        self.connect(common.ADDRESS, common.PORT_TLS if self.direct_tls else common.PORT)

    async def _register(self, _form):
        iq = self.Iq()
        iq["type"] = "set"
        iq["register"]["username"] = self.boundjid.user
        iq["register"]["password"] = self.password
        try:
            await iq.send()
            self.registered.set_result(True)
        except slixmpp.exceptions.IqError as error:
            self._refuse(f"registration refused: {error.iq['error']['condition']}")

    def _refuse(self, why):
        for future in (self.registered, self.ready):
            if not future.done():
                future.set_exception(common.Failed(why))
                future.exception()  # whoever awaits it sees it; nobody has to

    async def _started(self, _event):
        await self.get_roster()
        self.send_presence()
        if not self.ready.done():
            self.ready.set_result(True)

    async def _changed(self, _event):
        async with self.changes:
            self.changes.notify_all()

    async def subscription(self, jid, wanted):
        """Waits until the roster says `wanted` about `jid`."""
        async with self.changes:
            await self.changes.wait_for(
                lambda: jid in self.client_roster and self.client_roster[jid]["subscription"] == wanted
            )

    async def presence(self, jid, kind):
        """Waits for a presence of `kind` ("available" or "unavailable") from `jid`, bare or full."""
        while True:
            presence = await self.presences.get()
            got = "unavailable" if presence["type"] == "unavailable" else "available"
            if jid in (presence["from"].bare, presence["from"].full) and got == kind:
                return presence

    async def message(self, jid):
        """Waits for a message with a body from `jid`."""
        while True:
            message = await self.messages.get()
            if message["from"].bare == jid and message["body"]:
                return message

    async def close(self):
        """Says good-bye, closes the stream and waits for the end of the connection."""
        if not self.ended.is_set():
            self.send_presence(ptype="unavailable")
            await self.disconnect()
            await self.ended.wait()
