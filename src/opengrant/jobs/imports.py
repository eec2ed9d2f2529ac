"""Imports: rows that wait are verified, by any process."""

from datetime import timedelta

from opengrant.jobs.loop import Job
from opengrant.services import Services


def imports(services: Services) -> Job:
    """An import that starts in this process is worked on at once; those of other processes wait at most a second."""
    return Job("imports", timedelta(seconds=1), services.import_work.run_round, wakeup=services.import_work.wakeup)
