"""A grant with calendars of its own, on each engine."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from opengrant.calendars.expansion import Expansions
from opengrant.calendars.hosted import HostedCalendars, HostedEvents
from opengrant.calendars.rederiving import Rederiving
from opengrant.model import Grant, now
from opengrant.store.engine.open import open_store
from opengrant.store.engine.port import Steps, Store
from tests.peers.postgres import Postgres


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with our tables: copied at once, where the migrations take a while."""
    path = tmp_path_factory.mktemp("calendars") / "store.db"

    async def migrate() -> None:
        opened = await open_store(database_url=None, sqlite_path=path)
        await opened.migrate()
        await opened.close()

    asyncio.run(migrate())
    return path


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Store]:
    url, path = None, tmp_path / "store.db"
    if request.param == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.create_database()
    else:
        shutil.copy(sqlite_template, path)
    opened = await open_store(database_url=url, sqlite_path=path)
    yield opened
    await opened.close()


def _stays(_: Grant) -> Steps[bool]:
    """Here calendars are tested without the rows of their grants. Those are tests/api/test_calendar_clauses.py's."""
    yield from ()
    return True


@pytest.fixture
def hosted(store: Store) -> HostedEvents:
    calendars = HostedCalendars(db=store, clock=now, rederiving=Rederiving(db=store), stays=_stays)
    return HostedEvents(db=store, clock=now, calendars=calendars, expansions=Expansions())
