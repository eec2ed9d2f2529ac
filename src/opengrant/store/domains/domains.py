"""Domains of an organization, and the DNS records that verify them."""

from dataclasses import dataclass
from typing import Literal

from opengrant.model import Micros
from opengrant.store.engine.columns import FLAG, Columns
from opengrant.store.engine.port import Dialect, Statement, Steps
from opengrant.store.tenants.organizations import Region

Kind = Literal["ownership", "mx", "spf", "dkim", "feedback"]
RecordType = Literal["TXT", "MX"]
Status = Literal["pending", "done", "failed"]

_FROM = "domains d join organizations o on o.id = d.organization_id"


@dataclass(frozen=True, slots=True)
class Domain:
    """A mail domain of this organization. `address` is lower-cased ASCII (A-labels)."""

    organization_id: str
    region: Region
    id: str
    address: str
    name: str
    created_at: Micros
    updated_at: Micros
    verified_ownership: bool = False
    verified_mx: bool = False
    verified_spf: bool = False
    verified_dkim: bool = False
    verified_feedback: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """A DNS record to publish, and the result of the last look-up.

    host        relative to the domain, `@` for the domain itself
    value       for an MX the preference and the host, without a final dot
    expires_at  the value must be found before this time
    """

    kind: Kind
    host: str
    type: RecordType
    value: str
    status: Status
    message: str
    created_at: Micros
    expires_at: Micros


_DOMAIN = Columns(
    Domain,
    (
        *("organization_id", "region", "id", "address", "name", "created_at", "updated_at"),
        *("verified_ownership", "verified_mx", "verified_spf", "verified_dkim", "verified_feedback"),
    ),
    verified_ownership=FLAG,
    verified_mx=FLAG,
    verified_spf=FLAG,
    verified_dkim=FLAG,
    verified_feedback=FLAG,
)
# Both tables of the join have the columns `id` and `created_at`; the region is the organization's.
_COLUMNS = _DOMAIN.of("d").replace("d.region", "o.region")
_CHECK = Columns(Check, ("kind", "host", "type", "value", "status", "message", "created_at", "expires_at"))


def add(organization_id: str, domain_id: str, address: str, name: str, *, at: Micros) -> Steps[bool]:
    """False if the organization has that address already."""
    rows = yield Statement(
        """insert into domains (organization_id, id, address, name, created_at, updated_at)
           values ($1, $2, $3, $4, $5, $5) on conflict (organization_id, address) do nothing returning id""",
        (organization_id, domain_id, address, name, at),
    )
    return bool(rows)


def find(organization_id: str, id_or_address: str) -> Steps[Domain | None]:
    # No id can be mistaken for an address: an address has a dot.
    rows = yield Statement(
        f"select {_COLUMNS} from {_FROM} where d.organization_id = $1 and (d.id = $2 or d.address = $2)",
        (organization_id, id_or_address),
    )
    return _DOMAIN.read(rows[0]) if rows else None


def page(organization_id: str, *, after: tuple[Micros, str] | None, limit: int) -> Steps[list[Domain]]:
    """In order of creation, after the domain with that (created_at, id)."""
    rows = yield Statement(
        f"""select {_COLUMNS} from {_FROM} where d.organization_id = $1 and (d.created_at, d.id) > ($2, $3)
            order by d.created_at, d.id limit $4""",
        (organization_id, *(after or (-1, "")), limit),
    )
    return [_DOMAIN.read(row) for row in rows]


def find_verified(organization_id: str) -> Steps[Domain | None]:
    """The oldest domain with proven ownership."""
    rows = yield Statement(
        f"""select {_COLUMNS} from {_FROM} where d.organization_id = $1 and verified_ownership = 1
            order by d.created_at, d.id limit 1""",
        (organization_id,),
    )
    return _DOMAIN.read(rows[0]) if rows else None


def rename(organization_id: str, domain_id: str, name: str, *, at: Micros) -> Steps[Domain | None]:
    yield Statement(
        "update domains set name = $3, updated_at = $4 where organization_id = $1 and id = $2",
        (organization_id, domain_id, name, at),
    )
    return (yield from find(organization_id, domain_id))


def delete(organization_id: str, domain_id: str) -> Steps[bool]:
    """Delete the row and its checks; the caller destroys its secrets."""
    yield Statement(
        "delete from domain_checks where organization_id = $1 and domain_id = $2", (organization_id, domain_id)
    )
    rows = yield Statement(
        "delete from domains where organization_id = $1 and id = $2 returning id", (organization_id, domain_id)
    )
    return bool(rows)


def hold(organization_id: str, domain_id: str) -> Steps[bool]:
    """Lock the domain until this transaction ends. False if it is gone."""
    # An update without a change locks the row on PostgreSQL; SQLite has one writer at a time.
    rows = yield Statement(
        "update domains set updated_at = updated_at where organization_id = $1 and id = $2 returning id",
        (organization_id, domain_id),
    )
    return bool(rows)


def hold_shared(organization_id: str, domain_id: str, dialect: Dialect) -> Steps[bool]:
    """As `hold`, for scripts that only need the domain to stay: they do not wait for each other."""
    rows = yield Statement(
        f"select id from domains where organization_id = $1 and id = $2 {dialect.locks('for share')}",
        (organization_id, domain_id),
    )
    return bool(rows)


def has_mailboxes(address: str, *, provider: str) -> Steps[bool]:
    """Whether any application has a grant of `provider` at an address of this domain."""
    # The condition on application_id lets the index, which begins with it, serve.
    rows = yield Statement(
        """select 1 from grants where application_id in (select id from applications)
           and provider = $1 and email_key like $2 limit 1""",
        (provider, f"%@{address}"),
    )
    return bool(rows)


def put_check(organization_id: str, domain_id: str, check: Check) -> Steps[None]:
    """Store or replace the record of that kind."""
    yield Statement(
        f"""insert into domain_checks (organization_id, domain_id, {_CHECK})
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            on conflict (organization_id, domain_id, kind) do update
            set host = excluded.host, type = excluded.type, value = excluded.value, status = excluded.status,
                message = excluded.message, created_at = excluded.created_at, expires_at = excluded.expires_at""",
        (organization_id, domain_id, *_CHECK.write(check)),
    )


def find_check(organization_id: str, domain_id: str, kind: Kind) -> Steps[Check | None]:
    rows = yield Statement(
        f"select {_CHECK} from domain_checks where organization_id = $1 and domain_id = $2 and kind = $3",
        (organization_id, domain_id, kind),
    )
    return _CHECK.read(rows[0]) if rows else None


def set_verified(organization_id: str, domain_id: str, kind: Kind, *, at: Micros) -> Steps[None]:
    yield Statement(
        f"""update domains set verified_{kind} = 1, updated_at = $3
            where organization_id = $1 and id = $2 and verified_{kind} = 0""",
        (organization_id, domain_id, at),
    )
