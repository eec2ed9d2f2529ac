"""The remotes of every provider, as cheap as they can be: their HTTP endpoints, and IMAP and SMTP behind TLS.

They keep nothing but counts: the number in a refresh token, a user name or an address comes back in the access token
and from there in the identity, so that whoever sends requests chooses the mailboxes. Run as `python -m bench.remotes
CERTIFICATE`, a PEM file with its key; prints its ports as JSON. `GET /mode?latency=20&id_token=1` sets how the HTTP
part answers from then on; `GET /calls` tells what was asked since it was last asked.
"""

import asyncio
import base64
import json
import re
import signal
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import ClassVar, cast
from urllib.parse import parse_qs, urlsplit

import uvloop

CLIENT_ID = "bench.apps.example"
SCOPE = "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/gmail.readonly"
DIGITS = 12
"""Of the number in a token."""
REFRESH_TAIL = "0gAbCdEfGhIjKl-" * 6  # a real one has some 103 characters

ACCESS_TAIL = "a0AfB_byC" * 20  # a real one has some 220 characters


class Mode:
    """What the protocols share.

    latency   seconds before each HTTP answer
    id_token  Google's token endpoint says whose the tokens are
    calls     how often each thing was asked
    """

    def __init__(self) -> None:
        self.latency = 0.0
        self.id_token = False
        self.calls = Counter[str]()


# ── HTTP ──────────────────────────────────────────────────────────────────────────────────────────────────────

_TOKENS = f'{{"access_token": "ya29.NUMBER{ACCESS_TAIL}", "expires_in": 3599, "token_type": "Bearer"'
_SPENT = f'"refresh_token": "1//NUMBER{REFRESH_TAIL}"'
_ROTATED = f'"refresh_token": "1//NUMBER{REFRESH_TAIL[::-1]}"'
_SOAP = (
    '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
    ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Header><t:ServerVersionInfo'
    ' MajorVersion="15" MinorVersion="2" MajorBuildNumber="1258"/></s:Header><s:Body><m:{0}Response>'
    '<m:ResponseMessages><m:{0}ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>{1}'
    "</m:{0}ResponseMessage></m:ResponseMessages></m:{0}Response></s:Body></s:Envelope>"
)
_ANSWERS = {
    name: text.encode()
    for name, text in {
        "POST /google/token": f'{_TOKENS}, "scope": "{SCOPE}"',
        "GET /google/userinfo": '{"sub": "NUMBER", "name": "User NUMBER", "picture": "https://example.com/NUMBER.png",'
        ' "email": "userNUMBER@example.com", "email_verified": true}',
        "GET /gmail/users": '{"emailAddress": "userNUMBER@example.com", "messagesTotal": 1, "historyId": "1"}',
        "POST /microsoft/token": f'{_TOKENS}, "scope": "User.Read Mail.Read", {_ROTATED}}}',
        "GET /graph/me": '{"id": "NUMBER", "displayName": "User NUMBER", "mail": "userNUMBER@example.com",'
        ' "userPrincipalName": "userNUMBER@example.com"}',
        "GET /graph/users": '{"id": "NUMBER", "displayName": "User NUMBER", "mail": "userNUMBER@example.com",'
        ' "userPrincipalName": "userNUMBER@example.com"}',
        "POST /yahoo/token": f'{_TOKENS}, "xoauth_yahoo_guid": "NUMBER", {_SPENT}}}',
        "GET /yahoo/userinfo": '{"sub": "NUMBER", "name": "User NUMBER", "email": "userNUMBER@example.com",'
        ' "email_verified": true}',
        "POST /zoom/token": f'{_TOKENS}, "scope": "user:read:user", {_ROTATED}, "api_url": "https://api.zoom.us"}}',
        "GET /zoom/v2": '{"id": "NUMBER", "display_name": "User NUMBER", "email": "userNUMBER@example.com"}',
        # Both properties at once: who asked for one does not mind the other.
        "PROPFIND": '<?xml version="1.0"?><multistatus xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><response>'
        "<href>/</href><propstat><prop><current-user-principal><href>/NUMBER/principal/</href>"
        "</current-user-principal><c:calendar-home-set><href>/NUMBER/calendars/</href></c:calendar-home-set></prop>"
        "<status>HTTP/1.1 200 OK</status></propstat></response></multistatus>",
        "GetFolder": _SOAP.format(
            "GetFolder", '<m:Folders><t:Folder><t:FolderId Id="AQ" ChangeKey="AQ"/></t:Folder></m:Folders>'
        ),
        "ResolveNames": _SOAP.format(
            "ResolveNames",
            '<m:ResolutionSet TotalItemsInView="1" IncludesLastItemInRange="true"><t:Resolution><t:Mailbox>'
            "<t:Name>User NUMBER</t:Name><t:EmailAddress>userNUMBER@example.com</t:EmailAddress></t:Mailbox>"
            "<t:Contact><t:DisplayName>User NUMBER</t:DisplayName></t:Contact></t:Resolution></m:ResolutionSet>",
        ),
    }.items()
}
"""By method and the first two segments of the path, or by what the body asks for. NUMBER is the mailbox's."""

