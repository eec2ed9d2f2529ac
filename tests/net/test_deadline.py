"""net/deadline.py: a process that stands still gets its time back, once."""

import asyncio
import time

import pytest

from opengrant.net.deadline import RunningTimer


def stand_still() -> None:
    """Nothing else of this process's loop runs meanwhile."""
    time.sleep(0.5)


class Alarm:
    """A timer of a tenth of a second."""

    def __init__(self) -> None:
        self.rang = asyncio.Event()
        self.timer = RunningTimer(asyncio.get_running_loop(), 0.1, self.rang.set)


async def test_time_in_which_nothing_runs_does_not_count() -> None:
    alarm = Alarm()
    stand_still()
    await asyncio.sleep(0.2)
    assert not alarm.rang.is_set()
    alarm.timer.cancel()


async def test_it_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opengrant.net.deadline.GRACE", 0.2)
    alarm = Alarm()
    stand_still()
    await alarm.rang.wait()


async def test_it_ends_in_time_where_the_process_runs() -> None:
    await Alarm().rang.wait()


async def test_it_does_not_ring_once_it_is_cancelled() -> None:
    alarm, later = Alarm(), Alarm()
    alarm.timer.cancel()
    await later.rang.wait()
    assert not alarm.rang.is_set()
