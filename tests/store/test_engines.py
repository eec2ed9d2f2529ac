"""The store port, as both engines fill it."""

import asyncio
import contextlib
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextvars import ContextVar
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opengrant.store.engine.open import open_store
from opengrant.store.engine.port import Conflict, Row, Statement, Steps, Store, StoreUnavailable
from opengrant.store.engine.postgres import PostgresStore
from opengrant.store.engine.sqlite import SqliteStore
from tests.store.conftest import Target, somebody_waits

CREATE = "create table items (id text not null primary key, number bigint, data bytea)"
INSERT = "insert into items (id, number, data) values ($1, $2, $3)"

SENDER: ContextVar[str] = ContextVar("sender", default="nobody")


def run(sql: str, *args: Any) -> Steps[Sequence[Row]]:
    return (yield Statement(sql, args))


def insert(name: str, number: int = 0) -> Steps[None]:
    yield Statement(INSERT, (name, number, None))


def insert_then(name: str, then: Callable[[], object]) -> Steps[None]:
    yield Statement(INSERT, (name, 0, None))
    then()


def fail() -> None:
    raise LookupError("the script's own")


async def names(store: Store) -> list[str]:
    return [row[0] for row in await store.read(run("select id from items order by id"))]


@pytest.fixture
async def items(store: Store) -> Store:
    await store.write(run(CREATE))
    return store


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("number", "data"), [(0, b""), (-(2**63), b"\x00\xff"), (2**63 - 1, bytes(range(256))), (None, None), (True, b"1")]
)
@pytest.mark.parametrize("text", ["", "plain", "ünï\u2028 🜁 \U0010ffff", "'; drop table items; --", "$1", Colour.RED])
async def test_what_goes_in_comes_out(items: Store, text: str, number: int | None, data: bytes | None) -> None:
    await items.write(run(INSERT, text, number, data))
    row = (await items.read(run("select id, number, data from items")))[0]
    assert list(row) == [text, number, data]
    assert [type(value) for value in row] == [
        str,
        type(None) if number is None else int,
        type(None) if data is None else bytes,
    ]


async def test_parameters_are_counted_by_their_number_and_not_by_their_place(items: Store) -> None:
    await items.write(run("insert into items (number, id, data) values ($2, $1, $3)", "first", 2, b"third"))
    rows = await items.read(run("select id, number from items where number = $2 and id = $1", "first", 2))
    assert [list(row) for row in rows] == [["first", 2]]


async def test_one_parameter_may_stand_in_several_places(items: Store) -> None:
    await items.write(run("insert into items (id, number) values ($2, $1), ('double', $1 * 2)", 7, "once"))
    assert await names(items) == ["double", "once"]
    rows = await items.read(run("select id from items where number = $1 or (number > $1 and id = $2)", 7, "double"))
    assert len(rows) == 2


