"""Service accounts: a signed request finds its account by key id alone."""

from dataclasses import dataclass

from opengrant.model import Micros
from opengrant.store.engine.columns import BYTES, Columns
from opengrant.store.engine.json_columns import LIST
from opengrant.store.engine.port import Statement, Steps


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """A signer of requests: it acts for the organization within `permissions`.

    id          the key id in a request
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
    """By id alone: the account tells the organization. Includes revoked accounts."""
    rows = yield Statement(f"select {COLUMNS} from service_accounts where id = $1", (account_id,))
    return COLUMNS.read(rows[0]) if rows else None


def of_organization(organization_id: str) -> Steps[list[ServiceAccount]]:
    rows = yield Statement(
        f"select {COLUMNS} from service_accounts where organization_id = $1 order by created_at, id",
        (organization_id,),
    )
    return [COLUMNS.read(row) for row in rows]


def revoke(organization_id: str, account_id: str, *, at: Micros) -> Steps[ServiceAccount | None]:
    """Returns the revoked account; a second revocation keeps the first time. None if there is none."""
    rows = yield Statement(
        f"""update service_accounts set revoked_at = coalesce(revoked_at, $3)
            where organization_id = $1 and id = $2 returning {COLUMNS}""",
        (organization_id, account_id, at),
    )
    return COLUMNS.read(rows[0]) if rows else None
