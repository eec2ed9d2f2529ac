"""Service accounts: found by their key id, and by nothing else, when a signed request comes."""

from dataclasses import dataclass

from opengrant.model import Micros
from opengrant.store.engine.columns import BYTES, Columns
from opengrant.store.engine.json_columns import LIST
from opengrant.store.engine.port import Statement, Steps


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


COLUMNS = Columns(
    ServiceAccount,
    ("id", "organization_id", "name", "public_key", "permissions", "created_at", "revoked_at"),
    public_key=BYTES,
    permissions=LIST,
)


def add(account: ServiceAccount) -> Steps[None]:
    yield Statement(f"insert into service_accounts ({COLUMNS}) values ({COLUMNS.places})", COLUMNS.write(account))


def find(account_id: str) -> Steps[ServiceAccount | None]:
    """Whatever its organization is: this is how that is found. Revoked ones too."""
    rows = yield Statement(f"select {COLUMNS} from service_accounts where id = $1", (account_id,))
    return COLUMNS.read(rows[0]) if rows else None


def of_organization(organization_id: str) -> Steps[list[ServiceAccount]]:
    rows = yield Statement(
        f"select {COLUMNS} from service_accounts where organization_id = $1 order by created_at, id",
        (organization_id,),
    )
    return [COLUMNS.read(row) for row in rows]


def revoke(organization_id: str, account_id: str, *, at: Micros) -> Steps[ServiceAccount | None]:
    """Returns the account, revoked; one that was revoked before keeps its first time. None when there is none."""
    rows = yield Statement(
        f"""update service_accounts set revoked_at = coalesce(revoked_at, $3)
            where organization_id = $1 and id = $2 returning {COLUMNS}""",
        (organization_id, account_id, at),
    )
    return COLUMNS.read(rows[0]) if rows else None
