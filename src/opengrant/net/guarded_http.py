"""HTTP to hosts that a request or another server's answer names. Fixed hosts of providers: net/provider_http.py.

One `Conversation` is one client whose every connection passes the guard. It sends one request at a time, so requests to
one host use one connection: NTLM depends on that. Redirects are answers; the caller decides where a credential may go
next.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin, urlsplit

from opengrant.errors import ProviderFailure, Step
from opengrant.model import now
from opengrant.net.guard import Guard
from opengrant.net.http_client import HttpClient, Place, header_lines, place_of
from opengrant.net.http_connection import Fault, Reply
from opengrant.net.login_attempt import Attempt
from opengrant.net.retry_after import retry_after
from opengrant.net.tls_sessions import TlsSessions

MAX_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CODES = {"connection_lost": "closed", "answer_cut_off": "closed", "no_free_connection": "timeout"}
"""The words of net/login_attempt.py for faults."""
_STEPS: Mapping[Step, Step] = {"reply": "http"}


@dataclass(frozen=True, slots=True)
class Page:
    """One whole answer.

    url         of the request
    headers     names in lower case; the first of a repeated header
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
        location = self.headers.get("location", "")
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

    def __init__(
        self, client: HttpClient, attempt: Attempt, patience: float, sessions: TlsSessions | None = None
    ) -> None:
        self.attempt = attempt
        self._client, self._patience, self._sessions = client, patience, sessions

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
        request = _request(method, url, headers or {}, body)
        if request is None:
            raise self.attempt.failure("bad_host")
        self.attempt.asked = request[0].host
        outcome = await self._client.send(*request, within=self._patience, enough=enough)
        if isinstance(outcome, Fault):
            raise self._failure(outcome)
        self.attempt.step = "http"
        return _page(url, outcome)

    def accepted(self, page: Page) -> None:
        """The login went well: later conversations with this server resume the TLS session of this one."""
        there = origin(page.url)
        if self._sessions is not None and there is not None and page.transport is not None:
            self._sessions.keep(*there[1:], page.transport.get_extra_info("ssl_object"))

    def refused(self, page: Page, code: str = "", *, text: str = "", subcodes: tuple[str, ...] = ()) -> ProviderFailure:
        """Evidence of an answer that is no success."""
        self.attempt.step = "http"
        failure = self.attempt.failure(code, text=text, status=page.status, subcodes=subcodes)
        return ProviderFailure(replace(failure.evidence, retry_after=page.retry_after, sent=True))

    def senseless(self, page: Page, code: str, *, text: str = "") -> ProviderFailure:
        """Evidence of a success with content that makes no sense."""
        failure = self.refused(page, code, text=text)
        return ProviderFailure(replace(failure.evidence, step="reply"))

    def _failure(self, fault: Fault) -> ProviderFailure:
        no_tls = fault.step == "tls" and not isinstance(fault.cause, ssl.SSLError)  # the connection broke
        self.attempt.step = "connect" if no_tls else _STEPS.get(fault.step, fault.step)
        if fault.cause is not None:
            return self.attempt.network_failure(fault.cause)
        return self.attempt.failure(_CODES.get(fault.code, fault.code))


@contextlib.asynccontextmanager
async def conversation(
    guard: Guard, tls: ssl.SSLContext, attempt: Attempt, patience: float, sessions: TlsSessions
) -> AsyncIterator[Conversation]:
    """Open a client. patience: seconds for each whole answer. sessions: of `tls`."""
    client = HttpClient(
        connections_per_host=1,
        connect_within=patience / 2,
        tls=tls,
        look_up=guard.look_up(provider=attempt.provider, leg=attempt.leg),
        sessions=sessions,
    )
    try:
        yield Conversation(client, attempt, patience, sessions)
    finally:
        client.close()


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


def _request(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> tuple[Place, bytes] | None:
    """Where to and all of it; None if the URL is none, or a header cannot carry its value."""
    try:
        place, lines = place_of(url), header_lines(headers)
    except ValueError:
        return None
    length = "" if body is None else f"content-length: {len(body)}\r\n"
    head = f"{method} {place.target} HTTP/1.1\r\n{place.headers}{lines}{length}\r\n"
    return place, head.encode("utf-8", "replace") + (body or b"")


def _page(url: str, reply: Reply) -> Page:
    lines = [(name.decode("latin-1"), value.decode("utf-8", "surrogateescape")) for name, value in reply.headers]
    challenges = _challenges([value for name, value in lines if name == "www-authenticate"])
    return Page(url, reply.status, dict(reversed(lines)), reply.body, challenges, reply.transport)


def _challenges(headers: Sequence[str]) -> dict[str, str]:
    """Scheme → parameters. Commas separate several schemes in one header."""
    found: dict[str, str] = {}
    for header in headers:
        for part in header.split(","):
            scheme, _, rest = part.strip().partition(" ")
            # `realm="a, b"` and further parameters are parts too, but not schemes.
            if scheme and "=" not in scheme.rstrip("=") and '"' not in scheme:
                found.setdefault(scheme.lower(), rest.strip())
    return found
