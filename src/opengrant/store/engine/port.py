"""The interface of both engines: scripts in, rows out.

A script is a generator that yields `Statement`s and receives their rows. Read `yield` as `await db.fetch`. SQLite runs
it inside the writer thread's group commit, PostgreSQL inside a transaction on a pooled connection. A script cannot
await, so it cannot call a remote while a transaction is open (invariant 3).

    def rename(app: str, id: str, name: str, at: Micros) -> Steps[bool]:
        rows = yield Statement("update t set name = $3 where app = $1 and id = $2 returning id", (app, id, name))
        return bool(rows)

    await db.write(rename(app, id, "new", now()))

Parameters are `$1`, `$2`, … in both engines. Where the SQL must differ, the script chooses by `Dialect`.
"""

from collections.abc import Generator, Iterable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, TypeVar

from opengrant.errors import StoreUnavailable

__all__ = ["Conflict", "Dialect", "Row", "Statement", "Steps", "Store", "StoreUnavailable", "in_turn", "within"]

T = TypeVar("T")
Row = Sequence[Any]
"""Columns by position: bytea as bytes, bigint and integer as int, text as str."""


class Conflict(Exception):
    """A unique index refused a statement: a concurrent write was first. Nothing of the script was written."""


class Dialect(StrEnum):
    SQLITE = "sqlite"
    POSTGRES = "postgres"

    def locks(self, clause: str) -> str:
        """The locking clause of a select on PostgreSQL; "" on SQLite, which has one writer at a time."""
        return clause if self is Dialect.POSTGRES else ""


class Statement(NamedTuple):
    """One SQL text and its parameters.

    last  no other statement and no exception follows in this script. On PostgreSQL, a first statement that is also
          the last needs no explicit transaction (one round trip instead of three): it is committed when it returns.
    """

    sql: str
    args: tuple[Any, ...] = ()
    last: bool = False


Steps = Generator[Statement, Sequence[Row], T]


def within(steps: Steps[T]) -> Steps[T]:
    """A script as a part of another one: none of its statements is the last."""
    try:
        statement = next(steps)
        while True:
            statement = steps.send((yield statement._replace(last=False) if statement.last else statement))
    except StopIteration as end:
        value: T = end.value
        return value


def in_turn(scripts: Iterable[Steps[T]]) -> Steps[list[T]]:
    """Scripts one after another, as one."""
    results = list[T]()
    for steps in scripts:
        result = yield from within(steps)
        results.append(result)
    return results


class Store(Protocol):
    """A database. All methods raise StoreUnavailable if the engine cannot be reached or has no space left."""

    dialect: Dialect

    async def read(self, steps: Steps[T]) -> T:
        """Run a script that writes nothing. Statements see committed data; they share no snapshot."""

    async def write(self, steps: Steps[T]) -> T:
        """Run a script in one transaction; return when it is durable. An exception in the script rolls it back."""

    async def write_soon(self, steps: Steps[T]) -> T:
        """As `write`, but SQLite does not wait for the disk: a power failure may undo it, unless a later `write` is
        durable."""

    async def write_many(self, steps: Steps[T]) -> T:
        """As `write`, for a script that changes many rows: on SQLite it shares its transaction with no other script,
        because what could be undone alone would be copied."""

    async def migrate(self) -> list[str]:
        """Bring the schema up to date under a lock; return the names of the migrations that ran."""

    async def pending(self) -> list[str]:
        """Names of migrations that have not run. Raises StoreUnavailable like the rest."""

    async def close(self) -> None:
        """Finish the queued writes, then close every connection and end every thread."""
