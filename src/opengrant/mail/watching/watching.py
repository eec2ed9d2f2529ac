"""All watched mailboxes of an installation: which there are, and which of them this process watches.

A mailbox is watched if its application has a webhook that wants to be told of mail. Those of other applications have no
row, no task and no timer.
"""

import asyncio
import contextlib
import random
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from opengrant.errors import StoreUnavailable
from opengrant.mail.watching.watcher import Watcher
from opengrant.model import SECOND, Application, Clock, Micros
from opengrant.store.engine.port import Store
from opengrant.store.mail import watches
from opengrant.store.mail.watches import Hold, Taken
from opengrant.store.tenants import applications

log = structlog.get_logger()

ALIVE: Micros = 60 * SECOND
"""After so long without a sign of life a process is taken to be gone."""
BEAT: Micros = 10 * SECOND
CHECKED: Micros = 5 * SECOND
"""Between two looks at which mailboxes are to be watched still."""
SWEPT: Micros = 300 * SECOND
"""Between two looks through all grants; new ones are found at once."""
FOUND: Micros = 3 * SECOND
"""Between two looks for new grants."""
_SOME = 500
_OVERLAP: Micros = 60 * SECOND
"""Grants may be committed in another order than that of their times."""


@dataclass(slots=True)
class _Watch:
    task: asyncio.Task[None]
    taken: Taken
    generation: int | None = None
    opening: bool = True


@dataclass(slots=True, kw_only=True)
class Watching:
    """Built once, in assembly/. providers: whose mailboxes can be watched."""

    db: Store
    clock: Clock
    watcher: Watcher
    providers: Sequence[str]
    wakeup: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there may be room for more."""
    _owner: str | None = None
    _watches: dict[tuple[str, str], _Watch] = field(default_factory=dict)
    _wanting: dict[str, Micros] = field(default_factory=dict)
    """Application → up to when its grants were made that were looked through."""
    _beaten: Micros = 0
    _checked: Micros = 0
    _found: Micros = 0
    _swept: Micros = 0
    _full: bool = False
    _closed: bool = False

    async def run(self) -> None:
        """A short turn."""
        if self._closed:
            return
        at = self.clock()
        wanting = await self.db.read(watches.wanting(at=at))
        if (wanting or self._owner is not None) and _passed(self._beaten, BEAT, at):
            await self._beat(at)
        if _passed(self._swept, SWEPT, at):
            self._wanting.clear()
            self._swept = at
        for application_id in self._wanting.keys() - wanting.keys():
            del self._wanting[application_id]
        every = _passed(self._found, FOUND, at)
        for application_id in wanting.keys() if every else wanting.keys() - self._wanting.keys():
            wanting[application_id] = await self._find(application_id, at) or wanting[application_id]
        if every:
            self._found = at
        if _passed(self._checked, CHECKED, at):
            await self._check(at)
            self._checked = at
        await self._take([application_id for application_id, due in wanting.items() if due], at)

    async def close(self) -> None:
        """End all watches of this process; others may go on with them at once."""
        self._closed = True
        await self._end([*self._watches.values()])
        if self._owner is not None:
            with contextlib.suppress(StoreUnavailable):
                await self.db.write(watches.end(self._owner, at=self.clock(), pause=0))

    async def _beat(self, at: Micros) -> None:
        """Show that this process is alive, and free the mailboxes of those that are gone."""
        if self._owner is not None and not await self.db.write(watches.beat(self._owner, until=at + ALIVE)):
            log.warning("watches_lost")
            self._owner = None
            await self._end([*self._watches.values()])
        if self._owner is None:
            owner = str(uuid.uuid4())
            await self.db.write(watches.begin(owner, until=at + ALIVE))
            self._owner = owner
        freed = await self.db.write(watches.bury(at=at, longest=10 * ALIVE, pause=self._every))
        if freed:
            log.warning("watches_taken_over", mailboxes=freed)
        self._beaten = at

    async def _find(self, application_id: str, at: Micros) -> bool:
        """Begin with grants that are not watched yet. Returns whether there are any."""
        since = self._wanting.get(application_id)
        after, found = (0 if since is None else since - _OVERLAP, ""), False
        while True:
            page = await self.db.read(watches.look_through(application_id, self.providers, after=after, limit=_SOME))
            if page.unwatched:
                await self.db.write(watches.add(application_id, page.unwatched, at=at))
                found = True
            if page.last is None:
                break
            after = page.last
        self._wanting[application_id] = max(after[0], since or 0)
        return found

    async def _check(self, at: Micros) -> None:
        """End what is not to be watched any more."""
        for application_id in set(await self.db.read(watches.watched())) - self._wanting.keys():
            while await self.db.write(watches.forget_some(application_id, limit=_SOME)):
                pass
        here = defaultdict[str, dict[str, _Watch]](dict)
        for (application_id, grant_id), watch in self._watches.items():
            here[application_id][grant_id] = watch
        if self._owner is None:
            return
        ending = list[_Watch]()
        for application_id in {*here, *self._wanting}:
            held = await self.db.read(watches.held(application_id, self._owner))
            for grant_id, watch in here[application_id].items():
                fence, generation = held.pop(grant_id, (None, None))
                watch.generation = watch.generation or generation
                if generation is None or (fence, generation) != (watch.taken.hold.fence, watch.generation):
                    ending.append(watch)
            for grant_id, (fence, _) in held.items():
                if (application_id, grant_id) not in self._watches:  # its watch has ended and could not say so
                    hold = Hold(application_id, grant_id, self._owner, fence)
                    await self.db.write(watches.release(hold, due_at=at, failures=0))
        await self._end(ending)

    async def _take(self, due: list[str], at: Micros) -> None:
        """Start watching what is due, as far as there is room."""
        # The order must not favour the same applications.
        random.shuffle(due)
        for application_id in due:
            room = self.watcher.terms.concurrency - sum(watch.opening for watch in self._watches.values())
            self._full = room <= 0
            if self._full or self._owner is None:
                return
            taken = await self.db.write(
                watches.take(application_id, self._owner, at=at, limit=room, dialect=self.db.dialect)
            )
            application = await self.db.read(applications.find(application_id))
            assert application is not None
            for one in taken:
                self._start(application, one)
            self._full = len(taken) == room

    def _start(self, application: Application, taken: Taken) -> None:
        key = application.id, taken.hold.grant_id

        def settled() -> None:
            watch.opening = False
            self._room()

        def ended(_: object) -> None:
            if self._watches.get(key) is watch:
                del self._watches[key]
            self._room()

        task = asyncio.create_task(self.watcher.watch(application, taken, settled), name=f"watch {key[1]}")
        watch = self._watches[key] = _Watch(task, taken)
        task.add_done_callback(ended)

    def _room(self) -> None:
        if self._full:
            self.wakeup.set()

    def let_go(self, grant_id: str) -> bool:
        """Close the connection that listens to this mailbox, because its server allows no other beside it.

        For a while the mailbox is looked at in turn. False: there is none.
        """
        found = [watch for key, watch in self._watches.items() if key[1] == grant_id and not watch.opening]
        for watch in found:
            self.watcher.room.keep_free(grant_id)
            watch.task.cancel()
        return bool(found)

    async def _end(self, ending: Sequence[_Watch]) -> None:
        for watch in ending:
            watch.task.cancel()
        if ending:
            await asyncio.wait([watch.task for watch in ending])

    @property
    def _every(self) -> Micros:
        return int(self.watcher.terms.every * SECOND)


def _passed(since: Micros, pause: Micros, at: Micros) -> bool:
    """Also if the clock was set back."""
    return not 0 <= at - since < pause
