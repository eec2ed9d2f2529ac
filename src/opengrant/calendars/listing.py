"""Pages of events in a window: rows of their own, and series either whole or expanded, in one order."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge

from opengrant.calendars.drafts import EventPage, EventQuery, Place
from opengrant.calendars.intervals import Interval
from opengrant.calendars.occurrences import instants, occurrence, occurrence_id
from opengrant.calendars.zones import SLACK
from opengrant.model.calendars import Calendar, Event
from opengrant.store.calendars import calendars, events
from opengrant.store.engine.port import Steps

_MOST_OF_UID = 10_000
_AT_LEAST = 50
"""Rows that are read at once: filters that few pass would else ask too often."""


@dataclass(frozen=True, slots=True)
class _Found:
    """An event of a page before it is made: an occurrence costs more to make than to find. wall: of an occurrence."""

    place: Place
    event: Event
    wall: int | None = None

    def made(self) -> Event:
        return self.event if self.wall is None else occurrence(self.event, self.wall)


def page(calendar: Calendar, query: EventQuery, *, after: Place, limit: int) -> Steps[EventPage]:
    """By start, then by id."""
    series = yield from events.series_between(calendar, low=query.start, high=query.end)
    series = [one for one in series if matches(one, query)]
    if query.expand:
        changed = yield from _changed(calendar, query)
        repeated = _expanded(series, changed, query)
    else:
        repeated = (_Found((one.start_at, one.id), one) for one in series if instants(one, query.start, query.end))
    waiting = sorted((found for found in repeated if found.place > after), key=_place)
    found: list[_Found] = []
    while len(found) <= limit:
        batch = yield from events.between(
            calendar,
            low=query.start,
            high=query.end,
            after=after,
            limit=max(limit + 1, _AT_LEAST),
            cancelled=query.cancelled,
        )
        found += [_Found((one.start_at, one.id), one) for one in batch if matches(one, query)]
        if len(batch) < max(limit + 1, _AT_LEAST):
            break
        after = (batch[-1].start_at, batch[-1].id)
    merged = merge(waiting, found, key=_place)
    chosen = [one for one, _ in zip(merged, range(limit + 1), strict=False)]
    return _cut(chosen, limit)


def page_of_series(calendar: Calendar, query: EventQuery, *, after: Place, limit: int) -> Steps[EventPage]:
    """The occurrences of one series in a window, changed ones among them."""
    assert query.master_event_id is not None
    master = yield from events.find(calendar, query.master_event_id)
    if master is None or master.kind != "series":
        return EventPage([], None)
    rows = yield from events.of_series(master)
    changed = frozenset((master.id, row.original) for row in rows if row.original is not None)
    found = [one for one in _expanded([master], changed, query) if matches(master, query)]
    for row in rows:
        shown = query.cancelled or row.kind != "cancelled"
        inside = row.start_at <= query.end and (row.end_at > query.start or row.start_at >= query.start)
        if shown and inside and matches(row, query):
            found.append(_Found((row.start_at, row.id), row))
    found = sorted((one for one in found if one.place > after), key=_place)
    return _cut(found, limit)


def page_of_uid(calendar: Calendar, ical_uid: str, *, after: Place, limit: int) -> Steps[EventPage]:
    """An event or a series by the id that it has in iCalendar, at any time."""
    rows = yield from events.with_uid(calendar, ical_uid, limit=_MOST_OF_UID)
    found = [_Found((row.start_at, row.id), row) for row in rows if row.kind != "cancelled"]
    return _cut([one for one in found if one.place > after], limit)


def page_of_metadata(calendar: Calendar, query: EventQuery, *, after: Place, limit: int) -> Steps[EventPage]:
    """Events with all these pairs of metadata, at any time, in the order of their ids."""
    ids = yield from calendars.find_keyed(
        calendar.application_id,
        calendar.grant_id,
        "event",
        query.metadata,
        after=after[1],
        limit=limit + 1,
        calendar_id=calendar.id,
    )
    found = []
    for id_ in ids:
        row = yield from events.find(calendar, id_)
        if row is not None:
            found.append(_Found((0, row.id), row))
    return _cut(found, limit)


def _cut(found: list[_Found], limit: int) -> EventPage:
    return EventPage([one.made() for one in found[:limit]], found[limit - 1].place if len(found) > limit else None)


def _place(found: _Found) -> Place:
    return found.place


def _changed(calendar: Calendar, query: EventQuery) -> Steps[frozenset[tuple[str, int]]]:
    rows = yield from events.changed_between(calendar, low=query.start - _FAR, high=query.end + SLACK)
    return frozenset(rows)


_FAR = 10 * 366 * 86_400 + SLACK
"""The longest event, so that an occurrence that began long before the window and was changed is found."""


def _expanded(series: Iterable[Event], changed: frozenset[tuple[str, int]], query: EventQuery) -> Iterator[_Found]:
    for one in series:
        for at, _, wall in instants(one, query.start, query.end):
            if (one.id, wall) not in changed:
                yield _Found((at, occurrence_id(one, wall)), one, wall)


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


def busy(calendar: Calendar, low: int, high: int, *, email: str, maybe_too: bool) -> Steps[list[Interval]]:
    """What takes time from `low` to `high`, in no order and not cut to it.

    email      of the calendar's owner: what they have declined does not count
    maybe_too  tentative events count
    """
    query = EventQuery(low, high, busy=True)
    series = yield from events.series_between(calendar, low=low, high=high)
    changed = yield from _changed(calendar, query) if series else _nothing()
    rows = yield from events.between(calendar, low=low, high=high, after=(-(1 << 62), ""), limit=1 << 31)
    taken = [(one.start_at, one.end_at) for one in rows if _takes_time(one, email, maybe_too=maybe_too)]
    for one in series:
        if _takes_time(one, email, maybe_too=maybe_too):
            taken += [(at, end) for at, end, wall in instants(one, low, high) if (one.id, wall) not in changed]
    return taken


def _nothing() -> Steps[frozenset[tuple[str, int]]]:
    return frozenset()
    yield


def _takes_time(event: Event, email: str, *, maybe_too: bool) -> bool:
    if not event.busy or event.status == "cancelled" or (event.status == "maybe" and not maybe_too):
        return False
    for one in event.body.get("participants", ()):
        if str(one.get("email", "")).lower() == email:
            answer = one.get("status")
            return answer != "no" and (answer != "maybe" or maybe_too)
    return True
