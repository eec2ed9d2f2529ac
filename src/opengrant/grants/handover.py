"""The stored login of a mailbox with a password, handed to a caller that opens the mailbox by itself."""

from dataclasses import dataclass
from datetime import timedelta

from opengrant.access.rate_limits import RateLimit
from opengrant.errors import InvalidRequest
from opengrant.events import audit
from opengrant.grants import refusals
from opengrant.grants.refresh.state import States
from opengrant.model import Application, Clock, PasswordSecret
from opengrant.model.stored_logins import StoredLogin
from opengrant.providers.capabilities import Passwords
from opengrant.providers.registry import WITH_PASSWORD
from opengrant.store.engine.port import Store

LIMIT = 300
WINDOW = timedelta(minutes=1)
_WITHOUT = "This grant has no password. POST /v3/grants/{grant_id}/token gives the live token of an OAuth grant."


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """Built once, in assembly/."""

    db: Store
    clock: Clock
    states: States
    passwords: Passwords

    async def login(self, app: Application, grant_id: str, *, reason: str) -> StoredLogin:
        """The login of a grant. The audit trail has the caller and its `reason` before this returns.

        Raises GrantNotFound, Blocked, GrantExpired, RateLimited; InvalidRequest for a grant without a password.
        """
        state = await self.states.get(app.id, grant_id)
        grant = state.grant
        refusals.refuse_blocked(grant)
        if grant.provider not in WITH_PASSWORD:
            raise InvalidRequest(_WITHOUT)
        if grant.status == "invalid" or state.live is None:
            trouble = grant.trouble or refusals.NO_REASON
            raise refusals.at_use(trouble, provider=grant.provider, status="invalid", at=self.clock())
        secret = self.states.open(state)
        if not isinstance(secret, PasswordSecret):
            raise InvalidRequest(_WITHOUT)
        await RateLimit(db=self.db, clock=self.clock, name="grants.credential", limit=LIMIT, window=WINDOW).take(app)
        at = self.clock()
        await self.db.write(
            audit.record_alone(app.id, "grant.credential_read", at=at, grant_id=grant.id, reason=reason)
        )
        return self.passwords.stored_login(grant.settings, secret)
