"""go-sendxmpp: logs in over TLS by STARTTLS and by direct TLS, is subscribed to, sends, listens and leaves.

go-sendxmpp can neither register nor keep a roster: slixmpp makes its account, and the subscription goes out
as raw XML. The other side of the chat is a slixmpp user.
"""

import asyncio
import logging
import os
import shutil
import signal
import sys

import common
import slix

PASSWORD = "a long enough secret"
BODY = "Speak again, bright angel <&> \u2603 \U0001f339"


class Sender:
    """Runs go-sendxmpp for one account."""

    def __init__(self, program, name):
        self.program = program
        self.name = name
        self.bare = f"{name}@{common.HOST}"

    async def start(self, *arguments, direct_tls=False, password=PASSWORD, ca=None):
        port = common.PORT_TLS if direct_tls else common.PORT
        where = ["-j", f"{common.HOST}:{port}"] + (["-t"] if direct_tls else [])
        environment = {**os.environ, "SSL_CERT_FILE": ca or common.CA, "SSL_CERT_DIR": "/nonexistent"}
        return await asyncio.create_subprocess_exec(
            self.program, "-u", self.bare, "-p", password, *where, *arguments,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=environment,
        )

    async def send(self, text, *arguments, **options):
        """One message from standard input; gives the exit status and what it complained of."""
        process = await self.start(*arguments, **options)
        _, complaint = await process.communicate(text.encode())
        return process.returncode, complaint.decode().strip()


async def heard(process, jid):
    """What the listener prints of a message from `jid`: `TIME JID: BODY`."""
    while line := await process.stdout.readline():
        _, found, body = line.decode().rstrip("\n").partition(f" {jid}: ")
        if found:
            return body
    raise common.Failed("the listener ended")


async def stop(process):
    process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), 2)
    except (asyncio.TimeoutError, TimeoutError):
        process.kill()
        await process.wait()


async def subscribe(report, sender, peer):
    """Both subscriptions; go-sendxmpp's half as raw stanzas."""
    jid = peer.boundjid.bare
    status, complaint = await sender.send(f"<presence to='{jid}' type='subscribe'/>", "--raw")
    report.check("asks for a subscription", status == 0, complaint)
    await report.wait("the peer's roster says from", peer.subscription(sender.bare, "from"))
    peer.send_presence_subscription(pto=sender.bare, ptype="subscribe")
    status, complaint = await sender.send(f"<presence to='{jid}' type='subscribed'/>", "--raw")
    report.check("approves a subscription", status == 0, complaint)
    await report.wait("the peer's roster says both", peer.subscription(sender.bare, "both"))


async def listen(report, sender, peer, direct_tls):
    """A listener comes, is told something, and goes."""
    how = "direct TLS" if direct_tls else "STARTTLS"
    resource = f"listens-{'tls' if direct_tls else 'starttls'}"
    jid = f"{sender.bare}/{resource}"
    listener = await sender.start("-l", "-r", resource, direct_tls=direct_tls)
    try:
        await report.wait(f"is seen to come by {how}", peer.presence(jid, "available"))
        peer.send_message(mto=jid, mbody=BODY, mtype="chat")
        body = await report.wait(f"hears a message by {how}", heard(listener, peer.boundjid.bare))
        report.check("the heard body is unchanged", body == BODY, body)
    finally:
        await stop(listener)
    await report.wait("is seen to go", peer.presence(jid, "unavailable"))


async def main(report):
    program = os.environ.get("GO_SENDXMPP") or shutil.which("go-sendxmpp")
    if not program:
        raise common.Failed("go-sendxmpp is not installed")
    peer = slix.User(common.unique("paula"), register=True)
    peer.open()
    await report.wait("the peer is there", peer.ready)
    sender = Sender(program, common.unique("greta"))
    account = slix.User(sender.name, PASSWORD, register=True)
    account.open()
    await report.wait("its account is made by slixmpp", account.ready)
    await account.close()

    await subscribe(report, sender, peer)
    for direct_tls in (False, True):
        await listen(report, sender, peer, direct_tls)
    status, complaint = await sender.send(BODY, peer.boundjid.bare)
    report.check("sends a message and leaves", status == 0, complaint)
    got = await report.wait("the peer gets it", peer.message(sender.bare))
    report.check("the sent body is unchanged", got["body"] == BODY, got["body"])

    status, complaint = await sender.send("x", peer.boundjid.bare, password="not the password")
    report.check("a wrong password is refused", status != 0 and "auth" in complaint, complaint)
    status, complaint = await sender.send("x", peer.boundjid.bare, ca=common.OTHER_CA)
    what = "a certificate of an unknown authority is refused"
    report.check(what, status != 0 and "certificate" in complaint, complaint)
    await peer.close()


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("XMPP_LOG", "CRITICAL"), stream=sys.stderr)
    common.run("go-sendxmpp", main)
