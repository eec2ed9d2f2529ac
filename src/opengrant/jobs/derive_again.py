"""Derive again: instants of events follow the time zone database that is installed."""

from datetime import timedelta

from opengrant.jobs.loop import Job
from opengrant.services import Services


def derive_again(services: Services) -> Job:
    return Job("derive_again", timedelta(minutes=1), services.rederiving.run)
