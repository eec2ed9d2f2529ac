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
AT_ONCE = 20
"""Mailboxes that are opened at a time."""
_SOME = 500
_OVERLAP: Micros = 60 * SECOND
"""Grants may be committed in another order than that of their times."""


@dataclass(slots=True)
class _Watch:
    task: asyncio.Task[None]
    taken: Taken
    generation: int | None = None
    opening: bool = True

    def settled(self) -> None:
        self.opening = False


@dataclass(slots=True, kw_only=True)
class Watching:
    """Built once, in assembly/. providers: whose mailboxes can be watched."""

    db: Store
    clock: Clock
    watcher: Watcher
    providers: Sequence[str]
    _owner: str | None = None
    _watches: dict[tuple[str, str], _Watch] = field(default_factory=dict)
    _wanting: dict[str, Micros] = field(default_factory=dict)
    """Application → up to when its grants were made that were looked through."""
    _beaten: Micros = 0
    _checked: Micros = 0
    _swept: Micros = 0
    _closed: bool = False

    async def run(self) -> bool:
        """A short turn; True: there is more to do at once."""
        if self._closed:
            return False
        at = self.clock()
        if _passed(self._beaten, BEAT, at):
            await self._beat(at)
        if _passed(self._swept, SWEPT, at):
            self._wanting.clear()
            self._swept = at
        await self._find(at)
        if _passed(self._checked, CHECKED, at):
            await self._check(at)
            self._checked = at
        return await self._take(at)

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

    async def _find(self, at: Micros) -> None:
        """Begin with what is to be watched."""
        wanting = await self.db.read(watches.wanting())
        for application_id in self._wanting.keys() - set(wanting):
            del self._wanting[application_id]
        for application_id in wanting:
            since = self._wanting.get(application_id)
            after = (0 if since is None else since - _OVERLAP, "")
            while True:
                page = await self.db.read(
                    watches.look_through(application_id, self.providers, after=after, limit=_SOME)
                )
                if page.unwatched:
                    await self.db.write(watches.add(application_id, page.unwatched, at=at))
                if page.last is None:
                    break
                after = page.last
            self._wanting[application_id] = max(after[0], since or 0)

    async def _check(self, at: Micros) -> None:
        """End what is not to be watched any more."""
        for application_id in set(await self.db.read(watches.watched())) - self._wanting.keys():
            while await self.db.write(watches.forget_some(application_id, limit=_SOME)):
                pass
        here = defaultdict[str, dict[str, _Watch]](dict)
        for (application_id, grant_id), watch in self._watches.items():
            here[application_id][grant_id] = watch
        assert self._owner is not None
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

    async def _take(self, at: Micros) -> bool:
        """Start watching what is due, as far as there is room."""
        room = AT_ONCE - sum(watch.opening for watch in self._watches.values())
        wanting = [*self._wanting]
        # The order must not favour the same applications.
        random.shuffle(wanting)
        for application_id in wanting:
            if room <= 0 or self._owner is None:
                return False
            taken = await self.db.write(
                watches.take(application_id, self._owner, at=at, limit=room, dialect=self.db.dialect)
            )
            if not taken:
                continue
            application = await self.db.read(applications.find(application_id))
            assert application is not None
            for one in taken:
                self._start(application, one)
            room -= len(taken)
        return False

    def _start(self, application: Application, taken: Taken) -> None:
        key = application.id, taken.hold.grant_id

        def settled() -> None:
            watch.settled()

        task = asyncio.create_task(self.watcher.watch(application, taken, settled), name=f"watch {key[1]}")
        watch = self._watches[key] = _Watch(task, taken)
        task.add_done_callback(lambda _: self._watches.pop(key, None) if self._watches.get(key) is watch else None)

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
