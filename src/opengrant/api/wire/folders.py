"""The shapes of a mailbox's folders."""

from typing import Annotated

from pydantic import Field, StringConstraints

from opengrant.api.wire.fields import Model, examples
from opengrant.errors import InvalidData

_Name = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Folder(Model):
    """A folder of a mailbox."""

    id: str
    grant_id: str
    object: str
    name: str
    """With the names of the folders that it lies in, and the mail server's separator between them."""
    attributes: list[str]
    """As the mail server says them: `\\Sent`, `\\Trash`, …"""
    total_count: int | None = None
    """Its messages, where the mail server counts them."""
    unread_count: int | None = None


class FolderBody(Model):
    """What a folder is created with."""

    model_config = examples({"name": "Invoices"})
    name: _Name
    """A name with the mail server's separator makes a folder within another."""


class FolderPatch(Model):
    """What is changed about a folder."""

    model_config = examples({"name": "Invoices 2026"})
    name: _Name | None = None
    """The new name, with the names of the folders that it lies in."""

    def new_name(self) -> str:
        """Raises InvalidData."""
        if self.name is None:
            raise InvalidData("name: send the new one.")
        return self.name


class FoldersQuery(Model):
    """Which part of the list."""

    limit: Annotated[int, Field(ge=1)] = 50
    """How many at most; more than 200 counts as 200."""
    page_token: Annotated[str, StringConstraints(max_length=4096)] | None = None
    """The `next_cursor` of the page before."""
    select: str | None = None
    """Top-level fields of the answer, separated by commas."""
