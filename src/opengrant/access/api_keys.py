"""API keys: authentication of a request, and how a key is made, listed and revoked."""

import hmac
import secrets as random
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypedDict

from pydantic import SecretStr

from opengrant.errors import InvalidRequest, NotFound, Unauthorized
from opengrant.events import audit
from opengrant.model import PERMISSIONS, SECOND, ApiKey, Application, Caller, Clock, Micros, micros
from opengrant.store.access import api_keys
from opengrant.store.access.api_keys import LiveKey
from opengrant.store.engine.port import Steps, Store
from opengrant.vault.digests import Digests

KEY_PREFIX = "nyk_v0_"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_LONGEST_KEY = 512
"""Characters of a bearer that is looked up."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key with its secret, which is not stored."""

    key: ApiKey
    secret: SecretStr


class KeyMembers(TypedDict):
    """An API key as JSON: times in Unix seconds, no secret."""

    id: str
    application_id: str
    name: str
    permissions: list[str]
    status: str
    created_at: int
    updated_at: int
    expires_at: int | None
    last_used_at: int | None


def members(key: ApiKey, *, now: Micros) -> KeyMembers:
    """What the API and the command line show of a key."""
    return {
        "id": key.id,
        "application_id": key.application_id,
        "name": key.name,
        "permissions": list(key.permissions),
        "status": key.status(now),
        "created_at": key.created_at // SECOND,
        "updated_at": key.updated_at // SECOND,
        "expires_at": None if key.expires_at is None else key.expires_at // SECOND,
        "last_used_at": None if key.last_used_at is None else key.last_used_at // SECOND,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeys:
    """Built once, in assembly/."""

    db: Store
    digests: Digests
    clock: Clock
    uses: dict[str, Micros] = field(default_factory=dict)
    """Last uses that are not stored yet, by key id: one write a minute per key instead of one per request."""

    async def authenticate(self, bearer: str | None) -> Caller:
        """Return the application and permissions of a key. Raises Unauthorized, with the same text for every reason."""
        digest, now = self.digest_of(bearer), self.clock()
        return self.accept(await self.db.read(api_keys.find_live(digest, now=now)), digest, at=now)

    def digest_of(self, bearer: str | None) -> bytes:
        """By which a key is looked up. Raises Unauthorized for what can be no key."""
        if not bearer or len(bearer) > _LONGEST_KEY:
            raise Unauthorized("Bearer token invalid")
        return self.digests.api_key(bearer)

    def accept(self, found: LiveKey | None, digest: bytes, *, at: Micros) -> Caller:
        """The caller of a key that was looked up just now; notes its use. Raises Unauthorized."""
        if found is None or not hmac.compare_digest(found.digest, digest):
            raise Unauthorized("Bearer token invalid")
        self.uses[found.caller.key_id] = at
        return found.caller

    async def write_uses(self) -> None:
        """Store the last uses collected since the previous call."""
        uses = dict(self.uses)
        self.uses.clear()
        if uses:
            await self.db.write(api_keys.used(uses))

    async def create(
        self,
        application: Application,
        name: str,
        *,
        lifetime: timedelta | None,
        permissions: tuple[str, ...] = ("all",),
        secret: SecretStr | None = None,
    ) -> NewKey:
        """Make a key.

        lifetime     None: the key does not expire
        permissions  one or more of PERMISSIONS
        secret       None: a random one
        Raises       InvalidRequest
        """
        if lifetime is not None and lifetime <= timedelta(0):
            raise InvalidRequest("expires_in: a key that ends before it begins never works. Send 1 day or more.")
        permissions = tuple(dict.fromkeys(permissions))
        if not permissions or not set(permissions) <= set(PERMISSIONS):
            raise InvalidRequest(f"permissions: API keys have {', '.join(PERMISSIONS)}; name one of them or more.")
        new = self.draw(application, name, lifetime=lifetime, permissions=permissions, secret=secret)
        await self.db.write(self.add(new))
        return new

    async def of_application(self, application: Application) -> list[ApiKey]:
        """All keys in order of creation, expired and revoked ones too."""
        return await self.db.read(api_keys.of_application(application.id))

    async def revoke(self, key_id: str, *, application_id: str | None = None) -> ApiKey:
        """Takes effect with the next request. Raises NotFound."""
        return await self.db.write(self._revoke(key_id, application_id))

    def _revoke(self, key_id: str, application_id: str | None) -> Steps[ApiKey]:
        now = self.clock()
        key = yield from api_keys.revoke(application_id, key_id, at=now)
        if key is None:
            raise NotFound(f"There is no API key {key_id}. `opengrant keys list` shows them.")
        if key.revoked_at == now:
            # A key that was revoked before keeps its first time: nothing changed, so nothing is recorded.
            yield from audit.record(key.application_id, "api_key.revoked", at=now, api_key_id=key.id)
        return key

    def draw(
        self,
        application: Application,
        name: str,
        *,
        lifetime: timedelta | None,
        permissions: tuple[str, ...],
        secret: SecretStr | None,
    ) -> NewKey:
        """A key that is not stored yet; arguments as for `create`, already checked."""
        now = self.clock()
        expires_at = None if lifetime is None else now + micros(lifetime)
        key = ApiKey(
            id=str(uuid.uuid4()),
            application_id=application.id,
            name=name,
            permissions=permissions,
            created_at=now,
            updated_at=now,
            expires_at=expires_at,
            revoked_at=None,
            last_used_at=None,
        )
        random_secret = SecretStr(KEY_PREFIX + "".join(random.choice(_ALPHABET) for _ in range(43)))
        return NewKey(key, secret or random_secret)

    def add(self, new: NewKey) -> Steps[None]:
        """Store a key and its audit entry."""
        key = new.key
        yield from api_keys.add(key, self.digests.api_key(new.secret.get_secret_value()))
        yield from audit.record(
            key.application_id,
            "api_key.created",
            at=key.created_at,
            api_key_id=key.id,
            permissions=key.permissions,
            expires_at=None if key.expires_at is None else key.expires_at // SECOND,
        )
