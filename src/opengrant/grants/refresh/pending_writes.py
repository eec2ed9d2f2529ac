"""New live secrets that the database could not take: spooled at once, written when the database is back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import structlog

from opengrant import failpoints
from opengrant.errors import StoreUnavailable
from opengrant.events import audit
from opengrant.events import payloads as events
from opengrant.grants.connect import rotated_tokens
from opengrant.grants.schedule import Schedule
from opengrant.grants.spool import PendingWrite, Spool, write_with_retry
from opengrant.model import Clock, Grant, Micros
from opengrant.store.engine.port import Steps, Store
from opengrant.store.events import events as outbox
from opengrant.store.grants import leases, refreshing
from opengrant.store.grants.leases import Lease
from opengrant.store.grants.refreshing import State

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingWrites:
    """Built once, in assembly/refresh.py."""

    db: Store
    clock: Clock
    schedule: Schedule
    spool: Spool

    async def write(self, script: Callable[[], Steps[bool]], pending: PendingWrite) -> bool:
        """Write, with retries for some seconds; if the database is still away, spool. Raises StoreUnavailable."""
        try:
            return await write_with_retry(self.db, script)
        except StoreUnavailable:
            await asyncio.to_thread(self.spool.put, pending)
            log.error("refresh_spooled", grant_id=pending.grant_id)
            failpoints.point("refresh.spooled")
            raise

    async def write_late(self, current: State, pending: PendingWrite) -> None:
        """Write what a provider gave unless it is written already or the grant holds something newer."""
        grant, live = current.grant, pending.live
        lease = Lease(grant.application_id, grant.id, pending.owner, attempts=1)
        if grant.generation != pending.generation or (current.live is not None and current.live.data == live.data):
            await self.db.write(leases.give_back(lease))
            return
        was = grant.status
        revived = replace(
            grant, status="valid", trouble=None, token_expires_at=pending.token_expires_at, proven_at=pending.at
        )
        revived = replace(revived, due_at=self.schedule.next(revived, at=self.clock()))

        def script() -> Steps[None]:
            written = yield from refreshing.revived(revived, live)
            if written and was == "invalid":
                yield from outbox.add(events.restored(revived, at=self.clock(), announced=True))
            if written:
                yield from record_recovery(grant, at=self.clock())
            yield from leases.give_back(lease)

        await self.db.write(script())

    async def replay(self) -> int:
        """Write what is spooled. Returns how many were written. Raises StoreUnavailable."""
        done = await rotated_tokens.replay(self.db, self.spool)
        for pending in await asyncio.to_thread(self.spool.pending):
            try:
                state = await self.db.read(refreshing.state(pending.application_id, pending.grant_id))
                if state is not None:
                    await self.write_late(state, pending)
            except StoreUnavailable:
                raise
            except Exception as problem:
                # One that cannot be written must not stop the others, nor the clock.
                log.exception("refresh_not_unspooled", grant_id=pending.grant_id)
                await asyncio.to_thread(self.spool.set_aside, pending, problem)
                continue
            log.info("refresh_unspooled", grant_id=pending.grant_id)
            await asyncio.to_thread(self.spool.drop, pending)
            done += 1
        return done


def record_recovery(before: Grant, *, at: Micros) -> Steps[None]:
    """Add an audit entry for the end of the grant's trouble, if it had one."""
    if (trouble := before.trouble) is not None:
        facts = {**events.facts(trouble), "remedy": None, "failures": trouble.failures}
        yield from audit.record(before.application_id, "grant.recovered", at=at, grant_id=before.id, **facts)
