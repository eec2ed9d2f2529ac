"""Domains: registered by an organization, verified by DNS records; Agent Accounts live on them."""

import secrets as random
import uuid
from asyncio import to_thread
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal, NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from opengrant.domains import dns_records
from opengrant.domains.dns_records import DMARC, NAMELESS, NOWHERE, MailNames, RecordFinding, Wanted, is_nameless
from opengrant.errors import InvalidRequest, NotFound
from opengrant.events import audit
from opengrant.model import SECOND, Application, Clock, Micros, ProviderName, Sealed
from opengrant.net.dns import DnsUnavailable, NameNotFound, Resolver
from opengrant.net.guard import BadHost, parse_host
from opengrant.store import secrets
from opengrant.store.domains import domains
from opengrant.store.domains.domains import Check, Domain, Kind, RecordType
from opengrant.store.engine.port import Steps, Store
from opengrant.store.tenants import organizations
from opengrant.store.tenants.organizations import Region
from opengrant.vault import Owner, Vault

__all__ = [
    "DMARC",
    "KINDS",
    "NOWHERE",
    "Check",
    "DkimKey",
    "Domain",
    "Domains",
    "KeyLength",
    "Kind",
    "MailNames",
    "RecordFinding",
    "Region",
]

KINDS: tuple[Kind, ...] = ("ownership", "mx", "spf", "dkim", "feedback")
VALUES_LIVE = timedelta(days=7)
"""How long a record may be published and looked for before it has to be asked for anew."""
KeyLength = Literal[1024, 2048]
_DKIM = ("domain", "dkim")
_PENDING = "Publish this record, then ask to verify it."
_EXPIRED = RecordFinding(
    "failed", "The time to publish this record is over. Ask for its info again and publish that one."
)
_UNSURE = "DNS could not be asked just now. Nothing has changed; try again."


class DkimKey(NamedTuple):
    """What signs mail of a domain: RSA, PEM."""

    selector: str
    private_key: SecretStr


