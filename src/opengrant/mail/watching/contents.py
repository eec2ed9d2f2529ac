"""What a message is told with: the outbox has ids and flags alone, and the rest is added when it is sent.

So no text of a message is stored. A message that was told of a moment ago is still in memory; another is read from its
mailbox.
"""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opengrant.errors import GrantExpired, InvalidAuthentication, InvalidData, NotFound, OpenGrantError, ProviderFailure
from opengrant.events.contents import LIVE, NotNow
from opengrant.mail import shown
from opengrant.mail.imap import heads
from opengrant.mail.port import Message
from opengrant.mail.service import MailService
from opengrant.mail.watching.known import KnownFolder
from opengrant.mail.watching.told import ToldMessage
from opengrant.net.imap import commands
from opengrant.net.imap.session import ImapSession
from opengrant.store.engine.port import Store
from opengrant.store.grants import grants
from opengrant.store.tenants import applications

SECONDS = 10.0
"""For reading a message from its mailbox."""
READ = 20
"""Messages that a look reads in advance."""
REMEMBERED = 8 * 1024 * 1024
"""Bytes of texts that are in memory."""
MAX_TEXT = 1024 * 1024
"""Bytes of one; what is longer is not told."""
_MANY = 2000


def told(one: ToldMessage, grant_id: str, folders: Mapping[int, KnownFolder]) -> dict[str, Any]:
    """What the outbox keeps of a change."""
    found: dict[str, Any] = {"id": one.id, "grant_id": grant_id, "object": "message"}
    if one.change != "deleted":
        ids = dict.fromkeys(folders[place.folder].id for place in one.places)
        found |= {"folders": list(ids), "unread": one.unread, "starred": one.starred, LIVE: True}
    return found


async def read(
    session: ImapSession, some: Sequence[ToldMessage], folders: Mapping[int, KnownFolder]
) -> dict[str, Message]:
    """The messages by id, those that are gone not."""
    by_folder = defaultdict[int, list[ToldMessage]](list)
    for one in some:
        by_folder[one.places[0].folder].append(one)
    found = dict[str, Message]()
    for number, messages in by_folder.items():
        wire = folders[number].wire
        try:
            validity = await commands.open_folder(session, wire)
        except ProviderFailure as failure:
            if session.usable and "NO" in failure.evidence.subcodes:
                continue  # the folder is gone since
            raise
        seen = await heads.read(session, wire, validity, [one.places[0].uid for one in messages])
        bodies = await heads.bodies(session, seen, most=MAX_TEXT)
        found |= {one.head.id: one.message("none", bodies.get(one.uid)) for one in seen}
    return found


@dataclass(slots=True, kw_only=True)
class MessageContents:
    """Built once, in assembly/. Completes payloads, as the sender of deliveries asks."""

    db: Store
    mail: MailService
    _known: OrderedDict[tuple[str, str], Message] = field(default_factory=OrderedDict)
    _size: int = 0

    def remember(self, grant_id: str, messages: Mapping[str, Message]) -> None:
        for id_, message in messages.items():
            self._forget((grant_id, id_))
            self._known[grant_id, id_] = message
            self._size += _size(message)
        while self._size > REMEMBERED or len(self._known) > _MANY:
            self._forget(next(iter(self._known)))

    async def complete(self, application_id: str, payload: Mapping[str, Any], *, last: bool) -> Mapping[str, Any]:
        """Raises NotNow: the mailbox cannot be reached, and this is not the last attempt."""
        if not payload.get(LIVE):
            return payload
        known = {name: value for name, value in payload.items() if name != LIVE}
        grant_id, id_ = str(payload["grant_id"]), str(payload["id"])
        message = self._known.get((grant_id, id_))
        if message is None:
            try:
                message = await self._fetch(application_id, grant_id, id_)
            except NotNow:
                if not last:
                    raise
        return known if message is None else {**shown.message(message, grant_id), **known}

    async def _fetch(self, application_id: str, grant_id: str, id_: str) -> Message | None:
        """None: there is no such message any more, or it may not be read."""
        try:
            async with asyncio.timeout(SECONDS):
                application = await self.db.read(applications.find(application_id))
                grant = await self.db.read(grants.find(application_id, grant_id))
                if application is None or grant is None or grant.blocked:
                    return None
                return await self.mail.mailbox(application, grant).get(id_, headers="none")
        except (NotFound, GrantExpired, InvalidData, InvalidAuthentication):
            return None
        except (OpenGrantError, TimeoutError) as error:
            raise NotNow from error

    def _forget(self, key: tuple[str, str]) -> None:
        if (message := self._known.pop(key, None)) is not None:
            self._size -= _size(message)


def _size(message: Message) -> int:
    return 0 if message.body is None else len(message.body.content)
