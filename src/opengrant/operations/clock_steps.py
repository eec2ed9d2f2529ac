"""A clock that was set back: detect it, log it, and move the times in the store that are now in the future."""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from opengrant.model import AGREE, SECOND, Clock, Micros
from opengrant.store.engine.clock import agreed_clock
from opengrant.store.engine.port import Steps, Store
from opengrant.store.operations import clock_steps

log = structlog.get_logger()

_NOTED_EVERY: Micros = 60 * SECOND


@dataclass(slots=True, kw_only=True)
class ClockSteps:
    """Built once, in assembly/."""

    db: Store
    clock: Clock
    _last: Micros = 0
    _noted: Micros = 0

    async def watch(self) -> Mapping[str, int]:
        """Check whether the clock went back since the last check of any process; if so, move rows that are ahead of it.

        Returns the number of moved rows by table. It reads the store at the first check, once a minute, and when the
        clock of this process went back.
        """
        at = self.clock()
        if self._last - AGREE < at < self._noted + _NOTED_EVERY:
            self._last = at
            return {}
        self._noted = 0  # if this fails, the next check reads the store again
        behind, moved = await self.db.write(self._move(at))
        self._last = self._noted = at
        if behind:
            log.warning("clock_went_back", seconds=round(behind / SECOND), moved=dict(moved))
        return moved

    def _move(self, at: Micros) -> Steps[tuple[Micros, Mapping[str, int]]]:
        behind = yield from clock_steps.went_back(at=at, last=self._last)
        moved = (yield from clock_steps.move(at=at, dialect=self.db.dialect)) if behind else {}
        return behind, moved

    async def count(self) -> Mapping[str, int]:
        """Rows that are ahead of the clock, by table."""
        return await self.db.read(clock_steps.count(at=self.clock()))


async def rows_ahead(db: Store) -> Mapping[str, int]:
    """As `count`, also when no node is running. Raises StoreUnavailable."""
    async with agreed_clock(db) as clock:
        return await ClockSteps(db=db, clock=clock).count()
