"""Deliveries of events to webhooks: list them, send them again, forget them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from opengrant.errors import NotFound, WebhookNotFound
from opengrant.events import audit
from opengrant.model import SECOND, Application, Clock, Micros
from opengrant.store.engine.port import Steps, Store
from opengrant.store.events import deliveries, webhooks
from opengrant.store.events.deliveries import Delivery, DeliveryFilters

__all__ = ["Deliveries", "Delivery", "DeliveryFilters"]

_BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """Built once, in assembly/.

    keep    how long deliveries that ended are kept
    wakeup  set after a delivery became due
    age     receives the seconds that the oldest pending delivery has waited
    """

    db: Store
    clock: Clock
    keep: Micros
    wakeup: asyncio.Event
    age: Callable[[float], None]

    async def measure(self) -> None:
        """Report how long the oldest pending delivery has waited."""
        since = await self.db.read(deliveries.oldest_pending())
        self.age(0 if since is None else max(0, self.clock() - since) / SECOND)

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


def _require(app: Application, webhook_id: str) -> Steps[None]:
    if (yield from webhooks.find(app.id, webhook_id)) is None:
        raise WebhookNotFound(f"There is no webhook {webhook_id} in this application.")


def _replay_failed(app: Application, webhook_id: str, at: Micros) -> Steps[int]:
    """One batch of deliveries that had failed by `at`; each batch has an audit entry."""
    some = yield from deliveries.replay_failed(app.id, webhook_id, ended_before=at, at=at, limit=_BATCH)
    if some:
        yield from audit.record(app.id, "webhook.replayed", at=at, webhook_id=webhook_id, deliveries=some)
    return some
