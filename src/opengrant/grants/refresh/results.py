"""What is written after a provider accepted a stored credential."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

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
from opengrant.store.events.events import Event
from opengrant.store.grants import leases, refreshing
from opengrant.store.grants.leases import Lease
from opengrant.store.grants.refreshing import Proven, State


@dataclass(slots=True)
class CallersEntry:
    """The entry of the audit trail of a caller who waits for an attempt; stored with the result, if that is a success.

    make        makes the entry for the given time
    uses_token  the caller gets the token, which counts as a use of the grant
    stored      whether it is stored; if not, the caller does that
    """

    make: Callable[[Micros], Event]
    uses_token: bool
    stored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Built once, in assembly/refresh.py."""

    db: Store
    clock: Clock
    states: States
    schedule: Schedule
    breakers: CircuitBreakers
    pending: PendingWrites

    async def keep(self, state: State, lease: Lease, answer: Answer, caller: CallersEntry | None) -> State:
        """Commit a provider's answer before anything else uses it. Returns the state after that.

        Raises StoreUnavailable when the answer is only spooled, and GrantNotFound.
        """
        at, before = self.clock(), state.grant
        used_at = at if caller is not None and caller.uses_token else before.used_at
        ends_at = before.token_expires_at if answer.secret is None else answer.token_expires_at
        grant = replace(
            before,
            proven_at=at,
            token_expires_at=ends_at,
            used_at=used_at,
            due_at=self.schedule.after(before.provider, ends_at=ends_at, used_at=used_at, at=at),
            trouble=None,
            attention_at=None,
            refreshes=before.refreshes + 1 if before.trouble is None else 0,
            version=before.version + 1,
        )
        self.breakers.saw_success(grant, at=at)
        entry = None if caller is None else caller.make(at)
        if answer.secret is None:
            written = await self._prove(before, grant, lease, entry, at=at)
        else:
            live = self.states.seal(grant, answer.secret)
            written = await self._store(state, grant, lease, answer, live, entry, at=at)
        if caller is not None:
            caller.stored = written
        if answer.secret is None:
            return replace(state, grant=grant)
        if written:
            return replace(state, grant=replace(grant, generation=grant.generation + 1), live=live)
        return await self.states.get(grant.application_id, grant.id)

    async def _prove(self, before: Grant, grant: Grant, lease: Lease, entry: Event | None, *, at: Micros) -> bool:
        """Write that the stored password still works, which ends its own trouble and that of its source.

        False when another credential was stored meanwhile.
        """
        done = await self.db.write(self._proven(before, grant, lease, entry, at=at))
        if done.degraded or not done.written:
            await self.db.write(self._after_proof(before, None if done.written else lease, at=at))
        return done.written

    def _proven(self, before: Grant, grant: Grant, lease: Lease, entry: Event | None, *, at: Micros) -> Steps[Proven]:
        alone = before.trouble is None
        done = yield from refreshing.proven(grant, lease, self.db.dialect, entry=entry, alone=alone)
        if done.written:
            yield from record_recovery(before, at=at)
        return done

    def _after_proof(self, grant: Grant, lease: Lease | None, *, at: Micros) -> Steps[None]:
        """What the write of a proof leaves: the breaker of a degraded source; the lease, if nothing was written."""
        if lease is not None:
            yield from leases.give_back(lease)
        yield from self.breakers.succeeded(grant, at=at)

    async def _store(
        self,
        state: State,
        grant: Grant,
        lease: Lease,
        answer: Answer,
        live: Sealed,
        entry: Event | None,
        *,
        at: Micros,
    ) -> bool:
        """Store the new live secret, and the caller's entry.

        False when another credential was stored meanwhile, or the grant has ended.
        """
        pending = PendingWrite(
            *(grant.application_id, grant.id, grant.generation, grant.token_expires_at, live, at), owner=lease.owner
        )
        write = partial(self._stored, state, grant, lease, answer, live, entry, at=at)
        written = await self.pending.write(write, pending)
        failpoints.point("refresh.kept")
        if written:
            return True
        current = await self.db.read(refreshing.state(grant.application_id, grant.id))
        if current is None:
            await self.db.write(leases.give_back(lease))
            raise GrantNotFound("Grant not found")
        await self.pending.write_late(current, pending)
        return False

    def _stored(
        self,
        state: State,
        grant: Grant,
        lease: Lease,
        answer: Answer,
        live: Sealed,
        entry: Event | None,
        *,
        at: Micros,
    ) -> Steps[bool]:
        """The write; with it the source's breaker closes and the grant's own trouble ends, if there were any."""
        if state.breaker is not None:
            yield from self.breakers.succeeded(state.grant, at=at)
        written = yield from refreshing.refreshed(
            *(grant, live, lease, self.db.dialect),
            spent=answer.spent,
            walked=answer.walked,
            entry=entry,
            alone=state.grant.trouble is None,
        )
        if written:
            yield from record_recovery(state.grant, at=at)
        return written
