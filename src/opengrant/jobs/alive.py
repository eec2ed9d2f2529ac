"""Alive: a sign of life of background work. `opengrant doctor` reports when there is none."""

from datetime import timedelta

from opengrant.jobs.loop import Job
from opengrant.services import Services


def alive(services: Services) -> Job:
    return Job("alive", timedelta(seconds=30), services.overview.worked)
