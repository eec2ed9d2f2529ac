"""Large bodies: a few at a time, because each is in memory several times while it is handled."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from opengrant.api.http.request import Headers
from opengrant.errors import Overloaded

AT_ONCE = 4
"""One of 23 MB took 240 MB while it was sent."""
PATIENCE = 20.0
"""Seconds to wait for a turn. Until then the body is not read."""


class LargeBodies:
    """Built once for a process."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)

    @contextlib.asynccontextmanager
    async def turn(self, headers: Headers, *, usual: int) -> AsyncIterator[None]:
        """While a body is read and handled that may have more bytes than usual. Raises Overloaded."""
        if not _may_be_larger(headers, usual):
            yield
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await self._slots.acquire()
        except TimeoutError:
            raise Overloaded(
                "Many large requests are being handled. Send it again in a moment.", retry_after=5
            ) from None
        try:
            yield
        finally:
            self._slots.release()


def _may_be_larger(headers: Headers, usual: int) -> bool:
    """A body in chunks does not say how large it is."""
    for name, value in headers:
        if name == b"content-length":
            return not value.isdigit() or int(value) > usual
        if name == b"transfer-encoding":
            return True
    return False
