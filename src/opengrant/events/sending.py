"""Send due deliveries: claim a few of a destination, send them, store the outcome.

One task of this process serves a destination at a time and sends a few deliveries at once. Other nodes do the same; the
store gives each delivery to one of them and keeps the events of a grant in order. A destination that failed or was slow
at its last attempt gets one delivery at a time, and such destinations share at most half of the tasks: healthy
destinations never queue behind failing ones.
"""

import asyncio
import contextlib
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

import structlog
from pydantic import SecretStr
from pydantic_core import from_json

from opengrant import tracing
from opengrant.errors import ProviderFailure, StoreUnavailable
from opengrant.events import attempts
from opengrant.events.contents import Contents, NotNow, fitted
from opengrant.events.envelope import Notification, Signed, sign
from opengrant.failpoints import point
from opengrant.model import SECOND, Clock, Micros
from opengrant.net.webhook_http import Receivers
from opengrant.store import secrets
from opengrant.store.engine.port import Steps, Store
from opengrant.store.events import deliveries, webhooks
from opengrant.store.events.deliveries import Attempt, ClaimTerms, Delivery
from opengrant.store.events.webhooks import Failing, Webhook, Window
from opengrant.vault import Owner, Vault

log = structlog.get_logger()

_RETRIED = frozenset({408, 429, 500, 502, 503, 504, 507})
_GONE = 410
_AT_ONCE = 4
"""Deliveries under way to one destination in a process."""
_TURNS = 25
"""Claims in a row for one destination before another gets the task."""
_SLOW: Micros = 2 * SECOND
"""A destination whose answer takes longer gets one delivery at a time."""
_FIRST: Micros = 10 * SECOND
_LONGEST: Micros = 4 * 3600 * SECOND
"""Bounds of the wait between two attempts: exponential backoff with full jitter."""
_TRIES_FOR_CONTENTS = 5
"""Attempts in which contents that cannot be had keep an event back."""
_WINDOW: Micros = 15 * 60 * SECOND
_FAILS = 0.95
_FAILED_AFTER: Micros = 72 * 3600 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTerms:
    """How this installation delivers.

    source       the envelope's
    hold         how long `grant.expired` is held back
    retry_for    how long one event is retried
    concurrency  destinations served at once in a process
    """

    source: str
    hold: Micros
    retry_for: Micros
    concurrency: int


