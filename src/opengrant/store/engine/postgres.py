"""PostgreSQL as a Store: asyncpg connections, prepared statements, one round trip where possible.

A script whose first statement is `last` runs without an explicit transaction. Other scripts run between BEGIN and
COMMIT at READ COMMITTED.

Every request uses the pool, so it is ours: a queue and a stack of connections cost half the CPU of asyncpg's pool,
which wraps each connection in a proxy and releases it in a task. Scripts cannot leave session state (they yield plain
statements), so a connection needs no reset.
"""

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from math import inf
from typing import NamedTuple, NoReturn, Self, TypeVar

import asyncpg

from opengrant.store.engine import migrate
from opengrant.store.engine.parameters import plain
from opengrant.store.engine.port import Conflict, Dialect, Row, Statement, Steps, StoreUnavailable

T = TypeVar("T")

_IDLE = 300.0
"""Seconds after which an idle connection is closed: a firewall may have dropped it silently."""
_GOODBYE = 5.0
"""Seconds for a rollback or an orderly close; after that the connection is dropped, which has the same effect."""
_MIGRATION = 3600.0
"""Seconds for one statement of a migration, including the wait for another node's lock."""

# First two characters of the SQLSTATE, or all five: the server cannot serve any statement.
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
"""Exceptions of asyncpg; OSError covers TimeoutError and TLS errors."""


class PostgresStore:
    """Fills the Store protocol; for the event loop that opened it. Make one with `open`.

    A script runs at most once: a generator cannot be restarted. So a serialization failure or a deadlock raises
    StoreUnavailable, and the caller may send a new script. If the connection is lost during COMMIT, the script may or
    may not be committed: query before a retry.

    A script whose task is cancelled is rolled back, unless the server is committing it already.
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
        """Connect once, as a check.

        url              `postgresql://user:password@host:port/database?sslmode=…`, as libpq understands it
        pool             most connections
        bound            most scripts that wait for a connection; more are refused
        acquire_timeout  longest wait for a connection
        command_timeout  longest time for one statement
        Raises StoreUnavailable; ValueError if the URL is not valid.
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
                # Not chained and not quoted: the message may contain the URL with its password.
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

    async def write_many(self, steps: Steps[T]) -> T:
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
    """At most `size` connections, the last one used first; those who wait are served in order.

    All wait equally long, so one timer does for them, and a wait costs half of what it does with a semaphore and a
    deadline of its own: under load each request waits for each of its scripts.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[asyncpg.Connection]], size: int, bound: int, patience: float
    ) -> None:
        self._connect = connect
        self._size = size
        self._bound = bound
        self._patience = patience
        self._free = size
        self._waiting: deque[_Waiter] = deque()
        self._idle: list[tuple[asyncpg.Connection, float]] = []
        self._loop = asyncio.get_running_loop()
        self._clock = self._loop.time
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def acquire(self) -> asyncpg.Connection:
        """A connection; return it with `release`. Raises StoreUnavailable."""
        if self._closed:
            raise StoreUnavailable("The store is closed.")
        await self._enter(self._clock() + self._patience)
        try:
            while self._idle:
                connection, since = self._idle.pop()
                if not connection.is_closed():
                    if self._clock() - since < _IDLE:
                        return connection
                    connection.terminate()
            return await self._connect()
        except BaseException:
            self._leave()
            raise

    async def _enter(self, until: float) -> None:
        if self._free:
            self._free -= 1
            return
        if len(self._waiting) >= self._bound and until < inf:
            raise StoreUnavailable(f"The database is too far behind: {self._bound} scripts wait already.")
        waiter = _Waiter(self._loop.create_future(), until)
        self._waiting.append(waiter)
        if self._timer is None and until < inf:
            self._timer = self._loop.call_at(until, self._expire)
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter.turn.cancelled():
                with suppress(ValueError):  # it was passed over already
                    self._waiting.remove(waiter)
            elif waiter.turn.exception() is None:
                self._leave()  # its turn came as it was cancelled
            raise

    def _leave(self) -> None:
        """To the next who waits."""
        while self._waiting:
            turn = self._waiting.popleft().turn
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _expire(self) -> None:
        while self._waiting and self._waiting[0].until <= self._clock():
            turn = self._waiting.popleft().turn
            if not turn.done():
                turn.set_exception(StoreUnavailable(f"All {self._size} database connections are busy."))
        first = self._waiting[0].until if self._waiting else inf
        self._timer = None if first == inf else self._loop.call_at(first, self._expire)

    def release(self, connection: asyncpg.Connection) -> None:
        if not connection.is_closed():
            self._idle.append((connection, self._clock()))
        self._leave()

    async def close(self) -> None:
        """Refuse new scripts, wait for the running ones, close the connections."""
        if self._closed:
            return
        self._closed = True
        for _ in range(self._size):
            await self._enter(inf)
        if self._timer is not None:
            self._timer.cancel()
        for connection, _ in self._idle:
            try:
                await connection.close(timeout=_GOODBYE)
            except _ENGINE_ERRORS:
                connection.terminate()


class _Waiter(NamedTuple):
    """turn: done when a connection may be taken. until: when it is given up, by the loop's clock."""

    turn: asyncio.Future[None]
    until: float


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
    """End the transaction and any running statement; drop the connection if that takes too long."""
    if connection.is_closed():
        return
    try:
        # asyncpg waits here until the server has stopped a statement that timed out or was cancelled.
        await connection.execute("rollback", timeout=_GOODBYE)
    except BaseException as error:
        connection.terminate()
        if not isinstance(error, _ENGINE_ERRORS):
            raise


def _translate(connection: asyncpg.Connection, error: Exception) -> NoReturn:
    if isinstance(error, asyncpg.DataError):
        # Its message quotes the parameter's value; ours may only name its position.
        place = re.search(r"\$\d+", str(error))
        raise ValueError(f"parameter {place[0] if place else ''} does not fit its column's type") from None
    if isinstance(error, asyncpg.UniqueViolationError):
        raise Conflict(error.constraint_name) from error
    lost = connection.is_closed() or isinstance(error, OSError | asyncpg.InternalClientError)
    if lost or _reason(error) is not None:
        raise _unavailable(error) from error
    raise error


def _reason(error: Exception) -> str | None:
    """Why the server cannot serve; None if only this statement is wrong."""
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
