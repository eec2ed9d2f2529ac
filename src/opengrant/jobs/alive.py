"""Alive: signs of life. Of background work: `opengrant doctor` reports when there is none. Of each process: the console
lists them."""

from datetime import timedelta

from opengrant.jobs.loop import Job
from opengrant.services import Services


def alive(services: Services) -> Job:
    return Job("alive", timedelta(seconds=30), services.overview.worked)


def seen(services: Services) -> Job:
    """Of each process."""
    return Job("seen", timedelta(seconds=30), services.about.seen)
