"""net/deadline.py: a process that stands still gets its time back, once."""

import asyncio
import time

import pytest

from opengrant.net.deadline import running_time


def stand_still() -> None:
    """Nothing else of this process's loop runs meanwhile."""
    time.sleep(0.5)


async def test_time_in_which_nothing_runs_does_not_count() -> None:
    async with running_time(0.1):
        stand_still()
        await asyncio.sleep(0.2)


async def test_it_ends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opengrant.net.deadline.GRACE", 0.2)
    with pytest.raises(TimeoutError):
        await wait_for_ever(standing_still=True)


async def test_it_ends_in_time_where_the_process_runs() -> None:
    with pytest.raises(TimeoutError):
        await wait_for_ever(standing_still=False)


async def wait_for_ever(*, standing_still: bool) -> None:
    async with running_time(0.1):
        if standing_still:
            stand_still()
        await asyncio.Event().wait()
