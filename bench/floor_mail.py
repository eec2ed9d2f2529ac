"""The floor of mail: a page of messages and one message over HTTP, read from an IMAP server on one open session.

`python -m bench.floor_mail CONFIG` under the rules of bench/floor.py: one file, no framework, no layers. It asks the
server what OpenGrant asks, and answers with the same JSON for the messages of the benchmark.

What it leaves out: all that those messages are not (other charsets than UTF-8, messages within messages, encoded
parameters), other servers' order of items, deadlines, bounds, filters, cursors, other sessions than one, and the store.
"""

import asyncio
import base64
import binascii
import json
import re
import ssl
import sys
from datetime import datetime
from email.header import decode_header
from typing import Any, cast

import uvloop
from pydantic_core import to_json

Config = dict[str, Any]
"""port, ca_file, username, password of the IMAP server; key of the API; grant: id."""
Structure = list[Any]

_HEADERS = b"HEADER.FIELDS (FROM TO CC BCC REPLY-TO SUBJECT MESSAGE-ID IN-REPLY-TO REFERENCES)"
_FETCH = re.compile(
    rb"\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\) INTERNALDATE \"([^\"]+)\" RFC822\.SIZE (\d+)"
    rb" BODYSTRUCTURE (.*?) BODY\[HEADER[^\]]*\] \{(\d+)\}\r\n",
    re.DOTALL,
)
_TEXT = re.compile(rb"\* \d+ FETCH \(UID (\d+) BODY\[[\d.]+\]<0> \{(\d+)\}\r\n")
_FOUND = re.compile(rb"ALL ([\d:,]+)")
_TOKEN = re.compile(rb'([()])|"((?:[^"\\]|\\.)*)"|([^ ()]+)')
_ADDRESS = re.compile(r'(?:"?([^"<,]*?)"? *<([^>]+)>|([^ ,<>]+@[^ ,<>]+))')
_TAGS = re.compile(r"<[^>]*>")


class Mailbox:
    """One session with the IMAP server."""

    def __init__(self, config: Config) -> None:
        self._config, self._tags, self._turn = config, 0, asyncio.Lock()

    async def open(self) -> None:
        trust = ssl.create_default_context(cafile=self._config["ca_file"])
        self._reader, self._writer = await asyncio.open_connection(
            "127.0.0.2", self._config["port"], ssl=trust, limit=1 << 20
        )
        await self._reader.readline()
        password = self._config["password"].replace("\\", "\\\\").replace('"', '\\"')
        await self._ask(f'LOGIN "{self._config["username"]}" "{password}"'.encode())
        await self._ask(b"EXAMINE INBOX")

    async def page(self, limit: int) -> list[dict[str, Any]]:
        async with self._turn:
            await self._ask(b"NOOP")
            found = _FOUND.search(await self._ask(b"UID SEARCH RETURN (ALL) ALL"))
            numbers = [] if found is None else _numbers(found[1])[-limit:]
            return await self._shown(b"%d:%d" % (numbers[0], numbers[-1]) if numbers else b"0")

    async def get(self, message_id: str) -> dict[str, Any] | None:
        async with self._turn:
            await self._ask(b"NOOP")
            found = _FOUND.search(
                await self._ask(b'UID SEARCH RETURN (ALL) HEADER Message-ID "%b"' % message_id.encode())
            )
            return None if found is None else (await self._shown(b"%d" % _numbers(found[1])[-1]))[0]

    async def _shown(self, uids: bytes) -> list[dict[str, Any]]:
        said = await self._ask(
            b"UID FETCH %b (UID FLAGS INTERNALDATE RFC822.SIZE BODYSTRUCTURE BODY.PEEK[%b])" % (uids, _HEADERS)
        )
        heads, at = list[tuple[Any, ...]](), 0
        while (line := _FETCH.search(said, at)) is not None:
            at = line.end() + int(line[6])
            heads.append((line, said[line.end() : at], _leaves(_structure(line[5]), "")))
        asked = dict[str, list[bytes]]()
        chosen = dict[bytes, Structure]()
        for line, _, leaves in heads:
            texts = [leaf for leaf in leaves if leaf[1][0].lower() == b"text" and not _name(leaf[1])]
            number, leaf = next((leaf for leaf in texts if leaf[1][1].lower() == b"html"), texts[0])
            asked.setdefault(number, []).append(line[1])
            chosen[line[1]] = leaf
        bodies = dict[bytes, bytes]()
        for number, uids_ in asked.items():
            said = await self._ask(b"UID FETCH %b (UID BODY.PEEK[%b]<0.262144>)" % (b",".join(uids_), number.encode()))
            at = 0
            while (text := _TEXT.search(said, at)) is not None:
                at = text.end() + int(text[2])
                bodies[text[1]] = said[text.end() : at]
        return [
            self._message(line, fields, leaves, _decoded(bodies[line[1]], chosen[line[1]]), chosen[line[1]])
            for line, fields, leaves in reversed(heads)
        ]

    def _message(
        self, line: re.Match[bytes], raw: bytes, leaves: list[tuple[str, Structure]], body: str, shown: Structure
    ) -> dict[str, Any]:
        fields = dict[str, str]()
        for one in raw.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n"):
            name, _, value = one.partition(b":")
            fields[name.lower().decode()] = value.strip().decode()
        id_ = fields["message-id"]
        root = (fields.get("references") or fields.get("in-reply-to") or id_).split()[0]
        date = int(datetime.strptime(line[3].decode().strip(), "%d-%b-%Y %H:%M:%S %z").timestamp())
        html = shown[1].lower() == b"html"
        return {
            "id": id_,
            "grant_id": self._config["grant"],
            "object": "message",
            "thread_id": "t" + base64.urlsafe_b64encode(root.encode()).decode().rstrip("="),
            "subject": _words(fields.get("subject", "")),
            "from": _addresses(fields.get("from")),
            "to": _addresses(fields.get("to")),
            "cc": _addresses(fields.get("cc")),
            "bcc": _addresses(fields.get("bcc")),
            "reply_to": _addresses(fields.get("reply-to")),
            "date": date,
            "created_at": date,
            "unread": b"\\Seen" not in line[2],
            "starred": b"\\Flagged" in line[2],
            "folders": ["INBOX"],
            "attachments": [self._attachment(number, leaf) for number, leaf in leaves if _name(leaf)],
            "body": body,
            "snippet": " ".join((_TAGS.sub(" ", body[:2048]) if html else body[:2048]).split())[:100].rstrip(),
        }

    def _attachment(self, number: str, leaf: Structure) -> dict[str, Any]:
        return {
            "id": number,
            "grant_id": self._config["grant"],
            "filename": _name(leaf),
            "content_type": f"{leaf[0].decode()}/{leaf[1].decode()}",
            "size": int(leaf[6]),
            "content_disposition": "attachment",
            "is_inline": False,
        }

    async def _ask(self, command: bytes) -> bytes:
        """All that is said up to the command's OK."""
        self._tags += 1
        end = b"\r\na%d OK" % self._tags
        self._writer.write(b"a%d %b\r\n" % (self._tags, command))
        said = bytearray(b"\r\n")
        while (at := said.rfind(end, max(0, len(said) - 2000))) < 0 or not said.endswith(b"\r\n"):
            piece = await self._reader.read(1 << 16)
            if not piece:
                raise ConnectionError(command)
            said += piece
        return bytes(said[:at])


