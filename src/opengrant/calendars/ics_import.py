"""From the events of a file to events of a calendar, each by itself: one that cannot be does not hinder the others.

What an event here has no place for is left out: alarms, attachments, categories.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from time import thread_time
from typing import Any, Literal

from opengrant.calendars.drafts import Days, EventDraft, Timespan
from opengrant.calendars.hosted import fresh_event
from opengrant.calendars.ics_lines import BadLine, Component, Property, read
from opengrant.calendars.ics_zones import Zones
from opengrant.calendars.occurrences import derive, zone_of
from opengrant.calendars.recurrence import BadRule, parse_date
from opengrant.calendars.zones import DAY, Seconds, Wall, Zone, utc, zone
from opengrant.errors import InvalidData
from opengrant.model import SECOND, Grant, Micros
from opengrant.model.calendars import Calendar, Event

_LONGEST = {"SUMMARY": 1024, "DESCRIPTION": 32_768, "LOCATION": 255, "UID": 1024}
_MOST_ATTENDEES = 500
MOST_CPU = 10.0
"""Seconds that reading a file may take: rules that are made to take long end it."""
_EPOCH = date(1970, 1, 1).toordinal()
_ANSWERS = {"ACCEPTED": "yes", "DECLINED": "no", "TENTATIVE": "maybe"}
_LENGTH = re.compile(
    r"([+-]?)P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9})S)?)?", re.ASCII
)
_UNSEEN = re.compile(r"[\x00-\x1f\x7f]+")


class _Skip(Exception):
    """An event that cannot be; its text says why."""


@dataclass(frozen=True, slots=True)
class Skipped:
    uid: str
    reason: str


@dataclass(frozen=True, slots=True)
class Moment:
    """at: wall time of `zone`, a midnight if it is a whole day; in UTC, if `zone` is UTC."""

    at: int
    whole_day: bool
    zone: Zone
    floating: bool

    def utc(self) -> Seconds:
        return self.zone.utc(self.at)

    def within(self, event: Event) -> Wall:
        """As wall time of a series: when an occurrence of it begins."""
        if event.whole_days:
            return self.at - self.at % DAY
        if self.whole_day:
            return self.at + event.wall % DAY
        there = zone_of(event)
        return self.at if self.floating or there.name == self.zone.name else there.wall(self.utc())


@dataclass(frozen=True, slots=True)
class Read:
    """An event of a file. replaces: of a changed occurrence, when it would have begun. gone: it does not happen."""

    uid: str
    event: Event
    replaces: Moment | None
    gone: bool


@dataclass(frozen=True, slots=True)
class Contents:
    events: Sequence[Read]
    skipped: Sequence[Skipped]


def read_file(data: bytes | str, grant: Grant, calendar: Calendar, *, at: Micros, cpu: float = MOST_CPU) -> Contents:
    """Takes its time: not for the event loop. Raises InvalidData."""
    if isinstance(data, bytes):
        try:
            data = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InvalidData("ics: it is not encoded as UTF-8.") from None
    file = read(data.removeprefix("\ufeff"))
    reader = _Reader(grant, calendar, Zones(file.zones, at // SECOND), at)
    found: list[Read] = []
    skipped: list[Skipped] = []
    began = thread_time()
    for component in file.events:
        try:
            found.append(reader.event(component))
        except (_Skip, BadLine, BadRule, InvalidData) as problem:
            skipped.append(Skipped(_uid(component)[:200], str(problem)))
        if thread_time() - began > cpu:
            raise InvalidData("ics: its rules take too long to work out. Split the file.")
    return Contents(*_without_repeats(found, skipped))


def _without_repeats(found: Sequence[Read], skipped: Sequence[Skipped]) -> tuple[Sequence[Read], Sequence[Skipped]]:
    """Of events with one UID the newest: by SEQUENCE, then the last. Each would undo the one before."""
    newest: dict[str, Read] = {}
    for read_ in found:
        before = newest.get(read_.uid)
        if read_.replaces is None and (before is None or before.event.sequence <= read_.event.sequence):
            newest[read_.uid] = read_
    kept = [read_ for read_ in found if read_.replaces is not None or newest[read_.uid] is read_]
    repeats = [read_ for read_ in found if read_.replaces is None and newest[read_.uid] is not read_]
    return kept, [*skipped, *(Skipped(read_.uid[:200], "UID: another event of the file has it.") for read_ in repeats)]


def _uid(component: Component) -> str:
    """A component without one gets one of its contents, so that another import finds the event."""
    try:
        sent = component.first("UID")
    except BadLine:
        sent = None
    if sent is not None and (text := _UNSEEN.sub("", sent.text).strip()):
        return text
    return hashlib.blake2b("\n".join(component.lines).encode(), digest_size=16).hexdigest() + "@imported"


@dataclass(frozen=True, slots=True)
class _Reader:
    grant: Grant
    calendar: Calendar
    zones: Zones
    at: Micros

    def event(self, component: Component) -> Read:
        """Raises _Skip, BadLine, BadRule, InvalidData."""
        uid = _uid(component)
        several = list(component.properties())
        one = {found.name: found for found in reversed(several)}
        _check(uid, one)
        replaces = self._moment(one["RECURRENCE-ID"]) if "RECURRENCE-ID" in one else None
        gone = _word(one, "STATUS") == "CANCELLED"
        if gone and replaces is None:
            raise _Skip("STATUS: it is cancelled.")
        start = self._moment(one["DTSTART"]) if "DTSTART" in one else replaces
        if start is None:
            raise _Skip("DTSTART: it has none.")
        lines = () if replaces is not None else tuple(self._lines(several, start))
        draft = EventDraft(
            when=self._when(one, start, repeats=bool(lines)),
            recurrence=lines,
            busy=_word(one, "TRANSP") != "TRANSPARENT",
            body=_body(several, one),
            ical_uid=uid,
        )
        made = fresh_event(self.grant, self.calendar, draft, at=self.at)
        status: Literal["confirmed", "maybe"] = "maybe" if _word(one, "STATUS") == "TENTATIVE" else "confirmed"
        return Read(uid, replace(made, status=status, sequence=_sequence(one)), replaces, gone)

    def _moment(self, sent: Property) -> Moment:
        return self._moment_of(sent, sent.value.strip().upper())

    def _moment_of(self, sent: Property, text: str) -> Moment:
        try:
            at, whole_day, in_utc = parse_date(text)
        except BadRule as problem:
            raise _Skip(f"{sent.name}: {problem}") from None
        if in_utc:
            return Moment(at, False, utc(), False)
        if not whole_day and (name := sent.parameters.get("TZID", "").strip()):
            zone_, at = self.zones.place(name, at)
            return Moment(at, False, zone_, False)
        return Moment(at, whole_day, zone(self.calendar.timezone or "") or utc(), True)

    def _when(self, one: dict[str, Property], start: Moment, *, repeats: bool) -> Timespan | Days:
        """The zone of a time in UTC is named for a series alone: that keeps to it."""
        if start.whole_day:
            return self._days(one, start)
        name = None if start.floating or (start.zone.name == utc().name and not repeats) else start.zone.name
        begin = end = start.utc()
        if "DTEND" in one:
            stop = self._moment(one["DTEND"])
            end = stop.utc()
        elif "DURATION" in one:
            length = _duration(one["DURATION"])
            days = length // DAY
            end = start.zone.utc(start.at + days * DAY) + length - days * DAY
        return Timespan(begin, end, name, name)

    def _days(self, one: dict[str, Property], start: Moment) -> Days:
        first, days = start.at // DAY, 1
        if "DTEND" in one:
            days = self._moment(one["DTEND"]).at // DAY - first
        elif "DURATION" in one:
            days = -(-_duration(one["DURATION"]) // DAY)
        if days < 0:
            raise _Skip("DTEND: it is before DTSTART.")
        # Some programs write a day as one that ends where it begins.
        return Days(_date(first), _date(first + max(days, 1) - 1))

    def _lines(self, several: Iterable[Property], start: Moment) -> Iterator[str]:
        """As a series holds them: wall times of its zone, one line for each kind."""
        dates: dict[str, list[str]] = {}
        for sent in several:
            if sent.name == "EXRULE":
                raise _Skip("EXRULE: this server has no excluding rules.")
            if sent.name == "RRULE":
                yield f"RRULE:{sent.value.strip()}"
            elif sent.name in ("RDATE", "EXDATE"):
                if sent.parameters.get("VALUE", "").upper() == "PERIOD":
                    raise _Skip("RDATE: this server has no occurrences with a length of their own.")
                texts = (text.strip().upper() for text in sent.value.split(","))
                dates.setdefault(sent.name, []).extend(self._date(sent, text, start) for text in texts if text)
        for name, found in dates.items():
            if found:
                yield f"{name}:{','.join(found)}"

    def _date(self, sent: Property, text: str, start: Moment) -> str:
        moment = self._moment_of(sent, text)
        if moment.whole_day or start.whole_day:
            return f"{_date(moment.at // DAY):%Y%m%d}"
        if moment.floating or moment.zone.name == start.zone.name:
            return _stamp(moment.at)
        return f"{_stamp(moment.utc())}Z"


def as_occurrence(read_: Read, master: Event, wall: Wall, id_: str) -> Event:
    """What the file says of one occurrence, as a row beside its series."""
    changed = replace(read_.event, id=id_, kind="override", master_id=master.id, original=wall, recurrence=())
    if not read_.gone:
        return changed
    row = replace(master, **{name: getattr(changed, name) for name in ("id", "master_id", "original", "updated_at")})
    row = replace(row, kind="cancelled", status="cancelled", busy=False, wall=wall, later=False, recurrence=())
    return derive(replace(row, series_end=None, created_at=changed.created_at, metadata=None))


# ── single properties ─────────────────────────────────────────────────────────────────────────────────────────


def _check(uid: str, one: dict[str, Property]) -> None:
    for name, longest in _LONGEST.items():
        if len(uid if name == "UID" else one[name].text if name in one else "") > longest:
            raise _Skip(f"{name}: it has more than {longest:,} characters.")
    if "RANGE" in one.get("RECURRENCE-ID", Property("", {}, "")).parameters:
        raise _Skip("RECURRENCE-ID: a change from one occurrence on (RANGE) is not imported.")


def _word(one: dict[str, Property], name: str) -> str:
    return one[name].value.strip().upper() if name in one else ""


def _sequence(one: dict[str, Property]) -> int:
    text = one["SEQUENCE"].value.strip() if "SEQUENCE" in one else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _duration(sent: Property) -> int:
    found = _LENGTH.fullmatch(sent.value.strip().upper())
    if found is None or not any(found.groups()[1:]):
        raise _Skip(f"DURATION: {sent.value[:40]!r} is no length; write PT1H.")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:])
    length = (weeks * 7 + days) * DAY + hours * 3600 + minutes * 60 + seconds
    return -length if found[1] == "-" else length


def _date(day: int) -> date:
    try:
        return date.fromordinal(day + _EPOCH)
    except (ValueError, OverflowError):
        raise _Skip("DTSTART: years from 1900 to 3000.") from None


def _stamp(at: int) -> str:
    day, time = divmod(at, DAY)
    return f"{_date(day):%Y%m%d}T{time // 3600:02d}{time // 60 % 60:02d}{time % 60:02d}"


def _body(several: Iterable[Property], one: dict[str, Property]) -> dict[str, Any]:
    """All that a file can say is there, so that an update takes away what the file has no more."""
    description = one["DESCRIPTION"].text if "DESCRIPTION" in one else None
    body: dict[str, Any] = {
        "title": _line(one["SUMMARY"].text) if "SUMMARY" in one else None,
        "description": description,
        "text_description": description,
        "location": _line(one["LOCATION"].text) if "LOCATION" in one else None,
        "visibility": "private" if _word(one, "CLASS") in ("PRIVATE", "CONFIDENTIAL") else "public",
        "participants": [_participant(sent) for sent in several if sent.name == "ATTENDEE" and _email(sent)],
    }
    if len(body["participants"]) > _MOST_ATTENDEES:
        raise _Skip(f"ATTENDEE: there are more than {_MOST_ATTENDEES}.")
    if "ORGANIZER" in one and _email(one["ORGANIZER"]):
        body["organizer"] = _person(one["ORGANIZER"])
    return body


def _participant(sent: Property) -> dict[str, Any]:
    status = _ANSWERS.get(sent.parameters.get("PARTSTAT", "").upper(), "noreply")
    return {**_person(sent), "status": status}


def _person(sent: Property) -> dict[str, Any]:
    name = _line(sent.parameters.get("CN", ""))[:512]
    return {"email": _email(sent), **({"name": name} if name else {})}


def _email(sent: Property) -> str:
    """Without `mailto:`; an address of another kind counts as none."""
    text = _line(sent.text)
    kind, colon, rest = text.partition(":")
    address = rest if colon and kind.lower() == "mailto" else "" if colon else text
    return address if len(address) <= 512 else ""


def _line(text: str) -> str:
    return _UNSEEN.sub(" ", text).strip()
