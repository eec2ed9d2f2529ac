"""Calendars that this server keeps itself: those of virtual-calendar grants and of Agent Accounts.

Every change is one transaction: the calendar's row is locked first, so all changes of a calendar come one after
another; the event, what can be searched for, and the notice for webhooks are written with it.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar, cast

from opengrant.calendars import listing, shown
from opengrant.calendars.drafts import (
    BEGINNING,
    CalendarDraft,
    CalendarPage,
    EventDraft,
    EventPage,
    EventQuery,
    Place,
)
from opengrant.calendars.expansion import Expansions
from opengrant.calendars.intervals import Intervals, clip, union
from opengrant.calendars.occurrences import (
    find_occurrence,
    instants,
    occurrence,
    occurrence_id,
    series_of,
    split_id,
)
from opengrant.calendars.recurrence import expand
from opengrant.calendars.rederiving import Rederiving
from opengrant.calendars.splitting import head, tail
from opengrant.calendars.timing import place, placement, repeat, require_zone
from opengrant.calendars.zones import VERSION, Wall
from opengrant.errors import DataNotFound, GrantNotFound, InvalidData, SlotTaken
from opengrant.events import payloads
from opengrant.model import SECOND, Clock, Grant, Micros
from opengrant.model.calendars import Calendar, Event
from opengrant.model.metadata import searched
from opengrant.store.calendars import calendars, events
from opengrant.store.engine.port import Steps, Store
from opengrant.store.engine.writes import Arm, one_by_one, together
from opengrant.store.events import events as outbox

MOST_CALENDARS = 10
_MOST_RECENT = 10_000
"""Calendars that are remembered by their names."""
_CHECKED = 366 * 86_400
"""Seconds: so far ahead a series is compared with what is taken, if it is to be created only where its time is free."""

T = TypeVar("T")
Change = Literal["created", "updated", "deleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedCalendars:
    """Implements `Calendars`. Built once, in assembly/.

    stays  whether there still is such a grant; if so, it stays until the transaction ends
    """

    db: Store
    clock: Clock
    rederiving: Rederiving
    stays: Callable[[Grant], Steps[bool]]
    recent: dict[tuple[str, str, str], Calendar] = field(default_factory=dict, repr=False)

    async def calendars(
        self, grant: Grant, *, metadata: tuple[tuple[str, str], ...], after: str, limit: int
    ) -> CalendarPage:
        await self.calendar(grant, "primary")

        def script() -> Steps[list[Calendar]]:
            if not metadata:
                return (yield from calendars.page(grant.application_id, grant.id, after=after, limit=limit + 1))
            ids = yield from calendars.find_keyed(
                grant.application_id, grant.id, "calendar", metadata, after=(0, after), limit=limit + 1
            )
            found = []
            for _, id_ in ids:
                one = yield from calendars.find(grant.application_id, grant.id, id_)
                found += [one] if one is not None else []
            return found

        found = await self.db.read(script())
        return CalendarPage(found[:limit], found[limit - 1].id if len(found) > limit else None)

    async def calendar(self, grant: Grant, name: str) -> Calendar:
        """The primary one is created when it is first asked for: older grants have none."""
        found = await self.db.read(self.find(grant, name))
        if found is not None:
            return found
        if not _is_primary(name, grant):
            raise DataNotFound(f"calendar_id: this grant has no calendar {name[:60]!r}.")
        return await self.db.write(self._create_primary(grant))

    async def recall(self, grant: Grant, name: str, *, again: bool = False) -> Calendar:
        """As `calendar`, but it may have changed or been deleted since: for what is checked when it is written.

        again  do not believe what is remembered
        """
        key = (grant.application_id, grant.id, name)
        found = None if again else self.recent.get(key)
        if found is None:
            # Without what may be large.
            found = replace(await self.calendar(grant, name), description=None, metadata=None, notetaker=None)
            if len(self.recent) >= _MOST_RECENT:
                self.recent.clear()
            self.recent[key] = found
        return found

    def find(self, grant: Grant, name: str) -> Steps[Calendar | None]:
        """None also where it is the primary one, and was not asked for before."""
        if _is_primary(name, grant):
            return (yield from calendars.find_primary(grant.application_id, grant.id))
        return (yield from calendars.find(grant.application_id, grant.id, name))

    def _create_primary(self, grant: Grant) -> Steps[Calendar]:
        fresh = self._fresh(grant, name=grant.email, primary=True)
        if not (yield from self.stays(grant)):
            raise GrantNotFound("Grant not found")
        if (yield from calendars.add(fresh)):
            yield from self._announce_calendar("created", fresh)
            return fresh
        found = yield from calendars.find_primary(grant.application_id, grant.id)
        assert found is not None
        return found

    async def create_calendar(self, grant: Grant, draft: CalendarDraft) -> Calendar:
        primary = await self.calendar(grant, "primary")
        fresh = _with(self._fresh(grant, name=draft.name, primary=False), draft)

        def script() -> Steps[Calendar]:
            # Two that are created at once are counted one after the other.
            yield from self.hold(primary)
            if (yield from calendars.count(grant.application_id, grant.id)) >= MOST_CALENDARS:
                raise InvalidData(f"A grant has at most {MOST_CALENDARS} calendars. Delete one first.")
            yield from calendars.add(fresh)
            yield from _put_calendar_keys(fresh)
            yield from self._announce_calendar("created", fresh)
            return fresh

        return await self.db.write(script())

    async def change_calendar(self, grant: Grant, name: str, change: CalendarDraft) -> Calendar:
        """With another time zone its whole days move along."""
        seen = await self.calendar(grant, name)

        def script() -> Steps[tuple[Calendar, bool]]:
            before, more = (yield from self.hold(seen)), False
            after = replace(_with(before, change), updated_at=self.clock())
            yield from calendars.change(after)
            yield from _put_calendar_keys(after)
            zone = require_zone(after.timezone or "Etc/UTC", "timezone").name
            if after.timezone != before.timezone:
                more = yield from self.rederiving.move(after, zone)
            yield from self._announce_calendar("updated", after)
            return after, more

        changed, more = await self.db.write(script())
        while more:
            more = await self.db.write(self.rederiving.rest(changed))
        return changed

    async def delete_calendar(self, grant: Grant, name: str) -> None:
        seen = await self.calendar(grant, name)
        if seen.is_primary:
            raise InvalidData("calendar_id: the primary calendar goes with its grant and cannot be deleted.")

        def script() -> Steps[None]:
            found = yield from self.hold(seen)
            yield from calendars.delete(found)
            yield from self._announce_calendar("deleted", found)

        await self.db.write(script())

    def _fresh(self, grant: Grant, *, name: str, primary: bool) -> Calendar:
        at = self.clock()
        owner = (grant.application_id, grant.id, new_id(at))
        return Calendar(*owner, name, None, None, None, None, None, None, None, primary, 1, at, at)

    def hold(self, seen: Calendar) -> Steps[Calendar]:
        """Read again, and locked until the transaction ends. Raises DataNotFound: it was deleted meanwhile."""
        found = yield from calendars.hold(seen, self.db.dialect)
        if found is None:
            raise DataNotFound("calendar_id: the calendar was deleted just now.")
        return found

    def take(self, seen: Calendar) -> Steps[Calendar]:
        """As `hold`, to change one of its events: its version is raised already."""
        found = yield from calendars.take(seen)
        if found is None:
            raise DataNotFound("calendar_id: the calendar was deleted just now.")
        return found

    def _announce_calendar(self, change: Change, one: Calendar) -> Steps[None]:
        at = self.clock()
        yield from outbox.announce(
            payloads.of_object(f"calendar.{change}", one.application_id, one.grant_id, shown.calendar(one), at=at)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedEvents:
    """Implements `Events`. Built once, in assembly/."""

    db: Store
    clock: Clock
    calendars: HostedCalendars
    expansions: Expansions

    async def events(self, grant: Grant, name: str, query: EventQuery, *, after: Place, limit: int) -> EventPage:
        def special(found: Calendar) -> Steps[EventPage]:
            if query.metadata:
                return listing.page_of_metadata(found, query, after=after, limit=limit)
            if query.ical_uid is not None:
                return listing.page_of_uid(found, query.ical_uid, after=after, limit=limit)
            return listing.page_of_series(found, query, after=after, limit=limit)

        if query.metadata or query.ical_uid is not None or query.master_event_id is not None:
            return await self._read(grant, name, special)
        gathered = await self._read(
            grant, name, lambda found: listing.gather(found, query, self.expansions, after=after, limit=limit)
        )
        series = await self.expansions.expand(gathered.series)
        return listing.page(series, gathered.rows, query, after=after, limit=limit)

    async def _read(self, grant: Grant, name: str, steps: Callable[[Calendar], Steps[T]]) -> T:
        """Find the calendar and read it in one script."""

        def script() -> Steps[tuple[T] | None]:
            found = yield from self.calendars.find(grant, name)
            return None if found is None else ((yield from steps(found)),)

        read = await self.db.read(script())
        if read is None:
            found = await self.calendars.calendar(grant, name)
            return await self.db.read(steps(found))
        return read[0]

    async def event(self, grant: Grant, name: str, event_id: str) -> Event:
        found, _ = await self._read(grant, name, lambda calendar: _get(calendar, event_id))
        return found

    async def create_event(self, grant: Grant, name: str, draft: EventDraft, *, if_free: bool = False) -> Event:
        seen = await self.calendars.recall(grant, name)
        fresh = fresh_event(grant, seen, draft, at=self.clock())
        if not if_free:
            arms = [events.add_arm(fresh), *_key_arms(seen, fresh, None), *self._notice("created", fresh)]
            if await self.db.write(together(calendars.TAKE, calendars.take_args(seen), arms, self.db.dialect)):
                return fresh
        believed, seen = seen, await self.calendars.recall(grant, name, again=True)

        def script() -> Steps[Event]:
            held = yield from self.calendars.take(seen)
            made = fresh if held.timezone == believed.timezone else fresh_event(grant, held, draft, at=self.clock())
            if if_free:
                yield from _check_free(self.expansions, held, made, email=grant.email.lower())
            yield from self._write(held, "created", made, before=None)
            return made

        return await self.db.write(script())

    async def change_event(
        self, grant: Grant, name: str, event_id: str, change: EventDraft, *, following: bool = False
    ) -> Event:
        """Of a series all of it; of an occurrence that one, which has a row of its own from then on.

        following  of an occurrence also all that come after it: they become a series of their own, which is returned
        """
        seen = await self.calendars.calendar(grant, name)

        def script() -> Steps[Event]:
            held = yield from self.calendars.take(seen)
            before, stored = yield from _get(held, event_id)
            if following and (cut := (yield from _cut_at(held, before))) is not None:
                return (yield from self._change_following(held, *cut, change, email=grant.email))
            if following:
                before, stored = yield from _get(held, before.master_id or event_id)
            if before.master_id is not None and change.recurrence:
                raise InvalidData("recurrence: an occurrence does not repeat by itself. Change its series.")
            after = _changed(before, change, held, email=grant.email)
            after = replace(after, sequence=before.sequence + 1, updated_at=self.clock())
            if before.kind == "series" and (change.when is not None or change.recurrence is not None):
                yield from drop_strays(held, after)
            yield from self._write(held, "updated", after, before=before if stored else None)
            return after

        return await self.db.write(script())

    def _change_following(
        self, held: Calendar, series: Event, wall: Wall, change: EventDraft, *, email: str
    ) -> Steps[Event]:
        at = self.clock()
        id_ = new_id(at)
        rest = replace(
            tail(series, wall), id=id_, ical_uid=f"{id_}@opengrant", created_at=at, updated_at=at, sequence=0
        )
        rest = _changed(rest, change, held, email=email)
        moved = yield from self._end_before(held, series, wall)
        yield from self._write(held, "created", rest, before=None, last=False)
        if change.when is None and change.recurrence is None and rest.kind == "series":
            for row in moved:
                changed_row = replace(
                    row, master_id=id_, ical_uid=rest.ical_uid, id=occurrence_id(rest, cast(int, row.original))
                )
                yield from events.put(changed_row)
                yield from one_by_one(_key_arms(held, changed_row, None))
        return rest

    def _end_before(self, held: Calendar, series: Event, wall: Wall) -> Steps[list[Event]]:
        """End the series before that occurrence. Returns what was changed about single occurrences from there on."""
        rows = yield from events.of_series(series)
        later = [row for row in rows if row.original is not None and row.original >= wall]
        yield from _remove(held, later)
        ended = replace(head(series, wall), sequence=series.sequence + 1, updated_at=self.clock())
        yield from self._write(held, "updated", ended, before=series, last=False)
        return later

    async def delete_event(self, grant: Grant, name: str, event_id: str, *, following: bool = False) -> None:
        """Of a series all of it; an occurrence is taken away, `following` with all after it, and its series goes on."""
        seen = await self.calendars.calendar(grant, name)

        def script() -> Steps[None]:
            held = yield from self.calendars.take(seen)
            found, stored = yield from _get(held, event_id)
            if following and (cut := (yield from _cut_at(held, found))) is not None:
                yield from self._end_before(held, *cut)
                return
            if following:
                found, stored = yield from _get(held, found.master_id or event_id)
            gone = replace(found, status="cancelled", updated_at=self.clock())
            if found.master_id is not None:
                gone = replace(gone, kind="cancelled", busy=False)
                yield from self._write(held, "deleted", gone, before=found if stored else None)
                return
            yield from events.delete_series(found)
            yield from one_by_one(self._notice("deleted", gone))

        await self.db.write(script())

    async def respond(self, grant: Grant, name: str, event_id: str, answer: str, comment: str | None) -> Event:
        """The answer of the grant's own address. Raises InvalidData: it organizes the event, or is not invited."""
        seen = await self.calendars.calendar(grant, name)
        email = grant.email.lower()

        def script() -> Steps[Event]:
            held = yield from self.calendars.take(seen)
            before, stored = yield from _get(held, event_id)
            invited = [dict(one) for one in before.body.get("participants", ())]
            mine = [one for one in invited if str(one.get("email", "")).lower() == email]
            if not mine or str(before.body.get("organizer", {}).get("email", "")).lower() == email:
                raise InvalidData("event_id: this grant is not invited to the event; only participants answer.")
            for one in mine:
                one |= {"status": answer, **({"comment": comment} if comment is not None else {})}
            after = replace(before, body={**before.body, "participants": invited}, updated_at=self.clock())
            yield from self._write(held, "updated", after, before=before if stored else None)
            return after

        return await self.db.write(script())

    async def busy(self, grant: Grant, names: tuple[str, ...], low: int, high: int, *, maybe_too: bool) -> Intervals:
        taken: Intervals = []
        for name in names:
            found = await self._read(
                grant, name, lambda calendar: listing.gather_busy(calendar, low, high, self.expansions)
            )
            series = await self.expansions.expand(found.series)
            taken += listing.busy(series, found.rows, low, high, email=grant.email.lower(), maybe_too=maybe_too)
        return union(clip(taken, low, high))

    def _write(
        self, held: Calendar, change: Change, event: Event, *, before: Event | None, last: bool = True
    ) -> Steps[None]:
        """before: its row as it was, None: it has none yet. last: nothing follows in this script."""
        arms = [*_key_arms(held, event, before), *self._notice(change, event)]
        yield from together(events.PUT, events.COLUMNS.write(event), arms, self.db.dialect, last=last)

    def _notice(self, change: Change, one: Event) -> list[Arm]:
        at = self.clock()
        return outbox.announce_arms(
            payloads.of_object(f"event.{change}", one.application_id, one.grant_id, shown.event(one), at=at)
        )