@dataclass(slots=True, kw_only=True)
class DeliverySender:
    """Built once, in assembly/.

    wakeup   set when there may be something to deliver, and when a task is free again
    observe  receives the outcome of each attempt: delivered, retried, refused, gone
    """

    db: Store
    vault: Vault
    receivers: Receivers
    contents: Contents
    terms: DeliveryTerms
    clock: Clock
    wakeup: asyncio.Event
    observe: Callable[[str], None]
    _under_way: dict[tuple[str, str], "asyncio.Task[None]"] = field(default_factory=dict)
    _ailing: set[tuple[str, str]] = field(default_factory=set)
    """Destinations that failed or were slow at their last attempt."""
    _closing: bool = False

    async def run(self) -> None:
        """Start a task for each destination with due deliveries, as far as there is room; return at once."""
        due = await self.db.read(deliveries.due(at=self.clock()))
        # When there is no room for all, the order must not favour the same destinations.
        random.shuffle(due)
        for destination in due:
            ailing = sum(1 for other in self._under_way if other in self._ailing)
            room = len(self._under_way) < self.terms.concurrency
            if destination in self._ailing:
                room = room and ailing < max(1, self.terms.concurrency // 2)
            if room and destination not in self._under_way:
                task = asyncio.create_task(self._serve(destination), name=f"webhook {destination[1]}")
                self._under_way[destination] = task

    async def idle(self) -> None:
        """Wait until no delivery is under way."""
        while self._under_way:
            await asyncio.wait(list(self._under_way.values()))

    async def drain(self) -> None:
        """Start no more deliveries and wait for those under way; each has a deadline."""
        self._closing = True
        await self.idle()

    async def _serve(self, destination: tuple[str, str]) -> None:
        others_wait = len(self._under_way) >= self.terms.concurrency
        try:
            for _ in range(_TURNS):
                limit = 1 if destination in self._ailing else _AT_ONCE
                taken = None if self._closing else await self.db.write(self._claim(destination, limit))
                if taken is None or not taken.deliveries:
                    break
                others_wait = True
                point("delivery.leased")
                await asyncio.gather(*(self._deliver(taken, delivery) for delivery in taken.deliveries))
        except Exception:
            # These deliveries are due again when the claim expires.
            log.exception("delivery_interrupted", webhook=destination[1])
            others_wait = False
        finally:
            del self._under_way[destination]
        if others_wait:
            self.wakeup.set()

    def _claim(self, destination: tuple[str, str], limit: int) -> Steps["_Taken | None"]:
        application_id, webhook_id = destination
        webhook = yield from webhooks.find(application_id, webhook_id)
        if webhook is None or webhook.status not in ("active", "failing"):
            return None
        sealed = yield from secrets.find(application_id, "webhook", webhook_id, "signing")
        if sealed is None:
            return None
        at, terms = self.clock(), self.terms
        # Three times the receiver's timeout: by then no live process still sends.
        until = at + int(3 * self.receivers.timeout * SECOND)
        claim = ClaimTerms(
            owner=str(uuid.uuid4()),
            at=at,
            until=until,
            limit=limit,
            hold=terms.hold,
            give_up=at - terms.retry_for,
        )
        claimed = yield from deliveries.claim(application_id, webhook_id, claim, self.db.dialect)
        secret = SecretStr(self.vault.open(sealed, signing_owner(application_id, webhook_id)).decode())
        return _Taken(webhook, secret, claim.owner, claimed)

    async def _deliver(self, taken: "_Taken", delivery: Delivery) -> None:
        if (spans := tracing.current()) is None:
            await self._try(taken, delivery)
            return
        about = {
            "opengrant.application_id": delivery.application_id,
            "opengrant.webhook_id": delivery.webhook_id,
            "opengrant.event_id": delivery.event_id,
            "opengrant.grant_id": delivery.subject or None,
            "opengrant.attempt": delivery.attempts,
            "server.address": urlsplit(taken.webhook.url).hostname,
        }
        with spans.remote(f"deliver {delivery.type}", about, event_id=delivery.event_id) as span:
            outcome = await self._try(taken, delivery)
            spans.ends(span, outcome, well=_kind(outcome) == "delivered")

    async def _try(self, taken: "_Taken", delivery: Delivery) -> str:
        """Send it, and write what came of it. Returns that."""
        webhook = taken.webhook
        try:
            signed = await self._signed(taken, delivery)
        except NotNow:
            await self._postpone(taken, delivery)
            return "postponed"
        attempt, wait = await self._attempt(taken, delivery, signed)
        point("delivery.sent")
        kind = _kind(attempt.outcome)
        self._note(webhook, well=kind == "delivered" and attempt.took < _SLOW)
        if kind != "delivered":
            log.info(
                "delivery_failed", webhook=webhook.id, event_id=delivery.event_id, outcome=attempt.outcome, then=kind
            )
        self.observe(kind)
        due_at = self.clock() + pause(delivery.attempts, asked=wait, chance=random.random())  # noqa: S311 -- jitter
        with contextlib.suppress(StoreUnavailable):  # it is due again when the claim expires
            await self.db.write(self._write(taken, delivery, kind, attempt, due_at=due_at))
        return attempt.outcome

    async def _attempt(self, taken: "_Taken", delivery: Delivery, signed: Signed) -> tuple[Attempt, float | None]:
        """Send it. Returns what came of it, and the seconds of a Retry-After."""
        began = self.clock()
        try:
            page = await self.receivers.post(taken.webhook.url, signed.body, signed.headers)
        except ProviderFailure as failure:
            evidence, took = failure.evidence, max(0, self.clock() - began)
            outcome, limit = evidence.code or evidence.step, self.receivers.timeout
            return attempts.unanswered(
                delivery.attempts, signed, outcome, evidence.text, at=began, took=took, limit=limit
            ), None
        took = max(0, self.clock() - began)
        return attempts.answered(delivery.attempts, signed, page, taken.secret, at=began, took=took), page.retry_after

    async def _signed(self, taken: "_Taken", delivery: Delivery) -> Signed:
        """Raises NotNow."""
        last = delivery.attempts > _TRIES_FOR_CONTENTS
        payload = await self.contents.complete(delivery.application_id, from_json(delivery.payload), last=last)
        type_, whole = fitted(delivery.type, payload)
        notification = Notification(
            id=delivery.event_id,
            type=type_,
            source=self.terms.source,
            application_id=delivery.application_id,
            time=delivery.created_at,
            object=whole,
            attempt=delivery.attempts,
        )
        return sign(notification, taken.secret, compressed=taken.webhook.compressed)

    async def _postpone(self, taken: "_Taken", delivery: Delivery) -> None:
        """Nothing was sent, so the destination is not to blame."""
        log.info("delivery_postponed", webhook=taken.webhook.id, event_id=delivery.event_id)
        self.observe("postponed")
        at = self.clock()
        attempt = attempts.unanswered(delivery.attempts, None, "no_contents", "", at=at, took=0, limit=0)
        due_at = at + pause(delivery.attempts, asked=None, chance=random.random())  # noqa: S311 -- jitter
        with contextlib.suppress(StoreUnavailable):  # it is due again when the claim expires
            await self.db.write(_put_off(delivery, taken.owner, attempt, due_at=due_at))

    def _note(self, webhook: Webhook, *, well: bool) -> None:
        destination = (webhook.application_id, webhook.id)
        if well:
            self._ailing.discard(destination)
        else:
            self._ailing.add(destination)

    def _write(
        self, taken: "_Taken", delivery: Delivery, kind: str, attempt: Attempt, *, due_at: Micros
    ) -> Steps[None]:
        at = attempt.at + attempt.took
        kept = yield from _kept(delivery, attempt)
        if kind == "delivered":
            ours = yield from deliveries.delivered(delivery, taken.owner, kept, at=at)
        elif kind == "retried" and due_at < delivery.queued_at + self.terms.retry_for:
            ours = yield from deliveries.again(delivery, taken.owner, kept, due_at=due_at)
        else:
            ours = yield from deliveries.failed(delivery, taken.owner, kept, at=at)
        if ours:
            yield from _judge(taken.webhook, attempt, well=kind == "delivered", gone=kind == "gone", at=at)


@dataclass(frozen=True, slots=True)
class _Taken:
    """Deliveries that this process has claimed, with their destination."""

    webhook: Webhook
    secret: SecretStr
    owner: str
    deliveries: list[Delivery]


def _kind(outcome: str) -> str:
    """What follows from an outcome: delivered, gone, retried or refused."""
    status = int(outcome) if outcome.isdigit() else 0
    if 200 <= status < 300:
        return "delivered"
    if status == _GONE:
        return "gone"
    return "retried" if status == 0 or status in _RETRIED else "refused"


def _kept(delivery: Delivery, attempt: Attempt) -> Steps[list[Attempt]]:
    """The attempts to keep, with this one. A first attempt needs no look at earlier ones."""
    earlier = (yield from deliveries.history(delivery.application_id, delivery.seq)) if delivery.attempts > 1 else []
    return attempts.latest(earlier, attempt)


def _put_off(delivery: Delivery, owner: str, attempt: Attempt, *, due_at: Micros) -> Steps[None]:
    kept = yield from _kept(delivery, attempt)
    yield from deliveries.again(delivery, owner, kept, due_at=due_at)


def pause(number: int, *, asked: float | None, chance: float) -> Micros:
    """The wait after that many attempts: exponential with full jitter, and at least the receiver's Retry-After.

    asked   seconds of Retry-After
    chance  0 to 1
    """
    longest = min(_LONGEST, _FIRST * 2 ** min(number - 1, 20))
    return max(int(chance * longest), SECOND, int((asked or 0) * SECOND))


def signing_owner(application_id: str, webhook_id: str) -> Owner:
    return Owner(application_id, "webhook", webhook_id, "signing")


def _judge(webhook: Webhook, attempt: Attempt, *, well: bool, gone: bool, at: Micros) -> Steps[None]:
    """Count an attempt, note its failure, and set the webhook's status at the end of each window."""
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
    yield from webhooks.judge(replace(now, failing=None if well else _failing(now.failing, attempt, at=at)), window)


def _failing(before: Failing | None, attempt: Attempt, *, at: Micros) -> Failing:
    if before is None:
        return Failing(since=at, at=at, attempts=1, reason=attempt.reason)
    return Failing(since=min(before.since, at), at=at, attempts=before.attempts + 1, reason=attempt.reason)
