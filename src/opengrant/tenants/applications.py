"""Applications: the tenants, with what each says about itself."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import SecretStr

from opengrant.access.api_keys import ApiKeys, NewKey
from opengrant.errors import InvalidRequest, NotFound
from opengrant.events import audit
from opengrant.model import Application, Clock, IdentityRule, Profile
from opengrant.store.engine.port import Steps, Store
from opengrant.store.tenants import applications
from opengrant.store.tenants.applications import Part
from opengrant.tenants import redirect_uris as redirects

_LONGEST_ID = 64
DEFAULT_APPLICATION = "Default"
PARTS: tuple[Part, ...] = get_args(Part)
"""The parts of a profile; a change replaces each part as a whole."""


@dataclass(frozen=True, slots=True)
class ApplicationChange:
    """A change of an application's profile.

    parts         each replaces the stored part as a whole; other parts are unchanged
    domain        None: unchanged
    callback_uris all redirect URIs; None: unchanged
    """

    parts: Mapping[Part, Mapping[str, Any]]
    domain: str | None = None
    callback_uris: Sequence[redirects.NewRedirectUri] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applications:
    """Built once, in assembly/."""

    db: Store
    api_keys: ApiKeys
    """For the first key."""
    clock: Clock

    async def create(
        self, name: str, *, identity_rule: IdentityRule = "email", application_id: str | None = None
    ) -> Application:
        """Raises InvalidRequest when the id is taken."""
        application = Application(
            id=application_id or str(uuid.uuid4()), name=name, identity_rule=identity_rule, created_at=self.clock()
        )
        if not await self.db.write(_add(application)):
            raise InvalidRequest(f"An application with the id {application.id} already exists.")
        return application

    async def list_all(self) -> list[Application]:
        return await self.db.read(applications.list_all())

    async def get(self, application_id: str) -> Application:
        application = await self.db.read(applications.find(application_id))
        if application is None:
            raise NotFound(f"There is no application {application_id}. `opengrant apps list` shows them.")
        return application

    async def find(self, application_id: str) -> Application | None:
        """As `get`, for a client id from an unauthenticated request."""
        if not (application_id.isascii() and application_id.isprintable() and len(application_id) <= _LONGEST_ID):
            # The id is not trusted: a database does not accept every character in text.
            return None
        return await self.db.read(applications.find(application_id))

    async def profile(self, application: Application) -> Profile:
        return await self.db.read(_profile(application))

    async def update(self, application: Application, change: ApplicationChange) -> Profile:
        """In one transaction. Raises InvalidRequest."""
        return await self.db.write(self._update(application, change))

    def _update(self, application: Application, change: ApplicationChange) -> Steps[Profile]:
        now = self.clock()
        yield from applications.lock(application.id)
        profile = yield from _profile(application)
        parts = dict(change.parts)
        if "branding" in parts:
            parts["branding"] = {"name": application.name, **parts["branding"]}
        changed: list[str] = [name for name, value in parts.items() if getattr(profile, name) != value]
        if change.domain is not None and change.domain != profile.domain:
            changed.append("domain")
        if changed:
            yield from applications.change_profile(application.id, parts, change.domain, at=now)
        uris_changed = False
        if change.callback_uris is not None:
            uris_changed = yield from redirects.put_all(application, change.callback_uris, at=now)
        if uris_changed or "idp_settings" in changed:
            yield from redirects.publish_origins(application.id)
        if changed:
            yield from audit.record(application.id, "application.updated", at=now, changed=changed)
        return (yield from _profile(application))

    async def bootstrap(
        self, *, application_id: str | None, name: str | None = None, secret: SecretStr | None
    ) -> tuple[Application, NewKey] | None:
        """Make the default application and its first key, if the store is empty. Otherwise return None."""
        application = Application(
            id=application_id or str(uuid.uuid4()),
            name=name or DEFAULT_APPLICATION,
            identity_rule="email",
            created_at=self.clock(),
        )
        new = self.api_keys.draw(application, "first key", lifetime=None, permissions=("all",), secret=secret)
        made = await self.db.write(self._bootstrap(application, new))
        return (application, new) if made else None

    def _bootstrap(self, application: Application, new: NewKey) -> Steps[bool]:
        """Check and write in one transaction: two first starts at once make one application."""
        if (yield from applications.any_yet(self.db.dialect)):
            return False
        yield from _add(application)
        yield from self.api_keys.add(new)
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
