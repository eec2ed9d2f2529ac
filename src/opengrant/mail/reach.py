"""How the mailbox of a grant is reached: the login at its mail server, and what a failure means for the grant."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from opengrant.errors import (
    DataNotFound,
    InvalidAuthentication,
    InvalidData,
    OpenGrantError,
    ProviderFailure,
    ProviderUnavailable,
)
from opengrant.grants import refusals
from opengrant.grants.refresh.refresh import Refresh
from opengrant.grants.refresh.state import States
from opengrant.mail.sessions import Kept, Key, Sessions
from opengrant.model import Application, Clock, Grant, PasswordSecret, ProviderName
from opengrant.model.stored_logins import MailServers
from opengrant.net.imap.session import ImapSession
from opengrant.net.mail_login import STARTTLS, MailClient
from opengrant.providers.capabilities import Passwords
from opengrant.providers.classify import of_a_proven_credential
from opengrant.providers.registry import FACTS
from opengrant.providers.verdict import Kind
from opengrant.store.grants.refreshing import State

T = TypeVar("T")

WHOLE = 60.0
"""Seconds that a call may take at the provider. The official SDKs wait for 90."""
_TOKEN_LASTS = 60
"""Seconds that a token must be valid for a login."""
_ASK_NOT = frozenset({Kind.RECONNECT.value, Kind.RATE_LIMITED.value})
"""Troubles in which one more login does harm: a password in doubt may get the account locked."""
_GONE = frozenset({"NONEXISTENT", "TRYCREATE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Built once, in assembly/.

    servers  of the providers whose mailboxes a token opens
    clients  by provider: hosts that requests have named are guarded, those of the settings are not
    """

    clock: Clock
    states: States
    refresh: Refresh
    passwords: Passwords
    sessions: Sessions
    servers: Mapping[ProviderName, MailServers] = field(repr=False)
    clients: Mapping[ProviderName, MailClient] = field(repr=False)

    def line(self, app: Application, grant: Grant) -> "Line":
        """For one call. Raises GrantExpired, or what a trouble is told by: the server must not be asked now."""
        self.refuse_dead(grant)
        server = self.servers.get(grant.provider)
        host = server.imap.host if server else grant.mail_host or grant.provider.value
        return Line(self, app, grant, Key(grant.id, grant.generation, host))

    def refuse_dead(self, grant: Grant) -> None:
        trouble, at = grant.trouble, self.clock()
        if grant.status == "invalid" or (trouble is not None and trouble.kind in _ASK_NOT and trouble.waits(at)):
            known = trouble or refusals.NO_REASON
            raise refusals.at_use(known, provider=grant.provider, status=grant.status, at=at)

    async def open(self, app: Application, state: State) -> ImapSession:
        """Log in. Raises ProviderFailure, InvalidData for a grant without a server, and what LiveTokens.live raises."""
        grant = state.grant
        client, server = self.clients[grant.provider], self.servers.get(grant.provider)
        if server is not None:
            live = await self.refresh.tokens.live(app, grant.id, minimum_ttl=_TOKEN_LASTS)
            return await client.open_imap(
                # What a mail server says of a token is in the words of mail servers, not in those of OAuth.
                f"{grant.provider.value}-mail",
                host=server.imap.host,
                port=server.imap.port,
                security="starttls" if server.imap.port in STARTTLS else "tls",
                username=grant.organisation_address or grant.email,
                password=live.access_token,
                bearer=True,
            )
        secret = None if state.live is None else self.states.open(state)
        stored = self.passwords.stored_login(grant.settings, secret) if isinstance(secret, PasswordSecret) else None
        if stored is None or stored.imap is None:
            raise InvalidData("grant_id: this grant has no IMAP server.")
        login = stored.imap
        return await client.open_imap(
            grant.provider.value,
            host=login.host,
            port=login.port,
            security=login.security,
            username=login.username,
            password=login.password,
        )

    async def judged(self, app: Application, state: State, failure: ProviderFailure) -> OpenGrantError:
        """The error for the caller. A refusal of the stored password counts for the grant as a probe's does."""
        evidence, grant = failure.evidence, state.grant
        if evidence.step == "command" and evidence.code in _GONE:
            return DataNotFound("The mail server has no such folder.")
        verdict = of_a_proven_credential(evidence)
        if verdict.kind is not Kind.RECONNECT or evidence.step != "auth":
            return refusals.at_connect(evidence, verdict, provider=grant.provider, means="password")
        by_token = grant.provider in self.servers
        if by_token:
            # The token endpoint decides whether the credential behind the token still works.
            grant = await self.refresh.checks.check(app, grant.id)
        else:
            grant = (await self.refresh.reported.keep(state, evidence, verdict)).grant
        if grant.trouble is not None:
            return refusals.at_use(grant.trouble, provider=grant.provider, status=grant.status, at=self.clock())
        if by_token:
            facts = FACTS[grant.provider]
            return InvalidAuthentication(
                f"{facts.speaks_as} gives this grant live tokens, and its IMAP server refuses them. It said:"
                f" {evidence.text.strip()} The grant needs a scope for mail, and IMAP must be on for the mailbox."
            )
        return refusals.at_connect(evidence, verdict, provider=grant.provider, means="password")


@dataclass(slots=True)
class Line:
    """The mailbox of one grant during one call."""

    reach: Reach
    app: Application
    grant: Grant
    key: Key
    _state: State | None = None

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
