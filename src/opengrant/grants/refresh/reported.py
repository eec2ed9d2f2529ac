"""Refusals of a stored password that a use of it has met, as a mail session does: judged and kept like a probe's."""

import uuid
from dataclasses import dataclass

from opengrant.errors import Evidence
from opengrant.grants.refresh.attempt import Attempt
from opengrant.grants.refresh.leases import Leases
from opengrant.providers.verdict import Verdict
from opengrant.store.engine.port import Store
from opengrant.store.grants import leases
from opengrant.store.grants.refreshing import State


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedRefusals:
    """Built once, in assembly/refresh.py."""

    db: Store
    leases: Leases
    attempt: Attempt

    async def keep(self, seen: State, evidence: Evidence, verdict: Verdict) -> State:
        """Returns the grant's state after that.

        seen  what was read before the password was used: if another one is stored by now, nothing is kept

        Nothing is kept either while another process asks the provider: its result counts.
        Raises StoreUnavailable, GrantNotFound.
        """
        lease, state = await self.leases.take(seen.grant, str(uuid.uuid4()))
        if lease is None:
            return state or seen
        if state is None or state.grant.status != "valid" or state.grant.generation != seen.grant.generation:
            await self.db.write(leases.give_back(lease))
            return state or seen
        return await self.attempt.failed(state, lease, evidence, verdict)
