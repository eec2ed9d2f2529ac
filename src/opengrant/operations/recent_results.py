"""Results of queries that several requests share for some seconds."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from opengrant.model import Clock, Micros, is_recent

K = TypeVar("K")
T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class RecentResults(Generic[K, T]):
    """One result for each key. A failed query is not kept."""

    clock: Clock
    keep: Micros
    most: int
    _tasks: "dict[K, tuple[Micros, asyncio.Task[T]]]" = field(default_factory=dict)
    """The start of each query, and its task."""

    async def get(self, key: K, query: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of a recent or running query. The query goes on when a waiting request is cancelled."""
        at = self.clock()
        since, task = self._tasks.get(key, (0, None))
        if task is None or not self._recent(since, at) or _failed(task):
            if len(self._tasks) >= self.most:
                self._tasks = {other: kept for other, kept in self._tasks.items() if self._recent(kept[0], at)}
            task = asyncio.create_task(query())
            self._tasks[key] = (at, task)
        return await asyncio.shield(task)

    def clear(self) -> None:
        self._tasks.clear()

    def _recent(self, since: Micros, at: Micros) -> bool:
        return is_recent(since, within=self.keep, now=at)


def _failed(task: "asyncio.Task[T]") -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
