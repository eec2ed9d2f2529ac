"""Credentials of connectors: names and types. What they hold is a sealed row (owner_kind credential)."""

from typing import Literal, cast

from opengrant.model import Credential, CredentialType, Micros, ProviderName
from opengrant.store.engine.port import Row, Statement, Steps

Order = Literal["created_at", "updated_at"]

COLUMNS = "id, application_id, connector_id, provider, name, type, is_primary, created_at, updated_at"


def add(credential: Credential) -> Steps[None]:
    yield Statement(
        f"insert into credentials ({COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        (
            credential.id,
            credential.application_id,
            credential.connector_id,
            credential.provider,
            credential.name,
            credential.type,
            int(credential.primary),
            credential.created_at,
            credential.updated_at,
        ),
    )


def of_connector(application_id: str, connector_id: str) -> Steps[list[Credential]]:
    rows = yield Statement(
        f"""select {COLUMNS} from credentials where application_id = $1 and connector_id = $2
            order by created_at, id""",
        (application_id, connector_id),
    )
    return [_read(row) for row in rows]


def find(application_id: str, connector_id: str, credential_id: str) -> Steps[Credential | None]:
    rows = yield Statement(
        f"select {COLUMNS} from credentials where application_id = $1 and connector_id = $2 and id = $3",
        (application_id, connector_id, credential_id),
    )
    return _read(rows[0]) if rows else None


def find_name(application_id: str, connector_id: str, name: str) -> Steps[Credential | None]:
    rows = yield Statement(
        f"select {COLUMNS} from credentials where application_id = $1 and connector_id = $2 and name = $3",
        (application_id, connector_id, name),
    )
    return _read(rows[0]) if rows else None


def page(
    application_id: str, connector_id: str, *, order: Order, descending: bool, limit: int, offset: int
) -> Steps[list[Credential]]:
    direction = "desc" if descending else "asc"
    rows = yield Statement(
        f"""select {COLUMNS} from credentials where application_id = $1 and connector_id = $2
            order by {order} {direction}, id {direction} limit $3 offset $4""",
        (application_id, connector_id, limit, offset),
    )
    return [_read(row) for row in rows]


def rename(application_id: str, credential_id: str, name: str, *, at: Micros) -> Steps[None]:
    yield Statement(
        "update credentials set name = $3, updated_at = $4 where application_id = $1 and id = $2",
        (application_id, credential_id, name, at),
    )


def delete(application_id: str, credential_id: str) -> Steps[None]:
    yield Statement("delete from credentials where application_id = $1 and id = $2", (application_id, credential_id))


def touch(application_id: str, credential_id: str, *, at: Micros) -> Steps[None]:
    """What it holds has changed."""
    yield Statement(
        "update credentials set updated_at = $3 where application_id = $1 and id = $2",
        (application_id, credential_id, at),
    )


def delete_of_connector(application_id: str, connector_id: str) -> Steps[list[str]]:
    """Returns the ids that went, for their secrets to be destroyed in the same transaction."""
    rows = yield Statement(
        "delete from credentials where application_id = $1 and connector_id = $2 returning id",
        (application_id, connector_id),
    )
    return [row[0] for row in rows]


def _read(row: Row) -> Credential:
    id_, application_id, connector_id, provider, name, type_, primary, created_at, updated_at = row
    return Credential(
        id_,
        application_id,
        connector_id,
        ProviderName(provider),
        name,
        cast(CredentialType, type_),
        bool(primary),
        created_at,
        updated_at,
    )
