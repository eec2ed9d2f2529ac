"""What people without a key may have us do: the pages of hosted sign-in are open to everybody.

Passwords are counted, so that nobody guesses here; and what a server of a stranger's own can hold up by silence is
bounded, so that the application's own requests find mail threads free.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from opengrant.access.rate_limits import RateLimit
from opengrant.errors import Overloaded
from opengrant.model import Application, Clock
from opengrant.net.login_attempt import counting
from opengrant.store.engine.port import Store

WITHIN = timedelta(minutes=15)
"""As long as a sign-in lasts."""
TRIES = 10
"""Passwords that a server may refuse somebody within that time."""
SEARCHES = 20
"""Addresses that one sign-in may ask about."""
_PATIENCE = 15.0
"""Seconds to wait for others to end."""


class Strangers:
    """Built once, in assembly/installation.py, for one process and event loop.

    threads  passwords that may be proven at mail servers at once; strangers get a quarter of them
    """

    def __init__(self, db: Store, clock: Clock, *, threads: int) -> None:
        self._tries = RateLimit(db, clock, "hosted.password", TRIES, WITHIN)
        self._searches = RateLimit(db, clock, "hosted.detect", SEARCHES, WITHIN)
        self._proofs, self._lookups = asyncio.Semaphore(max(1, threads // 4)), asyncio.Semaphore(threads)
        self._proving = set[tuple[str, str]]()

    @contextlib.asynccontextmanager
    async def proving(self, app: Application, sign_in: str) -> AsyncIterator[None]:
        """Around the proof of a password; one at a time in each sign-in. Raises Overloaded.

        Within, whatever sends a password raises RateLimited when too many were refused.
        """
        mine = (app.id, sign_in)
        if mine in self._proving:
            raise Overloaded("The password that you sent before is still being checked. Try again in a moment.")
        self._proving.add(mine)
        try:
            async with _one_of(self._proofs):
                with counting(_Counted(self._tries, app)):
                    yield
        finally:
            self._proving.discard(mine)

    @contextlib.asynccontextmanager
    async def searching(self, app: Application, sign_in: str) -> AsyncIterator[None]:
        """Around one search for an address's provider. Raises RateLimited, Overloaded."""
        await self._searches.take(app, of=sign_in)
        async with _one_of(self._lookups):
            yield

    async def forget(self, app: Application) -> None:
        """Drop counts that are over."""
        await self._tries.forget(app)
        await self._searches.forget(app)


@dataclass(frozen=True, slots=True)
class _Counted:
    limit: RateLimit
    app: Application

    async def take(self, about: str) -> None:
        await self.limit.take(self.app, of=about)

    async def give_back(self, about: str) -> None:
        await self.limit.give_back(self.app, of=about)


@contextlib.asynccontextmanager
async def _one_of(places: asyncio.Semaphore) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(_PATIENCE):
            await places.acquire()
    except TimeoutError:
        raise Overloaded("Many people are signing in just now. Try again in a moment.") from None
    try:
        yield
    finally:
        places.release()
