"""The port behind which calendars stand, hosted or remote. One shared suite of tests runs against each of them."""

from typing import Protocol

from opengrant.calendars.drafts import (
    CalendarDraft,
    CalendarPage,
    EventDraft,
    EventPage,
    EventQuery,
    Place,
)
from opengrant.calendars.intervals import Intervals
from opengrant.model import Grant
from opengrant.model.calendars import Calendar, Event


class Calendars(Protocol):
    """Calendars of one kind of grants. A method is a call of the API.

    A calendar is named by its id, by `primary`, or by the grant's address; all methods here and of `Events` raise
    DataNotFound where there is none, and InvalidData, which names the field.
    """

    async def calendars(
        self, grant: Grant, *, metadata: tuple[tuple[str, str], ...], after: str, limit: int
    ) -> CalendarPage: ...

    async def calendar(self, grant: Grant, name: str) -> Calendar: ...

    async def create_calendar(self, grant: Grant, draft: CalendarDraft) -> Calendar: ...

    async def change_calendar(self, grant: Grant, name: str, change: CalendarDraft) -> Calendar: ...

    async def delete_calendar(self, grant: Grant, name: str) -> None: ...


class Events(Protocol):
    """Events of such calendars."""

    async def events(self, grant: Grant, name: str, query: EventQuery, *, after: Place, limit: int) -> EventPage: ...

    async def event(self, grant: Grant, name: str, event_id: str) -> Event: ...

    async def create_event(self, grant: Grant, name: str, draft: EventDraft, *, if_free: bool) -> Event: ...

    async def change_event(
        self, grant: Grant, name: str, event_id: str, change: EventDraft, *, following: bool
    ) -> Event: ...

    async def delete_event(self, grant: Grant, name: str, event_id: str, *, following: bool) -> None: ...

    async def respond(self, grant: Grant, name: str, event_id: str, answer: str, comment: str | None) -> Event: ...

    async def busy(self, grant: Grant, names: tuple[str, ...], low: int, high: int, *, maybe_too: bool) -> Intervals:
        """What takes time in these calendars, as a union."""
