"""Pages of events in a window: rows of their own, and series either whole or expanded, in one order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

from opengrant.calendars.drafts import EventPage, EventQuery, Place
from opengrant.calendars.expansion import Expanded, Expansions, Unexpanded
from opengrant.calendars.intervals import Interval
from opengrant.calendars.occurrences import instants, occurrence, occurrence_id
from opengrant.model.calendars import Calendar, Event
from opengrant.store.calendars import calendars, events
from opengrant.store.engine.json_columns import get_object
from opengrant.store.engine.port import Row, Steps

_MOST_OF_UID = 10_000
_AT_LEAST = 50
"""Rows that are read at once: filters that few pass would else ask too often."""


class _Found(NamedTuple):
    """An event of a page before it is made: an occurrence costs more to make than to find. wall: of an occurrence."""

    place: Place
    event: Event
    wall: int | None = None

    def made(self) -> Event:
        return self.event if self.wall is None else occurrence(self.event, self.wall, id_=self.place[1])


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the database has of a page. rows: single events and overrides that pass the filters."""

    series: Unexpanded
    rows: list[Event]


def gather(
    calendar: Calendar, query: EventQuery, expansions: Expansions, *, after: Place, limit: int
) -> Steps[Gathered]:
    series = yield from expansions.read(calendar, query.start, query.end)
    found: list[Event] = []
    size = max(limit + 1, _AT_LEAST)
    while len(found) <= limit:
        batch = yield from events.between(
            calendar, low=query.start, high=query.end, after=after, limit=size, cancelled=query.cancelled
        )
        found += [one for one in batch if matches(one, query)]
        if len(batch) < size:
            break
        after = (batch[-1].start_at, batch[-1].id)
    return Gathered(series, found)


def page(series: Expanded, rows: Iterable[Event], query: EventQuery, *, after: Place, limit: int) -> EventPage:
    """By start, then by id."""
    repeated = _occurrences(series, query, after) if query.expand else iter(_whole(series, query, after))
    merged = merge(repeated, (_Found((one.start_at, one.id), one) for one in rows), key=_place)
    return _cut(list(islice(merged, limit + 1)), limit)


def _occurrences(series: Expanded, query: EventQuery, after: Place) -> Iterator[_Found]:
    passing: dict[int, bool] = {}
    for place in series.between(query.start, query.end, since=after[0]):
        number, wall = series.numbers[place], series.walls[place]
        one = series.series[number]
        passes = passing.get(number)
        if passes is None:
            passes = passing[number] = matches(one, query)
        if passes and (one.id, wall) not in series.changed:
            found = (series.begins[place], occurrence_id(one, wall))
            if found > after:
                yield _Found(found, one, wall)


def _whole(series: Expanded, query: EventQuery, after: Place) -> list[_Found]:
    """Series that occur in the window, also if every occurrence there is changed."""
    numbers = {series.numbers[place] for place in series.between(query.start, query.end)}
    chosen = [one for one in map(series.series.__getitem__, numbers) if matches(one, query)]
    return sorted((_Found((one.start_at, one.id), one) for one in chosen if (one.start_at, one.id) > after), key=_place)


def page_of_series(calendar: Calendar, query: EventQuery, *, after: Place, limit: int) -> Steps[EventPage]:
    """The occurrences of one series in a window, changed ones among them."""
    assert query.master_event_id is not None
    master = yield from events.find(calendar, query.master_event_id)
    if master is None or master.kind != "series":
        return EventPage([], None)
    rows = yield from events.of_series(master)
    changed = frozenset(row.original for row in rows if row.original is not None)
    own = []
    for row in rows:
        shown = query.cancelled or row.kind != "cancelled"
        inside = row.start_at <= query.end and (row.end_at > query.start or row.start_at >= query.start)
        if shown and inside and matches(row, query) and (row.start_at, row.id) > after:
            own.append(_Found((row.start_at, row.id), row))
    repeated = _of_series(master, changed, query, after) if matches(master, query) else iter(())
    merged = merge(repeated, sorted(own, key=_place), key=_place)
    return _cut(list(islice(merged, limit + 1)), limit)


def _of_series(master: Event, changed: frozenset[int], query: EventQuery, after: Place) -> Iterator[_Found]:
    # Sorted: a time that a zone skips is moved behind later ones.
    for at, _, wall in sorted(instants(master, max(query.start, after[0]), query.end)):
        if wall not in changed:
            found = (at, occurrence_id(master, wall))
            if found > after:
                yield _Found(found, master, wall)


