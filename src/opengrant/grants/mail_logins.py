"""The login at a grant's mail server: when it may be tried, with what, and what a refusal means for the grant."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from opengrant.errors import InvalidAuthentication, OpenGrantError, ProviderFailure
from opengrant.grants import refusals
from opengrant.grants.refresh.refresh import Refresh
from opengrant.grants.refresh.state import States
from opengrant.model import Application, Clock, Grant, PasswordSecret, ProviderName
from opengrant.model.stored_logins import MailServers
from opengrant.net.mail_login import STARTTLS, MailLeg, ServerLogin
from opengrant.providers.capabilities import Passwords
from opengrant.providers.classify import of_a_proven_credential
from opengrant.providers.registry import FACTS
from opengrant.providers.verdict import Kind
from opengrant.store.grants.refreshing import State

_TOKEN_LASTS = 60
"""Seconds that a token must be valid for a login; the session may outlive it."""
_ASK_NOT = frozenset({Kind.RECONNECT.value, Kind.RATE_LIMITED.value})
"""Troubles in which one more login does harm: a password in doubt may get the account locked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailLogins:
    """Built once, in assembly/. servers: of the providers whose mailboxes a token opens."""

    clock: Clock
    states: States
    refresh: Refresh
    passwords: Passwords
    servers: Mapping[ProviderName, MailServers] = field(repr=False)

    def refuse_unready(self, grant: Grant) -> None:
        """Raises GrantExpired, or what a trouble is told by, where the server must not be asked now."""
        trouble, at = grant.trouble, self.clock()
        if grant.status == "invalid" or (trouble is not None and trouble.kind in _ASK_NOT and trouble.waits(at)):
            known = trouble or refusals.NO_REASON
            raise refusals.at_use(known, provider=grant.provider, status=grant.status, at=at)

    async def find(self, app: Application, state: State, leg: MailLeg) -> ServerLogin | None:
        """Where and how to log in; None: the grant has no such server. Raises what LiveTokens.live raises."""
        grant = state.grant
        if (servers := self.servers.get(grant.provider)) is not None:
            live = await self.refresh.tokens.live(app, grant.id, minimum_ttl=_TOKEN_LASTS)
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
        secret = None if state.live is None else self.states.open(state)
        stored = self.passwords.stored_login(grant.settings, secret) if isinstance(secret, PasswordSecret) else None
        held = None if stored is None else (stored.smtp if leg == "smtp" else stored.imap)
        if held is None:
            return None
        return ServerLogin(
            leg=leg,
            host=held.host,
            port=held.port,
            security=held.security,
            username=held.username,
            secret=held.password,
        )

    async def judged(self, app: Application, state: State, leg: MailLeg, failure: ProviderFailure) -> OpenGrantError:
        """The error for the caller. A refusal of the stored password counts for the grant as a probe's does."""
        evidence, grant = failure.evidence, state.grant
        verdict, means = of_a_proven_credential(evidence), self.states.means(state)
        if verdict.kind is not Kind.RECONNECT or evidence.step != "auth":
            return refusals.at_connect(evidence, verdict, provider=grant.provider, means=means)
        by_token = grant.provider in self.servers
        if by_token:
            # The token endpoint decides whether the credential behind the token still works.
            grant = await self.refresh.checks.check(app, grant.id)
        else:
            grant = (await self.refresh.reported.keep(state, evidence, verdict)).grant
        if grant.trouble is not None:
            return refusals.at_use(grant.trouble, provider=grant.provider, status=grant.status, at=self.clock())
        if by_token:
            return InvalidAuthentication(_refused_token(grant.provider, leg, evidence.text.strip()))
        return refusals.at_connect(evidence, verdict, provider=grant.provider, means=means)


def label(provider: ProviderName, login: ServerLogin) -> str:
    """The name in evidence: what a mail server says of a token is in the words of mail servers, not of OAuth."""
    return f"{provider.value}-mail" if login.bearer else provider.value


def _refused_token(provider: ProviderName, leg: MailLeg, words: str) -> str:
    facts = FACTS[provider]
    quoted = f" It said: {words}{'' if words.endswith(('.', '!', '?')) else '.'}" if words else ""
    return (
        f"{facts.speaks_as} gives this grant live tokens, and its {leg.upper()} server refuses them.{quoted} The grant"
        f" needs the scope {facts.mail_scope}, and {leg.upper()} must be switched on for the mailbox."
    )
