"""PostgreSQL behind the store port: asyncpg connections, prepared statements, one round trip where one is enough.

A script whose first statement says `last` runs without an explicit transaction: the statement is one by itself.
Others run between BEGIN and COMMIT at READ COMMITTED.

The pool is ours because it is on the way of every request: a semaphore and a stack of connections cost half the
CPU of asyncpg's pool, which wraps each loan in a proxy and gives it back in a task of its own. Scripts cannot
leave session state behind (they yield plain statements), so there is nothing to reset between loans.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import NoReturn, Self, TypeVar

import asyncpg

from opengrant.store.engine import migrate
from opengrant.store.engine.parameters import plain
from opengrant.store.engine.port import Conflict, Dialect, Row, Statement, Steps, StoreUnavailable

T = TypeVar("T")

_IDLE = 300.0
"""Seconds after which an idle connection is not trusted: firewalls forget about it without a word."""
_GOODBYE = 5.0
"""Seconds a rollback or a goodbye may take before the connection is dropped instead, which does the same."""
_MIGRATION = 3600.0
"""Seconds one statement of a migration may take, waiting for the lock of another node included."""

# First two characters of the SQLSTATE, or all five: the server cannot serve, whoever asks.
_UNAVAILABLE = {
    "08": "the connection failed",
    "28": "the server refused the user or password",
    "3D": "the server has no such database",
    "40001": "two transactions got into each other's way; try again",
    "40P01": "two transactions waited for each other; try again",
    "25006": "the server is read-only",
    "53": "the server is out of room",
    "55P03": "a lock could not be had in time",
    "57": "the server is shutting down, starting, or gave the statement up",
    "58": "the server has a system error",
}
_ENGINE_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What asyncpg raises; OSError holds TimeoutError and TLS errors."""


class PostgresStore:
    """Fills the Store protocol; belongs to the event loop that opened it. Make one with `open`.

    A script runs at most once: it is a generator and cannot be played again, so a serialization failure or a
    deadlock is StoreUnavailable, and whoever sent the script may send a new one. When the connection is lost
    during COMMIT, StoreUnavailable cannot know whether the script was committed: look before you try again.

    A script whose task is cancelled is rolled back, unless the server was already committing it.
    """

    dialect = Dialect.POSTGRES

    def __init__(self, pool: "_Pool") -> None:
        self._pool = pool

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        pool: int = 10,
        bound: int = 10_000,
        connect_timeout: timedelta = timedelta(seconds=5),
        acquire_timeout: timedelta = timedelta(seconds=10),
        command_timeout: timedelta = timedelta(seconds=30),
    ) -> Self:
        """Connect once, to know that it works.

        url              `postgresql://user:password@host:port/database?sslmode=…`, as libpq understands it
        pool             connections at most
        bound            scripts that may wait for a connection; more are refused
        acquire_timeout  how long each of them may wait
        command_timeout  how long one statement may take
        Raises StoreUnavailable; ValueError when the URL makes no sense.
        """

        async def connect() -> asyncpg.Connection:
            try:
                async with asyncio.timeout(connect_timeout.total_seconds()):
                    return await asyncpg.connect(
                        url,
                        command_timeout=command_timeout.total_seconds(),
                        statement_cache_size=256,
                        max_cached_statement_lifetime=0,
                        server_settings={"application_name": "opengrant"},
                    )
            except ValueError:
                # Not chained, not repeated: the message may quote the URL, and that holds the password.
                raise ValueError("the database URL is not understood; see PostgreSQL's connection URIs") from None
            except _ENGINE_ERRORS as error:
                raise _unavailable(error) from error

        store = cls(_Pool(connect, pool, bound, acquire_timeout.total_seconds()))
        store._pool.release(await store._pool.acquire())
        return store

    async def read(self, steps: Steps[T]) -> T:
        return await self._run(steps, transaction=False)

    async def write(self, steps: Steps[T]) -> T:
        return await self._run(steps, transaction=True)

    async def write_soon(self, steps: Steps[T]) -> T:
        return await self._run(steps, transaction=True)

    async def migrate(self) -> list[str]:
        async def write(steps: Steps[str | None]) -> str | None:
            return await self._run(steps, transaction=True, per_statement=_MIGRATION)

        return await migrate.run(write, self.dialect, migrate.load(self.dialect))

    async def pending(self) -> list[str]:
        return await self.read(migrate.pending(self.dialect, migrate.load(self.dialect)))

    async def close(self) -> None:
        await self._pool.close()

    async def _run(self, steps: Steps[T], *, transaction: bool, per_statement: float | None = None) -> T:
        try:
            first = next(steps)
            transaction = transaction and not first.last
            connection = await self._pool.acquire()
            try:
                if transaction:
                    await _command(connection, "begin isolation level read committed")
                value = await _drive(connection, steps, first, per_statement)
                if transaction:
                    await _command(connection, "commit")
            except BaseException as error:
                if transaction or isinstance(error, StoreUnavailable) or not isinstance(error, Exception):
                    await _clean(connection)
                raise
            finally:
                self._pool.release(connection)
        except StopIteration as end:  # no statement at all
            value = end.value
        finally:
            steps.close()
        return value


