"""The shapes of messages that are to be sent, or kept as drafts."""

import base64
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from opengrant.api.wire.events import Metadata
from opengrant.api.wire.fields import PRINTABLE, Maybe, Model, OrNull, examples
from opengrant.api.wire.messages import HEADERS, Message, MessageFields
from opengrant.errors import InvalidData
from opengrant.mail.mime.compose import File, check_header
from opengrant.mail.outgoing import Letter
from opengrant.mail.port import Headers
from opengrant.model.mail import Address

LARGEST = 25 * 1024 * 1024
"""Bytes of a request with a message."""
MOST_ADDRESSES = 500
MOST_FILES = 200
MOST_HEADERS = 100
MAX_LABEL = 2048

_ATTACHED = re.compile(r"(?:file|attachment)s?\d*(?:\[\d*\])?")
"""Names of parts that say nothing of a file. Any other one is the Content-ID by which the message's HTML shows it."""
_URL_SAFE = bytes.maketrans(b"-_", b"+/")

_Name = Annotated[str, StringConstraints(max_length=1000)]
_MessageId = Annotated[str, StringConstraints(min_length=1, max_length=2048, pattern=PRINTABLE)]


class Recipient(Model):
    """An address, and the name that goes with it."""

    email: Annotated[str, StringConstraints(min_length=3, max_length=500)]
    """The address."""
    name: _Name | None = None
    """The name beside it."""

    def to_model(self) -> Address:
        return Address(self.email.strip(), self.name or "")


_Recipients = Annotated[tuple[Recipient, ...], Field(max_length=MOST_ADDRESSES), OrNull]


class OutgoingAttachment(Model):
    """A file of a message. With a `content_id` the HTML of the body can show it, as `cid:…`."""

    filename: _Name | None = None
    """Its name."""
    content_type: Annotated[str, StringConstraints(max_length=1000)] | None = None
    """Its media type."""
    content: Annotated[str | None, Field(repr=False)] = None
    """The file in Base64."""
    content_id: Maybe[Annotated[str, StringConstraints(max_length=500)]] = None
    """By which the HTML shows it, without angle brackets."""
    content_disposition: Annotated[str, StringConstraints(max_length=1000)] | None = None
    """`inline` or `attachment`; what has a `content_id` is inline where nothing is said."""
    is_inline: bool | None = None
    """The same."""
    id: Maybe[Annotated[str, StringConstraints(max_length=500)]] = None
    """Refused: no provider that is served takes uploads."""

    def to_model(self, place: int) -> File:
        """Raises InvalidData."""
        if self.id is not None:
            raise InvalidData(f"attachments.{place}.id: this grant has no uploads. Send the file as content.")
        if self.content is None:
            raise InvalidData(f"attachments.{place}.content: is required.")
        return File(
            filename=self.filename,
            content_type=self.content_type or "application/octet-stream",
            content=_decoded(self.content, place),
            content_id=self.content_id,
            is_inline=self._is_inline,
        )

    @property
    def _is_inline(self) -> bool:
        if self.is_inline is not None:
            return self.is_inline
        if self.content_disposition:
            return self.content_disposition.strip().lower().startswith("inline")
        return self.content_id is not None


