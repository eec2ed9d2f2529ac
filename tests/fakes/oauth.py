"""Google, Entra and Graph on loopback: real sockets, a thread of its own, any answer that the real ones give.

    provider.accepts("rt-1", email="ana@example.com", scope="openid email")
    provider.refuses(400, {"error": "invalid_grant"})               # every token request, until told otherwise
    provider.refuses(503, times=1)                                  # one, then back to normal
    provider.answers("me", Reply(200, b""))                         # another endpoint, any answer
    provider.answers("token", Reply(fault="reset"))                 # read the request, then vanish
    with provider.holding(): ...                                    # requests arrive, answers wait

Unscripted, it knows its accounts: Google's refresh tokens stay, Entra's rotate; userinfo, tokeninfo, Gmail and Graph
tell what the access token's scopes allow, and refuse as the real ones do.
"""

import asyncio
import json
import socket
import ssl
import struct
import threading
import time
import uuid
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey

Endpoint = Literal["token", "userinfo", "tokeninfo", "gmail", "revoke", "me"]
Fault = Literal["reset_early", "reset", "close", "garbage", "silence"]

TENANT = "5b1f0f5e-7a52-4c09-9a1b-3f6f2f1f7d11"
_GOOGLE_ROOT = "https://www.googleapis.com/auth/"
_GRAPH_ROOT = "https://graph.microsoft.com/"
_KEY = OctKey.import_key("a key that nobody needs to check: TLS stands in for it")

HTML_403 = (
    "<!DOCTYPE html><html><head><title>Sorry...</title></head><body>We're sorry, but your computer or network may be"
    " sending automated queries.</body></html>"
)


