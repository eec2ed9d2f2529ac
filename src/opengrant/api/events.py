"""/v3/grants/{grant_id}/events."""

from typing import Any

from opengrant.api.calendars import BY_TOKEN, ERRORS
from opengrant.api.http import cursors, data_plane
from opengrant.api.http.data_plane import grant_of
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, One, route
from opengrant.api.wire import events as wire
from opengrant.api.wire.fields import Answer
from opengrant.calendars import shown
from opengrant.calendars.drafts import BEGINNING, EventQuery, Place
from opengrant.errors import InvalidData, SlotTaken
from opengrant.model import SECOND
from opengrant.model.calendars import Event

TAG = "Events"
_EVENTS = "/v3/grants/{grant_id}/events"
_EVENT = f"{_EVENTS}/{{event_id}}"
_MONTH = 31 * 86_400
_LONGEST = 5 * 366 * 86_400
_LISTS = frozenset({"attendees", "metadata_pair", "event_type"})
_ALONE = (
    *("title", "description", "location", "busy", "attendees", "master_event_id", "updated_before", "updated_after"),
    *("show_cancelled", "expand_recurring"),
)
_TIMELESS = frozenset({"ical_uid", "metadata_pair"})
"""Filters that look at all times, and exclude the others."""


@route("GET", _EVENTS, tag=TAG, access=BY_TOKEN, query=wire.EventsQuery, answers=Cursor(wire.Event), errors=ERRORS)
async def list_events(request: Request) -> tuple[list[Answer], str | None]:
    """List events.

    Lists the events of a calendar, by start.

    Series are listed whole, with their changed occurrences beside them, unless `expand_recurring` is true.
    """
    grant = await grant_of(request)
    events, virtual = request.services.calendars.events_of(grant), request.services.calendars.is_virtual(grant)
    raw, place = _continued(request, of=f"events {grant.id}", but_for=_TIMELESS)
    query = data_plane.check(wire.EventsQuery, raw)
    chosen = data_plane.selection(query.select)
    found = await events.events(
        grant,
        query.calendar_id,
        _query(query),
        after=data_plane.time_and_id(place) or BEGINNING,
        limit=min(query.limit, 200),
    )
    cursor = _cursor(raw, found.next, of=f"events {grant.id}")
    return [chosen(shown.event(one, virtual=virtual)) for one in found.events], cursor


@route(
    "GET",
    f"{_EVENTS}/import",
    tag=TAG,
    access=BY_TOKEN,
    query=wire.ImportQuery,
    answers=Cursor(wire.Event),
    errors=ERRORS,
)
async def import_events(request: Request) -> tuple[list[Answer], str | None]:
    """Import events.

    Lists series, changed occurrences and single events of a time span, to copy a calendar.
    """
    grant = await grant_of(request)
    events, virtual = request.services.calendars.events_of(grant), request.services.calendars.is_virtual(grant)
    raw, place = _continued(request, of=f"events/import {grant.id}")
    query = data_plane.check(wire.ImportQuery, raw)
    chosen = data_plane.selection(query.select)
    start, end = _window(query.start, query.end)
    found = await events.events(
        grant,
        query.calendar_id,
        EventQuery(start, end),
        after=data_plane.time_and_id(place) or BEGINNING,
        limit=min(query.limit, 500),
    )
    cursor = _cursor(raw, found.next, of=f"events/import {grant.id}")
    return [chosen(shown.event(one, virtual=virtual)) for one in found.events], cursor


@route(
    "POST",
    _EVENTS,
    tag=TAG,
    access=BY_TOKEN,
    body=wire.EventBody,
    query=wire.OfCalendar,
    answers=One(wire.Event),
    errors=(*ERRORS, SlotTaken),
    reads=("If-Available",),
)
async def create_event(request: Request) -> Answer:
    """Create an event.

    In one of the grant's calendars.

    With the header `If-Available: true` it is created only where its time is free, decided in the transaction: of two
    requests for one slot, one gets 409. That is an addition of this server.
    """
    grant = await grant_of(request)
    events, virtual = request.services.calendars.events_of(grant), request.services.calendars.is_virtual(grant)
    query = data_plane.read_flags(request, wire.OfCalendar)
    draft = data_plane.read(request, wire.EventBody).to_model(grant.email, virtual=virtual, creates=True)
    made = await events.create_event(grant, query.calendar_id, draft, if_free=_flag(request, b"if-available"))
    return data_plane.selection(query.select)(_written(made, virtual=virtual))


@route("GET", _EVENT, tag=TAG, access=BY_TOKEN, query=wire.OfCalendar, answers=One(wire.Event), errors=ERRORS)
async def get_event(request: Request) -> Answer:
    """Get an event.

    An event, a series, or one occurrence by its own id.
    """
    grant = await grant_of(request)
    events, virtual = request.services.calendars.events_of(grant), request.services.calendars.is_virtual(grant)
    query = data_plane.read_flags(request, wire.OfCalendar)
    found = await events.event(grant, query.calendar_id, request.params["event_id"])
    return data_plane.selection(query.select)(shown.event(found, virtual=virtual))


