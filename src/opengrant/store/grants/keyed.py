"""A grant with the API key of the request that names it, as one statement."""

from opengrant.model import Grant, Micros
from opengrant.store.access import api_keys
from opengrant.store.access.api_keys import LiveKey
from opengrant.store.engine.port import Statement, Steps
from opengrant.store.grants import grants

_OF_GRANT = slice(api_keys.LIVE_WIDTH, None)
FIND = f"""
    select {api_keys.LIVE_COLUMNS}, {grants.COLUMNS.of("g")}
    from {api_keys.LIVE} left join grants g on g.application_id = k.application_id and g.id = $3
    where {api_keys.IS_LIVE}
"""


def find(digest: bytes, grant_id: str, *, now: Micros) -> Steps[tuple[LiveKey | None, Grant | None]]:
    """The live key of that digest, and the grant of that id in the key's application."""
    rows = yield Statement(FIND, (digest, now, grant_id))
    if not rows:
        return None, None
    row = rows[0][_OF_GRANT]
    return api_keys.read_live(rows[0]), None if row[0] is None else grants.read(row)
