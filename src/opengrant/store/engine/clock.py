"""One clock for all nodes of a database.

Nodes compare times that other nodes wrote: leases, deadlines, times of proof. On PostgreSQL they use the database's
clock, so differences between their own clocks do not matter. SQLite runs on one machine and uses its clock.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Self

from opengrant.model import SECOND, Clock, Micros, now
from opengrant.store.engine.port import Dialect, Statement, Steps, Store, StoreUnavailable

_EVERY = 30.0
"""Seconds between two readings of the database's clock."""
_LATE: Micros = SECOND
"""A reading that took longer is too inexact."""
_TICKS = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Counts during suspend, if the system has such a clock."""


class DatabaseClock:
    """Reads the database's clock periodically and counts on with this machine's ticks, so setting this machine's clock
    has no effect.

    A virtual machine loses ticks while it is stopped, and its wall clock is set afterwards. So if the two differ, the
    database's clock is read at once.
    """

    def __init__(self, db: Store) -> None:
        self._db = db
        self._ahead = self._drift = 0
        self._astray = asyncio.Event()

    @classmethod
    async def open(cls, db: Store) -> Self:
        """Raises StoreUnavailable."""
        clock = cls(db)
        await clock._read(at_any_price=True)
        return clock

    def __call__(self) -> Micros:
        ticks = _ticks()
        if abs(now() - ticks - self._drift) > _LATE:
            self._astray.set()
        return ticks + self._ahead

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await self._astray.wait()
            with contextlib.suppress(StoreUnavailable):
                await self._read()
            # The difference may grow by one second with each reading: at most one reading a second.
            await asyncio.sleep(1)

    async def _read(self, *, at_any_price: bool = False) -> None:
        before = _ticks()
        there = await self._db.read(_there())
        after = _ticks()
        if after - before < _LATE or at_any_price:
            self._ahead = there - (before + after) // 2
        self._drift = now() - after
        self._astray.clear()


@contextlib.asynccontextmanager
async def agreed_clock(db: Store) -> AsyncIterator[Clock]:
    """The clock for times stored in `db`. Raises StoreUnavailable."""
    if db.dialect is Dialect.SQLITE:
        yield now
        return
    clock = await DatabaseClock.open(db)
    keeping = asyncio.create_task(clock.keep(), name="clock")
    try:
        yield clock
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


def _there() -> Steps[Micros]:
    rows = yield Statement("select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)")
    return int(rows[0][0])


def _ticks() -> Micros:
    return time.clock_gettime_ns(_TICKS) // 1000
