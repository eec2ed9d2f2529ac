"""The shapes of events."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field, StringConstraints

from opengrant.api.wire.fields import Maybe, Model, examples
from opengrant.calendars.drafts import Days, EventDraft, Timespan
from opengrant.errors import InvalidData
from opengrant.mail.html_tokens import unescape
from opengrant.model.metadata import SEARCHED

Text = Annotated[str, StringConstraints(max_length=32_768, pattern=r"^[^\x00]*$")]
Email = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Label = Annotated[str, StringConstraints(max_length=512, pattern=r"^[^\x00]*$")]
_Url = Annotated[str, StringConstraints(min_length=1, max_length=2048, pattern=r"^[^\x00-\x20\x7f]+$")]
_ZoneName = Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00]*$")]
_Seconds = Annotated[int, Field(ge=-(2**40), le=2**40)]
_Count = Annotated[int, Field(ge=-1, le=2**31 - 1)]
_Key = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00]+$")]
_Value = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Metadata = Annotated[dict[_Key, _Value], Field(max_length=50)]
"""At most 50 pairs; `key1` to `key5` can be searched for."""
Free = Annotated[dict[str, Any], Field(max_length=50)]

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class WhenBody(Model):
    """One of: `time`; `start_time` and `end_time`; `date`; `start_date` and `end_date`, the last day included."""

    time: _Seconds | None = None
    """Unix seconds of an event without length."""
    timezone: Maybe[_ZoneName] = None
    """An IANA name, for `time`."""
    start_time: _Seconds | None = None
    """Unix seconds."""
    end_time: _Seconds | None = None
    """Unix seconds, not before `start_time`."""
    start_timezone: Maybe[_ZoneName] = None
    """An IANA name. A series keeps to its wall clock. Without one, the calendar's is taken."""
    end_timezone: Maybe[_ZoneName] = None
    """An IANA name; with `start_timezone`, or not at all."""
    date: Maybe[str] = None
    """`2026-01-31`: a whole day, in the calendar's time zone."""
    start_date: Maybe[str] = None
    """`2026-01-31`: the first of several whole days."""
    end_date: Maybe[str] = None
    """The last of them."""

    def to_model(self) -> Timespan | Days:
        """Raises InvalidData."""
        variants = {
            "time": self.time is not None,
            "start_time": self.start_time is not None or self.end_time is not None,
            "date": self.date is not None,
            "start_date": self.start_date is not None or self.end_date is not None,
        }
        chosen = [name for name, sent in variants.items() if sent]
        if len(chosen) != 1:
            raise InvalidData(
                "when: send exactly one of time, start_time with end_time, date, and start_date with end_date."
            )
        if self.time is not None:
            return Timespan(self.time, self.time, self.timezone, self.timezone)
        if self.date is not None:
            day = _day(self.date, "when.date")
            return Days(day, day)
        if chosen == ["start_time"]:
            if self.start_time is None or self.end_time is None:
                raise InvalidData("when: start_time and end_time go together.")
            return Timespan(self.start_time, self.end_time, self.start_timezone, self.end_timezone)
        if self.start_date is None or self.end_date is None:
            raise InvalidData("when: start_date and end_date go together.")
        return Days(_day(self.start_date, "when.start_date"), _day(self.end_date, "when.end_date"))


def _day(text: str, field: str) -> date:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidData(f"{field}: {text[:40]!r} is no day; write 2026-01-31.") from None


class Participant(Model):
    email: Email
    """Any address or identifier."""
    name: _Label | None = None
    """For people."""
    comment: _Label | None = None
    """A word of theirs."""
    phone_number: Annotated[_Label | None, Field(validation_alias=AliasChoices("phone_number", "phoneNumber"))] = None
    """As they write it."""
    status: Literal["yes", "no", "maybe", "noreply"] | None = None
    """`noreply` unless sent."""


