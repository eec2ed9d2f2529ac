"""The time that all nodes of a database agree on.

Nodes compare each other's times: leases, deadlines, what was proven when. On PostgreSQL they take the database's clock
for theirs, so it does not matter how far apart their own are set. SQLite has one machine, whose clock is everyone's.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Self

from opengrant.model import SECOND, Clock, Micros, now
from opengrant.store.engine.port import Dialect, Statement, Steps, Store, StoreUnavailable

_EVERY = 30.0
"""Seconds between two looks at the database's clock."""
_LATE: Micros = SECOND
"""An answer that took longer tells the time too badly."""
_TICKS = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Goes on while the machine sleeps, where there is one that does."""


class DatabaseClock:
    """Reads the database's clock now and then, and goes on by this machine's ticks: what is set here changes nothing.

    A virtual machine that was stopped has lost ticks; its wall clock is set afterwards. So when the two disagree, the
    database is asked at once.
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
            # What it disagrees about may be one second more at each look: not more than one look a second.
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
    """The clock for whatever is stored in `db`. Raises StoreUnavailable."""
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
