"""Service accounts, and the signatures by which their requests are recognised.

A request carries four headers: key id, Unix time, nonce, and the Base64 of an RSASSA-PKCS1-v1_5 signature with
SHA-256 over a canonical JSON object of these members:

    {"method":"post","nonce":"…","path":"/v3/admin/domains","payload":"{\"name\":\"Mail\"}","timestamp":1742932766}

`payload` is the body's canonical JSON, as a string; it is absent without a body and for verbs that have none.
Canonical is: keys sorted at every level, no white space, characters beyond ASCII as they are.
"""

import base64
import binascii
import json
import re
import secrets as random
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import SecretStr
from pydantic_core import from_json

from opengrant.errors import AuthenticationFailed, Forbidden, InvalidRequest, NotFound
from opengrant.events import audit
from opengrant.model import SECOND, Clock, Micros
from opengrant.store.access import nonces, service_accounts
from opengrant.store.access.service_accounts import ServiceAccount
from opengrant.store.engine.port import Steps, Store
from opengrant.store.tenants import organizations
from opengrant.store.tenants.organizations import Organization, Region

__all__ = [
    "PERMISSIONS",
    "Claim",
    "NewServiceAccount",
    "Organization",
    "ServiceAccount",
    "ServiceAccounts",
    "Signatures",
]

log = structlog.get_logger()

WINDOW: Micros = 300 * SECOND
"""How far a timestamp may be from our clock, both ways."""
REMEMBER: Micros = 2 * WINDOW
"""How long a nonce is kept. A timestamp from the far end of the window is good for exactly this long."""

PERMISSIONS = (
    "apikey.create",
    "apikey.get",
    "apikey.delete",
    "domain.create",
    "domain.get",
    "domain.update",
    "domain.delete",
    "domain.verify",
)
EVERYTHING = "all"
_KEY_BITS = 2048
_REGION: Region = "us"

_HEADERS = {
    b"x-nylas-kid": "kid",
    b"x-nylas-timestamp": "timestamp",
    b"x-nylas-nonce": "nonce",
    b"x-nylas-signature": "signature",
}
_SHAPES = {
    "kid": re.compile(r"[\x21-\x7e]{1,128}"),
    "timestamp": re.compile(r"[0-9]{1,12}"),
    "nonce": re.compile(r"[\x21-\x7e]{1,128}"),
    "signature": re.compile(r"[A-Za-z0-9+/]{1,2048}={0,2}"),
}
_SIGNED_BODIES = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True, slots=True)
class NewServiceAccount:
    """An account with its private key (PEM, PKCS #8), which exists nowhere else."""

    account: ServiceAccount
    organization: Organization
    private_key: SecretStr

    def credential_file(self) -> Mapping[str, Any]:
        """What the official SDKs read. It holds the private key: write it once, to its owner."""
        return {
            "type": "service_account",
            "name": self.account.name,
            "private_key_id": self.account.id,
            "private_key": self.private_key.get_secret_value(),
            "organization_id": self.organization.id,
            "region": self.organization.region,
            "permissions": list(self.account.permissions),
        }


@dataclass(frozen=True, slots=True)
class ServiceAccounts:
    """Made, listed and revoked on the command line; built once, in assembly/installation.py."""

    db: Store
    clock: Clock

    async def organization(self) -> Organization:
        """The organization of this installation, made when it is first needed."""
        found = await self.db.read(organizations.find_default())
        if found is not None:
            return found
        fresh = Organization(str(uuid.uuid4()), _REGION, self.clock())
        return await self.db.write(organizations.add_default(fresh))

    async def create(self, name: str, permissions: Iterable[str] = (EVERYTHING,)) -> NewServiceAccount:
        """Make an account with a key pair of its own; only the public half is stored.

        permissions  of PERMISSIONS, `all`, or a family such as `domain.*`
        Raises       InvalidRequest for any other
        """
        granted = tuple(dict.fromkeys(permissions))
        families = {f"{permission.partition('.')[0]}.*" for permission in PERMISSIONS}
        for permission in granted:
            if permission not in {EVERYTHING, *PERMISSIONS, *families}:
                known = ", ".join((EVERYTHING, *sorted(families), *PERMISSIONS))
                raise InvalidRequest(f"There is no permission {permission}. One of {known}.")
        key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        organization = await self.organization()
        account = ServiceAccount(
            random.token_hex(16), organization.id, name, public, granted or (EVERYTHING,), self.clock()
        )
        await self.db.write(_add(account))
        return NewServiceAccount(account, organization, SecretStr(pem.decode()))

    async def everyone(self) -> list[ServiceAccount]:
        return await self.db.read(service_accounts.of_organization((await self.organization()).id))

    async def revoke(self, account_id: str) -> ServiceAccount:
        """Takes effect with the next request. Raises NotFound."""
        organization = await self.organization()
        return await self.db.write(self._revoke(organization.id, account_id))

    def _revoke(self, organization_id: str, account_id: str) -> Steps[ServiceAccount]:
        now = self.clock()
        account = yield from service_accounts.revoke(organization_id, account_id, at=now)
        if account is None:
            raise NotFound(f"There is no service account {account_id}. `opengrant service-accounts list` shows them.")
        if account.revoked_at == now:
            # Otherwise it was revoked before, and nothing has happened.
            yield from audit.record(organization_id, "service_account.revoked", at=now, service_account_id=account.id)
        return account


