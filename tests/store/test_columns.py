"""store/engine/columns.py: one list of names writes a row and reads it."""

from dataclasses import dataclass

import pytest

from opengrant.model import Grant, ProviderName, Trouble
from opengrant.store.engine.columns import FLAG, Columns, split
from opengrant.store.grants import grants


@dataclass(frozen=True, slots=True)
class Thing:
    id: str
    primary: bool


THINGS = Columns(Thing, ("id", "is_primary"), fields={"is_primary": "primary"}, is_primary=FLAG)


def test_a_written_row_reads_as_what_was_written() -> None:
    trouble = Trouble("provider_down", "server_unavailable", "503", "Wait.", 1, 2)
    grant = Grant(
        *("g", "app", ProviderName.IMAP, "c", "m", "a@b.test", "valid", ("x", "y"), {"imap_host": "h"}, 1, 2, 3, 4),
        trouble=trouble,
        blocked=True,
        missing_scopes=("z",),
    )
    row = grants.COLUMNS.write(grant)
    assert grants.COLUMNS.read(row) == grant
    assert all(kind in (str, int, type(None)) or issubclass(kind, str) for kind in map(type, row))


def test_the_names_are_the_list_for_sql_and_places() -> None:
    assert f"{THINGS}" == "id, is_primary"
    assert THINGS.of("t") == "t.id, t.is_primary"
    assert (THINGS.places, THINGS.width) == ("$1, $2", 2)


def test_some_columns_are_written_in_the_order_asked_for() -> None:
    assert THINGS.writer(("is_primary", "id"))(Thing("one", primary=True)) == (1, "one")


def test_the_row_of_a_join_is_cut_into_the_parts_of_its_tables() -> None:
    thing, rest = split(["one", 1, "more", None], THINGS.width, 2)
    assert THINGS.read(thing) == Thing("one", primary=True)
    assert list(rest) == ["more", None]


@pytest.mark.parametrize("names", [("id",), ("primary", "id"), ("id", "is_primary"), ("id", "primary", "more")])
def test_columns_that_are_not_the_fields_in_their_order_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(TypeError, match="do not match"):
        Columns(Thing, names)


def test_a_converter_without_its_column_is_refused() -> None:
    with pytest.raises(TypeError, match="do not match"):
        Columns(Thing, ("id", "primary"), is_primary=FLAG)
