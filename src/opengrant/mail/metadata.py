"""Metadata of messages and drafts: stored here, beside mailboxes that are elsewhere.

What is stored goes by the message's id. So it stays with a message in whichever folder it lies, and is lost with an id
that ends when the message is moved (`uid:…`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import structlog

from opengrant.errors import GrantNotFound, InvalidData, OpenGrantError
from opengrant.mail.port import Headers, Mailbox, Message
from opengrant.model import SECOND, Clock, Grant, micros
from opengrant.model.mail import MessageKind
from opengrant.store.engine.port import Steps, Store
from opengrant.store.grants import grants
from opengrant.store.mail import metadata
from opengrant.store.mail.metadata import Place

MOST = 20_000
"""Messages of a grant that have metadata."""
AT_ONCE = 50
"""Messages that are looked for in the mailbox for one page."""
_YOUNG = timedelta(days=1)
"""For so long metadata waits for its message to be shown: a mail server may take its time to file what was sent."""

Pairs = Mapping[str, str]


class KeyedPage(NamedTuple):
    """next: None at the end."""

    messages: list[Message]
    metadata: Mapping[str, Pairs]
    next: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageMetadata:
    """Built once, in assembly/."""

    db: Store
    clock: Clock

    async def of(self, grant: Grant, message_ids: Sequence[str]) -> Mapping[str, Pairs]:
        """By id, of those messages that have any."""
        if not message_ids:
            return {}
        return await self.db.read(metadata.find(grant.application_id, grant.id, message_ids))

    async def put(
        self, grant: Grant, message_id: str, pairs: Pairs, *, kind: MessageKind = "message", date: int | None = None
    ) -> None:
        """Replace all of a message. date: seconds, of the message; None: now. Raises InvalidData: there is too much."""
        of, at = (grant.application_id, grant.id), self.clock()
        if not pairs:
            await self.forget(grant, message_id)
            return

        def script() -> Steps[None]:
            if not (yield from metadata.exists(*of, message_id)):
                if not (yield from grants.stays(grant, self.db.dialect, alone=True)):
                    raise GrantNotFound("Grant not found")
                if (yield from metadata.count(*of)) >= MOST:
                    raise _too_much()
            when = at // SECOND if date is None else date
            yield from metadata.put(*of, message_id, pairs, kind=kind, date=when, at=at)

        await self.db.write(script())

    async def check_room(self, grant: Grant) -> None:
        """For a message that is about to be made. Raises InvalidData."""
        if await self.db.read(metadata.count(grant.application_id, grant.id)) >= MOST:
            raise _too_much()

    async def put_if_possible(self, grant: Grant, message_id: str, pairs: Pairs) -> None:
        """Of a message that was sent: an error now would have it sent again."""
        try:
            await self.put(grant, message_id, pairs)
        except OpenGrantError as error:
            structlog.get_logger().warning("mail.metadata_lost", grant_id=grant.id, error=type(error).__name__)

    async def move(self, grant: Grant, was: str, now: str, *, kind: MessageKind) -> None:
        """A draft has another id since it was changed, or is a message since it was sent."""
        at = self.clock()
        await self.db.write(
            metadata.rename(grant.application_id, grant.id, was, now, kind=kind, date=at // SECOND, at=at)
        )

    async def forget(self, grant: Grant, message_id: str) -> None:
        await self.db.write(metadata.delete(grant.application_id, grant.id, message_id))

    async def page(
        self,
        grant: Grant,
        mailbox: Mailbox,
        pairs: Sequence[tuple[str, str]],
        *,
        kind: MessageKind = "message",
        headers: Headers = "none",
        bodies: bool,
        after: Place | None,
        limit: int,
    ) -> KeyedPage:
        """Messages with all these pairs, the newest first, as they are in the mailbox now.

        A page may be shorter than `limit` and have a next one. Metadata of messages that are gone is deleted.
        """
        of, most = (grant.application_id, grant.id), min(limit, AT_ONCE)
        places = await self.db.read(metadata.page(*of, pairs, kind=kind, after=after, limit=most + 1))
        ids = [id_ for _, id_ in places[:most]]
        if not ids:
            return KeyedPage([], {}, None)
        messages = await mailbox.some(ids, headers=headers, bodies=bodies)
        gone = set(ids) - {one.head.id for one in messages}
        if gone:
            than = self.clock() - micros(_YOUNG)
            await self.db.write(metadata.delete_older(*of, sorted(gone), than=than))
        return KeyedPage(messages, await self.of(grant, ids), places[most - 1] if len(places) > most else None)


def _too_much() -> InvalidData:
    return InvalidData(f"metadata: a grant has that of {MOST} messages at most.")
