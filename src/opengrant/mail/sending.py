"""Sends what a caller wants to say: the message is made and checked here, and handed over by the mailbox."""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from opengrant import failpoints
from opengrant.access.idempotency import Attempt, Idempotency
from opengrant.errors import DataNotFound, InvalidData, MaySent
from opengrant.grants.aliases import Aliases
from opengrant.mail import ids, reading
from opengrant.mail.mime import LOOP_LIMIT
from opengrant.mail.mime.compose import reply_references
from opengrant.mail.outgoing import Letter, Ready, as_given, composed, new_id
from opengrant.mail.port import HandingOver, Headers, Mailbox, Message, Sent
from opengrant.mail.service import MailService
from opengrant.mail.signatures import Signatures
from opengrant.model import SECOND, Application, Clock, Grant, fold
from opengrant.model.mail import Address
from opengrant.vault.digests import Digests

T = TypeVar("T")


class Once(NamedTuple):
    """An Idempotency-Key, and what tells whether a request with it is the same."""

    key: str
    body: bytes


class Result(NamedTuple):
    message: Message
    replayed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Built once, in assembly/."""

    mail: MailService
    signatures: Signatures
    aliases: Aliases
    idempotency: Idempotency
    digests: Digests
    clock: Clock

    async def send(
        self,
        app: Application,
        grant: Grant,
        said: Letter | bytes,
        *,
        headers: Headers = "none",
        once: Once | None = None,
    ) -> Result:
        """The message as it was sent. said: bytes are a message that the caller has written.

        once    the same request sends once; after a crash it is looked for before it is sent again
        Raises  what `Mailbox.send` and `Idempotency.one_attempt` raise, InvalidData
        """
        if once is None:
            made = await self.prepare(app, grant, said, token=secrets.token_hex(16))
            sent = await self.deliver(app, grant, made, _nothing)
            return Result(await as_message(made, sent.id, sent.folders, headers), replayed=False)
        token = self.digests.message_id(app.id, grant.id, once.key)
        ready: Ready | None = None

        async def run(attempt: Attempt) -> Mapping[str, Any]:
            nonlocal ready
            if attempt.handed_over:
                return await self._found(app, grant, said, token)
            ready = await self.prepare(app, grant, said, token=token)
            failpoints.point("send.prepared")
            sent = await self.deliver(app, grant, ready, attempt.hand_over)
            failpoints.point("send.filed")
            references = reading.references(ready.raw)
            return {"id": sent.id, "date": ready.date, "folders": sent.folders, "references": references}

        done, replayed = await self.idempotency.one_attempt(app, once.key, once.body, run, within=f"send {grant.id}")
        if ready is None:
            ready = await self.made_again(
                app, grant, said, token=token, date=done["date"], references=done["references"]
            )
        return Result(await as_message(ready, done["id"], tuple(done["folders"]), headers), replayed)

    async def prepare(self, app: Application, grant: Grant, said: Letter | bytes, *, token: str) -> Ready:
        """A message that can be handed over, now or later. token: what makes its Message-ID unique.

        Raises InvalidData, and what `Mailbox.get` raises.
        """
        references: Sequence[str] = ()
        if isinstance(said, Letter):
            await self.check_sender(app, grant, said)
            references = await self.references(self.mail.mailbox(app, grant), said)
            said = await self._signed(app, grant, said)
        return await self._made(grant, said, token, date=self.clock() // SECOND, references=references)

    async def made_again(
        self, app: Application, grant: Grant, said: Letter | bytes, *, token: str, date: int, references: Sequence[str]
    ) -> Ready:
        """What `prepare` made of the same request, for its answer: the message is not stored for that."""
        return await self._made(grant, await self._signed(app, grant, said), token, date=date, references=references)

    async def deliver(self, app: Application, grant: Grant, ready: Ready, handing_over: HandingOver) -> Sent:
        """Hand it over. Raises as `Mailbox.send`."""

        async def last_moment() -> None:
            await handing_over()
            failpoints.point("send.handing_over")

        return await self.mail.mailbox(app, grant).send(ready, last_moment)

    async def _made(
        self, grant: Grant, said: Letter | bytes, token: str, *, date: int, references: Sequence[str]
    ) -> Ready:
        own = Address(grant.email, grant.name or "")
        if isinstance(said, bytes):
            id_ = new_id(own.email, token)
            return await _somewhere(len(said), lambda: as_given(said, message_id=id_, date=date))
        id_ = new_id((said.sender or own).email, token)
        size = len(said.body) + sum(len(file.content) for file in said.files)
        return await _somewhere(size, lambda: composed(said, own=own, message_id=id_, date=date, references=references))

    async def _signed(self, app: Application, grant: Grant, said: Letter | bytes) -> Letter | bytes:
        """With the signature that it names. Raises InvalidData."""
        if isinstance(said, bytes) or said.signature_id is None:
            return said
        return said.signed(await self.signatures.signature(app, grant, said.signature_id))

    async def check_sender(self, app: Application, grant: Grant, said: Letter) -> None:
        """Where the provider tells the aliases of a mailbox, they count. Elsewhere the mail server decides."""
        if said.sender is None or fold(said.sender.email) == fold(grant.email):
            return
        known = await self.aliases.of(app, grant)
        if known and fold(said.sender.email) not in {fold(one) for one in known}:
            raise InvalidData("from: this is neither the grant's address nor one of its aliases.")

    async def references(self, mailbox: Mailbox, said: Letter) -> Sequence[str]:
        """The conversation that an answer belongs to. Raises InvalidData."""
        if said.reply_to_message_id is None:
            return ()
        try:
            answered = (await mailbox.get(said.reply_to_message_id, headers="none")).head
        except DataNotFound:
            raise InvalidData(
                f"reply_to_message_id: the mailbox has no message {said.reply_to_message_id[:200]!r}."
            ) from None
        if ids.located(answered.id) is not None:
            return ()  # it has no Message-ID that could be named
        return reply_references(answered.references, answered.in_reply_to, answered.id)

    async def _found(self, app: Application, grant: Grant, said: Letter | bytes, token: str) -> Mapping[str, Any]:
        """What is known of a message that was handed over by a process that ended then. Raises MaySent."""
        made = await self._made(grant, said, token, date=self.clock() // SECOND, references=())
        try:
            found = (await self.mail.mailbox(app, grant).get(made.message_id, headers="none")).head
        except DataNotFound:
            raise MaySent from None
        return {"id": found.id, "date": found.date, "folders": found.folders, "references": found.references}


async def as_message(ready: Ready, id_: str, folders: tuple[str, ...] = (), headers: Headers = "none") -> Message:
    """As the API shows it. id_, folders: in the mailbox."""

    def read() -> Message:
        return reading.sent(ready.raw, id_=id_, folders=folders, date=ready.date, bcc=ready.bcc, headers=headers)

    return await _somewhere(len(ready.raw), read)


async def _somewhere(size: int, work: Callable[[], T]) -> T:
    """Work on so many bytes: of many in a thread."""
    return await asyncio.to_thread(work) if size > LOOP_LIMIT else work()


async def _nothing() -> None:
    pass
