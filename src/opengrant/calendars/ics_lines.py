"""Reading iCalendar text that comes from outside: into components, with bounds, in linear time.

icalendar's own reader is not used on it: it keeps the time zones that a file describes for the whole process, so that
the file of one tenant would decide what a zone's name means in that of another.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from opengrant.errors import InvalidData

MOST_EVENTS = 5_000
MOST_COMPONENTS = 50_000
LONGEST_LINE = 100_000
"""Characters of an unfolded line, of those properties that are read."""
DEEPEST = 8
"""Components within each other."""
_LONGEST_HEAD = 4_000
_MOST_LINES_OF_ONE = 5_000

READ = frozenset(
    {
        *("UID", "RECURRENCE-ID", "DTSTART", "DTEND", "DURATION", "RRULE", "EXRULE", "RDATE", "EXDATE", "SEQUENCE"),
        *("SUMMARY", "DESCRIPTION", "LOCATION", "STATUS", "TRANSP", "CLASS", "ORGANIZER", "ATTENDEE"),
        *("TZID", "X-LIC-LOCATION", "TZOFFSETFROM", "TZOFFSETTO"),
    }
)
"""Properties that are kept; all others, such as ATTACH, may be as long as they like."""
_KEPT = frozenset({"VEVENT", "VTIMEZONE", "STANDARD", "DAYLIGHT"})

_NAME = re.compile(r"[ \t]*([A-Za-z0-9-]+)[ \t]*", re.ASCII)
_PARAMETER = re.compile(r";[ \t]*([A-Za-z0-9-]+)[ \t]*=((?>(?:\"[^\"]*\"|[^\";:]++)*))", re.ASCII)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CARET = re.compile(r"\^([n'^])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class BadLine(ValueError):
    """A line of an event that has no name, or parameters that cannot be."""


@dataclass(frozen=True, slots=True)
class Property:
    """parameters: by upper-case name, without quotes. value: as it was sent, escapes included."""

    name: str
    parameters: dict[str, str]
    value: str

    @property
    def text(self) -> str:
        return _CONTROLS.sub("", _ESCAPED.sub(_unescape, self.value))


@dataclass(slots=True)
class Component:
    """lines: unfolded, of the properties that are read."""

    name: str
    lines: list[str] = field(default_factory=list)
    children: list["Component"] = field(default_factory=list)

    def properties(self) -> Iterator[Property]:
        """Raises BadLine."""
        for line in self.lines:
            yield _property(line)

    def first(self, name: str) -> Property | None:
        """Raises BadLine."""
        return next((one for one in self.properties() if one.name == name), None)


@dataclass(slots=True)
class File:
    """What a file has of events and of time zones."""

    events: list[Component] = field(default_factory=list)
    zones: list[Component] = field(default_factory=list)


def read(text: str) -> File:
    """Raises InvalidData: it is no iCalendar, or more than it may be."""
    found = File()
    open_: list[Component] = []
    components = 0
    calendars = 0
    for number, line in _unfold(text):
        name = line[:12].rstrip().upper()
        if name.startswith("BEGIN:"):
            components += 1
            one = Component(line[6:].strip().upper()[:40])
            _check_begin(number, one, open_, components)
            calendars += one.name == "VCALENDAR"
            open_.append(one)
        elif name.startswith("END:"):
            if not open_ or open_[-1].name != line[4:].strip().upper()[:40]:
                raise InvalidData(f"ics: line {number} ends a component that is not the one that began last.")
            _close(open_, found)
        elif open_ and open_[-1].name in _KEPT:
            _add(number, open_[-1], line)
    if not calendars or open_:
        raise InvalidData("ics: a calendar goes from BEGIN:VCALENDAR to END:VCALENDAR, and this does not.")
    return found


def _check_begin(number: int, one: Component, open_: list[Component], components: int) -> None:
    if (one.name == "VCALENDAR") != (not open_):
        raise InvalidData(f"ics: line {number} begins {one.name[:20]!r} in a place where it cannot be.")
    if len(open_) >= DEEPEST:
        raise InvalidData(f"ics: at line {number}, more than {DEEPEST} components stand within each other.")
    if components > MOST_COMPONENTS:
        raise InvalidData(f"ics: more than {MOST_COMPONENTS:,} components. Split the file.")


def _close(open_: list[Component], found: File) -> None:
    one = open_.pop()
    if one.name == "VEVENT" and len(open_) == 1:
        found.events.append(one)
        if len(found.events) > MOST_EVENTS:
            raise InvalidData(f"ics: more than {MOST_EVENTS:,} events. Split the file.")
    elif one.name == "VTIMEZONE" and len(open_) == 1:
        found.zones.append(one)
    elif open_ and open_[-1].name == "VTIMEZONE":
        open_[-1].children.append(one)


def _add(number: int, component: Component, line: str) -> None:
    named = _NAME.match(line, 0, 100)
    # A line without a name is kept: the event that it stands in is skipped for it.
    if named is not None and named[1].upper() not in READ:
        return
    if len(line) > LONGEST_LINE:
        raise InvalidData(f"ics: line {number} has more than {LONGEST_LINE:,} characters.")
    component.lines.append(line)
    if len(component.lines) > _MOST_LINES_OF_ONE:
        raise InvalidData(f"ics: at line {number}, a component has more than {_MOST_LINES_OF_ONE:,} lines.")


def _unfold(text: str) -> Iterator[tuple[int, str]]:
    """(number of its first line, line) for each line that is not empty."""
    parts: list[str] = []
    begun = 0
    for number, raw in enumerate(_lines(text), 1):
        if raw[:1] in (" ", "\t"):
            parts.append(raw[1:])
            continue
        if parts and (line := "".join(parts)).strip():
            yield begun, line
        parts, begun = [raw], number
    if parts and (line := "".join(parts)).strip():
        yield begun, line


def _lines(text: str) -> Iterator[str]:
    begin = 0
    text = text if "\n" in text else text.replace("\r", "\n")
    while (end := text.find("\n", begin)) >= 0:
        yield text[begin : end - 1 if text[end - 1 : end] == "\r" and end > begin else end]
        begin = end + 1
    yield text[begin:].removesuffix("\r")


def _property(line: str) -> Property:
    """Raises BadLine."""
    named = _NAME.match(line)
    if named is None:
        raise BadLine(f"{line[:40]!r} is no line of iCalendar.")
    parameters: dict[str, str] = {}
    place = named.end()
    while (found := _PARAMETER.match(line, place, min(len(line), _LONGEST_HEAD))) is not None:
        parameters.setdefault(found[1].upper(), _CARET.sub(_uncaret, found[2].strip().replace('"', "")))
        place = found.end()
    if line[place : place + 1] != ":":
        raise BadLine(f"{line[:40]!r} is no line of iCalendar.")
    return Property(named[1].upper(), parameters, line[place + 1 :])


def _unescape(found: re.Match[str]) -> str:
    return "\n" if found[1] in "nN" else found[1]


def _uncaret(found: re.Match[str]) -> str:
    return {"n": "\n", "'": '"', "^": "^"}[found[1]]
