"""How often grants were proven, renewed or refused, by the hour: statistics, not the trail."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from opengrant.model import Micros
from opengrant.store.engine.port import Statement, Steps


class Slot(NamedTuple):
    """What is counted together. `began_at`: of the hour."""

    application_id: str
    began_at: Micros
    provider: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How often something came out in an hour, all providers together."""

    began_at: Micros
    outcome: str
    times: int


def add(counts: Mapping[Slot, int]) -> Steps[None]:
    """On top of what this process and others have counted before."""
    # In one order, so that no two nodes wait for each other.
    for slot, times in sorted(counts.items()):
        yield Statement(
            """insert into activity (application_id, began_at, provider, outcome, times) values ($1, $2, $3, $4, $5)
               on conflict (application_id, began_at, provider, outcome)
               do update set times = activity.times + excluded.times""",
            (*slot, times),
        )


def since(application_id: str, *, at: Micros) -> Steps[list[Tally]]:
    """Of the hours that began then or later, in no order."""
    rows = yield Statement(
        """select began_at, outcome, cast(sum(times) as bigint) from activity
           where application_id = $1 and began_at >= $2 group by began_at, outcome""",
        (application_id, at),
    )
    return [Tally(*row) for row in rows]


def forget_before(application_id: str, *, cutoff: Micros) -> Steps[None]:
    yield Statement("delete from activity where application_id = $1 and began_at < $2", (application_id, cutoff))
