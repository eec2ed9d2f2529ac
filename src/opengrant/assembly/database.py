"""Opens the configured database and brings its schema up to date."""

import contextlib

from opengrant import tracing
from opengrant.errors import StoreUnavailable
from opengrant.settings import Settings
from opengrant.store.engine.migrate import MigrationError
from opengrant.store.engine.open import open_store
from opengrant.store.engine.port import Store


async def open_database(settings: Settings, opened: contextlib.AsyncExitStack, *, make: bool) -> Store:
    """Migrates SQLite, and PostgreSQL only when it is empty: its other nodes may still run the release before.

    make    whether an empty database becomes an installation

    Raises StoreUnavailable, MigrationError.
    """
    if not make:
        expect_database(settings)
    db = await connect_store(settings)
    opened.push_async_callback(db.close)
    await _prepare_schema(settings, db, make=make)
    return _traced(db)


def _traced(db: Store) -> Store:
    if (spans := tracing.current()) is None:
        return db
    from opengrant.store.engine.traced import TracedStore  # noqa: PLC0415 -- it needs what is not always installed

    return TracedStore(db, spans)


async def connect_store(settings: Settings) -> Store:
    """The configured database, with any schema or none. Raises StoreUnavailable."""
    url = settings.database_url
    if url is None:
        try:
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as problem:
            raise StoreUnavailable(
                f"The data directory {settings.data_dir.absolute()} cannot be made: {problem.strerror}."
                " Set OPENGRANT_DATA_DIR to one that this user may make."
            ) from None
    try:
        return await open_store(
            database_url=None if url is None else url.get_secret_value(),
            sqlite_path=settings.data_dir / "opengrant.db",
            pool=settings.database_pool,
        )
    except ValueError as problem:
        raise StoreUnavailable(f"OPENGRANT_DATABASE_URL: {problem}") from None


def expect_database(settings: Settings) -> None:
    """Raises MigrationError when there is no SQLite file: a command in the wrong directory must not make a new one.

    Whether PostgreSQL is empty shows only after connecting: see _prepare_schema.
    """
    file = settings.data_dir.absolute() / "opengrant.db"
    if settings.database_url is None and not file.exists():
        raise _nothing(f"in {file.parent}")


async def _prepare_schema(settings: Settings, db: Store, *, make: bool) -> None:
    pending = await db.pending()
    empty = bool(pending) and pending[0].split("_")[0] == "0001"
    if empty and not make:
        raise _nothing("in this database")
    if pending and settings.database_url is not None and not empty:
        raise MigrationError(
            f"The database lacks {len(pending)} migration(s): {', '.join(pending)}. Run `opengrant migrate` first."
        )
    if pending:
        await db.migrate()


def _nothing(where: str) -> MigrationError:
    return MigrationError(
        f"There is no installation {where}. Set OPENGRANT_DATA_DIR or OPENGRANT_DATABASE_URL as the server has it;"
        " `opengrant init` makes a new one."
    )
