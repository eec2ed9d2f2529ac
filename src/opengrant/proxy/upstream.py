"""The session of a mail program at its grant's mail server."""

from collections.abc import Mapping
from dataclasses import dataclass

from opengrant.errors import InvalidRequest, ProviderFailure
from opengrant.grants import refusals
from opengrant.grants.mail_logins import MailLogins, label
from opengrant.grants.refresh.state import States
from opengrant.model import Application, ProviderName
from opengrant.net.mail_login import MailLeg, ServerLogin
from opengrant.net.mail_session import MailSessions, Session
from opengrant.store.grants.refreshing import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Built once, in assembly/.

    sessions  by provider: hosts that requests have named are guarded, those of the settings are not
    """

    states: States
    logins: MailLogins
    sessions: Mapping[ProviderName, MailSessions]

    async def login(self, app: Application, grant_id: str, leg: MailLeg) -> tuple[State, ServerLogin]:
        """Where and how to log in for this grant.

        Raises GrantNotFound, Blocked, GrantExpired, InvalidRequest for a grant without such a server, and what
        LiveTokens.live raises.
        """
        state = await self.states.get(app.id, grant_id)
        refusals.refuse_blocked(state.grant)
        self.logins.refuse_unready(state.grant)
        login = await self.logins.find(app, state, leg)
        if login is None:
            raise InvalidRequest(f"This grant has no {leg.upper()} server that the proxy could log in to.")
        return state, login

    async def open(self, app: Application, state: State, login: ServerLogin) -> Session:
        """Log in. A refusal of the stored password counts for the grant as a probe's does.

        Raises InvalidAuthentication, GrantExpired, RefusalDoubted, ProviderUnavailable, RateLimited and their like.
        """
        provider = state.grant.provider
        try:
            return await self.sessions[provider].open(label(provider, login), login)
        except ProviderFailure as failure:
            raise await self.logins.judged(app, state, login.leg, failure) from None
