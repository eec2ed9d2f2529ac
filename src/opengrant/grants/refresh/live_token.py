"""The access token of a grant on request, renewed first where it ends too soon."""

from dataclasses import dataclass, replace

from pydantic import SecretStr

from opengrant.errors import InvalidRequest, OpenGrantError
from opengrant.events import audit
from opengrant.grants import refusals
from opengrant.grants.refresh import circuit_breaker
from opengrant.grants.refresh.attempt import SharedAttempts
from opengrant.grants.refresh.results import CallersEntry
from opengrant.grants.refresh.state import States
from opengrant.grants.schedule import Schedule
from opengrant.model import (
    AGREE,
    SECOND,
    Application,
    Clock,
    Grant,
    GrantSecret,
    Micros,
    OAuthSecret,
    OrganisationSecret,
    Trouble,
    is_recent,
)
from opengrant.model.basics import record
from opengrant.providers.registry import FACTS
from opengrant.providers.verdict import Kind
from opengrant.store.engine.port import Store
from opengrant.store.events import events
from opengrant.store.events.events import Event
from opengrant.store.grants import refreshing, stored_token
from opengrant.store.grants.refreshing import State

LIFE_LEFT: Micros = 60 * SECOND
"""A token that ends sooner is not returned."""
_REMEMBERED: Micros = 30 * SECOND
"""A failure answers further requests for this long, without asking the provider again."""
_USED_EVERY: Micros = 3600 * SECOND
"""`used_at` is written at most this often."""
_LOST_RACE = Trouble("provider_down", "busy", "", "Try again in a moment.", 0, 0)


@record
class Live:
    """An access token that works now. expires_at: what its provider said of it."""

    access_token: SecretStr
    expires_at: Micros
    scope: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTokens:
    """Built once, in assembly/refresh.py."""

    db: Store
    clock: Clock
    states: States
    schedule: Schedule
    attempts: SharedAttempts

    async def token(self, app: Application, grant_id: str, *, minimum_ttl: int, reason: str | None) -> Live:
        """The live access token of a grant, for an API caller: the audit trail records the caller and its `reason`.

        Raises what `live` raises.
        """
        stored = await self._stored(app, grant_id, minimum_ttl=minimum_ttl, reason=reason)
        if stored is not None:
            return stored

        def entry(at: Micros) -> Event:
            return audit.entry(app.id, "grant.token_read", at=at, grant_id=grant_id, reason=reason)

        caller = CallersEntry(entry, uses_token=True)
        live = await self.live(app, grant_id, minimum_ttl=minimum_ttl, caller=caller)
        if not caller.stored:
            await self.db.write(events.add_alone(entry(self.clock())))
        return live

    async def _stored(self, app: Application, grant_id: str, *, minimum_ttl: int, reason: str | None) -> Live | None:
        """The stored token, if nothing has to be done before: the usual case, in one transaction.

        The entry of the audit trail is durable before the seal is opened. So a seal that does not open, as with a
        missing master key, leaves an entry although no token was returned.
        """
        at = self.clock()
        found = await self.db.write(
            stored_token.read(
                app.id,
                grant_id,
                audit.entry(app.id, "grant.token_read", at=at, grant_id=grant_id, reason=reason),
                at=at,
                until=at + max(minimum_ttl * SECOND, LIFE_LEFT),
                used_since=at - _USED_EVERY,
                dialect=self.db.dialect,
            )
        )
        if found is None:
            return None
        token = _token(self.states.open_sealed(app.id, grant_id, found.sealed))
        return None if token is None else Live(token, found.expires_at, found.scope)

    async def live(
        self, app: Application, grant_id: str, *, minimum_ttl: int, caller: CallersEntry | None = None
    ) -> Live:
        """The live access token of a grant, renewed first if it ends within `minimum_ttl` seconds.

        caller  whose entry is stored with a new token

        A token that its provider makes shorter than that is returned as it is. While the provider cannot be asked,
        the stored token is returned as long as it has a minute left.
        Raises GrantNotFound, Blocked, GrantExpired, InvalidRequest for a grant without tokens, ProviderUnavailable,
        RateLimited, Overloaded.
        """
        state = await self.states.get(app.id, grant_id)
        grant = state.grant
        refusals.refuse_blocked(grant)
        if grant.status == "valid" and (state.live is None or grant.token_expires_at is None):
            raise InvalidRequest(FACTS[grant.provider].tokenless)
        began = self.clock()
        if grant.status == "valid" and not _lasts(grant, minimum_ttl, began):
            state = await self._renewed(state, caller)
        live = self._live(state, at=self.clock())
        if live is None:
            raise self._problem(state)
        if (state.grant.used_at or 0) + _USED_EVERY < began and state.grant.status == "valid":
            await self._used(state.grant, at=began)
        return live

    def _live(self, state: State, *, at: Micros) -> Live | None:
        grant = state.grant
        expires_at = grant.token_expires_at or 0
        if grant.status != "valid" or state.live is None:
            return None
        if (ahead := (grant.proven_at or 0) - at) > AGREE:
            expires_at -= ahead  # the clock was set back since: no longer than it was made for
        if expires_at - at < _least(grant):
            return None
        token = _token(self.states.open(state))
        return None if token is None else Live(token, expires_at, grant.scope)

    async def _renewed(self, state: State, caller: CallersEntry | None) -> State:
        """The state after an attempt to renew; unchanged while the provider must not be asked."""
        at, trouble = self.clock(), state.grant.trouble
        if circuit_breaker.is_open(state.breaker, at=at):
            return state
        # A grant that was held for its source need not wait: the source has recovered.
        if trouble is not None and not trouble.held and trouble.waits(at):
            asked_to_wait = trouble.kind == Kind.RATE_LIMITED
            if asked_to_wait or is_recent(trouble.last_seen, within=_REMEMBERED, now=at):
                return state
        return await self.attempts.advance(state, caller)

    def _problem(self, state: State) -> OpenGrantError:
        grant, at = state.grant, self.clock()
        trouble = grant.trouble
        if grant.status == "valid" and state.breaker is not None and circuit_breaker.is_open(state.breaker, at=at):
            trouble = circuit_breaker.trouble_of(state.breaker, at=at)
        if trouble is None:
            trouble = refusals.NO_REASON if grant.status == "invalid" else _LOST_RACE
        return refusals.at_use(trouble, provider=grant.provider, status=grant.status, at=at)

    async def _used(self, grant: Grant, *, at: Micros) -> None:
        # A grant in trouble keeps the time of its next attempt.
        due_at = self.schedule.next(replace(grant, used_at=at), at=at) if grant.trouble is None else grant.due_at
        await self.db.write(refreshing.used(grant, at=at, due_at=due_at))


def _token(secret: GrantSecret) -> SecretStr | None:
    """None for a password."""
    return secret.access_token if isinstance(secret, OAuthSecret | OrganisationSecret) else None


def _lasts(grant: Grant, minimum_ttl: int, at: Micros) -> bool:
    left = (grant.token_expires_at or 0) - at
    if (grant.proven_at or 0) > at + AGREE:
        return False  # the clock was set back since: what is left of the token's life is unknown
    # A token just made does not get longer by asking again.
    just_made = is_recent(grant.proven_at, within=_REMEMBERED, now=at) and left >= max(_least(grant), 1)
    return left >= max(minimum_ttl * SECOND, LIFE_LEFT) or just_made


def _least(grant: Grant) -> Micros:
    """The life that a token must have left to be returned: a minute, or half of what it was made for."""
    return min(LIFE_LEFT, ((grant.token_expires_at or 0) - (grant.proven_at or 0)) // 2)