async def test_a_statement_may_have_more_than_a_hundred_parameters(items: Store) -> None:
    places = ", ".join(f"(${n}, {n})" for n in range(1, 151))
    await items.write(run(f"insert into items (id, number) values {places}", *(f"{n:03}" for n in range(1, 151))))
    assert await names(items) == [f"{n:03}" for n in range(1, 151)]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("a\0b", ValueError),
        ("secret\ud800", ValueError),
        (2**63, ValueError),
        (-(2**63) - 1, ValueError),
        (1.5, TypeError),
        (bytearray(b"x"), TypeError),
    ],
)
async def test_what_one_engine_could_not_keep_is_refused_by_both_without_being_quoted(
    items: Store, value: object, kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught:
        await items.write(run("insert into items (number, id) values ($1, $2)", 1, value))
    assert type(caught.value) is kind
    assert "$2" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert await names(items) == []


async def test_a_script_gets_rows_for_each_statement_and_returns_what_it_likes(items: Store) -> None:
    def script() -> Steps[tuple[int, list[int]]]:
        written = yield Statement("insert into items (id, number) values ($1, $2), ($3, $4)", ("a", 1, "b", 2))
        returned = yield Statement("update items set number = number * 10 returning number")
        return len(written), sorted(row[0] for row in returned)

    assert await items.write(script()) == (0, [10, 20])


async def test_a_script_without_statements_returns_its_value(store: Store) -> None:
    def script() -> Steps[str]:
        return "nothing to do"
        yield

    assert await store.read(script()) == await store.write(script()) == "nothing to do"


async def test_a_script_sees_the_context_of_whoever_sent_it(items: Store) -> None:
    """Also where another thread runs it, together with others."""

    def signed() -> Steps[None]:
        yield from insert(SENDER.get())

    async def send(name: str) -> None:
        SENDER.set(name)
        await items.write(signed())

    await asyncio.gather(*(send(name) for name in "abc"))
    assert await names(items) == ["a", "b", "c"]


async def test_a_write_is_seen_by_the_next_read(items: Store) -> None:
    async def write_and_look(number: int) -> bool:
        await items.write(insert(f"{number}", number))
        return bool(await items.read(run("select 1 from items where id = $1", f"{number}")))

    assert all(await asyncio.gather(*(write_and_look(number) for number in range(100))))


async def test_two_hundred_writers_lose_no_update(items: Store) -> None:
    def raise_by_one() -> Steps[None]:
        yield Statement("update items set number = number + 1 where id = 'counter'")
        yield Statement("select 1")

    await items.write(insert("counter"))
    await asyncio.gather(*(items.write(raise_by_one()) for _ in range(200)))
    assert (await items.read(run("select number from items")))[0][0] == 200


async def test_an_exception_in_a_script_is_its_senders_and_undoes_the_script(items: Store) -> None:
    with pytest.raises(LookupError, match="the script's own"):
        await items.write(insert_then("undone", fail))
    with pytest.raises(LookupError):
        await items.read(insert_nothing_and_fail())
    await items.write(insert("kept"))
    assert await names(items) == ["kept"]


def insert_nothing_and_fail() -> Steps[None]:
    yield Statement("select 1")
    fail()


async def test_a_script_that_fails_leaves_its_neighbours_alone(items: Store) -> None:
    outcomes = await asyncio.gather(
        *(
            items.write(insert_then(f"{number:02}", fail) if number % 3 == 0 else insert(f"{number:02}"))
            for number in range(30)
        ),
        return_exceptions=True,
    )
    assert [isinstance(outcome, LookupError) for outcome in outcomes] == [number % 3 == 0 for number in range(30)]
    assert await names(items) == [f"{number:02}" for number in range(30) if number % 3]


async def test_a_script_of_many_rows_that_fails_leaves_its_neighbours_alone(items: Store) -> None:
    ways = (items.write, items.write_many, items.write_many, items.write_soon)
    outcomes = await asyncio.gather(
        *(
            ways[number % 4](insert_then(f"{number:02}", fail) if number % 3 == 0 else insert(f"{number:02}"))
            for number in range(24)
        ),
        return_exceptions=True,
    )
    assert [isinstance(outcome, LookupError) for outcome in outcomes] == [number % 3 == 0 for number in range(24)]
    assert await names(items) == [f"{number:02}" for number in range(24) if number % 3]


async def test_a_refused_statement_undoes_its_script_and_no_other(items: Store) -> None:
    def twice(name: str) -> Steps[None]:
        yield from insert(f"{name}, first")
        yield from insert("taken")

    await items.write(insert("taken"))
    outcomes = await asyncio.gather(
        items.write(insert("before")), items.write(twice("loser")), items.write(insert("after")), return_exceptions=True
    )
    assert isinstance(outcomes[1], Conflict)
    assert await names(items) == ["after", "before", "taken"]


async def test_a_script_is_closed_when_its_statement_fails(items: Store) -> None:
    closed = threading.Event()

    def script() -> Steps[None]:
        try:
            yield Statement("select nonsense from nowhere")
        finally:
            closed.set()

    for send in (items.read, items.write):
        closed.clear()
        with pytest.raises((sqlite3.OperationalError, asyncpg.UndefinedTableError)):
            await send(script())
        assert closed.is_set()


async def test_nothing_may_follow_the_last_statement(items: Store) -> None:
    def script() -> Steps[None]:
        yield Statement("select 1", last=True)
        yield Statement("select 2")

    for send in (items.read, items.write):
        with pytest.raises(RuntimeError, match="went on"):
            await send(script())


async def test_a_foreign_key_is_enforced(items: Store) -> None:
    await items.write(run("create table parts (item text not null references items (id))"))
    with pytest.raises((sqlite3.IntegrityError, asyncpg.ForeignKeyViolationError)):
        await items.write(run("insert into parts (item) values ($1)", "missing"))


async def test_close_finishes_what_was_queued_and_lets_in_nobody_else(items: Store, target: Target) -> None:
    queued = [asyncio.create_task(items.write(insert(f"{number:02}"))) for number in range(50)]
    await asyncio.sleep(0)  # each of them is inside now
    await items.close()
    await asyncio.gather(*queued)
    for send in (items.read, items.write):
        with pytest.raises(StoreUnavailable, match="closed"):
            await send(run("select 1"))
    again = await target.open()
    assert await names(again) == [f"{number:02}" for number in range(50)]
    await again.close()


async def test_an_acknowledged_write_outlives_a_killed_process(items: Store, target: Target) -> None:
    await items.write(run("create table pairs (name text not null, half integer not null)"))
    acknowledged: set[str] = set()
    for rows in (1, 40, 150):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.store.process", "acknowledge", *target.argv(), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(rows):
            acknowledged.add((await process.stdout.readline()).decode())
        process.kill()
        rest, _ = await process.communicate()
        acknowledged.update(line for line in rest.decode().splitlines(keepends=True) if line.endswith("\n"))
        assert process.returncode == -signal.SIGKILL
    halves = await items.read(run("select name, count(*) from pairs group by name"))
    assert acknowledged <= {f"{name}\n" for name, _ in halves}
    assert {count for _, count in halves} == {2}


def texts() -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=()) | st.sampled_from("\0\ud800\udfff\ufeff'\"\\$1%"), max_size=12)


