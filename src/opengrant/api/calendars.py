"""/v3/grants/{grant_id}/calendars, free/busy and availability."""

from typing import Any

from opengrant.api.http import cursors, data_plane
from opengrant.api.http.data_plane import grant_of
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, Key, One, route
from opengrant.api.wire import availability as times
from opengrant.api.wire import calendars as wire
from opengrant.api.wire.events import read_pairs
from opengrant.api.wire.fields import Answer
from opengrant.calendars import shown
from opengrant.errors import Blocked, DataNotFound, GrantNotFound, InvalidData, NotImplementedYet

TAG = "Calendars"
ERRORS = (InvalidData, GrantNotFound, DataNotFound, Blocked, NotImplementedYet)
_CALENDARS = "/v3/grants/{grant_id}/calendars"
_CALENDAR = f"{_CALENDARS}/{{calendar_id}}"
BY_TOKEN = Key(by_token=True)


@route(
    "GET", _CALENDARS, tag=TAG, access=BY_TOKEN, query=wire.CalendarsQuery, answers=Cursor(wire.Calendar), errors=ERRORS
)
async def list_calendars(request: Request) -> tuple[list[Answer], str | None]:
    """List calendars.

    The primary one first.

    For virtual-calendar grants and Agent Accounts. The primary calendar comes with the grant.
    """
    grant = await grant_of(request)
    raw, place = data_plane.continued(
        data_plane.raw_query(request, lists=frozenset({"metadata_pair"})), of=f"calendars {grant.id}"
    )
    query = data_plane.check(wire.CalendarsQuery, raw)
    chosen = data_plane.selection(query.select)
    pairs = () if query.metadata_pair is None else read_pairs(query.metadata_pair)
    found = await request.services.calendars.calendars_of(grant).calendars(
        grant, metadata=pairs, after=_after(place), limit=min(query.limit, 200)
    )
    cursor = None if found.next is None else cursors.cursor(raw, [found.next], of=f"calendars {grant.id}")
    return [chosen(shown.calendar(one)) for one in found.calendars], cursor


def _after(place: list[Any] | None) -> str:
    if place is None:
        return ""
    if len(place) != 1 or not isinstance(place[0], str):
        raise InvalidData("page_token: this is no next_cursor of this list.")
    return place[0]


@route(
    "POST",
    _CALENDARS,
    tag=TAG,
    access=BY_TOKEN,
    body=wire.CalendarBody,
    query=wire.Selected,
    answers=One(wire.Calendar),
    errors=ERRORS,
)
async def create_calendar(request: Request) -> Answer:
    """Create a calendar.

    Beside the primary one. A grant has ten at most.
    """
    grant = await grant_of(request)
    query = data_plane.read_flags(request, wire.Selected)
    draft = data_plane.read(request, wire.CalendarBody).to_model()
    made = await request.services.calendars.calendars_of(grant).create_calendar(grant, draft)
    return data_plane.selection(query.select)(shown.calendar(made))


@route("GET", _CALENDAR, tag=TAG, access=BY_TOKEN, query=wire.Selected, answers=One(wire.Calendar), errors=ERRORS)
async def get_calendar(request: Request) -> Answer:
    """Get a calendar.

    By its id; `primary` is the grant's first.
    """
    grant = await grant_of(request)
    query = data_plane.read_flags(request, wire.Selected)
    found = await request.services.calendars.calendars_of(grant).calendar(grant, request.params["calendar_id"])
    return data_plane.selection(query.select)(shown.calendar(found))


@route(
    "PUT",
    _CALENDAR,
    tag=TAG,
    access=BY_TOKEN,
    body=wire.CalendarPatch,
    query=wire.Selected,
    answers=One(wire.Calendar),
    errors=ERRORS,
)
async def update_calendar(request: Request) -> Answer:
    """Update a calendar.

    What is left out stays. Metadata that is sent replaces all of it.
    """
    grant = await grant_of(request)
    query = data_plane.read_flags(request, wire.Selected)
    change = data_plane.read(request, wire.CalendarPatch).to_model()
    changed = await request.services.calendars.calendars_of(grant).change_calendar(
        grant, request.params["calendar_id"], change
    )
    return data_plane.selection(query.select)(shown.calendar(changed))


@route("DELETE", _CALENDAR, tag=TAG, access=BY_TOKEN, errors=ERRORS)
async def delete_calendar(request: Request) -> None:
    """Delete a calendar.

    Deletes the calendar with its events. The primary one is deleted with its grant only.
    """
    grant = await grant_of(request)
    await request.services.calendars.calendars_of(grant).delete_calendar(grant, request.params["calendar_id"])


@route(
    "POST",
    f"{_CALENDARS}/free-busy",
    tag=TAG,
    access=BY_TOKEN,
    body=times.FreeBusyBody,
    answers=One(times.FreeBusyList),
    errors=ERRORS,
)
async def free_busy(request: Request) -> list[Answer]:
    """Get free and busy times.

    Tells when the primary calendars of grants of this application are taken. One entry for each address.

    An access token sees its own grant only.
    """
    await grant_of(request)
    body = data_plane.read(request, times.FreeBusyBody)
    body.check()
    found = await request.services.calendars.free_busy(
        request.application,
        body.emails,
        body.start_time,
        body.end_time,
        maybe_too=body.tentative_as_busy,
        only=None if request.holder is None else request.holder.grant_id,
    )
    return [
        {"email": email, "object": "error", "error": taken}
        if isinstance(taken, str)
        else {
            "email": email,
            "object": "free_busy",
            "time_slots": [
                {"start_time": begin, "end_time": end, "status": "busy", "object": "time_slot"} for begin, end in taken
            ],
        }
        for email, taken in found
    ]


@route(
    "POST",
    "/v3/calendars/availability",
    tag=TAG,
    body=times.AvailabilityBody,
    answers=One(times.Availability),
    errors=ERRORS,
)
async def availability(request: Request) -> Answer:
    """Find available times.

    Finds times at which participants can meet.

    `collective`: all of them. `max-availability`: at least one. `max-fairness`: at least one of the
    first half of `order`.
    """
    body = data_plane.read(request, times.AvailabilityBody)
    rules = body.availability_rules
    found = await request.services.calendars.availability(
        request.application,
        body.asked(),
        body.wanted(),
        method=body.method(),
        group=None if rules is None else rules.round_robin_group_id,
        maybe_too=rules is None or rules.tentative_as_busy is not False,
    )
    slots = [{"emails": one.emails, "start_time": one.start, "end_time": one.end} for one in found.slots]
    return {"time_slots": slots} if found.order is None else {"order": found.order, "time_slots": slots}


@route(
    "GET",
    "/v3/grants/{grant_id}/resources",
    tag=TAG,
    access=BY_TOKEN,
    query=wire.ResourcesQuery,
    answers=Cursor(wire.RoomResource),
    errors=ERRORS,
)
async def list_resources(request: Request) -> tuple[list[Answer], str | None]:
    """List resources.

    Lists rooms of a directory. Calendars that this server keeps have none: the list is empty.
    """
    grant = await grant_of(request)
    data_plane.read_flags(request, wire.ResourcesQuery)
    request.services.calendars.calendars_of(grant)
    return [], None
