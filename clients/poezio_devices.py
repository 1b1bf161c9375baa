"""poezio in tmux, as the second device of a user: history, copies, a cut connection that is resumed.

It reaches the server through a small proxy, which cuts the connection. With WAXWING_SCREEN=FILE the screen is written
beside that file as text.
"""

import asyncio
import logging
import os
import pathlib
import re
import secrets
import tempfile

import common
import slix

SESSION = "waxwing-" + secrets.token_hex(4)

CONFIG = """[Poezio]
jid = {jid}/desk
password = {password}
custom_host = 127.0.0.1
custom_port = {port}
ca_cert_path = {ca}
enable_carbons = true
enable_smacks = true
use_log = false
auto_reconnect = true
send_poezio_info = false
"""


class Proxy:
    """Passes bytes on until it is told to cut."""

    def __init__(self):
        self.writers = []

    async def start(self):
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        return server.sockets[0].getsockname()[1]

    async def serve(self, reader, writer):
        there = await asyncio.open_connection(common.ADDRESS, common.PORT)
        self.writers += [writer, there[1]]
        await asyncio.gather(self.pump(reader, there[1]), self.pump(there[0], writer))

    async def pump(self, reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except OSError:
            pass
        writer.close()

    def cut(self):
        for writer in self.writers:
            writer.transport.abort()
        self.writers = []


async def tmux(*words):
    process = await asyncio.create_subprocess_exec(
        "tmux", "-L", SESSION, "-f", "/dev/null", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )
    return (await process.communicate())[0].decode()


async def screen():
    return await tmux("capture-pane", "-p", "-t", "poezio")


async def see(pattern, line=None):
    """Until the screen matches; types the line every other second meanwhile."""
    tick = 0
    while not re.search(pattern, await screen()):
        if line and tick % 50 == 0:
            await type_line(line)
        tick += 1
        await asyncio.sleep(0.1)


async def type_line(line):
    # The slash opens the line for commands; what comes with it would be lost.
    await tmux("send-keys", "-t", "poezio", "-l", "--", line[0])
    await asyncio.sleep(0.5)
    await tmux("send-keys", "-t", "poezio", "-l", "--", line[1:])
    await tmux("send-keys", "-t", "poezio", "Enter")


async def main(report):
    with tempfile.TemporaryDirectory() as folder:
        try:
            await scenes(report, pathlib.Path(folder))
        except common.Failed:
            print(re.sub(r"(?m)^", "    poezio | ", await screen()))
            raise
        finally:
            await tmux("kill-server")


async def scenes(report, folder):
    phone = slix.User(common.unique("anna"), register=True)
    ben = slix.User(common.unique("ben"), register=True)
    for who, user in (("the phone", phone), ("ben", ben)):
        user.open()
        await report.wait(f"registers {who}", user.registered)
        await report.wait(f"logs in {who}", user.ready)
    a, b = phone.boundjid.bare, ben.boundjid.bare
    phone.send_message(mto=b, mbody="before it came", mtype="chat")
    await report.wait("ben gets a message", ben.message(a))

    proxy = Proxy()
    config = folder / "poezio.cfg"
    port = await proxy.start()
    authority = folder / "ca.crt"
    authority.write_bytes(pathlib.Path(common.CA).read_bytes())
    config.write_text(CONFIG.format(jid=a, password=phone.password, port=port, ca=authority))
    # poezio does not run as root.
    folder.chmod(0o777)
    nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups " if os.getuid() == 0 else ""
    command = f"{nobody}env HOME={folder} XDG_CONFIG_HOME={folder} XDG_DATA_HOME={folder} XDG_CACHE_HOME={folder} TERM=screen LC_ALL=C.UTF-8"
    await tmux("new-session", "-d", "-s", "poezio", "-x", "120", "-y", "40", f"{command} poezio -f {config}")
    await report.wait("poezio logs in as the desk", see("(?i)authentication success|Your JID is"))
    await report.wait("it opens a conversation", see(rf"1\.{ben.boundjid.user}", f"/message {b}"))
    await report.wait("its history has what was said before", see("before it came"))
    phone.send_message(mto=b, mbody="said by the phone", mtype="chat")
    await report.wait("it sees what the phone says", see("said by the phone"))
    ben.send_message(mto=phone.boundjid.full, mbody="said to the phone", mtype="chat")
    await report.wait("it sees what the phone gets", see("said to the phone"))

    proxy.cut()
    ben.send_message(mto=a, mbody="while it was cut", mtype="chat")
    await report.wait("its connection is cut and it resumes its session", see(f"Resumed session as {a}"))
    await report.wait("it has what was said meanwhile", see("while it was cut"))
    if os.environ.get("WAXWING_SCREEN"):
        shown = re.sub(r"-[0-9a-f]{8}|[ \t]+$", "", await screen(), flags=re.MULTILINE)
        beside = pathlib.Path(os.environ["WAXWING_SCREEN"]).with_name("poezio.txt")
        beside.write_text(re.sub(r"\n{3,}", "\n\n", shown))
    await type_line("/quit")
    await phone.close()
    await ben.close()


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("XMPP_LOG", "CRITICAL"))
    common.run("poezio", main)
