"""Paces: how many requests per second are sent to a source, and to a provider, by all nodes together.

A budget is a time: up to when it is spent. It may be ahead of now by one second, so that much may be sent at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from opengrant.model import Micros, ProviderName
from opengrant.store.engine.port import Statement, Steps

_AT_ONCE: Micros = 1_000_000
"""The part of a budget that may be spent at once: one second."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests per second."""

    source: float
    provider: float


class Pace(NamedTuple):
    """A budget, locked. left: how many requests it has now."""

    application_id: str
    name: str
    rate: float
    spent_until: Micros
    left: int


def hold(
    application_id: str,
    source: str,
    provider: ProviderName,
    *,
    rates: Rates,
    at: Micros,
    reserve: float = 0,
) -> Steps[Sequence[Pace]]:
    """The budgets of a source and its provider, locked until the transaction ends.

    source   the id of a credential or a connector
    reserve  the part of each budget that is left for others
    """
    found = []
    for of, name, rate in ((application_id, f"source {source}", rates.source), ("", provider.value, rates.provider)):
        spent_until = yield from _lock(of, name, at=at)
        # A value outside these bounds was written before the clock was set back.
        if not at < spent_until <= at + _AT_ONCE + int(1_000_000 / rate):
            spent_until = at
        usable = at + int(_AT_ONCE * (1 - reserve))
        # Below one request a second: one, as soon as the budget is refilled.
        left = max(int((usable - spent_until) * rate / 1_000_000), int(spent_until <= at))
        found.append(Pace(of, name, rate, spent_until, left))
    return found


def spend(paces: Sequence[Pace], requests: int) -> Steps[None]:
    for pace in paces:
        yield Statement(
            "update paces set spent_until = $3 where application_id = $1 and name = $2",
            (pace.application_id, pace.name, pace.spent_until + int(requests * 1_000_000 / pace.rate)),
        )


def take(
    application_id: str,
    source: str,
    provider: ProviderName,
    *,
    rates: Rates,
    at: Micros,
    limit: int,
    reserve: float,
) -> Steps[int]:
    """Spend up to `limit` requests of both budgets. Returns how many."""
    paces = yield from hold(application_id, source, provider, rates=rates, at=at, reserve=reserve)
    taken = min(limit, *(pace.left for pace in paces))
    if taken > 0:
        yield from spend(paces, taken)
    return max(0, taken)


def _lock(application_id: str, name: str, *, at: Micros) -> Steps[Micros]:
    rows = yield Statement(
        """insert into paces (application_id, name, spent_until) values ($1, $2, $3)
           on conflict (application_id, name) do update set spent_until = paces.spent_until returning spent_until""",
        (application_id, name, at),
    )
    return int(rows[0][0])