class Resource(Model):
    """A room or a thing that is booked along."""

    email: Email
    """What it is booked by."""
    name: _Label | None = None
    """For people."""
    capacity: _Count | None = None
    """How many it holds."""
    building: _Label | None = None
    """Where it is."""
    floor_name: _Label | None = None
    """The floor, by its name."""
    floor_section: _Label | None = None
    """The part of the floor."""
    floor_number: Annotated[int, Field(ge=-1000, le=1000)] | None = None
    """The floor, by its number."""


class Conferencing(Model):
    """`provider` with `details`. `{}` removes what is there. `autocreate` needs a provider's calendar."""

    provider: (
        Literal[
            "Google Meet",
            "Zoom Meeting",
            "Microsoft Teams",
            "Teams for Business",
            "Skype for Business",
            "Skype for Consumer",
            "WebEx",
            "GoToMeeting",
        ]
        | None
    ) = None
    """Whose meeting it is."""
    details: "ConferencingDetails | None" = None
    """How to join it."""
    autocreate: Free | None = None
    """Refused: this calendar creates no meetings."""


class ConferencingDetails(Model):
    """How to join."""

    url: _Url
    """The address to join at."""
    meeting_code: _Label | None = None
    """The meeting's number."""
    password: Annotated[_Label | None, Field(repr=False)] = None
    """What the meeting asks for."""
    pin: _Label | None = None
    """For those who dial in."""
    phone: Annotated[list[_Label], Field(max_length=20)] | None = None
    """Numbers to dial."""


class Reminder(Model):
    reminder_minutes: Annotated[int, Field(ge=0, le=527_040)]
    """Minutes before the start."""
    reminder_method: Literal["popup", "email", "display", "sound"] | None = None
    """How to remind."""


class Reminders(Model):
    """Stored and shown; virtual calendars have none."""

    use_default: bool | None = None
    """Those of the calendar; excludes `overrides`."""
    overrides: Annotated[list[Reminder], Field(max_length=10)] | None = None
    """Reminders of this event."""


class OrganizerBody(Model):
    name: _Label | None = None
    """For people."""


class EventBody(Model):
    """An event. On a change, what is left out stays; an object or list that is sent replaces the old one."""

    model_config = examples(
        {
            "title": "Room 12: planning",
            "when": {
                "start_time": 1_772_442_000,
                "end_time": 1_772_445_600,
                "start_timezone": "Europe/Berlin",
                "end_timezone": "Europe/Berlin",
            },
            "participants": [{"email": "ana@example.com", "name": "Ana"}],
            "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO", "EXDATE:20260406T090000"],
            "metadata": {"key1": "planning"},
        }
    )
    title: Annotated[str, StringConstraints(max_length=1024, pattern=r"^[^\x00]*$")] | None = None
    """At most 1,024 characters."""
    description: Text | None = None
    """Text or HTML."""
    location: Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00]*$")] | None = None
    """At most 255 characters."""
    when: WhenBody | None = None
    """Required on creation."""
    busy: bool | None = None
    """True unless sent."""
    participants: Annotated[list[Participant], Field(max_length=500)] | None = None
    """Who is invited. No mail is sent yet."""
    resources: Annotated[list[Resource], Field(max_length=100)] | None = None
    """Rooms and things that are booked along."""
    capacity: _Count | None = None
    """Most participants."""
    conferencing: Conferencing | None = None
    """How to join from elsewhere; `{}` removes it."""
    reminders: Reminders | None = None
    """Stored and shown by Agent Accounts; virtual calendars have none."""
    recurrence: Annotated[list[Annotated[str, StringConstraints(max_length=20_000)]], Field(max_length=50)] | None = (
        None
    )
    """`RRULE:`, `EXDATE:` and `RDATE:` lines of RFC 5545. An empty list ends a series: the first occurrence stays."""
    metadata: Metadata | None = None
    """At most 50 pairs; `key1` to `key5` can be searched for. Replaces what is there."""
    visibility: Literal["public", "private", "default"] | None = None
    """`private` hides it in a shared feed. Virtual calendars know public and private."""
    hide_participants: bool | None = None
    """Stored and shown."""
    notetaker: Free | None = None
    """Stored and shown; there is no bot."""
    organizer: OrganizerBody | None = None
    """Only its name; the address is the grant's. Virtual calendars have none."""

    def to_model(self, email: str, *, virtual: bool, creates: bool) -> EventDraft:
        """email: the grant's. virtual: its calendar has no reminders. Raises InvalidData."""
        sent = self.model_fields_set - {"when", "busy", "recurrence", "metadata"}
        if not creates and not self.model_fields_set:
            raise InvalidData("The body is empty: send what is to change.")
        body = {name: _plain(getattr(self, name)) for name in sent}
        if "participants" in body:
            fresh = {"status": "noreply"} if creates else {}
            body["participants"] = [{**fresh, **person} for person in body["participants"] or ()]
        if "conferencing" in body:
            body["conferencing"] = self._conferencing()
        if "description" in body:
            body["text_description"] = None if self.description is None else plain_text(self.description)
        if self.reminders is not None and self.reminders.use_default and self.reminders.overrides:
            raise InvalidData("reminders: use_default and overrides exclude each other.")
        if virtual:
            body.pop("reminders", None)
            body.pop("organizer", None)
            if self.visibility == "default":
                raise InvalidData("visibility: a virtual calendar knows public and private.")
        if "organizer" in body:
            body["organizer"] = {"email": email, **(body["organizer"] or {})}
        for name in ("visibility", "hide_participants"):
            # Null is what an event has without them.
            if name in body and body[name] is None:
                body[name] = _DEFAULTS[name]
        return EventDraft(
            when=None if self.when is None else self.when.to_model(),
            recurrence=None if self.recurrence is None else tuple(self.recurrence),
            busy=True if self.busy is None and "busy" in self.model_fields_set else self.busy,
            metadata=self.metadata,
            body=body,
        )

    def _conferencing(self) -> Mapping[str, Any] | None:
        one = self.conferencing
        if one is None or not one.model_fields_set:
            return None
        if one.autocreate is not None:
            raise InvalidData("conferencing.autocreate: this calendar creates no meetings. Send provider and details.")
        if one.provider is None or one.details is None:
            raise InvalidData("conferencing: provider and details go together.")
        return {"provider": one.provider, "details": one.details.model_dump(exclude_none=True)}


