"""HTTP to hosts that a request or another server's answer names. Fixed hosts of providers: net/provider_http.py.

One `Conversation` is one aiohttp session whose every connection passes the guard. It sends one request at a time, so
requests to one host use one connection: NTLM depends on that. Redirects are answers; the caller decides where a
credential may go next. Cookies are not kept, and proxies from the environment are not used.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.client_reqrep import ClientResponse
from aiohttp.connector import Connection

from opengrant import __version__
from opengrant.errors import ProviderFailure
from opengrant.model import now
from opengrant.net.guard import Guard
from opengrant.net.login_attempt import Attempt
from opengrant.net.retry_after import retry_after

MAX_BODY = 1024 * 1024
"""Most bytes of an answer."""
MAX_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Page:
    """One whole answer.

    url         of the request
    headers     case-insensitive
    challenges  the schemes of all WWW-Authenticate headers, lower case → their parameters
    transport   the connection
    """

    url: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    challenges: Mapping[str, str] = field(repr=False)
    transport: asyncio.Transport | None = field(repr=False)

    @property
    def redirect(self) -> str | None:
        """The target of a redirect as an absolute URL; None if this is no redirect."""
        location = self.headers.get("Location", "")
        if self.status not in _REDIRECTS or not location:
            return None
        try:
            return urljoin(self.url, location)
        except ValueError:
            return None

    @property
    def text(self) -> str:
        """The body as sent; do not show it."""
        return self.body.decode("utf-8", "replace")

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asks us to wait."""
        return retry_after(self.headers, now())


class Conversation:
    """Made by `conversation`. attempt: whose password is scrubbed from the server's words."""

    def __init__(self, session: aiohttp.ClientSession, attempt: Attempt, patience: float) -> None:
        self.attempt = attempt
        self._session, self._patience = session, patience

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        enough: int | None = None,
    ) -> Page:
        """Send one request and read its whole answer, of any status. Raises ProviderFailure.

        enough  bytes of the answer that are read; the rest is cut off
        """
        self.attempt.step = "connect"
        try:
            async with asyncio.timeout(self._patience):
                response = await self._session.request(method, url, headers=headers, data=body, allow_redirects=False)
                async with response:
                    self.attempt.step = "http"
                    assert isinstance(response, _Response)
                    content = await self._read(response, enough)
                    return Page(
                        url,
                        response.status,
                        response.headers,
                        content,
                        _challenges(response.headers.getall("WWW-Authenticate", ())),
                        response.transport,
                    )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = self._failure(error)
        raise failure  # outside the handler, so that the library's exception is not its context

    def refused(self, page: Page, code: str = "", *, text: str = "", subcodes: tuple[str, ...] = ()) -> ProviderFailure:
        """Evidence of an answer that is no success."""
        self.attempt.step = "http"
        failure = self.attempt.failure(code, text=text, status=page.status, subcodes=subcodes)
        return ProviderFailure(replace(failure.evidence, retry_after=page.retry_after, sent=True))

    def senseless(self, page: Page, code: str, *, text: str = "") -> ProviderFailure:
        """Evidence of a success with content that makes no sense."""
        failure = self.refused(page, code, text=text)
        return ProviderFailure(replace(failure.evidence, step="reply"))

    async def _read(self, response: "_Response", enough: int | None) -> bytes:
        body = bytearray()
        try:
            async for chunk in response.content.iter_chunked(16 * 1024):
                body += chunk
                if enough is not None and len(body) > enough:
                    response.hang_up()
                    return bytes(body[:enough])
                if len(body) > MAX_BODY:
                    raise _TooLong
        except BaseException:
            response.hang_up()
            raise
        return bytes(body)

    def _failure(self, error: Exception) -> ProviderFailure:
        cause: OSError | None = None
        code = "not_http"
        match error:
            case _TooLong():
                code = "answer_too_large"
            case aiohttp.ClientConnectorCertificateError():
                self.attempt.step = "tls"
                cause = error.certificate_error if isinstance(error.certificate_error, OSError) else ssl.SSLError()
            case aiohttp.ClientConnectorError():
                cause = error.os_error
                self.attempt.step = "tls" if isinstance(cause, ssl.SSLError) else "connect"
            case TimeoutError():
                code = "timeout"
            case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError():
                code = "closed"
            case aiohttp.InvalidURL():
                code = "bad_host"
            case OSError():
                cause = error
        return self.attempt.failure(code) if cause is None else self.attempt.network_failure(cause)


@contextlib.asynccontextmanager
async def conversation(
    guard: Guard, tls: ssl.SSLContext, attempt: Attempt, patience: float
) -> AsyncIterator[Conversation]:
    """Open a session. patience: seconds for each whole answer."""
    async with open_session(guard.connector(provider=attempt.provider, leg=attempt.leg, tls=tls), patience) as session:
        yield Conversation(session, attempt, patience)


def open_session(connector: aiohttp.TCPConnector, patience: float) -> aiohttp.ClientSession:
    """The session of a Conversation; several may share one."""
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        response_class=_Response,
        headers={"User-Agent": f"OpenGrant/{__version__}", "Accept-Encoding": "identity"},
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=patience, sock_connect=patience / 2),
    )


def origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an http(s) URL; None for another URL, or one with a user name."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname.removesuffix("."), port or (443 if parts.scheme == "https" else 80)


def under(host: str, domain: str) -> bool:
    """Whether a host name is that domain or a subdomain of it."""
    host, domain = host.lower().removesuffix("."), domain.lower()
    return host == domain or host.endswith(f".{domain}")


class _Response(ClientResponse):
    """Keeps its connection, which aiohttp drops once the body is read."""

    transport: asyncio.Transport | None = None

    async def start(self, connection: Connection) -> ClientResponse:
        self.transport = connection.transport
        try:
            return await super().start(connection)
        except BaseException:
            self.hang_up()
            raise

    def hang_up(self) -> None:
        """Close without TLS close_notify, which a silent server would not answer."""
        if self.transport is not None:
            self.transport.abort()


class _TooLong(ValueError):
    pass


def _challenges(headers: Any) -> dict[str, str]:
    """Scheme → parameters. Commas separate several schemes in one header."""
    found: dict[str, str] = {}
    for header in headers:
        for part in str(header).split(","):
            scheme, _, rest = part.strip().partition(" ")
            # `realm="a, b"` and further parameters are parts too, but not schemes.
            if scheme and "=" not in scheme.rstrip("=") and '"' not in scheme:
                found.setdefault(scheme.lower(), rest.strip())
    return found
