"""/v3/grants/{grant_id}/drafts."""

from opengrant.api.folders import BY_TOKEN, ERRORS, TAG
from opengrant.api.http import data_plane
from opengrant.api.http.data_plane import grant_of
from opengrant.api.http.request import Request
from opengrant.api.http.responses import REPLAYED
from opengrant.api.http.route_table import Cursor, One, route
from opengrant.api.kept_metadata import metadata_of, page_by_metadata
from opengrant.api.messages import after, cursor
from opengrant.api.outgoing_bodies import MULTIPART, read_outgoing
from opengrant.api.sending import SENDING_ERRORS
from opengrant.api.wire import drafts as wire
from opengrant.api.wire.calendars import Selected
from opengrant.api.wire.fields import Answer
from opengrant.api.wire.outgoing import SentMessage
from opengrant.mail import shown
from opengrant.mail.sending import Once

_DRAFTS = "/v3/grants/{grant_id}/drafts"
_DRAFT = f"{_DRAFTS}/{{draft_id}}"
_LISTS = frozenset({"any_email", "to", "cc", "bcc", "metadata_pair"})


@route("GET", _DRAFTS, tag=TAG, access=BY_TOKEN, query=wire.DraftsQuery, answers=Cursor(wire.Draft), errors=ERRORS)
async def list_drafts(request: Request) -> tuple[list[Answer], str | None]:
    """List drafts.

    The last saved first. Drafts of other mail programs are among them.

    For IMAP, iCloud and Yahoo grants. `select` without `body` and `snippet` is faster. With `has_attachment` and
    `thread_id` a page may be shorter than `limit` and have a `next_cursor` all the same.
    """
    grant = await grant_of(request)
    of = f"drafts {grant.id}"
    raw, place = data_plane.continued(data_plane.raw_query(request, lists=_LISTS), of=of)
    query = data_plane.check(wire.DraftsQuery, raw)
    chosen = data_plane.selection(query.select)
    bodies, wanted = chosen({"body": "", "snippet": ""}) != {}, chosen({"metadata": ""}) != {}
    if query.metadata_pair is not None:
        drafts, kept, next_ = await page_by_metadata(
            *(request, grant, query, raw, place), of=of, kind="draft", bodies=bodies
        )
    else:
        mailbox = request.services.mail.mailbox(request.application, grant)
        found = await mailbox.drafts(query.to_model(bodies=bodies), after=after(place), limit=min(query.limit, 200))
        drafts, next_ = found.messages, cursor(raw, found.next, of=of)
        kept = await metadata_of(request, grant, drafts, wanted=wanted)
    return [chosen(shown.draft(one, grant.id, metadata=kept.get(one.head.id))) for one in drafts], next_


@route("GET", _DRAFT, tag=TAG, access=BY_TOKEN, query=Selected, answers=One(wire.Draft), errors=ERRORS)
async def get_draft(request: Request) -> Answer:
    """Get a draft.

    By its id. A text is cut off after 5 MB.
    """
    grant = await grant_of(request)
    chosen = data_plane.selection(data_plane.read_flags(request, Selected).select)
    mailbox = request.services.mail.mailbox(request.application, grant)
    found = await mailbox.draft(request.params["draft_id"])
    kept = await metadata_of(request, grant, [found])
    return chosen(shown.draft(found, grant.id, metadata=kept.get(found.head.id)))


@route(
    "POST",
    _DRAFTS,
    tag=TAG,
    access=BY_TOKEN,
    body=wire.DraftBody,
    file=MULTIPART,
    answers=One(wire.Draft),
    errors=ERRORS,
)
async def create_draft(request: Request) -> Answer:
    """Create a draft.

    In the mailbox's folder for drafts. The folder is created if there is none.

    Up to 25 MB as JSON, or as multipart with the JSON in the part `message`. Recipients in `bcc` are kept in the draft.
    """
    grant = await grant_of(request)
    body, said = await read_outgoing(request, wire.DraftBody)
    if body.metadata:
        await request.services.mail_metadata.check_room(grant)
    made = await request.services.drafts.create(request.application, grant, said, starred=bool(body.starred))
    if body.metadata:
        await request.services.mail_metadata.put(grant, made.head.id, body.metadata, kind="draft")
    return shown.draft(made, grant.id, metadata=body.metadata)


@route(
    "PUT",
    _DRAFT,
    tag=TAG,
    access=BY_TOKEN,
    body=wire.DraftPatch,
    file=MULTIPART,
    query=Selected,
    answers=One(wire.Draft),
    errors=ERRORS,
)
async def update_draft(request: Request) -> Answer:
    """Update a draft.

    Its id stays. What is left out stays.

    Of a draft of another mail program, what the API shows is kept: of a text in two forms, the HTML.
    """
    grant = await grant_of(request)
    chosen = data_plane.selection(data_plane.read_flags(request, Selected).select)
    body, said = await read_outgoing(request, wire.DraftPatch)
    draft_id = request.params["draft_id"]
    changed = await request.services.drafts.change(
        request.application, grant, draft_id, said, given=body.given(files=bool(said.files)), starred=body.starred
    )
    if changed.head.id != draft_id:
        await request.services.mail_metadata.move(grant, draft_id, changed.head.id, kind="draft")
    if body.metadata is not None:
        await request.services.mail_metadata.put(grant, changed.head.id, body.metadata, kind="draft")
    kept = await metadata_of(request, grant, [changed])
    return chosen(shown.draft(changed, grant.id, metadata=kept.get(changed.head.id)))


@route("DELETE", _DRAFT, tag=TAG, access=BY_TOKEN, errors=ERRORS)
async def delete_draft(request: Request) -> None:
    """Delete a draft.

    For good.
    """
    grant = await grant_of(request)
    draft_id = request.params["draft_id"]
    await request.services.mail.mailbox(request.application, grant).delete_draft(draft_id)
    await request.services.mail_metadata.forget(grant, draft_id)


@route(
    "POST",
    _DRAFT,
    tag=TAG,
    access=BY_TOKEN,
    body=wire.DraftSend | None,
    answers=One(SentMessage, says_grant=True),
    errors=SENDING_ERRORS,
    reads=("Idempotency-Key",),
)
async def send_draft(request: Request) -> Answer:
    """Send a draft.

    Works as `POST /messages/send`. The draft is gone then, and the message has another id.

    A repeat within an hour does not send it again, unless the draft was changed. While the first request runs, a repeat
    is a 409. Once the draft is gone, one without `Idempotency-Key` is a 404.
    """
    grant = await grant_of(request)
    draft_id = request.params["draft_id"]
    body = data_plane.read(request, wire.DraftSend) if request.body.strip() else wire.DraftSend()
    key = request.header(b"idempotency-key")
    once = None if key is None else Once(key, draft_id.encode() + b"\0" + request.body)
    message, replayed = await request.services.drafts.send(
        request.application, grant, draft_id, signature_id=body.signature_id, once=once
    )
    if replayed:
        request.answer_headers.append(REPLAYED)
    await request.services.mail_metadata.move(grant, draft_id, message.head.id, kind="message")
    kept = await metadata_of(request, grant, [message])
    found = shown.message(message, grant.id, metadata=kept.get(message.head.id))
    answers = message.head.in_reply_to[:1]
    return found | ({"reply_to_message_id": answers[0]} if answers else {})
