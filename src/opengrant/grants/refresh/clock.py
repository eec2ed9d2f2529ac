"""Grants that are due, refreshed on the clock without a caller."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from opengrant import tracing
from opengrant.errors import GrantNotFound, Overloaded, StoreUnavailable
from opengrant.grants.refresh import circuit_breaker
from opengrant.grants.refresh.attempt import Attempt
from opengrant.grants.refresh.capacity import Capacity
from opengrant.grants.refresh.circuit_breaker import CircuitBreakers
from opengrant.grants.refresh.leases import Leases
from opengrant.model import SECOND, Clock
from opengrant.store.engine.port import Store
from opengrant.store.grants import leases, refreshing
from opengrant.store.grants.leases import Lease
from opengrant.store.grants.refreshing import Source, State

log = structlog.get_logger()

Late = Callable[[float], None]
"""Seconds between the time that a grant was due and the clock's attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueGrants:
    """Built once, in assembly/refresh.py."""

    db: Store
    clock: Clock
    leases: Leases
    attempt: Attempt
    breakers: CircuitBreakers
    capacity: Capacity
    late: Late

    async def run_round(self) -> bool:
        """Start attempts at all sources with due grants, as far as rates and capacity allow.

        Returns whether there may be more to do at once. Raises StoreUnavailable.
        """
        any_claimed = False
        due = await self.db.read(refreshing.due_sources(at=self.clock()))
        # In another order each round: where there is no room for all, no source is always last.
        random.shuffle(due)
        for source in due:
            await self.capacity.wait()
            if (room := self.capacity.room(source.provider)) < 1:
                continue
            claimed = await self.leases.claim(source, limit=room)
            states = await self._states(source, claimed)
            for lease in claimed:
                self.capacity.start(source.provider, self._look_after(source, lease, states.get(lease.subject)))
            any_claimed = any_claimed or bool(claimed)
        return any_claimed

    async def _states(self, source: Source, claimed: list[Lease]) -> dict[str, State]:
        """The states of what was just claimed, in one trip. Without those that must be recovered first."""
        ids = [lease.subject for lease in claimed if lease.attempts == 1]
        return await self.db.read(refreshing.states(source.application_id, ids)) if ids else {}

    async def _look_after(self, source: Source, lease: Lease, state: State | None) -> None:
        about = {
            "opengrant.application_id": lease.application_id,
            "opengrant.grant_id": lease.subject,
            "opengrant.provider": source.provider,
        }
        with tracing.span("refresh", about):
            await self._refresh(source, lease, state)

    async def _refresh(self, source: Source, lease: Lease, state: State | None) -> None:
        """state: None where it is not known."""
        try:
            if state is None:
                await self.leases.recover(lease)
                state = await self.db.read(refreshing.state(lease.application_id, lease.subject))
            if state is None or not self._is_due(source, state):
                await self.db.write(leases.put_back(lease))
                return
            with self.capacity.at_host(state.grant) as crowded:
                later = self.breakers.spread(self.clock()) if crowded else await self.breakers.host_free_at(state)
                if later is not None:
                    await self.db.write(refreshing.put_off(state.grant, lease, due_at=later))
                    return
                if not source.degraded:
                    self.late((self.clock() - (state.grant.due_at or 0)) / SECOND)
                await self.attempt.make(state, lease)
        except GrantNotFound:
            pass  # deleted meanwhile
        except (Overloaded, StoreUnavailable) as problem:
            # The grant is still due; if its lease could not be given back, after that has run out.
            log.warning("refresh_interrupted", grant_id=lease.subject, problem=str(problem))

    def _is_due(self, source: Source, state: State) -> bool:
        """Still due, and the source's breaker is still closed."""
        grant, at = state.grant, self.clock()
        if grant.status == "invalid" or source.degraded:
            return grant.status == "valid"
        return grant.due_at is not None and grant.due_at <= at and not circuit_breaker.is_open(state.breaker, at=at)
