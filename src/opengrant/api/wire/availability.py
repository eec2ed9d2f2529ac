"""The shapes of free/busy and availability."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, RootModel, StringConstraints

from opengrant.api.wire.events import Email
from opengrant.api.wire.fields import Id, Maybe, Model, OrNull, examples
from opengrant.calendars.availability import Method, OpenDay, OpenHours, Wanted, day_number
from opengrant.calendars.service import Asked
from opengrant.calendars.timing import require_zone
from opengrant.errors import InvalidData

_Seconds = Annotated[int, Field(ge=0, le=32_503_680_000)]
_Zone = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_Clock = Annotated[str, StringConstraints(max_length=5)]
_TIME = re.compile(r"(\d{1,2}):(\d{2})", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_LONGEST = 93 * 86_400
_STEP = 300
_MOST_ENTRIES = 250_000
"""Addresses in all slots of an answer: 50 participants every half hour for three months."""


class FreeBusyBody(Model):
    """When the primary calendars of up to 50 grants are taken, over three months at most."""

    model_config = examples(
        {"start_time": 1_772_438_400, "end_time": 1_772_524_800, "emails": ["room-12", "ana@example.com"]}
    )
    start_time: _Seconds
    """Unix seconds."""
    end_time: _Seconds
    """Unix seconds, three months after `start_time` at most."""
    emails: Annotated[list[Email], Field(min_length=1, max_length=50)]
    """Addresses or identifiers of grants of this application."""
    tentative_as_busy: Annotated[bool, OrNull] = True
    """Whether a tentative event takes time."""

    def check(self) -> None:
        """Raises InvalidData."""
        check_window(self.start_time, self.end_time)


class TimeSlot(Model):
    start_time: int
    end_time: int
    status: str
    object: str


class FreeBusy(Model):
    """`object` is `free_busy`, or `error` with a sentence about an address that cannot be looked up."""

    email: str
    object: str
    time_slots: list[TimeSlot] | None = None
    error: str | None = None


class FreeBusyList(RootModel[list[FreeBusy]]):
    """In the order of the request."""


class OpenHoursBody(Model):
    days: Annotated[list[Annotated[int, Field(ge=0, le=6)]], Field(max_length=7)]
    """0 is Sunday."""
    timezone: _Zone
    """IANA name."""
    start: _Clock
    """`9:00`, on the wall clock of the time zone."""
    end: _Clock
    """`17:00`; `24:00` is the end of the day."""
    exdates: Annotated[list[str], Field(max_length=400)] | None = None
    """Days on which these hours do not count: `2026-12-24`."""

    def to_model(self, field: str) -> OpenHours:
        """Raises InvalidData."""
        start, end = _minutes(self.start, f"{field}.start"), _minutes(self.end, f"{field}.end")
        if end <= start:
            raise InvalidData(f"{field}.end: it is not after start.")
        excluded = frozenset(_day(one, f"{field}.exdates") for one in self.exdates or ())
        return OpenHours(frozenset(self.days), require_zone(self.timezone, f"{field}.timezone"), start, end, excluded)


class OpenDayBody(Model):
    date: str
    """`2026-12-24`."""
    start: _Clock
    """`9:00`."""
    end: _Clock
    """`12:30`."""
    timezone: Maybe[_Zone] = None
    """Without one, that of the participant's open hours, else UTC."""


class ParticipantBody(Model):
    """By `email` or `grant_id`."""

    email: Maybe[Email] = None
    """The address or identifier of a grant of this application."""
    grant_id: Maybe[Id] = None
    """In place of `email`."""
    calendar_ids: Annotated[list[Id], Field(max_length=10)] | None = None
    """The primary calendar, if none is named."""
    open_hours: Annotated[list[OpenHoursBody], Field(max_length=20)] | None = None
    """When they can meet; at all times, if none are given here or as default."""
    specific_time_availability: Annotated[list[OpenDayBody], Field(max_length=400)] | None = None
    """Replace the open hours of their days."""
    only_specific_time_availability: bool | None = None
    """Only at those times."""

    def to_model(self, field: str, default: list[OpenHoursBody]) -> Asked:
        """Raises InvalidData."""
        if (self.email is None) == (self.grant_id is None) and self.email is None:
            raise InvalidData(f"{field}: name its email or its grant_id.")
        hours = default if self.open_hours is None else self.open_hours
        zone = hours[0].timezone if hours else "Etc/UTC"
        days = []
        for number, one in enumerate(self.specific_time_availability or ()):
            place = f"{field}.specific_time_availability[{number}]"
            start, end = _minutes(one.start, f"{place}.start"), _minutes(one.end, f"{place}.end")
            if end <= start:
                raise InvalidData(f"{place}.end: it is not after start.")
            found = require_zone(one.timezone or zone, f"{place}.timezone")
            days.append(OpenDay(_day(one.date, f"{place}.date"), found, start, end))
        return Asked(
            email=self.email,
            grant_id=self.grant_id,
            calendars=tuple(self.calendar_ids or ()),
            open_hours=tuple(one.to_model(f"{field}.open_hours[{number}]") for number, one in enumerate(hours)),
            open_days=tuple(days),
            only_days=bool(self.only_specific_time_availability),
        )


