"""Kept counts of grants: triggers change them in the transaction of each write (docs/decisions/0018-grant-counts.md).

Queries read the views grant_numbers and host_numbers. On PostgreSQL these add the changes that are not folded yet, so a
query is exact at any time.
"""

from dataclasses import dataclass
from typing import Any

from opengrant.store.engine.port import Statement, Steps

FOLDED = 10_000
"""Most changes that one transaction folds."""

# In one order, so that two nodes cannot block each other. A row that another node folds at this time is left to it.
_FOLD = f"""
    with taken as (
        delete from grant_count_changes where ctid = any(array(
            select ctid from grant_count_changes limit {FOLDED} for update skip locked))
        returning application_id, source, provider, host, state, change),
    by_source as (
        insert into grant_counts (application_id, source, provider, hosted, state, grants)
        select application_id, source, provider, case when host is null then 0 else 1 end, state, sum(change)
        from taken group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5
        on conflict (application_id, source, provider, hosted, state)
        do update set grants = grant_counts.grants + excluded.grants),
    by_host as (
        insert into host_counts (application_id, source, host, state, grants)
        select application_id, source, host, state, sum(change)
        from taken where host is not null group by 1, 2, 3, 4 order by 1, 2, 3, 4
        on conflict (application_id, source, host, state)
        do update set grants = host_counts.grants + excluded.grants)
    select count(*) from taken
"""
# By creation, grants are read about in the order of the table; another index took a minute for a million on SQLite.
_DIFFERENCES = """
    select {keys}, cast(sum(grants) as bigint)
    from (select {keys}, count(*) as grants from counted_grants
          where application_id = $1 and created_at >= 0 and {only} group by {keys}
          union all select {keys}, -grants from {view} where application_id = $1) n
    group by {keys} having sum(grants) <> 0 order by {keys}
"""
_CORRECT = """
    insert into {table} (application_id, {keys}, grants) values ($1, {places})
    on conflict (application_id, {keys}) do update set grants = {table}.grants + excluded.grants
"""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A table of counts. only: condition on the grants that count in it."""

    table: str
    view: str
    keys: tuple[str, ...]
    only: str

    @property
    def differences(self) -> str:
        return _DIFFERENCES.format(keys=", ".join(self.keys), view=self.view, only=self.only)

    @property
    def correct(self) -> str:
        places = ", ".join(f"${n}" for n in range(2, len(self.keys) + 3))
        return _CORRECT.format(table=self.table, keys=", ".join(self.keys), places=places)


_KEPT = (
    _Kept("grant_counts", "grant_numbers", ("source", "provider", "hosted", "state"), "source is not null"),
    _Kept("host_counts", "host_numbers", ("source", "host", "state"), "host is not null"),
)


@dataclass(frozen=True, slots=True)
class Differences:
    """By table: the keys of each wrong count, and what to add to it."""

    found: tuple[tuple[tuple[Any, ...], ...], ...]

    def __len__(self) -> int:
        return sum(map(len, self.found))


def fold() -> Steps[int]:
    """Add up to FOLDED changes to the counts; return their number. For PostgreSQL: SQLite has no such changes."""
    rows = yield Statement(_FOLD, last=True)
    return int(rows[0][0])


def differences(application_id: str) -> Steps[Differences]:
    """Count all grants of an application and compare. Each table is compared at one moment."""
    found = []
    for kept in _KEPT:
        rows = yield Statement(kept.differences, (application_id,))
        found.append(tuple(map(tuple, rows)))
    return Differences(tuple(found))


def correct(application_id: str, differences: Differences) -> Steps[None]:
    """Add differences to the counts. What was written since they were found changed counts and grants alike."""
    for kept, rows in zip(_KEPT, differences.found, strict=True):
        for row in rows:
            yield Statement(kept.correct, (application_id, *row))


def sweep(application_id: str) -> Steps[None]:
    """Delete counts of nothing."""
    yield Statement("delete from grant_counts where application_id = $1 and grants = 0", (application_id,))
    yield Statement("delete from host_counts where application_id = $1 and grants = 0", (application_id,))


def of_source(application_id: str, source: str) -> Steps[int]:
    """Number of valid grants of a credential, or of a connector whose grants have their own passwords."""
    rows = yield Statement(
        """select cast(coalesce(sum(grants), 0) as bigint) from grant_numbers
           where application_id = $1 and source = $2 and state <> 'invalid'""",
        (application_id, source),
    )
    return int(rows[0][0])


def of_host(application_id: str, source: str, host: str) -> Steps[int]:
    """The same of one mail host."""
    rows = yield Statement(
        """select cast(coalesce(sum(grants), 0) as bigint) from host_numbers
           where application_id = $1 and source = $2 and host = $3 and state <> 'invalid'""",
        (application_id, source, host),
    )
    return int(rows[0][0])


def untroubled(application_id: str, blamed: str) -> Steps[int]:
    """Number of valid grants without a trouble of their own, of a source as in `Grant.blames`."""
    source, _, host = blamed.partition("/")
    sql, args = "grant_numbers where application_id = $1 and source = $2 and hosted = 0", [application_id, source]
    if host:
        sql = "host_numbers where application_id = $1 and source = $2 and host = $3"
        args.append(host)
    rows = yield Statement(
        f"select cast(coalesce(sum(grants), 0) as bigint) from {sql} and state = 'valid'", tuple(args)
    )
    return int(rows[0][0])
