"""The health of an application, from kept counts and from counts with a limit: no query reads all of its grants."""

from dataclasses import dataclass

from opengrant.model import Micros
from opengrant.store.engine.port import Statement, Steps

MOST = 1000
"""Limit of the counts of deliveries, and of overdue grants of all applications."""
MOST_SOON = 10_000
"""Limit of the counts of tokens that end soon, and of overdue grants of an application."""

_HEALTH = """
    select provider, state, cast(sum(grants) as bigint) from grant_numbers
    where application_id = $1 group by provider, state having sum(grants) <> 0
"""
_GRANTS = """
    select provider, state, cast(sum(grants) as bigint) from grant_numbers
    group by provider, state having sum(grants) <> 0
"""
# In the order of the index: otherwise PostgreSQL may read the table.
_ENDING = f"""
    (select count(*) from (select 1 from grants
        where application_id = $1 and status = 'valid' and token_expires_at > $2 and token_expires_at <= {{}}
        order by token_expires_at limit {MOST_SOON}) t)
"""
_TOKENS = f"select {_ENDING.format('$3')}, {_ENDING.format('$4')}"
# A look-up in the index for each source, as in store/grants/refreshing.py. Each process runs it every few seconds, so
# the count has a limit. Sources that may not be called now are left out: their grants wait on purpose.
# `cross join`: SQLite keeps this order; otherwise it reads all grants.
_OVERDUE = f"""
    select count(*) from (
        select 1 from (select application_id, id as source from connectors
                       union all select application_id, id from credentials) s
        left join brakes b on b.application_id = s.application_id and b.source = s.source
        cross join grants g
        where g.application_id = s.application_id and coalesce(g.credential_id, g.connector_id) = s.source || ''
          and g.due_at <= $1
          and b.degraded_at is null and (b.paused_until is null or b.paused_until <= $1)
        limit {MOST}) o
"""
# The same look-ups for one application, with all its sources.
_DUE = f"""
    select count(*) from (
        select 1 from (select id as source from connectors where application_id = $1
                       union all select id from credentials where application_id = $1) s
        cross join grants g
        where g.application_id = $1 and coalesce(g.credential_id, g.connector_id) = s.source || '' and g.due_at <= $2
        limit {MOST_SOON}) o
"""
_ATTENTION = f"""
    select count(*) from (select 1 from grants where attention_at is not null and trouble is not null
                          and status = 'valid' limit {MOST}) a
"""
_OF_WEBHOOK = f"""
    select (select count(*) from (select 1 from deliveries where application_id = $1 and webhook_id = $2
                                  and state = 'pending' limit {MOST}) p),
           (select count(*) from (select 1 from deliveries where application_id = $1 and webhook_id = $2
                                  and state = 'failed' limit {MOST}) f),
           (select created_at from deliveries where application_id = $1 and webhook_id = $2
            and state = 'pending' order by seq limit 1)
"""


@dataclass(slots=True)
class Health:
    """Numbers of grants of one provider. troubled: of the valid ones. held, suspected: of the troubled ones."""

    valid: int = 0
    invalid: int = 0
    troubled: int = 0
    held: int = 0
    suspected: int = 0


@dataclass(frozen=True, slots=True)
class Backlog:
    """Numbers of deliveries of one destination, up to MOST."""

    pending: int
    failed: int
    oldest_pending_at: Micros | None


def health(application_id: str) -> Steps[dict[str, Health]]:
    """By provider, without providers that have no grants."""
    found: dict[str, Health] = {}
    for provider, state, grants in (yield Statement(_HEALTH, (application_id,))):
        of, facts = found.setdefault(provider, Health()), state.split()
        if facts == ["invalid"]:
            of.invalid += grants
            continue
        of.valid += grants
        of.troubled += grants if "troubled" in facts else 0
        of.held += grants if "held" in facts else 0
        of.suspected += grants if "suspected" in facts else 0
    return found


def grants() -> Steps[dict[tuple[str, str], int]]:
    """Numbers of grants of all applications by provider and state: valid, troubled, held, or invalid."""
    found: dict[tuple[str, str], int] = {}
    for provider, state, number in (yield Statement(_GRANTS)):
        words = state.split()
        named = (provider, next((word for word in ("invalid", "held", "troubled") if word in words), "valid"))
        found[named] = found.get(named, 0) + number
    return found


def tokens_ending(application_id: str, *, after: Micros, soon: Micros, later: Micros) -> Steps[tuple[int, int]]:
    """Numbers of tokens of valid grants that end until `soon`, and until `later`, up to MOST_SOON each."""
    rows = yield Statement(_TOKENS, (application_id, after, soon, later))
    return rows[0][0], rows[0][1]


def due_before(application_id: str, *, at: Micros) -> Steps[int]:
    """Number of grants that were due by then, up to MOST_SOON."""
    rows = yield Statement(_DUE, (application_id, at))
    return int(rows[0][0])


def overdue(*, at: Micros) -> Steps[int]:
    """Number of grants of all applications that were due by then, up to MOST."""
    rows = yield Statement(_OVERDUE, (at,))
    return int(rows[0][0])


def needing_attention() -> Steps[int]:
    """Number of grants of all applications that need an operator, up to MOST."""
    rows = yield Statement(_ATTENTION)
    return int(rows[0][0])


def degraded() -> Steps[int]:
    """Number of degraded connectors, credentials and mail hosts of all applications."""
    rows = yield Statement("select count(*) from brakes where degraded_at is not null")
    return int(rows[0][0])


def source(application_id: str, id_: str) -> Steps[tuple[str, str, str | None] | None]:
    """(provider, connector, credential) of a source's id; None if it is gone."""
    rows = yield Statement(
        """select provider, connector_id, id from credentials where application_id = $1 and id = $2
           union all select provider, id, null from connectors where application_id = $1 and id = $2""",
        (application_id, id_),
    )
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def backlog(application_id: str, webhook_id: str) -> Steps[Backlog]:
    rows = yield Statement(_OF_WEBHOOK, (application_id, webhook_id))
    return Backlog(*rows[0])
