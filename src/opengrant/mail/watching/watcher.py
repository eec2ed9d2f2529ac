"""Watches one mailbox that this process holds: by rounds, and while there is room for its connection, by listening."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import structlog

from opengrant import tracing
from opengrant.errors import (
    GrantNotFound,
    OpenGrantError,
    ProviderFailure,
    ProviderUnavailable,
    RateLimited,
    StoreUnavailable,
)
from opengrant.grants.refresh.state import States
from opengrant.mail.reach import Reach
from opengrant.mail.watching.known import KnownFolder
from opengrant.mail.watching.looking import sent_stands_still, stands_still
from opengrant.mail.watching.rounds import NotHeld, Rounds
from opengrant.model import SECOND, Application, Clock
from opengrant.net.imap import changes
from opengrant.net.imap.session import ImapSession
from opengrant.net.line_connection import Malformed
from opengrant.store.engine.port import Store
from opengrant.store.mail import watches
from opengrant.store.mail.watches import Hold, Taken

log = structlog.get_logger()

ROUND = 300.0
"""Seconds that a round may take."""
SENT_EVERY = 60.0
"""Seconds between two looks at the numbers of sent mail, on the connection that listens to the inbox."""
LONGEST_WAIT = 3600.0
"""Seconds, after failures in a row."""
SPREAD = 15.0
"""Seconds over which logins are spread after connections were lost: a server that restarts loses all at once."""
KEPT_FREE = 3600.0
"""Seconds for which a mailbox is not listened to after its server had no room for another connection."""
BUSY, LONGEST_BREATH = 1.0, 2.0
"""Seconds: a mailbox that changes more often than that is looked at less often, up to the second number."""
AGAIN = 3
"""Rounds in a row, for a mailbox that changes while it is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTerms:
    """Limits of a process.

    every        seconds between two looks, and between two logins
    concurrency  mailboxes that are opened, or looked at, at a time
    most, most_of_a_host  connections that listen
    """

    every: float
    concurrency: int
    most: int
    most_of_a_host: int


