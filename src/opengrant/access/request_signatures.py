"""Signed requests of service accounts.

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
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import structlog
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic_core import from_json

from opengrant.access.service_accounts import permits
from opengrant.errors import AuthenticationFailed, Forbidden
from opengrant.model import SECOND, Clock, Micros
from opengrant.store.access import nonces, service_accounts
from opengrant.store.access.service_accounts import ServiceAccount
from opengrant.store.engine.port import Store

log = structlog.get_logger()

WINDOW: Micros = 300 * SECOND
"""Largest difference between a timestamp and our clock, both ways."""
REMEMBER: Micros = 2 * WINDOW
"""How long a nonce is kept: a timestamp at the far end of the window is valid for exactly this long."""

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
class SignatureClaim:
    """The signature headers of a request, not verified yet."""

    account: ServiceAccount
    timestamp: int
    nonce: str
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatures:
    """Checks signed requests; built once, in assembly/.

    The check has two steps: the body is read only after the headers are valid. Every refusal is the same
    AuthenticationFailed; the log has the reason.
    """

    db: Store
    clock: Clock

    async def claim(self, headers: Iterable[tuple[bytes, bytes]]) -> SignatureClaim:
        """Read the four headers; names are lower case. Raises AuthenticationFailed."""
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
        return SignatureClaim(account, timestamp, values["nonce"], signature)

    async def verify(self, claim: SignatureClaim, *, method: str, path: str, body: bytes, permission: str) -> bytes:
        """Check the signature, then the nonce, then what the account may do.

        path     as on the wire: percent-encoded, without query
        Returns  the body that was signed: the body as sent, or its canonical form. Only this body may be used.
        Raises   AuthenticationFailed; Forbidden when the signature is good and the permission missing
        """
        signed = _signed_body(claim, method, path, body)
        if signed is None:
            raise _refused("signature", kid=claim.account.id)
        # After the signature: an unsigned request must not spend an account's nonces.
        now = self.clock()
        if not await self.db.write(nonces.spend(claim.account.id, claim.nonce, at=now, forget_before=now - REMEMBER)):
            raise _refused("nonce was used before", kid=claim.account.id)
        if not permits(claim.account.permissions, permission):
            raise Forbidden(f"This service account lacks the permission {permission}.")
        return signed


def canonical_json(value: Any) -> str:
    """Keys sorted at every level, no white space, characters beyond ASCII as they are. Raises ValueError."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def envelope(*, method: str, path: str, timestamp: int, nonce: str, payload: str | None) -> bytes:
    """The bytes that are signed."""
    members = {"method": method.lower(), "nonce": nonce, "path": path, "timestamp": timestamp}
    return canonical_json(members if payload is None else members | {"payload": payload}).encode()


def _signed_body(claim: SignatureClaim, method: str, path: str, body: bytes) -> bytes | None:
    """The form of the body that was signed: as sent, or canonical. None when the signature matches neither."""
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
    """Candidates for `payload`: the body as sent first, because the SDKs sort keys differently; then canonical."""
    if method not in _SIGNED_BODIES or not body:
        yield None
        return
    try:
        sent = body.decode()
        yield sent
        canonical = canonical_json(from_json(body, allow_inf_nan=False))
    except ValueError:
        return  # not text or not JSON: no canonical form
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