@dataclass(frozen=True)
class Reply:
    """One answer. A body that is not str or bytes is sent as JSON.

    cut    send only so many bytes of the body, then close: the answer breaks off
    delay  seconds before the answer begins
    fault  no answer at all. "reset_early": before the request's body is read. "silence": until the caller gives up
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    delay: float = 0
    fault: Fault | None = None


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    endpoint: str
    method: str
    path: str
    headers: Mapping[str, str]
    form: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Account:
    """Somebody who gave consent. `scope` is what they granted, in Google's or Graph's spelling.

    id_token    put one into token answers whose scope has `openid`
    claims      more claims for it, or others; None removes one
    single_use  a rotated refresh token dies at once, as at Zoom; Entra's live on
    tokens      more members of the token answer, or others; None removes one
    user        more members of userinfo and Graph's user object, or others; None removes one
    """

    email: str
    subject: str
    scope: str
    name: str
    id_token: bool = True
    email_verified: bool = True
    single_use: bool = False
    claims: Mapping[str, Any] = field(default_factory=dict)
    tokens: Mapping[str, Any] = field(default_factory=dict)
    user: Mapping[str, Any] = field(default_factory=dict)


def entra_error(
    error: str, number: int | None = None, text: str = "Something is wrong.", **more: Any
) -> dict[str, Any]:
    """A refusal as Entra words it."""
    trace, correlation, at = str(uuid.uuid4()), str(uuid.uuid4()), "2026-11-23 12:00:00Z"
    described = f"AADSTS{number}: {text}" if number else text
    body: dict[str, Any] = {
        "error": error,
        "error_description": f"{described}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {at}",
        "timestamp": at,
        "trace_id": trace,
        "correlation_id": correlation,
    }
    if number:
        body |= {"error_codes": [number], "error_uri": f"https://login.microsoftonline.com/error?code={number}"}
    return body | more


def google_api_error(status: int, reason: str, word: str, message: str = "Refused.") -> dict[str, Any]:
    """A refusal of a Google API (not of the token endpoint)."""
    errors = [{"message": message, "domain": "global", "reason": reason}]
    return {"error": {"code": status, "message": message, "errors": errors, "status": word}}


def graph_error(code: str, message: str = "Refused.") -> dict[str, Any]:
    """A refusal of Graph."""
    ids = {"date": "2026-11-23T12:00:00", "request-id": str(uuid.uuid4()), "client-request-id": str(uuid.uuid4())}
    return {"error": {"code": code, "message": message, "innerError": ids}}


class FakeOAuth:
    """Start and stop with `with`; `reset()` between tests. With `tls`, it serves HTTPS."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._arrived = threading.Condition()
        self._gate = asyncio.Event()
        self._gate.set()
        self._connections: weakref.WeakSet[asyncio.WriteTransport] = weakref.WeakSet()
        self.reset()

    # ------------------------------------------------------------ what tests say

    def reset(self) -> None:
        """Forget accounts, scripts and requests."""
        self.accounts: dict[str, Account] = {}
        self.requests: list[Seen] = []
        self.issued: list[str] = []
        self._access: dict[str, tuple[Account, str]] = {}
        self._always: dict[str, Reply] = {}
        self._next: dict[str, deque[Reply]] = {}

    def accepts(
        self, refresh_token: str, *, email: str, scope: str = "openid email profile User.Read", **more: Any
    ) -> Account:
        """From now on this refresh token is good. `more`: fields of Account."""
        more = {"subject": str(uuid.uuid5(uuid.NAMESPACE_URL, email)), "name": email.partition("@")[0].title(), **more}
        account = Account(email=email, scope=scope, **more)
        self.accounts[refresh_token] = account
        return account

    def revokes(self, refresh_token: str) -> None:
        """From now on this refresh token is dead."""
        self.accounts.pop(refresh_token, None)

    def refuses(
        self, status: int, body: Any = None, *, headers: Mapping[str, str] | None = None, times: int | None = None
    ) -> None:
        """Token requests get this answer: the next `times`, or all."""
        self.answers("token", Reply(status, body, headers or {}), times=times)

    def answers(self, endpoint: Endpoint, reply: Reply, *, times: int | None = None) -> None:
        """Requests to an endpoint get this answer: the next `times`, or all."""
        if times is None:
            self._always[endpoint] = reply
        else:
            self._next.setdefault(endpoint, deque()).extend([reply] * times)

    def behaves(self) -> None:
        """Forget what `refuses` and `answers` said."""
        self._always.clear()
        self._next.clear()

    def count(self, endpoint: Endpoint) -> int:
        """How many requests an endpoint has seen."""
        return sum(seen.endpoint == endpoint for seen in self.requests)

    def wait_for(self, endpoint: Endpoint, count: int) -> None:
        """Block until an endpoint has seen so many requests. Raises TimeoutError after 30 s."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: self.count(endpoint) >= count, timeout=30):
                raise TimeoutError(f"{endpoint} saw {self.count(endpoint)} requests, not {count}")

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Requests are read; their answers wait until the block ends."""
        self._loop.call_soon_threadsafe(self._gate.clear)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._gate.set)

    def settings(self) -> dict[str, str]:
        """Environment that makes this Google and Microsoft to OpenGrant."""
        return self.google_settings() | self.microsoft_settings()

    def google_settings(self) -> dict[str, str]:
        return {f"OPENGRANT_GOOGLE__{name.upper()}": url for name, url in self.google_urls().items()}

    def microsoft_settings(self) -> dict[str, str]:
        return {f"OPENGRANT_MICROSOFT__{name.upper()}": url for name, url in self.microsoft_urls().items()}

    def google_urls(self) -> dict[str, str]:
        """The URL arguments of `Google`."""
        return {
            "token_url": f"{self.url}/google/token",
            "userinfo_url": f"{self.url}/google/userinfo",
            "tokeninfo_url": f"{self.url}/google/tokeninfo",
            "gmail_url": f"{self.url}/gmail/v1",
            "revoke_url": f"{self.url}/google/revoke",
        }

    def microsoft_urls(self) -> dict[str, str]:
        """The URL arguments of `Microsoft`."""
        return {"token_url": f"{self.url}/{{tenant}}/oauth2/v2.0/token", "graph_url": f"{self.url}/graph/v1.0"}

    # ------------------------------------------------------------ the server

    def __enter__(self) -> Self:
        started: Future[None] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(started)), name="fake provider", daemon=True
        )
        self._thread.start()
        started.result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _serve(self, started: "Future[None]") -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0, backlog=1024)
        scheme, host = ("https", "localhost") if self._tls else ("http", "127.0.0.1")
        self.url = f"{scheme}://{host}:{server.sockets[0].getsockname()[1]}"
        started.set_result(None)
        await self._stop.wait()
        server.close()
        conversations = asyncio.all_tasks() - {asyncio.current_task()}
        for conversation in conversations:
            conversation.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)
        for connection in self._connections:
            connection.abort()
        await asyncio.sleep(0)  # aborted transports close their sockets in the loop's next round

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer.transport)
        try:
            if self._tls is not None:
                await writer.start_tls(self._tls)
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; whether the connection lives on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        line, *rest = head.rstrip().split("\r\n")
        method, path, _ = line.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
        endpoint = _endpoint(urlsplit(path).path)
        scripted = self._scripted(endpoint)
        if scripted is not None and scripted.fault == "reset_early":
            self._note(Seen(endpoint, method, path, headers, {}, {}, b""))
            return _reset(writer)
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        query = dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))
        seen = Seen(endpoint, method, path, headers, form, query, body)
        self._note(seen)
        await self._gate.wait()
        return await _send(writer, scripted or self._answer(seen))

    def _note(self, seen: Seen) -> None:
        with self._arrived:
            self.requests.append(seen)
            self._arrived.notify_all()

    def _scripted(self, endpoint: str) -> Reply | None:
        waiting = self._next.get(endpoint)
        return waiting.popleft() if waiting else self._always.get(endpoint)

    # ------------------------------------------------------------ how the real ones answer

    def _answer(self, seen: Seen) -> Reply:
        google = "google" in seen.path or "gmail" in seen.path
        match seen.endpoint:
            case "token":
                return self._google_token(seen.form) if google else self._entra_token(seen)
            case "revoke":
                known = self.accounts.pop(seen.form.get("token", ""), None)
                return Reply(200, {}) if known else Reply(400, {"error": "invalid_token"})
            case "userinfo" | "tokeninfo" | "gmail":
                return self._google_api(seen)
            case "me":
                return self._graph_me(seen)
        return Reply(404, "Not Found")

    def _google_token(self, form: Mapping[str, str]) -> Reply:
        account = self.accounts.get(form.get("refresh_token", ""))
        if not form.get("client_id") or not form.get("client_secret"):
            return Reply(401, {"error": "invalid_client", "error_description": "The OAuth client was not found."})
        if account is None:
            return Reply(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
        scope = " ".join(_google_scope(one) for one in account.scope.split() if "User.Read" not in one)
        claims: dict[str, Any] = {"iss": "https://accounts.google.com", "sub": account.subject}
        if f"{_GOOGLE_ROOT}userinfo.email" in scope:
            claims |= {"email": account.email, "email_verified": account.email_verified}
        if f"{_GOOGLE_ROOT}userinfo.profile" in scope:
            claims["name"] = account.name
        return self._token_answer(account, form["client_id"], claims, scope, {})

    def _entra_token(self, seen: Seen) -> Reply:
        spent = seen.form.get("refresh_token", "")
        account = self.accounts.get(spent)
        if account is None:
            text = "The provided value for the input parameter 'refresh_token' is not valid."
            return Reply(400, entra_error("invalid_grant", 70000, text))
        successor = self._mint("rt")
        self.accounts[successor] = account
        if account.single_use:
            del self.accounts[spent]
        claims = {
            "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
            "tid": TENANT,
            "sub": f"pairwise-{account.subject}",
            "ver": "2.0",
        }
        if "profile" in account.scope.split():
            claims |= {"oid": account.subject, "preferred_username": account.email, "name": account.name}
        scope = " ".join(one for one in account.scope.split() if one != "offline_access")
        return self._token_answer(account, seen.form.get("client_id", ""), claims, scope, {"refresh_token": successor})

    def _token_answer(
        self, account: Account, client_id: str, claims: dict[str, Any], scope: str, more: dict[str, Any]
    ) -> Reply:
        access_token = self._mint("at")
        self._access[access_token] = (replace(account, scope=scope), client_id)
        body = {"token_type": "Bearer", "access_token": access_token, "expires_in": 3599, "scope": scope, **more}
        if account.id_token and "openid" in scope.split():
            at = int(time.time())
            signed = _without_none({"aud": client_id, "iat": at, "exp": at + 3600, **claims, **account.claims})
            body["id_token"] = jwt.encode({"alg": "HS256"}, signed, _KEY)
        return Reply(200, _without_none({**body, **account.tokens}))

    def _google_api(self, seen: Seen) -> Reply:
        found = self._access.get(seen.query.get("access_token", "") or _bearer(seen))
        if found is None:
            if seen.endpoint == "tokeninfo":
                return Reply(400, {"error": "invalid_token", "error_description": "Invalid Value"})
            return Reply(401, google_api_error(401, "authError", "UNAUTHENTICATED", "Invalid Credentials"))
        account, client_id = found
        scope = set(account.scope.split())
        may_email = f"{_GOOGLE_ROOT}userinfo.email" in scope
        openid = {"sub": account.subject}
        if seen.endpoint == "tokeninfo":
            openid |= {"azp": client_id, "aud": client_id, "scope": account.scope, "expires_in": "3599"}
            verified: Any = str(account.email_verified).lower()
        elif seen.endpoint == "userinfo":
            if not scope & {"openid", f"{_GOOGLE_ROOT}userinfo.email", f"{_GOOGLE_ROOT}userinfo.profile"}:
                return _insufficient()
            verified = account.email_verified
            if f"{_GOOGLE_ROOT}userinfo.profile" in scope:
                openid["name"] = account.name
        else:
            mail = {"https://mail.google.com/"} | {
                f"{_GOOGLE_ROOT}gmail.{n}" for n in ("readonly", "modify", "compose")
            }
            if not scope & mail:
                return _insufficient()
            return Reply(200, {"emailAddress": account.email, "messagesTotal": 1, "threadsTotal": 1, "historyId": "7"})
        email = {"email": account.email, "email_verified": verified} if may_email else {}
        return Reply(200, _without_none({**openid, **email, **account.user}))

    def _graph_me(self, seen: Seen) -> Reply:
        found = self._access.get(_bearer(seen))
        if found is None:
            return Reply(401, graph_error("InvalidAuthenticationToken", "IDX14100: JWT is not well formed."))
        account = found[0]
        scope = {one.removeprefix(_GRAPH_ROOT) for one in account.scope.split()}
        if any("://" in one for one in scope):
            return Reply(
                401, graph_error("InvalidAuthenticationToken", "Access token validation failure. Invalid audience.")
            )
        if "User.Read" not in scope:
            return Reply(403, graph_error("Authorization_RequestDenied", "Insufficient privileges."))
        user = {
            "@odata.context": f"{_GRAPH_ROOT}v1.0/$metadata#users/$entity",
            "id": account.subject,
            "displayName": account.name,
            "mail": account.email,
            "userPrincipalName": account.email,
        }
        return Reply(200, {**user, **account.user})

    def _mint(self, kind: str) -> str:
        # Looks like what tests hunt for in logs and answers (tests/support.py).
        token = f"sEcReT-{kind}-{uuid.uuid4().hex}"
        self.issued.append(token)
        return token


def _endpoint(path: str) -> str:
    if path.endswith("/users/me/profile"):
        return "gmail"
    return path.rpartition("/")[2]


def _bearer(seen: Seen) -> str:
    return seen.headers.get("authorization", "").removeprefix("Bearer ")


def _google_scope(short: str) -> str:
    return f"{_GOOGLE_ROOT}userinfo.{short}" if short in {"email", "profile"} else short


def _insufficient() -> Reply:
    message = "Request had insufficient authentication scopes."
    return Reply(403, google_api_error(403, "insufficientPermissions", "PERMISSION_DENIED", message))


def _without_none(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


async def _send(writer: asyncio.StreamWriter, reply: Reply) -> bool:
    if reply.delay:
        await asyncio.sleep(reply.delay)
    match reply.fault:
        case "reset" | "reset_early":
            return _reset(writer)
        case "close":
            return False
        case "silence":
            await asyncio.sleep(3600)
        case "garbage":
            writer.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
            await writer.drain()
            return False
    body, kind = reply.body, "text/html; charset=utf-8"
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body, kind = (b"", kind) if body is None else (json.dumps(body).encode(), "application/json")
    headers = {"Content-Type": kind, "Content-Length": str(len(body)), **reply.headers}
    phrase = HTTPStatus(reply.status).phrase if reply.status in set(HTTPStatus) else "Odd"
    lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    writer.write(
        "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body if reply.cut is None else body[: reply.cut])
    )
    await writer.drain()
    return reply.cut is None


def _reset(writer: asyncio.StreamWriter) -> bool:
    """RST instead of FIN."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
    return False
