"""Many calls as one."""

import asyncio
from collections.abc import Sequence

from opengrant.imports.together import Together


async def double(numbers: Sequence[int]) -> list[int | BaseException]:
    return [ValueError("odd") if number % 2 else number * 2 for number in numbers]


async def test_each_call_has_its_own_result() -> None:
    calls = Together(double, most=3, rest=0)
    results = await asyncio.gather(*(calls(number) for number in range(8)), return_exceptions=True)
    assert [result if isinstance(result, int) else str(result) for result in results] == [
        *(0, "odd", 4, "odd", 8, "odd", 12, "odd"),
    ]


async def test_other_work_has_its_turn_before_all_calls_have_gone_on() -> None:
    calls = Together(double, most=500, rest=0)
    tasks = [asyncio.create_task(calls(number)) for number in range(0, 400, 2)]
    seen = list[int]()
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0)
        seen.append(sum(task.done() for task in tasks))
    went_on = [after - before for before, after in zip([0, *seen], seen, strict=False)]
    assert max(went_on) < 20
    assert sum(went_on) == 200