def _numbers(text: bytes) -> list[int]:
    found = list[int]()
    for part in text.split(b","):
        first, _, last = part.partition(b":")
        found += range(int(first), int(last or first) + 1)
    return found


def _structure(text: bytes) -> Structure:
    current: Structure = []
    outer = list[Structure]()
    for bracket, quoted, atom in _TOKEN.findall(text):
        if bracket == b"(":
            outer.append(current)
            current.append([])
            current = current[-1]
        elif bracket:
            current = outer.pop()
        else:
            current.append(atom or quoted)
    found: Structure = current[0]
    return found


def _leaves(part: Structure, number: str) -> list[tuple[str, Structure]]:
    if not isinstance(part[0], list):
        return [(number or "1", part)]
    prefix = f"{number}." if number else ""
    inner = [one for one in part if isinstance(one, list)] if isinstance(part[0], list) else []
    parts = inner[: next((place for place, one in enumerate(part) if not isinstance(one, list)), len(part))]
    return [leaf for place, one in enumerate(parts, 1) for leaf in _leaves(one, f"{prefix}{place}")]


def _name(leaf: Structure) -> str | None:
    """Of the file, by its disposition."""
    said = next((one for one in leaf[8:] if isinstance(one, list) and one[0].lower() == b"attachment"), None)
    return said[1][said[1].index(b"filename") + 1].decode() if said else None


def _decoded(data: bytes, leaf: Structure) -> str:
    encoding = leaf[5].lower()
    if encoding == b"quoted-printable":
        data = binascii.a2b_qp(data)
    elif encoding == b"base64":
        data = binascii.a2b_base64(data)
    return data.decode()


def _words(text: str) -> str:
    if "=?" not in text:
        return text
    return "".join(
        part.decode(charset or "ascii") if isinstance(part, bytes) else part for part, charset in decode_header(text)
    )


def _addresses(text: str | None) -> list[dict[str, str]]:
    if not text:
        return []
    return [{"email": one[2] or one[3], "name": _words((one[1] or "").strip())} for one in _ADDRESS.finditer(text)]


class Http(asyncio.Protocol):
    """One connection: GET alone."""

    def __init__(self, mailbox: Mailbox, config: Config) -> None:
        self._mailbox, self._key = mailbox, f"authorization: bearer {config['key']}".lower().encode()
        self._work: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._work = asyncio.ensure_future(self._answer(data))

    async def _answer(self, request: bytes) -> None:
        target, _, query = request.split(b" ", 2)[1].decode().partition("?")
        body: Any = None
        if self._key in request.lower():
            message_id = target.partition("/messages/")[2]
            if message_id:
                body = await self._mailbox.get(message_id.replace("%3C", "<").replace("%3E", ">").replace("%40", "@"))
            else:
                body = await self._mailbox.page(int(query.partition("limit=")[2].partition("&")[0]))
        status = b"404 Not Found" if body is None else b"200 OK"
        sent = to_json({"request_id": "floor", "data": body})
        self._transport.write(
            b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (status, len(sent), sent)
        )


async def _serve(config: Config) -> None:
    mailbox = Mailbox(config)
    await mailbox.open()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Http(mailbox, config), "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(json.loads(sys.argv[1])))
