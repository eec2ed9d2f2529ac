"""What an export reads of an application: grants and credentials with their sealed secrets, in pages by primary key."""

from opengrant.model import Credential, Grant, Sealed
from opengrant.model.basics import record
from opengrant.store.connectors import credentials
from opengrant.store.engine.port import Row, Statement, Steps
from opengrant.store.grants import grants


@record
class StoredGrant:
    """A grant and its secret, read by one statement. live: None for a grant without one."""

    grant: Grant
    live: Sealed | None


@record
class StoredCredential:
    """A credential and what it holds. held: None if that is missing."""

    credential: Credential
    held: Sealed | None


_GRANTS = f"""
    select {grants.COLUMNS.of("g")}, s.key_id, s.sealed from grants g
    left join secrets s
      on s.application_id = g.application_id and s.owner_kind = 'grant' and s.owner_id = g.id and s.purpose = 'live'
    where g.application_id = $1 and g.id > $2 order by g.id limit $3
"""
_CREDENTIALS = f"""
    select {credentials.COLUMNS.of("c")}, s.key_id, s.sealed from credentials c
    left join secrets s
      on s.application_id = c.application_id and s.owner_kind = 'credential' and s.owner_id = c.id
     and s.purpose = 'client'
    where c.application_id = $1 and c.id > $2 and c.is_primary = $3 order by c.id limit $4
"""


def number(application_id: str) -> Steps[int]:
    """Of grants, as it is kept: counting a million would take a second."""
    rows = yield Statement(
        "select cast(coalesce(sum(grants), 0) as bigint) from grant_numbers where application_id = $1",
        (application_id,),
    )
    return int(rows[0][0])


def grants_after(application_id: str, after: str, *, limit: int) -> Steps[list[StoredGrant]]:
    """The next grants in order of their id. after: "" for the first page."""
    rows = yield Statement(_GRANTS, (application_id, after, limit))
    return [StoredGrant(grants.read(row[:-2]), _sealed(row)) for row in rows]


def credentials_after(application_id: str, after: str, *, primary: bool, limit: int) -> Steps[list[StoredCredential]]:
    """The next credentials in order of their id: those of the connectors' own clients, or the others."""
    rows = yield Statement(_CREDENTIALS, (application_id, after, int(primary), limit))
    return [StoredCredential(credentials.COLUMNS.read(row[:-2]), _sealed(row)) for row in rows]


def _sealed(row: Row) -> Sealed | None:
    key_id, sealed = row[-2:]
    return None if sealed is None else Sealed(key_id, bytes(sealed))
