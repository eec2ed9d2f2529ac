"""Import of a file into a calendar that this server keeps."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from opengrant.access.in_flight import InFlightLimit
from opengrant.calendars import shown
from opengrant.calendars.hosted import drop_strays
from opengrant.calendars.ics_import import Read, Skipped, as_occurrence, read_file
from opengrant.calendars.occurrences import occurrence_id, series_of
from opengrant.calendars.recurrence import expand
from opengrant.errors import DataNotFound, InvalidData
from opengrant.events import payloads
from opengrant.model import Clock, Grant
from opengrant.model.calendars import Calendar, Event
from opengrant.model.metadata import searched
from opengrant.store.calendars import calendars, events
from opengrant.store.engine.port import Steps, Store
from opengrant.store.events import events as outbox

AT_ONCE = 200
"""Events of one transaction."""
MOST_AT_ONCE = 8
"""Imports of a process, of which one reads its file while the others wait: each holds the whole file."""


@dataclass(slots=True)
class ImportResult:
    """unchanged: they were there, alike."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class IcsImport:
    """Built once, in assembly/."""

    db: Store
    clock: Clock
    _limit: InFlightLimit = field(default_factory=lambda: InFlightLimit(limit=MOST_AT_ONCE, what="imports"), repr=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def run(self, grant: Grant, calendar: Calendar, data: bytes | str) -> ImportResult:
        """What is counted is stored. A process reads one file at a time.

        Raises InvalidData, DataNotFound, Overloaded; of a calendar that is changed or deleted meanwhile, too.
        """
        with self._limit.bounded():
            async with self._reading:
                contents = await asyncio.to_thread(read_file, data, grant, calendar, at=self.clock())
            result = ImportResult(skipped=list(contents.skipped))
            told: set[str] = set()
            for batch in _batches(contents.events):
                await self.db.write(self._write(calendar, batch, result, told))
            return result

    def _write(self, seen: Calendar, batch: Sequence[Read], result: ImportResult, told: set[str]) -> Steps[None]:
        """told: UIDs that webhooks are told of. What they are told of a series is of its occurrences too."""
        held = yield from calendars.hold(seen, self.db.dialect)
        if held is None:
            raise DataNotFound("calendar_id: the calendar was deleted just now.")
        if held.timezone != seen.timezone:
            raise InvalidData("calendar_id: the calendar's time zone was changed just now. Import the file again.")
        masters: dict[str, Event | None] = {}
        before = (result.created, result.updated)
        for read in batch:
            if read.replaces is None:
                masters[read.uid] = yield from self._put_event(held, read, result, told)
                continue
            if read.uid not in masters:
                masters[read.uid] = yield from events.find_uid(held, read.uid)
            yield from self._put_occurrence(held, read, masters[read.uid], result, told)
        if before != (result.created, result.updated):
            yield from calendars.touch(held)

    def _put_event(self, held: Calendar, read: Read, result: ImportResult, told: set[str]) -> Steps[Event]:
        before = yield from events.find_uid(held, read.uid)
        if before is None:
            yield from self._put(held, read.event, None, result)
            told.add(read.uid)
            return read.event
        after = _merged(read.event, before)
        if after != before:
            yield from drop_strays(held, after)
            told.add(read.uid)
        yield from self._put(held, after, before, result)
        return after

    def _put_occurrence(
        self, held: Calendar, read: Read, master: Event | None, result: ImportResult, told: set[str]
    ) -> Steps[None]:
        assert read.replaces is not None
        if master is None or master.kind != "series":
            result.skipped.append(Skipped(read.uid[:200], "RECURRENCE-ID: there is no series with this UID."))
            return
        wall = read.replaces.within(master)
        if wall not in expand(series_of(master), wall, wall):
            result.skipped.append(Skipped(read.uid[:200], "RECURRENCE-ID: the series has no occurrence then."))
            return
        before = yield from events.find_occurrence(master, wall)
        after = as_occurrence(read, master, wall, occurrence_id(master, wall))
        yield from self._put(
            held, after if before is None else _merged(after, before), before, result, quiet=read.uid in told
        )

    def _put(
        self, held: Calendar, after: Event, before: Event | None, result: ImportResult, *, quiet: bool = False
    ) -> Steps[None]:
        if after == before:
            result.unchanged += 1
            return
        yield from events.put(after)
        if before is not None:
            yield from calendars.put_keys(held, "event", after.id, searched(after.metadata), start_at=after.start_at)
        result.created += before is None
        result.updated += before is not None
        if not quiet:
            change = "created" if before is None and after.master_id is None else "updated"
            payload = shown.event(after)
            yield from outbox.announce(
                payloads.of_object(f"event.{change}", after.application_id, after.grant_id, payload, at=self.clock())
            )


def _merged(read: Event, before: Event) -> Event:
    """The row as the file has it, and as it was where a file says nothing. Equal to `before`, if nothing changes."""
    after = replace(
        read,
        id=before.id,
        created_at=before.created_at,
        metadata=before.metadata,
        body={**before.body, **read.body},
        sequence=before.sequence,
        updated_at=before.updated_at,
    )
    if after == before:
        return before
    return replace(after, sequence=max(read.sequence, before.sequence + 1), updated_at=read.updated_at)


def _batches(found: Sequence[Read]) -> Iterator[Sequence[Read]]:
    """Series come before their occurrences, wherever they stand in the file."""
    ordered = [read for read in found if read.replaces is None] + [read for read in found if read.replaces is not None]
    for begin in range(0, len(ordered), AT_ONCE):
        yield ordered[begin : begin + AT_ONCE]
