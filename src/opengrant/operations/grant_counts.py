"""Kept counts of grants: folded and swept by the clock, counted anew by an operator."""

from dataclasses import dataclass

from opengrant.model import Application
from opengrant.store.engine.port import Dialect, Store
from opengrant.store.grants import counts

_TURNS = 5
"""Most corrections of one recount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantCounts:
    """Built once, in assembly/."""

    db: Store

    async def fold(self) -> bool:
        """Add changes to the counts. True: there may be more."""
        return self.db.dialect is Dialect.POSTGRES and await self.db.write(counts.fold()) == counts.FOLDED

    async def sweep(self, app: Application) -> None:
        """Delete counts of nothing."""
        await self.db.write(counts.sweep(app.id))

    async def recount(self, app: Application) -> int:
        """Count all grants and correct the counts; return how many of them were wrong. Requests go on meanwhile.

        Two recounts at the same time may both add a difference; so each looks again after its correction.
        """
        wrong = 0
        for _ in range(_TURNS):
            found = await self.db.read(counts.differences(app.id))
            if not found:
                break
            wrong += len(found)
            await self.db.write(counts.correct(app.id, found))
        return wrong