class Buffer(Model):
    """Minutes that stay free around what is taken: multiples of 5, at most 120."""

    before: Annotated[int, Field(ge=0, le=120, multiple_of=5)] | None = None
    """Before what is taken."""
    after: Annotated[int, Field(ge=0, le=120, multiple_of=5)] | None = None
    """After what is taken."""


class Rules(Model):
    availability_method: Literal["collective", "max-fairness", "max-availability"] | None = None
    """Who has to be free. `collective` unless a round robin is named."""
    buffer: Buffer | None = None
    """Time that stays free around what is taken."""
    default_open_hours: Annotated[list[OpenHoursBody], Field(max_length=20)] | None = None
    """For participants without hours of their own."""
    round_robin_group_id: Maybe[Id] = None
    """The value of `metadata.key5` on the events that count as bookings."""
    tentative_as_busy: bool | None = None
    """Whether a tentative event takes time; true unless sent."""


class AvailabilityBody(Model):
    """When people can meet. Times are Unix seconds, multiples of 300; durations are minutes, multiples of 5."""

    model_config = examples(
        {
            "start_time": 1_772_438_400,
            "end_time": 1_772_524_800,
            "duration_minutes": 30,
            "participants": [
                {
                    "email": "room-12",
                    "open_hours": [
                        {"days": [1, 2, 3, 4, 5], "timezone": "Europe/Berlin", "start": "9:00", "end": "17:00"}
                    ],
                }
            ],
        }
    )
    start_time: _Seconds
    """Unix seconds, a multiple of 300."""
    end_time: _Seconds
    """Unix seconds, three months after `start_time` at most."""
    duration_minutes: Annotated[int, Field(ge=5, le=1440, multiple_of=5)]
    """A multiple of 5."""
    interval_minutes: Annotated[int, Field(ge=5, le=1440, multiple_of=5)] | None = None
    """From one start to the next; without it, the duration. Slots times participants may be 250,000 at most."""
    round_to: Annotated[int, Field(ge=5, le=60, multiple_of=5)] | None = None
    """Starts are rounded up to a multiple of it; 15 without it."""
    round_to_30_minutes: bool | None = None
    """The older way to say `round_to: 30`."""
    participants: Annotated[list[ParticipantBody], Field(min_length=1, max_length=50)]
    """Who meets."""
    availability_rules: Rules | None = None
    """Who has to be free, and when."""

    def asked(self) -> list[Asked]:
        """Raises InvalidData."""
        rules = self.availability_rules
        default = (rules.default_open_hours if rules is not None else None) or []
        return [one.to_model(f"participants[{number}]", default) for number, one in enumerate(self.participants)]

    def wanted(self) -> Wanted:
        """Raises InvalidData."""
        check_window(self.start_time, self.end_time)
        for name in ("start_time", "end_time"):
            if getattr(self, name) % _STEP:
                raise InvalidData(f"{name}: a multiple of 300 seconds, five minutes.")
        interval = (self.interval_minutes or self.duration_minutes) * 60
        if (self.end_time - self.start_time) // interval * len(self.participants) > _MOST_ENTRIES:
            raise InvalidData(
                f"interval_minutes: slots times participants may be {_MOST_ENTRIES:,} at most. Choose a longer"
                " interval, a shorter window or fewer participants."
            )
        buffer = (self.availability_rules.buffer if self.availability_rules is not None else None) or Buffer()
        round_to = self.round_to or (30 if self.round_to_30_minutes else 15)
        return Wanted(
            start=self.start_time,
            end=self.end_time,
            duration=self.duration_minutes * 60,
            interval=interval,
            round_to=round_to * 60,
            before=(buffer.before or 0) * 60,
            after=(buffer.after or 0) * 60,
        )

    def method(self) -> Method:
        rules = self.availability_rules
        if rules is not None and rules.availability_method is not None:
            return rules.availability_method
        if len(self.participants) == 1 or rules is None or rules.round_robin_group_id is None:
            return "collective"
        return "max-availability"


class AvailableSlot(Model):
    emails: list[str]
    start_time: int
    end_time: int


class Availability(Model):
    """`order` only for a round robin: who is next comes first."""

    order: list[str] | None = None
    time_slots: list[AvailableSlot]


def check_window(start: int, end: int) -> None:
    """Raises InvalidData."""
    if end <= start:
        raise InvalidData("end_time: it is not after start_time.")
    if end - start > _LONGEST:
        raise InvalidData("end_time: at most three months after start_time.")


def _minutes(text: str, field: str) -> int:
    found = _TIME.fullmatch(text)
    if found is None or int(found[2]) > 59 or int(found[1]) * 60 + int(found[2]) > 1440:
        raise InvalidData(f"{field}: {text!r} is no time of day; write 9:00 or 17:30.")
    return int(found[1]) * 60 + int(found[2])


def _day(text: str, field: str) -> int:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        return day_number(date.fromisoformat(text))
    except ValueError:
        raise InvalidData(f"{field}: {text[:40]!r} is no day; write 2026-01-31.") from None
