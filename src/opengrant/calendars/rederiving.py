"""Instants that have to be derived again: after an update of the time zone database, and when a calendar moves.

Rows say with which rules theirs were derived, "" of a calendar that has moved. They are worked through in batches, each
a transaction that raises the version of the calendars that it changes; what a process leaves, the next one finds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from opengrant.calendars.occurrences import derive_again
from opengrant.calendars.zones import VERSION
from opengrant.model.calendars import Calendar, Event
from opengrant.store.calendars import calendars, events
from opengrant.store.engine.port import Steps, Store

AT_ONCE = 1_000
"""Events of one transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rederiving:
    """Built once, in assembly/. rules: the version of the time zone database that is installed."""

    db: Store
    rules: str = VERSION

    async def run(self) -> bool:
        """Derive a batch of what older rules have left. Returns True: there may be more."""
        found = await self.db.read(events.derived_before(self.rules, limit=AT_ONCE))
        for of, rows in groupby(sorted(found, key=_calendar_of), _calendar_of):
            await self.db.write(self._of_calendar(*of, list(rows)))
        return len(found) == AT_ONCE

    def _of_calendar(self, application_id: str, grant_id: str, calendar_id: str, rows: Sequence[Event]) -> Steps[None]:
        # Raised first: it keeps other changes of the calendar waiting until these are committed.
        if (yield from calendars.raise_version(application_id, grant_id, calendar_id)):
            yield from self._derive(rows)

    def move(self, held: Calendar, zone: str) -> Steps[bool]:
        """Move whole days to the zone that their calendar has now. Returns True: call `rest` until it returns False."""
        yield from events.move_whole_days(held, zone)
        return (yield from self._some(held))

    def rest(self, calendar: Calendar) -> Steps[bool]:
        """As `run`, of one calendar."""
        if not (yield from calendars.raise_version(calendar.application_id, calendar.grant_id, calendar.id)):
            return False
        return (yield from self._some(calendar))

    def _some(self, held: Calendar) -> Steps[bool]:
        rows = yield from events.not_derived(held, limit=AT_ONCE)
        yield from self._derive(rows)
        return len(rows) == AT_ONCE

    def _derive(self, rows: Sequence[Event]) -> Steps[None]:
        for row in rows:
            yield from events.derive_again(row, replace(derive_again(row), tz_version=self.rules))


def _calendar_of(event: Event) -> tuple[str, str, str]:
    return event.application_id, event.grant_id, event.calendar_id
