"""What the Python client scripts share: the server's address, the words of a report, and deadlines.

A script prints one line `ok CLIENT: WHAT` for every step it has checked. The first step that fails
prints `FAILED CLIENT: WHAT` and ends the script with status 1.
"""

import asyncio
import os
import secrets
import sys

HOST = os.environ.get("XMPP_HOST", "localhost")
ADDRESS = os.environ.get("XMPP_ADDRESS", "127.0.0.1")
PORT = int(os.environ.get("XMPP_PORT", "5222"))
PORT_TLS = int(os.environ.get("XMPP_PORT_TLS", "5223"))
CA = os.environ.get("XMPP_CA", "")
OTHER_CA = os.environ.get("XMPP_OTHER_CA", "")
STEP_SECONDS = float(os.environ.get("XMPP_STEP_SECONDS", "20"))


class Failed(Exception):
    """A step did not do what it should."""


class Report:
    """Prints the steps of one client."""

    def __init__(self, client):
        self.client = client

    def ok(self, what):
        print(f"ok {self.client}: {what}", flush=True)

    def check(self, what, condition, seen=None):
        if not condition:
            raise Failed(what if seen is None else f"{what} (seen: {seen!r})")
        self.ok(what)

    async def wait(self, what, awaitable):
        """Awaits a step for at most STEP_SECONDS and reports it."""
        try:
            value = await asyncio.wait_for(awaitable, STEP_SECONDS)
        except (asyncio.TimeoutError, TimeoutError):
            raise Failed(f"{what} (nothing for {STEP_SECONDS:g} s)") from None
        self.ok(what)
        return value


def unique(name):
    """A user name no other run has used on this server."""
    return f"{name}-{secrets.token_hex(4)}"


def run(client, main):
    """Runs `main(report)` and turns what happens into lines and an exit status."""
    report = Report(client)
    try:
        asyncio.run(main(report))
    except Failed as failure:
        print(f"FAILED {client}: {failure}", flush=True)
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - whatever a client library raises is a failed step
        print(f"FAILED {client}: {type(error).__name__}: {error}", flush=True)
        sys.exit(1)
