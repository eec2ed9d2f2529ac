"""Writes to several tables that happen together or not at all.

A head decides whether anything is written; arms follow it. PostgreSQL gets all of them as one statement, so that they
take one round trip: each arm is a CTE that runs if the head's CTE `g` has a row. SQLite gets a statement for each.
Each table's file makes the arms of its table, from one SQL text for both forms.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from opengrant.store.engine.port import Dialect, Row, Statement, Steps


@dataclass(frozen=True, slots=True, eq=False)
class Write:
    """One write in its two forms.

    alone  a statement of its own, with the parameters `$1`, `$2`, …
    arm    the same after `g`, with `{0}`, `{1}`, … for the parameters
    types  of the parameters: PostgreSQL takes an untyped parameter of a select list for text
    """

    alone: str
    arm: str
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The write that decides.

    sqlite    a statement that returns a row if it wrote
    postgres  its CTEs; the one named `g` returns the same columns
    columns   what both return
    """

    sqlite: str
    postgres: str
    columns: str


class Arm(NamedTuple):
    """A write with its values. needed: the write is left out on SQLite if this query finds no row."""

    write: Write
    args: tuple[object, ...]
    needed: Statement | None = None

    @property
    def alone(self) -> Statement:
        return Statement(self.write.alone, self.args)


def write(sql: str, types: Sequence[str], *, after: str) -> Write:
    """A write from one text with `{0}`, `{1}`, … for parameters, and `{after}` where the arm names `g`.

    after  what stands in that place in an arm: " using g" of a delete, " from g" of an update
    """
    alone = sql.format(*(f"${n}" for n in range(1, len(types) + 1)), after="")
    return Write(alone, sql.format(*(f"{{{n}}}" for n in range(len(types))), after=after), tuple(types))


def insert(table: str, types: Mapping[str, str], *, conflict: str = "") -> Write:
    """An insert of one row. types: of each column, in the order of the arguments."""
    into = f"insert into {table} ({', '.join(types)})"
    places = ", ".join(f"${n}" for n in range(1, len(types) + 1))
    slots = ", ".join(f"{{{n}}}" for n in range(len(types)))
    return Write(f"{into} values ({places}) {conflict}", f"{into} select {slots} from g {conflict}", (*types.values(),))


def one_by_one(arms: Iterable[Arm]) -> Steps[None]:
    """Write arms whose head has written, each as a statement of its own."""
    for arm in arms:
        if arm.needed is None or (yield arm.needed):
            yield arm.alone


def together(
    head: Head, args: tuple[object, ...], arms: Sequence[Arm], dialect: Dialect, *, last: bool = True
) -> Steps[Sequence[Row]]:
    """Write the head, and the arms if it returned a row. Returns that row, or none.

    last  nothing follows in this script
    """
    if dialect is Dialect.SQLITE:
        rows = yield Statement(head.sqlite, args)
        if rows:
            yield from one_by_one(arms)
        return rows
    values = list(args)
    for arm in arms:
        values += arm.args
    sql = _one_statement(head, len(args), tuple([arm.write for arm in arms]))
    return (yield Statement(sql, tuple(values), last))


@lru_cache(maxsize=256)
def _one_statement(head: Head, taken: int, writes: tuple[Write, ...]) -> str:
    numbers = itertools.count(taken + 1)
    arms = [
        f"a{position} as ({one.arm.format(*(f'${next(numbers)}::{type_}' for type_ in one.types))})"
        for position, one in enumerate(writes)
    ]
    return f"with {', '.join([head.postgres, *arms])} select {head.columns} from g"
