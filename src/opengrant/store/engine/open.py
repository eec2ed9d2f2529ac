"""Open the configured engine: PostgreSQL if there is a database URL, else SQLite in a file."""

from pathlib import Path

from opengrant.store.engine.port import Store
from opengrant.store.engine.sqlite import SqliteStore

_SCHEMES = ("postgresql", "postgres")


async def open_store(*, database_url: str | None, sqlite_path: Path, pool: int = 10) -> Store:
    """Connect. This does not change the schema; see Store.migrate and Store.pending.

    database_url  `postgresql://…`, or None for SQLite
    sqlite_path   the file; it is created if it does not exist, its directory is not
    pool          most PostgreSQL connections
    Raises StoreUnavailable; ValueError if the URL is not a PostgreSQL URL.
    """
    if database_url is None:
        return await SqliteStore.open(sqlite_path)
    if database_url.partition("://")[0] not in _SCHEMES:
        raise ValueError("the database URL must begin with postgresql://")
    from opengrant.store.engine.postgres import PostgresStore  # noqa: PLC0415 -- SQLite must not load asyncpg: 3 MB

    return await PostgresStore.open(database_url, pool=pool)
