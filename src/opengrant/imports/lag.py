"""The lag of the event loop: how long other work of this process waits, such as requests, while rows are verified.

With more rows at once than the processor can do, they only queue, and requests queue with them. So the number follows
the lag: fewer when it is long, more when it is short.
"""

import asyncio
from dataclasses import dataclass

_EVERY = 0.02
_LONG = 0.006
"""Seconds."""
_LEAST = 32


@dataclass(slots=True)
class Lag:
    """most: rows at once as long as the lag is short. now: rows at once at this moment."""

    most: int
    now: float = 0
    _task: "asyncio.Task[None] | None" = None

    def watch(self) -> None:
        """Until `rest`."""
        if self._task is None:
            self.now = float(min(_LEAST, self.most))
            self._task = asyncio.create_task(self._watch())

    def rest(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _watch(self) -> None:
        loop, least = asyncio.get_running_loop(), min(_LEAST, self.most)
        while True:
            until = loop.time() + _EVERY
            await asyncio.sleep(_EVERY)
            if loop.time() - until > _LONG:
                self.now = max(self.now * 0.9, least)
            else:
                self.now = min(self.now + 1, self.most)
