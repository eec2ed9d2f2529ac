"""The shapes of a calendar's feed, and of the import of a file."""

from typing import Annotated

from pydantic import Field

from opengrant.api.wire.fields import Model, examples

MOST_BYTES = 5 * 1024 * 1024
"""Of the body of an import, whatever the setting says for others."""


class Feed(Model):
    """The address of a calendar's feed. It is shown only once."""

    url: str
    """Subscribe to it as it is. It is a secret."""
    created_at: int


class IcsBody(Model):
    """A calendar as a file."""

    model_config = examples(
        {
            "ics": "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n"
            "BEGIN:VEVENT\r\nUID:planning@example.com\r\n"
            "DTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Europe/Berlin:20260302T100000\r\n"
            "DTEND;TZID=Europe/Berlin:20260302T110000\r\nRRULE:FREQ=WEEKLY;COUNT=10\r\nSUMMARY:Planning\r\n"
            "END:VEVENT\r\nEND:VCALENDAR\r\n"
        }
    )
    ics: Annotated[str, Field(min_length=1, max_length=MOST_BYTES)]
    """The text of the file."""


class SkippedEvent(Model):
    """An event that was not imported."""

    uid: str
    reason: str


class Imported(Model):
    """What came of an import. What is counted here is stored."""

    created: int
    updated: int
    unchanged: int
    """These were there already, and equal."""
    skipped: list[SkippedEvent]
