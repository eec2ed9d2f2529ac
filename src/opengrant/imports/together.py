"""Many calls as one: those that come while one is handled form the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")

_RESUMED_AT_ONCE = 4
"""Calls that go on in the same turn of the event loop. Hundreds would keep requests waiting until all have gone on."""


class Together(Generic[A, B]):
    """Hands the arguments of up to `most` calls over at once.

    handle  returns a result or an exception for each, in order
    rest    seconds from the first call until it is handled, so that more come together
    """

    def __init__(
        self, handle: Callable[[Sequence[A]], Awaitable[Sequence[B | BaseException]]], *, most: int, rest: float
    ) -> None:
        self._handle, self._most, self._rest = handle, most, rest
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, argument: A) -> B:
        future: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self._waiting.append((argument, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                if len(self._waiting) < self._most:
                    await asyncio.sleep(self._rest)
                some, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                try:
                    results = await self._handle([argument for argument, _ in some])
                except Exception as problem:  # noqa: BLE001 -- it is the callers'
                    results = [problem] * len(some)
                await _resume([future for _, future in some], results)
        finally:
            self._task = None


async def _resume(futures: Sequence[asyncio.Future[B]], results: Sequence[B | BaseException]) -> None:
    for number, (future, result) in enumerate(zip(futures, results, strict=True), 1):
        if not future.done():
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        if number % _RESUMED_AT_ONCE == 0:
            await asyncio.sleep(0)
