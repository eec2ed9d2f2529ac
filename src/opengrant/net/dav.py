"""A login test over CalDAV: finds the user's principal and calendars.

Source  RFC 5397 (current-user-principal), RFC 4791 section 6.2.1 (calendar-home-set), RFC 7617 (Basic)
Quirks  iCloud offers `X-MobileMe-AuthToken` before `Basic`; we have only Basic. It keeps each account on its own
        partition and may redirect there: the password follows only to hosts that the caller allows.
"""

import asyncio
import base64
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.net.foreign_xml import BadXml, read_xml
from opengrant.net.guard import Guard
from opengrant.net.guarded_http import Conversation, Page, conversation, origin, under
from opengrant.net.login_attempt import Attempt, counted, observed
from opengrant.net.mail_login import shared_tls_context
from opengrant.net.observe import Observe
from opengrant.net.tls_sessions import TlsSessions

MAX_REDIRECTS = 5
_DAV, _CALDAV = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
_ASK_PRINCIPAL = b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>'
_ASK_HOME = (
    b'<?xml version="1.0"?><propfind xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">'
    b"<prop><c:calendar-home-set/></prop></propfind>"
)


@dataclass(frozen=True, slots=True)
class Account:
    """The result of discovery, as absolute URLs."""

    principal: str
    calendar_home: str


class DavClient:
    """Built once. timeout: seconds, for one answer and for the whole discovery.

    allowed  domains that may get the password after a redirect, beside the first host
    """

    def __init__(
        self,
        guard: Guard,
        *,
        timeout: float,
        ca_file: Path | None,
        allowed: tuple[str, ...] = (),
        observe: Observe | None = None,
    ) -> None:
        self._guard, self._timeout, self._allowed, self._observe = guard, timeout, allowed, observe
        self._tls: ssl.SSLContext = shared_tls_context(ca_file)
        self._sessions = TlsSessions()

    async def discover(self, provider: str, url: str, *, username: str, password: SecretStr) -> Account:
        """Log in at `url` and find the account's calendars.

        Raises ProviderFailure, leg "caldav". Its codes are HTTP statuses, network codes, `basic_not_offered`,
        `redirected_elsewhere`, `too_many_redirects`, `not_dav`, `no_principal`, `no_calendars`.
        """
        attempt = Attempt(provider, "caldav", username, password)
        with observed(attempt, self._observe):
            try:
                async with (
                    asyncio.timeout(self._timeout),
                    counted(attempt, urlsplit(url).hostname or ""),
                    conversation(self._guard, self._tls, attempt, self._timeout, self._sessions) as talk,
                ):
                    return await _Discovery(talk, url, self._allowed).run()
            except TimeoutError:
                raise attempt.failure("timeout") from None


class _Discovery:
    def __init__(self, talk: Conversation, url: str, allowed: tuple[str, ...]) -> None:
        self._talk, self._url, self._allowed = talk, url, allowed
        user = f"{talk.attempt.username}:{talk.attempt.password.get_secret_value()}".encode()
        self._headers = {
            "Authorization": f"Basic {base64.b64encode(user).decode()}",
            "Content-Type": "application/xml; charset=utf-8",
            "Depth": "0",
        }

    async def run(self) -> Account:
        try:
            return await self._once()
        except ProviderFailure as failure:
            # A partition answers 403 for accounts that have moved: start again, once.
            if failure.evidence.status != 403:
                raise
        return await self._once()

    async def _once(self) -> Account:
        page, principal = await self._href(self._url, _ASK_PRINCIPAL, f"{_DAV}current-user-principal")
        if principal is None:
            raise self._talk.senseless(page, "no_principal")
        page, home = await self._href(principal, _ASK_HOME, f"{_CALDAV}calendar-home-set")
        if home is None:
            raise self._talk.senseless(page, "no_calendars")
        self._talk.accepted(page)
        return Account(principal, home)

    async def _href(self, url: str, ask: bytes, name: str) -> tuple[Page, str | None]:
        """The URL in a property; None if the server has none, as for a user who is not logged in."""
        page = await self._propfind(url, ask)
        try:
            root = read_xml(page.body)
        except BadXml:
            raise self._talk.senseless(page, "not_dav") from None
        href = (root.findtext(f".//{name}/{_DAV}href") or "").strip()
        if not href:
            return page, None
        try:
            found = urljoin(page.url, href)
        except ValueError:
            return page, None
        self._check(page, found)
        return page, found

    async def _propfind(self, url: str, ask: bytes) -> Page:
        for _ in range(MAX_REDIRECTS + 1):
            page = await self._talk.ask("PROPFIND", url, headers=self._headers, body=ask)
            if page.status == 207:
                return page
            if page.redirect is None:
                missing = page.status == 401 and page.challenges and "basic" not in page.challenges
                raise self._talk.refused(page, "basic_not_offered" if missing else str(page.status))
            url = page.redirect
            self._check(page, url)
        raise self._talk.refused(page, "too_many_redirects")

    def _check(self, page: Page, url: str) -> None:
        """Only the first host and the allowed domains get the password, and never without TLS after TLS."""
        asked, found = origin(self._url), origin(url)
        same = found is not None and found == asked
        allowed = found is not None and found[0] == "https" and any(under(found[1], name) for name in self._allowed)
        host_again = found is not None and asked is not None and found[:2] == ("https", asked[1])
        if not (same or allowed or host_again):
            where = found[1] if found else "a URL that is none"
            raise self._talk.refused(page, "redirected_elsewhere", text=f"It leads to {where}.")
