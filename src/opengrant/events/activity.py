"""Activity: how often grants were proven, renewed or refused, by the hour, for whoever looks at an application.

Counted in memory and written every few seconds, so that no refresh waits for a statistic. A process that is killed
loses the last seconds of its counts, and nothing else.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from opengrant.errors import StoreUnavailable
from opengrant.model import SECOND, Application, Clock, Micros, ProviderName
from opengrant.store.engine.port import Store
from opengrant.store.events import activity
from opengrant.store.events.activity import Slot, Tally

__all__ = ["HOUR", "KEEP", "REFRESHED", "VERIFIED", "Activity", "Observe", "Tally"]

HOUR: Micros = 3600 * SECOND
KEEP = timedelta(days=60)
"""How long counts stay."""
VERIFIED, REFRESHED = "verified", "refreshed"
"""Outcomes; every other is the class of a failure."""
Observe = Callable[[str, str, float], None]
"""The metric beside it: (provider, outcome, seconds) of one verification, refresh or probe. `outcome` is "accepted" or
the verdict's kind."""


@dataclass(slots=True)
class Activity:
    """Built once, in assembly/installation.py."""

    db: Store
    clock: Clock
    _counts: Counter[Slot] = field(default_factory=Counter)
    """What is not written yet."""

    def count(self, application_id: str, provider: ProviderName, outcome: str) -> None:
        """One more, now."""
        at = self.clock()
        self._counts[Slot(application_id, at - at % HOUR, provider.value, outcome)] += 1

    async def write(self) -> None:
        """Store what was counted since the last call. Raises StoreUnavailable; nothing is lost then."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            await self.db.write(activity.add(counts))
        except StoreUnavailable:
            self._counts.update(counts)
            raise

    async def since(self, app: Application, *, at: Micros) -> list[Tally]:
        """Of the hours that began then or later, with what this process has not written yet; in no order."""
        found = await self.db.read(activity.since(app.id, at=at))
        waiting = [
            Tally(slot.began_at, slot.outcome, times)
            for slot, times in self._counts.items()
            if slot.application_id == app.id and slot.began_at >= at
        ]
        return found + waiting

    async def forget(self, app: Application) -> None:
        """Drop what is older than KEEP."""
        cutoff = self.clock() - int(KEEP.total_seconds()) * SECOND
        await self.db.write(activity.forget_before(app.id, cutoff=cutoff))
