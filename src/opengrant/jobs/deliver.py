"""Deliver: hand over messages that are due, such as those with `send_at`."""

from datetime import timedelta

from opengrant.jobs.loop import Job
from opengrant.services import Services


def deliver(services: Services) -> Job:
    return Job("deliver", timedelta(seconds=1), services.scheduled_sender.run)
