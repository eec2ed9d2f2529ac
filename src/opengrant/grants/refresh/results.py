"""What is written after a provider accepted a stored credential."""

from dataclasses import dataclass, replace

from opengrant import failpoints
from opengrant.errors import GrantNotFound
from opengrant.grants.refresh.circuit_breaker import CircuitBreakers
from opengrant.grants.refresh.pending_writes import PendingWrites, record_recovery
from opengrant.grants.refresh.provider_call import Answer
from opengrant.grants.refresh.state import States
from opengrant.grants.schedule import Schedule
from opengrant.grants.spool import PendingWrite
from opengrant.model import Clock, Grant, Micros, Sealed
from opengrant.store.engine.port import Steps, Store
from opengrant.store.grants import leases, refreshing
from opengrant.store.grants.leases import Lease
from opengrant.store.grants.refreshing import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Built once, in assembly/refresh.py."""

    db: Store
    clock: Clock
    states: States
    schedule: Schedule
    breakers: CircuitBreakers
    pending: PendingWrites

    async def keep(self, state: State, lease: Lease, answer: Answer) -> State:
        """Commit a provider's answer before anything else uses it. Returns the state after that.

        Raises StoreUnavailable when the answer is only spooled, and GrantNotFound.
        """
        at = self.clock()
        healthy = state.grant.trouble is None
        refreshes = state.grant.refreshes + 1 if healthy else 0
        grant = replace(state.grant, proven_at=at, trouble=None, attention_at=None, refreshes=refreshes)
        grant = replace(grant, version=state.grant.version + 1)
        self.breakers.saw_success(grant, at=at)
        if answer.secret is None:
            proven = replace(grant, due_at=self.schedule.next(grant, at=at))
            await self.db.write(self._close_breaker(state, refreshing.proven(proven, lease), at=at))
            return replace(state, grant=proven)
        grant = replace(grant, token_expires_at=answer.token_expires_at)
        grant = replace(grant, due_at=self.schedule.next(grant, at=at))
        live = self.states.seal(grant, answer.secret)
        if await self._store(state, grant, lease, answer, live, at=at):
            return replace(state, grant=replace(grant, generation=grant.generation + 1), live=live)
        return await self.states.get(grant.application_id, grant.id)

    async def _store(
        self, state: State, grant: Grant, lease: Lease, answer: Answer, live: Sealed, *, at: Micros
    ) -> bool:
        """Store the new live secret. False when another credential was stored meanwhile, or the grant has ended."""

        def script() -> Steps[bool]:
            write = refreshing.refreshed(
                *(grant, live, lease, self.db.dialect),
                spent=answer.spent,
                walked=answer.walked,
                alone=state.grant.trouble is None,
            )
            return self._close_breaker(state, write, at=at)

        pending = PendingWrite(
            *(grant.application_id, grant.id, grant.generation, grant.token_expires_at, live, at), owner=lease.owner
        )
        written = await self.pending.write(script, pending)
        failpoints.point("refresh.kept")
        if written:
            return True
        current = await self.db.read(refreshing.state(grant.application_id, grant.id))
        if current is None:
            await self.db.write(leases.give_back(lease))
            raise GrantNotFound("Grant not found")
        await self.pending.write_late(current, pending)
        return False

    def _close_breaker(self, state: State, write: Steps[bool], *, at: Micros) -> Steps[bool]:
        """The write; with it the source's breaker closes and the grant's own trouble ends, if there were any."""
        # The breaker of a mail host is not in the state.
        if state.breaker is not None or state.grant.blames != state.grant.source:
            yield from self.breakers.succeeded(state.grant, at=at)
        written = yield from write
        if written:
            yield from record_recovery(state.grant, at=at)
        return written
