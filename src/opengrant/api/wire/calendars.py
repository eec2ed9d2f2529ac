"""The shapes of calendars, and of the questions about them."""

from typing import Annotated, Any

from pydantic import AliasChoices, Field, StringConstraints

from opengrant.api.wire.events import Free, Metadata, Text
from opengrant.api.wire.fields import Model, examples
from opengrant.calendars.drafts import CalendarDraft
from opengrant.errors import InvalidData

_Name = Annotated[str, StringConstraints(min_length=1, max_length=1024, pattern=r"^[^\x00]*$")]
_Color = Annotated[str, StringConstraints(pattern=r"^#[0-9A-Fa-f]{6}$")]


class Calendar(Model):
    """A calendar that this server keeps."""

    id: str
    grant_id: str
    object: str
    name: str
    description: str | None = None
    location: str | None = None
    timezone: str | None = None
    """IANA name. Without one, whole days are those of UTC."""
    hex_color: str | None = None
    hex_foreground_color: str | None = None
    is_primary: bool
    is_owned_by_user: bool
    read_only: bool
    metadata: dict[str, str] | None = None
    notetaker: dict[str, Any] | None = None


class CalendarBody(Model):
    """What a calendar is created with."""

    model_config = examples({"name": "Room 12", "timezone": "Europe/Berlin", "metadata": {"key1": "floor-3"}})
    name: _Name
    """For people."""
    description: Text | None = None
    """For people."""
    location: Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00]*$")] | None = None
    """Where it is."""
    timezone: Annotated[str, StringConstraints(max_length=64)] | None = None
    """IANA name, such as Europe/Berlin."""
    metadata: Metadata | None = None
    """At most 50 pairs; `key1` to `key5` can be searched for."""
    notetaker: Free | None = None
    """Stored and shown; there is no bot."""

    def to_model(self) -> CalendarDraft:
        sent = self.model_fields_set
        return CalendarDraft(sent=frozenset(sent), **{name: getattr(self, name) for name in sent})


class CalendarPatch(Model):
    """What is changed about a calendar; what is left out stays."""

    model_config = examples({"name": "Room 12", "hex_color": "#039BE5"})
    name: _Name | None = None
    """For people."""
    description: Text | None = None
    """For people."""
    location: Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00]*$")] | None = None
    """Where it is."""
    timezone: Annotated[str, StringConstraints(max_length=64)] | None = None
    """IANA name. Whole days move along."""
    metadata: Metadata | None = None
    """Replaces all pairs that there are."""
    hex_color: Annotated[_Color | None, Field(validation_alias=AliasChoices("hex_color", "hexColor"))] = None
    """`#RRGGBB`."""
    hex_foreground_color: Annotated[
        _Color | None, Field(validation_alias=AliasChoices("hex_foreground_color", "hexForegroundColor"))
    ] = None
    """`#RRGGBB`."""
    notetaker: Free | None = None
    """Stored and shown; there is no bot."""

    def to_model(self) -> CalendarDraft:
        """Raises InvalidData."""
        sent = self.model_fields_set
        if not sent:
            raise InvalidData("The body is empty: send what is to change.")
        if "name" in sent and self.name is None:
            raise InvalidData("name: a calendar has one.")
        return CalendarDraft(sent=frozenset(sent), **{name: getattr(self, name) for name in sent})


class Selected(Model):
    select: Annotated[str | None, Field(pattern=r"^[^\x00]*$")] = None
    """Top-level fields of the answer, separated by commas."""


class CalendarsQuery(Selected):
    """Which part of the list."""

    limit: Annotated[int, Field(ge=1)] = 50
    """How many at most; more than 200 counts as 200."""
    page_token: Annotated[str, StringConstraints(max_length=4096)] | None = None
    """The `next_cursor` of the page before."""
    metadata_pair: Annotated[str, StringConstraints(max_length=700)] | None = None
    """`key1:value`, repeated or separated by commas: calendars that have all of them."""


class ResourcesQuery(Model):
    """Which part of the list."""

    limit: Annotated[int, Field(ge=1)] = 50
    """How many at most."""
    page_token: Annotated[str, StringConstraints(max_length=4096)] | None = None
    """The `next_cursor` of the page before."""


class RoomResource(Model):
    """A room of a directory."""

    email: str
    grant_id: str
    object: str
