"""An IMAP or SMTP server that refuses, stalls, lies and breaks off as real ones were seen to.

It answers by a table: the client's verb decides. Everything it hears is kept, so that a test can count attempts.
"""

import asyncio
import base64
import contextlib
import socket
import ssl
import struct
import tempfile
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import trustme

CLOSE, RESET, SILENCE, STARTTLS = b"<close>", b"<reset>", b"<silence>", b"<starttls>"
FLOOD, DRIP = b"<flood>", b"<drip>"
"""Instead of, or after, an answer: hang up, reset, say no more, begin TLS; send without end, fast or slowly."""
_DEEDS = (CLOSE, RESET, SILENCE, STARTTLS, FLOOD, DRIP)

IMAP = {
    "CAPABILITY": b"* CAPABILITY IMAP4rev1 STARTTLS SASL-IR AUTH=PLAIN NAMESPACE\r\nTAG OK done\r\n",
    "STARTTLS": b"TAG OK begin\r\n" + STARTTLS,
    "AUTHENTICATE": b"TAG OK logged in\r\n",
    "LOGIN": b"TAG OK logged in\r\n",
    "NAMESPACE": b'* NAMESPACE (("" "/")) NIL NIL\r\nTAG OK done\r\n',
    "LIST": b'* LIST (\\Noselect) "/" ""\r\nTAG OK done\r\n',
    "ID": b"* ID NIL\r\nTAG OK done\r\n",
    "LOGOUT": b"* BYE\r\nTAG OK bye\r\n" + CLOSE,
}
SMTP = {
    "EHLO": b"250-fake\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n",
    "STARTTLS": b"220 begin\r\n" + STARTTLS,
    "AUTH": b"235 2.7.0 yes\r\n",
    "QUIT": b"221 bye\r\n" + CLOSE,
}

REFUSED = {"imap": b"TAG NO [AUTHENTICATIONFAILED] no\r\n", "smtp": b"535 5.7.8 no\r\n"}


