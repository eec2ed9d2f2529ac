"""Grants by their source of trouble: `Grant.blames` as SQL, with the expression of its index.

SQLite uses an index on an expression only for exactly that expression.
"""

from opengrant.model import Micros
from opengrant.store.engine.port import Dialect, Statement, Steps
from opengrant.store.grants import circuit_breakers
from opengrant.store.grants.circuit_breakers import CircuitBreaker

# SQLite allows no JSON function in an untrusted schema. So the SQL searches for the member's name as
# store/engine/json_columns.py writes it; inside a JSON string its quotes would be escaped.
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
"""The mail host of a grant; null if it has none."""
SOURCE = {
    dialect: f"(coalesce(credential_id, connector_id) || coalesce('/' || {host}, ''))" for dialect, host in HOST.items()
}
"""As `Grant.blames`."""

_NOT_ASKED = "(degraded_at is not null or paused_until > {at})"
MOST = 1000
"""Most sources of one query."""


def blamed(application_id: str, *, at: Micros) -> Steps[list[CircuitBreaker]]:
    """Sources that only a probe may call now: degraded, or paused by the provider's request."""
    rows = yield Statement(
        f"""select {circuit_breakers.COLUMNS} from brakes where application_id = $1 and {_NOT_ASKED.format(at="$2")}
            order by source limit {MOST}""",
        (application_id, at),
    )
    return [circuit_breakers.read(row) for row in rows]
