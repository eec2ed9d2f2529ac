"""The shapes of signatures."""

from typing import Annotated

from pydantic import Field, StringConstraints

from opengrant.api.wire.calendars import Selected
from opengrant.api.wire.fields import Model, examples, text
from opengrant.errors import InvalidData

_Name = Annotated[str, text(256)]
_Body = Annotated[str, StringConstraints(min_length=1, max_length=100 * 1024, pattern=r"^[^\x00]*$")]


class Signature(Model):
    """What messages of a grant may end with."""

    id: str
    grant_id: str
    object: str
    name: str
    body: str
    """HTML, as it was made safe."""
    created_at: int
    updated_at: int


class SignatureBody(Model):
    """What a signature is created with."""

    model_config = examples({"name": "Work", "body": "<p>Ana Müller<br>Acme</p>"})
    name: _Name
    """For people; it is not sent."""
    body: _Body
    """HTML of 100 KB and 4,000 tags at most. Scripts, forms and whatever may load or move things are taken out. Images
    are addresses: one that is written out in the text (`data:`) is refused."""


class SignaturePatch(Model):
    """What is changed about a signature; what is left out or null stays."""

    model_config = examples({"name": "Work, short"})
    name: _Name | None = None
    """For people; it is not sent."""
    body: _Body | None = None
    """The new HTML."""

    def check(self) -> None:
        """Raises InvalidData."""
        if self.name is None and self.body is None:
            raise InvalidData("The body is empty: send name or body.")


class SignaturesQuery(Selected):
    """Which part of the list."""

    limit: Annotated[int, Field(ge=1)] = 50
    """How many at most; more than 200 counts as 200."""
    page_token: Annotated[str, StringConstraints(max_length=4096)] | None = None
    """The `next_cursor` of the page before."""
