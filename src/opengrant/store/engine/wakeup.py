"""A store that wakes jobs after each write, so that they do not wait for their next period.

A wakeup is only a hint: the job queries the database for work itself.
"""

import asyncio
from typing import TypeVar

from opengrant.store.engine.port import Steps, Store

T = TypeVar("T")


class NotifyingStore:
    """Fills the Store protocol with another store's methods; `write` and `write_many` set the wakeup events."""

    def __init__(self, db: Store, *wakeups: asyncio.Event) -> None:
        self.dialect = db.dialect
        self.read, self.migrate, self.pending, self.close = db.read, db.migrate, db.pending, db.close
        self.write_soon = db.write_soon  # it wakes no job
        self._db, self._wakeups = db, wakeups

    async def write(self, steps: Steps[T]) -> T:
        return self._woken(await self._db.write(steps))

    async def write_many(self, steps: Steps[T]) -> T:
        return self._woken(await self._db.write_many(steps))

    def _woken(self, result: T) -> T:
        for wakeup in self._wakeups:
            wakeup.set()
        return result
