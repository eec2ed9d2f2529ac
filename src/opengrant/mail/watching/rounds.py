"""A round at one mailbox: look, compare, and write what is known now together with the events that tell of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_core import from_json, to_json

from opengrant.events import payloads
from opengrant.failpoints import point
from opengrant.mail import shown
from opengrant.mail.watching import contents, told
from opengrant.mail.watching.contents import READ, MessageContents
from opengrant.mail.watching.known import Book, KnownFolder
from opengrant.mail.watching.looking import Look
from opengrant.mail.watching.told import ToldMessage
from opengrant.model import SECOND, Clock, Micros
from opengrant.net.imap.session import ImapSession
from opengrant.store.engine.port import Store
from opengrant.store.events.events import Event
from opengrant.store.mail import watches
from opengrant.store.mail.watches import Hold, Known

CLOCKS_DIFFER = 300
"""Seconds by which a mail server's clock may be behind ours."""
NOTED_EVERY: Micros = 3600 * SECOND
"""When a mailbox was looked at is written so often where nothing else is."""


class NotHeld(Exception):
    """Another process watches this mailbox by now, or none is to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Built once, in assembly/."""

    db: Store
    clock: Clock
    contents: MessageContents

    async def run(self, hold: Hold, session: ImapSession) -> Sequence[KnownFolder]:
        """Returns the folders as they are now. Raises NotHeld, ProviderFailure, Malformed, StoreUnavailable."""
        known = await self.db.read(watches.known(hold))
        if known is None:
            raise NotHeld
        before = [] if known.folders is None else [KnownFolder.unpacked(row) for row in from_json(known.folders)]
        began = self.clock()

        async def load() -> Book:
            return Book(await self.db.read(watches.pages(hold.application_id, hold.grant_id)))

        look = Look(session, before, load, first=known.folders is None)
        await look.run()
        messages = look.told(since=(known.looked_at or 0) // SECOND - CLOCKS_DIFFER)
        by_number = {one.number: one for one in look.folders}
        shown_soon = sorted((one for one in messages if one.change != "deleted"), key=_newest_first)[:READ]
        if shown_soon:
            self.contents.remember(hold.grant_id, await contents.read(session, shown_soon, by_number))
        events = [] if look.first else self._events(hold, before, look.folders, messages, at=began)
        changed = {} if look.book is None else look.book.changed()
        noted = known.looked_at is not None and 0 <= began - known.looked_at < NOTED_EVERY
        if noted and not (events or changed or look.folders != before):
            return look.folders
        point("watch.looked")
        folders = to_json([one.packed() for one in look.folders]).decode()
        if not await self.db.write(watches.keep(hold, Known(folders, began), changed, events)):
            raise NotHeld
        point("watch.kept")
        return look.folders

    def _events(
        self,
        hold: Hold,
        before: Sequence[KnownFolder],
        after: Sequence[KnownFolder],
        messages: Sequence[ToldMessage],
        *,
        at: Micros,
    ) -> list[Event]:
        """New folders first, and folders that are gone last, so that a message is in a folder that is known."""
        app, grant_id = hold.application_id, hold.grant_id
        folders = [
            (one.change, payloads.of_object(f"folder.{one.change}", app, grant_id, _folder(one, grant_id), at=at))
            for one in told.folders(before, after)
        ]
        by_number = {one.number: one for one in after}
        return [
            *(event for change, event in folders if change != "deleted"),
            *(
                payloads.of_object(
                    f"message.{one.change}", app, grant_id, contents.told(one, grant_id, by_number), at=at
                )
                for one in messages
            ),
            *(event for change, event in folders if change == "deleted"),
        ]


def _folder(one: told.ToldFolder, grant_id: str) -> dict[str, object]:
    return shown.folder(one.folder.folder(), grant_id)


def _newest_first(one: ToldMessage) -> tuple[bool, int, int]:
    return one.change != "created", one.places[0].folder, -one.places[0].uid
