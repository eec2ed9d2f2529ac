"""Ahead: look whether the clock was set back."""

from datetime import timedelta

from opengrant.grants.services import Services
from opengrant.jobs.loop import Job


def ahead(services: Services) -> Job:
    return Job("ahead", timedelta(seconds=1), services.ahead.watch)
