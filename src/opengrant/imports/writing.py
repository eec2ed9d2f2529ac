"""Rows of a batch that are written together: grants, their outcomes and the counts of the batch, in one transaction."""

import asyncio
from collections.abc import Callable, Sequence

from opengrant.errors import StoreUnavailable
from opengrant.imports.together import Together
from opengrant.model import Clock
from opengrant.model.imports import RowResult
from opengrant.store.engine.port import Conflict, Steps, Store, in_turn
from opengrant.store.imports import batches
from opengrant.store.imports.batches import Batch

Make = Callable[[], Steps[RowResult | None]]
"""Makes the script of one row. None as its result: another write came first, and the script wrote nothing."""

_AT_ONCE = 500
_GATHER = 0.05
"""Seconds that a row waits for others, to be written with them."""


class BatchWriter:
    """Writes rows of one batch. done: counts a row that has its outcome."""

    def __init__(self, db: Store, batch: Batch, clock: Clock, done: Callable[[str, str], None]) -> None:
        self._db, self._batch, self._clock, self._done = db, batch, clock, done
        self._together = Together(self._write, most=_AT_ONCE, rest=_GATHER)

    async def write(self, make: Make) -> RowResult | None:
        """Raises LeaseLost, StoreUnavailable, and what the script raises, except Conflict."""
        result = await self._together(make)
        if result is not None:
            self._done(self._batch.provider.value, result.outcome)
        return result

    async def _write(self, makes: Sequence[Make]) -> Sequence[RowResult | BaseException | None]:
        """All in one transaction. When one fails, nothing of it is written, and each runs in one of its own."""
        try:
            return await self._db.write_many(self._script(makes))
        except StoreUnavailable as problem:
            # It may be a deadlock with another node.
            first = await self._alone(makes[0])
            if isinstance(first, StoreUnavailable):
                return [problem] * len(makes)
            return [first, *await asyncio.gather(*map(self._alone, makes[1:]))]
        except Exception:  # noqa: BLE001 -- of one of them; that one has it again
            return await asyncio.gather(*map(self._alone, makes))

    async def _alone(self, make: Make) -> RowResult | BaseException | None:
        try:
            return (await self._db.write(self._script([make])))[0]
        except Conflict:
            return None
        except Exception as problem:  # noqa: BLE001 -- the caller's
            return problem

    def _script(self, makes: Sequence[Make]) -> Steps[list[RowResult | None]]:
        results = yield from in_turn(make() for make in makes)
        written = [result for result in results if result is not None]
        yield from batches.decide(self._batch, written, at=self._clock(), dialect=self._db.dialect)
        return results
