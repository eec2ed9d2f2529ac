"""The one loop: each job runs at its pace, starts late rather than twice, and outlives its failures."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Job:
    """Work without a caller. `every` is stretched by up to a tenth, so that nodes do not march in step."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[object]]


async def run_jobs(jobs: Sequence[Job]) -> None:
    """Run until cancelled. A job that fails is logged and comes again at its next turn."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(job), name=f"job {job.name}")


async def _repeat(job: Job) -> None:
    while True:
        # Jitter needs no cryptographic randomness.
        await asyncio.sleep(job.every.total_seconds() * (1 + random.random() / 10))  # noqa: S311
        try:
            await job.run()
        except Exception:
            log.exception("job_failed", job=job.name)
