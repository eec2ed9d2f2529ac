"""Watch: mailboxes whose changes webhooks want to be told."""

from datetime import timedelta

from opengrant.jobs.loop import Job
from opengrant.services import Services


def watch(services: Services) -> Job:
    return Job("watch", timedelta(seconds=1), services.watching.run)
