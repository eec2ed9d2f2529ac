"""Open sessions with mail servers: of a grant one for commands, one for downloads and one for sending, kept in use.

A session lives on the node that opened it. All bounds are of this process. A grant whose session is in use by another
call waits for it; what waits too long is told to come back.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

from opengrant.errors import Overloaded, ProviderFailure, RateLimited
from opengrant.net.imap.session import ImapSession
from opengrant.net.line_connection import Malformed
from opengrant.providers.classify import of_a_proven_credential
from opengrant.providers.verdict import Kind

T = TypeVar("T")


class Session(Protocol):
    """With a mail server, after the login."""

    @property
    def changed(self) -> bool:
        """Something was begun that must not be done twice, since `fresh`."""

    @property
    def usable(self) -> bool: ...

    def fresh(self) -> None:
        """A call begins."""

    def rest(self, seconds: float) -> None:
        """None is due for so long."""

    def misread(self, error: Malformed) -> ProviderFailure: ...

    def close(self) -> None: ...


S = TypeVar("S", bound=Session)

IDLE = 60.0
"""Seconds that a session stays open after its last use."""
PATIENCE = 20.0
"""Seconds to wait for the session of the same grant."""
MOST = 1000
"""Sessions in all."""
MOST_OF_A_HOST = 200
_PAUSES = (0.1, 0.5)
"""Seconds before a mail server is asked once more for a session that it has refused for their number."""
REMEMBERED = 500
"""Messages of a grant whose place is remembered."""


class Key(NamedTuple):
    """Whose session: of a grant with the credential of one generation. host: for the bound of each host."""

    grant_id: str
    generation: int
    host: str
    lane: Literal["commands", "download", "submission"] = "commands"


Hints = OrderedDict[str, tuple[bytes, int, int]]
"""Message id → folder, uid validity and uid, where it was last seen. Each is checked before it counts."""


@dataclass(eq=False, slots=True)
class Held(Generic[S]):
    """A place for one session.

    users  calls that have it or wait for it
    sent   the folder that copies of sent mail go to; None: not looked for yet
    files  False: the server that sends puts no copies there; None: not known
    drafts (folder, its uid validity, uid) → Message-ID of the drafts that were compared last
    """

    key: Key
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    session: S | None = None
    users: int = 0
    timer: asyncio.TimerHandle | None = None
    hints: Hints = field(default_factory=OrderedDict)
    sent: bytes | None = None
    files: bool | None = None
    drafts: dict[tuple[bytes, int, int], str] = field(default_factory=dict)

    def close(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.session is not None:
            self.session.close()
            self.session = None

    def remember(self, id_: str, place: tuple[bytes, int, int]) -> None:
        self.hints[id_] = place
        self.hints.move_to_end(id_)
        if len(self.hints) > REMEMBERED:
            self.hints.popitem(last=False)


class Pool(Generic[S]):
    """Built once, in assembly/."""

    def __init__(self, *, most: int = MOST, most_of_a_host: int = MOST_OF_A_HOST, idle: float = IDLE) -> None:
        self._kept = dict[Key, Held[S]]()
        self._most, self._most_of_a_host, self._idle = most, most_of_a_host, idle
        self.let_go: Callable[[str], bool] = lambda _: False
        """Closes what else is open of a grant, to listen to its mailbox; True: there was something."""

    async def call(self, key: Key, open_: Callable[[], Awaitable[S]], work: Callable[[Held[S], S], Awaitable[T]]) -> T:
        """Do a piece of work. If the wire breaks before anything was changed, once more in a new session.

        Raises what `use` raises, and what `work` raises.
        """
        used: S | None = None
        try:
            async with self.use(key, open_) as (kept, session, reused):
                used = session if reused else None
                return await work(kept, session)
        except ProviderFailure:
            if used is None or used.usable or used.changed:
                raise
        async with self.use(key, open_) as (kept, session, _):
            return await work(kept, session)

    @contextlib.asynccontextmanager
    async def use(self, key: Key, open_: Callable[[], Awaitable[S]]) -> AsyncIterator[tuple[Held[S], S, bool]]:
        """The session of this key, opened if need be; True if it has been used before.

        Raises RateLimited: other calls of the grant take too long. Overloaded: too many sessions. ProviderFailure.
        """
        kept = self._kept.setdefault(key, Held(key))
        kept.users += 1
        try:
            await _take_turn(kept)
            try:
                session, reused = await self._session(kept, open_)
                try:
                    yield kept, session, reused
                except Malformed as error:
                    session.close()
                    raise session.misread(error) from None
                finally:
                    self._rest(kept, session)
            finally:
                kept.lock.release()
        finally:
            kept.users -= 1
            if kept.users == 0 and kept.session is None:
                self._kept.pop(key, None)

    def close(self) -> None:
        """Close all sessions; none is opened afterwards by a call that ends."""
        self._idle = 0.0
        for kept in list(self._kept.values()):
            if not kept.lock.locked():
                kept.close()

    async def _session(self, kept: Held[S], open_: Callable[[], Awaitable[S]]) -> tuple[S, bool]:
        if kept.timer is not None:
            kept.timer.cancel()
            kept.timer = None
        if kept.session is not None and kept.session.usable:
            kept.session.fresh()
            return kept.session, True
        kept.close()
        self._make_room(kept.key)
        kept.session = session = await self._opened(kept.key, open_)
        return session, False

    async def _opened(self, key: Key, open_: Callable[[], Awaitable[S]]) -> S:
        """A new session. Where the server allows no more for this mailbox, those that rest are closed for it."""
        closed = False
        for pause in _PAUSES:
            try:
                return await open_()
            except ProviderFailure as failure:
                if of_a_proven_credential(failure.evidence).kind is not Kind.RATE_LIMITED:
                    raise
                if not (closed := self._close_rest(key) or closed):
                    raise
            # A server counts a session until it has heard of its end.
            await asyncio.sleep(pause)
        return await open_()

    def _close_rest(self, key: Key) -> bool:
        """Close what rests of this grant. True if anything did."""
        resting = [other for other in self._kept.values() if other.key.grant_id == key.grant_id and other.timer]
        for other in resting:
            self._drop(other)
        return self.let_go(key.grant_id) or bool(resting)

    def _make_room(self, key: Key) -> None:
        """Close what has rested longest, where a bound is reached. Raises Overloaded: nothing rests."""
        for most, counts in (
            (self._most_of_a_host, lambda other: other.key.host == key.host),
            (self._most, lambda _: True),
        ):
            open_ = [other for other in self._kept.values() if other.session is not None and counts(other)]
            if len(open_) < most:
                continue
            resting = next((other for other in open_ if other.timer is not None), None)
            if resting is None:
                raise Overloaded("Too many mailboxes are open at once. Try again in a moment.", retry_after=2)
            self._drop(resting)

    def _rest(self, kept: Held[S], session: S) -> None:
        """After a call: keep the session for the next one, or close what cannot be used."""
        if not session.usable or self._idle == 0.0:
            kept.close()
            return
        session.rest(self._idle * 2)
        kept.timer = asyncio.get_running_loop().call_later(self._idle, self._drop, kept)
        # The longest unused is the first one that room is made of.
        self._kept[kept.key] = self._kept.pop(kept.key, kept)

    def _drop(self, kept: Held[S]) -> None:
        kept.close()
        if kept.users == 0:
            self._kept.pop(kept.key, None)


async def _take_turn(kept: Held[S]) -> None:
    """Raises RateLimited."""
    if kept.users == 1:
        await kept.lock.acquire()  # at once: no deadline has to be set
        return
    try:
        async with asyncio.timeout(PATIENCE):
            await kept.lock.acquire()
    except TimeoutError:
        busy = "Other calls for this mailbox take long: it has one session for commands, downloads and sending each."
        raise RateLimited(f"{busy} Try again in a moment.", retry_after=5) from None


Kept = Held[ImapSession]
Sessions = Pool[ImapSession]
