"""Which engine serves: PostgreSQL when there is a URL, else SQLite in a file."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from opengrant.store.engine.port import Store
from opengrant.store.engine.postgres import PostgresStore
from opengrant.store.engine.sqlite import SqliteStore

_SCHEMES = ("postgresql", "postgres")
_SECRET_IN_QUERY = re.compile(r"(?<=[?&])([a-z]*password=)[^&#]*", re.IGNORECASE)


async def open_store(*, database_url: str | None, sqlite_path: Path, pool: int = 10) -> Store:
    """Connect; the schema stays as it is (see Store.migrate and Store.pending).

    database_url  `postgresql://…`, or None for SQLite
    sqlite_path   the file, made if absent; its directory must exist
    pool          PostgreSQL connections at most
    Raises StoreUnavailable; ValueError when the URL is not one of PostgreSQL.
    """
    if database_url is None:
        return await SqliteStore.open(sqlite_path)
    if database_url.partition("://")[0] not in _SCHEMES:
        raise ValueError("the database URL must begin with postgresql://")
    return await PostgresStore.open(database_url, pool=pool)


def redact(url: str) -> str:
    """The URL with `***` for its passwords, for messages. Nothing of it when it cannot be read."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "***"
    if not parts.scheme or not parts.netloc:
        return "***"
    user, at, hosts = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    netloc = f"{name}{colon}{'***' if colon else ''}{at}{hosts}"
    return _SECRET_IN_QUERY.sub(r"\1***", parts._replace(netloc=netloc).geturl())
