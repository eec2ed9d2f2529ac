"""The shapes of threads."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field, StringConstraints

from opengrant.api.wire.drafts import Draft
from opengrant.api.wire.fields import Model, examples
from opengrant.api.wire.messages import MailAddress, Message, MessageFilters, Seconds, Text
from opengrant.errors import InvalidData
from opengrant.mail.port import ThreadQuery


class Thread(Model):
    """A conversation: messages that name each other in their headers. Fields that were not asked for are left out."""

    id: str
    grant_id: str
    object: str
    latest_draft_or_message: Message | Draft | None = None
    """The latest of its messages and drafts; `object` says which it is."""
    has_attachments: bool | None = None
    """Whether one of its messages has. Inline images do not count."""
    has_drafts: bool | None = None
    starred: bool | None = None
    """Whether one of its messages is flagged."""
    unread: bool | None = None
    """Whether one of its messages is unread."""
    earliest_message_date: int | None = None
    """When the mail server received the first one."""
    latest_message_received_date: int | None = None
    latest_message_sent_date: int | None = None
    """Of messages in the folder for sent ones."""
    participants: list[MailAddress] | None = None
    """From, To, Cc and Bcc of all its messages."""
    message_ids: list[str] | None = None
    """The oldest first."""
    draft_ids: list[str] | None = None
    folders: list[str] | None = None
    """The folders in which its messages lie."""
    snippet: str | None = None
    """The first 100 characters of its latest message."""
    subject: str | None = None
    """That of its first message."""


class ThreadPatch(Model):
    """What is changed about all messages of a thread; what is left out or null stays."""

    model_config = examples({"unread": False, "folders": ["Archive"]})
    unread: bool | None = None
    """Whether they count as unread."""
    starred: bool | None = None
    """Whether they are flagged."""
    folders: list[Annotated[str, StringConstraints(min_length=1, max_length=2048)]] | None = None
    """Ids of all the folders that they are to lie in; an empty list archives them. Drafts stay where they are."""

    def check(self) -> None:
        """Raises InvalidData."""
        if self.unread is None and self.starred is None and self.folders is None:
            raise InvalidData("The body is empty: send unread, starred or folders.")


class ThreadsQuery(MessageFilters):
    """Which threads to list. One message of a thread matches what is said of messages."""

    unread: bool | None = None
    """Only threads with unread messages, or only those that are read."""
    starred: bool | None = None
    """Only threads with flagged messages, or only others."""
    has_attachment: bool | None = None
    """Only threads with attachments; `false` is no filter."""
    thread_id: Text | None = None
    """This thread alone."""
    latest_message_before: Seconds | None = None
    """Unix seconds; threads whose latest message came in that second are left out."""
    latest_message_after: Seconds | None = None
    """The same."""
    earliest_message_date: Seconds | None = None
    """Unix seconds: only threads whose first message came then or later."""
    limit: Annotated[int, Field(ge=1)] = 20
    """How many at most; more than 50 counts as 50."""

    def to_threads(self, *, bodies: bool) -> ThreadQuery:
        """Raises InvalidData."""
        return ThreadQuery(
            replace(self.to_model(bodies=bodies), has_attachment=None),
            has_attachment=self.has_attachment or None,
            before=self.latest_message_before,
            after=self.latest_message_after,
            begun=self.earliest_message_date,
        )
