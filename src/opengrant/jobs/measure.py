"""Measure: what metrics tell of the whole installation. Each process does it, lest nobody notice that none works."""

from datetime import timedelta

from opengrant.jobs.loop import Job
from opengrant.services import Services


def measure(services: Services) -> Job:
    """What waits too long, for the clock and for receivers, and who is held to blame."""

    async def run() -> None:
        await services.overview.measure()
        await services.deliveries.measure()

    return Job("measure", timedelta(seconds=15), run)
