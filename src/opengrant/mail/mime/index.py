"""Where the parts of a message lie in its bytes.

One pass, without decoding a body: `email.parser` takes a hundred times as long, compares each line with the boundary of
each multipart around it, and calls itself for each of them. Bad input has an answer too: at worst one text/plain part.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from opengrant.mail.mime.headers import Headers, parameterised
from opengrant.mail.mime.parts import DEEPEST, MOST_PARTS, TEXT, Described, Part, kind_of

_LONGEST_BOUNDARY = 1_000
"""Characters; RFC 2046 allows 70."""
# With a fixed beginning, which a search leaps to; `^` would try each byte.
_DELIMITER = re.compile(rb"\n--([^\n]{1,1100}+)$", re.MULTILINE)
_HEADER_END = re.compile(rb"^(?:\r?\n|--([^\n]{1,1100}+)$)", re.MULTILINE)
_LINE_END = b" \t\r"


@dataclass(frozen=True, slots=True)
class Index:
    """headers: of the message. bodies: (start, end) of the encoded body of each part, by its number."""

    headers: Headers
    root: Part
    bodies: Mapping[str, tuple[int, int]]


def index(raw: bytes) -> Index:
    """The parts of a message; of more than `LOOP_LIMIT` bytes in a thread."""
    return _Indexing(raw).run()


@dataclass(slots=True)
class _Open:
    """A multipart whose end was not met yet."""

    number: str
    said: Described
    boundary: bytes
    start: int
    hidden: int | None
    """The place in the stack of an outer multipart with the same boundary."""
    parts: list[Part] = field(default_factory=list)

    def next_number(self) -> str:
        place = len(self.parts) + 1
        return f"{self.number}.{place}" if self.number else str(place)


class _Indexing:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._bodies: dict[str, tuple[int, int]] = {}
        self._stack: list[_Open] = []
        self._boundaries: dict[bytes, int] = {}
        self._leaf: tuple[str, Described, int] | None = None
        self._count = 0
        self._done: Part | None = None

    def run(self) -> Index:
        block, at = self._header(0)
        headers = Headers.read(block)
        self._begin("", headers, at, default=TEXT.kind)
        while self._count < MOST_PARTS and (met := self._delimiter(at)):
            place, closes, start, at = met
            self._end(self._before(start), down_to=place if closes else place + 1)
            if not closes:
                at = self._child(self._stack[place], at)
        self._end(len(self._raw), down_to=0)
        assert self._done is not None
        return Index(headers, self._done, self._bodies)

    def _header(self, at: int) -> tuple[bytes, int]:
        """The bytes of the header that begins here, and where the body begins."""
        for found in _HEADER_END.finditer(self._raw, at):
            if found[1] is None:
                return self._raw[at : found.start()], found.end()
            if self._place(found[1]) is not None:
                return self._raw[at : found.start()], found.start()
        return self._raw[at:], len(self._raw)

    def _delimiter(self, at: int) -> tuple[int, bool, int, int] | None:
        """The next line that separates parts: place in the stack, whether it closes, where it starts and ends.

        at  where a line begins that is not the first
        """
        if not self._boundaries:
            return None
        for found in _DELIMITER.finditer(self._raw, at - 1):
            met = self._place(found[1])
            if met is not None:
                return *met, found.start() + 1, min(found.end() + 1, len(self._raw))
        return None

    def _place(self, line: bytes) -> tuple[int, bool] | None:
        """Of a line after its two dashes: which multipart it belongs to, and whether it closes that one."""
        text = line.rstrip(_LINE_END)
        place = self._boundaries.get(text)
        if place is not None:
            return place, False
        place = self._boundaries.get(text[:-2]) if text.endswith(b"--") else None
        return None if place is None else (place, True)

    def _before(self, start: int) -> int:
        """Where what is before a delimiter ends: the line break in front belongs to the delimiter."""
        return start - 2 if self._raw[max(start - 2, 0) : start] == b"\r\n" else start - 1

    def _child(self, parent: _Open, at: int) -> int:
        block, body = self._header(at)
        default = "message/rfc822" if parent.said.kind == "multipart/digest" else TEXT.kind
        self._begin(parent.next_number(), Headers.read(block, beginning=b"content-"), body, default=default)
        return body

    def _begin(self, number: str, headers: Headers, body: int, *, default: str) -> None:
        said = describe(headers, default=default)
        boundary = said.parameters.get("boundary", "").encode()
        self._count += 1
        if not said.kind.startswith("multipart/") or len(self._stack) == DEEPEST:
            self._leaf = (number or "1", said, body)
        elif 0 < len(boundary) <= _LONGEST_BOUNDARY:
            self._stack.append(_Open(number, said, boundary, body, self._boundaries.get(boundary)))
            self._boundaries[boundary] = len(self._stack) - 1
        else:
            self._leaf = (number or "1", TEXT, body)

    def _end(self, end: int, *, down_to: int) -> None:
        """End the part that is open and the multiparts from this place of the stack on."""
        if self._leaf is not None:
            number, said, body = self._leaf
            self._leaf = None
            self._add(said, number, body, end)
        while len(self._stack) > down_to:
            ended = self._stack.pop()
            if ended.hidden is None:
                del self._boundaries[ended.boundary]
            else:
                self._boundaries[ended.boundary] = ended.hidden
            if ended.parts:
                self._attach(ended.said.multipart(ended.number, ended.parts))
            else:  # no delimiter of it was met, so all of it is text
                self._add(TEXT, ended.number or "1", ended.start, end)

    def _add(self, said: Described, number: str, body: int, end: int) -> None:
        self._bodies[number] = (body, max(body, end))
        self._attach(said.leaf(number, max(0, end - body)))

    def _attach(self, part: Part) -> None:
        if self._stack:
            self._stack[-1].parts.append(part)
        else:
            self._done = part


def describe(headers: Headers, *, default: str) -> Described:
    """What a part is by its header.

    default  the kind of a part without Content-Type
    """
    word, parameters = parameterised(headers.first("content-type") or default)
    disposition, of_disposition = parameterised(headers.first("content-disposition") or "")
    return Described(
        kind=kind_of(word) or TEXT.kind,
        parameters=parameters,
        encoding=parameterised(headers.first("content-transfer-encoding") or "")[0] or TEXT.encoding,
        disposition=disposition,
        disposition_parameters=of_disposition,
        content_id=headers.first("content-id"),
    )
