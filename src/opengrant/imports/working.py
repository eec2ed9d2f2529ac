"""The work of imports: a process leases batches, works on some at once, and ends imports that have nothing left."""

import asyncio
import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from opengrant.errors import StoreUnavailable
from opengrant.events.actor import Actor, acting
from opengrant.grants.schedule import Schedule
from opengrant.imports.verifying import Verifying, Work
from opengrant.model import SECOND, Application, Clock, Micros, micros
from opengrant.model.imports import Import
from opengrant.providers.registry import WITH_PASSWORD
from opengrant.store.engine.port import Dialect, Store
from opengrant.store.imports import batches, jobs, loading
from opengrant.store.tenants import applications

log = structlog.get_logger()

_BATCHES = 32
"""Most batches at once in a process. Half of them with passwords at most: mail servers may hang for a minute."""
_BATCHES_OF_SOURCE = 2
"""Of these, of one source: while the last rows of one are verified, the next one begins."""
_ROWS = 8000
"""Most rows in memory: no more batches are leased then."""
_TURN = 0.5
"""Seconds until a process looks again whether an import was paused."""
_RENEWED = batches.LEASE // 4
_GROWN = 8
"""When so many times more rows were worked on, PostgreSQL counts again: its plans are for tables that were empty."""
_CLOSED_AT_ONCE = 20
_RELEASED_AT_ONCE = 500
_SPREAD: Micros = 600 * SECOND
"""Over this time the first refreshes are spread of grants that were held back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportWork:
    """Built once, in assembly/imports.py.

    keep    how long an import is kept after its end
    wakeup  set it when there is new work
    """

    db: Store
    clock: Clock
    verifying: Verifying
    schedule: Schedule
    keep: timedelta
    wakeup: asyncio.Event = field(default_factory=asyncio.Event)
    _running: "dict[asyncio.Task[None], Work]" = field(default_factory=dict)
    _renewed: dict[str, Micros] = field(default_factory=dict)
    """Owner of a lease → when it was renewed."""
    _known: set[str] = field(default_factory=set)
    """Imports whose sources this process knows the pace of."""
    _rows: Counter[str] = field(default_factory=Counter)
    """Rows that were worked on since the start of the process: all, and up to the last count of the tables' rows."""

    async def run_round(self) -> bool:
        """Begin with what waits, as far as there is room, and wait until a batch ends or a moment has passed.

        Returns whether there may be more to do at once. Raises StoreUnavailable.
        """
        needing = await self.db.read(batches.needing(at=self.clock()))
        # In another order each round: where there is no room for all, no import is always last.
        random.shuffle(needing)
        open_, more = set[tuple[str, str]](), False
        for application_id, import_id, need in needing:
            job = await self.db.read(jobs.find(application_id, import_id))
            app = await self.db.read(applications.find(application_id))
            if job is None or app is None:
                continue
            if need == "cut_over":
                await self.db.write(batches.cut_over(application_id, import_id, None, at=self.clock()))
                more = True
            if job.state == "running":
                open_.add((application_id, import_id))
                more = await self._work_on(app, job) or more
            elif need == "close":
                more = await self._close(job) or more
            # Not while a cancelled import has rows under way: their grants would be held for ever.
            if need == "release" or (job.state == "running" and job.hold_refresh and job.cut_at is not None):
                more = await self._release(job) or more
        await self._look_after(open_)
        if self.db.dialect is Dialect.POSTGRES and self._rows["all"] > _GROWN * self._rows["counted"]:
            self._rows["counted"] = self._rows["all"]
            await self.db.write(batches.count_again())
        if self._running:
            self.verifying.pacing.lag.watch()
            await asyncio.wait(self._running, timeout=_TURN, return_when=asyncio.FIRST_COMPLETED)
            return True
        self.verifying.pacing.lag.rest()
        return more

    async def drain(self) -> None:
        """Let the rows under way end, and give the batches back."""
        for work in self._running.values():
            work.stopped = True
        while self._running:
            await asyncio.wait(self._running)
        self.verifying.pacing.lag.rest()

    async def forget(self, app: Application) -> None:
        """Delete imports that ended long ago, or were never read to their end.

        Works in portions, so that other writes come in between.
        """
        await self.db.write(loading.give_up_abandoned(app.id, at=self.clock()))
        cutoff = self.clock() - micros(self.keep)
        while await self.db.write(batches.forget_some(app.id, cutoff=cutoff)):
            continue

    async def _work_on(self, app: Application, job: Import) -> bool:
        """Lease batches and start with them. Returns whether one was leased, or the import has ended."""
        leased = False
        while self._has_room():
            works = self._running.values()
            busy = Counter(work.batch.source for work in works if work.job.id == job.id)
            passwords = sum(work.batch.provider in WITH_PASSWORD for work in works)
            at = self.clock()
            owner = str(uuid.uuid4())
            batch = await self.db.write(
                batches.lease(
                    app.id,
                    job.id,
                    owner,
                    at=at,
                    busy=[source for source, number in busy.items() if number >= _BATCHES_OF_SOURCE],
                    full=[*WITH_PASSWORD] if passwords >= _BATCHES // 2 else [],
                    dialect=self.db.dialect,
                )
            )
            if batch is None:
                break
            self._renewed[owner] = at
            self._start(Work(app=app, job=job, batch=batch))
            leased = True
        if leased or any(work.job.id == job.id for work in self._running.values()):
            return leased
        ended = await self.db.write(batches.finish_import(app.id, job.id, at=self.clock()))
        if ended:
            log.info("import_finished", import_id=job.id)
        return ended

    def _has_room(self) -> bool:
        rows = sum(work.batch.rows for work in self._running.values())
        return len(self._running) < _BATCHES and rows < _ROWS

    def _start(self, work: Work) -> None:
        with acting(Actor.of_import(work.job.id)):
            task = asyncio.create_task(self._run(work))
        self._running[task] = work
        self._known.add(work.job.id)
        task.add_done_callback(self._end)

    def _end(self, task: "asyncio.Task[None]") -> None:
        work = self._running.pop(task)
        self._rows["all"] += work.batch.rows
        self._renewed.pop(work.batch.owner, None)

    async def _run(self, work: Work) -> None:
        try:
            await self.verifying.run(work)
        except StoreUnavailable as problem:
            # Its lease runs out.
            log.warning("import_interrupted", import_id=work.job.id, problem=problem.message)
        except batches.LeaseLost:
            log.warning("import_lease_lost", import_id=work.job.id, batch=work.batch.number)
        except Exception:
            log.exception("import_batch_broken", import_id=work.job.id, batch=work.batch.number)

    async def _look_after(self, open_: set[tuple[str, str]]) -> None:
        """Stop batches of imports that are no longer running, and renew the leases of the others."""
        at = self.clock()
        # Whichever node has ended them.
        worked_on = {import_id for _, import_id in open_} | {work.job.id for work in self._running.values()}
        for import_id in self._known - worked_on:
            self.verifying.pacing.forget(import_id)
        self._known.intersection_update(worked_on)
        for work in list(self._running.values()):
            batch = work.batch
            if (batch.application_id, batch.import_id) not in open_:
                work.stopped = True
            # A time ahead was written before the clock was set back.
            elif not 0 <= at - self._renewed.get(batch.owner, at) < _RENEWED:
                self._renewed[batch.owner] = at
                work.ended = not await self.db.write(batches.renew(batch, at=at)) or work.ended

    async def _close(self, job: Import) -> bool:
        some = batches.close_some(job.application_id, job.id, at=self.clock(), limit=_CLOSED_AT_ONCE)
        return await self.db.write(some) > 0

    async def _release(self, job: Import) -> bool:
        """Let some grants that the import holds back be refreshed. Returns whether there may be more."""
        if job.released >= job.lines:
            return False
        at, dice = self.clock(), self.schedule.dice
        held, up_to = await self.db.read(batches.held(job.application_id, job.id, limit=_RELEASED_AT_ONCE))
        due = {
            grant.id: due_at + int(dice() * _SPREAD)
            for grant in held
            if (due_at := self.schedule.after(grant.provider, ends_at=grant.token_expires_at, used_at=at, at=at))
            is not None
        }
        await self.db.write(
            batches.release(job.application_id, job.id, due, up_to=up_to, state=job.state, dialect=self.db.dialect)
        )
        return True