_DEFAULTS: Mapping[str, Any] = {"visibility": "public", "hide_participants": False}


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.model_dump(exclude_none=True)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


_BREAK = re.compile(r"<(?:br|/?(?:p|div|li|tr|h[1-6]))\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")


def plain_text(description: str) -> str:
    """The text of a description that may be HTML. Linear: no pattern reads over the next bracket."""
    if "<" not in description:
        return description
    return unescape(_TAG.sub("", _BREAK.sub("\n", description))).strip()


# ── answers and queries ───────────────────────────────────────────────────────────────────────────────────────────


class When(Model):
    """`object` says which of the members are there: `timespan`, `date` or `datespan`."""

    object: str
    start_time: int | None = None
    end_time: int | None = None
    start_timezone: str | None = None
    end_timezone: str | None = None
    date: str | None = None
    start_date: str | None = None
    end_date: str | None = None


class Notified(Model):
    """notified: whether mail was sent. None is yet."""

    notified: bool


class Event(Model):
    """An event, a series, or one occurrence of a series, which has a `master_event_id`."""

    id: str
    grant_id: str
    object: str
    calendar_id: str
    title: str | None = None
    description: str | None = None
    text_description: str | None = None
    location: str | None = None
    when: When
    busy: bool
    participants: list[dict[str, Any]]
    resources: list[dict[str, Any]] | None = None
    capacity: int | None = None
    conferencing: dict[str, Any] | None = None
    reminders: dict[str, Any] | None = None
    recurrence: list[str] | None = None
    metadata: dict[str, str] | None = None
    visibility: str | None = None
    hide_participants: bool
    notetaker: dict[str, Any] | None = None
    status: str
    """`confirmed`, `maybe` or `cancelled`."""
    organizer: dict[str, Any] | None = None
    read_only: bool
    ical_uid: str
    master_event_id: str | None = None
    original_start_time: int | None = None
    created_at: int
    updated_at: int
    opengrant: Notified | None = None
    """Of an Agent Account's event with participants, when it is created, changed or answered."""


