"""Drafts as callers write and send them; what only looks at them goes to the mailbox."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import structlog

from opengrant import failpoints
from opengrant.access.idempotency import Attempt
from opengrant.errors import DataNotFound, InvalidData, MaySent, OpenGrantError
from opengrant.mail import drafting, reading
from opengrant.mail.mime.headers import Headers
from opengrant.mail.mime.parts import TEXT
from opengrant.mail.outgoing import Letter, Ready
from opengrant.mail.port import HandingOver, Mailbox, Message
from opengrant.mail.sending import Once, Result, Sending, as_message
from opengrant.model import SECOND, Application, Grant
from opengrant.model.mail import Address

log = structlog.get_logger()


class _Sent(NamedTuple):
    id: str
    date: int
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafts:
    """Built once, in assembly/."""

    sending: Sending

    async def create(self, app: Application, grant: Grant, said: Letter, *, starred: bool) -> Message:
        """Raises InvalidData, and what the mailbox raises."""
        mailbox = self.sending.mail.mailbox(app, grant)
        references = await self.sending.references(mailbox, said)
        signed = await self._signed(app, grant, said)
        return await mailbox.create_draft(signed, references=references, starred=starred)

    async def change(
        self,
        app: Application,
        grant: Grant,
        draft_id: str,
        said: Letter,
        *,
        given: frozenset[str],
        starred: bool | None,
    ) -> Message:
        """given: names of the members that are to change. Raises as `create`."""
        if said.signature_id is not None and "body" not in given:
            raise InvalidData("signature_id: it goes with body, at whose end it is put.")
        mailbox = self.sending.mail.mailbox(app, grant)
        answers = "reply_to_message_id" in given
        references = await self.sending.references(mailbox, said) if answers else None
        signed = await self._signed(app, grant, said)
        return await mailbox.change_draft(draft_id, signed, given=given, references=references, starred=starred)

    async def send(
        self, app: Application, grant: Grant, draft_id: str, *, signature_id: str | None, once: Once | None
    ) -> Result:
        """The message as it was sent; the draft is erased then.

        once    the same request has the first answer
        Raises  what `Sending.send` raises, and DataNotFound
        """
        if once is None:
            return Result((await self._send(app, grant, draft_id, signature_id, _nothing))[1], replayed=False)
        message: Message | None = None

        async def run(attempt: Attempt) -> Mapping[str, Any]:
            nonlocal message
            try:
                sent, message = await self._send(app, grant, draft_id, signature_id, attempt.hand_over)
            except DataNotFound:
                if attempt.handed_over:  # it was erased, as it is when it has been sent
                    raise MaySent from None
                raise
            return sent._asdict()

        idempotency, within = self.sending.idempotency, f"send draft {grant.id}"
        done, replayed = await idempotency.one_attempt(app, once.key, once.body, run, within=within)
        if message is None:
            # The draft is gone, and the message is not stored here.
            message = await _copy(self.sending.mail.mailbox(app, grant), _Sent(**done))
        return Result(message, replayed)

    async def _send(
        self, app: Application, grant: Grant, draft_id: str, signature_id: str | None, handing_over: HandingOver
    ) -> tuple[_Sent, Message]:
        """Once for what the draft says, until it is changed or an hour has passed."""
        mailbox = self.sending.mail.mailbox(app, grant)
        raw = await mailbox.raw_draft(draft_id)
        content = b"%b\0%b\0%b" % (draft_id.encode(), (signature_id or "").encode(), hashlib.sha256(raw).digest())
        token = self.sending.digests.message_id(app.id, grant.id, content.hex())
        ready = await self._ready(app, grant, raw, signature_id, token)

        async def run(attempt: Attempt) -> Mapping[str, Any]:
            if attempt.handed_over:
                return (await _found(mailbox, ready))._asdict()

            async def last_moment() -> None:
                await handing_over()
                await attempt.hand_over()

            sent = await self.sending.deliver(app, grant, ready, last_moment)
            return _Sent(sent.id, ready.date, sent.folders)._asdict()

        done, _ = await self.sending.idempotency.one_attempt(
            app, token, content, run, within=f"draft {grant.id}", keeps_refusals=False
        )
        failpoints.point("draft.sent")
        sent = _Sent(done["id"], done["date"], tuple(done["folders"]))
        await _erase(mailbox, grant, draft_id)
        return sent, await as_message(replace(ready, date=sent.date), sent.id, sent.folders)

    async def _ready(self, app: Application, grant: Grant, raw: bytes, signature_id: str | None, token: str) -> Ready:
        """The message that a draft becomes. Raises InvalidData."""
        draft = await asyncio.to_thread(drafting.read, raw)
        await self.sending.check_sender(app, grant, draft.letter)
        signature = None if signature_id is None else await self.sending.signatures.signature(app, grant, signature_id)
        return await asyncio.to_thread(
            drafting.ready,
            raw,
            draft,
            own=Address(grant.email, grant.name or ""),
            token=token,
            date=self.sending.clock() // SECOND,
            signature=signature,
        )

    async def _signed(self, app: Application, grant: Grant, said: Letter) -> Letter:
        if said.signature_id is None:
            return said
        return said.signed(await self.sending.signatures.signature(app, grant, said.signature_id))


async def _found(mailbox: Mailbox, ready: Ready) -> _Sent:
    """What is known of a draft that was handed over by a process that ended then. Raises MaySent."""
    try:
        head = (await mailbox.get(ready.message_id, headers="none")).head
    except DataNotFound:
        raise MaySent from None
    return _Sent(head.id, head.date, head.folders)


async def _copy(mailbox: Mailbox, sent: _Sent) -> Message:
    """The message as the mailbox has it; where it has none, what is known of it."""
    try:
        return await mailbox.get(sent.id, headers="none")
    except DataNotFound:
        return Message(reading.head(Headers(()), TEXT.leaf("1", 0), id_=sent.id, folders=(), date=sent.date, size=0))


async def _nothing() -> None:
    pass


async def _erase(mailbox: Mailbox, grant: Grant, draft_id: str) -> None:
    """That it is still there is no reason to say that it was not sent."""
    try:
        await mailbox.delete_draft(draft_id)
    except OpenGrantError as problem:
        log.warning("sent_draft_not_erased", grant_id=grant.id, problem=type(problem).__name__)
