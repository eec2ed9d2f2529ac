"""A message to be sent or kept as a draft, as bytes that any server takes: ASCII, with lines of bounded length."""

import base64
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import field
from datetime import UTC, datetime
from email.utils import format_datetime

from opengrant.errors import InvalidData
from opengrant.mail.mime import writing
from opengrant.mail.mime.headers import usable_id
from opengrant.mail.mime.parts import kind_of
from opengrant.model.basics import record
from opengrant.model.mail import Address

LONGEST_LINE = 998
KEPT_REFERENCES = 20
"""Of the oldest and of the newest each, where a conversation has more."""
_BASE64_LINE = 76

_STRUCTURAL = frozenset(
    {
        *(
            "from",
            "sender",
            "to",
            "cc",
            "bcc",
            "reply-to",
            "subject",
            "date",
            "message-id",
            "in-reply-to",
            "references",
        ),
        *("mime-version", "received", "return-path"),
    }
)
_STRUCTURAL_BEGINNINGS = ("content-", "dkim-", "resent-", "arc-")
_NAME = re.compile(r"[!-9;-~]{1,76}")


@record
class File:
    """content_id: without angle brackets; with one, and in HTML, the text shows it where it refers to it."""

    filename: str | None
    content_type: str
    content: bytes = field(repr=False)
    content_id: str | None = None
    is_inline: bool = False


@record
class Outgoing:
    """What a message shall say.

    date         seconds since the epoch
    message_id   with angle brackets
    references   Message-IDs of the conversation, oldest first; the last is the one that is answered
    headers      further fields
    """

    sender: Address
    message_id: str
    date: int
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    body: str = field(default="", repr=False)
    is_html: bool = True
    files: tuple[File, ...] = ()
    references: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()


def compose(said: Outgoing, *, with_bcc: bool = False) -> bytes:
    """The message; of more than `LOOP_LIMIT` bytes in a thread.

    with_bcc  for a draft, which must remember them
    Raises InvalidData for an address or a field that cannot be written.
    """
    inline = [file for file in said.files if _is_shown(file, said)]
    body = _text(said.body, "html" if said.is_html else "plain")
    if inline:
        body = _multipart("related", [body, *(_file(file, "inline") for file in inline)])
    attached = [file for file in said.files if not _is_shown(file, said)]
    if attached:
        body = _multipart("mixed", [body, *(_file(file, "attachment") for file in attached)])
    return b"".join((*_head(said, with_bcc=with_bcc), b"MIME-Version: 1.0\r\n", *body))


def reply_references(references: Sequence[str], in_reply_to: Sequence[str], message_id: str) -> tuple[str, ...]:
    """The chain of an answer to a message with these headers (RFC 5322, section 3.6.4)."""
    chain = references or in_reply_to[:1]
    return tuple(dict.fromkeys((*(one for one in chain if one != message_id), message_id)))


def date_field(date: int) -> bytes:
    return writing.field("Date", [" " + format_datetime(datetime.fromtimestamp(date, UTC))])


def check_header(name: str, value: str) -> None:
    """Raises InvalidData for a further field that a caller may not set, or that is none."""
    if not _NAME.fullmatch(name):
        raise InvalidData(f"custom_headers: {name[:100]!r} is no name of a header.")
    if name.lower() in _STRUCTURAL or name.lower().startswith(_STRUCTURAL_BEGINNINGS):
        raise InvalidData(f"custom_headers: {name} is set by the message itself.")
    if any(mark in value for mark in "\r\n\0"):
        raise InvalidData(f"custom_headers: the value of {name} is more than one line.")


def _is_shown(file: File, within: Outgoing) -> bool:
    return within.is_html and file.is_inline and bool(file.content_id)


def _head(said: Outgoing, *, with_bcc: bool) -> Iterator[bytes]:
    yield date_field(said.date)
    for name, label, found in (
        ("From", "from", (said.sender,)),
        ("To", "to", said.to),
        ("Cc", "cc", said.cc),
        ("Bcc", "bcc", said.bcc if with_bcc else ()),
        ("Reply-To", "reply_to", said.reply_to),
    ):
        if found:
            yield writing.field(name, writing.addresses(found, field=label))
    yield writing.field("Subject", writing.text(said.subject))
    yield writing.field("Message-ID", [" " + said.message_id])
    references = [one for one in said.references if usable_id(one)]
    if references:
        yield writing.field("In-Reply-To", [" " + references[-1]])
        yield writing.field("References", [" " + one for one in _kept(references)])
    for name, value in said.headers:
        check_header(name, value)
        yield writing.field(name, writing.text(value))


def _kept(references: Sequence[str]) -> Sequence[str]:
    if len(references) <= 2 * KEPT_REFERENCES:
        return references
    return (*references[:KEPT_REFERENCES], *references[-KEPT_REFERENCES:])


def _text(body: str, subtype: str) -> list[bytes]:
    data = writing.lines(body.encode("utf-8", "replace"))
    if data.isascii() and not writing.has_longer_line(data, LONGEST_LINE) and b"\0" not in data:
        encoding = "7bit"
    elif sum(byte > 0x7F for byte in data[:4_096]) * 3 < len(data[:4_096]):
        encoding, data = "quoted-printable", writing.quoted_printable(data)
    else:
        encoding, data = "base64", _base64(data)
    kind = writing.field("Content-Type", [f" text/{subtype};", " charset=utf-8"])
    return [kind, writing.field("Content-Transfer-Encoding", [f" {encoding}"]), b"\r\n", data]


def _file(file: File, disposition: str) -> list[bytes]:
    kind = kind_of(file.content_type.partition(";")[0]) or "application/octet-stream"
    if kind.startswith(("multipart/", "message/")):  # these may not be encoded, and are not looked into here
        kind = "application/octet-stream"
    name = [] if file.filename is None else [*writing.parameter("filename", file.filename)]
    head = [
        writing.field("Content-Type", [f" {kind}"]),
        writing.field("Content-Disposition", [f" {disposition}", *_after_semicolons(name)]),
        writing.field("Content-Transfer-Encoding", [" base64"]),
    ]
    if file.content_id:
        head.append(writing.field("Content-ID", [f" <{_content_id(file.content_id)}>"]))
    return [*head, b"\r\n", _base64(file.content)]


def _after_semicolons(parameters: list[str]) -> Iterator[str]:
    """A line breaks after a semicolon, not before it."""
    for parameter in parameters:
        yield ";"
        yield parameter.removeprefix(";")


def _content_id(said: str) -> str:
    found = said.strip().removeprefix("<").removesuffix(">")
    if not re.fullmatch(r"[!-;=?-~]{1,250}", found):
        raise InvalidData(f"attachments: {said[:100]!r} is no content_id.")
    return found


def _multipart(subtype: str, parts: list[list[bytes]]) -> list[bytes]:
    boundary = b"=_" + secrets.token_hex(16).encode()
    made = [b'Content-Type: multipart/%b;\r\n boundary="%b"\r\n\r\n' % (subtype.encode(), boundary)]
    for part in parts:
        made += [b"--", boundary, b"\r\n", *part, b"\r\n"]
    return [*made, b"--", boundary, b"--\r\n"]


def _base64(data: bytes) -> bytes:
    digits = base64.b64encode(data)
    lines = (digits[start : start + _BASE64_LINE] for start in range(0, len(digits), _BASE64_LINE))
    return b"".join(line + b"\r\n" for line in lines)
