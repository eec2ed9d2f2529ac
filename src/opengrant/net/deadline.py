"""A deadline that counts only the time in which this process runs.

A process that was stopped (SIGSTOP, a paused container, a suspended machine) finds every timer due when it goes on,
and in its sockets what came meanwhile. Where that may be the only copy of a new credential, it must be read first.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

GRACE = 5.0
"""Seconds that are added, once, when the process was found to have stood still."""
_STEP = 1.0
"""Seconds between two looks at the clock: of a longer stop, no more than this counts."""
_LATE = 0.25
"""Seconds that a look may come late before the process counts as having stood still."""


@contextlib.asynccontextmanager
async def running_time(seconds: float) -> AsyncIterator[None]:
    """As asyncio.timeout, but for stops of this process. Raises TimeoutError.

    However late the looks come, there are only so many: it ends while the process runs at all.
    """
    async with asyncio.timeout(None) as timeout:
        looks = _Looks(timeout, seconds)
        try:
            yield
        finally:
            looks.end()


class _Looks:
    def __init__(self, timeout: asyncio.Timeout, seconds: float) -> None:
        self._loop, self._timeout = asyncio.get_running_loop(), timeout
        self._left, self._grace, self._stood_still = max(seconds, 0.001), GRACE, False
        self._next()

    def _next(self) -> None:
        self._wait = min(_STEP, self._left)
        self._due = time.monotonic() + self._wait
        self._handle = self._loop.call_later(self._wait, self._look)

    def _look(self) -> None:
        self._left -= self._wait
        self._stood_still = self._stood_still or time.monotonic() - self._due > _LATE
        if self._left <= 0 and self._stood_still:
            self._left, self._grace = self._grace, 0.0
        if self._left > 0:
            self._next()
        else:
            self._timeout.reschedule(self._loop.time())

    def end(self) -> None:
        self._handle.cancel()
