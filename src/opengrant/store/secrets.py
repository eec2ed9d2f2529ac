"""Sealed bytes, each owned by (application, kind, id, purpose)."""

from collections.abc import Sequence

from opengrant.model import Micros, Sealed
from opengrant.model.basics import record
from opengrant.store.engine.port import Statement, Steps
from opengrant.store.engine.writes import Arm, insert, write

INSTALLATION = ""
"""The application id of the secrets of the installation."""


@record
class SecretRow:
    """A sealed secret and its owner."""

    application_id: str
    owner_kind: str
    owner_id: str
    purpose: str
    sealed: Sealed


_OWNER = "application_id, owner_kind, owner_id, purpose"
_TYPES = {
    **dict.fromkeys(("application_id", "owner_kind", "owner_id", "purpose", "key_id"), "text"),
    "sealed": "bytea",
    "updated_at": "bigint",
}
_PUT = insert(
    "secrets",
    _TYPES,
    conflict=f"""on conflict ({_OWNER})
                 do update set key_id = excluded.key_id, sealed = excluded.sealed, updated_at = excluded.updated_at""",
)
_ADD = insert("secrets", _TYPES, conflict="on conflict do nothing")
_DESTROY = write(
    """delete from secrets{after}
       where secrets.application_id = {0} and secrets.owner_kind = {1} and secrets.owner_id = {2}""",
    ("text", "text", "text"),
    after=" using g",
)


def put_arm(row: SecretRow, *, at: Micros) -> Arm:
    """Store or replace."""
    return Arm(_PUT, (*_owner(row), row.sealed.key_id, row.sealed.data, at))


def put(row: SecretRow, *, at: Micros) -> Steps[None]:
    yield put_arm(row, at=at).alone


def add_if_absent(row: SecretRow, *, at: Micros) -> Steps[None]:
    """Store unless there is one: after two concurrent first starts both read the same secret."""
    yield Arm(_ADD, (*_owner(row), row.sealed.key_id, row.sealed.data, at)).alone


def find(application_id: str, owner_kind: str, owner_id: str, purpose: str) -> Steps[Sealed | None]:
    rows = yield Statement(
        """select key_id, sealed from secrets
           where application_id = $1 and owner_kind = $2 and owner_id = $3 and purpose = $4""",
        (application_id, owner_kind, owner_id, purpose),
    )
    return Sealed(rows[0][0], bytes(rows[0][1])) if rows else None


def all_of(application_id: str, owner_kind: str, owner_id: str) -> Steps[list[SecretRow]]:
    """All secrets of an owner, by purpose."""
    rows = yield Statement(
        """select purpose, key_id, sealed from secrets
           where application_id = $1 and owner_kind = $2 and owner_id = $3""",
        (application_id, owner_kind, owner_id),
    )
    found = [
        SecretRow(application_id, owner_kind, owner_id, purpose, Sealed(key_id, bytes(sealed)))
        for purpose, key_id, sealed in rows
    ]
    return sorted(found, key=lambda row: row.purpose)


def destroy_arm(application_id: str, owner_kind: str, owner_id: str) -> Arm:
    """Delete all secrets of an owner."""
    return Arm(_DESTROY, (application_id, owner_kind, owner_id))


def destroy(application_id: str, owner_kind: str, owner_ids: Sequence[str]) -> Steps[None]:
    for owner_id in owner_ids:
        yield destroy_arm(application_id, owner_kind, owner_id).alone


def destroy_one(application_id: str, owner_kind: str, owner_id: str, purpose: str) -> Steps[None]:
    """Delete one secret of an owner."""
    yield Statement(
        "delete from secrets where application_id = $1 and owner_kind = $2 and owner_id = $3 and purpose = $4",
        (application_id, owner_kind, owner_id, purpose),
    )


def count_not_under(key_id: str) -> Steps[int]:
    rows = yield Statement("select count(*) from secrets where key_id <> $1", (key_id,))
    return int(rows[0][0])


def not_under(key_id: str, *, after: SecretRow | None, limit: int) -> Steps[list[SecretRow]]:
    """The next secrets, in order of the primary key, that another master key sealed."""
    start = _owner(after) if after else ("", "", "", "")
    rows = yield Statement(
        f"""select {_OWNER}, key_id, sealed from secrets where ({_OWNER}) > ($2, $3, $4, $5) and key_id <> $1
            order by {_OWNER} limit $6""",
        (key_id, *start, limit),
    )
    return [
        SecretRow(application_id, kind, id_, purpose, Sealed(sealed_by, bytes(data)))
        for application_id, kind, id_, purpose, sealed_by, data in rows
    ]


def swap(old: SecretRow, new: Sealed) -> Steps[bool]:
    """Replace the ciphertext if it is unchanged since it was read. False if not."""
    rows = yield Statement(
        """update secrets set key_id = $5, sealed = $6
           where application_id = $1 and owner_kind = $2 and owner_id = $3 and purpose = $4 and sealed = $7
           returning 1""",
        (*_owner(old), new.key_id, new.data, old.sealed.data),
    )
    return bool(rows)


def _owner(row: SecretRow) -> tuple[str, str, str, str]:
    return (row.application_id, row.owner_kind, row.owner_id, row.purpose)
