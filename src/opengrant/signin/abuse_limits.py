"""Limits of what a browser without an API key can cause: the pages of hosted sign-in are public.

Refused passwords are counted, against guessing. Proofs that run at once are bounded: a silent mail server must not hold
the threads that the application's own requests need.
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
"""Refused passwords per server and account within that time."""
SEARCHES = 20
"""Addresses that one sign-in may search for."""
CHECKING = "The password that you sent before is still being checked. Try again in a moment."
CROWDED = "Many people are signing in just now. Try again in a moment."
_PATIENCE = 15.0
"""Seconds to wait for a free place."""


class AbuseLimits:
    """Built once, in assembly/, for one process and event loop.

    threads  passwords that the process may prove at mail servers at once; hosted sign-in gets a quarter of them
    """

    def __init__(self, *, db: Store, clock: Clock, threads: int) -> None:
        self._tries = RateLimit(db=db, clock=clock, name="hosted.password", limit=TRIES, window=WITHIN)
        self._searches = RateLimit(db=db, clock=clock, name="hosted.detect", limit=SEARCHES, window=WITHIN)
        self._proofs, self._lookups = asyncio.Semaphore(max(1, threads // 4)), asyncio.Semaphore(threads)
        self._proving = set[tuple[str, str]]()

    @contextlib.asynccontextmanager
    async def proving(self, app: Application, sign_in: str) -> AsyncIterator[None]:
        """Wraps the proof of a password; one at a time in each sign-in. Raises Overloaded.

        Inside, each attempt to send a password raises RateLimited when too many were refused.
        """
        mine = (app.id, sign_in)
        if mine in self._proving:
            raise Overloaded(CHECKING)
        self._proving.add(mine)
        try:
            async with _one_of(self._proofs):
                with counting(_Counted(self._tries, app)):
                    yield
        finally:
            self._proving.discard(mine)

    @contextlib.asynccontextmanager
    async def searching(self, app: Application, sign_in: str) -> AsyncIterator[None]:
        """Wraps one search for the provider of an address. Raises RateLimited, Overloaded."""
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
        raise Overloaded(CROWDED) from None
    try:
        yield
    finally:
        places.release()
