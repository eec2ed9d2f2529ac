"""What the console shows of a mailbox, on the wire."""

from typing import Literal

from opengrant.api.wire.fields import Model
from opengrant.api.wire.messages import Message


class ShownAs(Model):
    """How a message is to be shown."""

    form: Literal["text", "html"] = "text"
    """As plain text, or as HTML where the sender wrote HTML."""


class ShownMessage(Model):
    """A message as the console shows it."""

    message: Message
    """Without its text."""
    has_html: bool
    """The sender wrote HTML: it can be asked for."""
    text: str | None = None
    """The text, made of the HTML where there is some. The first 500,000 characters."""
    html: str | None = None
    """Asked for with `form=html`: a document that loads and runs nothing, for a sandboxed frame."""
    images_left_out: int
    """Images of the HTML that are not shown."""
    is_cut: bool
    """There is more than is shown."""
