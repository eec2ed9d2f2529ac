"""Domains: registered by an organization, verified by DNS records; Agent Accounts live on them."""

import uuid
from dataclasses import dataclass

from opengrant.errors import InvalidRequest, NotFound
from opengrant.events import audit
from opengrant.model import Application, Clock, Micros, ProviderName
from opengrant.net.guard import BadHost, parse_host
from opengrant.store import secrets
from opengrant.store.domains import domains
from opengrant.store.domains.domains import Domain, Kind
from opengrant.store.engine.port import Steps, Store
from opengrant.store.tenants import organizations
from opengrant.store.tenants.organizations import Region

__all__ = ["DKIM_SECRET", "Domain", "Domains", "Region", "existing", "missing", "record"]

DKIM_SECRET = ("domain", "dkim")
"""Owner kind and purpose of a sealed DKIM key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Domains:
    """Built once, in assembly/."""

    db: Store
    clock: Clock

    async def create(self, organization_id: str, address: str, name: str) -> Domain:
        """Raises InvalidRequest when the address is no domain, or is registered already."""
        ascii_form = _ascii(address)
        if ascii_form is None:
            raise InvalidRequest("domain_address: is not a domain name, such as mail.example.com.")
        return await self.db.write(self._create(organization_id, ascii_form, name))

    def _create(self, organization_id: str, address: str, name: str) -> Steps[Domain]:
        domain_id = str(uuid.uuid4())
        if not (yield from domains.add(organization_id, domain_id, address, name, at=self.clock())):
            raise InvalidRequest(f"domain_address: the domain {address} is registered already.")
        domain = existing((yield from domains.find(organization_id, domain_id)))
        yield from record("domain.created", domain, at=self.clock())
        return domain

    async def get(self, organization_id: str, id_or_address: str) -> Domain:
        """Raises NotFound."""
        return existing(await self.db.read(domains.find(organization_id, _ascii(id_or_address) or id_or_address)))

    async def page(self, organization_id: str, *, after: tuple[Micros, str] | None, limit: int) -> list[Domain]:
        """In order of creation, starting after the domain with this (created_at, id)."""
        return await self.db.read(domains.page(organization_id, after=after, limit=limit))

    async def rename(self, organization_id: str, id_or_address: str, name: str) -> Domain:
        """Raises NotFound."""
        domain = await self.get(organization_id, id_or_address)
        return await self.db.write(self._rename(organization_id, domain.id, name))

    def _rename(self, organization_id: str, domain_id: str, name: str) -> Steps[Domain]:
        domain = existing((yield from domains.rename(organization_id, domain_id, name, at=self.clock())))
        yield from record("domain.updated", domain, at=self.clock())
        return domain

    async def delete(self, organization_id: str, id_or_address: str) -> None:
        """Delete a domain and its DKIM key. Raises NotFound; InvalidRequest while it has Agent Accounts."""
        domain = await self.get(organization_id, id_or_address)
        await self.db.write(self._delete(domain))

    def _delete(self, domain: Domain) -> Steps[None]:
        if not (yield from domains.hold(domain.organization_id, domain.id)):
            raise missing()
        if (yield from domains.has_mailboxes(domain.address, provider=ProviderName.NYLAS)):
            raise InvalidRequest(f"Agent accounts live on {domain.address}. Delete their grants first.")
        yield from domains.delete(domain.organization_id, domain.id)
        yield from secrets.destroy(domain.organization_id, DKIM_SECRET[0], [domain.id])
        yield from record("domain.deleted", domain, at=self.clock())

    async def owner_of(self, application: Application, email: str) -> Domain | None:
        """The domain of an address, if the application's organization has registered and verified it."""
        domain = await self.db.read(self._domain_of(email))
        return domain if domain is not None and domain.verified_ownership else None

    async def any_verified(self, application: Application) -> Domain | None:
        """A domain for Agent Accounts; None when the application's organization has verified none."""

        def script() -> Steps[Domain | None]:
            organization = yield from organizations.find_default()
            return None if organization is None else (yield from domains.find_verified(organization.id))

        return await self.db.read(script())

    async def require_owner(self, application: Application, email: str) -> Domain:
        """As owner_of. Raises InvalidRequest, which names the missing step."""
        return await self.db.read(self._owned(email))

    def hold(self, email: str) -> Steps[None]:
        """Keep the domain of an address registered until this transaction ends. Raises as require_owner does.

        Called before an Agent Account is written: a deletion that has begun is waited for and then seen, and a later
        deletion finds the account.
        """
        domain = yield from self._owned(email)
        if not (yield from domains.hold_shared(domain.organization_id, domain.id, self.db.dialect)):
            raise _not_registered(email)

    def _owned(self, email: str) -> Steps[Domain]:
        domain = yield from self._domain_of(email)
        name = email.rpartition("@")[2]
        if domain is None:
            raise _not_registered(email)
        if not domain.verified_ownership:
            raise InvalidRequest(
                f"settings.email: the ownership of the domain {name} is not verified."
                f" `opengrant domains show {name}` tells which DNS record is missing."
            )
        return domain

    def _domain_of(self, email: str) -> Steps[Domain | None]:
        # Every application belongs to the one organization.
        organization = yield from organizations.find_default()
        address = _ascii(email.rpartition("@")[2])
        if organization is None or address is None or "@" not in email:
            return None
        return (yield from domains.find(organization.id, address))


def _ascii(text: str) -> str | None:
    """A domain name in lower-case A-labels, without a final dot; None when mail cannot be sent to it."""
    try:
        name = parse_host(text)
    except BadHost:
        return None
    return name if isinstance(name, str) and "." in name and "_" not in name else None


def record(type_: audit.AuditType, domain: Domain, *, at: Micros, kind: Kind | None = None) -> Steps[None]:
    """Add an entry about a domain to the organization's audit trail."""
    yield from audit.record(
        domain.organization_id, type_, at=at, domain_id=domain.id, domain_address=domain.address, kind=kind
    )


def existing(domain: Domain | None) -> Domain:
    if domain is None:
        raise missing()
    return domain


def _not_registered(email: str) -> InvalidRequest:
    name = email.rpartition("@")[2]
    return InvalidRequest(
        f"settings.email: the domain {name} is not registered. Register it with POST /v3/admin/domains"
        f" or `opengrant domains add {name}`, and verify its ownership."
    )


def missing() -> NotFound:
    return NotFound("There is no such domain in this organization.")
