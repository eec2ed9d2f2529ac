"""Calendars of all grants: which implementation a grant has, and what is asked of several grants at once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from opengrant.calendars.availability import Method, OpenDay, OpenHours, Person, Slot, Wanted, slots
from opengrant.calendars.intervals import Intervals
from opengrant.calendars.port import Calendars, Events
from opengrant.errors import DataNotFound, GrantNotFound, InvalidData, InvalidRequest, NotImplementedYet
from opengrant.grants.manage import Grants
from opengrant.model import SECOND, Application, Clock, Grant, ProviderName
from opengrant.providers.facts import CalendarPlace
from opengrant.store.calendars import calendars
from opengrant.store.engine.port import Store

_BOOKED_WITHIN = 60 * 86_400
"""Seconds: an older booking does not count for whose turn it is."""

ROUND_ROBIN: frozenset[Method] = frozenset({"max-availability", "max-fairness"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A participant of an availability request, by address or grant id. calendars: if none, the primary one."""

    email: str | None
    grant_id: str | None
    calendars: tuple[str, ...] = ()
    open_hours: tuple[OpenHours, ...] = ()
    open_days: tuple[OpenDay, ...] = ()
    only_days: bool = False


@dataclass(frozen=True, slots=True)
class Available:
    """order: whose turn it is, first the one who has waited longest; None without round robin."""

    slots: list[Slot]
    order: list[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarService:
    """Built once, in assembly/. places: by provider, where its grants' calendars are."""

    db: Store
    clock: Clock
    grants: Grants
    hosted_calendars: Calendars
    hosted_events: Events
    places: Mapping[ProviderName, CalendarPlace] = field(repr=False)

    def calendars_of(self, grant: Grant) -> Calendars:
        """Raises InvalidData: the provider has no calendars. NotImplementedYet: not through this server yet."""
        self._check(grant)
        return self.hosted_calendars

    def events_of(self, grant: Grant) -> Events:
        """Raises as `calendars_of`."""
        self._check(grant)
        return self.hosted_events

    def is_virtual(self, grant: Grant) -> bool:
        return self.places[grant.provider] == "virtual"

    def _check(self, grant: Grant) -> None:
        place = self.places[grant.provider]
        if place == "none":
            raise InvalidData("grant_id: this provider has mail and no calendars.")
        if place == "remote":
            raise NotImplementedYet(
                "Calendars of this provider are not served here yet. POST /v3/grants/{grant_id}/token gives the live"
                " access token of a grant with OAuth: call the provider's own calendar API with it."
            )

    async def free_busy(
        self,
        app: Application,
        emails: Sequence[str],
        low: int,
        high: int,
        *,
        maybe_too: bool,
        only: str | None = None,
    ) -> list[tuple[str, Intervals | str]]:
        """By address, in the order of the request. A text says why that address cannot be looked up.

        only  id of the one grant that may be looked at, as an access token's holder may
        """

        async def one(email: str) -> tuple[str, Intervals | str]:
            try:
                grant = await self._by_email(app, email)
                if only not in (None, grant.id):
                    raise GrantNotFound(email)
                return email, await self.events_of(grant).busy(grant, ("primary",), low, high, maybe_too=maybe_too)
            except GrantNotFound:
                hint = "" if only is None else " An access token reaches its own grant alone; use an API key."
                return email, f"This application has no grant of that address.{hint}"
            except (InvalidRequest, NotImplementedYet) as problem:
                return email, problem.message

        return list(await asyncio.gather(*map(one, emails)))

    async def availability(
        self,
        app: Application,
        participants: Sequence[Asked],
        wanted: Wanted,
        *,
        method: Method,
        group: str | None,
        maybe_too: bool,
    ) -> Available:
        """group: the value of `key5` that bookings of this round robin have. Raises InvalidData."""
        # One after the other: the first that is wrong is the one that is named.
        grants = [await self._of(app, asked, number) for number, asked in enumerate(participants)]
        busy = await asyncio.gather(
            *(
                self._busy(grant, asked, wanted, number, maybe_too=maybe_too)
                for number, (grant, asked) in enumerate(zip(grants, participants, strict=True))
            )
        )
        people = [
            Person(asked.email or grant.email, taken, asked.open_hours, asked.open_days, asked.only_days)
            for grant, asked, taken in zip(grants, participants, busy, strict=True)
        ]
        if method not in ROUND_ROBIN or group is None:
            return Available(await asyncio.to_thread(slots, wanted, people, method), None)
        turns = await asyncio.gather(
            *(self._last_booked(grant, asked, group) for grant, asked in zip(grants, participants, strict=True))
        )
        numbers = sorted(range(len(people)), key=turns.__getitem__)
        ordered = [people[number] for number in numbers]
        found = await asyncio.to_thread(slots, wanted, ordered, method)
        return Available(found, [person.email for person in ordered])

    async def _last_booked(self, grant: Grant, asked: Asked, group: str) -> int:
        """When the latest booking of that round robin begins in the calendars that are asked for. -1: none does."""
        named = self.calendars_of(grant)
        checked = [(await named.calendar(grant, name)).id for name in asked.calendars or ("primary",)]
        since = self.clock() // SECOND - _BOOKED_WITHIN
        return await self.db.read(
            calendars.last_booked(grant.application_id, grant.id, checked, "key5", group, since=since)
        )

    async def _of(self, app: Application, asked: Asked, number: int) -> Grant:
        name = asked.grant_id if asked.grant_id is not None else asked.email
        try:
            if asked.grant_id is not None:
                return _usable(await self.grants.get(app, f"grant:{asked.grant_id}"))
            return await self._by_email(app, asked.email or "")
        except (GrantNotFound, InvalidRequest):
            raise InvalidData(f"participants[{number}]: {name!r} is no grant of this application.") from None

    async def _by_email(self, app: Application, email: str) -> Grant:
        return _usable(await self.grants.get(app, f"email:{email}"))

    async def _busy(self, grant: Grant, asked: Asked, wanted: Wanted, number: int, *, maybe_too: bool) -> Intervals:
        # Buffers reach beyond the window.
        low, high = wanted.start - wanted.after, wanted.end + wanted.before
        try:
            return await self.events_of(grant).busy(
                grant, asked.calendars or ("primary",), low, high, maybe_too=maybe_too
            )
        except (DataNotFound, InvalidData) as problem:
            raise InvalidData(f"participants[{number}]: {problem.message}") from None


def _usable(grant: Grant) -> Grant:
    """What an operator has blocked is not to be looked at through others either. Raises GrantNotFound."""
    if grant.blocked:
        raise GrantNotFound("Grant not found")
    return grant


__all__ = ["Asked", "Available", "CalendarService"]
