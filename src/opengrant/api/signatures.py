"""/v3/grants/{grant_id}/signatures."""

from opengrant.api.folders import BY_TOKEN, TAG
from opengrant.api.http import cursors, data_plane
from opengrant.api.http.data_plane import grant_of
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, One, route
from opengrant.api.wire import signatures as wire
from opengrant.api.wire.calendars import Selected
from opengrant.api.wire.fields import Answer
from opengrant.errors import Blocked, DataNotFound, GrantNotFound, InvalidData, NotImplementedYet
from opengrant.mail import shown
from opengrant.model.mail import Signature

_ERRORS = (InvalidData, GrantNotFound, DataNotFound, Blocked, NotImplementedYet)
_SIGNATURES = "/v3/grants/{grant_id}/signatures"
_SIGNATURE = f"{_SIGNATURES}/{{signature_id}}"


@route(
    "GET",
    _SIGNATURES,
    tag=TAG,
    access=BY_TOKEN,
    query=wire.SignaturesQuery,
    answers=Cursor(wire.Signature),
    errors=_ERRORS,
)
async def list_signatures(request: Request) -> tuple[list[Answer], str | None]:
    """List signatures.

    In order of creation. A grant has ten at most.

    For IMAP, iCloud and Yahoo grants. They are kept here, and deleted with their grant.
    """
    grant = await grant_of(request)
    of = f"signatures {grant.id}"
    raw, place = data_plane.continued(data_plane.raw_query(request), of=of)
    query = data_plane.check(wire.SignaturesQuery, raw)
    chosen = data_plane.selection(query.select)
    after, size = data_plane.time_and_id(place) or (0, ""), min(query.limit, 200)
    found = [one for one in await request.services.mail_signatures.of_grant(grant) if _position(one) > after]
    cursor = cursors.cursor(raw, list(_position(found[size - 1])), of=of) if len(found) > size else None
    return [chosen(shown.signature(one)) for one in found[:size]], cursor


def _position(one: Signature) -> tuple[int, str]:
    return one.created_at, one.id


@route(
    "POST",
    _SIGNATURES,
    tag=TAG,
    access=BY_TOKEN,
    body=wire.SignatureBody,
    query=Selected,
    answers=One(wire.Signature, status=201),
    errors=_ERRORS,
)
async def create_signature(request: Request) -> Answer:
    """Create a signature.

    To use it, name it by `signature_id` when you send a message.
    """
    grant = await grant_of(request)
    query = data_plane.read_flags(request, Selected)
    body = data_plane.read(request, wire.SignatureBody)
    made = await request.services.mail_signatures.create(grant, name=body.name, body=body.body)
    return data_plane.selection(query.select)(shown.signature(made))


@route("GET", _SIGNATURE, tag=TAG, access=BY_TOKEN, query=Selected, answers=One(wire.Signature), errors=_ERRORS)
async def get_signature(request: Request) -> Answer:
    """Get a signature.

    By its id.
    """
    grant = await grant_of(request)
    query = data_plane.read_flags(request, Selected)
    found = await request.services.mail_signatures.get(grant, request.params["signature_id"])
    return data_plane.selection(query.select)(shown.signature(found))


@route(
    "PUT",
    _SIGNATURE,
    tag=TAG,
    access=BY_TOKEN,
    body=wire.SignaturePatch,
    query=Selected,
    answers=One(wire.Signature),
    errors=_ERRORS,
)
async def update_signature(request: Request) -> Answer:
    """Update a signature.

    Messages that wait to be sent keep the signature that they were created with.
    """
    grant = await grant_of(request)
    query = data_plane.read_flags(request, Selected)
    body = data_plane.read(request, wire.SignaturePatch)
    body.check()
    changed = await request.services.mail_signatures.change(
        grant, request.params["signature_id"], name=body.name, body=body.body
    )
    return data_plane.selection(query.select)(shown.signature(changed))


@route("DELETE", _SIGNATURE, tag=TAG, access=BY_TOKEN, errors=_ERRORS)
async def delete_signature(request: Request) -> None:
    """Delete a signature.

    By its id.
    """
    grant = await grant_of(request)
    await request.services.mail_signatures.delete(grant, request.params["signature_id"])
