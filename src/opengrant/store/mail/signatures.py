"""Signatures. A grant has ten at most, so that all of them are read at once."""

from opengrant.model.mail import Signature
from opengrant.store.engine.columns import Columns
from opengrant.store.engine.port import Statement, Steps

COLUMNS = Columns(Signature, ("application_id", "grant_id", "id", "name", "body", "created_at", "updated_at"))
_OF = "where application_id = $1 and grant_id = $2"


def add(signature: Signature) -> Steps[None]:
    yield Statement(f"insert into signatures ({COLUMNS}) values ({COLUMNS.places})", COLUMNS.write(signature))


def of_grant(application_id: str, grant_id: str) -> Steps[list[Signature]]:
    """In the order of their creation."""
    rows = yield Statement(
        f"select {COLUMNS} from signatures {_OF} order by created_at, id", (application_id, grant_id)
    )
    return [COLUMNS.read(row) for row in rows]


def count(application_id: str, grant_id: str) -> Steps[int]:
    rows = yield Statement(f"select count(*) from signatures {_OF}", (application_id, grant_id))
    return int(rows[0][0])


def find(application_id: str, grant_id: str, signature_id: str) -> Steps[Signature | None]:
    rows = yield Statement(
        f"select {COLUMNS} from signatures {_OF} and id = $3", (application_id, grant_id, signature_id)
    )
    return COLUMNS.read(rows[0]) if rows else None


def change(
    application_id: str, grant_id: str, signature_id: str, *, name: str | None, body: str | None, at: int
) -> Steps[Signature | None]:
    """None: there is no such signature. name, body: None stays."""
    rows = yield Statement(
        f"""update signatures set name = coalesce($4, name), body = coalesce($5, body), updated_at = $6
            {_OF} and id = $3 returning {COLUMNS}""",
        (application_id, grant_id, signature_id, name, body, at),
        True,
    )
    return COLUMNS.read(rows[0]) if rows else None


def delete(application_id: str, grant_id: str, signature_id: str) -> Steps[bool]:
    """False: there is no such signature."""
    rows = yield Statement(
        f"delete from signatures {_OF} and id = $3 returning id", (application_id, grant_id, signature_id), True
    )
    return bool(rows)


def delete_of_grant(application_id: str, grant_id: str) -> Steps[None]:
    yield Statement(f"delete from signatures {_OF}", (application_id, grant_id))
