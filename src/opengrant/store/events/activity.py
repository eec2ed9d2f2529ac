"""Counts per hour of grants that were proven, renewed or refused: statistics, not the audit trail."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from opengrant.model import Micros
from opengrant.store.engine.port import Statement, Steps


class Slot(NamedTuple):
    """The key of a count. began_at: of the hour."""

    application_id: str
    began_at: Micros
    provider: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Tally:
    """The count of an outcome in an hour, of all providers."""

    began_at: Micros
    outcome: str
    times: int


def add(counts: Mapping[Slot, int]) -> Steps[None]:
    """Add to the stored counts."""
    # In a fixed order, so that two nodes cannot deadlock.
    for slot, times in sorted(counts.items()):
        yield Statement(
            """insert into activity (application_id, began_at, provider, outcome, times) values ($1, $2, $3, $4, $5)
               on conflict (application_id, began_at, provider, outcome)
               do update set times = activity.times + excluded.times""",
            (*slot, times),
        )


def since(application_id: str, *, at: Micros) -> Steps[list[Tally]]:
    """Counts of the hours that began at that time or later, in no order."""
    rows = yield Statement(
        """select began_at, outcome, cast(sum(times) as bigint) from activity
           where application_id = $1 and began_at >= $2 group by began_at, outcome""",
        (application_id, at),
    )
    return [Tally(*row) for row in rows]


def forget_before(application_id: str, *, cutoff: Micros) -> Steps[None]:
    yield Statement("delete from activity where application_id = $1 and began_at < $2", (application_id, cutoff))