_NUMBER = re.compile(rb"(?:refresh_token=1%%2F%%2F|Bearer ya29\.|/users/(?:user)?)(\d{%d})" % DIGITS)
_USER = re.compile(rb"user(\d{%d})" % DIGITS)
_IN_BASE64 = re.compile(rb"Basic ([\w+/]+)|assertion=\w+\.([\w-]+)", re.IGNORECASE)
_LOGIN_WANTED = b"HTTP/1.1 401 x\r\nwww-authenticate: Basic realm=x\r\ncontent-length: 0\r\n\r\n"


class Provider(asyncio.Protocol):
    """HTTP/1.1, one request at a time."""

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
        at = data[: max(0, head)].lower().find(b"content-length: ") + 16
        length = int(data[at : data.index(b"\r", at)]) if at > 15 else 0
        if head < 0 or len(data) < head + 4 + length:
            self._partial = data
            return
        self._partial = b""
        answer = self._answer(data)
        if self._mode.latency:
            self._loop.call_later(self._mode.latency, self._transport.write, answer)
        else:
            self._transport.write(answer)

    def _answer(self, request: bytes) -> bytes:
        method, target, _ = request.split(b" ", 2)
        if target.startswith(b"/mode?"):
            return self._set_mode(target)
        if target == b"/calls":
            calls, self._mode.calls = self._mode.calls, Counter()
            return _reply(200, json.dumps(calls).encode())
        if method == b"POST" and target == b"/EWS/Exchange.asmx":
            if b"uthorization: " not in request:
                self._mode.calls["login wanted"] += 1
                return _LOGIN_WANTED
            name = "GetFolder" if b"<m:GetFolder>" in request else "ResolveNames"
        elif method == b"PROPFIND":
            name = "PROPFIND"
        else:
            name = b" ".join((method, b"/".join(target.partition(b"?")[0].split(b"/", 3)[:3]))).decode()
        if (found := _ANSWERS.get(name)) is None or (number := _number(request)) is None:
            return _reply(400, b'{"error": "invalid_request"}')
        self._mode.calls[name] += 1
        body = found.replace(b"NUMBER", number)
        if name == "POST /google/token":
            body += b', "id_token": "%b"}' % _id_token(number) if self._mode.id_token else b"}"
        return _reply(207 if name == "PROPFIND" else 200, body)

    def _set_mode(self, target: bytes) -> bytes:
        asked = parse_qs(urlsplit(target.decode()).query)
        self._mode.latency = float(asked["latency"][0]) / 1000
        self._mode.id_token = asked["id_token"][0] == "1"
        return _reply(204, b"")


