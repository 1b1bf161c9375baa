"""slixmpp: two users register, log in over TLS, subscribe to each other, chat and leave."""

import asyncio
import logging
import os

import common
import slix

BODY = "Wherefore art thou? <&> \u2603 \U0001f339"


async def refuses_a_strange_certificate(report):
    """The negative twin: with another authority than ours the client must not go on."""
    stranger = slix.User(common.unique("stranger"), ca=common.OTHER_CA)
    stranger.open()
    try:
        await asyncio.wait_for(stranger.ready, common.STEP_SECONDS)
        raise common.Failed("a certificate of an unknown authority is refused")
    except common.Failed as failure:
        report.check("a certificate of an unknown authority is refused", "certificate" in str(failure), str(failure))
    stranger.abort()


async def refuses_a_wrong_password(report, name):
    liar = slix.User(name, password="not the password")
    liar.open()
    try:
        await asyncio.wait_for(liar.ready, common.STEP_SECONDS)
        raise common.Failed("a wrong password is refused")
    except common.Failed as failure:
        report.check("a wrong password is refused", "login failed" in str(failure), str(failure))
    liar.abort()


async def main(report):
    # One by STARTTLS, the other by direct TLS.
    anna = slix.User(common.unique("anna"), register=True)
    ben = slix.User(common.unique("ben"), register=True, direct_tls=True)
    for who, user in (("anna by STARTTLS", anna), ("ben by direct TLS", ben)):
        user.open()
        await report.wait(f"registers {who}", user.registered)
        await report.wait(f"logs in {who}", user.ready)
    a, b = anna.boundjid.bare, ben.boundjid.bare

    anna.send_presence_subscription(pto=b, ptype="subscribe")
    ben.send_presence_subscription(pto=a, ptype="subscribe")
    await report.wait("anna's roster says both", anna.subscription(b, "both"))
    await report.wait("ben's roster says both", ben.subscription(a, "both"))
    await report.wait("anna sees ben come", anna.presence(b, "available"))
    await report.wait("ben sees anna come", ben.presence(a, "available"))

    anna.send_message(mto=b, mbody=BODY, mtype="chat")
    got = await report.wait("ben gets a message", ben.message(a))
    report.check("the body is unchanged", got["body"] == BODY, got["body"])
    got.reply("by any other name").send()
    got = await report.wait("anna gets the answer", anna.message(b))
    report.check("the answer is unchanged", got["body"] == "by any other name", got["body"])

    await report.wait("ben logs out", ben.close())
    await report.wait("anna sees ben go", anna.presence(b, "unavailable"))
    await report.wait("anna logs out", anna.close())

    again = slix.User(anna.boundjid.user)
    again.open()
    await report.wait("anna logs in again", again.ready)
    await report.wait("the roster has been kept", again.subscription(b, "both"))
    await again.close()

    await refuses_a_wrong_password(report, anna.boundjid.user)
    await refuses_a_strange_certificate(report)


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("XMPP_LOG", "CRITICAL"))
    common.run("slixmpp", main)
