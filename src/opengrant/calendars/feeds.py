"""Feeds: a calendar as a file at a secret address, for programs that subscribe to it.

The address needs no key. It holds a token of 256 random bits, of which only a keyed digest is stored, so it is shown
once. A file is made in a thread, one at a time, and kept until its calendar changes.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import SecretStr

from opengrant.access import bearer_tokens
from opengrant.calendars.zones import VERSION
from opengrant.errors import DataNotFound
from opengrant.events import audit
from opengrant.model import SECOND, Clock, Micros
from opengrant.model.calendars import Calendar, Event
from opengrant.store.calendars import calendars, feeds
from opengrant.store.engine.port import Steps, Store
from opengrant.store.grants import grants
from opengrant.vault.digests import Digests

FORMAT = 1
"""Grows with what a feed makes of a row, so that clients read it again."""
MOST_EVENTS = 10_000
"""Rows of a feed, changed occurrences among them."""
_AT_ONCE = 500
"""Rows that are read in one go: other requests come between."""
_WEEK = 7 * 86_400
_BEFORE = 5 * _WEEK
"""Seconds: events that began no longer ago are as important as those to come."""
_MOST_KEPT = 32 * 1024 * 1024
"""Bytes of files in memory."""


@dataclass(frozen=True, slots=True)
class NewFeed:
    """token: what the address ends with. It cannot be had again."""

    token: SecretStr
    created_at: Micros


@dataclass(frozen=True, slots=True)
class File:
    """A feed as it is now. content: None where the client has it already."""

    etag: str
    content: bytes | None


class _Kept:
    """Files by what they depend on; those that were not asked for longest go first."""

    def __init__(self, most: int) -> None:
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._most = most
        self._size = 0

    def get(self, etag: str) -> bytes | None:
        found = self._files.get(etag)
        if found is not None:
            self._files.move_to_end(etag)
        return found

    def put(self, etag: str, content: bytes) -> None:
        self._size += len(content) - len(self._files.pop(etag, b""))
        self._files[etag] = content
        while self._size > self._most:
            self._size -= len(self._files.popitem(last=False)[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeds:
    """Built once, in assembly/."""

    db: Store
    digests: Digests
    clock: Clock
    _kept: _Kept = field(default_factory=lambda: _Kept(_MOST_KEPT), repr=False)
    _making: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def create(self, calendar: Calendar) -> NewFeed:
        """A new address; the one before it ends. Raises DataNotFound: the calendar was deleted."""
        token = bearer_tokens.make(bearer_tokens.FEED, calendar.application_id)
        digest = self.digests.feed(calendar.application_id, token.get_secret_value())
        at = self.clock()

        def script() -> Steps[None]:
            if (yield from calendars.hold(calendar, self.db.dialect)) is None:
                raise DataNotFound("calendar_id: the calendar was deleted just now.")
            yield from feeds.put(calendar, digest, at=at)
            yield from _record("calendar.feed_created", calendar, at)

        await self.db.write(script())
        return NewFeed(token, at)

    async def revoke(self, calendar: Calendar) -> None:
        """The address ends. Raises DataNotFound: there is none."""

        def script() -> Steps[None]:
            if not (yield from feeds.revoke(calendar)):
                raise DataNotFound("calendar_id: this calendar has no feed.")
            yield from _record("calendar.feed_revoked", calendar, self.clock())

        await self.db.write(script())

    async def read(self, token: str, *, known: str | None) -> File | None:
        """What stands at an address. known: the client's If-None-Match. None: there is nothing, or not any more."""
        application_id = bearer_tokens.application_of(bearer_tokens.FEED, token)
        if application_id is None:
            return None
        calendar = await self.db.read(_calendar_of(application_id, self.digests.feed(application_id, token)))
        if calendar is None:
            return None
        # By the week: what is shown of a large calendar depends on the day.
        since = self.clock() // SECOND // _WEEK * _WEEK - _BEFORE
        etag = _etag(calendar, since)
        if known is not None and _names(known, etag):
            return File(etag, None)
        return File(etag, await self._content(calendar, etag, since))

    async def _content(self, calendar: Calendar, etag: str, since: int) -> bytes:
        if (kept := self._kept.get(etag)) is not None:
            return kept
        async with self._making:
            # Another request may have made it meanwhile.
            if (kept := self._kept.get(etag)) is not None:
                return kept
            content = await asyncio.to_thread(_render, calendar, await self.rows(calendar, since))
            self._kept.put(etag, content)
            return content

    async def rows(self, calendar: Calendar, since: int) -> list[Event]:
        """The most important first. Rows that change meanwhile change the version too, which the file is kept by."""
        found: list[Event] = []
        for part in feeds.PARTS:
            place = feeds.first_place(part, since)
            while (left := MOST_EVENTS - len(found)) > 0:
                rows, place = await self.db.read(feeds.page(calendar, part, after=place, limit=min(left, _AT_ONCE)))
                found += rows
                if len(rows) < min(left, _AT_ONCE):
                    break
        return sorted(found, key=lambda row: row.end_at < since)


def _record(type_: audit.AuditType, calendar: Calendar, at: Micros) -> Steps[None]:
    yield from audit.record(calendar.application_id, type_, at=at, grant_id=calendar.grant_id, calendar_id=calendar.id)


def _render(calendar: Calendar, rows: Sequence[Event]) -> bytes:
    """icalendar is loaded with the first feed: it would take 80 ms of every start."""
    from opengrant.calendars.ics_export import render  # noqa: PLC0415 -- as said

    return render(calendar, rows)


def _calendar_of(application_id: str, digest: str) -> Steps[Calendar | None]:
    """None: there is no such feed, or its grant is blocked or gone."""
    found = yield from feeds.find(application_id, digest)
    if found is None:
        return None
    grant = yield from grants.find(application_id, found[0])
    if grant is None or grant.blocked:
        return None
    return (yield from calendars.find(application_id, *found))


def _etag(calendar: Calendar, since: int) -> str:
    parts = (FORMAT, VERSION, calendar.application_id, calendar.id, calendar.version, since)
    return f'"{hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()}"'


def _names(known: str, etag: str) -> bool:
    """Whether an If-None-Match holds this tag, by weak comparison."""
    return known.strip() == "*" or etag in (one.strip().removeprefix("W/") for one in known.split(","))


__all__ = ["MOST_EVENTS", "Feeds", "File", "NewFeed"]
