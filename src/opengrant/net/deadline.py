"""A deadline that counts only the time in which this process runs.

After a stop (SIGSTOP, a paused container, a suspended machine) every timer of a process is due, while its sockets hold
answers that arrived meanwhile. An answer that may be the only copy of a new credential must be read first.
"""

import asyncio
import time
from collections.abc import Callable

GRACE = 5.0
"""Seconds added, once, after a stop of the process."""
_STEP = 1.0
"""Seconds between two checks of the clock. A longer stop counts as this much."""
_LATE = 0.25
"""A check that is later than this many seconds shows that the process stood still."""


class RunningTimer:
    """Calls `late` once, `seconds` from now, without the time in which this process is stopped.

    The number of checks is fixed, so it ends even if each of them is late.
    """

    __slots__ = ("_due", "_grace", "_handle", "_late", "_left", "_loop", "_stood_still", "_wait")

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, late: Callable[[], None]) -> None:
        self._loop, self._late = loop, late
        self._left, self._grace, self._stood_still = max(seconds, 0.001), GRACE, False
        self._next()

    def cancel(self) -> None:
        self._handle.cancel()

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
            self._late()
