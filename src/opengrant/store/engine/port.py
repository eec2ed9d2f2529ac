"""The port both engines fill: steps in, rows out.

A query is a *step script*: a generator that yields `Statement`s and receives their rows. The engine
drives it: SQLite runs it inside the writer thread's group commit, PostgreSQL inside a transaction on a
pooled connection. A script cannot await, so no remote can be asked while a transaction is open
(invariant 3): the type does not allow it.

    def rename(app: str, id: str, name: str, at: Micros) -> Steps[bool]:
        rows = yield Statement("update t set name = $3 where app = $1 and id = $2 returning id", (app, id, name))
        return bool(rows)

    await db.write(rename(app, id, "new", now()))

Parameters are `$1`, `$2`, … in both engines. Where a text must differ, `Dialect` tells which twin to yield.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from opengrant.errors import StoreUnavailable

__all__ = ["Conflict", "Dialect", "Row", "Statement", "Steps", "Store", "StoreUnavailable"]

T = TypeVar("T")
Row = Sequence[Any]
"""Columns by position. bytea comes as bytes, bigint and integer as int, text as str."""


class Conflict(Exception):
    """A unique index refused a statement, and nothing of its script was written: somebody else was faster."""


class Dialect(StrEnum):
    SQLITE = "sqlite"
    POSTGRES = "postgres"


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL text and its parameters.

    last  nothing follows in this script, not even an exception of its own. As the first statement of a script it
          needs no explicit transaction on PostgreSQL (one round trip, not three) and is committed when it returns.
    """

    sql: str
    args: tuple[Any, ...] = ()
    last: bool = False


Steps = Generator[Statement, Sequence[Row], T]


class Store(Protocol):
    """A database. All methods may raise StoreUnavailable when the engine cannot be reached or is out of room."""

    dialect: Dialect

    async def read(self, steps: Steps[T]) -> T:
        """Run a script that changes nothing. Statements see committed data; they share no snapshot."""

    async def write(self, steps: Steps[T]) -> T:
        """Run a script in one transaction; returns when it is durable. An exception in the script rolls it back."""

    async def write_soon(self, steps: Steps[T]) -> T:
        """As `write`, but SQLite does not wait for the disk: after a loss of power it may never have been, unless
        something that `write` wrote later is there."""

    async def migrate(self) -> list[str]:
        """Bring the schema up to date under a lock; returns the names of the migrations that ran."""

    async def pending(self) -> list[str]:
        """Names of migrations that have not run. Raises StoreUnavailable like the rest."""

    async def close(self) -> None:
        """Finish queued writes, then let go of every connection and thread."""