class FakeMail:
    """Async context manager; `port` is set once it runs, on `host`.

    kind      whose grammar: IMAP commands have a tag, which replaces `TAG` in answers
    greeting  sent first, within TLS when `implicit`
    replies   verb, `UID` and verb, or a whole command, → answer, or several: the next ones go to the lines that
              follow; laid over IMAP or SMTP above
              SMTP's 354 takes lines up to the dot, which has an answer of its own
    users     who may log in by PLAIN, whatever the password; None: whoever `replies` let in
    heard     the lines of all clients, without line ends
    resumed   for each of them, whether it came over a resumed TLS session
    port      0 means a free one
    """

    def __init__(
        self,
        kind: Literal["imap", "smtp"] = "imap",
        *,
        greeting: bytes | None = None,
        replies: Mapping[str, bytes | list[bytes]] | None = None,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        users: frozenset[str] | None = None,
    ) -> None:
        self.kind = kind
        self._users = users
        self.host = host
        self.port = port
        self.heard: list[bytes] = []
        self.resumed: list[bool] = []
        self.connections = 0
        self._greeting = greeting if greeting is not None else (b"* OK hi\r\n" if kind == "imap" else b"220 hi\r\n")
        self._replies: dict[str, bytes | list[bytes]] = {**(IMAP if kind == "imap" else SMTP), **(replies or {})}
        self._tls = tls
        self._implicit = implicit
        self._server: asyncio.Server | None = None
        self._talks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._met = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._accept, self.host, self.port, ssl=self._tls if self._implicit else None, limit=1 << 20
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        talks = dict(self._talks)
        for talk, writer in talks.items():
            talk.cancel()
            writer.transport.abort()  # a talk that never began cannot do it
        await asyncio.gather(*talks, return_exceptions=True)

    async def ended(self) -> None:
        """Wait until all clients have gone, and their last lines are heard."""
        async with asyncio.timeout(60):
            await asyncio.gather(*self._talks)

    def count(self, verb: str) -> int:
        """How often a verb was heard."""
        place = 1 if self.kind == "imap" else 0
        return sum(line.split(b" ")[place : place + 1] == [verb.encode()] for line in self.heard)

    def answers(self, command: str, answer: bytes | list[bytes]) -> None:
        """From now on, as in `replies`."""
        self._replies[command] = answer

    async def met(self) -> None:
        """Wait for the next client."""
        await self._met.wait()
        self._met.clear()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._met.set()
        talk = asyncio.create_task(self._talk(reader, writer))
        self._talks[talk] = writer
        talk.add_done_callback(self._talks.pop)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            try:
                if await self._say(writer, self._greeting):
                    await self._listen(reader, writer)
            finally:
                writer.transport.abort()

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tag, more, taking = b"", list[bytes](), False
        while received := await reader.readline():
            line = received.rstrip(b"\r\n")
            if not line and not more and not taking:
                return
            self.heard.append(line)
            if taking and line != b".":
                continue  # of a message
            tls = writer.get_extra_info("ssl_object")
            self.resumed.append(tls is not None and bool(tls.session_reused))
            if more:
                answer = more.pop(0)
            else:
                words = line.split(b" ")
                tag = words[0] if self.kind == "imap" else b""
                command = b" ".join(words[1:] if self.kind == "imap" else words)
                rule = self._rule(command.decode("latin-1"), b"TAG BAD what\r\n" if tag else b"502 5.5.1 what\r\n")
                answer, *more = rule if isinstance(rule, list) else [rule]
                if b"PLAIN" in words and self._users is not None:
                    user = base64.b64decode(words[-1]).decode().split("\0")[1]
                    answer = answer if user in self._users else REFUSED[self.kind]
            taking = self.kind == "smtp" and answer.startswith(b"354") and not more
            if not await self._say(writer, answer.replace(b"TAG", tag)):
                return

    def _rule(self, command: str, otherwise: bytes) -> bytes | list[bytes]:
        words = command.upper().split(" ")
        keys = (command, " ".join(words[:2]) if words[0] == "UID" else "", words[0])
        return next((self._replies[key] for key in keys if key in self._replies), otherwise)

    async def _say(self, writer: asyncio.StreamWriter, answer: bytes) -> bool:
        """Say it and do the deed at its end. Returns whether to go on listening."""
        deed = next((deed for deed in _DEEDS if answer.endswith(deed)), b"")
        writer.write(answer.removesuffix(deed))
        await writer.drain()
        match deed:
            case b"":
                return True
            case b"<starttls>":
                assert self._tls is not None
                await writer.start_tls(self._tls)
                return True
            case b"<silence>":
                await asyncio.Event().wait()
            case b"<flood>":
                for _ in range(1000):  # more than any client reads; a transport that is gone says nothing of it
                    writer.write(b"x" * 65536)
                    await writer.drain()
                    await asyncio.sleep(0)
            case b"<drip>":
                while not writer.is_closing():
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            case b"<reset>":
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False


class Certificates:
    """Good and bad server certificates. `ca_file` holds the CA that clients are told to trust.

    Contexts for servers: `good`; `expired`, `wrong_name`, `self_signed`, `unknown_ca`; `tls_1_0` speaks nothing newer.
    """

    def __init__(self) -> None:
        self._dir = tempfile.TemporaryDirectory(prefix="certificates-")
        self.ca_file = Path(self._dir.name) / "ca.pem"
        self._ca = ca = trustme.CA()
        ca.cert_pem.write_to_path(str(self.ca_file))
        names = ("localhost", "127.0.0.1", "*.example.test", "example.test")
        self.good = _serving(ca.issue_cert(*names))
        yesterday = datetime.now(UTC) - timedelta(days=1)
        self.expired = _serving(ca.issue_cert(*names, not_before=yesterday - timedelta(days=9), not_after=yesterday))
        self.wrong_name = _serving(ca.issue_cert("mail.hosting.test"))
        self.unknown_ca = _serving(trustme.CA().issue_cert(*names))
        self.self_signed = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        stranger = trustme.CA()
        with stranger.cert_pem.tempfile() as certificate, stranger.private_key_pem.tempfile() as key:
            self.self_signed.load_cert_chain(certificate, key)
        self.tls_1_0 = _serving(ca.issue_cert(*names))
        self.tls_1_0.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # being old is the point
            self.tls_1_0.minimum_version = self.tls_1_0.maximum_version = ssl.TLSVersion.TLSv1

    def serving(self, *names: str) -> ssl.SSLContext:
        """A good certificate for other names."""
        return _serving(self._ca.issue_cert(*names))

    def close(self) -> None:
        self._dir.cleanup()


def _serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
