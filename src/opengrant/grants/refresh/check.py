"""Checks: ask a grant's provider now, whether the grant is due or not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opengrant.events import audit
from opengrant.events import payloads as events
from opengrant.grants import refusals
from opengrant.grants.refresh import circuit_breaker
from opengrant.grants.refresh.attempt import SharedAttempts
from opengrant.grants.refresh.circuit_breaker import CircuitBreakers
from opengrant.grants.refresh.results import CallersEntry
from opengrant.grants.refresh.state import States
from opengrant.model import SECOND, Application, Clock, Grant, Micros, Trouble, is_recent
from opengrant.store.engine.port import Store
from opengrant.store.events import events as outbox
from opengrant.store.events.events import Event

_JUST_NOW: Micros = 5 * SECOND
"""Forced checks within this time reuse the last answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """Built once, in assembly/refresh.py."""

    db: Store
    clock: Clock
    states: States
    breakers: CircuitBreakers
    attempts: SharedAttempts

    async def check(self, app: Application, grant_id: str) -> Grant:
        """Returns the grant with the provider's answer. Raises GrantNotFound, Blocked, Overloaded."""
        state = await self.states.get(app.id, grant_id)
        refusals.refuse_blocked(state.grant)
        if state.grant.status == "valid" and state.live is not None:
            state = await self.attempts.advance(state)
        return state.grant

    async def check_on_request(self, app: Application, grant_id: str) -> Grant:
        """As `check`, for an API caller, which the audit trail names. Raises GrantNotFound, Blocked, Overloaded.

        The provider is not asked when it answered within the last seconds, asked for a pause, or its source is
        degraded and no probe is due: the audit entry then says what is known, and source_health.py shows it.
        """
        state = await self.states.get(app.id, grant_id)
        refusals.refuse_blocked(state.grant)
        grant = state.grant
        trouble = grant.trouble
        if grant.status == "valid" and state.live is not None and not self._asked_just_now(grant):
            breaker = await self.breakers.open_for(state)
            if await self.breakers.take_turn(state, breaker):
                caller = CallersEntry(lambda at: _entry(state.grant, None, at=at), uses_token=False)
                grant = (await self.attempts.advance(state, caller)).grant
                if caller.stored:
                    return grant
                trouble = grant.trouble
            elif trouble is None and breaker is not None:
                trouble = circuit_breaker.trouble_of(breaker, at=self.clock())
        await self.db.write(outbox.add_alone(_entry(grant, trouble, at=self.clock())))
        return grant

    def _asked_just_now(self, grant: Grant) -> bool:
        failed_at, at = None if grant.trouble is None else grant.trouble.last_seen, self.clock()
        return any(is_recent(one, within=_JUST_NOW, now=at) for one in (grant.proven_at, failed_at))


def _entry(grant: Grant, trouble: Trouble | None, *, at: Micros) -> Event:
    """For the audit trail. trouble: what is known of the grant after the check."""
    facts: Mapping[str, Any] = {} if trouble is None else events.facts(trouble)
    return audit.entry(grant.application_id, "grant.checked", at=at, grant_id=grant.id, **facts)
