"""What a caller wants to be sent or kept as a draft, and the message that is made of it."""

import secrets
from collections.abc import Sequence
from dataclasses import field, replace

from opengrant.errors import InvalidData
from opengrant.mail.mime import writing
from opengrant.mail.mime.compose import File, Outgoing, compose
from opengrant.mail.mime.given import given
from opengrant.mail.mime.text import lines_of
from opengrant.model.basics import record
from opengrant.model.mail import Address


@record
class Letter:
    """sender: None for the grant's own address.

    reply_to_message_id  id of the message that it answers
    signature_id         of the signature at its end
    """

    sender: Address | None = None
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    body: str = field(default="", repr=False)
    is_html: bool = True
    files: tuple[File, ...] = ()
    reply_to_message_id: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    signature_id: str | None = None

    def signed(self, signature: str) -> "Letter":
        """With this at its end; signature: HTML."""
        if self.is_html:
            return replace(self, body=f"{self.body}<br>{signature}")
        return replace(self, body=f"{self.body}\n{lines_of(signature)}\n")


@record
class Ready:
    """A message that can be handed over.

    message_id  with angle brackets
    date        seconds since the epoch
    sender      of the envelope, in ASCII, as the recipients are
    bcc         recipients that its bytes do not name
    """

    raw: bytes = field(repr=False)
    message_id: str
    date: int
    sender: str
    recipients: tuple[str, ...]
    bcc: tuple[Address, ...] = ()


def outgoing(letter: Letter, *, own: Address, message_id: str, date: int, references: Sequence[str]) -> Outgoing:
    """As `composed`, before it is written."""
    return Outgoing(
        sender=letter.sender or own,
        message_id=message_id,
        date=date,
        to=letter.to,
        cc=letter.cc,
        bcc=letter.bcc,
        reply_to=letter.reply_to,
        subject=letter.subject,
        body=letter.body,
        is_html=letter.is_html,
        files=letter.files,
        references=tuple(references),
        headers=letter.headers,
    )


def composed(letter: Letter, *, own: Address, message_id: str, date: int, references: Sequence[str]) -> Ready:
    """A message of what it shall say; of more than `LOOP_LIMIT` bytes in a thread.

    own         whose the mailbox is
    references  Message-IDs of the conversation that it belongs to
    Raises      InvalidData
    """
    said = outgoing(letter, own=own, message_id=message_id, date=date, references=references)
    recipients = (("to", letter.to), ("cc", letter.cc), ("bcc", letter.bcc))
    written = (writing.address(one.email, field=name) for name, found in recipients for one in found)
    return Ready(
        raw=compose(said),
        message_id=message_id,
        date=date,
        sender=writing.address(said.sender.email, field="from"),
        recipients=tuple(dict.fromkeys(written)),
        bcc=letter.bcc,
    )


def as_given(mime: bytes, *, message_id: str, date: int) -> Ready:
    """A message of its bytes; of more than `LOOP_LIMIT` bytes in a thread. Raises InvalidData."""
    found = given(mime, message_id_=message_id, date=date)
    return Ready(
        raw=found.raw,
        message_id=found.message_id,
        date=date,
        sender=writing.address(found.sender.email, field="mime"),
        recipients=tuple(dict.fromkeys(writing.address(one.email, field="mime") for one in found.recipients)),
        bcc=found.bcc,
    )


def new_id(sender: str, token: str | None = None) -> str:
    """A Message-ID with angle brackets. sender: whose domain it is in; token: what makes it unique, else by chance."""
    try:
        domain = writing.address(sender, field="from").rpartition("@")[2]
    except InvalidData:
        domain = "localhost"
    return f"<{token or secrets.token_hex(16)}@{'localhost' if domain.startswith('[') else domain}>"
