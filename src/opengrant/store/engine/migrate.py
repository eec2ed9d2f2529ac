"""Migrations: numbered .sql files, applied in order, each once, under a lock and in one transaction with its record.

A migration is `migrations/NNNN_name.sql`, one text for both engines; `NNNN_name.postgres.sql` replaces it on
PostgreSQL. Applied files never change: their checksum is stored and compared. Statements that cannot run inside a
transaction (`create index concurrently`, `vacuum`) cannot be in a migration.

A migration runs as a script, so the engines only need `run` of this module.
"""

import hashlib
import re
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from opengrant.model import now
from opengrant.store.engine.port import Dialect, Statement, Steps

# An arbitrary number, the same on every node: "opengrnt" in ASCII.
_ADVISORY_LOCK = 0x6F70656E67726E74

_CREATE_TABLE = """
    create table if not exists schema_migrations (
        name text not null primary key,
        checksum text not null,
        applied_at bigint not null
    )
"""
_TABLE_EXISTS = {
    Dialect.SQLITE: "select 1 from sqlite_master where type = 'table' and name = 'schema_migrations'",
    Dialect.POSTGRES: "select 1 where to_regclass('schema_migrations') is not null",
}
_APPLIED = "select name, checksum from schema_migrations"
_RECORD = "insert into schema_migrations (name, checksum, applied_at) values ($1, $2, $3)"

# Texts that may contain a semicolon, and the semicolon itself.
_TOKEN = re.compile(
    r"""
    '(?:[^']|'')*' | "(?:[^"]|"")*"      # a string, a quoted name
    | --[^\n]* | /\*.*?\*/               # comments
    | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$    # PostgreSQL's dollar quotes
    | (?P<end>;)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


class MigrationError(Exception):
    """This program does not fit this database; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its name without endings (`0001_initial`) and the text for this engine."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def load(dialect: Dialect, directory: Traversable | None = None) -> list[Migration]:
    """The program's migrations in order, with the texts for this engine.

    Raises ValueError if two have the same number, or a PostgreSQL file has no original.
    """
    directory = directory or files("opengrant.store") / "migrations"
    texts = {file.name: file.read_text("utf-8") for file in directory.iterdir() if file.name.endswith(".sql")}
    names = sorted(name.removesuffix(".sql") for name in texts if not name.endswith(".postgres.sql"))
    twins = {name.removesuffix(".postgres.sql") for name in texts if name.endswith(".postgres.sql")}
    if alone := twins - set(names):
        raise ValueError(f"migration {min(alone)} has a PostgreSQL twin and no original")
    if len({name.partition("_")[0] for name in names}) != len(names):
        raise ValueError("two migrations have the same number")
    ending = {name: ".postgres.sql" if dialect is Dialect.POSTGRES and name in twins else ".sql" for name in names}
    return [Migration(name, texts[name + ending[name]]) for name in names]


async def run(
    write: Callable[[Steps[str | None]], Awaitable[str | None]], dialect: Dialect, known: Sequence[Migration]
) -> list[str]:
    """Apply the migrations that have not run, each in its own transaction; return their names.

    Several processes may call it at once.

    write  runs a script in one transaction, as Store.write does
    Raises MigrationError before any change, and the exceptions of `write`.
    """
    done: list[str] = []
    while (name := await write(_apply_next(dialect, known))) is not None:
        done.append(name)
    return done


def _apply_next(dialect: Dialect, known: Sequence[Migration]) -> Steps[str | None]:
    """Apply the first migration that has not run, and return its name; None if all have run."""
    if dialect is Dialect.POSTGRES:
        # Until the transaction ends. On SQLite the transaction is the lock: BEGIN IMMEDIATE.
        yield Statement("select pg_advisory_xact_lock($1)", (_ADVISORY_LOCK,))
    yield Statement(_CREATE_TABLE)
    rows = yield Statement(_APPLIED)
    waiting = compare(known, {str(name): str(checksum) for name, checksum in rows})
    if not waiting:
        return None
    migration = waiting[0]
    for sql in split(migration.text, dialect):
        yield Statement(sql)
    yield Statement(_RECORD, (migration.name, migration.checksum, now()))
    return migration.name


def pending(dialect: Dialect, known: Sequence[Migration]) -> Steps[list[str]]:
    """Names of the migrations that have not run, in order. Raises MigrationError."""
    rows = yield Statement(_TABLE_EXISTS[dialect])
    applied = (yield Statement(_APPLIED, last=True)) if rows else []
    return [migration.name for migration in compare(known, {str(name): str(checksum) for name, checksum in applied})]


def compare(known: Sequence[Migration], applied: Mapping[str, str]) -> list[Migration]:
    """The migrations of `known` that are not in `applied` (name → checksum).

    Raises MigrationError if the database has one that the program does not know, an applied text has changed, or one
    was skipped: the applied migrations must be the first of the known ones.
    """
    if strange := sorted(applied.keys() - {migration.name for migration in known}):
        raise MigrationError(
            f"This database is newer than this program: migration {strange[-1]!r} has run in it."
            " Start the OpenGrant version that brought it, or a later one."
        )
    for migration in known:
        if applied.get(migration.name, migration.checksum) != migration.checksum:
            raise MigrationError(
                f"Migration {migration.name!r} ran in this database with another text than this program has."
                " Applied migrations never change: put the released file back."
            )
    waiting = [migration for migration in known if migration.name not in applied]
    if waiting and any(name > waiting[0].name for name in applied):
        raise MigrationError(f"Migration {waiting[0].name!r} has not run in this database, although later ones have.")
    return waiting


def split(text: str, dialect: Dialect) -> Iterator[str]:
    """The statements of a migration, without semicolons.

    sqlite3's executescript() does not fit: it commits the open transaction first.
    Raises ValueError if the last statement has no semicolon: the file may be truncated.
    """
    start = 0
    for token in _TOKEN.finditer(text):
        # A SQLite trigger contains semicolons; SQLite's tokenizer knows where it ends.
        if token["end"] and (dialect is Dialect.POSTGRES or sqlite3.complete_statement(text[start : token.end()])):
            if _COMMENT.sub("", text[start : token.start()]).strip():
                yield text[start : token.start()].strip()
            start = token.end()
    if _COMMENT.sub("", text[start:]).strip():
        raise ValueError("a migration must end with a semicolon")
