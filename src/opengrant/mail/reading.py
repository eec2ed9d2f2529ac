"""What a message is, by its header and its parts: from a mail server's description, or from its bytes."""

from dataclasses import replace

from opengrant.mail import ids
from opengrant.mail.mime import text
from opengrant.mail.mime.addresses import addresses
from opengrant.mail.mime.headers import Headers as Fields
from opengrant.mail.mime.headers import message_ids
from opengrant.mail.mime.headers import text as decoded
from opengrant.mail.mime.index import index
from opengrant.mail.mime.parts import Part
from opengrant.mail.mime.text import Texts
from opengrant.mail.port import Headers, Message
from opengrant.model.mail import Address, MessageHead

_BASIC = ("message-id", "in-reply-to", "references")


def head(
    fields: Fields,
    root: Part,
    *,
    id_: str,
    folders: tuple[str, ...],
    date: int,
    size: int,
    unread: bool = False,
    starred: bool = False,
    said: Texts | None = None,
) -> MessageHead:
    """said: what `texts` finds in the message, if it is known."""
    answers = message_ids(fields.first("in-reply-to") or "")
    references = message_ids(fields.first("references") or "")
    return MessageHead(
        id=id_,
        thread_id=ids.thread_id(first_of_thread(fields, id_)),
        folders=folders,
        subject=decoded(fields.first("subject") or ""),
        sender=addresses(fields.every("from")),
        to=addresses(fields.every("to")),
        cc=addresses(fields.every("cc")),
        bcc=addresses(fields.every("bcc")),
        reply_to=addresses(fields.every("reply-to")),
        date=date,
        unread=unread,
        starred=starred,
        size=size,
        attachments=text.attachments(root, said),
        in_reply_to=answers,
        references=references,
    )


def first_of_thread(fields: Fields, id_: str) -> str:
    """The Message-ID that the conversation begins with. id_: the message's own id."""
    for name in ("references", "in-reply-to"):
        if named := message_ids(fields.first(name) or ""):
            return named[0]
    return id_


def shown(fields: Fields, headers: Headers) -> tuple[tuple[str, str], ...]:
    """The fields that are asked for."""
    match headers:
        case "none":
            return ()
        case "basic":
            return tuple((name, value) for name, value in fields.fields if name.lower() in _BASIC)
        case "all":
            return fields.fields


def references(raw: bytes) -> tuple[str, ...]:
    """Message-IDs of the conversation that a message belongs to, by its header."""
    return message_ids(Fields.read(raw.partition(b"\r\n\r\n")[0], beginning=b"references").every("references"))


def sent(
    raw: bytes, *, id_: str, folders: tuple[str, ...], date: int, bcc: tuple[Address, ...], headers: Headers
) -> Message:
    """A message that was sent; of more than `LOOP_LIMIT` bytes in a thread. bcc: what its bytes do not say."""
    found = index(raw)
    known = head(found.headers, found.root, id_=id_, folders=folders, date=date, size=len(raw))
    said = text.texts(found.root).shown
    start, end = (0, 0) if said is None else found.bodies[said.number]
    body = text.body(said, raw[start:end])
    return Message(replace(known, bcc=bcc or known.bcc), body, shown(found.headers, headers))
