"""A store that rings after each write, so that work which a write left behind is begun at once.

The bell only saves waiting: what it wakes looks for itself whether there is anything to do.
"""

import asyncio
from typing import TypeVar

from opengrant.store.engine.port import Steps, Store

T = TypeVar("T")


class Ringing:
    """Fills the Store protocol with another store's methods."""

    def __init__(self, db: Store, *bells: asyncio.Event) -> None:
        self.dialect = db.dialect
        self.read, self.migrate, self.pending, self.close = db.read, db.migrate, db.pending, db.close
        self.write_soon = db.write_soon  # nothing that anybody waits for
        self._db, self._bells = db, bells

    async def write(self, steps: Steps[T]) -> T:
        result = await self._db.write(steps)
        for bell in self._bells:
            bell.set()
        return result
