"""A deadline that counts only the time in which this process runs.

After a stop (SIGSTOP, a paused container, a suspended machine) every timer of a process is due, while its sockets hold
answers that arrived meanwhile. An answer that may be the only copy of a new credential must be read first.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

GRACE = 5.0
"""Seconds added, once, after a stop of the process."""
_STEP = 1.0
"""Seconds between two checks of the clock. A longer stop counts as this much."""
_LATE = 0.25
"""A check that is later than this many seconds shows that the process stood still."""


@contextlib.asynccontextmanager
async def running_time(seconds: float) -> AsyncIterator[None]:
    """As asyncio.timeout, without the time in which this process is stopped. Raises TimeoutError.

    The number of checks is fixed, so it ends even if each of them is late.
    """
    async with asyncio.timeout(None) as timeout:
        checks = _Checks(timeout, seconds)
        try:
            yield
        finally:
            checks.end()


class _Checks:
    def __init__(self, timeout: asyncio.Timeout, seconds: float) -> None:
        self._loop, self._timeout = asyncio.get_running_loop(), timeout
        self._left, self._grace, self._stood_still = max(seconds, 0.001), GRACE, False
        self._next()

    def _next(self) -> None:
        self._wait = min(_STEP, self._left)
        self._due = time.monotonic() + self._wait
        self._handle = self._loop.call_later(self._wait, self._check)

    def _check(self) -> None:
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
