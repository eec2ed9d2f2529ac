"""SQLite as a Store: one writer thread with group commit, and reader threads.

SQLite has one writer at a time and needs one fsync per commit. So scripts queue for a single thread. It runs all
waiting scripts in one transaction, each in its own savepoint, and commits once: under load many scripts share an fsync,
and a single script is committed at once. For a savepoint, SQLite copies each page before its first change, so a single
script has none, and a script of many rows has a transaction of its own. Readers see committed data (WAL) and never wait
for the writer. Results return in one call per transaction, because waking the event loop is the expensive part.

Several processes may share the file: BEGIN IMMEDIATE takes the write lock first or waits for it, so no transaction
fails later for lack of the lock.
"""

import asyncio
import functools
import itertools
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from datetime import timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Self, TypeVar

from opengrant.store.engine import migrate
from opengrant.store.engine.parameters import plain
from opengrant.store.engine.port import Conflict, Dialect, Steps, StoreUnavailable

T = TypeVar("T")

_WRITE_BATCH = 500
"""Most scripts in one commit: the first of them waits for the last."""
_READ_BATCH = 32
"""Most scripts that one reader takes, so that a slow query delays few others."""

_PLACE = re.compile(r"\$(\d+)")

_NOT_UNIQUE = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})
_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "is locked by another process",
    sqlite3.SQLITE_LOCKED: "is locked by another connection",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full",
    sqlite3.SQLITE_IOERR: "cannot be read or written: input/output error",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened",
    sqlite3.SQLITE_READONLY: "cannot be written: it is read-only",
    sqlite3.SQLITE_PERM: "cannot be opened: permission denied",
    sqlite3.SQLITE_NOMEM: "cannot be used: out of memory",
    sqlite3.SQLITE_PROTOCOL: "is locked by another process",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a backup",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database",
}


class _Job(NamedTuple):
    """A script, the future of its result, and its context.

    durable  its commit waits for the disk
    alone    it shares its transaction with no other
    sorts    it may sort more than fits into memory
    """

    steps: Steps[Any]
    future: asyncio.Future[Any]
    context: Context
    durable: bool = True
    alone: bool = False
    sorts: bool = False


class _Outcome(NamedTuple):
    future: asyncio.Future[Any]
    value: Any
    error: BaseException | None


