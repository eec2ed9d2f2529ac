"""From the bytes of an input to checked rows: read, mapped, parsed, and compared with the rows before them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from typing import Any

from opengrant.errors import InvalidPayload, OpenGrantError
from opengrant.imports.mapping import RowMap, check_columns, nested
from opengrant.imports.reading import CutOff, Format, Read, Reader, Unread
from opengrant.imports.seen import TOGETHER, Seen
from opengrant.model import ProviderName
from opengrant.model.basics import record
from opengrant.model.imports import ImportRow

_PROVIDERS = frozenset(ProviderName)
_LONGEST_KEY = 256
_CORRECT = "Correct the row, and import it again."


@record
class RowForm:
    """What a row is: the caller's parser, which lives above this room.

    parse     members and line to a row; raises OpenGrantError, whose message quotes no value
    settings  members that a row's `settings` may have
    """

    parse: Callable[[dict[str, Any], int], ImportRow]
    settings: frozenset[str]


@record
class Taken:
    """A row that can be verified. size: bytes of its line."""

    row: ImportRow
    size: int

    @property
    def line(self) -> int:
        return self.row.line


@record
class Refused:
    """A line that is refused before anything is asked. Nothing that it says quotes a secret of the line.

    sent  the row, where it can be imported again after a correction: it may have secrets. size: bytes of its line
    """

    line: int
    class_: str
    reason: str
    remedy: str | None
    provider: str | None = None
    key: str | None = None
    sent: dict[str, Any] | None = field(default=None, repr=False)
    size: int = 0


@record
class Exported:
    """A line of an export of an installation."""

    line: int
    members: dict[str, Any]
    size: int


Item = Taken | Refused | Exported


class Rows:
    """The rows of one input, fed with its bytes. Close it: it has a temporary file.

    exports  whether lines of an export are accepted
    Its methods raise InvalidPayload and InvalidRequest where the input as a whole cannot be used.
    """

    def __init__(self, form: RowForm, map_: RowMap | None, format_: Format | None, *, exports: bool) -> None:
        self._reader = Reader(format_)
        self._form = form
        self._map = map_
        self._exports = exports
        self._checked = False
        self._seen = Seen()
        self.line = 0

    @property
    def cut_off(self) -> CutOff | None:
        """After the end: why the input ends too early."""
        return self._reader.cut_off

    def close(self) -> None:
        self._seen.close()

    def feed(self, data: bytes) -> Iterator[Item]:
        return self._items(self._reader.feed(data))

    def end(self, cut: CutOff | None = None) -> Iterator[Item]:
        """cut: the input should have gone on. Raises InvalidPayload if there was no row at all."""
        yield from self._items(self._reader.end(cut))
        if self.line == 0:
            raise InvalidPayload("The input has no rows.")

    def _items(self, reads: Iterable[Read]) -> Iterator[Item]:
        """In order of their lines."""
        together: list[Item] = []
        for read in reads:
            together.append(self._item(read))
            if len(together) == TOGETHER:
                yield from self._compared(together)
                together = []
        yield from self._compared(together)

    def _compared(self, items: list[Item]) -> Iterator[Item]:
        repeats = self._seen.repeats([item.row for item in items if isinstance(item, Taken)])
        if not repeats:
            yield from items
            return
        for item in items:
            repeat = repeats.get(item.row.line) if isinstance(item, Taken) else None
            if repeat is None:
                yield item
            else:
                assert isinstance(item, Taken)
                yield _repeated(item.row, *repeat)

    def _item(self, read: Read) -> Item:
        self.line = read.line
        if isinstance(read, Unread):
            return Refused(read.line, "unreadable", read.reason, read.remedy)
        members = read.members
        if self._exports and "opengrant" in members and "kind" in members:
            return Exported(read.line, members, read.size)
        columns = self._reader.columns
        if columns is not None and self._map is None and not self._checked:
            check_columns(columns, self._form.settings)
            self._checked = True
        sent = members
        try:
            if self._map is not None:
                sent = self._map.apply(members)
            elif columns is not None:
                sent = nested(members)
            return Taken(self._form.parse(sent, read.line), read.size)
        except OpenGrantError as problem:
            return Refused(read.line, "bad_request", problem.message, _CORRECT, *_named(sent), sent, read.size)


def _named(sent: dict[str, Any]) -> tuple[str | None, str | None]:
    """Provider and id, where they are what they should be."""
    provider, key = sent.get("provider"), sent.get("id")
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key)
    known = provider if isinstance(provider, str) and provider in _PROVIDERS else None
    return known, key if isinstance(key, str) and len(key) <= _LONGEST_KEY and key.isprintable() else None


def _repeated(row: ImportRow, what: str, first: int) -> Refused:
    reason = f"The row has the same {what} as line {first}."
    remedy = "Only the first is imported. Remove the others, or import them from a file of their own."
    return Refused(row.line, "duplicate", reason, remedy, row.ask.provider.value, row.key)
