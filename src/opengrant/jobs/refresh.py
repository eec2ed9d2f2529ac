"""Refresh: grants that are due, on the clock."""

from datetime import timedelta

from opengrant.jobs.loop import Job
from opengrant.services import Services


def refresh(services: Services) -> Job:
    """Look for what is due; while there is more, without a pause."""

    async def run() -> None:
        # What a provider has given already must not be asked for again.
        await services.refresh.pending.replay()
        while await services.refresh.due.look_after_due():
            pass

    return Job("refresh", timedelta(seconds=1), run)


def replay(services: Services) -> Job:
    """Write what the database could not take when a provider gave it; for a process that does no other work."""
    return Job("replay", timedelta(seconds=15), services.refresh.pending.replay)
