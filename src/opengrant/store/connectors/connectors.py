"""Connectors: one per provider and application. Client secrets are sealed rows of their credentials."""

from opengrant.model import Connector, ProviderName, Sealed
from opengrant.model.basics import record
from opengrant.store.engine.columns import PROVIDER, Columns
from opengrant.store.engine.json_columns import LIST, OBJECT
from opengrant.store.engine.port import Dialect, Row, Statement, Steps

COLUMNS = Columns(
    Connector,
    (
        *("id", "application_id", "provider", "name", "settings", "scope", "active_credential_id"),
        *("created_at", "updated_at"),
    ),
    provider=PROVIDER,
    settings=OBJECT,
    scope=LIST,
)
read = COLUMNS.read
_REPLACED = COLUMNS.writer(("application_id", "id", "settings", "scope", "active_credential_id", "name", "updated_at"))

_WITH_CLIENT = f"select {COLUMNS.of('c')}, r.id, r.type, s.key_id, s.sealed"
_FROM = """
    from connectors c
    left join credentials r
      on r.application_id = c.application_id and r.connector_id = c.id and r.id = coalesce($3, c.active_credential_id)
    left join secrets s
      on s.application_id = c.application_id and s.owner_kind = 'credential' and s.owner_id = r.id
     and s.purpose = 'client'
    where c.application_id = $1 and c.provider = $2
"""
FIND_WITH_CLIENT = f"{_WITH_CLIENT} {_FROM}"
_PG_FIND_TO_ASK = f"{_WITH_CLIENT}, nextval('asked') {_FROM}"
_NEXT_NUMBER = {
    Dialect.SQLITE: "update numbers set last = last + 1 where name = 'asked' returning last",
    Dialect.POSTGRES: "select nextval('asked')",
}


@record
class WithClient:
    """A connector and its credential; None for a provider without credentials, or if the credential does not exist.

    asked  number of the verification that begins with this look-up
    """

    connector: Connector
    credential_id: str | None
    credential_type: str | None
    client: Sealed | None
    asked: int = 0


def find_with_client(
    application_id: str, provider: ProviderName, *, credential_id: str | None = None
) -> Steps[WithClient | None]:
    """A connector with the sealed client of the named credential, or of its active one."""
    rows = yield Statement(FIND_WITH_CLIENT, (application_id, provider, credential_id))
    if not rows:
        return None
    return _with_client(rows[0])


def find_to_ask(
    application_id: str, provider: ProviderName, *, credential_id: str | None = None, dialect: Dialect
) -> Steps[WithClient | None]:
    """As `find_with_client`, with the number of a verification that begins. Writes.

    Numbers rise with every verification, on any node and independent of its clock.
    """
    args = (application_id, provider, credential_id)
    if dialect is Dialect.POSTGRES:
        rows = yield Statement(_PG_FIND_TO_ASK, args, last=True)
        if not rows:
            return None
        *row, asked = rows[0]
        return _with_client(row, asked)
    asked = yield from next_number(dialect)
    rows = yield Statement(FIND_WITH_CLIENT, args)
    return _with_client(rows[0], asked) if rows else None


def next_number(dialect: Dialect) -> Steps[int]:
    """Only the number, for a verification that had to wait after its look-up. Writes."""
    rows = yield Statement(_NEXT_NUMBER[dialect])
    return int(rows[0][0])


def _with_client(row: Row, asked: int = 0) -> WithClient:
    *connector, id_, type_, key_id, sealed = row
    return WithClient(read(connector), id_, type_, None if sealed is None else Sealed(key_id, bytes(sealed)), asked)


def find(application_id: str, provider: ProviderName) -> Steps[Connector | None]:
    rows = yield Statement(
        f"select {COLUMNS} from connectors where application_id = $1 and provider = $2", (application_id, provider)
    )
    return read(rows[0]) if rows else None


def hold(application_id: str, provider: ProviderName) -> Steps[Connector | None]:
    """As `find`, and lock the connector and its credentials until this transaction ends.

    Every script that reads one of them and then writes begins here, so that two scripts cannot deadlock.
    """
    # An update without a change locks the row on PostgreSQL; SQLite has one writer at a time.
    rows = yield Statement(
        f"""update connectors set updated_at = updated_at where application_id = $1 and provider = $2
            returning {COLUMNS}""",
        (application_id, provider),
    )
    return read(rows[0]) if rows else None


def page(application_id: str, *, limit: int, offset: int) -> Steps[list[Connector]]:
    """In order of creation."""
    rows = yield Statement(
        f"select {COLUMNS} from connectors where application_id = $1 order by created_at, id limit $2 offset $3",
        (application_id, limit, offset),
    )
    return [read(row) for row in rows]


def add(connector: Connector) -> Steps[bool]:
    """False if the application has a connector of that provider already."""
    rows = yield Statement(
        f"""insert into connectors ({COLUMNS}) values ({COLUMNS.places})
            on conflict (application_id, provider) do nothing returning id""",
        COLUMNS.write(connector),
    )
    return bool(rows)


def replace(connector: Connector) -> Steps[None]:
    """Write the mutable columns of a connector that `hold` has locked."""
    yield Statement(
        """update connectors set settings = $3, scope = $4, active_credential_id = $5, name = $6, updated_at = $7
           where application_id = $1 and id = $2""",
        _REPLACED(connector),
    )


def delete(application_id: str, provider: ProviderName) -> Steps[Connector | None]:
    rows = yield Statement(
        f"delete from connectors where application_id = $1 and provider = $2 returning {COLUMNS}",
        (application_id, provider),
    )
    return read(rows[0]) if rows else None
