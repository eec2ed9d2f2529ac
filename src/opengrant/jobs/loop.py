"""The one loop: each job runs at its pace or when its bell rings, late rather than twice, and outlives its failures."""

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
    """Work without a caller. `every` is stretched by up to a tenth, so that nodes do not march in step.

    run   returns True when it stopped with more to do: then it runs again at once
    bell  set by whoever makes work for it, so that it need not wait for its turn
    rest  the least time between two runs, however often the bell rings
    """

    name: str
    every: timedelta
    run: Callable[[], Awaitable[object]]
    bell: asyncio.Event | None = None
    rest: timedelta = timedelta(milliseconds=20)


async def run_jobs(jobs: Sequence[Job]) -> None:
    """Run until cancelled. A job that fails is logged and comes again at its next turn."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(job), name=f"job {job.name}")


async def _repeat(job: Job) -> None:
    more = False
    while True:
        if not more:
            await _turn(job)
        try:
            more = await job.run() is True
        except Exception:
            more = False
            log.exception("job_failed", job=job.name)
        await asyncio.sleep(job.rest.total_seconds() if job.bell is not None and not more else 0)


async def _turn(job: Job) -> None:
    """Wait for the clock, or for the bell."""
    # Jitter needs no cryptographic randomness.
    pause = job.every.total_seconds() * (1 + random.random() / 10)  # noqa: S311
    if job.bell is None:
        await asyncio.sleep(pause)
        return
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(pause):
            await job.bell.wait()
    # Before the run and not after it: what comes while it runs rings for the next one.
    job.bell.clear()
