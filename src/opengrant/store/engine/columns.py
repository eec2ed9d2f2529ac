"""The columns of a table: one list of names writes a row and reads it.

COLUMNS = Columns(Workspace, ("id", "name", "is_default", "rule_ids"), is_default=FLAG, rule_ids=LIST)

yield Statement(f"insert into workspaces ({COLUMNS}) values ({COLUMNS.places})", COLUMNS.write(workspace))
rows = yield Statement(f"select {COLUMNS} from workspaces")
return [COLUMNS.read(row) for row in rows]
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

from opengrant.model import ProviderName
from opengrant.store.engine.port import Row

T = TypeVar("T")


class Converter(NamedTuple):
    """How a field is stored. put: to the column's value. get: from it. None: unchanged."""

    put: Callable[..., object] | None = None
    get: Callable[..., object] | None = None


FLAG = Converter(int, bool)
BYTES = Converter(None, bytes)
PROVIDER = Converter(None, {name.value: name for name in ProviderName}.__getitem__)  # a call of the enum takes longer


class Columns(Generic[T]):
    """Columns in the order of the fields of `kind`. As text they are the list for a select or an insert.

    names    columns; one column a field, in the same order
    fields   field names by column, where the two differ
    width    how many there are
    places   `$1, $2, …` for an insert of all columns
    read     makes a `kind` from a row of exactly these columns
    write    the values of all columns, in order

    Raises TypeError when the columns and the fields of `kind` do not match.
    """

    def __init__(
        self,
        kind: Callable[..., T],
        names: Sequence[str],
        *,
        fields: Mapping[str, str] | None = None,
        **converters: Converter,
    ) -> None:
        self.names = tuple(names)
        self.width = len(self.names)
        self._fields = {name: (fields or {}).get(name, name) for name in names}
        self._converters = converters
        if tuple(self._fields.values()) != tuple(inspect.signature(kind).parameters) or not converters.keys() <= set(
            names
        ):
            raise TypeError(f"the columns do not match the fields of {kind}")
        self.places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
        self.read = _reader(kind, [(n, got.get) for n, name in enumerate(names) if (got := converters.get(name))])
        self.write = self.writer(self.names)

    def __str__(self) -> str:
        return ", ".join(self.names)

    def of(self, alias: str) -> str:
        """The list for a select from a table with that alias."""
        return ", ".join(f"{alias}.{name}" for name in self.names)

    def writer(self, names: Sequence[str]) -> Callable[[T], tuple[object, ...]]:
        """A function that returns the values of two or more of the columns, in this order."""
        values = attrgetter(*(self._fields[name] for name in names))
        puts = [(n, put) for n, name in enumerate(names) if (put := self._converters.get(name, Converter()).put)]

        def write(thing: T) -> tuple[object, ...]:
            row = list(values(thing))
            for place, put in puts:
                row[place] = put(row[place])
            return tuple(row)

        return write


def _reader(
    kind: Callable[..., T], converters: Sequence[tuple[int, Callable[..., object] | None]]
) -> Callable[[Row], T]:
    gets = [(place, get) for place, get in converters if get is not None]

    def read(row: Row) -> T:
        values = list(row)
        for place, get in gets:
            values[place] = get(values[place])
        return kind(*values)

    return read


def split(row: Row, *widths: int) -> list[Row]:
    """Cut the row of a join into the parts of its tables."""
    parts, start = [], 0
    for width in widths:
        parts.append(row[start : start + width])
        start += width
    return parts
