"""Grouping: move the grants of the default workspace into the workspaces of their domains."""

import asyncio
import uuid
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta

import structlog

from opengrant.access.rate_limits import RateLimit
from opengrant.errors import Overloaded
from opengrant.events import audit
from opengrant.model import Application, Clock, Micros
from opengrant.net.guard import domain_of
from opengrant.store.engine.port import Steps, Store
from opengrant.store.tenants import workspaces
from opengrant.store.tenants.workspaces import Workspace
from opengrant.tenants.workspaces import Workspaces, add, checked_domain, fresh

log = structlog.get_logger()

_AT_ONCE = 200
"""Grants that a grouping reads and moves in one transaction."""
_MOST_JOBS = 16
"""Groupings under way in a process; an application can start one a minute."""


@dataclass(frozen=True, slots=True)
class AutoGroup:
    """The grants that a grouping moves.

    since   created at this time or later
    domain  only addresses of this domain; None: all
    """

    since: Micros = 0
    invalid_also: bool = False
    domain: str | None = None


@dataclass(slots=True, kw_only=True)
class Grouping:
    """Built once, in assembly/; closed when the process ends."""

    db: Store
    workspaces: Workspaces
    clock: Clock
    _jobs: set["asyncio.Task[None]"] = field(default_factory=set)

    async def start(self, app: Application, which: AutoGroup) -> str:
        """Start to move grants from the default workspace into those of their domains; returns the job's id.

        Missing workspaces are created. Grants in other workspaces stay, and so do grants whose domain's workspace has
        auto_group off. When the process ends, the job ends; grants already moved stay moved, and the call can be
        repeated.
        Raises RateLimited after one call a minute, Overloaded, InvalidRequest.
        """
        which = replace(which, domain=None if which.domain is None else checked_domain(which.domain))
        if len(self._jobs) >= _MOST_JOBS:
            raise Overloaded("Too many workspaces are being grouped. Try again in a moment.", retry_after=5)
        await RateLimit(
            db=self.db, clock=self.clock, name="workspaces.auto_group", limit=1, window=timedelta(minutes=1)
        ).take(app)
        job_id = str(uuid.uuid4())
        job = asyncio.create_task(self._group(app, which, job_id), name=f"auto-group {job_id}")
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        return job_id

    async def close(self) -> None:
        """Stop running groupings, between two transactions."""
        jobs = list(self._jobs)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)

    async def _group(self, app: Application, which: AutoGroup, job_id: str) -> None:
        try:
            moved = await self._group_all(app, which)
        except Exception:
            log.exception("auto_group_failed", job_id=job_id)
        else:
            log.info("auto_group_done", job_id=job_id, moved=moved)

    async def _group_all(self, app: Application, which: AutoGroup) -> int:
        default = await self.workspaces.default(app)
        moved, last = 0, None
        while page := await self.db.read(
            workspaces.strays(
                app.id, default.id, since=which.since, invalid_also=which.invalid_also, after=last, limit=_AT_ONCE
            )
        ):
            by_domain: dict[str, list[str]] = defaultdict(list)
            for stray in page:
                domain = domain_of(stray.email)
                if domain and which.domain in {None, domain}:
                    by_domain[domain].append(stray.id)
            moved += await self.db.write(self._take_in(app, default, by_domain))
            last = page[-1]
        return moved

    def _take_in(self, app: Application, default: Workspace, by_domain: dict[str, list[str]]) -> Steps[int]:
        moved = 0
        # The same order in every grouping: two of them cannot deadlock.
        for domain in sorted(by_domain):
            home = yield from workspaces.find_domain(app.id, domain)
            if home is None:
                new = fresh(app, domain, domain, auto_group=True, at=self.clock())
                added = yield from add(new)
                home = new if added else (yield from workspaces.find_domain(app.id, domain))
            if home is not None and home.auto_group:
                taken = yield from workspaces.take_in(app.id, home.id, default.id, by_domain[domain])
                if taken:
                    yield from audit.record(
                        app.id, "workspace.grouped", at=self.clock(), workspace_id=home.id, grants=taken
                    )
                moved += taken
        return moved
