"""/v3/console/grants/{grant_id}: a mailbox as the console shows it. The vendor's API has no such paths.

Only sessions whose API key has `grants.mail` may call this. Each call is in the audit trail. Nothing is changed: a
message stays unread.
"""

import asyncio

from opengrant.api import folders, messages
from opengrant.api.console import TAG
from opengrant.api.folders import ERRORS
from opengrant.api.http import data_plane
from opengrant.api.http.data_plane import grant_of
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, InConsole, One, route
from opengrant.api.wire import console_mail as wire
from opengrant.api.wire.fields import Answer
from opengrant.api.wire.folders import Folder, FoldersQuery
from opengrant.api.wire.messages import Message, MessagesQuery
from opengrant.mail import showing, shown

_MAILBOX = "/v3/console/grants/{grant_id}"
_READER = InConsole(needs="grants.mail")

_Page = tuple[list[Answer], str | None]


@route(
    "GET",
    f"{_MAILBOX}/folders",
    tag=TAG,
    access=_READER,
    query=FoldersQuery,
    answers=Cursor(Folder),
    errors=ERRORS,
)
async def list_folders_in_console(request: Request) -> _Page:
    """List folders in the console.

    Lists the folders of a mailbox for the console.

    Works as `GET /v3/grants/{grant_id}/folders`. The permission `all` does not include `grants.mail`. Each call is in
    the audit trail.
    """
    answer: _Page = await folders.list_folders(request)
    await request.services.mail_readings.note(request.application, await grant_of(request))
    return answer


@route(
    "GET",
    f"{_MAILBOX}/messages",
    tag=TAG,
    access=_READER,
    query=MessagesQuery,
    answers=Cursor(Message),
    errors=ERRORS,
)
async def list_messages_in_console(request: Request) -> _Page:
    """List messages in the console.

    Lists messages for the console.

    Works as `GET /v3/grants/{grant_id}/messages`. The permission `all` does not include `grants.mail`. Each call is in
    the audit trail.
    """
    folder = data_plane.raw_query(request, lists=messages.LISTS).get("in", "*")
    answer: _Page = await messages.list_messages(request)
    await request.services.mail_readings.note(request.application, await grant_of(request), folder=folder)
    return answer


@route(
    "GET",
    f"{_MAILBOX}/messages/{{message_id}}",
    tag=TAG,
    access=_READER,
    query=wire.ShownAs,
    answers=One(wire.ShownMessage),
    errors=ERRORS,
)
async def get_message_in_console(request: Request) -> Answer:
    """Get a message in the console.

    Its text, or sanitised HTML.

    The HTML is a document for a sandboxed frame. It loads and runs nothing: images that are not part of it are left
    out. The permission `all` does not include `grants.mail`. Each call is in the audit trail.
    """
    grant = await grant_of(request)
    as_html = data_plane.read_flags(request, wire.ShownAs).form == "html"
    found = await request.services.mail.mailbox(request.application, grant).get(
        request.params["message_id"], headers="none"
    )
    body = found.body
    said = await asyncio.to_thread(
        showing.shown, "" if body is None else body.content, is_html=body is not None and body.is_html, as_html=as_html
    )
    await request.services.mail_readings.note(request.application, grant, message_id=found.head.id)
    head = shown.message(found, grant.id)
    del head["body"], head["snippet"]
    return {
        "message": head,
        "has_html": body is not None and body.is_html,
        **({"text": said.text} if said.html is None else {"html": said.html}),
        "images_left_out": said.left_out,
        "is_cut": said.cut,
    }
