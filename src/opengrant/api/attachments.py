"""/v3/grants/{grant_id}/attachments, and the same below their message."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from urllib.parse import quote

from opengrant.api.folders import BY_TOKEN, ERRORS, TAG
from opengrant.api.http import data_plane
from opengrant.api.http.data_plane import grant_of
from opengrant.api.http.request import Request
from opengrant.api.http.responses import Streamed
from opengrant.api.http.route_table import Cursor, One, Stream, route
from opengrant.api.wire import messages as wire
from opengrant.api.wire.calendars import Selected
from opengrant.api.wire.fields import Answer
from opengrant.mail import shown
from opengrant.mail.port import Mailbox

_ATTACHMENT = "/v3/grants/{grant_id}/attachments/{attachment_id}"
_OF_MESSAGE = "/v3/grants/{grant_id}/messages/{message_id}/attachments"


@route(
    "GET",
    _ATTACHMENT,
    tag=TAG,
    access=BY_TOKEN,
    query=wire.AttachmentQuery,
    answers=One(wire.Attachment),
    errors=ERRORS,
)
async def get_attachment(request: Request) -> Answer:
    """Get an attachment.

    What is known of it, without its content.
    """
    query = data_plane.read_flags(request, wire.AttachmentQuery)
    return data_plane.selection(query.select)(await _described(request, query.message_id))


@route(
    "GET",
    f"{_ATTACHMENT}/download",
    tag=TAG,
    access=BY_TOKEN,
    query=wire.AttachmentQuery,
    answers=Stream(),
    errors=ERRORS,
)
async def download_attachment(request: Request) -> AbstractAsyncContextManager[Streamed]:
    """Download an attachment.

    It is sent while it is fetched, so large ones have no `Content-Length`.
    """
    return await _download(request, data_plane.read_flags(request, wire.AttachmentQuery).message_id)


@route("GET", _OF_MESSAGE, tag=TAG, access=BY_TOKEN, query=Selected, answers=Cursor(wire.Attachment), errors=ERRORS)
async def list_attachments(request: Request) -> tuple[list[Answer], str | None]:
    """List attachments.

    Lists the attachments of a message.
    """
    grant = await grant_of(request)
    chosen = data_plane.selection(data_plane.read_flags(request, Selected).select)
    found = await request.services.mail.mailbox(request.application, grant).attachments(request.params["message_id"])
    return [chosen(shown.attachment(one, grant.id)) for one in found], None


@route(
    "GET",
    f"{_OF_MESSAGE}/{{attachment_id}}",
    tag=TAG,
    access=BY_TOKEN,
    query=Selected,
    answers=One(wire.Attachment),
    errors=ERRORS,
)
async def get_attachment_of_message(request: Request) -> Answer:
    """Get an attachment of a message.

    What is known of it, without its content.
    """
    query = data_plane.read_flags(request, Selected)
    return data_plane.selection(query.select)(await _described(request, request.params["message_id"]))


@route("GET", f"{_OF_MESSAGE}/{{attachment_id}}/download", tag=TAG, access=BY_TOKEN, answers=Stream(), errors=ERRORS)
async def download_attachment_of_message(request: Request) -> AbstractAsyncContextManager[Streamed]:
    """Download an attachment of a message.

    It is sent while it is fetched, so large ones have no `Content-Length`.
    """
    return await _download(request, request.params["message_id"])


async def _described(request: Request, message_id: str) -> Answer:
    grant = await grant_of(request)
    mailbox = request.services.mail.mailbox(request.application, grant)
    return shown.attachment(await mailbox.attachment(message_id, request.params["attachment_id"]), grant.id)


async def _download(request: Request, message_id: str) -> AbstractAsyncContextManager[Streamed]:
    grant = await grant_of(request)
    mailbox = request.services.mail.mailbox(request.application, grant)
    return _streamed(mailbox, message_id, request.params["attachment_id"])


@contextlib.asynccontextmanager
async def _streamed(mailbox: Mailbox, message_id: str, attachment_id: str) -> AsyncIterator[Streamed]:
    async with mailbox.download(message_id, attachment_id) as download:
        name = quote(download.attachment.filename or "attachment", safe="")
        # Never as HTML or what else a browser would run: a stranger wrote it.
        headers = [
            (b"content-disposition", f"attachment; filename*=UTF-8''{name}".encode("ascii")),
            (b"x-content-type-options", b"nosniff"),
        ]
        yield Streamed(b"application/octet-stream", headers, download.first, download.whole, download.rest)
