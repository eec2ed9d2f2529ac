"""Activity: verifications, refreshes and failures of an application, counted by the hour.

Counts are kept in memory and stored every few seconds, so that no refresh waits for them. A process that is killed
loses the counts of the last seconds.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from opengrant.errors import StoreUnavailable
from opengrant.model import SECOND, Application, Clock, Micros, ProviderName, micros
from opengrant.store.engine.port import Store
from opengrant.store.events import activity
from opengrant.store.events.activity import Slot, Tally

__all__ = ["HOUR", "KEEP", "REFRESHED", "VERIFIED", "Activity", "Observe", "Tally"]

HOUR: Micros = 3600 * SECOND
KEEP = timedelta(days=60)
"""How long counts are kept."""
VERIFIED, REFRESHED = "verified", "refreshed"
"""Outcomes; every other outcome is the class of a failure."""
Observe = Callable[[str, str, float], None]
"""The metric beside it: (provider, outcome, seconds) of one verification, refresh or probe. `outcome` is "accepted" or
the verdict's kind."""


@dataclass(slots=True, kw_only=True)
class Activity:
    """Built once, in assembly/."""

    db: Store
    clock: Clock
    _counts: Counter[Slot] = field(default_factory=Counter)
    """Counts that are not stored yet."""

    def count(self, application_id: str, provider: ProviderName, outcome: str) -> None:
        """Count one outcome of the current hour."""
        at = self.clock()
        self._counts[Slot(application_id, at - at % HOUR, provider.value, outcome)] += 1

    async def write(self) -> None:
        """Store the counts since the last call. Raises StoreUnavailable and keeps the counts."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            await self.db.write(activity.add(counts))
        except StoreUnavailable:
            self._counts.update(counts)
            raise

    async def since(self, app: Application, *, at: Micros) -> list[Tally]:
        """Counts of the hours that began at `at` or later, with those this process has not stored yet; in no order."""
        found = await self.db.read(activity.since(app.id, at=at))
        waiting = [
            Tally(slot.began_at, slot.outcome, times)
            for slot, times in self._counts.items()
            if slot.application_id == app.id and slot.began_at >= at
        ]
        return found + waiting

    async def forget(self, app: Application) -> None:
        """Drop counts that are older than KEEP."""
        cutoff = self.clock() - micros(KEEP)
        await self.db.write(activity.forget_before(app.id, cutoff=cutoff))
