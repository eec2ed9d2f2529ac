"""Deliver what is due: take a few deliveries of a destination, send them, write down how it went.

Each destination is served by one task of this process at a time, which sends a few deliveries at once; other nodes do
the same, and the store keeps each delivery with one of them and each grant's events in order. A destination that
failed or was slow when it was last tried gets one delivery at a time, and all such together at most half of the
tasks: those that are well never wait for those that are not.
"""

import asyncio
import contextlib
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog
from pydantic import SecretStr
from pydantic_core import from_json

from opengrant.errors import NotFound, ProviderFailure, StoreUnavailable, WebhookNotFound
from opengrant.events import audit
from opengrant.events.envelope import Notification, sign
from opengrant.failpoints import point
from opengrant.model import SECOND, Application, Clock, Micros
from opengrant.net.webhook_http import Receivers
from opengrant.store import secrets
from opengrant.store.engine.port import Steps, Store
from opengrant.store.events import deliveries, webhooks
from opengrant.store.events.deliveries import ClaimTerms, Delivery, DeliveryFilters
from opengrant.store.events.webhooks import Webhook, Window
from opengrant.vault import Owner, Vault

__all__ = ["Deliveries", "Delivery", "DeliveryFilters", "DeliveryTerms", "pause", "signing_owner"]

log = structlog.get_logger()

_RETRIED = frozenset({408, 429, 500, 502, 503, 504, 507})
_GONE = 410
_AT_ONCE = 4
"""Deliveries under way to one destination in a process."""
_TURNS = 25
"""Claims in a row for one destination, before another may have the task."""
_SLOW: Micros = 2 * SECOND
"""An answer that takes longer makes its destination one of those that get a delivery at a time."""
_FIRST: Micros = 10 * SECOND
_LONGEST: Micros = 4 * 3600 * SECOND
"""Bounds of the waits between two tries: each is a random part of one that doubles."""
_WINDOW: Micros = 15 * 60 * SECOND
_FAILS = 0.95
_FAILED_AFTER: Micros = 72 * 3600 * SECOND
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class DeliveryTerms:
    """source: the envelope's. hold: how long `grant.expired` is kept back. retry_for: how long one event is tried."""

    source: str
    hold: Micros
    retry_for: Micros
    keep: Micros
    concurrency: int


