"""Watch: mailboxes whose changes webhooks want to be told."""

from datetime import timedelta

from opengrant.jobs.loop import Job
from opengrant.services import Services


def watch(services: Services) -> Job:
    """A process starts with the next mailboxes as soon as it has room for them."""
    return Job("watch", timedelta(seconds=1), services.watching.run, wakeup=services.watching.wakeup)
