"""Mail: folders, messages and attachments, wherever the mailbox is.

Times on this page are whole seconds since the Unix epoch; those of signatures are `Micros`. Texts are decoded;
addresses are as the sender wrote them.
"""

from dataclasses import dataclass, field
from typing import Literal

from opengrant.model.basics import Micros, record

MessageKind = Literal["message", "draft"]


@record
class Address:
    """name: "" where the message has none."""

    email: str
    name: str = ""


@record
class Folder:
    """A folder of a mailbox.

    id          names it in paths and queries
    name        as people read it, with the names of the folders that it lies in
    attributes  as the server says them: `\\Sent`, `\\Trash`, `\\Noselect`, …
    delimiter   what stands between the names of nested folders; "" where there are none
    total       how many messages it has; None where the server does not say
    unread      how many of them are unread
    """

    id: str
    name: str
    attributes: tuple[str, ...] = ()
    delimiter: str = ""
    total: int | None = None
    unread: int | None = None


@record
class Attachment:
    """A part of a message that is no text to be shown.

    id            the number of the part as IMAP counts it: "2", "1.2"
    content_type  as the header says it, parameters included
    size          bytes; encoded, where the decoded size is not known without reading the part
    content_id    without angle brackets; None without one
    disposition   as the header says it; None without one
    is_inline     the text shows it where it refers to it
    """

    id: str
    filename: str | None
    content_type: str
    size: int
    content_id: str | None
    disposition: str | None
    is_inline: bool


@record
class MessageHead:
    """What a list shows of a message, without its text.

    id           its Message-ID with angle brackets, or one of our own where it has none that can be used
    thread_id    the same for all messages of a conversation
    folders      ids of the folders that it is known to lie in
    sender       of the header From
    date         when the server received it
    size         bytes of the whole message
    in_reply_to  Message-IDs that it answers
    references   Message-IDs of the conversation, oldest first
    """

    id: str
    thread_id: str
    folders: tuple[str, ...]
    subject: str
    sender: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    date: int
    unread: bool
    starred: bool
    size: int
    attachments: tuple[Attachment, ...]
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()


@record
class Body:
    """The text of a message.

    content  HTML where the message has it, else plain text
    snippet  its first 100 characters without tags
    """

    content: str = field(repr=False)
    snippet: str = field(repr=False)
    is_html: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """What messages of a grant may end with. body: HTML that is safe to show."""

    application_id: str
    grant_id: str
    id: str
    name: str
    body: str = field(repr=False)
    created_at: Micros
    updated_at: Micros


@record
class Correspondent:
    """Who wrote to a mailbox, or was written to by it. name: "" where none is known. date: of the last message."""

    email: str
    name: str
    date: int
