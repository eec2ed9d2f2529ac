"""/v3/grants/{grant_id}/threads."""

from opengrant.api.folders import BY_TOKEN, ERRORS, TAG
from opengrant.api.http import data_plane
from opengrant.api.http.data_plane import grant_of
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, One, route
from opengrant.api.messages import LISTS, after, cursor
from opengrant.api.wire import threads as wire
from opengrant.api.wire.calendars import Selected
from opengrant.api.wire.fields import Answer
from opengrant.mail import shown

_THREADS = "/v3/grants/{grant_id}/threads"
_THREAD = f"{_THREADS}/{{thread_id}}"


@route("GET", _THREADS, tag=TAG, access=BY_TOKEN, query=wire.ThreadsQuery, answers=Cursor(wire.Thread), errors=ERRORS)
async def list_threads(request: Request) -> tuple[list[Answer], str | None]:
    """List threads.

    The one with the latest message first.

    For IMAP, iCloud and Yahoo grants. The mail server is asked at this moment, and the messages of each thread are
    looked for in all folders, drafts and sent ones included. With `in`, and other filters on messages, the order is
    that of the messages that match. A page may be shorter than `limit` and have a `next_cursor` all the same. `select`
    without `latest_draft_or_message` and `snippet` is faster.
    """
    grant = await grant_of(request)
    of = f"threads {grant.id}"
    raw, place = data_plane.continued(data_plane.raw_query(request, lists=LISTS), of=of)
    query = data_plane.check(wire.ThreadsQuery, raw)
    chosen = data_plane.selection(query.select)
    asked = query.to_threads(bodies=chosen({"latest_draft_or_message": "", "snippet": ""}) != {})
    mailbox = request.services.mail.mailbox(request.application, grant)
    found = await mailbox.threads(asked, after=after(place), limit=min(query.limit, 50))
    return [chosen(shown.thread(one, grant.id)) for one in found.threads], cursor(raw, found.next, of=of)


@route("GET", _THREAD, tag=TAG, access=BY_TOKEN, query=Selected, answers=One(wire.Thread), errors=ERRORS)
async def get_thread(request: Request) -> Answer:
    """Get a thread.

    With its messages of all folders, at most 1,000 of them.
    """
    grant = await grant_of(request)
    query = data_plane.read_flags(request, Selected)
    found = await request.services.mail.mailbox(request.application, grant).thread(request.params["thread_id"])
    return data_plane.selection(query.select)(shown.thread(found, grant.id))


@route(
    "PUT",
    _THREAD,
    tag=TAG,
    access=BY_TOKEN,
    body=wire.ThreadPatch,
    query=Selected,
    answers=One(wire.Thread),
    errors=ERRORS,
)
async def update_thread(request: Request) -> Answer:
    """Update a thread.

    Marks all its messages as read or unread, flags them, or moves them into other folders.

    `folders` changes nothing for drafts, nor for what lies in the trash while other messages of the thread do not.
    """
    grant = await grant_of(request)
    query = data_plane.read_flags(request, Selected)
    body = data_plane.read(request, wire.ThreadPatch)
    body.check()
    changed = await request.services.mail.mailbox(request.application, grant).change_thread(
        request.params["thread_id"],
        unread=body.unread,
        starred=body.starred,
        folders=None if body.folders is None else tuple(body.folders),
    )
    return data_plane.selection(query.select)(shown.thread(changed, grant.id))


@route("DELETE", _THREAD, tag=TAG, access=BY_TOKEN, errors=ERRORS)
async def delete_thread(request: Request) -> None:
    """Delete a thread.

    Moves all its messages to the trash. A thread that is in the trash as a whole is erased.
    """
    grant = await grant_of(request)
    await request.services.mail.mailbox(request.application, grant).delete_thread(request.params["thread_id"])