def _reply(status: int, body: bytes) -> bytes:
    kind = b"application/json" if body[:1] == b"{" else b"text/xml"
    return b"HTTP/1.1 %d x\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (status, kind, len(body), body)


def _number(request: bytes) -> bytes | None:
    """The mailbox's, from wherever this request has it; of a whole tenant's token there is none to know."""
    if found := _NUMBER.search(request):
        return found[1]
    if found := _IN_BASE64.search(request):
        text = found[1] or found[2]
        found = _USER.search(base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
        return found[1] if found else None
    return b"0" * DIGITS if b"grant_type=client_credentials" in request else None


def _id_token(number: bytes) -> bytes:
    """Nobody verifies the signature of one that comes straight from the token endpoint."""
    now = int(time.time())
    about = {"iss": "https://accounts.google.com", "aud": CLIENT_ID, "iat": now, "exp": now + 3599}
    claims = {**about, **json.loads(_ANSWERS["GET /google/userinfo"].replace(b"NUMBER", number))}
    parts = [b'{"alg":"RS256","kid":"1","typ":"JWT"}', json.dumps(claims).encode(), bytes(256)]
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)


# ── mail ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Mail(asyncio.Protocol):
    """A dialogue of lines, just far enough to accept any login."""

    greeting: ClassVar[bytes]
    goodbye: ClassVar[bytes]

    def __init__(self, mode: Mode) -> None:
        self._mode = mode
        self._partial = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self.greeting)

    def data_received(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\r\n")
        for line in lines:
            verb, answer = self.answer(line)
            self._mode.calls[verb.decode()] += 1
            self._transport.write(answer)
            if verb == self.goodbye:
                self._transport.close()

    def answer(self, line: bytes) -> tuple[bytes, bytes]:
        """The verb of a line, and what to say to it."""
        raise NotImplementedError


class Imap(Mail):
    """IMAP4rev1."""

    greeting, goodbye = b"* OK ready\r\n", b"LOGOUT"
    _SAYS: ClassVar = {
        b"CAPABILITY": b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN NAMESPACE\r\n",
        b"NAMESPACE": b'* NAMESPACE (("" "/")) NIL NIL\r\n',
        b"LOGOUT": b"* BYE\r\n",
    }

    def answer(self, line: bytes) -> tuple[bytes, bytes]:
        tag, verb, *_ = line.split(b" ")
        verb = verb.upper()
        return verb, self._SAYS.get(verb, b"") + tag + b" OK done\r\n"


class Smtp(Mail):
    """Submission."""

    greeting, goodbye = b"220 ready\r\n", b"QUIT"
    _SAYS: ClassVar = {
        b"EHLO": b"250-ready\r\n250-AUTH PLAIN\r\n250 ENHANCEDSTATUSCODES\r\n",
        b"AUTH": b"235 2.7.0 accepted\r\n",
        b"QUIT": b"221 2.0.0 bye\r\n",
    }

    def answer(self, line: bytes) -> tuple[bytes, bytes]:
        verb = line.partition(b" ")[0].upper()
        return verb, self._SAYS.get(verb, b"502 5.5.1 what?\r\n")


async def serve(certificate: str) -> None:
    loop = asyncio.get_running_loop()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    mode, stop = Mode(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    remotes: dict[str, tuple[Callable[[], asyncio.Protocol], ssl.SSLContext | None]] = {
        "http": (lambda: Provider(mode), None),
        "https": (lambda: Provider(mode), tls),
        "imap": (lambda: Imap(mode), tls),
        "smtp": (lambda: Smtp(mode), tls),
    }
    servers = {
        name: await loop.create_server(protocol, "127.0.0.1", 0, ssl=context, backlog=1024)
        for name, (protocol, context) in remotes.items()
    }
    print(json.dumps({name: server.sockets[0].getsockname()[1] for name, server in servers.items()}), flush=True)
    await stop.wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]))
