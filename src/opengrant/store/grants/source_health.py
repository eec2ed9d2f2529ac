"""Which grants a source is to blame for: `Grant.blames` as SQL, spelled as the index that serves it.

SQLite uses an index on an expression only for exactly this expression.
"""

from opengrant.model import Micros
from opengrant.store.engine.port import Dialect, Statement, Steps
from opengrant.store.grants import circuit_breakers
from opengrant.store.grants.circuit_breakers import CircuitBreaker

# SQLite lets no function that reads JSON into a schema that it does not trust. What follows the name of a member is
# found in the JSON as store/engine/json_columns.py spells it; within a text of it the quotes would be escaped.
_FROM_IMAP, _FROM_EWS = (
    f"""substr(settings, instr(settings, '"{name}":"') + {len(name) + 4})""" for name in ("imap_host", "ews_host")
)
HOST = {
    Dialect.SQLITE: (
        f"""case when instr(settings, '"imap_host":"') > 0 then substr({_FROM_IMAP}, 1, instr({_FROM_IMAP}, '"') - 1)"""
        f""" when instr(settings, '"ews_host":"') > 0 then substr({_FROM_EWS}, 1, instr({_FROM_EWS}, '"') - 1) end"""
    ),
    Dialect.POSTGRES: "coalesce(settings::json ->> 'imap_host', settings::json ->> 'ews_host')",
}
"""The mail host of a grant; null where it has none of its own."""
SOURCE = {
    dialect: f"(coalesce(credential_id, connector_id) || coalesce('/' || {host}, ''))" for dialect, host in HOST.items()
}
"""As `Grant.blames`."""

_NOT_ASKED = "(degraded_at is not null or paused_until > {at})"
MOST = 1000
"""Sources that are looked up at once; an application with so many degraded ones has other worries."""


def blamed(application_id: str, *, at: Micros) -> Steps[list[CircuitBreaker]]:
    """Sources that only a probe may ask just now: degraded, or in a pause that the provider asked for."""
    rows = yield Statement(
        f"""select {circuit_breakers.COLUMNS} from brakes where application_id = $1 and {_NOT_ASKED.format(at="$2")}
            order by source limit {MOST}""",
        (application_id, at),
    )
    return [circuit_breakers.read(row) for row in rows]


def count_untroubled(application_id: str, source: str, dialect: Dialect) -> Steps[int]:
    """How many valid grants of a source have no trouble of their own."""
    # Both are counted within their indexes; `|| ''` keeps the second to the few grants in trouble.
    rows = yield Statement(
        f"""select (select count(*) from grants
                    where application_id = $1 and {SOURCE[dialect]} = $2 and status = 'valid')
                 - (select count(*) from grants
                    where application_id = $1 and status = 'valid' and trouble is not null
                      and {SOURCE[dialect]} || '' = $2)""",
        (application_id, source),
    )
    return int(rows[0][0])
