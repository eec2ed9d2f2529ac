"""The remotes, as cheap as they can be: a token endpoint with userinfo, and an IMAP server behind TLS.

They keep nothing: the number in a refresh token comes back in the access token, and from there in the address, so
that whoever sends requests chooses the mailboxes. Run as `python -m bench.remotes CERTIFICATE`, a PEM file with its
key; prints its two ports as JSON. `GET /mode?latency=20&id_token=1` sets how the HTTP part answers from then on.
"""

import asyncio
import base64
import json
import signal
import ssl
import sys
import time
from typing import cast
from urllib.parse import parse_qs, urlsplit

import uvloop

CLIENT_ID = "bench.apps.example"
SCOPE = "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/gmail.readonly"
DIGITS = 12
"""Of the number in a token."""

_TOKEN_TAIL = "a0AfB_byC" * 20  # a real one has some 220 characters


class Mode:
    """latency: seconds before each answer. id_token: the token endpoint says whose the tokens are."""

    latency = 0.0
    id_token = False


class Provider(asyncio.Protocol):
    """HTTP/1.1 as pyreqwest speaks it: lower-case header names, one request at a time."""

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self._loop = asyncio.get_running_loop()
        self._partial = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._partial:
            data = self._partial + data
        head = data.find(b"\r\n\r\n")
        at = data.find(b"content-length: ", 0, head) + 16
        length = int(data[at : data.index(b"\r", at)]) if at > 15 else 0
        if head < 0 or len(data) < head + 4 + length:
            self._partial = data
            return
        self._partial = b""
        status, body = self._answer(data, head)
        answer = b"HTTP/1.1 %d x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
            status,
            len(body),
            body,
        )
        if self._mode.latency and status == 200:
            self._loop.call_later(self._mode.latency, self._transport.write, answer)
        else:
            self._transport.write(answer)

    def _answer(self, request: bytes, head: int) -> tuple[int, bytes]:
        if request.startswith(b"POST /token "):
            marker = request.find(b"refresh_token=1%2F%2F", head)
            if marker >= 0:
                return 200, self._tokens(request[marker + 21 : marker + 21 + DIGITS].decode())
        elif request.startswith(b"GET /userinfo "):
            marker = request.find(b"Bearer ya29.", 0, head)
            if marker >= 0:
                return 200, _identity(request[marker + 12 : marker + 12 + DIGITS].decode())
        elif request.startswith(b"GET /mode?"):
            asked = parse_qs(urlsplit(request.split(b" ", 2)[1].decode()).query)
            self._mode.latency = float(asked["latency"][0]) / 1000
            self._mode.id_token = asked["id_token"][0] == "1"
            return 204, b""
        return 400, b'{"error": "invalid_request"}'

    def _tokens(self, number: str) -> bytes:
        answer = (
            f'{{"access_token": "ya29.{number}{_TOKEN_TAIL}", "expires_in": 3599, "scope": "{SCOPE}",'
            ' "token_type": "Bearer"'
        )
        if self._mode.id_token:
            answer += f', "id_token": "{_id_token(number)}"'
        return f"{answer}}}".encode()


def _identity(number: str) -> bytes:
    return (
        f'{{"sub": "{number}", "name": "User {number}", "picture": "https://example.com/{number}.png",'
        f' "email": "user{number}@example.com", "email_verified": true}}'
    ).encode()


def _id_token(number: str) -> str:
    """Nobody verifies the signature of one that comes straight from the token endpoint."""
    now = int(time.time())
    about = {"iss": "https://accounts.google.com", "aud": CLIENT_ID, "iat": now, "exp": now + 3599}
    claims = {**about, **json.loads(_identity(number))}
    parts = [b'{"alg":"RS256","kid":"1","typ":"JWT"}', json.dumps(claims).encode(), bytes(256)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


_SAYS = {
    b"CAPABILITY": b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN NAMESPACE\r\n",
    b"NAMESPACE": b'* NAMESPACE (("" "/")) NIL NIL\r\n',
    b"LOGOUT": b"* BYE\r\n",
}


class Mail(asyncio.Protocol):
    """IMAP4rev1, just far enough to accept any login."""

    def __init__(self) -> None:
        self._partial = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(b"* OK ready\r\n")

    def data_received(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\r\n")
        for line in lines:
            tag, verb, *_ = line.split(b" ")
            verb = verb.upper()
            self._transport.write(_SAYS.get(verb, b"") + tag + b" OK done\r\n")
            if verb == b"LOGOUT":
                self._transport.close()


async def serve(certificate: str) -> None:
    loop = asyncio.get_running_loop()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    mode, stop = Mode(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    http = await loop.create_server(lambda: Provider(mode), "127.0.0.1", 0, backlog=1024)
    imap = await loop.create_server(Mail, "127.0.0.1", 0, ssl=tls, backlog=1024)
    ports = {"http": http.sockets[0].getsockname()[1], "imap": imap.sockets[0].getsockname()[1]}
    print(json.dumps(ports), flush=True)
    await stop.wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