class _Pool:
    """At most `size` connections, the last one used first; those who wait are served in order."""

    def __init__(
        self, connect: Callable[[], Awaitable[asyncpg.Connection]], size: int, bound: int, patience: float
    ) -> None:
        self._connect = connect
        self._size = size
        self._bound = bound
        self._patience = patience
        self._slots = asyncio.Semaphore(size)
        self._waiting = 0
        self._idle: list[tuple[asyncpg.Connection, float]] = []
        self._clock = asyncio.get_running_loop().time
        self._closed = False

    async def acquire(self) -> asyncpg.Connection:
        """A connection to give back with `release`. Raises StoreUnavailable."""
        if self._closed:
            raise StoreUnavailable("The store is closed.")
        if self._slots.locked():
            await self._wait()
        else:
            await self._slots.acquire()
        try:
            while self._idle:
                connection, since = self._idle.pop()
                if not connection.is_closed():
                    if self._clock() - since < _IDLE:
                        return connection
                    connection.terminate()
            return await self._connect()
        except BaseException:
            self._slots.release()
            raise

    async def _wait(self) -> None:
        if self._waiting >= self._bound:
            raise StoreUnavailable(f"The database is too far behind: {self._bound} scripts wait already.")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                await self._slots.acquire()
        except TimeoutError:
            raise StoreUnavailable(f"All {self._size} database connections are busy.") from None
        finally:
            self._waiting -= 1

    def release(self, connection: asyncpg.Connection) -> None:
        if not connection.is_closed():
            self._idle.append((connection, self._clock()))
        self._slots.release()

    async def close(self) -> None:
        """Let in nobody else, wait for those inside, say goodbye to the server."""
        if self._closed:
            return
        self._closed = True
        for _ in range(self._size):
            await self._slots.acquire()
        for connection, _ in self._idle:
            try:
                await connection.close(timeout=_GOODBYE)
            except _ENGINE_ERRORS:
                connection.terminate()


async def _drive(
    connection: asyncpg.Connection, steps: Steps[T], statement: Statement, per_statement: float | None
) -> T:
    while True:
        args = plain(statement.args)
        try:
            rows: Sequence[Row] = await connection.fetch(statement.sql, *args, timeout=per_statement)
        except _ENGINE_ERRORS as error:
            _translate(connection, error)
        try:
            following = steps.send(rows)
        except StopIteration as end:
            value: T = end.value
            return value
        if statement.last:
            raise RuntimeError("a script went on after its last statement")
        statement = following


async def _command(connection: asyncpg.Connection, sql: str) -> None:
    try:
        await connection.execute(sql)
    except _ENGINE_ERRORS as error:
        _translate(connection, error)


async def _clean(connection: asyncpg.Connection) -> None:
    """Leave no transaction behind, and no statement that still runs; drop the connection if that takes too long."""
    if connection.is_closed():
        return
    try:
        # asyncpg waits here until the server has given up a statement that timed out or was cancelled.
        await connection.execute("rollback", timeout=_GOODBYE)
    except BaseException as error:
        connection.terminate()
        if not isinstance(error, _ENGINE_ERRORS):
            raise


def _translate(connection: asyncpg.Connection, error: Exception) -> NoReturn:
    if isinstance(error, asyncpg.DataError):
        # Its message quotes the parameter; which one it was is all that may be told.
        place = re.search(r"\$\d+", str(error))
        raise ValueError(f"parameter {place[0] if place else ''} does not fit its column's type") from None
    if isinstance(error, asyncpg.UniqueViolationError):
        raise Conflict(error.constraint_name) from error
    lost = connection.is_closed() or isinstance(error, OSError | asyncpg.InternalClientError)
    if lost or _reason(error) is not None:
        raise _unavailable(error) from error
    raise error


def _reason(error: Exception) -> str | None:
    """Why the server cannot serve; None when it can, and refuses this one statement."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, asyncpg.InvalidCachedStatementError):
        return "the schema has just changed; try again"
    state = getattr(error, "sqlstate", None) or ""
    return _UNAVAILABLE.get(state) or _UNAVAILABLE.get(state[:2])


def _unavailable(error: Exception) -> StoreUnavailable:
    detail = str(error.args[0]) if isinstance(error, asyncpg.PostgresError) and error.args else str(error)
    text = "PostgreSQL cannot serve: " + (_reason(error) or "the connection failed")
    return StoreUnavailable(f"{text} ({detail})." if detail else f"{text}.")
