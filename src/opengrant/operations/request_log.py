"""The requests of the last day, to be looked up by their ids: without bodies, addresses and secrets.

A process collects what it has answered and stores it every few seconds, so that no request waits for it. A process that
is killed loses the requests of the last seconds. A request's id says when it began (UUID version 7), which is how it
is found among the stored batches.
"""

import asyncio
import os
import socket
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from opengrant.errors import NotFound, StoreUnavailable
from opengrant.model import Clock, Micros, micros
from opengrant.store.engine.port import Store
from opengrant.store.operations import requests
from opengrant.store.operations.requests import Entry

__all__ = ["NO_APPLICATION", "Entry", "RequestFilters", "RequestLog"]

NO_APPLICATION = ""
"""Owns the requests that were refused before their application was known, and those of open paths."""
MOST_WAITING = 20_000
"""Requests that wait in memory to be stored; above it the oldest are dropped."""
_BATCH = 2000
"""Requests of one row."""
_FULL = 4000
"""Waiting requests above which they are stored before it is time."""
_MOST_LOOKED_AT = 100_000
"""Failed requests that one listing looks at."""
_AT_ONCE = 20
_AT_ONCE_GONE = 1000


@dataclass(frozen=True, slots=True)
class RequestFilters:
    """Conditions of a listing of failed requests; None means any. statuses: from and to, both inclusive."""

    statuses: tuple[int, int] | None = None
    error: str | None = None
    grant_id: str | None = None
    key_id: str | None = None
    route: str | None = None

    def fit(self, entry: Entry) -> bool:
        return (
            (self.statuses is None or self.statuses[0] <= entry.status <= self.statuses[1])
            and self.error in (None, entry.error)
            and self.grant_id in (None, entry.grant_id)
            and self.key_id in (None, entry.key_id)
            and self.route in (None, entry.route)
        )


@dataclass(slots=True, kw_only=True)
class RequestLog:
    """Built once, in assembly/.

    keep      how long requests are kept; zero: none is
    most      bytes kept of an application, those with errors and those without each
    dropped   receives the number of requests that were dropped because they came faster than they were stored
    answered  requests that were recorded by this process so far
    full      set when requests should be stored before it is time
    """

    db: Store
    clock: Clock
    keep: timedelta
    most: int
    dropped: Callable[[int], None]
    full: asyncio.Event = field(default_factory=asyncio.Event)
    node: str = field(default_factory=lambda: f"{socket.gethostname()[:64]}:{os.getpid()}")
    answered: int = 0
    _waiting: deque[tuple[str, Entry]] = field(default_factory=deque)

    @property
    def is_on(self) -> bool:
        return bool(self.keep)

    def add(self, application_id: str, entry: Entry) -> None:
        """Record an answered request. Costs a few hundred nanoseconds; waits for nothing."""
        self.answered += 1
        waiting = self._waiting
        waiting.append((application_id, entry))
        if len(waiting) >= _FULL:
            self.full.set()
            if len(waiting) > MOST_WAITING:
                waiting.popleft()
                self.dropped(1)

    async def write(self) -> None:
        """Store what waits. Raises StoreUnavailable and keeps it."""
        while self._waiting:
            some = [*islice(self._waiting, _BATCH)]
            for _ in some:
                self._waiting.popleft()
            try:
                await self._store(some)
            except StoreUnavailable:
                self._waiting.extendleft(reversed(some))
                raise

    async def _store(self, some: Sequence[tuple[str, Entry]]) -> None:
        groups = defaultdict[tuple[str, bool], list[Entry]](list)
        for application_id, entry in some:
            groups[application_id, entry.failed].append(entry)
        batches = await asyncio.to_thread(
            lambda: [requests.packed(owner, entries, failed=failed) for (owner, failed), entries in groups.items()]
        )
        await self.db.write_soon(requests.add(batches, [uuid.uuid4().hex for _ in batches]))

    async def find(self, application_id: str, request_id: str) -> Entry:
        """Raises NotFound."""
        at = _began(request_id)
        if at is not None:
            await self.write()
            batches = await self.db.read(requests.around(application_id, at=at))
            found = await asyncio.to_thread(_of_id, batches, request_id)
            if found is not None:
                return found
        raise NotFound(
            "There is no such request here: it was another application's, is older than the time for which requests are"
            " kept, or ended in the last seconds. Try again in 5 s."
            if self.is_on
            else "Requests are not recorded here: OPENGRANT_REQUESTS__KEEP is 0."
        )

    async def failed(self, application_id: str, filters: RequestFilters, *, limit: int) -> list[Entry]:
        """The latest requests that were answered with an error, of those that were recorded."""
        await self.write()
        found, looked_at, place = list[Entry](), 0, None
        while len(found) < limit and looked_at < _MOST_LOOKED_AT:
            batches = await self.db.read(requests.failed_before(application_id, place, limit=_AT_ONCE))
            entries = await asyncio.to_thread(_newest_first, [packed for _, _, packed in batches])
            looked_at += len(entries)
            found += [entry for entry in entries if filters.fit(entry)]
            if len(batches) < _AT_ONCE:
                break
            place = batches[-1][:2]
        return sorted(found, key=lambda entry: entry.at, reverse=True)[:limit]

    async def forget(self, application_ids: Sequence[str]) -> None:
        """Drop what is older than `keep`, and the oldest of what is more than `most`."""
        now = self.clock()
        cutoff, ahead = now - micros(self.keep), now + micros(timedelta(days=1))
        for id_ in (NO_APPLICATION, *application_ids):
            gone = _AT_ONCE_GONE
            while gone == _AT_ONCE_GONE:
                gone = await self.db.write(requests.forget(id_, ended_before=cutoff, after=ahead, limit=_AT_ONCE_GONE))
            for failed in (True, False):
                until = await self.db.read(requests.beyond(id_, failed, most=self.most))
                if until is not None:
                    await self.db.write(requests.forget_until(id_, failed, until=until))


def _began(request_id: str) -> Micros | None:
    """The time in an id of version 7; None for another id."""
    try:
        id_ = uuid.UUID(request_id)
    except ValueError:
        return None
    return (id_.int >> 80) * 1000 if id_.version == 7 else None


def _of_id(batches: Sequence[bytes], request_id: str) -> Entry | None:
    return next((entry for batch in batches for entry in requests.unpacked(batch) if entry.id == request_id), None)


def _newest_first(batches: Sequence[bytes]) -> list[Entry]:
    found = [entry for batch in batches for entry in requests.unpacked(batch)]
    return sorted(found, key=lambda entry: entry.at, reverse=True)
