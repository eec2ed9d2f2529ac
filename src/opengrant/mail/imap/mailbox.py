"""The port's methods over IMAP: each is one piece of work in the session of its grant."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import structlog

from opengrant import failpoints
from opengrant.errors import DataNotFound, OpenGrantError, ProviderUnavailable
from opengrant.mail.imap import (
    changing,
    correspondents,
    downloads,
    drafts,
    finding,
    folders,
    gathering,
    heads,
    listing,
    sent,
    threads,
)
from opengrant.mail.outgoing import Letter, Ready
from opengrant.mail.port import (
    Download,
    HandingOver,
    Headers,
    Message,
    MessagePage,
    MessageQuery,
    Place,
    Sent,
    Thread,
    ThreadPage,
    ThreadQuery,
)
from opengrant.mail.reach import Line
from opengrant.mail.sessions import Kept
from opengrant.mail.submission import Submission
from opengrant.model.mail import Attachment, Correspondent, Folder
from opengrant.net.imap.session import ImapSession

log = structlog.get_logger()

COPYING = 25.0
"""Seconds for the copy of a sent message. With those for sending, it is less than the official SDKs wait."""


@dataclass(frozen=True, slots=True)
class ImapMailbox:
    """For one call."""

    line: Line
    submission: Submission

    async def folders(self) -> list[Folder]:
        return await self.line.call(lambda _, session: folders.listed(session))

    async def folder(self, folder_id: str) -> Folder:
        return await self.line.call(lambda _, session: folders.get(session, folder_id))

    async def create_folder(self, name: str) -> Folder:
        return await self.line.call(lambda _, session: folders.create(session, name))

    async def rename_folder(self, folder_id: str, name: str) -> Folder:
        return await self.line.call(lambda _, session: folders.rename(session, folder_id, name))

    async def delete_folder(self, folder_id: str) -> None:
        await self.line.call(lambda _, session: folders.delete(session, folder_id))

    async def page(self, query: MessageQuery, *, after: Place | None, limit: int) -> MessagePage:
        return await self.line.call(lambda kept, session: listing.page(kept, session, query, after=after, limit=limit))

    async def get(self, message_id: str, *, headers: Headers) -> Message:
        async def read(kept: Kept, session: ImapSession) -> Message:
            seen = await finding.find(kept, session, message_id, headers=headers)
            return seen.message(headers, (await heads.bodies(session, [seen])).get(seen.uid))

        return await self.line.call(read)

    async def some(
        self, message_ids: Sequence[str], *, headers: Headers = "none", bodies: bool = True
    ) -> list[Message]:
        return await self.line.call(
            lambda kept, session: gathering.some(kept, session, message_ids, headers=headers, bodies=bodies)
        )

    async def correspondents(self) -> list[Correspondent]:
        return await self.line.call(lambda _, session: correspondents.read(session))

    async def raw(self, message_id: str) -> tuple[str, bytes]:
        return await self.line.call(lambda kept, session: downloads.raw(kept, session, message_id))

    async def attachments(self, message_id: str) -> tuple[Attachment, ...]:
        async def read(kept: Kept, session: ImapSession) -> tuple[Attachment, ...]:
            return (await finding.find(kept, session, message_id)).head.attachments

        return await self.line.call(read)

    async def attachment(self, message_id: str, attachment_id: str) -> Attachment:
        return await self.line.call(
            lambda kept, session: downloads.attachment(kept, session, message_id, attachment_id)
        )

    @contextlib.asynccontextmanager
    async def download(self, message_id: str, attachment_id: str) -> AsyncIterator[Download]:
        async with self.line.download() as (kept, session):
            yield await downloads.begin(kept, session, message_id, attachment_id)

    async def change(
        self, message_id: str, *, unread: bool | None, starred: bool | None, folders: tuple[str, ...] | None
    ) -> Message:
        return await self.line.call(
            lambda kept, session: changing.change(
                kept, session, message_id, unread=unread, starred=starred, into=folders
            )
        )

    async def delete(self, message_id: str, *, erase: bool = False) -> bool:
        return await self.line.call(lambda kept, session: changing.delete(kept, session, message_id, erase=erase))

    async def threads(self, query: ThreadQuery, *, after: Place | None, limit: int) -> ThreadPage:
        return await self.line.call(lambda kept, session: threads.page(kept, session, query, after=after, limit=limit))

    async def thread(self, thread_id: str) -> Thread:
        return await self.line.call(lambda kept, session: threads.get(kept, session, thread_id))

    async def change_thread(
        self, thread_id: str, *, unread: bool | None, starred: bool | None, folders: tuple[str, ...] | None
    ) -> Thread:
        return await self.line.call(
            lambda kept, session: threads.change(kept, session, thread_id, unread=unread, starred=starred, into=folders)
        )

    async def delete_thread(self, thread_id: str) -> None:
        await self.line.call(lambda kept, session: threads.delete(kept, session, thread_id))

    async def drafts(self, query: MessageQuery, *, after: Place | None, limit: int) -> MessagePage:
        return await self.line.call(lambda kept, session: drafts.page(kept, session, query, after=after, limit=limit))

    async def draft(self, draft_id: str) -> Message:
        return await self.line.call(lambda kept, session: drafts.get(kept, session, draft_id))

    async def create_draft(self, said: Letter, *, references: Sequence[str], starred: bool) -> Message:
        by = drafts.By(self.line.own, self.line.now)
        return await self.line.call(
            lambda _, session: drafts.create(session, said, by, references=references, starred=starred)
        )

    async def change_draft(
        self,
        draft_id: str,
        said: Letter,
        *,
        given: frozenset[str],
        references: Sequence[str] | None,
        starred: bool | None,
    ) -> Message:
        change = drafts.Change(said, given, references, starred)
        by = drafts.By(self.line.own, self.line.now)
        return await self.line.call(lambda kept, session: drafts.change(kept, session, draft_id, change, by))

    async def raw_draft(self, draft_id: str) -> bytes:
        return await self.line.call(lambda kept, session: drafts.raw(kept, session, draft_id))

    async def delete_draft(self, draft_id: str) -> None:
        await self.line.call(lambda kept, session: drafts.delete(kept, session, draft_id))

    async def check_sending(self) -> None:
        await self.submission.check(self.line.app, self.line.grant)

    async def send(self, message: Ready, handing_over: HandingOver) -> Sent:
        host = await self.submission.send(self.line.app, self.line.grant, message, handing_over)
        failpoints.point("send.taken")
        return Sent(message.message_id, await self._filed(message, host))

    async def _filed(self, message: Ready, host: str) -> tuple[str, ...]:
        """The folder of the copy. That there is none is no reason to send the message again."""

        async def file(*, again: bool) -> bytes | None:
            return await self.line.call(lambda kept, session: sent.file(kept, session, message, host, again=again))

        try:
            async with asyncio.timeout(COPYING):
                try:
                    wire = await file(again=False)
                except (DataNotFound, ProviderUnavailable):  # the folder was deleted meanwhile, or the wire broke
                    wire = await file(again=True)
        except (OpenGrantError, TimeoutError) as problem:
            log.warning("sent_copy_failed", grant_id=self.line.grant.id, problem=type(problem).__name__)
            return ()
        return () if wire is None else (folders.id_of(wire),)