class _NewRecord(NamedTuple):
    """A record that is about to be asked for; `key` is the private key of a DKIM record."""

    wanted: Wanted
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Domains:
    """Built once, in assembly/installation.py."""

    db: Store
    vault: Vault
    resolver: Resolver
    hosts: MailNames
    clock: Clock

    async def create(self, organization_id: str, address: str, name: str) -> Domain:
        """Raises InvalidRequest when the address is none, or the organization has it already."""
        ascii_form = _ascii(address)
        if ascii_form is None:
            raise InvalidRequest("domain_address: is not a domain name, such as mail.example.com.")
        return await self.db.write(self._create(organization_id, ascii_form, name))

    def _create(self, organization_id: str, address: str, name: str) -> Steps[Domain]:
        domain_id = str(uuid.uuid4())
        if not (yield from domains.add(organization_id, domain_id, address, name, at=self.clock())):
            raise InvalidRequest(f"domain_address: the domain {address} is registered already.")
        domain = _there((yield from domains.find(organization_id, domain_id)))
        yield from self._record("domain.created", domain)
        return domain

    async def get(self, organization_id: str, id_or_address: str) -> Domain:
        """Raises NotFound."""
        return _there(await self.db.read(domains.find(organization_id, _ascii(id_or_address) or id_or_address)))

    async def page(self, organization_id: str, *, after: tuple[Micros, str] | None, limit: int) -> list[Domain]:
        """In order of creation, from behind the domain with that (created_at, id)."""
        return await self.db.read(domains.page(organization_id, after=after, limit=limit))

    async def rename(self, organization_id: str, id_or_address: str, name: str) -> Domain:
        """Raises NotFound."""
        domain = await self.get(organization_id, id_or_address)
        return await self.db.write(self._rename(organization_id, domain.id, name))

    def _rename(self, organization_id: str, domain_id: str, name: str) -> Steps[Domain]:
        domain = _there((yield from domains.rename(organization_id, domain_id, name, at=self.clock())))
        yield from self._record("domain.updated", domain)
        return domain

    async def delete(self, organization_id: str, id_or_address: str) -> None:
        """For good, with its DKIM key. Raises NotFound; InvalidRequest while Agent Accounts live on it."""
        domain = await self.get(organization_id, id_or_address)
        await self.db.write(self._delete(domain))

    def _delete(self, domain: Domain) -> Steps[None]:
        if not (yield from domains.hold(domain.organization_id, domain.id)):
            raise _missing()
        if (yield from domains.has_mailboxes(domain.address, provider=ProviderName.NYLAS)):
            raise InvalidRequest(f"Agent accounts live on {domain.address}. Delete their grants first.")
        yield from domains.delete(domain.organization_id, domain.id)
        yield from secrets.destroy(domain.organization_id, _DKIM[0], [domain.id])
        yield from self._record("domain.deleted", domain)

    def _record(self, type_: audit.AuditType, domain: Domain, *, kind: Kind | None = None) -> Steps[None]:
        yield from audit.record(
            domain.organization_id,
            type_,
            at=self.clock(),
            domain_id=domain.id,
            domain_address=domain.address,
            kind=kind,
        )

    async def info(
        self, organization_id: str, id_or_address: str, kind: Kind, *, key_length: KeyLength = 2048
    ) -> tuple[Domain, Check]:
        """The record to publish; asks DNS nothing.

        The same one until it expires, then a new one. A record that was found once stays.
        key_length  bits of a DKIM key that has to be made. Raises NotFound.
        """
        domain = await self.get(organization_id, id_or_address)
        seen = await self.db.read(domains.find_check(organization_id, domain.id, kind))
        if seen is not None and self._stands(seen):
            return domain, seen
        draft = await self._draft(kind, seen, key_length)
        return domain, await self.db.write(self._issue(domain, kind, seen, draft))

    async def verify(
        self, organization_id: str, id_or_address: str, kind: Kind, *, key_length: KeyLength = 2048
    ) -> tuple[Domain, Check]:
        """Look for the record in DNS and remember what was found; once found, it stays `done`.

        Without a record that was asked for before, this is `info`. Raises NotFound.
        """
        domain = await self.get(organization_id, id_or_address)
        seen = await self.db.read(domains.find_check(organization_id, domain.id, kind))
        if seen is None:
            return await self.info(organization_id, domain.id, kind, key_length=key_length)
        found = await self._look(domain, seen)
        return await self.db.write(self._remember(domain, seen, found))

    async def _look(self, domain: Domain, check: Check) -> RecordFinding:
        if check.status != "done" and check.expires_at <= self.clock():
            return _EXPIRED
        if is_nameless(check.value):
            return NAMELESS
        try:
            seen = await self._seen(domain, check.host, check.type)
        except DnsUnavailable:
            return RecordFinding(check.status, _UNSURE)
        return dns_records.judge(check.kind, check.value, seen)

    async def dmarc(self, domain: Domain) -> RecordFinding:
        """What DNS says about the record that is only advised. It is kept nowhere: the wire has no place for it."""
        try:
            return dns_records.judge_dmarc(await self._seen(domain, DMARC.host, DMARC.type))
        except DnsUnavailable:
            return RecordFinding("pending", _UNSURE)

    async def _seen(self, domain: Domain, host: str, type_: RecordType) -> Sequence[str]:
        """Raises DnsUnavailable."""
        ask = self.resolver.exchangers if type_ == "MX" else self.resolver.texts
        try:
            return await ask(dns_records.full_name(host, domain.address))
        except NameNotFound:
            return ()  # nothing is published there, which is what an empty answer says

    def _remember(self, domain: Domain, seen: Check, found: RecordFinding) -> Steps[tuple[Domain, Check]]:
        if not (yield from domains.hold(domain.organization_id, domain.id)):
            raise _missing()
        current = yield from domains.find_check(domain.organization_id, domain.id, seen.kind)
        if current is None or current.value != seen.value:
            return domain, current or seen  # asked for anew meanwhile: what was found says nothing about that one
        status, message = found
        if current.status == "done" != status:
            # A look-up that fails later must not take a working domain out of service.
            status, message = "done", f"Verified before. Now: {message}"
        check = replace(current, status=status, message=message)
        yield from domains.put_check(domain.organization_id, domain.id, check)
        if status == "done":
            yield from domains.set_verified(domain.organization_id, domain.id, check.kind, at=self.clock())
            if current.status != "done":
                yield from self._record("domain.verified", domain, kind=check.kind)
        return _there((yield from domains.find(domain.organization_id, domain.id))), check

    def _stands(self, check: Check) -> bool:
        """Whether a record that was asked for is still the one to publish."""
        configured = dns_records.by_configuration(check.kind, self.hosts)
        if configured is not None and configured != (check.host, check.type, check.value):
            return False
        return check.status == "done" or check.expires_at > self.clock()

    async def _draft(self, kind: Kind, seen: Check | None, key_length: KeyLength) -> _NewRecord:
        if (configured := dns_records.by_configuration(kind, self.hosts)) is not None:
            return _NewRecord(configured)
        if kind == "ownership":
            return _NewRecord(dns_records.ownership(random.token_urlsafe(24)))
        # Making a key takes a good part of a second.
        private, public = await to_thread(_key_pair, key_length)
        # A selector of its own for each key, so that nobody's cache has the old one.
        return _NewRecord(dns_records.dkim(f"og{random.token_hex(3)}", public), private)

    def _issue(self, domain: Domain, kind: Kind, seen: Check | None, draft: _NewRecord) -> Steps[Check]:
        if not (yield from domains.hold(domain.organization_id, domain.id)):
            raise _missing()
        current = yield from domains.find_check(domain.organization_id, domain.id, kind)
        if current is not None and current != seen and self._stands(current):
            return current  # somebody was faster; both publish the same record then
        now = self.clock()
        expires_at = now + int(VALUES_LIVE.total_seconds()) * SECOND
        status: Literal["pending", "done"] = "done" if current is not None and current.status == "done" else "pending"
        message = NAMELESS.message if is_nameless(draft.wanted.value) else _PENDING
        check = Check(kind, *draft.wanted, status, message, now, expires_at)
        yield from domains.put_check(domain.organization_id, domain.id, check)
        if draft.key is not None:
            owner = _dkim_owner(domain)
            sealed = self.vault.seal(draft.key, owner)
            row = secrets.SecretRow(owner.application_id, owner.kind, owner.id, owner.purpose, sealed)
            yield from secrets.put(row, at=now)
        yield from self._record("domain.record_issued", domain, kind=kind)
        return check

    async def dkim_key(self, domain: Domain) -> DkimKey | None:
        """What signs its mail; None until the DKIM record was found in DNS, for nobody could check it before."""
        check, sealed = await self.db.read(_find_dkim(domain))
        if check is None or check.status != "done" or sealed is None:
            return None
        private_key = SecretStr(self.vault.open(sealed, _dkim_owner(domain)).decode())
        return DkimKey(check.host.partition(".")[0], private_key)

    async def owner_of(self, application: Application, email: str) -> Domain | None:
        """The domain of an address, if the application's organization registered it and proved to own it."""
        domain = await self.db.read(self._domain_of(email))
        return domain if domain is not None and domain.verified_ownership else None

    async def any_verified(self, application: Application) -> Domain | None:
        """One that Agent Accounts can live on; None when the application's organization has proven none."""

        def script() -> Steps[Domain | None]:
            organization = yield from organizations.find_default()
            return None if organization is None else (yield from domains.find_verified(organization.id))

        return await self.db.read(script())

    async def require_owner(self, application: Application, email: str) -> Domain:
        """As owner_of. Raises InvalidRequest that says what has to be done first."""
        return await self.db.read(self._owned(email))

    def hold(self, email: str) -> Steps[None]:
        """Keep the domain of an address registered until this transaction ends. Raises as require_owner does.

        For whoever is about to write an Agent Account: a deletion that has begun is waited for and then seen, and one
        that comes later finds the account.
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


def _find_dkim(domain: Domain) -> Steps[tuple[Check | None, Sealed | None]]:
    check = yield from domains.find_check(domain.organization_id, domain.id, "dkim")
    return check, (yield from secrets.find(domain.organization_id, _DKIM[0], domain.id, _DKIM[1]))


def _dkim_owner(domain: Domain) -> Owner:
    """The organization stands where other secrets have their application."""
    return Owner(domain.organization_id, _DKIM[0], domain.id, _DKIM[1])


def _key_pair(bits: KeyLength) -> tuple[bytes, bytes]:
    """A private key as PEM (PKCS #8) and its public half as DER."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _ascii(text: str) -> str | None:
    """A domain name in lower-cased A-labels, without a final dot; None when it is no domain that mail could have."""
    try:
        name = parse_host(text)
    except BadHost:
        return None
    return name if isinstance(name, str) and "." in name and "_" not in name else None


def _there(domain: Domain | None) -> Domain:
    if domain is None:
        raise _missing()
    return domain


def _not_registered(email: str) -> InvalidRequest:
    name = email.rpartition("@")[2]
    return InvalidRequest(
        f"settings.email: the domain {name} is not registered. Register it with POST /v3/admin/domains"
        f" or `opengrant domains add {name}`, and verify its ownership."
    )


def _missing() -> NotFound:
    return NotFound("There is no such domain in this organization.")
