"""Sweep: drop what was kept only for a while."""

from datetime import timedelta

from opengrant import tracing
from opengrant.jobs.loop import Job
from opengrant.model import Application
from opengrant.services import Services

KEEP_ROTATIONS = timedelta(hours=24)
"""How long a request with a spent refresh token can be sent again (docs/decisions/0006-rotations.md)."""


def sweep(services: Services) -> Job:
    async def run() -> None:
        with tracing.span("sweep", {}):
            await forget()

    async def forget() -> None:
        for application in await services.applications.list_all():
            await forget_of(application, services)
        await services.audit.forget()
        await services.about.sweep()

    return Job("sweep", timedelta(hours=1), run)


async def forget_of(application: Application, services: Services) -> None:
    await services.rotated_tokens.forget_old(application, older_than=KEEP_ROTATIONS)
    await services.idempotency.forget(application)
    await services.hosted.forget(application)
    await services.proxy_logins.forget(application)
    await services.deliveries.forget(application)
    await services.schedules.forget(application)
    await services.tokens.forget(application)
    await services.sessions.forget(application)
    await services.activity.forget(application)
    await services.grant_counts.sweep(application)
    await services.import_work.forget(application)


def key_uses(services: Services) -> Job:
    """When each API key was last used, written once a minute instead of with every request."""
    return Job("key_uses", timedelta(minutes=1), services.api_keys.write_uses)


def activity(services: Services) -> Job:
    """What was counted, written every few seconds; each process that looks after grants counts for itself."""
    return Job("activity", timedelta(seconds=10), services.activity.write)


def requests(services: Services) -> Job:
    """What was answered, stored every few seconds; each process with HTTP for itself."""
    return Job(
        "requests", timedelta(seconds=5), services.requests.write, services.requests.full, rest=timedelta(seconds=1)
    )


def old_requests(services: Services) -> Job:
    """Requests that are too old or too many."""

    async def run() -> None:
        await services.requests.forget([application.id for application in await services.applications.list_all()])

    return Job("old_requests", timedelta(minutes=1), run)


def address_index(services: Services) -> Job:
    """Addresses that SQLite's index of their parts does not have yet."""
    return Job("address_index", timedelta(seconds=5), services.address_index.run)


def fold(services: Services) -> Job:
    """Changes of the counts of grants, which PostgreSQL collects."""
    return Job("fold", timedelta(seconds=10), services.grant_counts.fold)
