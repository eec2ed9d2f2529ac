"""Clock steps: detect that the clock was set back."""

from datetime import timedelta

from opengrant.jobs.loop import Job
from opengrant.services import Services


def ahead(services: Services) -> Job:
    return Job("ahead", timedelta(seconds=1), services.ahead.watch)