def new_id(at: Micros) -> str:
    """26 characters that a URL needs no escape for; later ones sort behind earlier ones, to the millisecond."""
    value = (at // (SECOND // 1000) << 80 | int.from_bytes(os.urandom(10))) << 2
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)])


_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]


def fresh_event(grant: Grant, calendar: Calendar, draft: EventDraft, *, at: Micros) -> Event:
    """An event that is not stored yet. Raises InvalidData."""
    if draft.when is None:
        raise InvalidData("when: an event needs one.")
    id_, when = new_id(at), placement(draft.when, calendar.timezone)
    single = Event(
        application_id=grant.application_id,
        grant_id=grant.id,
        calendar_id=calendar.id,
        id=id_,
        kind="single",
        master_id=None,
        original=None,
        ical_uid=draft.ical_uid or f"{id_}@opengrant",
        whole_days=when.whole_days,
        wall=when.wall,
        zone=when.zone,
        later=when.later,
        duration=when.duration,
        start_zone=when.start_zone,
        end_zone=when.end_zone,
        start_at=when.start_at,
        end_at=when.end_at,
        tz_version=VERSION,
        recurrence=(),
        series_end=None,
        status="confirmed",
        busy=draft.busy is not False,
        body={"organizer": {"email": grant.email}, **(draft.body or {})},
        metadata=draft.metadata,
        sequence=0,
        created_at=at,
        updated_at=at,
    )
    return repeat(single, draft.recurrence or ())


