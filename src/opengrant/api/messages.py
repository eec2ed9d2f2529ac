"""/v3/grants/{grant_id}/messages."""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any

from opengrant.api.folders import BY_TOKEN, ERRORS, TAG
from opengrant.api.http import cursors, data_plane
from opengrant.api.http.data_plane import grant_of
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, One, route
from opengrant.api.kept_metadata import metadata_of, page_by_metadata
from opengrant.api.wire import messages as wire
from opengrant.api.wire.calendars import Selected
from opengrant.api.wire.fields import Answer
from opengrant.errors import AccessDenied, InvalidData
from opengrant.mail import shown
from opengrant.mail.port import Place

_MESSAGES = "/v3/grants/{grant_id}/messages"
_MESSAGE = f"{_MESSAGES}/{{message_id}}"
_TRACKED: Answer = {"tracking_options": {"opens": False, "links": False, "thread_replies": False}}
LISTS = frozenset({"in", "any_email", "from", "to", "cc", "bcc", "metadata_pair"})


@route(
    "GET", _MESSAGES, tag=TAG, access=BY_TOKEN, query=wire.MessagesQuery, answers=Cursor(wire.Message), errors=ERRORS
)
async def list_messages(request: Request) -> tuple[list[Answer], str | None]:
    """List messages.

    The newest first, by the time when each folder received them.

    For IMAP, iCloud and Yahoo grants. The mail server is asked at this moment, so messages of any age are reached. With
    `in`, one folder is asked; without it, all but the drafts. `select` without `body` and `snippet` is faster: no texts
    are fetched. In a list a text is cut off after 256 KB. With filters that mail servers do not know (`has_attachment`,
    seconds, `thread_id`) a page may be shorter than `limit` and have a `next_cursor` all the same. With
    `metadata_pair`, the messages that have it are looked up here and then asked for.
    """
    grant = await grant_of(request)
    of = f"messages {grant.id}"
    raw, place = data_plane.continued(data_plane.raw_query(request, lists=LISTS), of=of)
    query = data_plane.check(wire.MessagesQuery, raw)
    chosen = data_plane.selection(query.select)
    bodies, wanted = chosen({"body": "", "snippet": ""}) != {}, chosen({"metadata": ""}) != {}
    if query.metadata_pair is not None:
        messages, kept, next_ = await page_by_metadata(
            *(request, grant, query, raw, place), of=of, kind="message", headers=query.headers, bodies=bodies
        )
    else:
        mailbox = request.services.mail.mailbox(request.application, grant)
        found = await mailbox.page(query.to_model(bodies=bodies), after=after(place), limit=min(query.limit, 200))
        messages, next_ = found.messages, cursor(raw, found.next, of=of)
        kept = await metadata_of(request, grant, messages, wanted=wanted)
    more = _TRACKED if query.fields == "include_tracking_options" else {}
    return [
        chosen(shown.message(one, grant.id, headers=query.headers, metadata=kept.get(one.head.id)) | more)
        for one in messages
    ], next_


def cursor(sent: Mapping[str, str], place: Place | None, *, of: str) -> str | None:
    return None if place is None else cursors.cursor(sent, [part for one in place for part in one], of=of)


def after(place: list[Any] | None) -> Place | None:
    """What a cursor holds. Raises InvalidData."""
    if place is None:
        return None
    digests, numbers = place[::2], place[1::2]
    if len(place) % 2 or not all(isinstance(one, str) for one in digests) or not all(type(n) is int for n in numbers):
        raise InvalidData("page_token: this is no next_cursor of this list.")
    return tuple(zip(digests, numbers, strict=True))


@route("GET", _MESSAGE, tag=TAG, access=BY_TOKEN, query=wire.MessageSelected, answers=One(wire.Message), errors=ERRORS)
async def get_message(request: Request) -> Answer:
    """Get a message.

    By its id, from any folder.

    A text is cut off after 5 MB. `fields=raw_mime` gives messages up to 25 MB.
    """
    grant = await grant_of(request)
    query = data_plane.read_flags(request, wire.MessageSelected)
    chosen = data_plane.selection(query.select)
    mailbox = request.services.mail.mailbox(request.application, grant)
    if query.fields == "raw_mime":
        id_, data = await mailbox.raw(request.params["message_id"])
        encoded = (await asyncio.to_thread(base64.urlsafe_b64encode, data)).decode("ascii")
        return chosen({"id": id_, "grant_id": grant.id, "object": "message", "raw_mime": encoded})
    found = await mailbox.get(request.params["message_id"], headers=query.headers)
    kept = await metadata_of(request, grant, [found])
    more = _TRACKED if query.fields == "include_tracking_options" else {}
    return chosen(shown.message(found, grant.id, headers=query.headers, metadata=kept.get(found.head.id)) | more)


@route(
    "PUT",
    _MESSAGE,
    tag=TAG,
    access=BY_TOKEN,
    body=wire.MessagePatch,
    query=Selected,
    answers=One(wire.Message),
    errors=ERRORS,
)
async def update_message(request: Request) -> Answer:
    """Update a message.

    Marks it as read or unread, flags it, moves it into other folders, or keeps metadata with it.

    `folders` replaces the folder that it lies in; an empty list moves it to the archive.
    """
    grant = await grant_of(request)
    query = data_plane.read_flags(request, Selected)
    body = data_plane.read(request, wire.MessagePatch)
    body.check()
    changed = await request.services.mail.mailbox(request.application, grant).change(
        request.params["message_id"],
        unread=body.unread,
        starred=body.starred,
        folders=None if body.folders is None else tuple(body.folders),
    )
    if body.metadata is not None:
        await request.services.mail_metadata.put(grant, changed.head.id, body.metadata, date=changed.head.date)
    kept = await metadata_of(request, grant, [changed])
    return data_plane.selection(query.select)(shown.message(changed, grant.id, metadata=kept.get(changed.head.id)))


@route("DELETE", _MESSAGE, tag=TAG, access=BY_TOKEN, query=wire.DeleteQuery, errors=(*ERRORS, AccessDenied))
async def delete_message(request: Request) -> None:
    """Delete a message.

    Moves it to the trash. A message in the trash is erased.

    With `hard_delete=true` it is erased at once, if the application has `mail_settings.hard_delete`.
    """
    grant = await grant_of(request)
    erase = data_plane.read_flags(request, wire.DeleteQuery).hard_delete
    if erase and not await _may_erase(request):
        raise AccessDenied(
            "hard_delete: this application has not allowed it. PATCH /v3/applications with mail_settings.hard_delete,"
            " or delete the message twice: what lies in the trash is erased."
        )
    message_id = request.params["message_id"]
    if await request.services.mail.mailbox(request.application, grant).delete(message_id, erase=erase):
        await request.services.mail_metadata.forget(grant, message_id)


async def _may_erase(request: Request) -> bool:
    profile = await request.services.applications.profile(request.application)
    return profile.mail_settings.get("hard_delete") is True
