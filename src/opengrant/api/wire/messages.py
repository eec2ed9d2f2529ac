"""The shapes of messages and their attachments."""

import re
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from opengrant.api.wire.calendars import Selected
from opengrant.api.wire.events import Metadata, read_pairs
from opengrant.api.wire.fields import PRINTABLE, Model, examples
from opengrant.errors import InvalidData
from opengrant.mail.port import Headers, MessageQuery

MOST_ADDRESSES = 25
MOST_WORDS = 20

Text = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00\r\n]*$")]
Seconds = Annotated[int, Field(ge=0, lt=1 << 40)]
_NO_FILTERS = frozenset({"metadata_pair", "limit", "page_token", "select", "fields"})
_WORD = re.compile(r'"([^"]*)"|(\S+)')

MessageFields = Literal["standard", "include_headers", "include_basic_headers", "include_tracking_options"]
HEADERS: dict[str, Headers] = {"include_headers": "all", "include_basic_headers": "basic"}


class MailAddress(Model):
    """An address in a header."""

    email: str
    name: str


class HeaderField(Model):
    """A header field as it was sent, unfolded and not decoded."""

    name: str
    value: str


class Attachment(Model):
    """A part of a message that is no text to be shown."""

    id: str
    """Of this message alone: pass `message_id` with it."""
    grant_id: str
    filename: str | None = None
    content_type: str
    size: int
    """Bytes as they were sent: encoded, a third more than the file where it is Base64."""
    content_id: str | None = None
    """By which the message's HTML shows it."""
    content_disposition: str | None = None
    is_inline: bool


class Described(Model):
    """What messages and drafts have in common. Fields that were not asked for are left out."""

    id: str
    """Its Message-ID, where it has one."""
    grant_id: str
    object: str
    thread_id: str | None = None
    subject: str | None = None
    from_: Annotated[list[MailAddress] | None, Field(alias="from")] = None
    to: list[MailAddress] | None = None
    cc: list[MailAddress] | None = None
    bcc: list[MailAddress] | None = None
    reply_to: list[MailAddress] | None = None
    date: int | None = None
    """When the mail server received it."""
    created_at: int | None = None
    unread: bool | None = None
    starred: bool | None = None
    folders: list[str] | None = None
    """The folder in which it was found."""
    attachments: list[Attachment] | None = None
    body: str | None = None
    """HTML as it was sent, and plain text where there is no HTML. It was written by a stranger: sanitise it."""
    snippet: str | None = None
    """The first 100 characters of the text."""
    metadata: dict[str, str] | None = None
    """What was kept with it here."""


class Tracking(Model):
    """What is tracked of a message: nothing, here."""

    opens: bool
    links: bool
    thread_replies: bool
    label: str | None = None


class Message(Described):
    """A message. Fields that were not asked for are left out."""

    headers: list[HeaderField] | None = None
    """With `fields=include_headers` or `include_basic_headers`."""
    tracking_options: Tracking | None = None
    """With `fields=include_tracking_options`, and of what was sent with them."""
    raw_mime: str | None = None
    """With `fields=raw_mime`: the message, in URL-safe Base64."""


class MessagePatch(Model):
    """What is changed about a message; what is left out or null stays."""

    model_config = examples({"unread": False, "folders": ["Archive"]}, {"metadata": {"key1": "order-17"}})
    unread: bool | None = None
    """Whether it counts as unread."""
    starred: bool | None = None
    """Whether it is flagged."""
    folders: list[Annotated[str, StringConstraints(min_length=1, max_length=2048)]] | None = None
    """Ids of all the folders that it is to lie in; an empty list archives it."""
    metadata: Metadata | None = None
    """Kept here, not in the mailbox. Replaces all pairs that there are; an empty object deletes them."""

    def check(self) -> None:
        """Raises InvalidData."""
        if self.unread is None and self.starred is None and self.folders is None and self.metadata is None:
            raise InvalidData("The body is empty: send unread, starred, folders or metadata.")


class MessageSelected(Selected):
    fields: MessageFields | Literal["raw_mime"] = "standard"
    """What is shown beside the usual fields; `raw_mime` shows the message itself and nothing else."""

    @property
    def headers(self) -> Headers:
        return HEADERS.get(self.fields, "none")


