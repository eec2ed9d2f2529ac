"""Registered domains on the wire."""

from typing import Annotated, Literal

from opengrant.api.wire import pagination as cursors
from opengrant.api.wire.fields import Model, Name, OrNull, examples, text
from opengrant.domains.domains import Domain as DomainNoun
from opengrant.domains.domains import Region
from opengrant.domains.verification import Check, KeyLength, Kind
from opengrant.model import SECOND


class DomainBody(Model):
    """A domain to register."""

    model_config = examples({"name": "Mail", "domain_address": "mail.example.com"})
    name: Name
    """For people."""
    domain_address: Annotated[str, text(253)]
    """The domain itself, such as mail.example.com."""


class DomainPatch(Model):
    """Only the name can change."""

    model_config = examples({"name": "Mail"})
    name: Name | None = None
    """For people."""


class DomainQuery(cursors.Query):
    """Which part of the list."""


class Domain(Model):
    """A registered domain. All fields are always there."""

    id: str
    name: str
    branded: bool
    """A subdomain lent by the service; here never."""
    domain_address: str
    organization_id: str
    region: Region
    verified_ownership: bool
    verified_dkim: bool
    verified_spf: bool
    verified_mx: bool
    verified_feedback: bool
    verified_dmarc: bool
    """Never checked."""
    verified_arc: bool
    """Never checked."""
    created_at: int
    updated_at: int

    @classmethod
    def of(cls, domain: DomainNoun) -> "Domain":
        return cls.model_construct(
            id=domain.id,
            name=domain.name,
            branded=False,
            domain_address=domain.address,
            organization_id=domain.organization_id,
            region=domain.region,
            verified_ownership=domain.verified_ownership,
            verified_dkim=domain.verified_dkim,
            verified_spf=domain.verified_spf,
            verified_mx=domain.verified_mx,
            verified_feedback=domain.verified_feedback,
            verified_dmarc=False,
            verified_arc=False,
            created_at=domain.created_at // SECOND,
            updated_at=domain.updated_at // SECOND,
        )


class DkimOptions(Model):
    """How to make a DKIM key; of no meaning for other records."""

    key_length: Annotated[KeyLength, OrNull] = 2048
    """Bits. Take 1024 only where the DNS cannot hold a longer record."""


class VerificationBody(Model):
    """Which DNS record."""

    model_config = examples({"type": "ownership"}, {"type": "dkim", "options": {"key_length": 2048}})
    type: Kind
    """Which one: each is verified on its own."""
    options: DkimOptions | None = None
    """How to make a DKIM key."""

    @property
    def key_length(self) -> KeyLength:
        return 2048 if self.options is None else self.options.key_length


class RecordOptions(Model):
    """A DNS record to publish."""

    host: str
    """Relative to the domain; `@` is the domain itself."""
    type: Literal["TXT", "MX"]
    value: str
    """For an MX, the preference and the host."""


class Attempt(Model):
    """What is verified, and by which record."""

    type: Kind
    options: RecordOptions


class Verification(Model):
    """The DNS record to publish, and whether it was found."""

    domain_id: str
    attempt: Attempt
    status: Literal["pending", "done", "failed"]
    """`done` stays. `failed`: there is a wrong record, or this one has expired."""
    created_at: int
    expires_at: int
    """The record must be found by then; afterwards `info` gives a new one."""
    message: str
    """For people: what was found, and what to do."""

    @classmethod
    def of(cls, found: tuple[DomainNoun, Check]) -> "Verification":
        domain, check = found
        options = RecordOptions.model_construct(host=check.host, type=check.type, value=check.value)
        return cls.model_construct(
            domain_id=domain.id,
            attempt=Attempt.model_construct(type=check.kind, options=options),
            status=check.status,
            created_at=check.created_at // SECOND,
            expires_at=check.expires_at // SECOND,
            message=check.message,
        )
