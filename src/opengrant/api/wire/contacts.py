"""The shapes of contacts."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from opengrant.api.wire.calendars import Selected
from opengrant.api.wire.fields import PRINTABLE, Model
from opengrant.errors import InvalidData

_SOURCES = frozenset({"address_book", "domain", "inbox"})


class ContactEmail(Model):
    """An address of a contact."""

    email: str
    type: Literal["other"]


class Contact(Model):
    """A person who wrote to the mailbox, or was written to. Fields that are not selected are left out."""

    id: str
    grant_id: str
    object: str
    source: str | None = None
    display_name: str | None = None
    """As the last message names them."""
    given_name: str | None = None
    """What comes before the last blank of the name."""
    surname: str | None = None
    """What follows it."""
    emails: list[ContactEmail] | None = None
    phone_numbers: list[str] | None = None
    """Empty, as the lists that follow."""
    physical_addresses: list[str] | None = None
    im_addresses: list[str] | None = None
    web_pages: list[str] | None = None
    groups: list[str] | None = None


class ContactGroup(Model):
    """A group of contacts."""

    id: str
    grant_id: str
    object: str


class ContactsQuery(Selected):
    """Which contacts to list."""

    source: Annotated[str | None, Field(max_length=100, pattern=PRINTABLE)] = None
    """`inbox`: from the newest messages. `address_book`, which counts where it is left out, and `domain` have none.
    Several are separated by commas."""
    email: Annotated[str | None, Field(max_length=512, pattern=PRINTABLE)] = None
    """A part of the address, in any case."""
    phone_number: Annotated[str | None, Field(max_length=100, pattern=PRINTABLE)] = None
    """No contact has one: the list is empty."""
    group: Annotated[str | None, Field(max_length=512)] = None
    """Refused: there are no groups."""
    metadata_pair: Annotated[str | None, Field(max_length=3000)] = None
    """Refused: no metadata of contacts is kept."""
    limit: Annotated[int, Field(ge=1)] = 30
    """How many at most; more than 200 counts as 200."""
    page_token: Annotated[str, StringConstraints(max_length=4096)] | None = None
    """The `next_cursor` of the page before."""

    def of_inbox(self) -> bool:
        """Whether the mailbox is asked. Raises InvalidData."""
        for name in ("group", "metadata_pair"):
            if getattr(self, name):
                raise InvalidData(f"{name}: contacts of a mailbox have none.")
        sources = {one.strip() for one in (self.source or "address_book").split(",") if one.strip()}
        if not sources <= _SOURCES:
            raise InvalidData("source: address_book, domain or inbox; several with commas between.")
        return "inbox" in sources and not self.phone_number


class GroupsQuery(Selected):
    """Which part of the list."""

    limit: Annotated[int, Field(ge=1)] = 50
    """How many at most."""
    page_token: Annotated[str, StringConstraints(max_length=4096)] | None = None
    """The `next_cursor` of the page before."""
