"""How the mailbox of a grant is reached: the login at its mail server, and what a failure means for the grant."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from opengrant.errors import (
    DataNotFound,
    InvalidData,
    OpenGrantError,
    ProviderFailure,
    ProviderUnavailable,
)
from opengrant.grants.mail_logins import MailLogins, label
from opengrant.grants.refresh.state import States
from opengrant.mail.sessions import Kept, Key, Sessions
from opengrant.model import SECOND, Application, Grant, ProviderName
from opengrant.model.mail import Address
from opengrant.net.imap.session import ImapSession
from opengrant.net.mail_login import MailClient
from opengrant.store.grants.refreshing import State

T = TypeVar("T")

WHOLE = 60.0
"""Seconds that a call may take at the provider. The official SDKs wait for 90."""
_NO_FOLDER = "The mail server has no such folder."
_GONE = {
    "NONEXISTENT": _NO_FOLDER,
    "TRYCREATE": _NO_FOLDER,
    "EXPUNGEISSUED": "Another client has moved or deleted the message in the meantime.",
}
"""What a server says by these codes (RFC 5530)."""
_GONE_IN_WORDS = re.compile(
    r"mailbox does(?:n't| not) exist|mailbox was deleted|(?:no such|unknown) mailbox", re.IGNORECASE
)
"""The same by servers that give no code, when another client has deleted a folder since it was listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Built once, in assembly/.

    clients  by provider: hosts that requests have named are guarded, those of the settings are not
    """

    states: States
    logins: MailLogins
    sessions: Sessions
    clients: Mapping[ProviderName, MailClient] = field(repr=False)

    def line(self, app: Application, grant: Grant) -> "Line":
        """For one call. Raises GrantExpired, or what a trouble is told by: the server must not be asked now."""
        self.logins.refuse_unready(grant)
        server = self.logins.servers.get(grant.provider)
        host = server.imap.host if server else grant.mail_host or grant.provider.value
        return Line(self, app, grant, Key(grant.id, grant.generation, host))

    async def open(self, app: Application, state: State) -> ImapSession:
        """Log in. Raises ProviderFailure, InvalidData for a grant without a server, and what LiveTokens.live raises."""
        provider = state.grant.provider
        login = await self.logins.find(app, state, "imap")
        if login is None:
            raise InvalidData("grant_id: this grant has no IMAP server.")
        return await self.clients[provider].open_imap(label(provider, login), login)

    async def judged(self, app: Application, state: State, failure: ProviderFailure) -> OpenGrantError:
        """The error for the caller."""
        evidence = failure.evidence
        if evidence.step == "command" and evidence.code in _GONE:
            return DataNotFound(_GONE[evidence.code])
        if evidence.step == "command" and evidence.code == "NO" and _GONE_IN_WORDS.search(evidence.text):
            return DataNotFound(_NO_FOLDER)
        return await self.logins.judged(app, state, "imap", failure)


@dataclass(slots=True)
class Line:
    """The mailbox of one grant during one call."""

    reach: Reach
    app: Application
    grant: Grant
    key: Key
    _state: State | None = None

    @property
    def own(self) -> Address:
        """Who its messages are from."""
        return Address(self.grant.email, self.grant.name or "")

    @property
    def now(self) -> int:
        """Seconds since the epoch."""
        return self.reach.logins.clock() // SECOND

    async def call(self, work: Callable[[Kept, ImapSession], Awaitable[T]]) -> T:
        """Do a piece of work in the session for commands. Raises what the port's methods raise."""
        try:
            async with asyncio.timeout(WHOLE):
                return await self.reach.sessions.call(self.key, self._open, work)
        except TimeoutError:
            raise ProviderUnavailable("Provider request timed out.") from None
        except ProviderFailure as failure:
            raise await self._judged(failure) from None

    @contextlib.asynccontextmanager
    async def download(self) -> AsyncIterator[tuple[Kept, ImapSession]]:
        """The session for downloads, as long as one takes: each of its commands has a deadline. Raises as `call`."""
        try:
            async with self.reach.sessions.use(self.key._replace(lane="download"), self._open) as (kept, session, _):
                yield kept, session
        except ProviderFailure as failure:
            raise await self._judged(failure) from None

    async def _open(self) -> ImapSession:
        self._state = await self.reach.states.get(self.app.id, self.grant.id)
        return await self.reach.open(self.app, self._state)

    async def _judged(self, failure: ProviderFailure) -> OpenGrantError:
        state = self._state or await self.reach.states.get(self.app.id, self.grant.id)
        return await self.reach.judged(self.app, state, failure)
