"""Announce: deliver events to webhooks as soon as they are due."""

from datetime import timedelta

from opengrant.jobs.loop import Job
from opengrant.services import Services


def announce(services: Services) -> Job:
    """Events of this node start a run at once; those of other nodes, and retries, wait at most a second."""
    return Job("announce", timedelta(seconds=1), services.delivery_sender.run, wakeup=services.delivery_sender.wakeup)
