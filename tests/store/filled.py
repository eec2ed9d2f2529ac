"""A database of either engine with many rows, for the tests of what queries read."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from opengrant.store.engine.open import open_store
from opengrant.store.engine.port import Dialect
from tests.peers.postgres import Postgres
from tests.store.test_plans import Filled, FilledPostgres, FilledSqlite


@asynccontextmanager
async def filled_with(
    scripts: Sequence[str],
    dialect: Dialect,
    directory: Path,
    postgres: Postgres,
    *,
    many: int,
    tables: tuple[str, ...],
    aliases: tuple[str, ...] = (),
) -> AsyncIterator[Filled]:
    """scripts: may select `n from numbers`, 1 to `many`. tables: whose rows count; aliases: their names in queries."""
    path = directory / "store.db"
    url = postgres.create_database() if dialect is Dialect.POSTGRES else None
    empty = await open_store(database_url=url, sqlite_path=path)
    await empty.migrate()
    await empty.close()
    if url is None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("pragma synchronous = off")
        numbers = f"with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < {many})"
        for sql in scripts:
            connection.execute(f"{numbers} {sql}" if "from numbers" in sql else sql)
        yield FilledSqlite(connection, tables="|".join((*tables, *aliases)))
        connection.close()
    else:
        beside = await asyncpg.connect(url)
        for sql in (*scripts, "vacuum analyze"):
            await beside.execute(sql.replace("from numbers", f"from generate_series(cast(1 as bigint), {many}) n"))
        yield FilledPostgres(beside, tables=tables)
        await beside.close()