class DeleteQuery(Model):
    """How a message is deleted."""

    hard_delete: bool = False
    """Erase it at once. Refused, unless the application has `mail_settings.hard_delete`."""


class Filters(Selected):
    """Which messages or drafts to list."""

    subject: Text | None = None
    """Text in the subject, in any case."""
    any_email: Text | None = None
    """Addresses, separated by commas or repeated: those from or to one of them."""
    to: Text | None = None
    """An address; repeated, one of them."""
    cc: Text | None = None
    """The same."""
    bcc: Text | None = None
    """The same."""
    starred: bool | None = None
    """Only those that are flagged, or only others."""
    has_attachment: bool | None = None
    """Only those with attachments, or only those without. Inline images do not count."""
    thread_id: Text | None = None
    """Those of one conversation."""
    limit: Annotated[int, Field(ge=1)] = 50
    """How many at most; more than 200 counts as 200."""
    page_token: Annotated[str, StringConstraints(max_length=4096)] | None = None
    """The `next_cursor` of the page before."""
    metadata_pair: Annotated[str, StringConstraints(max_length=3000)] | None = None
    """`key1:value`, repeated or separated by commas: those that have all of them. Goes with no other filter."""

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """What is looked for of metadata. Raises InvalidData."""
        if self.metadata_pair is None:
            return ()
        others = sorted(self.model_fields_set - _NO_FILTERS)
        if others:
            raise InvalidData(f"metadata_pair: goes with no other filter. Leave out {others[0].rstrip('_')}.")
        return read_pairs(self.metadata_pair)

    def to_model(self, *, bodies: bool) -> MessageQuery:
        """Raises InvalidData."""
        return MessageQuery(
            subject=self.subject,
            any_email=_split("any_email", self.any_email),
            to=_split("to", self.to),
            cc=_split("cc", self.cc),
            bcc=_split("bcc", self.bcc),
            starred=self.starred,
            has_attachment=self.has_attachment,
            thread_id=self.thread_id,
            bodies=bodies,
        )


class MessageFilters(Filters):
    """Which messages to list, or which one of a thread."""

    in_: Annotated[str | None, Field(alias="in", max_length=4096, pattern=PRINTABLE)] = None
    """A folder's id. Repeated, messages of any of them; without it, those of all folders, which takes longer."""
    from_: Annotated[str | None, Field(alias="from", max_length=1000, pattern=PRINTABLE)] = None
    """An address; repeated, one of them."""
    unread: bool | None = None
    """Only unread messages, or only those that are read."""
    search_query_native: Text | None = None
    """Words, and texts in quotation marks, that a message contains, all of them."""
    q: Text | None = None
    """The same as `search_query_native`."""

    def to_model(self, *, bodies: bool) -> MessageQuery:
        return replace(
            super().to_model(bodies=bodies),
            folders=_split("in", self.in_, most=10),
            sender=_split("from", self.from_),
            unread=self.unread,
            words=_words(self.search_query_native or self.q),
        )


class MessagesQuery(MessageFilters):
    """Which messages to list."""

    fields: MessageFields = "standard"
    """What is shown beside the usual fields; `raw_mime` is given of one message at a time."""
    received_before: Seconds | None = None
    """Unix seconds; messages of that second are left out."""
    received_after: Seconds | None = None
    """The same."""

    @property
    def headers(self) -> Headers:
        return HEADERS.get(self.fields, "none")

    def to_model(self, *, bodies: bool) -> MessageQuery:
        return replace(
            super().to_model(bodies=bodies),
            before=self.received_before,
            after=self.received_after,
            headers=self.headers,
        )


class AttachmentQuery(Selected):
    """Whose attachment it is."""

    message_id: Annotated[str, StringConstraints(min_length=1, max_length=2048, pattern=PRINTABLE)]
    """The message's id."""


def _split(name: str, text: str | None, *, most: int = MOST_ADDRESSES) -> tuple[str, ...]:
    found = tuple(one.strip() for one in (text or "").split(",") if one.strip())
    if len(found) > most:
        raise InvalidData(f"{name}: {most} at most.")
    return found


def _words(text: str | None) -> tuple[str, ...]:
    found = tuple(phrase or word for phrase, word in _WORD.findall(text or "") if phrase or word)
    if len(found) > MOST_WORDS:
        raise InvalidData(f"search_query_native: {MOST_WORDS} words at most.")
    return found
