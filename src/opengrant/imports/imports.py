"""Imports as their owner sees them: the list, the progress of one, its results, and what can be done with it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from opengrant.errors import InvalidRequest, NotFound
from opengrant.events import audit
from opengrant.model import SECOND, Application, Clock, Micros
from opengrant.model.imports import OUTCOMES, Import, ImportState, Outcome
from opengrant.store.engine.port import Steps, Store
from opengrant.store.imports import batches, jobs, results, sources
from opengrant.store.imports.results import ImportedRow, SourceProgress

__all__ = ["ImportedRow", "Imports", "Progress", "SourceProgress"]

_RECENT: Micros = 60 * SECOND
"""The speed is that of the last minute."""
MOST_SOURCES = 100
"""Sources that a progress has."""
_Verb = Literal["paused", "resumed", "cancelled"]
_ENTRIES: Mapping[_Verb, audit.AuditType] = {
    "paused": "import.paused",
    "resumed": "import.resumed",
    "cancelled": "import.cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an import is.

    rows      lines that are stored so far
    counts    of them by outcome, each outcome
    rate      rows a second, over the last minute; None while none is verified
    ends_at   when it will be done at this speed; None: not known
    sources   those that do not work first, then those with the most rows; at most MOST_SOURCES
    """

    job: Import
    rows: int
    counts: Mapping[Outcome, int]
    rate: float | None
    ends_at: Micros | None
    sources: Sequence[SourceProgress]
    all_sources: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Imports:
    """Built once, in assembly/rooms.py. started: is called when rows can be verified."""

    db: Store
    clock: Clock
    started: Callable[[], None]

    async def page(self, app: Application, *, before: tuple[Micros, str] | None, limit: int) -> list[Import]:
        """Newest first. before: created_at and id of the last one of the page before."""
        return await self.db.read(jobs.newest(app.id, before=before, limit=limit))

    async def get(self, app: Application, import_id: str) -> Import:
        """Raises NotFound."""
        job = await self.db.read(jobs.find(app.id, import_id))
        if job is None:
            raise NotFound(f"There is no import {import_id}. GET /v3/imports and `opengrant import list` show them.")
        return job

    async def progress(self, app: Application, job: Import) -> Progress:
        """How far it is."""
        cancelled, now = job.state == "cancelled", self.clock()
        found = await self.db.read(results.sources(app.id, job.id, cancelled=cancelled))
        unread = await self.db.read(results.unread(app.id, job.id))
        counts = {outcome: sum(source.counts[outcome] for source in found) for outcome in OUTCOMES}
        counts["refused"] += unread
        rate = await self._rate(app, job, now=now) if job.state in ("running", "paused") else None
        left = counts["waiting"]
        ends_at = now + int(left / rate * SECOND) if rate and left and job.state == "running" else None
        found.sort(key=lambda one: (one.trouble is None, -one.counts["waiting"], -one.rows))
        return Progress(
            job=job,
            rows=sum(counts.values()),
            counts=counts,
            rate=rate,
            ends_at=ends_at,
            sources=found[:MOST_SOURCES],
            all_sources=len(found),
        )

    async def source_ids(self, app: Application, job: Import) -> list[str]:
        """All of them, also those that a progress leaves out."""
        return await self.db.read(sources.ids(app.id, job.id))

    async def speed(self, app: Application, job: Import, *, most: int = 60) -> tuple[Micros, list[tuple[Micros, int]]]:
        """Rows that were done in each span of time since the start: the length of a span, and (begin, rows)."""
        began = job.started_at or job.created_at
        lasted = max((job.finished_at or self.clock()) - began, 0)
        step = max(lasted // most // SECOND * SECOND, SECOND)
        return step, await self.db.read(results.speed(app.id, job.id, step=step))

    async def results(
        self, app: Application, job: Import, *, after: int, limit: int, outcomes: Sequence[Outcome] = ()
    ) -> list[ImportedRow]:
        """Rows after a line of the input, in order; those that still wait, too. outcomes: only these; () means all."""
        return await self.db.read(results.rows_after(app.id, job.id, line=after, limit=limit, outcomes=outcomes))

    async def pause(self, app: Application, import_id: str) -> Import:
        """Begin no other row. Raises NotFound, InvalidRequest."""
        return await self._move(app, import_id, from_=("running", "paused"), to="paused", verb="paused")

    async def resume(self, app: Application, import_id: str) -> Import:
        """Go on. Raises NotFound, InvalidRequest."""
        job = await self._move(app, import_id, from_=("paused", "running"), to="running", verb="resumed")
        self.started()
        return job

    async def cancel(self, app: Application, import_id: str) -> Import:
        """Verify no other row, and destroy the credentials that still wait. Grants that exist stay.

        Raises NotFound, InvalidRequest.
        """
        from_: tuple[ImportState, ...] = ("loading", "running", "paused", "cancelled")
        return await self._move(app, import_id, from_=from_, to="cancelled", verb="cancelled")

    async def cut_over(self, app: Application, import_id: str, *, source: str | None = None) -> Import:
        """Verify the rows that wait for the cut-over: of one source, or of all. Their tokens are used from now on.

        Raises NotFound, InvalidRequest.
        """
        job = await self.get(app, import_id)
        held = job.state == "finished" and job.hold_refresh  # its grants may wait for it
        if job.state not in {"running", "paused"} and not held:
            raise InvalidRequest(f"This import is {job.state}: only one that runs can be cut over.")
        if source is not None and source not in await self.source_ids(app, job):
            raise InvalidRequest("source: this import has no such source.")

        def script() -> Steps[None]:
            now = self.clock()
            yield from batches.cut_over(app.id, job.id, source, at=now)
            yield from audit.record(app.id, "import.cut_over", at=now, import_id=job.id, source=source)

        await self.db.write(script())
        self.started()
        return await self.get(app, import_id)

    async def _move(
        self, app: Application, import_id: str, *, from_: tuple[ImportState, ...], to: ImportState, verb: _Verb
    ) -> Import:
        job = await self.get(app, import_id)
        if job.state == to:
            return job
        moved = await self.db.write(self._moving(app, job, from_=from_, to=to, verb=verb))
        if moved is None:
            now = (await self.get(app, import_id)).state
            raise InvalidRequest(f"This import is {now}: only one that is {_listed(from_, to)} can be {verb}.")
        return moved

    def _moving(
        self, app: Application, job: Import, *, from_: tuple[ImportState, ...], to: ImportState, verb: _Verb
    ) -> Steps[Import | None]:
        now = self.clock()
        moved = yield from jobs.move(app.id, job.id, from_=from_, to=to, at=now)
        if moved is not None:
            yield from audit.record(app.id, _ENTRIES[verb], at=now, import_id=job.id)
        return moved

    async def _rate(self, app: Application, job: Import, *, now: Micros) -> float | None:
        since = max(now - _RECENT, job.started_at or job.created_at)
        done = await self.db.read(results.done_since(app.id, job.id, since=since))
        return done / max((now - since) / SECOND, 1.0) if done else None


def _listed(states: Sequence[ImportState], but: ImportState) -> str:
    *others, last = (state for state in states if state != but)
    return f"{', '.join(others)} or {last}" if others else last
