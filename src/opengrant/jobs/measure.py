"""Measure: metrics of the whole installation. Each process sets them, so that they show when no process works."""

from datetime import timedelta

from opengrant.jobs.loop import Job
from opengrant.services import Services


def measure(services: Services) -> Job:
    """Overdue grants, overdue deliveries, degraded sources, messages that wait."""

    async def run() -> None:
        await services.overview.measure()
        await services.deliveries.measure()
        await services.schedules.measure()

    return Job("measure", timedelta(seconds=15), run)
