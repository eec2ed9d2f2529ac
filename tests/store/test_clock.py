"""The clock that nodes share, and what is written without waiting for the disk."""

import asyncio
import time

import pytest

from opengrant.model import SECOND, now
from opengrant.operations.clock_steps import rows_ahead
from opengrant.store.connectors.connectors import next_number
from opengrant.store.engine.clock import DatabaseClock, agreed_clock
from opengrant.store.engine.port import Dialect, Statement, Steps, Store
from tests.store.conftest import Target


def set_clock(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    wall = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: wall() + seconds * 1_000_000_000)


async def test_a_machine_whose_clock_is_off_tells_the_databases_time(
    postgres_target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, right = await postgres_target.open(), now()
    set_clock(monkeypatch, 600)
    async with agreed_clock(store) as clock:
        assert abs(clock() - right) < 30 * SECOND
        set_clock(monkeypatch, -3600)
        assert abs(clock() - right) < 30 * SECOND
    await store.close()


async def test_a_machine_that_lost_ticks_asks_the_database_at_once(
    postgres_target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a virtual machine that was stopped for an hour, and whose wall clock is right again."""
    store = await postgres_target.open()
    clock = await DatabaseClock.open(store)
    ticks = time.clock_gettime_ns
    monkeypatch.setattr(time, "clock_gettime_ns", lambda which: ticks(which) - 3600 * 1_000_000_000)
    keeping = asyncio.create_task(clock.keep())
    async with asyncio.timeout(30):
        while abs(clock() - now()) > 30 * SECOND:  # noqa: ASYNC110 - what is waited for is the clock
            await asyncio.sleep(0.01)
    keeping.cancel()
    await asyncio.wait([keeping])
    await store.close()


async def test_numbers_rise_and_what_is_written_soon_is_seen_at_once(store: Store) -> None:
    await store.migrate()
    numbers = await asyncio.gather(*(store.write_soon(next_number(store.dialect)) for _ in range(50)))
    assert sorted(numbers) == list(range(1, 51))
    assert await store.write(next_number(store.dialect)) == 51
    assert await rows_ahead(store) == {}
    if store.dialect is Dialect.SQLITE:
        assert await store.write(synchronous()) == 2  # full: whatever comes next waits for the disk


async def test_numbers_are_one_row_for_all_processes(target: Target) -> None:
    stores = [await target.open() for _ in range(2)]
    await stores[0].migrate()
    numbers = [await stores[turn % 2].write_soon(next_number(stores[0].dialect)) for turn in range(6)]
    assert numbers == [1, 2, 3, 4, 5, 6]
    for store in stores:
        await store.close()


def synchronous() -> Steps[int]:
    rows = yield Statement("pragma synchronous")
    return int(rows[0][0])