def page_of_uid(calendar: Calendar, ical_uid: str, *, after: Place, limit: int) -> Steps[EventPage]:
    """An event or a series by the id that it has in iCalendar, at any time."""
    rows = yield from events.with_uid(calendar, ical_uid, limit=_MOST_OF_UID)
    found = [_Found((row.start_at, row.id), row) for row in rows if row.kind != "cancelled"]
    return _cut([one for one in found if one.place > after], limit)


def page_of_metadata(calendar: Calendar, query: EventQuery, *, after: Place, limit: int) -> Steps[EventPage]:
    """Events with all these pairs of metadata, at any time."""
    ids = yield from calendars.find_keyed(
        calendar.application_id,
        calendar.grant_id,
        "event",
        query.metadata,
        after=after,
        limit=limit + 1,
        calendar_id=calendar.id,
    )
    found = []
    for start_at, id_ in ids:
        row = yield from events.find(calendar, id_)
        if row is not None:
            found.append(_Found((start_at, id_), row))
    return _cut(found, limit)


def _cut(found: list[_Found], limit: int) -> EventPage:
    return EventPage([one.made() for one in found[:limit]], found[limit - 1].place if len(found) > limit else None)


def _place(found: _Found) -> Place:
    return found.place


def matches(event: Event, query: EventQuery) -> bool:
    """Whether it passes the filters that no index serves."""
    if query.busy is not None and event.busy != query.busy:
        return False
    if query.updated_after is not None and event.updated_at <= query.updated_after:
        return False
    if query.updated_before is not None and event.updated_at >= query.updated_before:
        return False
    for wanted, name in ((query.title, "title"), (query.description, "description"), (query.location, "location")):
        if wanted and not _contains(str(event.body.get(name) or ""), wanted):
            return False
    if query.attendees:
        invited = {str(one.get("email", "")).lower() for one in event.body.get("participants", ())}
        return bool(query.attendees & invited)
    return True


def _contains(text: str, words: str) -> bool:
    text = text.casefold()
    return all(word in text for word in words.casefold().split())


@dataclass(frozen=True, slots=True)
class Taken:
    """What the database has of busy time, before series are expanded. rows: see `events.busy_between`."""

    series: Unexpanded
    rows: Sequence[Row]


def gather_busy(calendar: Calendar, low: int, high: int, expansions: Expansions) -> Steps[Taken]:
    series = yield from expansions.read(calendar, low, high)
    rows = yield from events.busy_between(calendar, low=low, high=high)
    return Taken(series, rows)


def busy(series: Expanded, rows: Sequence[Row], low: int, high: int, *, email: str, maybe_too: bool) -> list[Interval]:
    """What takes time from `low` to `high`, in no order and not cut to it.

    email      of the calendar's owner: what they have declined does not count
    maybe_too  tentative events count
    """
    refusing = ['"status":"no"'] if maybe_too else ['"status":"no"', '"status":"maybe"']
    taken = [
        (begin, end)
        for begin, end, status, body in rows
        if (maybe_too or status != "maybe")
        # Only bodies that hold such an answer are read.
        and (not any(answer in body for answer in refusing) or _attends(get_object(body), email, maybe_too=maybe_too))
    ]
    counting = [_takes_time(one, email, maybe_too=maybe_too) for one in series.series]
    begins, ends, numbers = series.begins, series.ends, series.numbers
    if not series.changed:
        taken += [(begins[place], ends[place]) for place in series.between(low, high) if counting[numbers[place]]]
        return taken
    for place in series.between(low, high):
        one = series.series[numbers[place]]
        if counting[numbers[place]] and (one.id, series.walls[place]) not in series.changed:
            taken.append((begins[place], ends[place]))
    return taken


def _takes_time(event: Event, email: str, *, maybe_too: bool) -> bool:
    if not event.busy or event.status == "cancelled" or (event.status == "maybe" and not maybe_too):
        return False
    return _attends(event.body, email, maybe_too=maybe_too)


def _attends(body: Mapping[str, Any], email: str, *, maybe_too: bool) -> bool:
    """Whether the owner has not declined it."""
    for one in body.get("participants", ()):
        if str(one.get("email", "")).lower() == email:
            answer = one.get("status")
            return answer != "no" and (answer != "maybe" or maybe_too)
    return True