@route(
    "PUT",
    _EVENT,
    tag=TAG,
    access=BY_TOKEN,
    body=wire.EventBody,
    query=wire.Edit,
    answers=One(wire.Event),
    errors=ERRORS,
)
async def update_event(request: Request) -> Answer:
    """Update an event.

    The id of a series changes all of it. The id of an occurrence changes this one, or all that follow too.

    Another time or rule of a series drops the changes of occurrences that it does not have any more.
    """
    grant = await grant_of(request)
    events, virtual = request.services.calendars.events_of(grant), request.services.calendars.is_virtual(grant)
    query = data_plane.read_flags(request, wire.Edit)
    change = data_plane.read(request, wire.EventBody).to_model(grant.email, virtual=virtual, creates=False)
    following = query.edit_scope == "following"
    changed = await events.change_event(
        grant, query.calendar_id, request.params["event_id"], change, following=following
    )
    return data_plane.selection(query.select)(_written(changed, virtual=virtual))


@route("DELETE", _EVENT, tag=TAG, access=BY_TOKEN, query=wire.Edit, errors=ERRORS)
async def delete_event(request: Request) -> None:
    """Delete an event.

    Deletes an event, a whole series, one occurrence, or one and all that follow.
    """
    grant = await grant_of(request)
    events = request.services.calendars.events_of(grant)
    query = data_plane.read_flags(request, wire.Edit)
    following = query.edit_scope == "following"
    await events.delete_event(grant, query.calendar_id, request.params["event_id"], following=following)


@route(
    "POST",
    f"{_EVENT}/send-rsvp",
    tag=TAG,
    access=BY_TOKEN,
    body=wire.RsvpBody,
    query=wire.OfCalendar,
    answers=One(wire.Rsvp),
    errors=ERRORS,
)
async def send_rsvp(request: Request) -> Answer:
    """Send an RSVP.

    Answers an invitation as the grant's own address. The answer is stored; no mail is sent yet.
    """
    grant = await grant_of(request)
    events = request.services.calendars.events_of(grant)
    query = data_plane.read_flags(request, wire.OfCalendar)
    body = data_plane.read(request, wire.RsvpBody)
    await events.respond(grant, query.calendar_id, request.params["event_id"], body.status, body.comment)
    return {}


def _written(event: Event, *, virtual: bool) -> Answer:
    """An event that was just written, and whether its participants were told."""
    answer = shown.event(event, virtual=virtual)
    return answer if virtual or not answer["participants"] else {**answer, "opengrant": {"notified": False}}


def _continued(
    request: Request, *, of: str, but_for: frozenset[str] = frozenset()
) -> tuple[dict[str, str], list[Any] | None]:
    """The query with its window pinned, so that every page is of the same one. but_for: filters that need none."""
    raw, place = data_plane.continued(data_plane.raw_query(request, lists=_LISTS), of=of)
    if but_for & raw.keys():
        return raw, place
    raw.setdefault("start", str(request.services.calendars.clock() // SECOND))
    if raw["start"].lstrip("-").isdecimal():
        raw.setdefault("end", str(int(raw["start"][:20]) + _MONTH))
    return raw, place


def _cursor(raw: dict[str, str], place: Place | None, *, of: str) -> str | None:
    return None if place is None else cursors.cursor(raw, list(place), of=of)


def _window(start: int | None, end: int | None) -> tuple[int, int]:
    assert start is not None
    assert end is not None
    if start > end:
        raise InvalidData("start: it is after end.")
    if end - start > _LONGEST:
        raise InvalidData("end: at most five years after start.")
    return start, end


def _window_of(query: wire.EventsQuery) -> tuple[int, int]:
    """Empty for the filters that look at all times. Raises InvalidData: they do not stand alone."""
    defaults = wire.EventsQuery.model_fields
    for name, excluded in (("ical_uid", (*_ALONE, "metadata_pair", "start", "end")), ("metadata_pair", _ALONE)):
        if getattr(query, name) is not None:
            others = [other for other in excluded if getattr(query, other) != defaults[other].default]
            if others:
                raise InvalidData(f"{name}: it does not go with {others[0]}.")
            return 0, 0
    return _window(query.start, query.end)


def _query(query: wire.EventsQuery) -> EventQuery:
    start, end = _window_of(query)
    pairs = () if query.metadata_pair is None else wire.read_pairs(query.metadata_pair)
    return EventQuery(
        start=start,
        end=end,
        title=query.title or "",
        description=query.description or "",
        location=query.location or "",
        busy=query.busy,
        attendees=frozenset(one.strip().lower() for one in (query.attendees or "").split(",") if one.strip()),
        ical_uid=query.ical_uid,
        master_event_id=query.master_event_id,
        metadata=pairs,
        updated_before=None if query.updated_before is None else query.updated_before * SECOND,
        updated_after=None if query.updated_after is None else query.updated_after * SECOND,
        cancelled=query.show_cancelled,
        expand=query.expand_recurring,
    )


def _flag(request: Request, name: bytes) -> bool:
    value = (request.header(name) or "").strip().lower()
    if value not in ("", "true", "false"):
        raise InvalidData(f"{name.decode()}: write true or false.")
    return value == "true"
