"""One batch of an import: its rows are verified as POST /v3/connect/custom does it, and written many at once."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from opengrant.errors import InvalidRequest, OpenGrantError, StoreUnavailable
from opengrant.grants.connect.connect import Connect
from opengrant.grants.connect.record import Proven, Seen, Writing, look
from opengrant.imports import outcomes
from opengrant.imports.outcomes import Reading
from opengrant.imports.pacing import Pacing, Turn
from opengrant.imports.together import Together
from opengrant.imports.writing import BatchWriter, Make
from opengrant.model import SECOND, Application, Clock, CustomConnect, Grant
from opengrant.model.imports import Import, ImportRow, RestoredRow, RowResult, StagedRow, decode_rows, encode_rows
from opengrant.model.logins import OrganisationLogin
from opengrant.providers.verdict import Kind
from opengrant.store.connectors.connectors import WithClient
from opengrant.store.engine.port import Steps, Store, in_turn
from opengrant.store.imports import batches
from opengrant.store.imports.batches import Batch, LeaseLost
from opengrant.store.imports.sources import Source, Trouble
from opengrant.vault import Owner, Vault

log = structlog.get_logger()

ROUNDS = 8
"""A row that was tried so often without an answer has failed."""
_FIRST_WAIT, _LONGEST_WAIT = 15.0, 600.0
"""Seconds until the next round; each wait is twice as long as the one before."""
_BETWEEN_TURNS = 20
"""Rows that are decoded, or grants of an export that are sealed, before others have their turn."""


class Restore(Protocol):
    """Seals the secret of an exported grant, and makes the script that stores it, once for each try."""

    def __call__(self, app: Application, row: RestoredRow, /, *, hold_refresh: bool) -> Make: ...


@dataclass(slots=True, kw_only=True)
class Work:
    """A batch that this process has leased.

    stopped  begin with no more rows: set from outside
    ended    likewise: the source pauses, the lease is lost, or the store is away
    last     line → why it has no outcome after it was tried
    """

    app: Application
    job: Import
    batch: Batch
    source: Source = field(init=False)
    stopped: bool = False
    ended: bool = False
    last: dict[int, Reading] = field(default_factory=dict)

    def __post_init__(self) -> None:
        batch = self.batch
        self.source = Source(batch.application_id, batch.import_id, batch.source, batch.provider)

    def stops(self) -> bool:
        return self.stopped or self.ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifying:
    """Built once, in assembly/imports.py. done: counts a row that has its outcome."""

    db: Store
    vault: Vault
    clock: Clock
    connect: Connect
    pacing: Pacing
    restore: Restore
    done: Callable[[str, str], None]

    async def run(self, work: Work) -> None:
        """Verify what is undecided in the batch, then end it or give it back. Raises StoreUnavailable."""
        batch = work.batch
        undecided, cut_over = await self.db.read(batches.undecided(batch))
        rows = await self._open(batch) if undecided else []
        asks = any(isinstance(row, ImportRow) and row.line in undecided for row in rows)
        turn = await self.pacing.turn(work.source) if asks else "all"
        if turn is None:
            await self.db.write(batches.give_back(batch, at=self.clock()))
            return
        waiting = [row for row in rows if row.line in undecided]
        await _Rows(self, work, turn, cut_over=cut_over).verify(waiting)
        for line in undecided.keys() - {row.line for row in waiting}:
            work.last[line] = _broken("The row is no longer stored.")
        await self._end(work, rows, undecided, turn)

    async def _open(self, batch: Batch) -> list[StagedRow]:
        sealed = await self.db.read(batches.sealed(batch))
        if sealed is None:
            return []
        rows = list[StagedRow]()
        for row in decode_rows(self.vault.open(sealed, _owner(batch))):
            rows.append(row)
            if len(rows) % _BETWEEN_TURNS == 0:
                await asyncio.sleep(0)
        return rows

    async def _end(self, work: Work, rows: Sequence[StagedRow], attempts: dict[int, int], turn: Turn) -> None:
        """Decide rows that were tried too often, then end the batch, or give it back for what is left."""
        batch, at, whole = work.batch, self.clock(), not work.stops()
        counted = [line for line, reading in work.last.items() if whole or _counts(reading, turn)]
        failed = [_failed(line, work.last[line]) for line in counted if attempts[line] + 1 >= ROUNDS]
        again = [line for line in counted if attempts[line] + 1 < ROUNDS]
        await self.db.write(self._close(batch, failed, again))
        for _ in failed:
            self.done(batch.provider.value, "failed")
        if await self._finished(batch, rows):
            return
        # After a failed probe, the next one is made with another batch.
        next_round = bool(work.last) and (whole or turn == "one")
        wait = min(_FIRST_WAIT * 2**batch.round, _LONGEST_WAIT) * (0.5 + self.pacing.dice() / 2)
        due_at = at + int(wait * SECOND) if next_round else None
        await self.db.write(batches.give_back(batch, at=at, due_at=due_at))

    def _close(self, batch: Batch, failed: Sequence[RowResult], again: Sequence[int]) -> Steps[None]:
        yield from batches.decide(batch, failed, at=self.clock(), dialect=self.db.dialect)
        if again:
            yield from batches.count_attempts(batch, again, self.db.dialect)

    async def _finished(self, batch: Batch, rows: Sequence[StagedRow]) -> bool:
        kept, remains = await self.db.read(batches.kept(batch)), None
        if kept:
            held = [row for row in rows or await self._open(batch) if row.line in kept]
            remains = self.vault.seal(encode_rows(held), _owner(batch)) if held else None
        return await self.db.write(batches.finish(batch, remains, at=self.clock()))


class _Rows:
    """The rows of one batch, many at once."""

    def __init__(self, verifying: Verifying, work: Work, turn: Turn, *, cut_over: bool) -> None:
        self._of, self._work, self._turn = verifying, work, turn
        self._looks = Together(self._look, most=500, rest=0.01)
        self._writer = BatchWriter(verifying.db, work.batch, verifying.clock, verifying.done)
        self._founds: dict[tuple[str | None, bool], asyncio.Task[WithClient]] = {}
        self._hold = work.job.hold_refresh and work.job.cut_at is None and not cut_over

    async def verify(self, rows: Sequence[StagedRow]) -> None:
        if self._turn == "one" and rows:
            rows = [rows[int(self._of.pacing.dice() * len(rows))]]
        work, tasks, left = self._work, set[asyncio.Task[None]](), len(rows)
        for row in rows:
            if isinstance(row, ImportRow):
                if not await self._of.pacing.enter(work.source, left, work.stops):
                    work.ended = True
                    break
                task = asyncio.create_task(self._verify(row))
            else:
                if work.stops():
                    break
                if left % _BETWEEN_TURNS == 0:
                    await asyncio.sleep(0)
                task = asyncio.create_task(self._restore(row))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            left -= 1
        while tasks:
            await asyncio.wait(tasks)

    async def _restore(self, row: RestoredRow) -> None:
        try:
            make = self._of.restore(self._work.app, row, hold_refresh=self._hold)
            for _ in range(ROUNDS):
                if await self._writer.write(make) is not None:
                    return
        except LeaseLost:
            self._work.ended = True
        except OpenGrantError as error:
            await self._failed(row.line, error, outcomes.read(error))
        except Exception as problem:  # noqa: BLE001 -- told in the row's result
            self._broke(row.line, problem)

    async def _verify(self, row: ImportRow) -> None:
        """Give the row an outcome, or say in `work.last` why it has none."""
        storing = _RowStoring(self, row.line)
        try:
            ask = replace(row.ask, grant_id=row.grant_id, hold_refresh=self._hold)
            if (found := await self._found(row.line, ask)) is None:
                return
            grant = await self._of.connect.imported(self._work.app, ask, found, storing)
            await self._of.pacing.worked(self._work.source, self._turn)
            if not storing.written:  # by a later verification, or by the same row twice
                await self._decide(RowResult(row.line, "unchanged", grant.id))
        except LeaseLost:
            self._work.ended = True
        except OpenGrantError as error:
            await self._failed(row.line, error, outcomes.read(error))
        except Exception as problem:  # noqa: BLE001 -- told in the row's result
            self._broke(row.line, problem)
        finally:
            storing.answered()

    async def _found(self, line: int, ask: CustomConnect) -> WithClient | None:
        """The connector, looked up once for the batch."""
        key = ask.credential_id, isinstance(ask.login, OrganisationLogin)
        if key not in self._founds:
            self._founds[key] = asyncio.create_task(self._of.connect.connector(self._work.app, ask))
        try:
            return await asyncio.shield(self._founds[key])
        except InvalidRequest as problem:  # it was deleted, and may be made again
            await self._failed(line, problem, Reading("connector", None, Kind.CONNECTOR, problem.message, None))
            return None

    async def _failed(self, line: int, error: OpenGrantError, reading: Reading) -> None:
        work, pacing = self._work, self._of.pacing
        if isinstance(error, StoreUnavailable):
            log.warning("import_interrupted", import_id=work.batch.import_id, problem=error.message)
            work.ended = True
            return
        if reading.outcome is not None:
            if error.evidence is not None:
                await pacing.worked(work.source, self._turn)
            await self._decide(RowResult(line, reading.outcome, None, reading.class_, reading.reason, reading.remedy))
            return
        work.last[line] = reading
        trouble = Trouble(reading.class_, reading.reason, reading.remedy or "", self._of.clock())
        if reading.blame == "rate":
            await pacing.asked_to_slow_down(work.source, trouble, seconds=reading.seconds)
        elif reading.blame != "us":
            await pacing.failed(work.source, trouble, self._turn, connector=reading.blame == "connector")
        work.ended = work.ended or pacing.paused(work.source)

    def _broke(self, line: int, problem: Exception) -> None:
        log.error("import_row_broken", import_id=self._work.batch.import_id, line=line, exc_info=problem)
        self._work.last[line] = _broken("This is a fault of OpenGrant: its log says more.")

    async def _decide(self, result: RowResult) -> None:
        def script() -> Steps[RowResult]:
            return result
            yield

        await self.write(script)

    async def write(self, make: Make) -> RowResult | None:
        """Raises LeaseLost, StoreUnavailable, and what the script raises."""
        return await self._writer.write(make)

    async def look(self, proven: Proven) -> Seen:
        return await self._looks(proven)

    async def _look(self, provens: Sequence[Proven]) -> Sequence[Seen]:
        return await self._of.db.read(in_turn(look(proven) for proven in provens))

    def answered(self) -> None:
        self._of.pacing.leave(self._work.source)


class _RowStoring:
    """Stores the grant of one row together with its outcome. written: it has."""

    def __init__(self, rows: _Rows, line: int) -> None:
        self._rows, self._line, self._left = rows, line, False
        self.written = False

    def answered(self) -> None:
        """The provider is not asked any more for this row: another may take its place."""
        if not self._left:
            self._left = True
            self._rows.answered()

    async def look(self, proven: Proven) -> Seen:
        self.answered()
        return await self._rows.look(proven)

    async def write(self, writing: Writing) -> Grant | None:
        def script() -> Steps[RowResult | None]:
            if (yield from writing.script()) is None:
                return None
            return RowResult(self._line, "renewed" if writing.renews else "created", writing.grant.id)

        self.written = await self._rows.write(script) is not None
        return writing.grant if self.written else None


def _counts(reading: Reading, turn: Turn) -> bool:
    """Whether it counts as an attempt of the row, though the batch has ended early."""
    return reading.blame == "row" or (reading.blame == "source" and turn == "one")


def _failed(line: int, reading: Reading) -> RowResult:
    return RowResult(line, "failed", None, reading.class_, reading.reason, reading.remedy)


def _broken(reason: str) -> Reading:
    return Reading("row", None, "unknown", reason, None)


def _owner(batch: Batch) -> Owner:
    return Owner(batch.application_id, "import", batch.import_id, batches.purpose(batch.number))