class OfCalendar(Model):
    """Which calendar an event is in."""

    calendar_id: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    """An id, `primary`, or the grant's address."""
    notify_participants: bool = True
    """No mail is sent yet: see `opengrant.notified` in the answer."""
    select: str | None = None
    """Top-level fields of the answer, separated by commas."""
    tentative_as_busy: bool = True
    """Ignored: a tentative event is busy here as it says itself."""


class Edit(OfCalendar):
    """Which calendar an event is in, and how much of a series is meant."""

    edit_scope: Literal["this", "following"] = "this"
    """With the id of an occurrence: this one, or also all that follow, which become a series of their own. Ours."""


_Words = Annotated[str, StringConstraints(max_length=100)]


class EventsQuery(Model):
    """Which events to list: those of which a part lies from `start` to `end`."""

    calendar_id: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    """An id, `primary`, or the grant's address."""
    start: _Seconds | None = None
    """Unix seconds; now, if left out."""
    end: _Seconds | None = None
    """Unix seconds; a month after `start`, if left out."""
    title: _Words | None = None
    """Words that the title holds, whatever their case."""
    description: _Words | None = None
    """Words that the description holds."""
    location: _Words | None = None
    """Words that the location holds."""
    busy: bool | None = None
    """Only events that take time, or only those that do not."""
    attendees: Annotated[str, StringConstraints(max_length=512)] | None = None
    """Addresses, separated by commas or repeated: events with one of them."""
    ical_uid: Annotated[str, StringConstraints(max_length=500)] | None = None
    """Excludes every other filter, and looks at all times."""
    master_event_id: Annotated[str, StringConstraints(max_length=128)] | None = None
    """The occurrences of one series."""
    metadata_pair: Annotated[str, StringConstraints(max_length=700)] | None = None
    """`key1:value`, repeated or separated by commas; excludes every other filter, and looks at all times."""
    show_cancelled: bool = False
    """Occurrences that were taken away too."""
    expand_recurring: bool = False
    """Occurrences in place of their series."""
    updated_before: _Seconds | None = None
    """Unix seconds."""
    updated_after: _Seconds | None = None
    """Unix seconds."""
    limit: Annotated[int, Field(ge=1)] = 50
    """How many at most; more than 200 counts as 200."""
    page_token: Annotated[str, StringConstraints(max_length=4096)] | None = None
    """The `next_cursor` of the page before."""
    select: str | None = None
    """Top-level fields of each event, separated by commas."""


class ImportQuery(Model):
    """Series, changed occurrences and single events of a window, as they are stored."""

    calendar_id: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    """An id, `primary`, or the grant's address."""
    start: _Seconds | None = None
    """Unix seconds; now, if left out."""
    end: _Seconds | None = None
    """Unix seconds; a month after `start`, if left out."""
    limit: Annotated[int, Field(ge=1)] = 50
    """How many at most; more than 500 counts as 500."""
    page_token: Annotated[str, StringConstraints(max_length=4096)] | None = None
    """The `next_cursor` of the page before."""
    select: str | None = None
    """Top-level fields of each event, separated by commas."""


class RsvpBody(Model):
    """The answer of the grant's own address."""

    model_config = examples({"status": "yes"})
    status: Literal["yes", "no", "maybe"]
    """The answer."""
    comment: Annotated[str, StringConstraints(max_length=1024)] | None = None
    """A word to the organizer."""


class Rsvp(Model):
    """Empty: the answer is stored. No mail is sent yet."""


def read_pairs(text: str) -> tuple[tuple[str, str], ...]:
    """`key1:a,key2:b`. Raises InvalidData."""
    pairs = []
    for one in text.split(","):
        name, colon, value = one.strip().partition(":")
        if not colon or name not in SEARCHED:
            raise InvalidData(f"metadata_pair: {one[:60]!r}; write key1:value, with key1 to key5.")
        pairs.append((name, value))
    if len(pairs) > len(SEARCHED):
        raise InvalidData("metadata_pair: at most five pairs.")
    return tuple(pairs)
