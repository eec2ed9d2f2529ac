"""The loop: each job runs periodically or when signalled. Runs never overlap; errors are logged, the job continues."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    """Work without a request. `every` is stretched by up to a tenth, so that nodes do not run at the same time.

    run     returns True when it stopped with more to do: then it runs again at once
    wakeup  set when there is new work: the next run starts at once
    rest    the least time between two runs, however often `wakeup` is set
    """

    name: str
    every: timedelta
    run: Callable[[], Awaitable[object]]
    wakeup: asyncio.Event | None = None
    rest: timedelta = timedelta(milliseconds=20)


async def run_jobs(jobs: Sequence[Job]) -> None:
    """Run until cancelled. A job that fails is logged and runs again when it is due."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(job), name=f"job {job.name}")


async def _repeat(job: Job) -> None:
    more = False
    while True:
        if not more:
            await _wait(job)
        try:
            more = await job.run() is True
        except Exception:
            more = False
            log.exception("job_failed", job=job.name)
        await asyncio.sleep(job.rest.total_seconds() if job.wakeup is not None and not more else 0)


async def _wait(job: Job) -> None:
    """Until the job is due or signalled."""
    # Jitter needs no cryptographic randomness.
    pause = job.every.total_seconds() * (1 + random.random() / 10)  # noqa: S311
    if job.wakeup is None:
        await asyncio.sleep(pause)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(pause):
            await job.wakeup.wait()
    # Cleared before the run: work that arrives during the run then starts another one.
    job.wakeup.clear()