class SqliteStore:
    """Fills the Store protocol, for any number of event loops. Make one with `open`.

    commits  number of committed transactions; under load far fewer than scripts

    A write whose task is cancelled before it starts is skipped; once started it runs to its end and is committed.
    """

    dialect = Dialect.SQLITE

    def __init__(
        self, path: Path, writer: sqlite3.Connection, readers: Sequence[sqlite3.Connection], bound: int
    ) -> None:
        self.commits = 0
        self._pragmas: dict[str, str] = {}
        """Of the writer's connection, as far as they were set."""
        self._path = path
        self._writes = _Lane("opengrant-writer", [writer], self._commit_together, batch=_WRITE_BATCH, bound=bound)
        self._reads = _Lane("opengrant-reader", readers, self._read_all, batch=_READ_BATCH, bound=bound)

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        readers: int = 1,
        bound: int = 10_000,
        busy_timeout: timedelta = timedelta(seconds=5),
    ) -> Self:
        """Open the file, or create it (0600) in a directory that exists.

        bound         most scripts that wait for the writer, and for the readers; more are refused
        busy_timeout  longest wait for another process that holds the write lock
        Raises StoreUnavailable.
        """

        def connect_all() -> list[sqlite3.Connection]:
            opened: list[sqlite3.Connection] = []
            try:
                _create_private(path)
                opened.extend(_connect(path, busy_timeout, read_only=number > 0) for number in range(1 + readers))
            except (sqlite3.Error, OSError) as error:
                for connection in opened:
                    connection.close()
                raise _unavailable(path, error) from error
            return opened

        writer, *others = await asyncio.to_thread(connect_all)
        return cls(path, writer, others, bound)

    async def read(self, steps: Steps[T]) -> T:
        return await self._reads.run(steps)

    async def write(self, steps: Steps[T]) -> T:
        return await self._writes.run(steps)

    async def write_soon(self, steps: Steps[T]) -> T:
        return await self._writes.run(steps, durable=False)

    async def write_many(self, steps: Steps[T]) -> T:
        return await self._writes.run(steps, alone=True)

    async def migrate(self) -> list[str]:
        async def write(steps: Steps[str | None]) -> str | None:
            return await self._writes.run(steps, alone=True, sorts=True)

        return await migrate.run(write, self.dialect, migrate.load(self.dialect))

    async def pending(self) -> list[str]:
        return await self.read(migrate.pending(self.dialect, migrate.load(self.dialect)))

    async def close(self) -> None:
        # The writer's connection closes last: the last connection moves the WAL into the file.
        await asyncio.to_thread(self._reads.close)
        await asyncio.to_thread(self._writes.close)

    def _read_all(self, connection: sqlite3.Connection, jobs: list[_Job]) -> Iterator[list[_Outcome]]:
        cursor = connection.cursor()
        if len(jobs) == 1:
            yield [self._attempt(cursor, jobs[0])]
            return
        # One snapshot for all, newer than any of the requests: it saves the locks of each.
        cursor.execute("begin")
        try:
            outcomes = [self._attempt(cursor, job) for job in jobs]
        finally:
            cursor.execute("commit")
        yield outcomes

    def _commit_together(self, connection: sqlite3.Connection, jobs: list[_Job]) -> Iterator[list[_Outcome]]:
        """Scripts in their order. The outcomes of a transaction are yielded before the next one begins."""
        for alone, some in itertools.groupby(jobs, key=lambda job: job.alone):
            for together in [[job] for job in some] if alone else [list(some)]:
                yield self._commit(connection, together)

    def _commit(self, connection: sqlite3.Connection, jobs: list[_Job]) -> list[_Outcome]:
        """In one transaction."""
        cursor, one = connection.cursor(), len(jobs) == 1
        outcomes: list[_Outcome] = []
        try:
            # Normal: no sync of the WAL. The next commit with a sync makes all earlier ones durable.
            self._set(cursor, "synchronous", "full" if any(job.durable for job in jobs) else "normal")
            # What undoes a statement is in memory: an insert with triggers changes more pages than SQLite keeps there
            # by itself. What undoes a script may be large, so it goes to a file.
            self._set(cursor, "temp_store", "memory" if one and not jobs[0].sorts else "file")
            cursor.execute("begin immediate")
            for job in jobs:
                if not one:
                    cursor.execute("savepoint script")
                outcome = self._attempt(cursor, job)
                outcomes.append(outcome)
                if outcome.error is not None:
                    if not connection.in_transaction:  # a full disk, for example, ends the whole transaction
                        return _fail(jobs, StoreUnavailable, str(outcome.error))
                    cursor.execute("rollback" if one else "rollback to script")
                if not one:
                    cursor.execute("release script")
            if connection.in_transaction:
                cursor.execute("commit")
                self.commits += 1
        except sqlite3.Error as error:
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    cursor.execute("rollback")
            return _fail(jobs, StoreUnavailable, str(_unavailable(self._path, error)))
        return outcomes

    def _set(self, cursor: sqlite3.Cursor, pragma: str, value: str) -> None:
        if self._pragmas.get(pragma) != value:
            cursor.execute(f"pragma {pragma} = {value}")
            self._pragmas[pragma] = value

    def _attempt(self, cursor: sqlite3.Cursor, job: _Job) -> _Outcome:
        if job.future.cancelled():
            job.steps.close()
            return _Outcome(job.future, None, None)
        try:
            # As on PostgreSQL, a script runs in the context of its caller: the actor, the fields of the log.
            return _Outcome(job.future, job.context.run(_drive, cursor, job.steps), None)
        except sqlite3.Error as error:
            return _Outcome(job.future, None, _translated(self._path, error))
        except BaseException as error:  # noqa: BLE001 - exceptions of a script go to its caller, not to this thread
            return _Outcome(job.future, None, error)


class _Lane:
    """A bounded queue and its threads, each with its own connection."""

    def __init__(
        self,
        name: str,
        connections: Sequence[sqlite3.Connection],
        serve: Callable[[sqlite3.Connection, list[_Job]], Iterator[list[_Outcome]]],
        *,
        batch: int,
        bound: int,
    ) -> None:
        self._serve = serve
        self._batch = batch
        self._bound = bound
        self._closed = False
        self._door = threading.Lock()
        self._queue: SimpleQueue[list[_Job] | None] = SimpleQueue()
        self._queued = 0
        self._arriving: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
        self._threads = [
            threading.Thread(target=self._work, args=(connection,), name=f"{name}-{number}", daemon=True)
            for number, connection in enumerate(connections)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, steps: Steps[T], *, durable: bool = True, alone: bool = False, sorts: bool = False) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        arriving = self._arriving.get(loop)
        if arriving is None:
            # Waking a thread costs more than a small query, so all scripts of one turn of the loop go together.
            arriving = self._arriving[loop] = []
            loop.call_soon(self._hand_over, loop)
        arriving.append(_Job(steps, future, copy_context(), durable, alone, sorts))
        return await future

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        jobs = self._arriving.pop(loop)
        with self._door:  # so that no job is queued after the stop marker
            room = 0 if self._closed else max(0, self._bound - self._queued)
            taken, refused = jobs[:room], jobs[room:]
            self._queued += len(taken)
            for start in range(0, len(taken), self._batch):
                self._queue.put(taken[start : start + self._batch])
        text = (
            "The store is closed."
            if self._closed
            else f"The database is too far behind: {self._bound} scripts wait already."
        )
        _resolve(_fail(refused, StoreUnavailable, text))

    def close(self) -> None:
        """Refuse new scripts, finish the waiting ones, end the threads. Blocks; may be called again."""
        with self._door:
            if not self._closed:
                self._closed = True
                for _ in self._threads:
                    self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self, connection: sqlite3.Connection) -> None:
        try:
            while jobs := self._take():
                try:
                    for outcomes in self._serve(connection, jobs):
                        _deliver(outcomes)
                        # Otherwise the batch with its rows would stay in memory until the next one.
                        del outcomes
                except Exception as bug:  # noqa: BLE001 - a bug of ours must not leave callers waiting
                    # Those that have their results keep them.
                    _deliver(_fail(jobs, RuntimeError, f"the SQLite engine failed: {bug!r}"))
                del jobs
        finally:
            connection.close()

    def _take(self) -> list[_Job]:
        """Wait for scripts, then take the ones after them; empty if the lane is closed and this thread may end."""
        jobs: list[_Job] = []
        arrived = self._queue.get()
        while arrived is not None:
            jobs += arrived
            if len(jobs) >= self._batch:
                break
            try:
                arrived = self._queue.get_nowait()
            except Empty:
                break
        else:
            if jobs:
                self._queue.put(None)  # each thread must see the stop marker with no jobs in hand
        with self._door:
            self._queued -= len(jobs)
        return jobs


