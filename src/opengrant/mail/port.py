"""The port behind which mailboxes stand. One shared suite of tests runs against each implementation."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from opengrant.mail.outgoing import Letter, Ready
from opengrant.model.basics import record
from opengrant.model.mail import Address, Attachment, Body, Correspondent, Folder, MessageHead

Place = tuple[tuple[str, int], ...]
"""Where a list goes on, as (a digest of the folder, the number below which it goes on) of each folder that was read."""
Headers = Literal["none", "basic", "all"]
"""basic: Message-ID, In-Reply-To and References."""


@record
class MessageQuery:
    """What a list is of. None and (): any.

    folders    ids; a message is in one of them
    any_email  addresses, one of which is in From, To, Cc or Bcc
    before, after  seconds; neither counts itself
    words      texts that a message contains, all of them
    bodies     texts and snippets are wanted
    """

    folders: tuple[str, ...] = ()
    subject: str | None = None
    any_email: tuple[str, ...] = ()
    sender: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    unread: bool | None = None
    starred: bool | None = None
    has_attachment: bool | None = None
    thread_id: str | None = None
    before: int | None = None
    after: int | None = None
    words: tuple[str, ...] = ()
    bodies: bool = True
    headers: Headers = "none"


@record
class Message:
    """headers: as they were sent, in their order. body: None where it was not asked for."""

    head: MessageHead
    body: Body | None = None
    headers: tuple[tuple[str, str], ...] = ()


class MessagePage(NamedTuple):
    """next: None at the end."""

    messages: list[Message]
    next: Place | None


@record
class Thread:
    """A conversation: the messages and drafts whose thread_id is the same.

    subject        of its first message
    participants   of all headers, each once
    message_ids    oldest first; draft_ids likewise
    folders        of all of them
    unread         one of them is; likewise starred and has_attachments
    earliest       when the first message came
    received, sent when the latest ones came, and were sent; None: there is none
    latest         the latest of messages and drafts; latest_is_draft: which of both it is
    """

    id: str
    subject: str
    participants: tuple[Address, ...]
    message_ids: tuple[str, ...]
    draft_ids: tuple[str, ...]
    folders: tuple[str, ...]
    unread: bool
    starred: bool
    has_attachments: bool
    earliest: int
    received: int | None
    sent: int | None
    latest: Message
    latest_is_draft: bool


@record
class ThreadQuery:
    """What a list is of.

    one             what one message of the thread matches; unread=False and starred=False: all of them do
    before, after   of the latest message, in seconds; neither counts itself
    begun           the first message came then or later
    """

    one: MessageQuery
    has_attachment: bool | None = None
    before: int | None = None
    after: int | None = None
    begun: int | None = None


class ThreadPage(NamedTuple):
    """next: None at the end."""

    threads: list[Thread]
    next: Place | None


@dataclass(frozen=True, slots=True)
class Download:
    """An attachment and its bytes, as the sender attached them, in pieces.

    whole  there is one piece alone
    """

    attachment: Attachment
    first: bytes
    whole: bool
    rest: AsyncIterator[bytes]


class Sent(NamedTuple):
    """id: of the message in the mailbox. folders: ids of those that its copy lies in; none where it has none."""

    id: str
    folders: tuple[str, ...]


HandingOver = Callable[[], Awaitable[None]]
"""Called when a server is ready to take a message: from the end of this call on it may be sent."""


class Mailbox(Protocol):
    """The mailbox of one grant, for one call. A method is a call of the API.

    All raise DataNotFound where there is no such folder, message or attachment; InvalidData, which names the field;
    GrantExpired, RateLimited, ProviderUnavailable, Overloaded.
    """

    async def folders(self) -> list[Folder]: ...

    async def folder(self, folder_id: str) -> Folder: ...

    async def create_folder(self, name: str) -> Folder: ...

    async def rename_folder(self, folder_id: str, name: str) -> Folder: ...

    async def delete_folder(self, folder_id: str) -> None: ...

    async def page(self, query: MessageQuery, *, after: Place | None, limit: int) -> MessagePage: ...

    async def get(self, message_id: str, *, headers: Headers) -> Message: ...

    async def some(
        self, message_ids: Sequence[str], *, headers: Headers = "none", bodies: bool = True
    ) -> list[Message]:
        """In this order; those that there are not are left out. Fifty at most."""

    async def correspondents(self) -> list[Correspondent]:
        """Of the newest messages of the inbox and of those that were sent, the last one first; each address once."""

    async def raw(self, message_id: str) -> tuple[str, bytes]:
        """The message's id, and its bytes. Raises InvalidData for a message over 25 MB."""

    async def attachments(self, message_id: str) -> tuple[Attachment, ...]: ...

    async def attachment(self, message_id: str, attachment_id: str) -> Attachment: ...

    def download(self, message_id: str, attachment_id: str) -> AbstractAsyncContextManager[Download]: ...

    async def change(
        self, message_id: str, *, unread: bool | None, starred: bool | None, folders: tuple[str, ...] | None
    ) -> Message: ...

    async def delete(self, message_id: str, *, erase: bool = False) -> bool:
        """Into the trash; what lies there already is erased, as is all with `erase`. True: the id has ended."""

    async def threads(self, query: ThreadQuery, *, after: Place | None, limit: int) -> ThreadPage: ...

    async def thread(self, thread_id: str) -> Thread: ...

    async def change_thread(
        self, thread_id: str, *, unread: bool | None, starred: bool | None, folders: tuple[str, ...] | None
    ) -> Thread:
        """All its messages. folders: for drafts, and for what lies in the trash beside others, nothing changes."""

    async def delete_thread(self, thread_id: str) -> None:
        """All its messages into the trash; a thread that lies there wholly is erased."""

    async def drafts(self, query: MessageQuery, *, after: Place | None, limit: int) -> MessagePage:
        """What the query says of folders does not count."""

    async def draft(self, draft_id: str) -> Message: ...

    async def create_draft(self, said: Letter, *, references: Sequence[str], starred: bool) -> Message: ...

    async def change_draft(
        self,
        draft_id: str,
        said: Letter,
        *,
        given: frozenset[str],
        references: Sequence[str] | None,
        starred: bool | None,
    ) -> Message:
        """given: names of the members of `said` that are to change. None: as it was."""

    async def raw_draft(self, draft_id: str) -> bytes:
        """The message that it is. Raises InvalidData for one that is too large."""

    async def delete_draft(self, draft_id: str) -> None:
        """For good."""

    async def check_sending(self) -> None:
        """Raises InvalidData: nothing can be sent from this mailbox."""

    async def send(self, message: Ready, handing_over: HandingOver) -> Sent:
        """To all recipients or to none, with a copy in the folder for sent mail.

        Raises MaySent where that is not known, MailDeferred, InvalidData for what the server refuses for good.
        """
