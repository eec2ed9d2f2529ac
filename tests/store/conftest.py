"""Both engines, one after the other, each with an empty database."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from opengrant.store.engine.open import open_store
from opengrant.store.engine.port import Store
from tests.peers.postgres import Postgres


@dataclass(frozen=True, slots=True)
class Target:
    """Where a database is, as `open_store` and the helper processes take it."""

    database_url: str | None
    sqlite_path: Path

    async def open(self) -> Store:
        return await open_store(database_url=self.database_url, sqlite_path=self.sqlite_path)

    def argv(self) -> list[str]:
        return [self.database_url or "", str(self.sqlite_path)]


@pytest.fixture
def sqlite_target(tmp_path: Path) -> Target:
    return Target(None, tmp_path / "store.db")


@pytest.fixture
def postgres_target(postgres: Postgres, tmp_path: Path) -> Target:
    return Target(postgres.create_empty_database(), tmp_path / "unused.db")


@pytest.fixture(params=["sqlite", "postgres"])
def target(request: pytest.FixtureRequest) -> Target:
    found: Target = request.getfixturevalue(f"{request.param}_target")
    return found


@pytest.fixture
async def store(target: Target) -> AsyncIterator[Store]:
    opened = await target.open()
    yield opened
    await opened.close()


@pytest.fixture
async def beside(postgres_target: Target) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the test's own to the same database."""
    connection = await asyncpg.connect(postgres_target.database_url)
    yield connection
    await connection.close()


async def somebody_waits(beside: asyncpg.Connection, *, backends: int = 1) -> None:
    """Until that many backends of this database wait for a lock."""
    async with asyncio.timeout(30):
        while backends > await beside.fetchval(  # noqa: ASYNC110 - the server tells nobody
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.01)
