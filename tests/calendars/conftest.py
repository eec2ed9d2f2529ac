"""A grant with calendars of its own, on each engine."""

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


@pytest.fixture(params=["sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    url = None
    if request.param == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.create_database()
    opened = await open_store(database_url=url, sqlite_path=tmp_path / "store.db")
    await opened.migrate()
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
