"""The login at a grant's mail server: with the stored password, or with the live token by XOAUTH2."""

from collections.abc import Mapping
from dataclasses import dataclass

from opengrant.errors import InvalidAuthentication, InvalidRequest, OpenGrantError, ProviderFailure
from opengrant.grants import refusals
from opengrant.grants.refresh.refresh import Refresh
from opengrant.grants.refresh.state import States
from opengrant.model import Application, Clock, PasswordSecret, ProviderName
from opengrant.model.stored_logins import MailServers
from opengrant.net.mail_login import STARTTLS, MailLeg
from opengrant.net.mail_session import MailSessions, ServerLogin, Session
from opengrant.providers.capabilities import Passwords
from opengrant.providers.classify import of_a_proven_credential
from opengrant.providers.registry import FACTS
from opengrant.providers.verdict import Kind
from opengrant.store.grants.refreshing import State

_TOKEN_LASTS = 60
"""Seconds that the token must be valid for the login; the session may outlive it."""
_ASK_NOT = frozenset({Kind.RECONNECT.value, Kind.RATE_LIMITED.value})
"""Troubles in which one more login does harm: a password in doubt may get the account locked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Built once, in assembly/.

    servers   of the providers whose mailboxes a token opens
    sessions  by provider: hosts that requests have named are guarded, those of the settings are not
    """

    clock: Clock
    states: States
    refresh: Refresh
    passwords: Passwords
    servers: Mapping[ProviderName, MailServers]
    sessions: Mapping[ProviderName, MailSessions]

    async def login(self, app: Application, grant_id: str, leg: MailLeg) -> tuple[State, ServerLogin]:
        """Where and how to log in for this grant.

        Raises GrantNotFound, Blocked, GrantExpired, InvalidRequest for a grant without such a server, and what
        LiveTokens.live raises.
        """
        state = await self.states.get(app.id, grant_id)
        grant, trouble, at = state.grant, state.grant.trouble, self.clock()
        refusals.refuse_blocked(grant)
        if grant.status == "invalid" or (trouble is not None and trouble.kind in _ASK_NOT and trouble.waits(at)):
            raise refusals.at_use(trouble or refusals.NO_REASON, provider=grant.provider, status=grant.status, at=at)
        if grant.provider in self.servers:
            return state, await self._by_token(app, state, leg)
        secret = None if state.live is None else self.states.open(state)
        stored = self.passwords.stored_login(grant.settings, secret) if isinstance(secret, PasswordSecret) else None
        held = None if stored is None else (stored.smtp if leg == "smtp" else stored.imap)
        if held is None:
            raise InvalidRequest(f"This grant has no {leg.upper()} server that the proxy could log in to.")
        login = ServerLogin(
            leg=leg,
            host=held.host,
            port=held.port,
            security=held.security,
            username=held.username,
            secret=held.password,
        )
        return state, login

    async def _by_token(self, app: Application, state: State, leg: MailLeg) -> ServerLogin:
        grant = state.grant
        live = await self.refresh.tokens.live(app, grant.id, minimum_ttl=_TOKEN_LASTS)
        servers = self.servers[grant.provider]
        server = servers.smtp if leg == "smtp" else servers.imap
        return ServerLogin(
            leg=leg,
            host=server.host,
            port=server.port,
            security="starttls" if server.port in STARTTLS else "tls",
            username=grant.organisation_address or grant.email,
            secret=live.access_token,
            bearer=True,
        )

    async def open(self, app: Application, state: State, login: ServerLogin) -> Session:
        """Log in. A refusal of the stored password counts for the grant as a probe's does.

        Raises InvalidAuthentication, GrantExpired, RefusalDoubted, ProviderUnavailable, RateLimited and their like.
        """
        provider = state.grant.provider
        # What a mail server says of a token is in the words of mail servers, not in those of OAuth.
        label = f"{provider.value}-mail" if login.bearer else provider.value
        try:
            return await self.sessions[provider].open(label, login)
        except ProviderFailure as failure:
            raise await self._judged(app, state, login, failure) from None

    async def _judged(
        self, app: Application, state: State, login: ServerLogin, failure: ProviderFailure
    ) -> OpenGrantError:
        evidence, verdict = failure.evidence, of_a_proven_credential(failure.evidence)
        grant, at = state.grant, self.clock()
        if verdict.kind is not Kind.RECONNECT or evidence.step != "auth":
            return refusals.at_connect(evidence, verdict, provider=grant.provider, means=self.states.means(state))
        if not login.bearer:
            grant = (await self.refresh.reported.keep(state, evidence, verdict)).grant
        else:
            # The token endpoint decides whether the credential behind the token still works.
            grant = await self.refresh.checks.check(app, grant.id)
        if grant.trouble is not None:
            return refusals.at_use(grant.trouble, provider=grant.provider, status=grant.status, at=at)
        if login.bearer:
            return InvalidAuthentication(_refused_token(grant.provider, login.leg, evidence.text.strip()))
        return refusals.at_connect(evidence, verdict, provider=grant.provider, means="password")


def _refused_token(provider: ProviderName, leg: MailLeg, words: str) -> str:
    facts = FACTS[provider]
    quoted = f" It said: {words}{'' if words.endswith(('.', '!', '?')) else '.'}" if words else ""
    return (
        f"{facts.speaks_as} gives this grant live tokens, and its {leg.upper()} server refuses them.{quoted} The grant"
        f" needs the scope {facts.mail_scope}, and {leg.upper()} must be switched on for the mailbox."
    )
