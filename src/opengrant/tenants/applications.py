"""Applications, what they say about themselves, and their API keys: who may call."""

import hmac
import secrets as random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, get_args

from pydantic import SecretStr

from opengrant.errors import InvalidRequest, NotFound, Unauthorized
from opengrant.events import audit
from opengrant.model import PERMISSIONS, SECOND, ApiKey, Application, Caller, Clock, IdentityRule, Micros, Profile
from opengrant.store.access import api_keys
from opengrant.store.engine.port import Dialect, Steps, Store
from opengrant.store.tenants import applications
from opengrant.store.tenants.applications import Part
from opengrant.tenants import redirect_uris as redirects
from opengrant.vault.digests import Digests

KEY_PREFIX = "nyk_v0_"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_LONGEST_KEY = 512
_LONGEST_ID = 64
DEFAULT_APPLICATION = "Default"
PARTS: tuple[Part, ...] = get_args(Part)
"""Of a profile: each is replaced as a whole."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an application is to say about itself.

    parts         each replaces what was there as a whole; what is not named stays
    domain        None: stays
    callback_uris all of its redirect URIs; None: stay
    """

    parts: Mapping[Part, Mapping[str, Any]]
    domain: str | None = None
    callback_uris: Sequence[redirects.Draft] | None = None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key with its secret, which exists nowhere else."""

    key: ApiKey
    secret: SecretStr


@dataclass(frozen=True, slots=True)
class Applications:
    """Tenants and keys; built once, in assembly/installation.py."""

    db: Store
    digests: Digests
    clock: Clock
    uses: dict[str, Micros] = field(default_factory=dict)
    """Last uses that are not written yet: one write a minute and key instead of one a request."""

    async def authenticate(self, bearer: str | None) -> Caller:
        """The application a bearer key speaks for. Raises Unauthorized, with the same text for every reason."""
        if not bearer or len(bearer) > _LONGEST_KEY:
            raise Unauthorized("Bearer token invalid")
        digest = self.digests.api_key(bearer)
        now = self.clock()
        found = await self.db.read(api_keys.find_caller(digest, now=now))
        if found is None or not hmac.compare_digest(found[0], digest):
            raise Unauthorized("Bearer token invalid")
        caller = found[1]
        self.uses[caller.key_id] = now
        return caller

    async def write_uses(self) -> None:
        """Store the last uses that were collected since the last call."""
        uses = dict(self.uses)
        self.uses.clear()
        if uses:
            await self.db.write(api_keys.used(uses))

    async def create(
        self, name: str, *, identity_rule: IdentityRule = "email", application_id: str | None = None
    ) -> Application:
        """Raises InvalidRequest when the id is taken."""
        application = Application(application_id or str(uuid.uuid4()), name, identity_rule, self.clock())
        if not await self.db.write(_add(application)):
            raise InvalidRequest(f"An application with the id {application.id} already exists.")
        return application

    async def everyone(self) -> list[Application]:
        return await self.db.read(applications.everyone())

    async def get(self, application_id: str) -> Application:
        application = await self.db.read(applications.find(application_id))
        if application is None:
            raise NotFound(f"There is no application {application_id}. `opengrant apps list` shows them.")
        return application

    async def find(self, application_id: str) -> Application | None:
        """As `get`, for those who have only a client id: it says nothing about what there is."""
        if not (application_id.isascii() and application_id.isprintable() and len(application_id) <= _LONGEST_ID):
            # It comes from strangers, and no database takes everything for text.
            return None
        return await self.db.read(applications.find(application_id))

    async def profile(self, application: Application) -> Profile:
        return await self.db.read(_profile(application))

    async def update(self, application: Application, change: Change) -> Profile:
        """All of it or nothing. Raises InvalidRequest."""
        return await self.db.write(self._update(application, change))

    def _update(self, application: Application, change: Change) -> Steps[Profile]:
        now = self.clock()
        yield from applications.lock(application.id)
        held = yield from _profile(application)
        parts = dict(change.parts)
        if "branding" in parts:
            parts["branding"] = {"name": application.name, **parts["branding"]}
        changed: list[str] = [name for name, value in parts.items() if getattr(held, name) != value]
        if change.domain is not None and change.domain != held.domain:
            changed.append("domain")
        if changed:
            yield from applications.change_profile(application.id, parts, change.domain, at=now)
        moved = False
        if change.callback_uris is not None:
            moved = yield from redirects.put_all(application, change.callback_uris, at=now)
        if moved or "idp_settings" in changed:
            yield from redirects.publish_origins(application.id)
        if changed:
            yield from audit.record(application.id, "application.updated", at=now, changed=changed)
        return (yield from _profile(application))

    async def create_key(
        self,
        application: Application,
        name: str,
        *,
        lifetime: timedelta | None,
        permissions: tuple[str, ...] = ("all",),
        secret: SecretStr | None = None,
    ) -> NewKey:
        """A new key; `lifetime` None means it does not expire, `secret` None means a random one.

        permissions  of PERMISSIONS; raises InvalidRequest for any other, and for none
        """
        if lifetime is not None and lifetime <= timedelta(0):
            raise InvalidRequest("expires_in: a key that ends before it begins never works. Send 1 day or more.")
        permissions = tuple(dict.fromkeys(permissions))
        if not permissions or not set(permissions) <= set(PERMISSIONS):
            raise InvalidRequest(f"permissions: API keys have {' and '.join(PERMISSIONS)}; name one of them, or both.")
        new = self._new_key(application, name, lifetime=lifetime, permissions=permissions, secret=secret)
        await self.db.write(_add_key(new.key, self.digests.api_key(new.secret.get_secret_value())))
        return new

    async def keys(self, application: Application) -> list[ApiKey]:
        return await self.db.read(api_keys.of_application(application.id))

    async def revoke_key(self, key_id: str, *, application_id: str | None = None) -> ApiKey:
        """Takes effect with the next request. Raises NotFound."""
        return await self.db.write(self._revoke_key(key_id, application_id))

    def _revoke_key(self, key_id: str, application_id: str | None) -> Steps[ApiKey]:
        now = self.clock()
        key = yield from api_keys.revoke(application_id, key_id, at=now)
        if key is None:
            raise NotFound(f"There is no API key {key_id}. `opengrant keys list` shows them.")
        if key.revoked_at == now:
            # Otherwise it was revoked before, and nothing has happened.
            yield from audit.record(key.application_id, "api_key.revoked", at=now, api_key_id=key.id)
        return key

    async def bootstrap(
        self, *, application_id: str | None, secret: SecretStr | None
    ) -> tuple[Application, NewKey] | None:
        """On an empty store, make the default application and its first key; otherwise do nothing and return None."""
        application = Application(application_id or str(uuid.uuid4()), DEFAULT_APPLICATION, "email", self.clock())
        new = self._new_key(application, "first key", lifetime=None, permissions=("all",), secret=secret)
        digest = self.digests.api_key(new.secret.get_secret_value())
        return (
            (application, new)
            if await self.db.write(_bootstrap(self.db.dialect, application, new.key, digest))
            else None
        )

    def _new_key(
        self,
        application: Application,
        name: str,
        *,
        lifetime: timedelta | None,
        permissions: tuple[str, ...],
        secret: SecretStr | None,
    ) -> NewKey:
        now = self.clock()
        expires_at = None if lifetime is None else now + int(lifetime.total_seconds()) * SECOND
        key = ApiKey(str(uuid.uuid4()), application.id, name, permissions, now, now, expires_at, None, None)
        made = SecretStr(KEY_PREFIX + "".join(random.choice(_ALPHABET) for _ in range(43)))
        return NewKey(key, secret or made)


def _bootstrap(dialect: Dialect, application: Application, key: ApiKey, digest: bytes) -> Steps[bool]:
    """Asked and written in one transaction: two first starts at once make one application."""
    if (yield from applications.any_yet(dialect)):
        return False
    yield from _add(application)
    yield from _add_key(key, digest)
    return True


def _profile(application: Application) -> Steps[Profile]:
    found = yield from applications.find_profile(application.id)
    if found is None:
        raise NotFound(f"There is no application {application.id}.")
    return found


def _add(application: Application) -> Steps[bool]:
    if not (yield from applications.add(application)):
        return False
    yield from audit.record(
        application.id, "application.created", at=application.created_at, identity=application.identity_rule
    )
    return True


def _add_key(key: ApiKey, digest: bytes) -> Steps[None]:
    yield from api_keys.add(key, digest)
    yield from audit.record(
        key.application_id,
        "api_key.created",
        at=key.created_at,
        api_key_id=key.id,
        permissions=key.permissions,
        expires_at=None if key.expires_at is None else key.expires_at // SECOND,
    )


def as_mapping(key: ApiKey, *, now: Micros) -> Mapping[str, object]:
    """An API key for people and scripts: times in Unix seconds, no secret."""
    return {
        "id": key.id,
        "application_id": key.application_id,
        "name": key.name,
        "permissions": list(key.permissions),
        "status": key.status(now),
        "created_at": key.created_at // SECOND,
        "expires_at": None if key.expires_at is None else key.expires_at // SECOND,
        "last_used_at": None if key.last_used_at is None else key.last_used_at // SECOND,
    }