def _with(calendar: Calendar, draft: CalendarDraft) -> Calendar:
    if draft.timezone is not None:
        draft = replace(draft, timezone=require_zone(draft.timezone, "timezone").name)
    return replace(calendar, **{name: getattr(draft, name) for name in draft.sent})


def _put_calendar_keys(calendar: Calendar) -> Steps[None]:
    yield from calendars.put_keys(calendar, "calendar", calendar.id, searched(calendar.metadata), start_at=0)


def _sent(before: Event, body: Mapping[str, Any], *, email: str) -> Mapping[str, Any]:
    """What is changed about what is shown. What participants answered is theirs to change, and the organizer's."""
    organizer = before.body.get("organizer") or {"email": email}
    own = str(organizer.get("email", "")).lower() == email.lower()
    found = dict(body)
    if "organizer" in body:
        found["organizer"] = {**body["organizer"], "email": organizer["email"]} if own else organizer
    if "participants" in body:
        known = {str(one.get("email", "")).lower(): one.get("status") for one in before.body.get("participants", ())}
        answered = [(one, known.get(one["email"].lower()) or "noreply") for one in body["participants"]]
        found["participants"] = [
            {**one, "status": one.get("status", status) if own else status} for one, status in answered
        ]
    return found


def _changed(before: Event, change: EventDraft, calendar: Calendar, *, email: str) -> Event:
    """email: the grant's."""
    after = replace(
        before,
        busy=before.busy if change.busy is None else change.busy,
        metadata=before.metadata if change.metadata is None else change.metadata,
        body={**before.body, **_sent(before, change.body or {}, email=email)},
    )
    if change.when is not None:
        after = place(after, change.when, calendar.timezone)
    lines = before.recurrence if change.recurrence is None else change.recurrence
    return repeat(after, lines) if before.master_id is None else after