class Room:
    """Counts the connections of this process that listen. observe: receives how many more there are."""

    def __init__(self, terms: WatchTerms, observe: Callable[[int], None]) -> None:
        self._most, self._most_of_a_host, self._observe = terms.most, terms.most_of_a_host, observe
        self._hosts = Counter[str]()
        self._kept_free = dict[str, float]()

    def keep_free(self, grant_id: str) -> None:
        """The server of this mailbox allows so few connections that none is to listen."""
        self._kept_free[grant_id] = time.monotonic() + KEPT_FREE

    def is_kept_free(self, grant_id: str) -> bool:
        if self._kept_free.get(grant_id, 0) > time.monotonic():
            return True
        self._kept_free.pop(grant_id, None)
        return False

    @contextlib.contextmanager
    def take(self, host: str, grant_id: str) -> Iterator[bool]:
        """Whether there is room for one more."""
        full = self._hosts.total() >= self._most or self._hosts[host] >= self._most_of_a_host
        if full or self.is_kept_free(grant_id):
            yield False
            return
        self._hosts[host] += 1
        self._observe(1)
        try:
            yield True
        finally:
            self._hosts[host] -= 1
            self._observe(-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Built once, in assembly/. observe: receives how each look ended: ok, failed."""

    db: Store
    clock: Clock
    states: States
    reach: Reach
    rounds: Rounds
    terms: WatchTerms
    room: Room
    observe: Callable[[str], None]
    turns: asyncio.Semaphore
    """For looks at mailboxes that are listened to."""

    async def watch(self, app: Application, taken: Taken, settled: Callable[[], None]) -> None:
        """Until there is nothing to listen to, or it is cancelled; then the mailbox is free for others.

        settled  called once when it listens
        """
        wait, failures = 0.0, taken.failures
        grant_id = taken.hold.grant_id
        try:
            wait = await self._watch(app, taken.hold, settled)
            failures = 0
        except NotHeld:
            log.info("watch_lost", grant=grant_id)
        except GrantNotFound:
            await self.db.write(watches.delete_of_grant(app.id, grant_id))
        except OpenGrantError as error:
            failures += 1
            wait = self._wait_after(failures, error)
            self.observe("failed")
            code = None if error.evidence is None else error.evidence.code
            log.info("watch_failed", grant=grant_id, error=error.type, code=code, failures=failures)
        except Exception:
            failures += 1
            wait = self._wait_after(failures, None)
            self.observe("failed")
            log.exception("watch_interrupted", grant=grant_id)
        finally:
            if self.room.is_kept_free(grant_id):
                wait = wait or self.terms.every
            due_at = self.clock() + int(wait * SECOND)
            with contextlib.suppress(StoreUnavailable):  # Watching releases what nothing watches
                await self.db.write(watches.release(taken.hold, due_at=due_at, failures=failures))

    async def _watch(self, app: Application, hold: Hold, settled: Callable[[], None]) -> float:
        """Returns the seconds after which the mailbox is due again."""
        state = await self.states.get(app.id, hold.grant_id)
        pause = self.terms.every * random.uniform(1, 1.1)  # noqa: S311 -- only jitter
        if state.grant.blocked:
            return pause
        try:
            host = self.reach.line(app, state.grant).key.host
        except OpenGrantError:
            return pause  # its server must not be asked now
        began = asyncio.get_running_loop().time()
        try:
            with (
                contextlib.closing(await self.reach.open(app, state)) as session,
                self.room.take(host, hold.grant_id) as listens,
            ):
                folders = await self._round(hold, session)
                if not listens:
                    return pause
                settled()
                lost = await self._listen(hold, session, folders)
        except ProviderFailure as failure:
            raise await self.reach.judged(app, state, failure) from None
        except (Malformed, TimeoutError):
            raise ProviderUnavailable(
                "The mail server does not answer in time, or in a way that can be read."
            ) from None
        log.info("watch_broken", grant=hold.grant_id, code=lost.evidence.code)
        passed = asyncio.get_running_loop().time() - began
        return max(self.terms.every - passed, 0) + random.uniform(0, SPREAD)  # noqa: S311 -- only jitter

    async def _listen(self, hold: Hold, session: ImapSession, folders: Sequence[KnownFolder]) -> ProviderFailure:
        """Returns how the connection was lost, which happens to any."""
        again = busy = 0
        loop = asyncio.get_running_loop()
        try:
            while True:
                if again < AGAIN and not await stands_still(session, folders):
                    again += 1
                else:
                    again, began = 0, loop.time()
                    await self._wait(session, folders)
                    busy = busy + 1 if loop.time() - began < BUSY else 0
                    await asyncio.sleep(min(busy * BUSY / 10, LONGEST_BREATH))
                async with self.turns:
                    folders = await self._round(hold, session)
        except ProviderFailure as failure:
            if session.usable:
                raise
            return failure

    async def _wait(self, session: ImapSession, folders: Sequence[KnownFolder]) -> None:
        """Until the inbox or sent mail has changed, or it is time for a look at all folders."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.terms.every * random.uniform(1, 1.1)  # noqa: S311 -- only jitter
        while (left := until - loop.time()) > 0:
            if await changes.wait(session, min(left, SENT_EVERY)) or not await sent_stands_still(session, folders):
                break

    async def _round(self, hold: Hold, session: ImapSession) -> Sequence[KnownFolder]:
        with tracing.span("watch mailbox", {"opengrant.grant_id": hold.grant_id}):
            async with asyncio.timeout(ROUND):
                folders = await self.rounds.run(hold, session)
        self.observe("ok")
        return folders

    def _wait_after(self, failures: int, error: OpenGrantError | None) -> float:
        wait = min(self.terms.every * 2.0 ** min(failures - 1, 10), max(LONGEST_WAIT, self.terms.every))
        if isinstance(error, RateLimited):
            wait = max(wait, error.retry_after or 0)
        return wait * random.uniform(1, 1.1)  # noqa: S311 -- only jitter
