"""Handing out a stored access token: its entry in the audit trail and its sealed secret, in one transaction."""

from typing import NamedTuple

from opengrant.model import AGREE, Micros, Sealed
from opengrant.store.engine.json_columns import get_list
from opengrant.store.engine.port import Dialect, Steps
from opengrant.store.engine.writes import Head, together
from opengrant.store.events import events
from opengrant.store.events.events import Event

# A token of a grant that needs more than this is none of this file's: it is blocked, invalid, to be renewed, or its
# use is to be noted.
_HELD = """
    select s.key_id, s.sealed, g.token_expires_at, g.scope
    from grants g
    join secrets s
      on s.application_id = g.application_id and s.owner_kind = 'grant' and s.owner_id = g.id and s.purpose = 'live'
    where g.application_id = $1 and g.id = $2 and g.status = 'valid' and g.blocked = 0 and g.token_expires_at >= $3
      and coalesce(g.proven_at, 0) <= $4 and coalesce(g.used_at, 0) >= $5
"""
_READ = Head(_HELD, f"g as ({_HELD})", "key_id, sealed, token_expires_at, scope")


class StoredToken(NamedTuple):
    """A grant's secret, which has the token, and the token's end and scopes."""

    sealed: Sealed
    expires_at: Micros
    scope: tuple[str, ...]


def read(
    application_id: str, grant_id: str, entry: Event, *, at: Micros, until: Micros, used_since: Micros, dialect: Dialect
) -> Steps[StoredToken | None]:
    """Add the entry and return the secret, if the grant can be used now and nothing else has to be done for it.

    entry       of the audit trail
    until       the token must not end before
    used_since  the grant's last use is not noted anew if it is as late as this
    None, with no entry, for every other grant: also one that is proven later than now, by a clock that was set back.
    """
    args = (application_id, grant_id, until, at + AGREE, used_since)
    rows = yield from together(_READ, args, events.add_arms(entry), dialect)
    if not rows:
        return None
    key_id, data, expires_at, scope = rows[0]
    return StoredToken(Sealed(key_id, bytes(data)), expires_at, get_list(scope))