def test_both_engines_keep_and_refuse_the_same_values(sqlite_target: Target, postgres_target: Target) -> None:
    with asyncio.Runner() as runner:
        stores = [runner.run(target.open()) for target in (sqlite_target, postgres_target)]
        for store in stores:
            runner.run(store.write(run(CREATE)))

        async def outcome(store: Store, args: tuple[Any, ...]) -> object:
            def script() -> Steps[list[Any]]:
                yield Statement("delete from items")
                yield Statement("insert into items (data, id, number) values ($3, $1, $2)", args)
                rows = yield Statement("select id, number, data from items where id = $1", args[:1])
                return [list(row) for row in rows]

            try:
                return await store.write(script())
            except (ValueError, TypeError) as error:
                return type(error), str(error)

        @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(texts(), st.none() | st.booleans() | st.integers(-(2**65), 2**65), st.none() | st.binary(max_size=40))
        def agree(text: str, number: int | None, data: bytes | None) -> None:
            on_sqlite, on_postgres = (runner.run(outcome(store, (text, number, data))) for store in stores)
            assert on_sqlite == on_postgres

        agree()
        for store in stores:
            runner.run(store.close())


# SQLite: the writer thread


class Gate:
    """Holds the thread that runs a script, until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._opened = threading.Event()

    def hold(self) -> None:
        self.reached.set()
        assert self._opened.wait(timeout=30)

    def open(self) -> None:
        self._opened.set()

    async def held(self) -> None:
        assert await asyncio.to_thread(self.reached.wait, 30)


@pytest.fixture
async def small(sqlite_target: Target) -> AsyncIterator[SqliteStore]:
    """An SQLite store where three may wait, with a table."""
    store = await SqliteStore.open(
        sqlite_target.sqlite_path, readers=1, bound=3, busy_timeout=timedelta(milliseconds=200)
    )
    await store.write(run(CREATE))
    yield store
    await store.close()


async def test_writes_that_wait_together_are_committed_together(sqlite_target: Target) -> None:
    store = await SqliteStore.open(sqlite_target.sqlite_path)
    await store.write(run(CREATE))
    gate = Gate()
    first = asyncio.create_task(store.write(insert_then("first", gate.hold)))
    await gate.held()
    before = store.commits
    behind = [
        asyncio.create_task(store.write(insert_then(f"{number}", fail) if number == 50 else insert(f"{number}")))
        for number in range(100)
    ]
    await asyncio.sleep(0)
    gate.open()
    outcomes = await asyncio.gather(first, *behind, return_exceptions=True)
    assert store.commits - before == 2
    assert sum(isinstance(outcome, LookupError) for outcome in outcomes) == 1
    assert len(await names(store)) == 100
    await store.close()


async def test_scripts_of_many_rows_have_a_commit_each_and_results_before_the_next(sqlite_target: Target) -> None:
    store = await SqliteStore.open(sqlite_target.sqlite_path)
    await store.write(run(CREATE))
    gate, second = Gate(), Gate()
    first = asyncio.create_task(store.write(insert_then("first", gate.hold)))
    await gate.held()
    before = store.commits
    behind = [
        asyncio.create_task(write)
        for write in (
            *(store.write(insert(f"small, {number}")) for number in range(3)),
            store.write_many(insert("many")),
            store.write_many(insert_then("many, too", second.hold)),
            *(store.write(insert(f"later, {number}")) for number in range(3)),
        )
    ]
    await asyncio.sleep(0)
    gate.open()
    await second.held()
    await asyncio.gather(first, *behind[:4])
    assert not any(task.done() for task in behind[4:])
    second.open()
    await asyncio.gather(*behind)
    assert store.commits - before == 5
    await store.close()


@pytest.mark.parametrize("way", ["read", "write"])
async def test_a_full_queue_refuses_clearly_and_recovers(small: SqliteStore, way: str) -> None:
    send: Callable[[Steps[Any]], Any] = getattr(small, way)
    gate = Gate()

    def held() -> Steps[None]:
        yield Statement("select 1")
        gate.hold()

    first = asyncio.create_task(send(held()))
    await gate.held()
    queued = [asyncio.create_task(send(run("select 2"))) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="3 scripts wait already"):
        await send(run("select 3"))
    gate.open()
    await asyncio.gather(first, *queued)
    assert list((await send(run("select 4")))[0]) == [4]


async def test_a_write_cancelled_in_the_queue_never_starts(small: SqliteStore) -> None:
    gate = Gate()
    first = asyncio.create_task(small.write(insert_then("first", gate.hold)))
    await gate.held()
    behind = asyncio.create_task(small.write(insert("cancelled")))
    await asyncio.sleep(0)
    behind.cancel()
    with pytest.raises(asyncio.CancelledError):
        await behind
    gate.open()
    await first
    await small.write(insert("next"))
    assert await names(small) == ["first", "next"]


async def test_a_write_cancelled_after_it_started_runs_to_its_end(small: SqliteStore) -> None:
    gate = Gate()

    def script() -> Steps[None]:
        yield from insert_then("one half", gate.hold)
        yield from insert("other half")

    started = asyncio.create_task(small.write(script()))
    await gate.held()
    started.cancel()
    with pytest.raises(asyncio.CancelledError):
        await started
    gate.open()
    await small.write(insert("next"))
    assert await names(small) == ["next", "one half", "other half"]


async def test_a_store_closed_while_its_writer_is_busy_writes_what_waits_and_ends(sqlite_target: Target) -> None:
    store = await SqliteStore.open(sqlite_target.sqlite_path)
    await store.write(run(CREATE))
    gate = Gate()
    accepted = [asyncio.create_task(store.write(insert_then("first", gate.hold)))]
    await gate.held()
    closing = asyncio.create_task(store.close())
    while True:  # knock until nobody is let in any more
        knock = asyncio.create_task(store.write(insert(f"{len(accepted):05}")))
        await asyncio.sleep(0.001)
        if knock.done():
            break
        accepted.append(knock)
    assert isinstance(knock.exception(), StoreUnavailable)
    gate.open()
    await asyncio.gather(closing, *accepted)
    again = await SqliteStore.open(sqlite_target.sqlite_path)
    assert len(await names(again)) == len(accepted)
    await again.close()


async def test_a_store_serves_several_event_loops(small: SqliteStore) -> None:
    def from_another_loop() -> None:
        asyncio.run(small.write(insert("other loop")))

    await asyncio.gather(asyncio.to_thread(from_another_loop), small.write(insert("this loop")))
    assert await names(small) == ["other loop", "this loop"]


async def test_a_reader_cannot_write(small: SqliteStore) -> None:
    with pytest.raises(StoreUnavailable, match="read-only"):
        await small.read(insert("by a reader"))


LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("begin immediate")
print("locked", flush=True)
sys.stdin.read()
connection.execute("commit")
"""


