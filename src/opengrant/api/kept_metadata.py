"""Metadata of messages and drafts in the answers of their routes."""

from collections.abc import Mapping, Sequence
from typing import Any

from opengrant.api.http import cursors, data_plane
from opengrant.api.http.request import Request
from opengrant.api.wire.messages import Filters
from opengrant.mail.metadata import Pairs
from opengrant.mail.port import Headers, Message
from opengrant.model import Grant
from opengrant.model.mail import MessageKind


async def metadata_of(
    request: Request, grant: Grant, messages: Sequence[Message], *, wanted: bool = True
) -> Mapping[str, Pairs]:
    """By the id of a message. wanted: False where the answer does not show it."""
    return await request.services.mail_metadata.of(grant, [one.head.id for one in messages]) if wanted else {}


async def page_by_metadata(
    request: Request,
    grant: Grant,
    query: Filters,
    sent: Mapping[str, str],
    place: list[Any] | None,
    *,
    of: str,
    kind: MessageKind,
    headers: Headers = "none",
    bodies: bool,
) -> tuple[list[Message], Mapping[str, Pairs], str | None]:
    """A page of `metadata_pair`, and its cursor. Raises InvalidData."""
    found = await request.services.mail_metadata.page(
        grant,
        request.services.mail.mailbox(request.application, grant),
        query.pairs(),
        kind=kind,
        headers=headers,
        bodies=bodies,
        after=data_plane.time_and_id(place),
        limit=min(query.limit, 200),
    )
    cursor = None if found.next is None else cursors.cursor(sent, list(found.next), of=of)
    return found.messages, found.metadata, cursor
