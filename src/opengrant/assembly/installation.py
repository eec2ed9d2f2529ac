"""Starts and closes an installation without HTTP and jobs, which server/asgi.py adds. Start reading here."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from opengrant.access.api_keys import NewKey
from opengrant.assembly.rooms import build_rooms
from opengrant.assembly.tools import open_tools
from opengrant.events.actor import START, acting
from opengrant.model import Application
from opengrant.operations.master_keys import Reseal
from opengrant.services import Services
from opengrant.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A running OpenGrant, without HTTP and jobs."""

    settings: Settings
    services: Services
    reseal: Reseal
    first: tuple[Application, NewKey] | None
    """The default application and its first API key, when this start made them."""


@contextlib.asynccontextmanager
async def installation(settings: Settings, *, make: bool = True) -> AsyncIterator[Installation]:
    """Open the tools, build the rooms on them; close both in the opposite order.

    make    whether an empty database becomes an installation; without it, MigrationError

    Raises StoreUnavailable, MigrationError, MasterKeyError.
    """
    async with contextlib.AsyncExitStack() as opened:
        tools = await open_tools(settings, opened, make=make)
        services = build_rooms(settings, tools, opened)
        with acting(START):
            first = await services.applications.bootstrap(
                application_id=settings.bootstrap_application_id,
                name=settings.bootstrap_application_name,
                secret=settings.bootstrap_api_key,
            )
        yield Installation(
            settings=settings,
            services=services,
            reseal=Reseal(db=tools.db, vault=tools.vault, clock=tools.clock),
            first=first,
        )
