"""Verification of domains: the DNS records to publish, and whether DNS has them."""

import secrets as random
from asyncio import to_thread
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal, NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from opengrant.domains import dns_records
from opengrant.domains.dns_records import DMARC, NAMELESS, MailNames, RecordFinding, Wanted, is_nameless
from opengrant.domains.domains import DKIM_SECRET, Domains, existing, missing, record
from opengrant.model import Clock, Sealed, micros
from opengrant.net.dns import DnsUnavailable, NameNotFound, Resolver
from opengrant.store import secrets
from opengrant.store.domains import domains
from opengrant.store.domains.domains import Check, Domain, Kind, RecordType
from opengrant.store.engine.port import Steps, Store
from opengrant.vault import Owner, Vault

__all__ = ["KINDS", "Check", "DkimKey", "DomainVerification", "KeyLength", "Kind"]

KINDS: tuple[Kind, ...] = ("ownership", "mx", "spf", "dkim", "feedback")
VALUES_LIVE = timedelta(days=7)
"""How long a record can be published and verified before a new one is issued."""
KeyLength = Literal[1024, 2048]
_PENDING = "Publish this record, then ask to verify it."
_EXPIRED = RecordFinding(
    "failed", "The time to publish this record is over. Ask for its info again and publish that one."
)
_UNSURE = "DNS could not be asked just now. Nothing has changed; try again."


class DkimKey(NamedTuple):
    """The key that signs mail of a domain: RSA, PEM."""

    selector: str
    private_key: SecretStr


class _NewRecord(NamedTuple):
    """A record that is about to be issued; `key` is the private key of a DKIM record."""

    wanted: Wanted
    key: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainVerification:
    """Built once, in assembly/."""

    db: Store
    vault: Vault
    resolver: Resolver
    hosts: MailNames
    domains: Domains
    clock: Clock

    async def info(
        self, organization_id: str, id_or_address: str, kind: Kind, *, key_length: KeyLength = 2048
    ) -> tuple[Domain, Check]:
        """The record to publish; sends no DNS query.

        The record stays the same until it expires; a verified record does not expire.
        key_length  bits of a new DKIM key. Raises NotFound.
        """
        domain = await self.domains.get(organization_id, id_or_address)
        seen = await self.db.read(domains.find_check(organization_id, domain.id, kind))
        if seen is not None and self._stands(seen):
            return domain, seen
        new = await self._new_record(kind, seen, key_length)
        return domain, await self.db.write(self._issue(domain, kind, seen, new))

    async def verify(
        self, organization_id: str, id_or_address: str, kind: Kind, *, key_length: KeyLength = 2048
    ) -> tuple[Domain, Check]:
        """Look for the record in DNS and store the result; a verified record stays `done`.

        When no record was issued before, this is `info`. Raises NotFound.
        """
        domain = await self.domains.get(organization_id, id_or_address)
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
        """What DNS says about the DMARC record. It is not stored: the wire has no place for it."""
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
            return ()  # the same as an empty answer: nothing is published

    def _remember(self, domain: Domain, seen: Check, found: RecordFinding) -> Steps[tuple[Domain, Check]]:
        if not (yield from domains.hold(domain.organization_id, domain.id)):
            raise missing()
        current = yield from domains.find_check(domain.organization_id, domain.id, seen.kind)
        if current is None or current.value != seen.value:
            return domain, current or seen  # a new record was issued meanwhile: this result is about the old one
        status, message = found
        if current.status == "done" != status:
            # A later failure must not take a working domain out of service.
            status, message = "done", f"Verified before. Now: {message}"
        check = replace(current, status=status, message=message)
        yield from domains.put_check(domain.organization_id, domain.id, check)
        if status == "done":
            yield from domains.set_verified(domain.organization_id, domain.id, check.kind, at=self.clock())
            if current.status != "done":
                yield from record("domain.verified", domain, at=self.clock(), kind=check.kind)
        return existing((yield from domains.find(domain.organization_id, domain.id))), check

    def _stands(self, check: Check) -> bool:
        """Whether an issued record is still the one to publish."""
        configured = dns_records.by_configuration(check.kind, self.hosts)
        if configured is not None and configured != (check.host, check.type, check.value):
            return False
        return check.status == "done" or check.expires_at > self.clock()

    async def _new_record(self, kind: Kind, seen: Check | None, key_length: KeyLength) -> _NewRecord:
        if (configured := dns_records.by_configuration(kind, self.hosts)) is not None:
            return _NewRecord(configured)
        if kind == "ownership":
            return _NewRecord(dns_records.ownership(random.token_urlsafe(24)))
        # Making a key takes a large part of a second.
        private, public = await to_thread(_key_pair, key_length)
        # Each key has its own selector: a DNS cache cannot hold an old key under it.
        return _NewRecord(dns_records.dkim(f"og{random.token_hex(3)}", public), private)

    def _issue(self, domain: Domain, kind: Kind, seen: Check | None, new: _NewRecord) -> Steps[Check]:
        if not (yield from domains.hold(domain.organization_id, domain.id)):
            raise missing()
        current = yield from domains.find_check(domain.organization_id, domain.id, kind)
        if current is not None and current != seen and self._stands(current):
            return current  # another request was faster; both return the same record
        now = self.clock()
        expires_at = now + micros(VALUES_LIVE)
        status: Literal["pending", "done"] = "done" if current is not None and current.status == "done" else "pending"
        message = NAMELESS.message if is_nameless(new.wanted.value) else _PENDING
        check = Check(
            kind=kind,
            host=new.wanted.host,
            type=new.wanted.type,
            value=new.wanted.value,
            status=status,
            message=message,
            created_at=now,
            expires_at=expires_at,
        )
        yield from domains.put_check(domain.organization_id, domain.id, check)
        if new.key is not None:
            owner = _dkim_owner(domain)
            sealed = self.vault.seal(new.key, owner)
            row = secrets.SecretRow(owner.application_id, owner.kind, owner.id, owner.purpose, sealed)
            yield from secrets.put(row, at=now)
        yield from record("domain.record_issued", domain, at=now, kind=kind)
        return check

    async def dkim_key(self, domain: Domain) -> DkimKey | None:
        """The key that signs its mail; None until DNS has the DKIM record: before that, receivers cannot verify it."""
        check, sealed = await self.db.read(_find_dkim(domain))
        if check is None or check.status != "done" or sealed is None:
            return None
        private_key = SecretStr(self.vault.open(sealed, _dkim_owner(domain)).decode())
        return DkimKey(check.host.partition(".")[0], private_key)


def _find_dkim(domain: Domain) -> Steps[tuple[Check | None, Sealed | None]]:
    check = yield from domains.find_check(domain.organization_id, domain.id, "dkim")
    return check, (yield from secrets.find(domain.organization_id, DKIM_SECRET[0], domain.id, DKIM_SECRET[1]))


def _dkim_owner(domain: Domain) -> Owner:
    """These secrets belong to the organization, not to an application."""
    return Owner(domain.organization_id, DKIM_SECRET[0], domain.id, DKIM_SECRET[1])


def _key_pair(bits: KeyLength) -> tuple[bytes, bytes]:
    """A private key as PEM (PKCS #8) and its public half as DER."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