class CustomHeader(Model):
    """A header field of your own."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=76)]
    """Its name: none of those that a message sets by itself."""
    value: Annotated[str, StringConstraints(max_length=10_000)]
    """One line."""


class TrackingOptions(Model):
    """Tracking of what recipients do. None is offered here; a label is kept for the answer."""

    opens: Annotated[bool, OrNull] = False
    """Refused: opening is not tracked."""
    links: Annotated[bool, OrNull] = False
    """Refused: links are not rewritten."""
    thread_replies: Annotated[bool, OrNull] = False
    """Refused: the webhooks of new messages tell of replies."""
    label: Annotated[str, StringConstraints(max_length=MAX_LABEL)] | None = None
    """A text of yours."""
    domain_name: Maybe[Annotated[str, StringConstraints(max_length=253)]] = None
    """Refused, as are opens and links."""

    def check(self) -> None:
        """Raises InvalidData."""
        for name in ("opens", "links", "thread_replies", "domain_name"):
            if getattr(self, name):
                raise InvalidData(f"tracking_options.{name}: this server does not track. Leave it out.")

    def shown(self) -> dict[str, Any]:
        label = {} if self.label is None else {"label": self.label}
        return {"opens": False, "links": False, "thread_replies": False, **label}


class Template(Model):
    """Refused: there are no templates here."""


class OutgoingBody(Model):
    """What messages and drafts have in common. Nothing is required."""

    to: _Recipients = ()
    """Recipients."""
    cc: _Recipients = ()
    """Recipients of a copy."""
    bcc: _Recipients = ()
    """Recipients that the others do not see."""
    reply_to: _Recipients = ()
    """Where answers go."""
    from_: Annotated[tuple[Recipient, ...], Field(alias="from", max_length=1), OrNull] = ()
    """The grant's address where it is left out. Whether another one may send is up to the mail server."""
    subject: Annotated[str, StringConstraints(max_length=10_000), OrNull] = ""
    """One line; line ends become blanks."""
    body: Annotated[str, Field(repr=False), OrNull] = ""
    """HTML, or plain text with `is_plaintext`."""
    is_plaintext: Annotated[bool, OrNull] = False
    """Whether `body` is plain text."""
    attachments: Annotated[tuple[OutgoingAttachment, ...], Field(max_length=MOST_FILES), OrNull] = ()
    """Files. Those of a multipart body are its other parts."""
    reply_to_message_id: Maybe[_MessageId] = None
    """The id of a message of this mailbox that is answered: the answer belongs to its conversation."""
    custom_headers: Annotated[tuple[CustomHeader, ...], Field(max_length=MOST_HEADERS), OrNull] = ()
    """Header fields of your own."""
    tracking_options: TrackingOptions | None = None
    """Refused, but for a label."""
    metadata: Metadata | None = None
    """Kept here, not in the message. `key1` to `key5` can be searched for."""
    template: Template | None = None
    """Refused: there are no templates here."""
    signature_id: Maybe[Annotated[str, StringConstraints(max_length=500, pattern=PRINTABLE)]] = None
    """A signature of the grant, which is put at the very end."""

    def to_model(self, files: Sequence[File] = ()) -> Letter:
        """files: of a multipart body. Decodes Base64: of much in a thread. Raises InvalidData."""
        self._check()
        if len(self.attachments) + len(files) > MOST_FILES:
            raise InvalidData(f"attachments: {MOST_FILES} at most.")
        for header in self.custom_headers:
            check_header(header.name, header.value)
        decoded = [one.to_model(place) for place, one in enumerate(self.attachments)]
        return Letter(
            sender=self.from_[0].to_model() if self.from_ else None,
            to=_addresses(self.to),
            cc=_addresses(self.cc),
            bcc=_addresses(self.bcc),
            reply_to=_addresses(self.reply_to),
            subject=self.subject,
            body=self.body,
            is_html=not self.is_plaintext,
            files=(*decoded, *files),
            reply_to_message_id=self.reply_to_message_id,
            headers=tuple((header.name, header.value) for header in self.custom_headers),
            signature_id=self.signature_id,
        )

    def _check(self) -> None:
        if self.template is not None:
            raise InvalidData("template: there are no templates here. Send subject and body.")
        if self.tracking_options is not None:
            self.tracking_options.check()


class SendBody(OutgoingBody):
    """A message to be sent."""

    model_config = examples(
        {
            "to": [{"email": "bo@example.com", "name": "Bo"}],
            "subject": "Lunch?",
            "body": "<p>At noon.</p>",
        }
    )
    send_at: Annotated[int, Field(ge=0, lt=1 << 40)] | None = None
    """When to send it, in seconds since 1970: one minute to 30 days ahead. Without it, at once."""
    use_draft: bool | None = None
    """Only with `send_at`; of no effect for IMAP."""

    def check(self) -> None:
        """Raises InvalidData."""
        if not (self.to or self.cc or self.bcc):
            raise InvalidData("to: name a recipient in to, cc or bcc.")
        if len(self.to) + len(self.cc) + len(self.bcc) > MOST_ADDRESSES:
            raise InvalidData(f"to: {MOST_ADDRESSES} recipients at most, those in cc and bcc included.")
        if self.use_draft and self.send_at is None:
            raise InvalidData("use_draft: goes with send_at only.")


class SendQuery(Model):
    """How a message is sent, and what is shown of it."""

    type: Literal["mime"] | None = None
    """With `mime` the body is multipart and has a part `mime`: the whole message."""
    fields: MessageFields = "standard"
    """What is shown beside the usual fields."""

    @property
    def headers(self) -> Headers:
        return HEADERS.get(self.fields, "none")


class SentMessage(Message):
    """A message as it was sent. Its copy lies in the folder for sent mail, where there is one."""

    reply_to_message_id: str | None = None
    """The message that it answers."""
    schedule_id: str | None = None
    """With `send_at` alone: what the schedule is listed and cancelled by."""
    send_at: int | None = None
    """When it will be sent, in seconds since 1970."""


def file_of(name: str, filename: str | None, content_type: str | None, content: bytes) -> File:
    """A part of a multipart body. name: of the part."""
    inline = bool(name) and not _ATTACHED.fullmatch(name)
    return File(
        filename=filename or None,
        content_type=content_type or "application/octet-stream",
        content=content,
        content_id=name if inline else None,
        is_inline=inline,
    )


def _addresses(found: Sequence[Recipient]) -> tuple[Address, ...]:
    return tuple(one.to_model() for one in found)


def _decoded(content: str, place: int) -> bytes:
    """Of either alphabet, with or without line ends and padding."""
    try:
        digits = content.encode("ascii").translate(_URL_SAFE, b"\r\n\t ").rstrip(b"=")
        return base64.b64decode(digits + b"=" * (-len(digits) % 4), validate=True)
    except ValueError:
        raise InvalidData(f"attachments.{place}.content: is no Base64.") from None
