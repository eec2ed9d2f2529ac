"""Webhooks: destinations of events. A challenge verifies each before events are sent to it."""

import asyncio
import contextlib
import ipaddress
import secrets as random_secrets
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import SecretStr

from opengrant.errors import Overloaded, ProviderFailure, WebhookNotFound, WebhookRefused
from opengrant.events import audit
from opengrant.events.envelope import TEST_SECRET, Notification, sign
from opengrant.events.sending import signing_owner
from opengrant.model import Application, Clock
from opengrant.net.guarded_http import origin
from opengrant.net.webhook_http import Receivers
from opengrant.store import secrets
from opengrant.store.engine.port import Steps, Store
from opengrant.store.events import webhooks
from opengrant.store.events.webhooks import Failing, Webhook
from opengrant.vault import Vault

__all__ = ["MOST", "OURS", "Failing", "NewWebhook", "Webhook", "WebhookChange", "Webhooks"]

MOST = 100
"""Webhooks of one application."""
OURS = frozenset({"connector.degraded", "connector.recovered"})
"""Triggers that the official clients do not know."""
_AT_ONCE = 50
"""Challenges and test events under way in a process."""


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook to create."""

    url: str
    triggers: tuple[str, ...]
    description: str | None
    emails: tuple[str, ...]
    compressed: bool


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """None: unchanged.

    triggers  all triggers; stored triggers of OURS stay when `triggers` has none of OURS
    own       all triggers of OURS, whatever `triggers` contains
    """

    url: str | None = None
    triggers: tuple[str, ...] | None = None
    own: tuple[str, ...] | None = None
    description: str | None = None
    emails: tuple[str, ...] | None = None
    compressed: bool | None = None
    status: Literal["active", "pause"] | None = None


class Webhooks:
    """Built once, in assembly/.

    source      the envelope's
    allow_http  whether receivers on other machines may be without TLS
    addresses   the source addresses of deliveries, as the operator has configured them
    """

    def __init__(
        self,
        *,
        db: Store,
        vault: Vault,
        receivers: Receivers,
        clock: Clock,
        source: str,
        allow_http: bool,
        addresses: Sequence[str],
    ) -> None:
        self._db, self._vault, self._receivers, self._clock = db, vault, receivers, clock
        self._source, self._allow_http = source, allow_http
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self.addresses, self.addresses_at = tuple(addresses), clock()

    async def create(self, app: Application, new: NewWebhook) -> tuple[Webhook, SecretStr]:
        """Returns the signing secret too, which is not shown again. Raises WebhookRefused, Overloaded."""
        await self._challenge(new.url)
        now = self._clock()
        webhook = Webhook(
            application_id=app.id,
            id=f"whk_{uuid.uuid4().hex}",
            url=new.url,
            triggers=new.triggers,
            description=new.description,
            emails=new.emails,
            compressed=new.compressed,
            status="active",
            status_updated_at=now,
            created_at=now,
            updated_at=now,
        )
        secret = _new_secret()
        await self._db.write(self._add(webhook, secret))
        return webhook, secret

    async def of_application(self, app: Application) -> list[Webhook]:
        return await self._db.read(webhooks.of_application(app.id))

    async def get(self, app: Application, webhook_id: str) -> Webhook:
        """Raises WebhookNotFound."""
        return await self._db.read(_get(app, webhook_id))

    async def update(self, app: Application, webhook_id: str, change: WebhookChange) -> Webhook:
        """A new URL is challenged, and so is the URL of a failed webhook that becomes active. Raises as `create`."""
        stored = await self.get(app, webhook_id)
        moved = change.url is not None and change.url != stored.url
        if moved or (stored.status == "failed" and change.status == "active"):
            await self._challenge(change.url or stored.url)
        return await self._db.write(self._update(app, webhook_id, change))

    async def rotate_secret(self, app: Application, webhook_id: str) -> tuple[Webhook, SecretStr]:
        """From now on the new secret signs. Raises WebhookNotFound."""
        secret = _new_secret()
        return await self._db.write(self._rotate(app, webhook_id, secret)), secret

    async def delete(self, app: Application, webhook_id: str) -> None:
        """Destroys its secret; pending deliveries are not sent. Raises WebhookNotFound."""
        await self._db.write(self._delete(app, webhook_id))

    async def send_test_event(self, app: Application, url: str, trigger: str) -> None:
        """Send a sample, signed with the test secret. Raises WebhookRefused when it is not accepted."""
        self._check(url)
        signed = sign(self._sample(app, trigger), TEST_SECRET, compressed=False)
        async with self._slot():
            try:
                page = await self._receivers.post(url, signed.body, signed.headers)
            except ProviderFailure as failure:
                raise _unreachable(failure) from None
        if not 200 <= page.status < 300:
            raise WebhookRefused(f"webhook_url: the test event was answered with {page.status}.")

    def mock_payload(self, app: Application, trigger: str) -> Mapping[str, Any]:
        """A sample notification."""
        return self._sample(app, trigger).envelope()

    def _sample(self, app: Application, trigger: str) -> Notification:
        kind, _, what = trigger.partition(".")
        grant = {"grant_id": "00000000-0000-4000-8000-000000000001"}
        sample: dict[str, Any] = {**grant, "id": "sample", "object": kind, "application_id": app.id}
        if kind == "grant":
            codes = {"created": 25012, "updated": 25014, "expired": 25009, "deleted": 25013}
            sample = {
                "code": codes.get(what, 25012),
                **grant,
                "integration_id": "00000000-0000-4000-8000-000000000002",
                "provider": "google",
                "email": "sample@example.com",
            }
        return Notification(
            id=str(uuid.uuid4()),
            type=trigger,
            source=self._source,
            application_id=app.id,
            time=self._clock(),
            object=sample,
        )

    def _check(self, url: str) -> None:
        """Raises WebhookRefused."""
        place = origin(url)
        if place is None:
            raise WebhookRefused("webhook_url: send an https URL, without a user name.")
        if place[0] != "https" and not self._allow_http and not _is_loopback(place[1]):
            raise WebhookRefused("webhook_url: only https is accepted.")

    async def _challenge(self, url: str) -> None:
        self._check(url)
        challenge = random_secrets.token_urlsafe(24)
        address, _, _ = url.partition("#")
        async with self._slot():
            try:
                page = await self._receivers.get(f"{address}{'&' if '?' in address else '?'}challenge={challenge}")
            except ProviderFailure as failure:
                raise _unreachable(failure) from None
        if page.status != 200:
            raise WebhookRefused(f"unable.verify.webhook_url : status is not ok, got {page.status}")
        if page.body.rstrip() != challenge.encode():
            raise WebhookRefused(
                "unable.verify.webhook_url : the body is not the value of the query parameter `challenge`, as raw text"
            )

    @contextlib.asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        if self._slots.locked():
            raise Overloaded("Too many webhooks are being verified at once. Try again.", retry_after=1)
        async with self._slots:
            yield

    def _add(self, webhook: Webhook, secret: SecretStr) -> Steps[None]:
        if (yield from webhooks.count(webhook.application_id)) >= MOST:
            raise WebhookRefused(f"An application can have {MOST} webhooks, and this one has.")
        yield from webhooks.add(webhook)
        yield from self._put_secret(webhook, secret)
        yield from _record("webhook.created", webhook)

    def _put_secret(self, webhook: Webhook, secret: SecretStr) -> Steps[None]:
        owner = signing_owner(webhook.application_id, webhook.id)
        sealed = self._vault.seal(secret.get_secret_value().encode(), owner)
        row = secrets.SecretRow(owner.application_id, owner.kind, owner.id, owner.purpose, sealed)
        yield from secrets.put(row, at=webhook.updated_at)

    def _update(self, app: Application, webhook_id: str, change: WebhookChange) -> Steps[Webhook]:
        stored, now = (yield from _get(app, webhook_id)), self._clock()
        sent: dict[str, Any] = {
            "url": change.url,
            "triggers": _triggers(stored, change),
            "description": change.description,
            "emails": change.emails,
            "compressed": change.compressed,
            "status": change.status,
        }
        changed = replace(stored, **{name: value for name, value in sent.items() if value is not None}, updated_at=now)
        if changed.status != stored.status:
            changed = replace(changed, status_updated_at=now)
        if changed.url != stored.url or (changed.status == "active" and stored.status != "active"):
            changed = replace(changed, failing=None)  # the challenge went well, or is not known to fail
        if not (yield from webhooks.replace(changed)):
            raise _not_found()
        names = [name for name in sent if getattr(stored, name) != getattr(changed, name)]
        yield from _record("webhook.updated", changed, changed=names)
        return changed

    def _rotate(self, app: Application, webhook_id: str, secret: SecretStr) -> Steps[Webhook]:
        changed = replace((yield from _get(app, webhook_id)), updated_at=self._clock())
        if not (yield from webhooks.replace(changed)):
            raise _not_found()
        yield from self._put_secret(changed, secret)
        yield from _record("webhook.secret_rotated", changed)
        return changed

    def _delete(self, app: Application, webhook_id: str) -> Steps[None]:
        gone = replace((yield from _get(app, webhook_id)), updated_at=self._clock())
        if not (yield from webhooks.delete(app.id, webhook_id, at=gone.updated_at)):
            raise _not_found()
        yield from secrets.destroy(app.id, "webhook", [webhook_id])
        yield from _record("webhook.deleted", gone)


def _get(app: Application, webhook_id: str) -> Steps[Webhook]:
    found = yield from webhooks.find(app.id, webhook_id)
    if found is None:
        raise _not_found()
    return found


def _triggers(stored: Webhook, change: WebhookChange) -> tuple[str, ...]:
    """The triggers after a change. Raises WebhookRefused when there are none."""
    sent = stored.triggers if change.triggers is None else change.triggers
    own = change.own
    if own is None:
        own = tuple(one for one in sent if one in OURS) or tuple(one for one in stored.triggers if one in OURS)
    triggers = (*(one for one in sent if one not in OURS), *own)
    if not triggers:
        raise WebhookRefused("trigger_types: name at least one event, or delete the webhook.")
    # When the set is unchanged, the order is too.
    return stored.triggers if set(triggers) == set(stored.triggers) else triggers


def _record(type_: audit.AuditType, webhook: Webhook, *, changed: Sequence[str] = ()) -> Steps[None]:
    yield from audit.record(
        webhook.application_id, type_, at=webhook.updated_at, webhook_id=webhook.id, changed=changed or None
    )


def _new_secret() -> SecretStr:
    return SecretStr(random_secrets.token_urlsafe(32))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _unreachable(failure: ProviderFailure) -> WebhookRefused:
    cause = failure.evidence.code or failure.evidence.step
    return WebhookRefused(f"unable.verify.webhook_url : no answer ({cause}){_REMEDIES.get(cause, '')}")


_REMEDIES = {
    "no_public_address": ": the host has no public address. Correct it, or have the operator allow its network in"
    " OPENGRANT_OUTBOUND__ALLOWED_PRIVATE_NETWORKS.",
}


def _not_found() -> WebhookNotFound:
    return WebhookNotFound("destination.id.not.found : record not found")
