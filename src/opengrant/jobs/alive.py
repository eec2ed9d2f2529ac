"""Alive: background work leaves a sign of life, so that `opengrant doctor` can tell when none is done."""

from datetime import timedelta

from opengrant.jobs.loop import Job
from opengrant.services import Services


def alive(services: Services) -> Job:
    return Job("alive", timedelta(seconds=30), services.overview.worked)
