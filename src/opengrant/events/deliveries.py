"""Deliveries of events to webhooks: list them, send them again, forget them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic_core import from_json

from opengrant.errors import NotFound, WebhookNotFound
from opengrant.events import audit
from opengrant.events.contents import LIVE
from opengrant.events.envelope import Notification
from opengrant.model import SECOND, Application, Clock, Micros
from opengrant.store.engine.port import Steps, Store
from opengrant.store.events import deliveries, webhooks
from opengrant.store.events.deliveries import Attempt, Delivery, DeliveryFilters
from opengrant.store.events.webhooks import Webhook

__all__ = ["Attempt", "Deliveries", "Delivery", "DeliveryFilters", "DeliveryInFull"]

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class DeliveryInFull:
    """A delivery, its destination, and the attempts that are kept, oldest first. source: the envelope's."""

    delivery: Delivery
    webhook: Webhook
    attempts: Sequence[Attempt]
    source: str

    @property
    def notification(self) -> Mapping[str, Any]:
        """As the latest attempt sent it, or as the first one will, without contents that are not stored."""
        payload = from_json(self.delivery.payload)
        return Notification(
            id=self.delivery.event_id,
            type=self.delivery.type,
            source=self.source,
            application_id=self.delivery.application_id,
            time=self.delivery.created_at,
            object={name: value for name, value in payload.items() if name != LIVE},
            attempt=max(1, self.delivery.attempts),
        ).envelope()

    @property
    def lacks_contents(self) -> bool:
        """Whether contents are added when it is sent, which are not stored."""
        return bool(from_json(self.delivery.payload).get(LIVE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """Built once, in assembly/.

    keep     how long deliveries that ended are kept
    wakeup   set after a delivery became due
    observe  receives the number of pending deliveries, and the seconds that the oldest of them has waited
    source   the envelope's
    """

    db: Store
    clock: Clock
    keep: Micros
    wakeup: asyncio.Event
    observe: Callable[[int, float], None]
    source: str

    async def measure(self) -> None:
        """Report how many deliveries are pending, and how long the oldest has waited."""

        def look() -> Steps[tuple[int, Micros | None]]:
            return (yield from deliveries.pending()), (yield from deliveries.oldest_pending())

        number, since = await self.db.read(look())
        self.observe(number, 0 if since is None else max(0, self.clock() - since) / SECOND)

    async def page(self, app: Application, filters: DeliveryFilters, *, limit: int) -> Sequence[Delivery]:
        """Newest first."""
        return await self.db.read(deliveries.page(app.id, filters, limit=limit))

    async def page_of(
        self, app: Application, webhook_id: str, filters: DeliveryFilters, *, limit: int
    ) -> Sequence[Delivery]:
        """Those to one destination, newest first. Raises WebhookNotFound."""

        def script() -> Steps[Sequence[Delivery]]:
            yield from _require(app, webhook_id)
            return (yield from deliveries.page(app.id, replace(filters, webhook_id=webhook_id), limit=limit))

        return await self.db.read(script())

    async def get(self, app: Application, webhook_id: str, seq: int) -> "DeliveryInFull":
        """One to this destination. Raises NotFound, WebhookNotFound."""

        def script() -> Steps[DeliveryInFull]:
            webhook = yield from _require(app, webhook_id)
            found = yield from deliveries.find(app.id, webhook_id, seq)
            if found is None:
                raise NotFound(f"There is no delivery {seq} to it.")
            return DeliveryInFull(found, webhook, (yield from deliveries.history(app.id, seq)), self.source)

        return await self.db.read(script())

    async def replay(self, app: Application, seq: int, *, webhook_id: str | None = None) -> Delivery:
        """Send a delivery again, in any state, with the same notification id.

        webhook_id  only if this is its destination
        Raises      NotFound, WebhookNotFound
        """
        found = await self.db.write(self._replay(app, seq, webhook_id))
        self.wakeup.set()
        return found

    def _replay(self, app: Application, seq: int, webhook_id: str | None) -> Steps[Delivery]:
        if webhook_id is not None:
            yield from _require(app, webhook_id)
        at = self.clock()
        found = yield from deliveries.replay(app.id, seq, webhook_id=webhook_id, at=at)
        if found is None:
            raise NotFound(f"There is no delivery {seq} {'in this application' if webhook_id is None else 'to it'}.")
        yield from audit.record(
            app.id, "webhook.replayed", at=at, webhook_id=found.webhook_id, event_id=found.event_id, deliveries=1
        )
        return found

    async def replay_failed(self, app: Application, webhook_id: str) -> int:
        """Send all failed deliveries of a destination again; returns how many. Raises WebhookNotFound."""
        await self.db.read(_require(app, webhook_id))
        at, replayed = self.clock(), 0
        while True:
            some = await self.db.write(_replay_failed(app, webhook_id, at))
            self.wakeup.set()
            replayed += some
            if some < _BATCH:
                return replayed

    async def forget(self, app: Application) -> None:
        """Drop deliveries that ended before `keep`, and the rest of deleted destinations."""
        cutoff = self.clock() - self.keep
        while await self.db.write(deliveries.forget(app.id, ended_before=cutoff, limit=_BATCH)) == _BATCH:
            continue
        for webhook_id in await self.db.read(webhooks.deleted(app.id)):
            while await self.db.write(deliveries.forget_all_of(app.id, webhook_id, limit=_BATCH)) == _BATCH:
                continue
            await self.db.write(webhooks.forget_deleted(app.id, webhook_id))


def _require(app: Application, webhook_id: str) -> Steps[Webhook]:
    found = yield from webhooks.find(app.id, webhook_id)
    if found is None:
        raise WebhookNotFound(f"There is no webhook {webhook_id} in this application.")
    return found


def _replay_failed(app: Application, webhook_id: str, at: Micros) -> Steps[int]:
    """One batch of deliveries that had failed by `at`; each batch has an audit entry."""
    some = yield from deliveries.replay_failed(app.id, webhook_id, ended_before=at, at=at, limit=_BATCH)
    if some:
        yield from audit.record(app.id, "webhook.replayed", at=at, webhook_id=webhook_id, deliveries=some)
    return some