class Deliveries:
    """Built once, in assembly/installation.py.

    bell     rings when there may be something to deliver, and when a task has become free
    observe  told how each attempt ended: delivered, retried, refused, gone
    age      told how many seconds the oldest pending delivery has waited
    """

    def __init__(
        self,
        db: Store,
        vault: Vault,
        receivers: Receivers,
        terms: DeliveryTerms,
        clock: Clock,
        bell: asyncio.Event,
        observe: Callable[[str], None],
        age: Callable[[float], None],
    ) -> None:
        self.bell = bell
        self._db, self._vault, self._receivers, self._terms, self._clock = db, vault, receivers, terms, clock
        self._observe, self._age = observe, age
        self._under_way: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._ailing: set[tuple[str, str]] = set()
        self._closing = False

    async def run(self) -> None:
        """Begin to serve every destination that something is due for, as far as there is room; wait for none."""
        due = await self._db.read(deliveries.due(at=self._clock()))
        # Whoever finds no room must not be the same ones each time.
        random.shuffle(due)
        for place in due:
            ailing = sum(1 for other in self._under_way if other in self._ailing)
            room = len(self._under_way) < self._terms.concurrency
            if place in self._ailing:
                room = room and ailing < max(1, self._terms.concurrency // 2)
            if room and place not in self._under_way:
                task = asyncio.create_task(self._serve(place), name=f"webhook {place[1]}")
                self._under_way[place] = task

    async def idle(self) -> None:
        """Wait until no delivery is under way."""
        while self._under_way:
            await asyncio.wait(list(self._under_way.values()))

    async def drain(self) -> None:
        """Begin nothing more, and let what is under way end; each has its deadline."""
        self._closing = True
        await self.idle()

    async def _serve(self, place: tuple[str, str]) -> None:
        others_wait = len(self._under_way) >= self._terms.concurrency
        try:
            for _ in range(_TURNS):
                limit = 1 if place in self._ailing else _AT_ONCE
                taken = None if self._closing else await self._db.write(self._claim(place, limit))
                if taken is None or not taken.deliveries:
                    break
                others_wait = True
                point("delivery.leased")
                await asyncio.gather(*(self._deliver(taken, delivery) for delivery in taken.deliveries))
        except Exception:
            # What was taken comes again when its claim has run out.
            log.exception("delivery_interrupted", webhook=place[1])
            others_wait = False
        finally:
            del self._under_way[place]
        if others_wait:
            self.bell.set()

    def _claim(self, place: tuple[str, str], limit: int) -> Steps["_Taken | None"]:
        application_id, webhook_id = place
        webhook = yield from webhooks.find(application_id, webhook_id)
        if webhook is None or webhook.status not in ("active", "failing"):
            return None
        sealed = yield from secrets.find(application_id, "webhook", webhook_id, "signing")
        if sealed is None:
            return None
        at, terms = self._clock(), self._terms
        # Three times the receiver's time: nobody who is alive is still at it by then.
        until = at + int(3 * self._receivers.timeout * SECOND)
        claim = ClaimTerms(str(uuid.uuid4()), at, until, limit, terms.hold, at - terms.retry_for)
        found = yield from deliveries.claim(application_id, webhook_id, claim, self._db.dialect)
        secret = SecretStr(self._vault.open(sealed, signing_owner(application_id, webhook_id)).decode())
        return _Taken(webhook, secret, claim.owner, found)

    async def _deliver(self, taken: "_Taken", delivery: Delivery) -> None:
        webhook = taken.webhook
        notification = Notification(
            id=delivery.event_id,
            type=delivery.type,
            source=self._terms.source,
            application_id=webhook.application_id,
            time=delivery.created_at,
            object=from_json(delivery.payload),
            attempt=delivery.attempts,
        )
        signed = sign(notification, taken.secret, compressed=webhook.compressed)
        began = self._clock()
        status, wait = 0, None
        try:
            page = await self._receivers.post(webhook.url, signed.body, signed.headers)
            outcome, status, wait = str(page.status), page.status, page.retry_after
        except ProviderFailure as failure:
            outcome = failure.evidence.code or failure.evidence.step
        point("delivery.sent")
        at = self._clock()
        well = 200 <= status < 300
        self._note(webhook, well=well and at - began < _SLOW)
        if well:
            kind = "delivered"
        elif status == _GONE:
            kind = "gone"
        else:
            kind = "retried" if status == 0 or status in _RETRIED else "refused"
        if kind != "delivered":
            log.info("delivery_failed", webhook=webhook.id, event_id=delivery.event_id, outcome=outcome, then=kind)
        self._observe(kind)
        due_at = at + pause(delivery.attempts, asked=wait, chance=random.random())  # noqa: S311 -- only jitter
        with contextlib.suppress(StoreUnavailable):  # it comes again when its claim has run out
            await self._db.write(self._write(taken, delivery, kind, outcome, at=at, due_at=due_at))

    def _note(self, webhook: Webhook, *, well: bool) -> None:
        place = (webhook.application_id, webhook.id)
        if well:
            self._ailing.discard(place)
        else:
            self._ailing.add(place)

    def _write(
        self, taken: "_Taken", delivery: Delivery, kind: str, outcome: str, *, at: Micros, due_at: Micros
    ) -> Steps[None]:
        if kind == "delivered":
            ours = yield from deliveries.delivered(delivery, taken.owner, outcome, at=at)
        elif kind == "retried" and due_at < delivery.queued_at + self._terms.retry_for:
            ours = yield from deliveries.again(delivery, taken.owner, outcome, due_at=due_at)
        else:
            ours = yield from deliveries.failed(delivery, taken.owner, outcome, at=at)
        if ours:
            yield from _judge(taken.webhook, well=kind == "delivered", gone=kind == "gone", at=at)

    async def measure(self) -> None:
        """Tell how long the oldest pending delivery has waited."""
        since = await self._db.read(deliveries.oldest_pending())
        self._age(0 if since is None else max(0, self._clock() - since) / SECOND)

    async def page(self, app: Application, filters: DeliveryFilters, *, limit: int) -> Sequence[Delivery]:
        """The latest first."""
        return await self._db.read(deliveries.page(app.id, filters, limit=limit))

    async def page_of(
        self, app: Application, webhook_id: str, filters: DeliveryFilters, *, limit: int
    ) -> Sequence[Delivery]:
        """Those to one destination, the latest first. Raises WebhookNotFound."""

        def script() -> Steps[Sequence[Delivery]]:
            yield from _require(app, webhook_id)
            return (yield from deliveries.page(app.id, replace(filters, webhook_id=webhook_id), limit=limit))

        return await self._db.read(script())

    async def replay(self, app: Application, seq: int, *, webhook_id: str | None = None) -> Delivery:
        """Send a delivery again, whatever became of it, with the same notification id.

        webhook_id  only if it goes there
        Raises      NotFound, WebhookNotFound
        """
        found = await self._db.write(self._replay(app, seq, webhook_id))
        self.bell.set()
        return found

    def _replay(self, app: Application, seq: int, webhook_id: str | None) -> Steps[Delivery]:
        if webhook_id is not None:
            yield from _require(app, webhook_id)
        at = self._clock()
        found = yield from deliveries.replay(app.id, seq, webhook_id=webhook_id, at=at)
        if found is None:
            raise NotFound(f"There is no delivery {seq} {'in this application' if webhook_id is None else 'to it'}.")
        yield from audit.record(
            app.id, "webhook.replayed", at=at, webhook_id=found.webhook_id, event_id=found.event_id, deliveries=1
        )
        return found

    async def replay_failed(self, app: Application, webhook_id: str) -> int:
        """The same for all that a destination has failed to take; returns how many. Raises WebhookNotFound."""
        await self._db.read(_require(app, webhook_id))
        at, replayed = self._clock(), 0
        while True:
            some = await self._db.write(_replay_failed(app, webhook_id, at))
            self.bell.set()
            replayed += some
            if some < _BATCH:
                return replayed

    async def forget(self, app: Application) -> None:
        """Drop deliveries that ended long ago, and what is left of deleted destinations."""
        cutoff = self._clock() - self._terms.keep
        while await self._db.write(deliveries.forget(app.id, ended_before=cutoff, limit=_BATCH)) == _BATCH:
            continue
        for webhook_id in await self._db.read(webhooks.deleted(app.id)):
            while await self._db.write(deliveries.forget_all_of(app.id, webhook_id, limit=_BATCH)) == _BATCH:
                continue
            await self._db.write(webhooks.forget_deleted(app.id, webhook_id))


@dataclass(frozen=True, slots=True)
class _Taken:
    webhook: Webhook
    secret: SecretStr
    owner: str
    deliveries: list[Delivery]


def _require(app: Application, webhook_id: str) -> Steps[None]:
    if (yield from webhooks.find(app.id, webhook_id)) is None:
        raise WebhookNotFound(f"There is no webhook {webhook_id} in this application.")


def _replay_failed(app: Application, webhook_id: str, at: Micros) -> Steps[int]:
    """Those that had failed by then, a batch of them; each batch has its entry in the trail."""
    some = yield from deliveries.replay_failed(app.id, webhook_id, ended_before=at, at=at, limit=_BATCH)
    if some:
        yield from audit.record(app.id, "webhook.replayed", at=at, webhook_id=webhook_id, deliveries=some)
    return some


def pause(attempts: int, *, asked: float | None, chance: float) -> Micros:
    """How long to wait after that many attempts: exponential with full jitter, and no less than the receiver asks.

    asked   seconds, of its Retry-After
    chance  0 to 1
    """
    longest = min(_LONGEST, _FIRST * 2 ** min(attempts - 1, 20))
    return max(int(chance * longest), SECOND, int((asked or 0) * SECOND))


def signing_owner(application_id: str, webhook_id: str) -> Owner:
    return Owner(application_id, "webhook", webhook_id, "signing")


def _judge(webhook: Webhook, *, well: bool, gone: bool, at: Micros) -> Steps[None]:
    """Count an attempt, and decide once in a while how the destination is."""
    found = yield from webhooks.lock_window(webhook.application_id, webhook.id)
    if found is None or found[0].status not in ("active", "failing"):
        return
    now, window = found
    window = Window(window.at or at, window.failed + (not well), window.all + 1)
    since = at if window.at is None else window.at
    if since > at:
        since, window = at, replace(window, at=at)
    status = now.status
    if gone:
        status, window = "failed", Window(None, 0, 0)
    elif at - since >= _WINDOW:
        if window.failed < _FAILS * window.all:
            status = "active"
        elif status == "active":
            status = "failing"
        elif at - now.status_updated_at >= _FAILED_AFTER:
            status = "failed"
        window = Window(None, 0, 0)
    if status != now.status:
        log.warning("webhook_status", webhook=now.id, application=now.application_id, was=now.status, status=status)
        now = replace(now, status=status, status_updated_at=at)
    yield from webhooks.judge(now, window)
