"""/v3/grants/{grant_id}/messages/send."""

from opengrant.api.folders import BY_TOKEN, ERRORS, TAG
from opengrant.api.http import data_plane
from opengrant.api.http.data_plane import grant_of
from opengrant.api.http.request import Request
from opengrant.api.http.responses import REPLAYED
from opengrant.api.http.route_table import One, route
from opengrant.api.outgoing_bodies import MULTIPART, fingerprint, read_mime, read_outgoing
from opengrant.api.wire import outgoing as wire
from opengrant.api.wire.fields import Answer
from opengrant.errors import (
    ConcurrentIdempotentRequest,
    InvalidIdempotencyKey,
    InvalidIdempotentRequest,
    InvalidPayload,
    MailDeferred,
    MaySent,
    PayloadTooLarge,
)
from opengrant.mail import shown
from opengrant.mail.metadata import Pairs
from opengrant.mail.outgoing import Letter
from opengrant.mail.sending import Once

SENDING_ERRORS = (
    *ERRORS,
    *(InvalidPayload, InvalidIdempotencyKey, InvalidIdempotentRequest, ConcurrentIdempotentRequest),
    *(PayloadTooLarge, MailDeferred, MaySent),
)


@route(
    "POST",
    "/v3/grants/{grant_id}/messages/send",
    tag=TAG,
    access=BY_TOKEN,
    body=wire.SendBody,
    file=MULTIPART,
    query=wire.SendQuery,
    answers=One(wire.SentMessage, says_grant=True, put_off=("schedule_id", "send_at")),
    errors=SENDING_ERRORS,
    reads=("Idempotency-Key",),
)
async def send_message(request: Request) -> Answer:
    """Send a message.

    Sends it by the grant's own mail server.

    For IMAP, iCloud and Yahoo grants. The body is JSON, or multipart with the JSON in a part `message` and a file in
    each other one: 25 MB at most. A part whose name is not `file0`, `attachment` and the like is an inline file with
    that name as its Content-ID. With `type=mime` a part `mime` is the whole message: its recipients are those of To, Cc
    and Bcc, and Bcc is taken out.

    The mail server takes the message for all recipients or for none. A copy is put into the folder for sent mail,
    unless the server does that itself. If the copy fails, the answer is 200 with no `folders`: the message was sent.

    With an `Idempotency-Key` (at most 256 characters) the same request within an hour has the first answer, success or
    refusal, with the header `Idempotent-Response: true`. A refusal that says to try again is not kept.

    With `send_at` the message is kept sealed, and sent then; the answer is 202, and has its `schedule_id`. Sender and
    conversation are checked at once. `GET` and `DELETE` of `messages/schedules` list and cancel.
    """
    grant = await grant_of(request)
    query = data_plane.read_flags(request, wire.SendQuery)
    more: Answer = {}
    send_at: int | None = None
    metadata: Pairs | None = None
    if query.type == "mime":
        said: Letter | bytes = await read_mime(request)
    else:
        body, said = await read_outgoing(request, wire.SendBody)
        body.check()
        send_at = body.send_at
        if body.metadata:
            metadata = body.metadata
            await request.services.mail_metadata.check_room(grant)
        if body.tracking_options is not None:
            more["tracking_options"] = body.tracking_options.shown()
        if body.reply_to_message_id is not None:
            more["reply_to_message_id"] = body.reply_to_message_id
    key = request.header(b"idempotency-key")
    once = None if key is None else Once(key, await fingerprint(request))
    if send_at is None:
        message, replayed = await request.services.sending.send(
            request.application, grant, said, headers=query.headers, once=once
        )
        if metadata is not None:
            await request.services.mail_metadata.put_if_possible(grant, message.head.id, metadata)
    else:
        message, id_, replayed = await request.services.scheduling.schedule(
            request.application, grant, said, send_at=send_at, pairs=metadata, once=once
        )
        more |= {"schedule_id": id_, "send_at": send_at}
    if replayed:
        request.answer_headers.append(REPLAYED)
    return {**shown.message(message, grant.id, headers=query.headers, metadata=metadata), **more}
