"""The health of an application, as counts from indexes: no query reads all of its grants."""

from dataclasses import dataclass

from opengrant.model import Micros
from opengrant.store.engine.port import Dialect, Statement, Steps
from opengrant.store.grants.source_health import HOST

MOST = 1000
"""Limit of the counts of deliveries and of overdue grants."""

# One scan of the index by connector and status. The provider of a connector, which may be gone, is read once a group,
# in the order of the index; otherwise PostgreSQL reads the table.
_STATUSES = """
    select (select g.provider from grants g where g.application_id = $1 and g.connector_id = c.connector_id
            order by g.status limit 1),
           c.status, c.grants
    from (select connector_id, status, count(*) as grants from grants where application_id = $1
          group by connector_id, status) c
"""
# The patterns match the JSON as store/engine/json_columns.py writes it; inside a JSON string the quotes would be
# escaped. Grouped by an expression: for the column itself, SQLite would read all grants in the order of providers.
_TROUBLES = """
    select provider || '', count(*), sum(case when trouble like '%"held":true%' then 1 else 0 end),
           sum(case when trouble like '%"suspected":true%' then 1 else 0 end)
    from grants where application_id = $1 and status = 'valid' and trouble is not null group by 1
"""
_TOKENS = """
    select sum(case when token_expires_at <= $3 then 1 else 0 end), count(*) from grants
    where application_id = $1 and status = 'valid' and token_expires_at > $2 and token_expires_at <= $4
"""
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
    for provider, status, grants in (yield Statement(_STATUSES, (application_id,))):
        # The last grant of a connector may be deleted between the two queries.
        if provider is not None:
            of = found.setdefault(provider, Health())
            of.valid += grants if status == "valid" else 0
            of.invalid += grants if status == "invalid" else 0
    for provider, troubled, held, suspected in (yield Statement(_TROUBLES, (application_id,))):
        of = found.setdefault(provider, Health())
        of.troubled, of.held, of.suspected = troubled, held, suspected
    return found


def tokens_ending(application_id: str, *, after: Micros, soon: Micros, later: Micros) -> Steps[tuple[int, int]]:
    """Numbers of tokens of valid grants that end until `soon`, and until `later`."""
    rows = yield Statement(_TOKENS, (application_id, after, soon, later))
    return rows[0][0] or 0, rows[0][1]


def due_before(application_id: str, *, at: Micros) -> Steps[int]:
    """Number of grants that were due by then."""
    rows = yield Statement(
        "select count(*) from grants where application_id = $1 and due_at <= $2", (application_id, at)
    )
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


def dependents(application_id: str, source: str) -> Steps[int]:
    """Number of grants that depend on a credential, or belong to a connector and have their own passwords."""
    rows = yield Statement(_DEPENDENTS, (application_id, source))
    return int(rows[0][0])


def dependents_by_host(application_id: str, source: str, dialect: Dialect) -> Steps[dict[str | None, int]]:
    """The same by mail host. Reads each grant: use it only for a source with a host in trouble."""
    sql = _DEPENDENTS.replace("count(*)", f"{HOST[dialect]}, count(*)") + " group by 1"
    return {host: int(count) for host, count in (yield Statement(sql, (application_id, source)))}


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
