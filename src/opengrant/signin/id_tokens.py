"""Signed id_tokens: the installation's signing keys, and what is said under them.

Two RSA keys are held, the present one, which signs, and the one before it. Both are published, so that a rotation
spoils no id_token that is still good.
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
"""Seconds that an id_token is good for."""

_ALGORITHM = "RS256"
_BITS = 2048
_OWNER = Owner(secrets.INSTALLATION, "installation", "default", "signing-keys")
_FIND = (_OWNER.application_id, _OWNER.kind, _OWNER.id, _OWNER.purpose)
_LOOK_AGAIN = 60 * SECOND
"""How long a process may go on signing with a key that another has rotated away: published it still is."""
_LONGEST = 8192
"""Characters of an id_token that is looked at."""


@dataclass(frozen=True, slots=True)
class _Held:
    """The keys, newest first, as they were stored when they were read."""

    keys: tuple[RSAKey, ...] = field(repr=False)
    made_at: Micros
    row: secrets.SecretRow
    read_at: Micros


class Signing:
    """Built once, in assembly/installation.py. The first key is made when it is first asked for."""

    def __init__(self, db: Store, vault: Vault, clock: Clock) -> None:
        self._db, self._vault, self._clock = db, vault, clock
        self._held: _Held | None = None
        self._loading = asyncio.Lock()

    async def sign(self, claims: Mapping[str, Any], *, lifetime: int = ID_TOKEN_FOR) -> SecretStr:
        """A JWT of these claims, with `iat` and `exp`, whose header names the key."""
        key = (await self._keys()).keys[0]
        issued = self._clock() // SECOND
        stamped = {**claims, "iat": issued, "exp": issued + lifetime}
        return SecretStr(jwt.encode({"typ": "JWT", "alg": _ALGORITHM, "kid": key.kid}, stamped, key))

    async def read(self, id_token: str) -> Mapping[str, Any]:
        """The claims of an id_token of ours. Raises OAuthRefused when it is none, or is over."""
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
        held = await self._keys()
        try:
            return _claims(id_token, held)
        except InvalidKeyIdError:
            if is_recent(held.read_at, within=SECOND, now=self._clock()):
                raise
            # Another process may have rotated; strangers can have us look once a second, no more.
            return _claims(id_token, await self._keys(afresh=True))

    async def published(self) -> dict[str, Any]:
        """The public halves, as a JSON Web Key Set."""
        return {"keys": [key.as_dict(private=False) for key in (await self._keys()).keys]}

    async def rotate(self) -> str:
        """A new key signs from now on; the one before the present is forgotten. Returns the new key's id.

        Raises InvalidRequest while the present key is so young that id_tokens of the one before it may be about.
        """
        held = await self._keys(afresh=True)
        now = self._clock()
        if len(held.keys) > 1 and now - held.made_at < ID_TOKEN_FOR * SECOND + _LOOK_AGAIN:
            raise InvalidRequest("The last rotation is less than an hour ago: id_tokens of the key before still hold.")
        keys = (await _new_key(), held.keys[0])
        kid = str(keys[0].kid)
        if not await self._db.write(self._swap(held, keys, kid, now)):
            raise Overloaded("Somebody else is rotating the signing key. Look again.", retry_after=1)
        self._held = None
        return kid

    def _swap(self, held: _Held, keys: tuple[RSAKey, ...], kid: str, now: Micros) -> Steps[bool]:
        if not (yield from secrets.swap(held.row, self._vault.seal(_packed(keys, now), _OWNER))):
            return False
        yield from audit.record(audit.INSTALLATION, "signing_key.rotated", at=now, signing_key_id=kid)
        return True

    async def _keys(self, *, afresh: bool = False) -> _Held:
        held = self._held
        if held is None or afresh or not is_recent(held.read_at, within=_LOOK_AGAIN, now=self._clock()):
            async with self._loading:
                if self._held is held or self._held is None:  # else somebody has just looked
                    self._held = await self._load()
                held = self._held
        return held

    async def _load(self) -> _Held:
        sealed = await self._db.read(secrets.find(*_FIND))
        if sealed is None:
            now = self._clock()
            fresh = secrets.SecretRow(*_FIND, self._vault.seal(_packed((await _new_key(),), now), _OWNER))
            await self._db.write(secrets.add_if_absent(fresh, at=now))
            sealed = await self._db.read(secrets.find(*_FIND))
        if sealed is None:
            raise RuntimeError("the signing key was written and is not there")
        stored = json.loads(self._vault.open(sealed, _OWNER))
        keys = tuple(RSAKey.import_key(key) for key in stored["keys"])
        return _Held(keys, stored["made_at"], secrets.SecretRow(*_FIND, sealed), self._clock())


def _claims(id_token: str, held: _Held) -> Mapping[str, Any]:
    return jwt.decode(id_token, KeySet([*held.keys]), algorithms=[_ALGORITHM]).claims


async def _new_key() -> RSAKey:
    # Finding primes takes a good part of a second: not on the event loop.
    key = await asyncio.to_thread(RSAKey.generate_key, _BITS, {"use": "sig", "alg": _ALGORITHM})
    return RSAKey.import_key({**key.as_dict(private=True), "kid": key.thumbprint()})


def _packed(keys: tuple[RSAKey, ...], made_at: Micros) -> bytes:
    return json.dumps({"made_at": made_at, "keys": [key.as_dict(private=True) for key in keys]}).encode()
