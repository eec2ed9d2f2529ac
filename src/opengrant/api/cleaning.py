"""/v3/grants/{grant_id}/messages/clean."""

import asyncio

from opengrant.api.folders import BY_TOKEN, ERRORS, TAG
from opengrant.api.http import data_plane
from opengrant.api.http.data_plane import grant_of
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import One, route
from opengrant.api.kept_metadata import metadata_of
from opengrant.api.wire import cleaning as wire
from opengrant.api.wire.fields import Answer
from opengrant.errors import DataNotFound
from opengrant.mail import shown
from opengrant.mail.clean.conversation import Options, conversation
from opengrant.model.mail import Body

_AT_ONCE = 16 * 1024
"""Characters that are cleaned in the event loop; more of them in a thread."""


@route(
    "PUT",
    "/v3/grants/{grant_id}/messages/clean",
    tag=TAG,
    access=BY_TOKEN,
    body=wire.CleanBody,
    answers=One(wire.CleanMessages),
    errors=ERRORS,
)
async def clean_messages(request: Request) -> list[Answer]:
    """Clean messages.

    Reduces messages to what they say by themselves, for people and language models to read. No message changes.

    Left out are quotations of earlier messages, signatures, scripts and styles, and text that is not visible in the
    message: hidden by a style, without size, of the colour of its background, beyond the page, or of characters that
    have no form. A text is cut off after 256 KB. The same message and options have the same answer.
    """
    grant = await grant_of(request)
    body = data_plane.read(request, wire.CleanBody)
    options = body.to_model()
    found = await request.services.mail.mailbox(request.application, grant).some(body.message_id)
    there = {one.head.id for one in found}
    for id_ in body.message_id:
        if id_ not in there:
            raise DataNotFound(f"message_id: the mailbox has no message {id_[:200]!r}.")
    kept = await metadata_of(request, grant, found)
    return [
        {
            **shown.message(one, grant.id, metadata=kept.get(one.head.id)),
            "conversation": "" if one.body is None else await _cleaned(one.body, options),
        }
        for one in found
    ]


async def _cleaned(body: Body, options: Options) -> str:
    if len(body.content) > _AT_ONCE:
        return await asyncio.to_thread(conversation, body, options)
    return conversation(body, options)
