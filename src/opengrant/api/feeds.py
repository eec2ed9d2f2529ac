"""Feeds of calendars: making and revoking their address, and GET /feeds/{token}.ics, which needs no key."""

from starlette.types import Receive, Scope, Send

from opengrant.api.calendars import BY_TOKEN, ERRORS, TAG
from opengrant.api.http import data_plane, responses
from opengrant.api.http.data_plane import grant_of
from opengrant.api.http.path_tree import Router
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import FileBody, One, route
from opengrant.api.http.static import only_get
from opengrant.api.wire import feeds as wire
from opengrant.api.wire.fields import Answer
from opengrant.calendars.feeds import Feeds
from opengrant.errors import PayloadTooLarge
from opengrant.model import SECOND

_CALENDAR = "/v3/grants/{grant_id}/calendars/{calendar_id}"
_SUFFIX = ".ics"
_PRIVATE = (
    (b"cache-control", b"private, no-cache"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex"),
    (b"referrer-policy", b"no-referrer"),
)


@route("POST", f"{_CALENDAR}/feed", tag=TAG, access=BY_TOKEN, answers=One(wire.Feed), errors=ERRORS, addition=True)
async def create_feed(request: Request) -> Answer:
    """Create a calendar feed.

    Creates the address of a calendar's feed, which programs can subscribe to.

    The address needs no key: keep it as you keep a password. It is shown once. Another POST creates a new one, and the
    old one stops. The feed has ETag and 304, and shows private events as busy. It holds 10,000 events and 2 MB at most:
    series first, then future events, then the latest of the past.
    """
    grant = await grant_of(request)
    calendar = await request.services.calendars.calendars_of(grant).calendar(grant, request.params["calendar_id"])
    made = await request.services.feeds.create(calendar)
    return {
        "url": f"{request.origin}/feeds/{made.token.get_secret_value()}{_SUFFIX}",
        "created_at": made.created_at // SECOND,
    }


@route("DELETE", f"{_CALENDAR}/feed", tag=TAG, access=BY_TOKEN, errors=ERRORS, addition=True)
async def revoke_feed(request: Request) -> None:
    """Delete a calendar feed.

    Its address answers 404 from then on.
    """
    grant = await grant_of(request)
    calendar = await request.services.calendars.calendars_of(grant).calendar(grant, request.params["calendar_id"])
    await request.services.feeds.revoke(calendar)


@route(
    "POST",
    f"{_CALENDAR}/import-ics",
    tag=TAG,
    access=BY_TOKEN,
    body=wire.IcsBody,
    file=FileBody("text/calendar", wire.MOST_BYTES),
    answers=One(wire.Imported),
    errors=(*ERRORS, PayloadTooLarge),
    addition=True,
)
async def import_ics(request: Request) -> Answer:
    """Import an iCalendar file.

    Creates or updates events by UID and RECURRENCE-ID.

    The body is the file itself as `text/calendar`, or JSON that holds it. At most 5 MB and 5,000 events. What events of
    this server do not have, such as alarms and attachments, is left out. An event that is not possible is skipped, and
    `skipped` says why. Events that did not change are not written again. No mail is sent.
    """
    grant = await grant_of(request)
    calendar = await request.services.calendars.calendars_of(grant).calendar(grant, request.params["calendar_id"])
    found = await request.services.ics_import.run(grant, calendar, _file(request))
    return {
        "created": found.created,
        "updated": found.updated,
        "unchanged": found.unchanged,
        "skipped": [{"uid": one.uid, "reason": one.reason} for one in found.skipped],
    }


def _file(request: Request) -> bytes | str:
    """Raises InvalidData."""
    kind = (request.header(b"content-type") or "").lower()
    if kind.startswith("text/calendar") or request.body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:5].upper() == b"BEGIN":
        return request.body
    return data_plane.read(request, wire.IcsBody).ics


class Feed:
    """GET /feeds/{token}.ics."""

    def __init__(self, feeds: Feeds) -> None:
        self.feeds = feeds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The route and not the path is logged: the path is the secret.
        scope["opengrant.route"] = "/feeds/{token}"
        only_get(scope)
        name: str = scope["path_params"]["token"]
        known = next((value.decode("latin-1") for key, value in scope["headers"] if key == b"if-none-match"), None)
        found = await self.feeds.read(name.removesuffix(_SUFFIX), known=known) if name.endswith(_SUFFIX) else None
        if found is None:
            answer = responses.Raw(404, b"There is no calendar here.\n", b"text/plain; charset=utf-8", _PRIVATE)
        elif found.content is None:
            answer = responses.Raw(304, headers=[(b"etag", found.etag.encode()), *_PRIVATE])
        else:
            headers = [
                (b"etag", found.etag.encode()),
                (b"content-disposition", b'attachment; filename="calendar.ics"'),
                *_PRIVATE,
            ]
            answer = responses.Raw(200, found.content, b"text/calendar; charset=utf-8", headers)
        await responses.send_raw(send, scope["opengrant.request_id"], answer)


def add_to(router: Router, feeds: Feeds) -> None:
    router.add("/feeds/{token}", Feed(feeds))
