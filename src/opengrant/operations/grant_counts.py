"""Kept counts of grants: folded and swept by the clock, counted anew by an operator."""

from dataclasses import dataclass

from opengrant.model import Application
from opengrant.store.engine.port import Dialect, Store
from opengrant.store.grants import counts


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
        """Count all grants and correct the counts; return how many of them were wrong. Requests go on meanwhile; on
        SQLite writes wait, about a second for a million grants."""
        return await self.db.write(counts.recount(app.id, self.db.dialect))
