"""The lag of the event loop: how long other work of this process waits, such as requests, while rows are verified.

With more rows at once than the processor can do, they only queue, and requests queue with them. So the number follows
the lag: fewer when it is long, more when it is short. While requests come, it follows a shorter lag.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

_EVERY = 0.02
_LONG, _LEAST = 0.006, 32
"""Seconds; rows at once, however long the lag is."""
_LONG_FOR_REQUESTS, _LEAST_WITH_REQUESTS = 0.003, 4
_QUIET = 1.0
"""Seconds without a request, and none is expected."""


@dataclass(slots=True)
class Lag:
    """most: rows at once as long as the lag is short. answered: how many requests this process has answered so far.

    now: rows at once at this moment; 0: not known yet
    """

    most: int
    answered: Callable[[], int]
    now: float = 0
    _task: "asyncio.Task[None] | None" = None

    def watch(self) -> None:
        """Until `rest`."""
        if self._task is None:
            self._task = asyncio.create_task(self._watch())

    def rest(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _watch(self) -> None:
        loop, asked = asyncio.get_running_loop(), self.answered()
        self.now, quiet_at = float(min(_LEAST, self.most)), loop.time()
        while True:
            until = loop.time() + _EVERY
            await asyncio.sleep(_EVERY)
            at, before = loop.time(), asked
            asked = self.answered()
            if asked != before:
                quiet_at = at + _QUIET
            requests = at < quiet_at
            least = min(_LEAST_WITH_REQUESTS if requests else _LEAST, self.most)
            if at - until > (_LONG_FOR_REQUESTS if requests else _LONG):
                self.now = max(self.now * 0.9, least)
            else:
                self.now = min(max(self.now, least) + 1, self.most)
