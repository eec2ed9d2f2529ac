"""Signed id_tokens, and the installation's signing keys.

Two RSA keys are stored: the current one, which signs, and the previous one. Both are published, so that id_tokens stay
valid after a rotation.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet, RSAKey
from pydantic import SecretStr

from opengrant.errors import InvalidRequest, OAuthRefused, Overloaded
from opengrant.events import audit
from opengrant.model import SECOND, Clock, Micros, is_recent
from opengrant.store import secrets
from opengrant.store.engine.port import Steps, Store
from opengrant.vault import Owner, Vault

ID_TOKEN_FOR = 3600
"""Seconds that an id_token is valid."""

_ALGORITHM = "RS256"
_BITS = 2048
_OWNER = Owner(secrets.INSTALLATION, "installation", "default", "signing-keys")
_FIND = (_OWNER.application_id, _OWNER.kind, _OWNER.id, _OWNER.purpose)
_LOOK_AGAIN = 60 * SECOND
"""How long a process may sign with a key that another process has rotated; the key is still published."""
_LONGEST = 8192
"""Characters of an id_token that is decoded."""


@dataclass(frozen=True, slots=True)
class _StoredKeys:
    """The keys, newest first, with the row they were read from."""

    keys: tuple[RSAKey, ...] = field(repr=False)
    made_at: Micros
    row: secrets.SecretRow
    read_at: Micros


class IdTokens:
    """Built once, in assembly/. The first key is made on first use."""

    def __init__(self, *, db: Store, vault: Vault, clock: Clock) -> None:
        self._db, self._vault, self._clock = db, vault, clock
        self._stored: _StoredKeys | None = None
        self._loading = asyncio.Lock()

    async def sign(self, claims: Mapping[str, Any], *, lifetime: int = ID_TOKEN_FOR) -> SecretStr:
        """A JWT of these claims, with `iat` and `exp`; its header names the key."""
        key = (await self._keys()).keys[0]
        issued = self._clock() // SECOND
        stamped = {**claims, "iat": issued, "exp": issued + lifetime}
        return SecretStr(jwt.encode({"typ": "JWT", "alg": _ALGORITHM, "kid": key.kid}, stamped, key))

    async def read(self, id_token: str) -> Mapping[str, Any]:
        """The claims of an id_token. Raises OAuthRefused when we did not sign it, or when it has expired."""
        try:
            if len(id_token) > _LONGEST:
                raise ValueError("longer than any of ours")
            claims = await self._verified(id_token)
            if int(claims["exp"]) <= self._clock() // SECOND:
                raise ValueError("expired")
        except (JoseError, ValueError, KeyError, TypeError):
            raise OAuthRefused("invalid_token", "Token expired or revoked") from None
        return claims

    async def _verified(self, id_token: str) -> Mapping[str, Any]:
        stored = await self._keys()
        try:
            return _claims(id_token, stored)
        except InvalidKeyIdError:
            if is_recent(stored.read_at, within=SECOND, now=self._clock()):
                raise
            # Another process may have rotated. Unknown key ids cause one look-up a second at most.
            return _claims(id_token, await self._keys(afresh=True))

    async def published(self) -> dict[str, Any]:
        """The public halves, as a JSON Web Key Set."""
        return {"keys": [key.as_dict(private=False) for key in (await self._keys()).keys]}

    async def rotate(self) -> str:
        """Sign with a new key; the current key becomes the previous one. Returns the new key's id.

        Raises InvalidRequest while id_tokens that the previous key signed may still be valid; Overloaded.
        """
        stored = await self._keys(afresh=True)
        now = self._clock()
        if len(stored.keys) > 1 and now - stored.made_at < ID_TOKEN_FOR * SECOND + _LOOK_AGAIN:
            raise InvalidRequest("The last rotation is less than an hour ago: id_tokens of the key before still hold.")
        keys = (await _new_key(), stored.keys[0])
        kid = str(keys[0].kid)
        if not await self._db.write(self._swap(stored, keys, kid, now)):
            raise Overloaded("The signing key is being rotated by another command. Try again.", retry_after=1)
        self._stored = None
        return kid

    def _swap(self, stored: _StoredKeys, keys: tuple[RSAKey, ...], kid: str, now: Micros) -> Steps[bool]:
        if not (yield from secrets.swap(stored.row, self._vault.seal(_packed(keys, now), _OWNER))):
            return False
        yield from audit.record(audit.INSTALLATION, "signing_key.rotated", at=now, signing_key_id=kid)
        return True

    async def _keys(self, *, afresh: bool = False) -> _StoredKeys:
        stored = self._stored
        if stored is None or afresh or not is_recent(stored.read_at, within=_LOOK_AGAIN, now=self._clock()):
            async with self._loading:
                if self._stored is stored or self._stored is None:  # otherwise another task has just loaded them
                    self._stored = await self._load()
                stored = self._stored
        return stored

    async def _load(self) -> _StoredKeys:
        sealed = await self._db.read(secrets.find(*_FIND))
        if sealed is None:
            now = self._clock()
            fresh = secrets.SecretRow(*_FIND, self._vault.seal(_packed((await _new_key(),), now), _OWNER))
            await self._db.write(secrets.add_if_absent(fresh, at=now))
            sealed = await self._db.read(secrets.find(*_FIND))
        if sealed is None:
            raise RuntimeError("the signing key was written and is not there")
        payload = json.loads(self._vault.open(sealed, _OWNER))
        keys = tuple(RSAKey.import_key(key) for key in payload["keys"])
        return _StoredKeys(keys, payload["made_at"], secrets.SecretRow(*_FIND, sealed), self._clock())


def _claims(id_token: str, stored: _StoredKeys) -> Mapping[str, Any]:
    return jwt.decode(id_token, KeySet([*stored.keys]), algorithms=[_ALGORITHM]).claims


async def _new_key() -> RSAKey:
    # Finding primes takes a large part of a second, so it runs off the event loop.
    key = await asyncio.to_thread(RSAKey.generate_key, _BITS, {"use": "sig", "alg": _ALGORITHM})
    return RSAKey.import_key({**key.as_dict(private=True), "kid": key.thumbprint()})


def _packed(keys: tuple[RSAKey, ...], made_at: Micros) -> bytes:
    return json.dumps({"made_at": made_at, "keys": [key.as_dict(private=True) for key in keys]}).encode()
