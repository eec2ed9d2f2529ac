"""The shapes of the admin plane."""

import base64
import binascii
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from opengrant.api.wire import Model, Name, text
from opengrant.errors import InvalidRequest
from opengrant.grants.domains import Check, KeyLength, Kind, Region
from opengrant.grants.domains import Domain as DomainNoun
from opengrant.model import SECOND, Micros
from opengrant.model import ApiKey as ApiKeyNoun

# ── API keys ─────────────────────────────────────────────────────────────────────────────────────────────────


class ApiKeyBody(Model):
    """Both are optional."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "ci", "expires_in": 30}]})
    name: Name = "api-key"
    """For people."""
    expires_in: Annotated[int, Field(ge=1, le=36_500)] = 90
    """Days."""


class ApiKey(Model):
    """An API key, without its secret."""

    id: str
    application_id: str
    name: str
    permissions: list[str]
    status: Literal["active", "expired", "revoked"]
    created_at: int
    updated_at: int
    expires_at: int | None = None
    """Absent when it does not expire."""
    expires_in: int | None = None
    """Seconds from its creation."""

    @classmethod
    def of(cls, key: ApiKeyNoun, *, now: Micros) -> "ApiKey":
        lifetime = None if key.expires_at is None else (key.expires_at - key.created_at) // SECOND
        return cls.model_construct(**_members(key, now), expires_in=lifetime)


class NewApiKey(Model):
    """An API key with its secret, which is shown this once."""

    id: str
    api_key: str
    """The secret. It is stored nowhere; keep it now."""
    application_id: str
    name: str
    permissions: list[str]
    status: Literal["active", "expired", "revoked"]
    created_at: int
    updated_at: int
    expires_at: int | None = None
    """Absent when it does not expire."""

    @classmethod
    def of(cls, key: ApiKeyNoun, secret: str, *, now: Micros) -> "NewApiKey":
        return cls.model_construct(**_members(key, now), api_key=secret)


def _members(key: ApiKeyNoun, now: Micros) -> dict[str, Any]:
    return {
        "id": key.id,
        "application_id": key.application_id,
        "name": key.name,
        "permissions": list(key.permissions),
        "status": key.status(now),
        "created_at": key.created_at // SECOND,
        "updated_at": key.updated_at // SECOND,
        "expires_at": None if key.expires_at is None else key.expires_at // SECOND,
    }


# ── Domains ──────────────────────────────────────────────────────────────────────────────────────────────────


class DomainBody(Model):
    """A domain to register."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Mail", "domain_address": "mail.example.com"}]})
    name: Name
    """For people."""
    domain_address: Annotated[str, text(253)]
    """The domain itself, such as mail.example.com."""


class DomainPatch(Model):
    """Only the name can change."""

    name: Name | None = None


class DomainQuery(Model):
    """Which part of the list."""

    limit: Annotated[int, Field(ge=1, le=2**31 - 1)] = 50
    """How many at most; more than 200 counts as 200."""
    page_token: Annotated[str, text(256)] | None = None
    """The `next_cursor` of the page before."""

    LARGEST: ClassVar[int] = 200

    @property
    def size(self) -> int:
        return min(self.limit, self.LARGEST)

    @property
    def after(self) -> tuple[Micros, str] | None:
        """The (created_at, id) that a page token stands for. Raises InvalidRequest."""
        if self.page_token is None:
            return None
        try:
            created_at, colon, domain_id = base64.urlsafe_b64decode(self.page_token).decode("ascii").partition(":")
            if not colon or not domain_id.isprintable() or not 0 <= (at := int(created_at)) < 2**63:
                raise ValueError(self.page_token)
        except (ValueError, binascii.Error):
            raise InvalidRequest("page_token: is not a next_cursor that was given out.") from None
        return at, domain_id


def cursor(domain: DomainNoun) -> str:
    """What DomainQuery.after reads."""
    return base64.urlsafe_b64encode(f"{domain.created_at}:{domain.id}".encode()).decode()


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

    key_length: KeyLength = 2048
    """Bits. Take 1024 only where the DNS cannot hold a longer record."""


class VerificationBody(Model):
    """Which DNS record."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"type": "ownership"}, {"type": "dkim"}]})
    type: Kind
    """Which one: each is verified on its own."""
    options: DkimOptions | None = None

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