def _get(calendar: Calendar, event_id: str) -> Steps[tuple[Event, bool]]:
    """A row, or an occurrence of a series; and whether it is a row. Raises DataNotFound."""
    found = yield from events.find(calendar, event_id)
    if found is None and (parts := split_id(event_id)) is not None:
        master = yield from events.find(calendar, parts[0])
        wall = None if master is None or master.kind != "series" else find_occurrence(master, parts[1])
        if master is not None and wall is not None:
            return occurrence(master, wall), False
    if found is None or found.kind == "cancelled":
        raise DataNotFound(f"event_id: this calendar has no event {event_id[:60]!r}.")
    return found, True


def _cut_at(calendar: Calendar, occurrence_: Event) -> Steps[tuple[Event, Wall] | None]:
    """The series, and the wall time of the occurrence that it is to be cut at. None: it is the first, so all of it.

    Raises InvalidData: this is no occurrence.
    """
    if occurrence_.master_id is None or occurrence_.original is None:
        raise InvalidData("edit_scope: `following` needs the id of one occurrence of a series.")
    series = yield from events.find(calendar, occurrence_.master_id)
    assert series is not None
    return None if occurrence_.original <= series.wall else (series, occurrence_.original)


def _key_arms(calendar: Calendar, event: Event, before: Event | None) -> list[Arm]:
    """What differs of what can be searched for. before: the row as it was."""
    was = {} if before is None else dict(searched(before.metadata))
    keys = {} if event.kind == "cancelled" else dict(searched(event.metadata))
    moved = before is not None and before.start_at != event.start_at
    fresh = [(name, value) for name, value in keys.items() if moved or was.get(name) != value]
    return [
        *calendars.no_key_arms(calendar, "event", event.id, was.keys() - keys.keys()),
        *calendars.key_arms(calendar, "event", event.id, fresh, start_at=event.start_at),
    ]