def _deliver(outcomes: list[_Outcome]) -> None:
    """Hand each result to its event loop, in one call for each loop."""
    for loop in {future.get_loop() for future, _, _ in outcomes}:
        its_own = [outcome for outcome in outcomes if outcome[0].get_loop() is loop]
        with suppress(RuntimeError):  # the loop is closed, so no task waits
            loop.call_soon_threadsafe(_resolve, its_own)


def _resolve(outcomes: list[_Outcome]) -> None:
    for future, value, error in outcomes:
        if future.done():
            continue
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)


def _drive(cursor: sqlite3.Cursor, steps: Steps[T]) -> T:
    try:
        statement = next(steps)
        while True:
            rows = cursor.execute(_numbered(statement.sql), plain(statement.args)).fetchall()
            following = steps.send(rows)
            if statement.last:
                raise RuntimeError("a script went on after its last statement")
            statement = following
    except StopIteration as end:
        value: T = end.value
        return value
    finally:
        steps.close()


@functools.lru_cache(1024)
def _numbered(sql: str) -> str:
    """The text with `?1` for `$1`.

    SQLite takes `$1` for a name, and a name is looked up for each value; `?1` is a number, and values go in by place.
    """
    return _PLACE.sub(r"?\1", sql)


def _fail(jobs: list[_Job], kind: type[Exception], text: str) -> list[_Outcome]:
    """Fail scripts that changed nothing. Each gets its own error object, because a traceback is added to it."""
    for job in jobs:
        with suppress(Exception):
            job.steps.close()
    return [_Outcome(job.future, None, kind(text)) for job in jobs]


def _create_private(path: Path) -> None:
    """Create the file with mode 0600; SQLite gives -wal and -shm the same mode."""
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        # SQLite syncs the directory only for files that it creates itself.
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _connect(path: Path, busy_timeout: timedelta, *, read_only: bool) -> sqlite3.Connection:
    """A connection for one thread, without implicit transactions."""
    seconds = busy_timeout.total_seconds()
    connection = sqlite3.connect(
        path, timeout=seconds, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        if not read_only:
            _switch_to_wal(connection, deadline=time.monotonic() + seconds)
        connection.execute("pragma synchronous = full")
        connection.execute("pragma foreign_keys = on")
        connection.execute("pragma secure_delete = on")  # overwrites deleted secrets; off in some builds
        connection.execute("pragma trusted_schema = off")
        connection.execute(f"pragma query_only = {int(read_only)}")
        connection.execute(f"pragma cache_size = {-16 * 1024}")  # KiB
        # 16 MB: pages that several commits change are written into the file once, and synced less often.
        connection.execute("pragma wal_autocheckpoint = 4000")
        connection.execute(
            f"pragma journal_size_limit = {64 * 1024 * 1024}"
        )  # the WAL shrinks to it after a long reader
    except BaseException:
        connection.close()
        raise
    return connection


def _switch_to_wal(connection: sqlite3.Connection, *, deadline: float) -> None:
    """Retries, because SQLite ignores its busy timeout here when two processes open a new file at once."""
    while True:
        try:
            (mode,) = connection.execute("pragma journal_mode = wal").fetchone()
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(0.01)
        else:
            if mode != "wal":
                raise sqlite3.OperationalError(f"write-ahead logging is not possible there (journal mode {mode})")
            return


def _code(error: BaseException) -> int:
    """The primary result code; 0 for an error of Python's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _translated(path: Path, error: sqlite3.Error) -> Exception:
    """The port's exception; the engine's own error if the port has none."""
    if getattr(error, "sqlite_errorcode", 0) in _NOT_UNIQUE:
        return Conflict(str(error))  # the message names columns, not values
    return _unavailable(path, error) if _code(error) in _UNAVAILABLE else error


def _unavailable(path: Path, error: sqlite3.Error | OSError) -> StoreUnavailable:
    what = _UNAVAILABLE.get(_code(error)) or f"cannot be used: {getattr(error, 'strerror', None) or error}"
    unavailable = StoreUnavailable(f"The database file {path} {what}.")
    unavailable.__cause__ = error
    return unavailable
