"""Announce: deliver events to webhooks as soon as they are due."""

from datetime import timedelta

from opengrant.jobs.loop import Job
from opengrant.services import Services


def announce(services: Services) -> Job:
    """Another node's events, and what is tried again, are found within a second; this one's ring the bell."""
    return Job("announce", timedelta(seconds=1), services.delivery_sender.run, bell=services.delivery_sender.wakeup)