def _add(account: ServiceAccount) -> Steps[None]:
    yield from service_accounts.add(account)
    yield from audit.record(
        account.organization_id,
        "service_account.created",
        at=account.created_at,
        service_account_id=account.id,
        permissions=account.permissions,
    )


@dataclass(frozen=True, slots=True)
class Claim:
    """Who a request says it is from, before its signature is checked."""

    account: ServiceAccount
    timestamp: int
    nonce: str
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Signatures:
    """Checks signed requests; built once, in assembly/installation.py.

    In two steps, so that nobody's body is read before the headers hold together. Every refusal is the same
    AuthenticationFailed; the log has the reason.
    """

    db: Store
    clock: Clock

    async def claim(self, headers: Iterable[tuple[bytes, bytes]]) -> Claim:
        """Read the four headers, names in lower case. Raises AuthenticationFailed."""
        values = _read(headers)
        timestamp = int(values["timestamp"])
        if abs(self.clock() - timestamp * SECOND) > WINDOW:
            raise _refused("timestamp", kid=values["kid"])
        try:
            signature = base64.b64decode(values["signature"], validate=True)
        except binascii.Error:
            raise _refused("signature is not base64", kid=values["kid"]) from None
        account = await self.db.read(service_accounts.find(values["kid"]))
        if account is None or account.revoked_at is not None:
            raise _refused("unknown account" if account is None else "revoked account", kid=values["kid"])
        return Claim(account, timestamp, values["nonce"], signature)

    async def verify(self, claim: Claim, *, method: str, path: str, body: bytes, permission: str) -> bytes:
        """Check the signature, then the nonce, then what the account may do.

        path     as on the wire: percent-encoded, without query
        Returns  the body that was signed: what was sent, or its canonical form. Nothing else may be acted on.
        Raises   AuthenticationFailed; Forbidden when the signature is good and the permission missing
        """
        signed = _signed_body(claim, method, path, body)
        if signed is None:
            raise _refused("signature", kid=claim.account.id)
        # Only now: a stranger must not be able to use up an account's nonces.
        now = self.clock()
        if not await self.db.write(nonces.spend(claim.account.id, claim.nonce, at=now, forget_before=now - REMEMBER)):
            raise _refused("nonce was used before", kid=claim.account.id)
        if not permits(claim.account.permissions, permission):
            raise Forbidden(f"This service account lacks the permission {permission}.")
        return signed


def permits(granted: Iterable[str], wanted: str) -> bool:
    family = f"{wanted.partition('.')[0]}.*"
    return any(permission in {EVERYTHING, family, wanted} for permission in granted)


def canonical_json(value: Any) -> str:
    """Keys sorted at every level, no white space, characters beyond ASCII as they are. Raises ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def envelope(*, method: str, path: str, timestamp: int, nonce: str, payload: str | None) -> bytes:
    """The bytes that are signed."""
    members = {"method": method.lower(), "nonce": nonce, "path": path, "timestamp": timestamp}
    return canonical_json(members if payload is None else members | {"payload": payload}).encode()


def _signed_body(claim: Claim, method: str, path: str, body: bytes) -> bytes | None:
    """Which form of the body the signature is of; None when it is of none."""
    key = serialization.load_der_public_key(claim.account.public_key)
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("only RSA keys are ever stored")
    for payload in _payloads(method, body):
        message = envelope(method=method, path=path, timestamp=claim.timestamp, nonce=claim.nonce, payload=payload)
        try:
            key.verify(claim.signature, message, padding.PKCS1v15(), hashes.SHA256())
        except (InvalidSignature, UnsupportedAlgorithm):
            continue
        return b"" if payload is None else payload.encode()
    return None


def _payloads(method: str, body: bytes) -> Iterable[str | None]:
    """What `payload` may have been: the body as sent first, for the SDKs do not all sort alike; then as canonical."""
    if method not in _SIGNED_BODIES or not body:
        yield None
        return
    try:
        sent = body.decode()
        yield sent
        canonical = canonical_json(from_json(body, allow_inf_nan=False))
    except ValueError:
        return  # not text, or not JSON: there is no other form of it
    if canonical != sent:
        yield canonical


def _read(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in headers:
        if (meaning := _HEADERS.get(name)) is not None:
            if meaning in values:
                raise _refused(f"{meaning} was sent twice")
            values[meaning] = value.decode("latin-1").strip()
    for meaning, shape in _SHAPES.items():
        if meaning not in values:
            raise _refused(f"{meaning} is missing")
        if not shape.fullmatch(values[meaning]):
            raise _refused(f"{meaning} is malformed")
    return values


def _refused(reason: str, *, kid: str | None = None) -> AuthenticationFailed:
    log.info("signature_refused", reason=reason, kid=kid)
    return AuthenticationFailed("Unauthorized")
