"""Service accounts: found by their key id, and by nothing else, when a signed request comes."""

from dataclasses import dataclass

from opengrant.model import Micros
from opengrant.store.engine.json_columns import get_list, put_list
from opengrant.store.engine.port import Row, Statement, Steps

COLUMNS = "id, organization_id, name, public_key, permissions, created_at, revoked_at"


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Whoever holds the private key speaks for the organization, as far as `permissions` go.

    id          what a request names as its key id
    public_key  RSA, as a DER SubjectPublicKeyInfo
    """

    id: str
    organization_id: str
    name: str
    public_key: bytes
    permissions: tuple[str, ...]
    created_at: Micros
    revoked_at: Micros | None = None


def add(account: ServiceAccount) -> Steps[None]:
    yield Statement(
        f"insert into service_accounts ({COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7)",
        (
            account.id,
            account.organization_id,
            account.name,
            account.public_key,
            put_list(account.permissions),
            account.created_at,
            account.revoked_at,
        ),
    )


def find(account_id: str) -> Steps[ServiceAccount | None]:
    """Whatever its organization is: this is how that is found. Revoked ones too."""
    rows = yield Statement(f"select {COLUMNS} from service_accounts where id = $1", (account_id,))
    return _read(rows[0]) if rows else None


def of_organization(organization_id: str) -> Steps[list[ServiceAccount]]:
    rows = yield Statement(
        f"select {COLUMNS} from service_accounts where organization_id = $1 order by created_at, id",
        (organization_id,),
    )
    return [_read(row) for row in rows]


def revoke(organization_id: str, account_id: str, *, at: Micros) -> Steps[ServiceAccount | None]:
    """Returns the account, revoked; one that was revoked before keeps its first time. None when there is none."""
    rows = yield Statement(
        f"""update service_accounts set revoked_at = coalesce(revoked_at, $3)
            where organization_id = $1 and id = $2 returning {COLUMNS}""",
        (organization_id, account_id, at),
    )
    return _read(rows[0]) if rows else None


def _read(row: Row) -> ServiceAccount:
    id_, organization_id, name, public_key, permissions, created_at, revoked_at = row
    return ServiceAccount(id_, organization_id, name, bytes(public_key), get_list(permissions), created_at, revoked_at)
