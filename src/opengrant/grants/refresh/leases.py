"""Leases on grants: at most one process asks a grant's provider at a time."""

import uuid
from dataclasses import dataclass

from opengrant.grants.refresh.circuit_breaker import Policy
from opengrant.grants.refresh.pending_writes import PendingWrites
from opengrant.grants.refresh.provider_call import CALLS
from opengrant.model import SECOND, Clock, Grant, Micros, ProviderName
from opengrant.providers.registry import WITH_PASSWORD
from opengrant.store.engine.port import Dialect, Steps, Store
from opengrant.store.grants import leases, refreshing
from opengrant.store.grants.leases import Lease
from opengrant.store.grants.paces import Rates
from opengrant.store.grants.refreshing import Source, State

_WRITE_MARGIN = 10.0
"""Seconds that a lease lasts longer than the provider may take."""
_MAIL_TIME = 110.0
"""Seconds for a password: 30 in the queue (net/login_attempt.py), and 75 at the servers (providers/)."""
_CLAIMED_AT_ONCE = refreshing.STATES_AT_ONCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """Built once, in assembly/refresh.py. timeout: seconds that one call of an HTTP provider may take."""

    db: Store
    clock: Clock
    pending: PendingWrites
    rates: Rates
    policy: Policy
    timeout: float

    async def take(self, grant: Grant, owner: str) -> tuple[Lease | None, State | None]:
        """A lease on this grant, None while another owner has one; and its state after that, None if it is gone.

        The last owner may have written just before, so the state is read after the lease.
        """
        app_id, at = grant.application_id, self.clock()
        until, together = at + self._duration(grant.provider), self.db.dialect is Dialect.SQLITE
        take = leases.take(app_id, grant.id, owner, at=at, until=until, alone=not together)
        if together:
            lease, state = await self.db.write(_both(take, refreshing.state(app_id, grant.id)))  # one trip, not two
        else:
            lease, state = await self.db.write(take), await self.db.read(refreshing.state(app_id, grant.id))
        if lease is not None and await self.recover(lease):
            state = await self.db.read(refreshing.state(app_id, grant.id))
        return lease, state

    async def claim(self, source: Source, *, limit: int) -> list[Lease]:
        """Leases on at most `limit` due grants of a source, as far as its rates allow. Call `recover` with each."""
        at = self.clock()
        return await self.db.write(
            refreshing.claim(
                source,
                str(uuid.uuid4()),
                at=at,
                until=at + self._duration(source.provider),
                limit=min(limit, _CLAIMED_AT_ONCE),
                rates=self.rates,
                probe_again=at + self.policy.probe_every,
                dialect=self.db.dialect,
            )
        )

    async def recover(self, lease: Lease) -> bool:
        """If the last owner never gave the lease back, what its provider gave may be in the spool: write that first.

        Returns whether the state of the grant may have changed by that.
        """
        if lease.attempts > 1:
            await self.pending.replay()
        return lease.attempts > 1

    def _duration(self, provider: ProviderName) -> Micros:
        """Longer than any attempt may take: an owner that is alive writes before its lease ends."""
        seconds = _MAIL_TIME if provider in WITH_PASSWORD else self.timeout * CALLS
        return int((seconds + _WRITE_MARGIN) * SECOND)


def _both(take: Steps[Lease | None], look: Steps[State | None]) -> Steps[tuple[Lease | None, State | None]]:
    lease = yield from take
    return lease, (yield from look)
