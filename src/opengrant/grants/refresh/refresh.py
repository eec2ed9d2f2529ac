"""Refresh: the one way in which a stored credential is used, renewed and found to be dead.

Requests, the clock and probes of passwords all end in one attempt (attempt.py). At most one attempt asks a grant's
provider at a time: tasks of one process share it, and processes and nodes take a lease in the store, which also records
the intent. The result is written by compare-and-swap on the generation that was read, so that a late result cannot
overwrite a newer credential. docs/decisions/0007-refresh.md explains the design.
"""

import asyncio
import contextlib
from dataclasses import dataclass

import structlog

from opengrant.errors import StoreUnavailable
from opengrant.grants.refresh.attempt import SharedAttempts
from opengrant.grants.refresh.capacity import Capacity
from opengrant.grants.refresh.check import Checks
from opengrant.grants.refresh.clock import DueGrants
from opengrant.grants.refresh.live_token import LiveTokens
from opengrant.grants.refresh.pending_writes import PendingWrites
from opengrant.grants.refresh.reported import ReportedRefusals

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """The ways in, and the orderly end. Built once, in assembly/refresh.py."""

    tokens: LiveTokens
    checks: Checks
    due: DueGrants
    attempts: SharedAttempts
    capacity: Capacity
    pending: PendingWrites
    reported: ReportedRefusals

    async def drain(self) -> None:
        """Wait for all attempts, each of which has its own deadline; then write what was spooled in memory."""
        while tasks := [*self.attempts.running, *self.capacity.running]:
            await asyncio.wait(tasks)
        if self.pending.spool.held:
            with contextlib.suppress(StoreUnavailable):
                await self.pending.replay()
        for file in self.pending.spool.held:
            log.error("refresh_lost", file=file)
