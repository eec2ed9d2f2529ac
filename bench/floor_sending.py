"""The floor of sending: a message over HTTP, handed to an SMTP server on an open session, its copy put in by IMAP.

`python -m bench.floor_sending CONFIG` under the rules of bench/floor.py: one file, no framework, no layers. It sends
what OpenGrant sends for the messages of the benchmark, and answers with the same JSON.

What it leaves out: other messages than HTML in ASCII to one recipient, signatures, answers, refusals, deadlines,
bounds, other sessions than two of a mailbox, the look whether the server has filed a copy by itself, and the store.
"""

import asyncio
import base64
import json
import re
import secrets
import ssl
import sys
import time
from email.utils import formatdate
from typing import Any, cast

import uvloop
from pydantic_core import from_json, to_json

Config = dict[str, Any]
"""ca_file, imap, smtp: ports; key of the API; grants: id → user name; password of all of them."""

_TAGS = re.compile(r"<[^>]*>")


class Mailbox:
    """One session with each server."""

    def __init__(self, config: Config, grant: str) -> None:
        self._config, self._grant, self._tags, self._turn = config, grant, 0, asyncio.Lock()
        self._name: str = config["grants"][grant]

    async def open(self) -> None:
        trust = ssl.create_default_context(cafile=self._config["ca_file"])
        name, password = self._name, self._config["password"]
        self._mail = await asyncio.open_connection("127.0.0.2", self._config["imap"], ssl=trust)
        await self._mail[0].readline()
        await self._ask(f'LOGIN "{name}" "{password}"'.encode())
        self._out = await asyncio.open_connection("127.0.0.2", self._config["smtp"], ssl=trust)
        await self._said(1)
        self._out[1].write(b"EHLO localhost\r\n")
        await self._said(1)
        self._out[1].write(b"AUTH PLAIN %b\r\n" % base64.b64encode(f"\0{name}\0{password}".encode()))
        await self._said(1)

    async def send(self, said: dict[str, Any]) -> dict[str, Any]:
        sender, (to,) = self._name, said["to"]
        now, id_ = int(time.time()), f"<{secrets.token_hex(16)}@{sender.rpartition('@')[2]}>"
        body = said["body"].replace("\n", "\r\n")
        message = (
            f"Date: {formatdate(now)}\r\nFrom: {sender}\r\nTo: {to['name']} <{to['email']}>\r\n"
            f"Subject: {said['subject']}\r\nMessage-ID: {id_}\r\nMIME-Version: 1.0\r\n"
            "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
        ).encode() + body.encode()
        async with self._turn:
            write = self._out[1].write
            write(f"MAIL FROM:<{sender}> SIZE={len(message)}\r\nRCPT TO:<{to['email']}>\r\n".encode())
            await self._said(2)
            write(b"DATA\r\n")
            await self._said(1)
            write(message.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
            await self._said(1)
            await self._ask(b"APPEND Sent (\\Seen) {%d+}\r\n%b" % (len(message), message))
        return {
            "id": id_,
            "grant_id": self._grant,
            "object": "message",
            "thread_id": "t" + base64.urlsafe_b64encode(id_.encode()).decode().rstrip("="),
            "subject": said["subject"],
            "from": [{"email": sender, "name": ""}],
            "to": [to],
            "cc": [],
            "bcc": [],
            "reply_to": [],
            "date": now,
            "created_at": now,
            "unread": False,
            "starred": False,
            "folders": ["Sent"],
            "attachments": [],
            "body": body,
            "snippet": " ".join(_TAGS.sub(" ", body[:1024]).split())[:100].rstrip(),
        }

    async def _said(self, replies: int) -> None:
        while replies:
            line = await self._out[0].readline()
            if line[:1] not in (b"2", b"3"):
                raise ConnectionError(line)
            replies -= line[3:4] == b" "

    async def _ask(self, command: bytes) -> None:
        self._tags += 1
        self._mail[1].write(b"a%d %b\r\n" % (self._tags, command))
        while not (line := await self._mail[0].readline()).startswith(b"a%d OK" % self._tags):
            if not line.startswith(b"*"):
                raise ConnectionError(line)


class Http(asyncio.Protocol):
    """One connection: POST alone."""

    def __init__(self, mailboxes: dict[str, Mailbox], key: str) -> None:
        self._mailboxes, self._key, self._got = mailboxes, f"authorization: bearer {key}".encode(), b""
        self._work: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head, end, body = self._got.partition(b"\r\n\r\n")
        size = re.search(rb"content-length: (\d+)", head.lower())
        if end and size is not None and len(body) == int(size[1]):
            self._got = b""
            self._work = asyncio.ensure_future(self._answer(head.lower(), body))

    async def _answer(self, head: bytes, body: bytes) -> None:
        grant = head.split(b"/", 4)[3].decode()
        found = await self._mailboxes[grant].send(from_json(body)) if self._key in head else None
        status = b"401 Unauthorized" if found is None else b"200 OK"
        sent = to_json({"request_id": "floor", "grant_id": grant, "data": found})
        self._transport.write(
            b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (status, len(sent), sent)
        )


async def _serve(config: Config) -> None:
    mailboxes = {grant: Mailbox(config, grant) for grant in config["grants"]}
    for one in mailboxes.values():
        await one.open()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Http(mailboxes, config["key"]), "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(json.loads(sys.argv[1])))
