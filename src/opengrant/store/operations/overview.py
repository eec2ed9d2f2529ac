"""How an application is doing, in counts that indexes answer: nothing here reads all of its grants."""

from dataclasses import dataclass

from opengrant.model import Micros
from opengrant.store.engine.port import Dialect, Statement, Steps
from opengrant.store.grants.source_health import HOST

MOST = 1000
"""Deliveries, and overdue grants of all applications, are counted no further."""

# The index by connector and status is walked once; the provider of each connector, which may be gone, is asked for
# once a group, in the order of the index: PostgreSQL would look for the first in the table.
_STATUSES = """
    select (select g.provider from grants g where g.application_id = $1 and g.connector_id = c.connector_id
            order by g.status limit 1),
           c.status, c.grants
    from (select connector_id, status, count(*) as grants from grants where application_id = $1
          group by connector_id, status) c
"""
# The flags are looked for in the JSON as store/engine/json_columns.py spells it; within a text of it they would be
# escaped. Grouped by an expression: for the column's sake, SQLite would walk over all grants in the order of their
# providers.
_TROUBLES = """
    select provider || '', count(*), sum(case when trouble like '%"held":true%' then 1 else 0 end),
           sum(case when trouble like '%"suspected":true%' then 1 else 0 end)
    from grants where application_id = $1 and status = 'valid' and trouble is not null group by 1
"""
_TOKENS = """
    select sum(case when token_expires_at <= $3 then 1 else 0 end), count(*) from grants
    where application_id = $1 and status = 'valid' and token_expires_at > $2 and token_expires_at <= $4
"""
# Asked of each source from the index, as store/grants/refreshing.py does, and by each process every few seconds: so
# it is counted only so far. Sources that may not be asked now are left out: there, waiting is what grants should do.
# `cross join`: SQLite keeps that order, and would else walk over all grants.
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
_ATTENTION = f"""
    select count(*) from (select 1 from grants where attention_at is not null and trouble is not null
                          and status = 'valid' limit {MOST}) a
"""
_DEPENDENTS = """
    select count(*) from grants g
    where g.application_id = $1 and coalesce(g.credential_id, g.connector_id) = $2 and g.due_at is not null
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
    """Grants of one provider. troubled: of the valid ones. held, suspected: of those."""

    valid: int = 0
    invalid: int = 0
    troubled: int = 0
    held: int = 0
    suspected: int = 0


@dataclass(frozen=True, slots=True)
class Backlog:
    """Deliveries of one destination, counted up to MOST."""

    pending: int
    failed: int
    oldest_pending_at: Micros | None


def health(application_id: str) -> Steps[dict[str, Health]]:
    """By provider; those without grants are not there."""
    found: dict[str, Health] = {}
    for provider, status, grants in (yield Statement(_STATUSES, (application_id,))):
        # The last grant of a connector may have gone between the two looks.
        if provider is not None:
            of = found.setdefault(provider, Health())
            of.valid += grants if status == "valid" else 0
            of.invalid += grants if status == "invalid" else 0
    for provider, troubled, held, suspected in (yield Statement(_TROUBLES, (application_id,))):
        of = found.setdefault(provider, Health())
        of.troubled, of.held, of.suspected = troubled, held, suspected
    return found


def tokens_ending(application_id: str, *, after: Micros, soon: Micros, later: Micros) -> Steps[tuple[int, int]]:
    """How many tokens of valid grants end until `soon`, and until `later`."""
    rows = yield Statement(_TOKENS, (application_id, after, soon, later))
    return rows[0][0] or 0, rows[0][1]


def due_before(application_id: str, *, at: Micros) -> Steps[int]:
    """How many grants should have been looked after by then."""
    rows = yield Statement(
        "select count(*) from grants where application_id = $1 and due_at <= $2", (application_id, at)
    )
    return int(rows[0][0])


def overdue(*, at: Micros) -> Steps[int]:
    """How many grants of all applications should have been looked after by then, counted up to MOST."""
    rows = yield Statement(_OVERDUE, (at,))
    return int(rows[0][0])


def needing_attention() -> Steps[int]:
    """How many grants of all applications a person has to look at, counted up to MOST."""
    rows = yield Statement(_ATTENTION)
    return int(rows[0][0])


def degraded() -> Steps[int]:
    """How many connectors, credentials and mail hosts of all applications are held to blame."""
    rows = yield Statement("select count(*) from brakes where degraded_at is not null")
    return int(rows[0][0])


def dependents(application_id: str, source: str) -> Steps[int]:
    """How many grants are kept alive by a credential, or belong to a connector and have passwords of their own."""
    rows = yield Statement(_DEPENDENTS, (application_id, source))
    return int(rows[0][0])


def dependents_by_host(application_id: str, source: str, dialect: Dialect) -> Steps[dict[str | None, int]]:
    """The same by mail host. Reads each of them: for a source with a host that is in trouble."""
    sql = _DEPENDENTS.replace("count(*)", f"{HOST[dialect]}, count(*)") + " group by 1"
    return {host: int(count) for host, count in (yield Statement(sql, (application_id, source)))}


def source(application_id: str, id_: str) -> Steps[tuple[str, str, str | None] | None]:
    """(provider, connector, credential) of what a source is called by; None when it is gone."""
    rows = yield Statement(
        """select provider, connector_id, id from credentials where application_id = $1 and id = $2
           union all select provider, id, null from connectors where application_id = $1 and id = $2""",
        (application_id, id_),
    )
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def backlog(application_id: str, webhook_id: str) -> Steps[Backlog]:
    rows = yield Statement(_OF_WEBHOOK, (application_id, webhook_id))
    return Backlog(*rows[0])
