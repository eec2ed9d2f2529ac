"""Refresh: grants that are due, on the clock."""

from datetime import timedelta

from opengrant.jobs.loop import Job
from opengrant.services import Services


def refresh(services: Services) -> Job:
    """Refresh what is due, without a pause while there is more."""

    async def run() -> None:
        # Spooled answers first: a token that a provider already replaced must not be asked for again.
        await services.refresh.pending.replay()
        while await services.refresh.due.run_round():
            pass

    return Job("refresh", timedelta(seconds=1), run)


def replay(services: Services) -> Job:
    """Write what is spooled; for a process without other background work."""
    return Job("replay", timedelta(seconds=15), services.refresh.pending.replay)
