"""Bytes of an input to rows: gzip, lines, JSON, CSV.

Everything is fed in pieces, so that a file and the body of a request are read by the same code. Memory is bounded: a
line that is too long is passed over without being held, and compressed data is expanded in pieces. What cannot be read
is an `Unread` with its line, and reading goes on after it. Only what makes the whole input unreadable is an exception.
"""

import csv
import re
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal

from pydantic_core import from_json

from opengrant.errors import InvalidPayload
from opengrant.model.basics import record

Format = Literal["ndjson", "csv"]
LONGEST_LINE = 256 * 1024
"""Bytes of a line, and of a record of CSV that has several."""
_PIECE = 256 * 1024
"""Bytes that compressed data is expanded to at once."""
_MOST_COLUMNS = 200
_ENOUGH_TO_SEE = 6
"""Bytes at the beginning that tell what an input is."""
_GZIP = b"\x1f\x8b"
_OTHER_PACKERS = {b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_UTF_8_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_BREAKS_AT = re.compile(r"at line \d+ column (\d+)")
_ONE_LINE_EACH = (
    "Write each row on a line of its own: jq -c '.[]' FILE > rows.ndjson does it for an array,"
    " jq -c . FILE > rows.ndjson for objects that have several lines."
)


@record
class Row:
    """A row as it was read. line: where it begins, from 1. size: bytes."""

    line: int
    members: dict[str, Any]
    size: int


@record
class Unread:
    """A line that cannot be read. reason, remedy: sentences that quote nothing of it."""

    line: int
    reason: str
    remedy: str


class CutOff(Exception):
    """The source of an input cannot read on: it was cut off, or is damaged. What came before is right.

    Its arguments are the reason and the remedy, as of an `Unread`.
    """


Read = Row | Unread
Line = tuple[int, bytes | None]
"""Its number, and its bytes without the line's end; None: it is too long."""


def format_of(name: str) -> Format | None:
    """By the end of a file's name; None: the first line tells."""
    plain = name.lower().removesuffix(".gz")
    if plain.endswith((".ndjson", ".jsonl")):
        return "ndjson"
    return "csv" if plain.endswith((".csv", ".tsv")) else None


class Reader:
    """Reads one input. format: None to see it by the first line. Its methods raise InvalidPayload.

    cut_off  after the end: why the input ends too early
    """

    def __init__(self, format_: Format | None = None) -> None:
        self._format = format_
        self._bytes = _Expanded()
        self._lines = _Lines()
        self._rows: _Json | _Csv | None = None
        self.cut_off: CutOff | None = None

    @property
    def columns(self) -> Sequence[str] | None:
        """The header of a CSV, once it has been read."""
        return self._rows.header if isinstance(self._rows, _Csv) else None

    def feed(self, data: bytes) -> Iterator[Read]:
        for piece in self._bytes.feed(data):
            yield from self._read(self._lines.feed(piece))

    def end(self, cut: CutOff | None = None) -> Iterator[Read]:
        """What is left when the input has ended. cut: it should have gone on."""
        for piece in self._bytes.end():
            yield from self._read(self._lines.feed(piece))
        yield from self._read(self._lines.end())
        if self._rows is not None:
            yield from self._rows.end()
        self.cut_off = cut
        if cut is None and not self._bytes.whole:
            self.cut_off = CutOff(
                "The compressed input ends early, or is damaged here: the rest of it is missing.",
                "Make the file again, and import it: grants that are here already are only renewed.",
            )
        if self.cut_off is not None:
            yield Unread(self._lines.number + 1, *self.cut_off.args)

    def _read(self, lines: list[Line]) -> Iterator[Read]:
        if self._rows is None:
            first = next((text for _, text in lines if text is None or text.strip()), b"")
            if first == b"":
                return
            looks = first is None or first.lstrip()[:1] in {b"{", b"["}
            self._rows = _Json() if (self._format or ("ndjson" if looks else "csv")) == "ndjson" else _Csv()
        yield from self._rows.feed(lines)


class _Expanded:
    """Expands gzip, which its first bytes tell; other data goes through. whole: False after data that was cut off."""

    def __init__(self) -> None:
        self.whole = True
        self._seen = False
        self._begun = b""
        self._gzip: Any = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not self._seen:
            self._begun += data
            if len(self._begun) < _ENOUGH_TO_SEE:
                return
            data = self._see()
        yield from self._through(data)

    def end(self) -> Iterator[bytes]:
        if not self._seen:
            yield from self._through(self._see())
        if self._gzip is not None and not self._gzip.eof:
            self.whole = False
            with suppress(zlib.error):
                yield self._gzip.flush()

    def _see(self) -> bytes:
        self._seen = True
        begun, self._begun = self._begun, b""
        for mark, name in _OTHER_PACKERS.items():
            if begun.startswith(mark):
                raise InvalidPayload(f"The input is packed with {name}. Unpack it, or pack it with gzip.")
        if begun.startswith(_GZIP):
            self._gzip = zlib.decompressobj(31)
        return begun

    def _through(self, data: bytes) -> Iterator[bytes]:
        if self._gzip is None:
            yield data
            return
        while data and self.whole:
            if self._gzip.eof:  # one file of gzip may follow another
                if not data.startswith(_GZIP[:1]):
                    return  # padding
                self._gzip = zlib.decompressobj(31)
            try:
                yield self._gzip.decompress(data, _PIECE)
            except zlib.error:
                self.whole = False
                return
            data = self._gzip.unconsumed_tail or self._gzip.unused_data


class _Lines:
    """Splits bytes at line feeds. number: of the last line that has begun."""

    def __init__(self) -> None:
        self.number = 0
        self._held: list[bytes] = []
        self._size = 0
        self._seen = False

    def feed(self, data: bytes) -> list[Line]:
        if not self._seen:
            self._held.append(data)
            data = b"".join(self._held)
            self._held.clear()
            if len(data) < _ENOUGH_TO_SEE:
                self._held.append(data)
                return []
            data = self._see(data)
        return self._split(data)

    def end(self) -> list[Line]:
        lines = [] if self._seen else self._split(self._see(b"".join(self._held)))
        return [*lines, self._line(b"")] if self._size else lines

    def _split(self, data: bytes) -> list[Line]:
        first, *others = data.split(b"\n")
        if not others:
            self._hold(first)
            return []
        last = others.pop()
        lines = [self._line(first), *map(self._line, others)]
        self._hold(last)
        return lines

    def _see(self, data: bytes) -> bytes:
        self._seen = True
        self._held.clear()
        if (encoding := _wide_encoding(data)) is not None:
            raise InvalidPayload(
                f"Line 1: the input is encoded as {encoding}. Convert it to UTF-8:"
                f" iconv -f {encoding} -t UTF-8 FILE > rows."
            )
        return data.removeprefix(_UTF_8_MARK)

    def _hold(self, data: bytes) -> None:
        self._size += len(data)
        if self._size <= LONGEST_LINE:
            self._held.append(data)
        else:
            self._held.clear()

    def _line(self, data: bytes) -> Line:
        self._hold(data)
        self.number += 1
        line = b"".join(self._held) if self._size <= LONGEST_LINE else None
        self._held.clear()
        self._size = 0
        return self.number, line


def _wide_encoding(data: bytes) -> str | None:
    """UTF-16 or UTF-32, as iconv names it; without a mark by the zeros beside the first letter, which is ASCII."""
    for mark, name in _WIDE_MARKS.items():
        if data.startswith(mark):
            return name
    match [byte == 0 for byte in data[:4]]:
        case [True, True, *_]:
            return "UTF-32BE"
        case [False, True, True, _]:
            return "UTF-32LE"
        case [True, *_]:
            return "UTF-16BE"
        case [False, True, *_]:
            return "UTF-16LE"
    return None


class _Json:
    def __init__(self) -> None:
        self._begun = False

    def feed(self, lines: Iterable[Line]) -> Iterator[Read]:
        for number, line in lines:
            if line is None:
                yield _too_long(number)
                continue
            try:
                members = from_json(line, allow_inf_nan=False)
            except ValueError as problem:
                text = line.strip()
                if text:
                    self._refuse_other_layout(text)
                    yield _unread(number, text, problem)
                continue
            if isinstance(members, dict):
                self._begun = True
                yield Row(number, members, len(line))
            else:
                self._refuse_other_layout(line[:1])
                yield Unread(number, "The line is not a JSON object.", "Write an object: {…}.")

    def end(self) -> Iterator[Read]:
        yield from ()

    def _refuse_other_layout(self, line: bytes) -> None:
        if not self._begun and line in {b"[", b"[{", b"{"}:
            self._begun = True
            raise InvalidPayload(f"The input is not JSON with an object in each line. {_ONE_LINE_EACH}")
        self._begun = True


def _unread(number: int, line: bytes, problem: ValueError) -> Unread:
    if (bad := _not_utf_8(number, line)) is not None:
        return bad
    if line.startswith(b"{") and not line.endswith(b"}"):
        return Unread(number, "The line is not JSON: its end is missing.", "Write the whole object on one line.")
    # The parser's message may quote the line, so only its column is used.
    found = _BREAKS_AT.search(str(problem))
    where = f", from column {found[1]} on" if found else ""
    return Unread(number, f"The line is not JSON{where}.", "Write one JSON object on each line.")


def _not_utf_8(number: int, line: bytes) -> Unread | None:
    try:
        line.decode()
    except UnicodeDecodeError as problem:
        return Unread(
            number,
            f"The line is not UTF-8: byte {problem.start + 1} is 0x{line[problem.start]:02X}. It may be Latin-1.",
            "Convert the file: iconv -f WINDOWS-1252 -t UTF-8 FILE > rows.",
        )
    return None


def _too_long(number: int) -> Unread:
    return Unread(
        number, f"The line is longer than {LONGEST_LINE // 1024} KB.", "Leave out what is not needed to connect."
    )


class _Csv:
    """Records as RFC 4180 has them: a field in quotation marks may contain the separator, line ends, and "" for one.

    A record that is wrong, or does not end, costs its first line only: reading goes on at its second.
    """

    def __init__(self) -> None:
        self.header: tuple[str, ...] | None = None
        self._separator = ","
        self._open: list[bytes] = []
        self._first = 0
        self._size = 0

    def feed(self, lines: Iterable[Line]) -> Iterator[Read]:
        waiting = deque(lines)
        while waiting:
            number, line = waiting.popleft()
            if line is None:
                if self._open:
                    waiting.appendleft((number, line))
                    yield from self._give_up(waiting)
                elif self.header is None:
                    raise InvalidPayload(
                        f"Line {number}: the header is longer than {LONGEST_LINE // 1024} KB."
                        f" At most {_MOST_COLUMNS} columns are read."
                    )
                else:
                    yield _too_long(number)
                continue
            if not self._open:
                if not line.strip():
                    continue
                self._first = number
            self._open.append(line)
            self._size += len(line) + 1
            # A record is whole when its quotation marks are even.
            if line.count(b'"') % 2 == (1 if len(self._open) == 1 else 0):
                if self._size > LONGEST_LINE:
                    yield from self._give_up(waiting)
                continue
            if (read := self._record()) is None:
                yield from self._give_up(waiting)
                continue
            self._close()
            if isinstance(read, Row):
                yield read

    def end(self) -> Iterator[Read]:
        while self._open:
            waiting: deque[Line] = deque()
            yield from self._give_up(waiting)
            yield from self.feed(waiting)

    def _close(self) -> None:
        self._open, self._size = [], 0

    def _give_up(self, waiting: deque[Line]) -> Iterator[Read]:
        """Refuse the first line; the others are read again."""
        first, others, number = self._open[0], self._open[1:], self._first
        self._close()
        waiting.extendleft((number + place, line) for place, line in reversed([*enumerate(others, 1)]))
        if self.header is None:
            raise InvalidPayload(f"Line {number}: the header has a quotation mark that is not closed.")
        if first.count(b'"') % 2:
            yield Unread(
                number,
                "A quotation mark is not closed, or there are too many or too few fields up to the one that closes it.",
                'Write a quotation mark inside a field twice (""), and such a field in quotation marks.',
            )
        else:
            yield self._wrong(number, first)

    def _wrong(self, number: int, line: bytes) -> Unread:
        if (bad := _not_utf_8(number, line)) is not None:
            return bad
        assert self.header is not None
        try:
            fields = len(self._fields([line]))
        except csv.Error:
            return Unread(
                number,
                "The line is not CSV: a field goes on after its quotation mark, or is longer than 128 KB.",
                'Write a quotation mark inside a field twice ("").',
            )
        return Unread(
            number,
            f"The line has {fields} fields, the header has {len(self.header)}.",
            "Write a field for each column, and a field with a separator in quotation marks.",
        )

    def _fields(self, lines: list[bytes]) -> list[str]:
        """Raises csv.Error, UnicodeDecodeError."""
        text = b"\n".join(lines).decode().removesuffix("\r")
        return next(csv.reader([text], delimiter=self._separator, strict=True))

    def _record(self) -> Row | Literal["header"] | None:
        """None: the record is wrong."""
        if self.header is None:
            self._read_header()
            return "header"
        try:
            fields = self._fields(self._open)
        except (csv.Error, UnicodeDecodeError):
            return None
        if len(fields) != len(self.header):
            return None
        members = {name: value for name, value in zip(self.header, fields, strict=True) if value != ""}
        return Row(self._first, members, self._size)

    def _read_header(self) -> None:
        line = self._open[0]
        where = f"Line {self._first}: "
        if (bad := _not_utf_8(self._first, line)) is not None:
            raise InvalidPayload(f"{where}{bad.reason} {bad.remedy}")
        if b"\r" in line.rstrip(b"\r"):
            raise InvalidPayload(
                f"{where}the lines end with CR alone, as of an old Macintosh. Convert them:"
                " tr '\\r' '\\n' < FILE > rows.csv."
            )
        self._separator = max(",;\t", key=lambda one: line.count(one.encode()))
        try:
            names = tuple(name.strip() for name in self._fields(self._open))
        except csv.Error:
            raise InvalidPayload(f"{where}the header is not CSV.") from None
        twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if len(names) > _MOST_COLUMNS:
            raise InvalidPayload(f"{where}the header has {len(names)} columns; at most {_MOST_COLUMNS} are read.")
        if "" in names:
            raise InvalidPayload(f"{where}column {names.index('') + 1} of the header has no name.")
        if twice is not None:
            raise InvalidPayload(f"{where}the header has the column {twice[:64]!r} twice.")
        self.header = names
