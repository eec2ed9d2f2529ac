"""The shapes of messages that are cleaned."""

from typing import Annotated

from pydantic import Field, RootModel, StringConstraints

from opengrant.api.wire.fields import PRINTABLE, Model, examples
from opengrant.api.wire.messages import Message
from opengrant.errors import InvalidData
from opengrant.mail.clean.conversation import Options

MOST = 20


class CleanBody(Model):
    """Which messages to clean, and how."""

    model_config = examples({"message_id": ["<1f2e3d4c@mail.example.com>"], "html_as_markdown": True})
    message_id: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=2048, pattern=PRINTABLE)]],
        Field(min_length=1, max_length=MOST),
    ]
    """Ids of messages."""
    ignore_links: bool | None = None
    """True where it is left out: links are their text. False: `[text](address)`."""
    ignore_images: bool | None = None
    """True where it is left out: images are dropped. Those of one pixel always are."""
    images_as_markdown: bool | None = None
    """True where it is left out: images are `![text](address)`. False: `text (address)`; not with Markdown."""
    ignore_tables: bool | None = None
    """True where it is left out: cells of a row stand behind each other. False: with marks between them."""
    remove_conclusion_phrases: bool | None = None
    """True where it is left out: phrases such as "Best regards" are dropped, with the lines that follow them."""
    html_as_markdown: bool | None = None
    """Markdown instead of text."""

    def to_model(self) -> Options:
        """Raises InvalidData."""
        if self.html_as_markdown and self.images_as_markdown is False:
            raise InvalidData("images_as_markdown: cannot be false with html_as_markdown.")
        return Options(
            markdown=self.html_as_markdown is True,
            links=self.ignore_links is False,
            images=self.ignore_images is False,
            image_marks=self.images_as_markdown is not False,
            tables=self.ignore_tables is False,
            goodbyes=self.remove_conclusion_phrases is not False,
        )


class CleanMessage(Message):
    """A message, and what it says by itself."""

    conversation: str
    """Text or Markdown: without quotations, signatures, and what is not visible in the message."""


class CleanMessages(RootModel[list[CleanMessage]]):
    """In the order of the request."""