@contextlib.contextmanager
def locked_by_another_process(path: Path) -> Any:
    """Yields what lets the lock go."""
    with subprocess.Popen(
        [sys.executable, "-c", LOCK, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process.stdin.close
        process.stdin.close()


async def test_a_lock_of_another_process_is_waited_for(small: SqliteStore, sqlite_target: Target) -> None:
    patient = await SqliteStore.open(sqlite_target.sqlite_path, busy_timeout=timedelta(seconds=30))
    with locked_by_another_process(sqlite_target.sqlite_path) as let_go:
        waiting = asyncio.create_task(patient.write(insert("waited")))
        with pytest.raises(StoreUnavailable, match="locked by another process"):
            await small.write(insert("impatient"))
        assert not waiting.done()
        assert await names(small) == []
        let_go()
        await waiting
    await small.write(insert("now"))
    assert await names(small) == ["now", "waited"]
    await patient.close()


async def test_a_full_disk_fails_the_batch_and_not_the_store(small: SqliteStore) -> None:
    pages = (await small.write(run("pragma page_count")))[0][0]
    await small.write(run(f"pragma max_page_count = {pages + 2}"))
    big = run(INSERT, "big", 1, bytes(100_000))
    with pytest.raises(StoreUnavailable, match="disk is full"):
        await small.write(big)
    await small.write(insert("small"))
    assert await names(small) == ["small"]


async def test_the_database_file_is_its_owners_alone(small: SqliteStore, sqlite_target: Target) -> None:
    await small.write(insert("something"))
    files = list(sqlite_target.sqlite_path.parent.glob("store.db*"))
    assert {file.name for file in files} == {"store.db", "store.db-wal", "store.db-shm"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


async def test_a_file_that_cannot_be_opened_says_which_and_why(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match=r"absent/store\.db cannot be used: No such file or directory"):
        await SqliteStore.open(tmp_path / "absent" / "store.db")
    (tmp_path / "notes.txt").write_text("no database at all, but long enough to be taken for one" * 100)
    with pytest.raises(StoreUnavailable, match=r"notes\.txt is not an SQLite database"):
        await SqliteStore.open(tmp_path / "notes.txt")


# PostgreSQL: connections


@pytest.fixture
async def single(postgres_target: Target) -> AsyncIterator[PostgresStore]:
    """A PostgreSQL store with one connection, that one may wait for, with a table."""
    assert postgres_target.database_url is not None
    store = await PostgresStore.open(
        postgres_target.database_url, pool=1, bound=1, acquire_timeout=timedelta(milliseconds=200)
    )
    await store.write(run(CREATE))
    yield store
    await store.close()


async def test_too_few_connections_are_waited_for_and_then_refused(
    single: PostgresStore, beside: asyncpg.Connection
) -> None:
    await beside.execute("select pg_advisory_lock(1)")
    held = asyncio.create_task(single.write(run("select pg_advisory_xact_lock(1)")))
    await somebody_waits(beside)
    waiting = asyncio.create_task(single.read(run("select 1")))
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="1 scripts wait already"):
        await single.read(run("select 2"))
    with pytest.raises(StoreUnavailable, match="All 1 database connections are busy"):
        await waiting
    await beside.execute("select pg_advisory_unlock(1)")
    await held
    assert list((await single.read(run("select 3")))[0]) == [3]


async def test_of_those_who_wait_for_a_connection_the_cancelled_ones_take_none(
    postgres_target: Target, beside: asyncpg.Connection
) -> None:
    """Cancelled while they wait, and in the moment in which their turn has come."""
    assert postgres_target.database_url is not None
    store = await PostgresStore.open(postgres_target.database_url, pool=2)
    for cancelled in (set[int](), {0}, {1, 2}, {0, 3, 5}, set(range(6))):
        for when in ("waiting", "turn"):
            await beside.execute("select pg_advisory_lock(1)")
            held = [asyncio.create_task(store.write(run("select pg_advisory_xact_lock(1)"))) for _ in range(2)]
            await somebody_waits(beside, backends=2)
            waiting = [asyncio.create_task(store.read(run(f"select {number}"))) for number in range(6)]
            await asyncio.sleep(0)
            if when == "turn":
                await beside.execute("select pg_advisory_unlock(1)")
                await held[0]
            for number in cancelled:
                waiting[number].cancel()
            if when == "waiting":
                await beside.execute("select pg_advisory_unlock(1)")
            await asyncio.gather(*held)
            outcomes = await asyncio.gather(*waiting, return_exceptions=True)
            served = [one for one in outcomes if not isinstance(one, asyncio.CancelledError)]
            assert len(served) >= 6 - len(cancelled)
            assert not any(isinstance(one, BaseException) for one in served)
    # Both connections are still there: two scripts hold them at once.
    await beside.execute("select pg_advisory_lock(1)")
    held = [asyncio.create_task(store.write(run("select pg_advisory_xact_lock(1)"))) for _ in range(2)]
    await somebody_waits(beside, backends=2)
    await beside.execute("select pg_advisory_unlock(1)")
    await asyncio.gather(*held)
    await store.close()


async def test_a_cancelled_write_is_undone_and_its_connection_serves_on(
    single: PostgresStore, beside: asyncpg.Connection
) -> None:
    def script() -> Steps[None]:
        yield from insert("half")
        yield Statement("select pg_advisory_xact_lock(1)")

    await beside.execute("select pg_advisory_lock(1)")
    backend = (await single.read(run("select pg_backend_pid()")))[0][0]
    cancelled = asyncio.create_task(single.write(script()))
    await somebody_waits(beside)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert await names(single) == []
    assert (await single.read(run("select pg_backend_pid()")))[0][0] == backend


async def test_a_statement_that_takes_too_long_is_given_up(postgres_target: Target, beside: asyncpg.Connection) -> None:
    assert postgres_target.database_url is not None
    store = await PostgresStore.open(postgres_target.database_url, pool=1, command_timeout=timedelta(milliseconds=300))
    await beside.execute("select pg_advisory_lock(1)")
    for last in (False, True):
        with pytest.raises(StoreUnavailable, match="no answer in time"):
            await store.write(iter_once("select pg_advisory_lock(1)", last=last))
    async with asyncio.timeout(60):
        # The server hears of it on another connection, and ends the statement a moment later.
        while await beside.fetchval("select count(*) from pg_locks where not granted"):  # noqa: ASYNC110 - it tells nobody here
            await asyncio.sleep(0.01)
        while True:
            with contextlib.suppress(StoreUnavailable):  # 300 ms may be short for anything on a busy machine
                assert list((await store.read(run("select 1")))[0]) == [1]
                break
    await store.close()


def iter_once(sql: str, *, last: bool) -> Steps[None]:
    yield Statement(sql, last=last)


@pytest.mark.parametrize("last", [False, True])
async def test_a_lost_connection_is_reported_and_replaced(
    single: PostgresStore, beside: asyncpg.Connection, last: bool
) -> None:
    await beside.execute("select pg_advisory_lock(1)")
    lost = asyncio.create_task(single.write(iter_once("select pg_advisory_xact_lock(1)", last=last)))
    await somebody_waits(beside)
    # Those of this database alone: other tests' servers use the same PostgreSQL.
    await beside.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'opengrant' and datname = current_database()"
    )
    with pytest.raises(StoreUnavailable, match="PostgreSQL cannot serve"):
        await lost
    assert list((await single.read(run("select 1")))[0]) == [1]


async def test_a_deadlock_is_unavailable_and_not_an_internal_error(
    single: PostgresStore, beside: asyncpg.Connection
) -> None:
    def one_after_the_other() -> Steps[None]:
        yield Statement("update items set number = 1 where id = 'a'")
        yield Statement("update items set number = 1 where id = 'b'")

    await single.write(run("insert into items (id) values ('a'), ('b')"))
    await beside.execute("set deadlock_timeout = '60s'")  # so that the other side notices first
    async with beside.transaction():
        await beside.execute("update items set number = 2 where id = 'b'")
        crossed = asyncio.create_task(single.write(one_after_the_other()))
        await somebody_waits(beside)
        await beside.execute("update items set number = 2 where id = 'a'")
    with pytest.raises(StoreUnavailable, match="waited for each other"):
        await crossed
    assert {row[0] for row in await single.read(run("select number from items"))} == {2}


async def test_a_value_of_the_wrong_type_is_refused_without_being_quoted(single: PostgresStore) -> None:
    with pytest.raises(ValueError, match=r"parameter \$2 does not fit") as caught:
        await single.write(run(INSERT, "id", "private", None))
    assert "private" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_an_unreachable_server_is_unavailable_within_its_deadline() -> None:
    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    url = f"postgresql://user:private@127.0.0.1:{port}/grants"
    async with asyncio.timeout(30):
        with pytest.raises(StoreUnavailable, match="no answer in time"):
            await PostgresStore.open(url, connect_timeout=timedelta(milliseconds=200))
    silent.close()
    await silent.wait_closed()
    with pytest.raises(StoreUnavailable, match="connection failed") as caught:
        await PostgresStore.open(url)
    assert "private" not in str(caught.value)


async def test_a_refused_password_is_unavailable(postgres_target: Target) -> None:
    assert postgres_target.database_url is not None
    wrong = postgres_target.database_url.replace("@", "-wrong@")
    with pytest.raises(StoreUnavailable, match="refused the user or password"):
        await PostgresStore.open(wrong)
    with pytest.raises(StoreUnavailable, match="no such database"):
        await PostgresStore.open(f"{postgres_target.database_url}x")


async def test_a_url_may_say_how_to_use_tls(postgres_target: Target) -> None:
    store = await open_store(database_url=f"{postgres_target.database_url}?sslmode=disable", sqlite_path=Path("unused"))
    assert list((await store.read(run("select 1")))[0]) == [1]
    await store.close()
    with pytest.raises(StoreUnavailable):  # the server of the tests has no certificate
        await open_store(database_url=f"{postgres_target.database_url}?sslmode=require", sqlite_path=Path("unused"))


@pytest.mark.parametrize("url", ["mysql://u:private@h/d", "private", "postgresql://u:private@h:port/d?sslmode=odd"])
async def test_a_url_that_makes_no_sense_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="database URL") as caught:
        await open_store(database_url=url, sqlite_path=Path("unused"))
    assert "private" not in str(caught.value)
    assert caught.value.__cause__ is None
