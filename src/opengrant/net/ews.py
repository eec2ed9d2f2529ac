"""HTTP to Exchange servers: NTLM or Basic, as the server asks for.

A password is sent only over HTTPS with a verified certificate, only after the server has asked for one, and in one
attempt: Exchange locks accounts. providers/ews/password.py knows the requests.

Source  MS-NTHT and MS-NLMP (NTLM over HTTP), RFC 4559 (Negotiate), RFC 7617, RFC 5929 section 4 (channel bindings)
Quirks  NTLM logs in a connection, not a request: its three legs and all later requests need the same connection,
        and only the 401 after the third leg is a refusal. A proxy that changes connections in between always says 401.
"""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.net.guard import Guard
from opengrant.net.guarded_http import Conversation, Page, conversation, origin
from opengrant.net.login_attempt import Attempt, counted, observed
from opengrant.net.mail_login import shared_tls_context
from opengrant.net.observe import Observe
from opengrant.net.tls_sessions import TlsSessions

if TYPE_CHECKING:
    from opengrant.net.ntlm import NtlmLogin

Scheme = Literal["ntlm", "negotiate", "basic"]
_SCHEMES: tuple[Scheme, ...] = ("ntlm", "negotiate", "basic")
"""Best first. A refusal is final: another scheme would count as a second attempt."""

_SPELLED = {"ntlm": "NTLM", "negotiate": "Negotiate"}


class EwsClient:
    """Built once. timeout: seconds for each whole answer."""

    def __init__(self, guard: Guard, *, timeout: float, ca_file: Path | None, observe: Observe | None = None) -> None:
        self.timeout = timeout
        self._guard, self._observe = guard, observe
        self._tls, self._sessions = shared_tls_context(ca_file), TlsSessions()

    @contextlib.asynccontextmanager
    async def talk(
        self, username: str, password: SecretStr, *, patience: float | None = None
    ) -> AsyncIterator["EwsTalk"]:
        """A conversation of one user, with one server at a time; it logs in when a server asks.

        patience  seconds for each whole answer, instead of the client's timeout
        """
        attempt = Attempt("ews", "ews", username, password)
        with observed(attempt, self._observe):
            patience = patience or self.timeout
            async with conversation(self._guard, self._tls, attempt, patience, self._sessions) as web:
                yield EwsTalk(web)


class EwsTalk:
    """Requests to Exchange servers. Failures are ProviderFailures of leg "ews".

    scheme  of the last login; None before
    """

    def __init__(self, web: Conversation) -> None:
        self.web = web
        self.scheme: Scheme | None = None
        self._logged_in: asyncio.Transport | None = None
        self._basic_at: tuple[str, str, int] | None = None
        self._peer = ""

    async def ask(self, method: str, url: str, *, headers: Mapping[str, str] | None = None) -> Page:
        """Send without credentials."""
        return await self.web.ask(method, url, headers=headers)

    async def post(self, url: str, body: bytes, *, headers: Mapping[str, str]) -> Page:
        """POST; log in if the server asks for it.

        Any status but 401 is an answer. Raises ProviderFailure if no answer came, and at step "auth" with code
        "password_refused" or "locked_out" (status 401), "modern_auth_only", "login_not_offered", "ntlm_malformed",
        "connection_not_kept", "not_https".
        """
        there = origin(url)
        if there is None or there[0] != "https":
            raise self._failure("not_https")
        page: Page | None = None
        if self._basic_at != there:
            page = await self.web.ask("POST", url, headers=headers, body=body)
            if page.status != 401:
                return page
            self._peer = _address(page.transport) or there[1]
        async with counted(self.web.attempt, self._peer, sent=True):
            page = await (self._give(url, body, headers) if page is None else self._log_in(page, body, headers))
            if page.status == 401:
                locked = b"locked out" in page.body.lower()
                subcodes = ("basic_beyond_ascii",) if self._beyond_ascii() else ()
                raise self._failure("locked_out" if locked else "password_refused", status=401, subcodes=subcodes)
        self.web.accepted(page)
        return page

    def logged_in(self, page: Page) -> bool:
        """Whether the request for that page was logged in."""
        return (page.transport is not None and page.transport is self._logged_in) or self._basic_at == origin(page.url)

    async def _log_in(self, page: Page, body: bytes, headers: Mapping[str, str]) -> Page:
        self.scheme = next((scheme for scheme in _SCHEMES if scheme in page.challenges), None)
        if self.scheme is None:
            only_bearer = "bearer" in page.challenges
            raise self._failure("modern_auth_only" if only_bearer else "login_not_offered", status=401)
        if self.scheme == "basic":
            self._basic_at = origin(page.url)
            return await self._give(page.url, body, headers)
        return await self._ntlm(page, self.scheme, body, headers)

    async def _ntlm(self, first: Page, scheme: Scheme, body: bytes, headers: Mapping[str, str]) -> Page:
        attempt, there = self.web.attempt, origin(first.url)
        assert there is not None

        async def leg(token: bytes, content: bytes) -> Page:
            sent = f"{_SPELLED[scheme]} {base64.b64encode(token).decode()}"
            return await self.web.ask("POST", first.url, headers={**headers, "Authorization": sent}, body=content)

        try:
            # On a thread: the first time, the library is loaded.
            ntlm = await asyncio.to_thread(_ntlm_login)
            client = ntlm(attempt.username, attempt.password, host=there[1], scheme=scheme, transport=first.transport)
            asked = await leg(client.step(), b"")
            if asked.status != 401:
                return asked
            answer = client.step(base64.b64decode(asked.challenges.get(scheme, "")))
        except ValueError:
            raise self._failure("ntlm_malformed", status=401) from None
        page = await leg(answer, body)
        if page.transport is not asked.transport:
            raise self._failure("connection_not_kept", status=page.status)
        self._logged_in = page.transport
        return page

    async def _give(self, url: str, body: bytes, headers: Mapping[str, str]) -> Page:
        """POST with the password in clear text (Basic)."""
        attempt = self.web.attempt
        pair = f"{attempt.username}:{attempt.password.get_secret_value()}".encode()
        basic = f"Basic {base64.b64encode(pair).decode()}"
        return await self.web.ask("POST", url, headers={**headers, "Authorization": basic}, body=body)

    def _beyond_ascii(self) -> bool:
        """Whether the login used Basic with letters that some servers read as UTF-8 and others as Latin-1.

        The other encoding is not tried: Exchange locks accounts.
        """
        attempt = self.web.attempt
        return self.scheme == "basic" and not f"{attempt.username}{attempt.password.get_secret_value()}".isascii()

    def _failure(self, code: str, *, status: int | None = None, subcodes: tuple[str, ...] = ()) -> ProviderFailure:
        self.web.attempt.step = "auth"
        return self.web.attempt.failure(code, status=status, subcodes=subcodes)


def _ntlm_login() -> type["NtlmLogin"]:
    from opengrant.net.ntlm import NtlmLogin  # noqa: PLC0415 - 10 MB, and most servers have no Exchange grant

    return NtlmLogin


def _address(transport: asyncio.Transport | None) -> str:
    """The address of the server; "" when the connection is gone."""
    peer = None if transport is None else transport.get_extra_info("peername")
    return str(peer[0]) if peer else ""
