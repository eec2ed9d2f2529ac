"""Credentials of connectors: names and types. Their content is a sealed row (owner_kind credential)."""

from typing import Literal

from opengrant.model import Credential, Micros
from opengrant.store.engine.columns import FLAG, PROVIDER, Columns
from opengrant.store.engine.port import Statement, Steps

Order = Literal["created_at", "updated_at"]

COLUMNS = Columns(
    Credential,
    (
        *("id", "application_id", "connector_id", "provider", "name", "type", "is_primary"),
        *("created_at", "updated_at"),
    ),
    fields={"is_primary": "primary"},
    provider=PROVIDER,
    is_primary=FLAG,
)


def add(credential: Credential) -> Steps[None]:
    yield Statement(f"insert into credentials ({COLUMNS}) values ({COLUMNS.places})", COLUMNS.write(credential))


def of_connector(application_id: str, connector_id: str) -> Steps[list[Credential]]:
    rows = yield Statement(
        f"""select {COLUMNS} from credentials where application_id = $1 and connector_id = $2
            order by created_at, id""",
        (application_id, connector_id),
    )
    return [COLUMNS.read(row) for row in rows]


def find(application_id: str, connector_id: str, credential_id: str) -> Steps[Credential | None]:
    rows = yield Statement(
        f"select {COLUMNS} from credentials where application_id = $1 and connector_id = $2 and id = $3",
        (application_id, connector_id, credential_id),
    )
    return COLUMNS.read(rows[0]) if rows else None


def find_name(application_id: str, connector_id: str, name: str) -> Steps[Credential | None]:
    rows = yield Statement(
        f"select {COLUMNS} from credentials where application_id = $1 and connector_id = $2 and name = $3",
        (application_id, connector_id, name),
    )
    return COLUMNS.read(rows[0]) if rows else None


def page(
    application_id: str, connector_id: str, *, order: Order, descending: bool, limit: int, offset: int
) -> Steps[list[Credential]]:
    direction = "desc" if descending else "asc"
    rows = yield Statement(
        f"""select {COLUMNS} from credentials where application_id = $1 and connector_id = $2
            order by {order} {direction}, id {direction} limit $3 offset $4""",
        (application_id, connector_id, limit, offset),
    )
    return [COLUMNS.read(row) for row in rows]


def rename(application_id: str, credential_id: str, name: str, *, at: Micros) -> Steps[None]:
    yield Statement(
        "update credentials set name = $3, updated_at = $4 where application_id = $1 and id = $2",
        (application_id, credential_id, name, at),
    )


def delete(application_id: str, credential_id: str) -> Steps[None]:
    yield Statement("delete from credentials where application_id = $1 and id = $2", (application_id, credential_id))


def touch(application_id: str, credential_id: str, *, at: Micros) -> Steps[None]:
    """Record that the content has changed."""
    yield Statement(
        "update credentials set updated_at = $3 where application_id = $1 and id = $2",
        (application_id, credential_id, at),
    )


def delete_of_connector(application_id: str, connector_id: str) -> Steps[list[str]]:
    """Returns the deleted ids; the caller destroys their secrets in the same transaction."""
    rows = yield Statement(
        "delete from credentials where application_id = $1 and connector_id = $2 returning id",
        (application_id, connector_id),
    )
    return [id_ for (id_,) in rows]