def drop_strays(calendar: Calendar, series: Event) -> Steps[None]:
    """Changes of single occurrences that the series does not have any more."""
    rows = yield from events.of_series(series)
    if not rows:
        return
    kept: set[int] = set()
    if series.kind == "series":
        walls = [cast(int, row.original) for row in rows]
        kept = set(expand(series_of(series), min(walls), max(walls)))
    # Also those at another instant now, in another zone or as a whole day: ids of occurrences tell instants.
    strays = [row for row in rows if row.original not in kept or row.id != occurrence_id(series, row.original)]
    yield from _remove(calendar, strays)


def _remove(calendar: Calendar, rows: Sequence[Event]) -> Steps[None]:
    """With what of them can be searched for."""
    for one in rows:
        yield from calendars.put_keys(calendar, "event", one.id, (), start_at=0)
    yield from events.delete(rows)


def _check_free(expansions: Expansions, calendar: Calendar, event: Event, *, email: str) -> Steps[None]:
    """Raises SlotTaken."""
    if not event.busy:
        return
    wanted = [(event.start_at, event.end_at)]
    if event.kind == "series":
        wanted = [(begin, end) for begin, end, _ in instants(event, event.start_at, event.start_at + _CHECKED)]
    low, high = wanted[0][0], wanted[-1][1]
    found = yield from listing.gather_busy(calendar, low, high, expansions)
    series = expansions.expand_here(found.series)
    taken = union(listing.busy(series, found.rows, low, high, email=email, maybe_too=True))
    number = 0
    for begin, end in wanted:
        while number < len(taken) and taken[number][1] <= begin:
            number += 1
        if number < len(taken) and taken[number][0] < end:
            raise SlotTaken("The calendar is taken at that time. Nothing was created; choose another time.")


def _is_primary(name: str, grant: Grant) -> bool:
    """Whether the primary calendar is called that: it also goes by the grant's address, however that is written."""
    return name == "primary" or name.lower() == grant.email.lower()


__all__ = ["BEGINNING", "MOST_CALENDARS", "HostedCalendars", "drop_strays", "fresh_event", "new_id"]
