"""tokio-xmpp: the echo bot of examples/ registers, logs in over TLS, is added, chats and leaves.

The bot is the client under test; a slixmpp user talks to it. ECHO_BOT names the bot's program.
"""

import asyncio
import logging
import os
import signal

import common
import slix

PASSWORD = "a long enough secret"
BODY = "What's in a name? <&> \u2603 \U0001f339"


async def start(name, password=PASSWORD, ca=None):
    environment = {**os.environ, "SSL_CERT_FILE": ca or common.CA}
    environment.pop("SSL_CERT_DIR", None)
    return await asyncio.create_subprocess_exec(
        os.environ["ECHO_BOT"], f"{name}@{common.HOST}", password, f"{common.ADDRESS}:{common.PORT}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=environment,
    )


async def says(bot, words):
    """Waits for a line of the bot with `words` in it."""
    lines = []
    while line := (await bot.stdout.readline()).decode():
        lines.append(line)
        if words in line:
            return
    raise common.Failed(f"the bot ended without '{words}': {''.join(lines)!r}")


async def chat(report, bot, name):
    """All that the bot does while it is online."""
    jid = f"{name}@{common.HOST}"
    await report.wait("registers", says(bot, f"Made the account {jid}"))
    await report.wait("logs in", says(bot, f"Online as {jid}/"))

    user = slix.User(common.unique("juliet"), register=True)
    user.open()
    await report.wait("the other user is there", user.ready)
    user.send_presence_subscription(pto=jid, ptype="subscribe")
    await report.wait("accepts and asks back: the roster says both", user.subscription(jid, "both"))
    await report.wait("is seen to come", user.presence(jid, "available"))
    user.send_message(mto=jid, mbody=BODY, mtype="chat")
    got = await report.wait("answers", user.message(jid))
    report.check("the answer is what it was told", got["body"] == BODY, got["body"])
    bot.send_signal(signal.SIGINT)
    await report.wait("logs out", bot.wait())
    report.check("ends without complaint", bot.returncode == 0, bot.returncode)
    await report.wait("is seen to go", user.presence(jid, "unavailable"))
    await user.close()


async def main(report):
    name = common.unique("echo")
    bot = await start(name)
    try:
        await chat(report, bot, name)
    finally:
        if bot.returncode is None:
            bot.kill()
            await bot.wait()
    again = await start(name)
    try:
        await report.wait("knows its account again", says(again, "is there already"))
        await report.wait("logs in again", says(again, "Online as"))
    finally:
        again.kill()
        await again.wait()
    stranger = await start(name, ca=common.OTHER_CA)
    output, _ = await asyncio.wait_for(stranger.communicate(), common.STEP_SECONDS)
    what = "a certificate of an unknown authority is refused"
    report.check(what, stranger.returncode != 0 and b"certificate" in output.lower(), output.decode())


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("XMPP_LOG", "CRITICAL"))
    common.run("tokio-xmpp", main)
