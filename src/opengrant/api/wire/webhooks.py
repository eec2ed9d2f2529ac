"""Webhooks and their deliveries on the wire."""

from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, RootModel, SecretStr, StringConstraints

from opengrant.api.wire import pagination as cursors
from opengrant.api.wire.fields import Id, Model, OrNull, examples, text
from opengrant.errors import InvalidRequest
from opengrant.events import attempts, deliveries, webhooks
from opengrant.events.envelope import headers_of
from opengrant.model import SECOND, Micros

OwnTrigger = Literal["connector.degraded", "connector.recovered"]
"""Triggers that the vendor's API does not have. One SDK raises at an unknown trigger, so they are listed apart."""
VendorTrigger = Literal[
    "grant.created",
    "grant.updated",
    "grant.deleted",
    "grant.expired",
    "grant.imap_sync_completed",
    "calendar.created",
    "calendar.updated",
    "calendar.deleted",
    "event.created",
    "event.updated",
    "event.deleted",
    "message.created",
    "message.created.cleaned",
    "message.updated",
    "message.deleted",
    "message.send_success",
    "message.send_failed",
    "message.bounce_detected",
    "message.bounced",
    "message.complaint",
    "message.delivered",
    "message.rejected",
    "message.opened",
    "message.opened.legacy",
    "message.link_clicked",
    "message.link_clicked.legacy",
    "message.transactional.bounced",
    "message.transactional.complaint",
    "message.transactional.delivered",
    "message.transactional.rejected",
    "thread.replied",
    "thread.replied.legacy",
    "message.intelligence.order",
    "message.intelligence.return",
    "message.intelligence.tracking",
    "message.intelligence.travel",
    "contact.created",
    "contact.updated",
    "contact.deleted",
    "folder.created",
    "folder.updated",
    "folder.deleted",
    "booking.created",
    "booking.pending",
    "booking.rescheduled",
    "booking.cancelled",
    "booking.reminder",
    "notetaker.created",
    "notetaker.updated",
    "notetaker.deleted",
    "notetaker.meeting_state",
    "notetaker.media",
]
"""Only events of grants are sent. The others are accepted, so that webhooks of other servers can be imported."""
Trigger = VendorTrigger | OwnTrigger

SampleTrigger = Literal[
    "grant.created",
    "grant.updated",
    "grant.deleted",
    "grant.expired",
    "calendar.created",
    "calendar.updated",
    "calendar.deleted",
    "event.created",
    "event.updated",
    "event.deleted",
    "folder.created",
    "folder.updated",
    "folder.deleted",
    "message.created",
    "message.created.truncated",
    "message.created.cleaned",
    "message.updated",
    "message.updated.truncated",
    "message.send_success",
    "message.send_failed",
    "message.bounce_detected",
    "message.opened",
    "message.link_clicked",
    "thread.replied",
    "contact.updated",
    "contact.deleted",
]
"""The triggers that have a sample."""

_Url = Annotated[str, StringConstraints(min_length=1, max_length=2048, pattern=r"^https?://[^\x00-\x20\x7f]+$")]
_Emails = Annotated[list[Annotated[str, text(320)]], Field(max_length=20)]
_Description = Annotated[str, text(1024, shortest=0)]


def _none_if_empty(value: object) -> object:
    return None if value in ("", []) else value


class OwnTriggers(Model):
    """Events that only this server has."""

    trigger_types: Annotated[list[OwnTrigger], Field(max_length=100)]
    """`connector.degraded` and `connector.recovered`: many grants of a connector fail the same way; they work again."""


class WebhookFailing(Model):
    """The latest attempt failed; one that goes well ends this."""

    since: int
    """Unix seconds of the first failed attempt in a row."""
    at: int
    """Of the latest."""
    attempts: int
    """How many in a row have failed."""
    reason: str
    """Why the latest failed, such as `Answered 500`, `No answer within 10 s` or `Certificate not trusted: …`."""

    @classmethod
    def of(cls, failing: webhooks.Failing) -> "WebhookFailing":
        return cls.model_construct(
            since=failing.since // SECOND, at=failing.at // SECOND, attempts=failing.attempts, reason=failing.reason
        )


class WebhookExtras(OwnTriggers):
    """What only this server says of a webhook."""

    failing: WebhookFailing | None = None
    """The receiver fails, since the first failed attempt. `status` changes only after 15 minutes."""


class Webhook(Model):
    """A destination of events."""

    id: str
    webhook_url: str
    trigger_types: list[VendorTrigger]
    """Without those of `opengrant`, which SDKs do not know."""
    description: str | None = None
    notification_email_addresses: list[str]
    """Kept, and not written to."""
    compressed_delivery: bool
    """Notifications are compressed with gzip."""
    status: Literal["active", "pause", "failing", "failed"]
    status_updated_at: int
    """Unix seconds."""
    created_at: int
    updated_at: int
    opengrant: WebhookExtras | None = None
    """Our addition: which events of ours it is sent, and why it fails. Absent when there is neither."""

    @classmethod
    def fields_of(cls, webhook: webhooks.Webhook) -> dict[str, Any]:
        own = [cast(OwnTrigger, trigger) for trigger in webhook.triggers if trigger in webhooks.OURS]
        return {
            "id": webhook.id,
            "webhook_url": webhook.url,
            "trigger_types": [trigger for trigger in webhook.triggers if trigger not in webhooks.OURS],
            "opengrant": _extras(own, webhook.failing),
            "description": webhook.description,
            "notification_email_addresses": list(webhook.emails),
            "compressed_delivery": webhook.compressed,
            "status": webhook.status,
            "status_updated_at": webhook.status_updated_at // SECOND,
            "created_at": webhook.created_at // SECOND,
            "updated_at": webhook.updated_at // SECOND,
        }

    @classmethod
    def of(cls, webhook: webhooks.Webhook) -> "Webhook":
        return cls.model_construct(**cls.fields_of(webhook))


def _extras(own: list[OwnTrigger], failing: webhooks.Failing | None) -> WebhookExtras | None:
    if failing is None:
        return WebhookExtras.model_construct(trigger_types=own) if own else None
    return WebhookExtras.model_construct(trigger_types=own, failing=WebhookFailing.of(failing))


class WebhookWithSecret(Webhook):
    """A destination and the secret that signs what it gets, which is shown only once."""

    webhook_secret: str = Field(repr=False)

    @classmethod
    def shown(cls, webhook: webhooks.Webhook, secret: SecretStr) -> "WebhookWithSecret":
        return cls.model_construct(**cls.fields_of(webhook), webhook_secret=secret.get_secret_value())


class Webhooks(RootModel[list[Webhook]]):
    """All of them: this list has no pages."""


class WebhookBody(Model):
    """The receiver is asked for the challenge before the webhook is stored."""

    model_config = examples({"webhook_url": "https://example.com/hook", "trigger_types": ["grant.created"]})
    webhook_url: _Url
    """https; http only on this machine, or where the operator allows it."""
    trigger_types: Annotated[list[Trigger], Field(min_length=1, max_length=100)]
    """Which events. Those of grants and connectors are sent; the others are accepted and never happen here.
    `connector.degraded` and `connector.recovered` are answered under `opengrant`."""
    description: _Description | None = None
    """For people."""
    notification_email_addresses: _Emails | None = None
    """Kept, and not written to."""
    compressed_delivery: bool | None = None
    """Notifications are compressed with gzip, and the signature is over the compressed bytes."""
    opengrant: OwnTriggers | None = None
    """Events of ours, beside those of `trigger_types`."""

    def to_model(self) -> webhooks.NewWebhook:
        own = self.opengrant.trigger_types if self.opengrant else ()
        return webhooks.NewWebhook(
            self.webhook_url,
            tuple(dict.fromkeys((*self.trigger_types, *own))),
            self.description or None,
            tuple(self.notification_email_addresses or ()),
            bool(self.compressed_delivery),
        )


class WebhookPatch(Model):
    """What is left out or empty stays as it is."""

    model_config = examples({"trigger_types": ["grant.created", "grant.expired"]}, {"status": "active"})
    webhook_url: Annotated[_Url | None, BeforeValidator(_none_if_empty)] = None
    """A new one is asked for the challenge."""
    trigger_types: Annotated[
        Annotated[list[Trigger], Field(max_length=100)] | None, BeforeValidator(_none_if_empty)
    ] = None
    """All that it shall be told of: replaces the list. Events of ours stay as they are unless some are named here, or
    `opengrant` is."""
    description: _Description | None = None
    """For people."""
    notification_email_addresses: _Emails | None = None
    """Kept, and not written to."""
    compressed_delivery: bool | None = None
    """Notifications are compressed with gzip, and the signature is over the compressed bytes."""
    status: Annotated[Literal["active", "pause", "inactive"] | None, BeforeValidator(_none_if_empty)] = None
    """`inactive` means pause. A failed webhook that becomes active is asked for the challenge."""
    opengrant: OwnTriggers | None = None
    """Events of ours: replaces them; an empty list takes them away."""

    def to_model(self) -> webhooks.WebhookChange:
        return webhooks.WebhookChange(
            url=self.webhook_url,
            triggers=tuple(dict.fromkeys(self.trigger_types)) if self.trigger_types else None,
            own=None if self.opengrant is None else tuple(dict.fromkeys(self.opengrant.trigger_types)),
            description=self.description or None,
            emails=tuple(self.notification_email_addresses) if self.notification_email_addresses else None,
            compressed=self.compressed_delivery,
            status="pause" if self.status == "inactive" else self.status,
        )


class DeliveryQuery(cursors.Query):
    """Which deliveries; filters are exact, and both must fit."""

    state: Literal["pending", "delivered", "failed"] | None = None
    """`pending`: it will be tried, now or later. `failed`: given up, until it is replayed."""
    event_id: Id | None = None
    """An event's id, which is the `id` of its notification."""

    def to_model(self, after: tuple[Micros, str] | None) -> deliveries.DeliveryFilters:
        """after: the time and the number of the delivery before the page. Raises InvalidRequest."""
        before = None
        if after is not None and (before := number_of(after[1])) is None:
            raise InvalidRequest("page_token: this is no next_cursor of this list.")
        return deliveries.DeliveryFilters(state=self.state, event_id=self.event_id, before=before)


def number_of(delivery_id: str) -> int | None:
    """The delivery number of an id; None when it is no number."""
    if delivery_id.isascii() and delivery_id.isdigit() and len(delivery_id) <= 18:
        return int(delivery_id)
    return None


class Delivery(Model):
    """An event on its way to a webhook, or how that ended."""

    id: str
    """What replaying names."""
    webhook_id: str
    """Where it goes."""
    event_id: str
    """The `id` of the notification, which stays the same however often it is sent."""
    type: Trigger
    """What happened."""
    grant_id: str | None = None
    """Whose event it is, if it is a grant's."""
    state: Literal["pending", "delivered", "failed"]
    """`pending`: it will be tried, now or later. `failed`: given up, until it is replayed."""
    attempts: int
    """With the one under way."""
    outcome: str | None = None
    """How the last attempt ended: an HTTP status, or a word such as `timeout`. Absent before the first."""
    reason: str | None = None
    """The same in words. Absent before the first attempt, and of one that was delivered."""
    created_at: int
    """Unix seconds of the event."""
    next_try_at: int | None = None
    """While it is pending: not before then."""
    ended_at: int | None = None
    """Once it is delivered or failed."""

    @classmethod
    def fields_of(cls, delivery: deliveries.Delivery) -> dict[str, Any]:
        outcome = delivery.outcome
        return {
            "id": str(delivery.seq),
            "webhook_id": delivery.webhook_id,
            "event_id": delivery.event_id,
            "type": cast(Trigger, delivery.type),
            "grant_id": delivery.subject or None,
            "state": delivery.state,
            "attempts": delivery.attempts,
            "outcome": outcome,
            "reason": None if outcome is None or delivery.state == "delivered" else attempts.reason_of(outcome),
            "created_at": delivery.created_at // SECOND,
            "next_try_at": delivery.due_at // SECOND if delivery.state == "pending" else None,
            "ended_at": None if delivery.ended_at is None else delivery.ended_at // SECOND,
        }

    @classmethod
    def of(cls, delivery: deliveries.Delivery) -> "Delivery":
        return cls.model_construct(**cls.fields_of(delivery))


class DeliveryAttempt(Model):
    """One attempt to deliver an event."""

    number: int
    """Which attempt of the delivery, from 1."""
    at: int
    """Unix seconds of its begin."""
    duration_ms: int
    """Until the answer, or until it was given up."""
    outcome: str
    """An HTTP status, or a word such as `timeout`."""
    reason: str
    """The same in words, such as `Answered 500`."""
    signature: str | None = None
    """The header `X-Nylas-Signature` that was sent. Absent when nothing was sent."""
    answer_headers: dict[str, str] | None = None
    """Headers of the answer; values that may be secrets are masked. Absent without an answer."""
    answer_body: str | None = None
    """The first 2 KB of the answer's body, as text. Absent without an answer."""
    answer_cut: bool | None = None
    """The answer's body was longer."""

    @classmethod
    def of(cls, attempt: deliveries.Attempt) -> "DeliveryAttempt":
        answered = attempt.outcome.isdigit()
        return cls.model_construct(
            number=attempt.number,
            at=attempt.at // SECOND,
            duration_ms=attempt.took // 1000,
            outcome=attempt.outcome,
            reason=attempt.reason,
            signature=attempt.signature,
            answer_headers=dict(attempt.headers) if answered else None,
            answer_body=attempt.body if answered else None,
            answer_cut=attempt.cut if answered else None,
        )


class DeliveryInFull(Delivery):
    """A delivery with what is sent, and every attempt that is kept."""

    url: str
    """Where it goes: the URL that the webhook has now."""
    headers: dict[str, str]
    """Headers that are sent beside the signature, which each attempt has of its own."""
    notification: dict[str, Any]
    """What is sent, as the latest attempt sent it."""
    lacks_contents: bool
    """The message is read when the notification is sent and is not stored, so `notification` does not show it."""
    history: list[DeliveryAttempt]
    """The latest ten attempts, newest first."""

    @classmethod
    def in_full(cls, found: deliveries.DeliveryInFull) -> "DeliveryInFull":
        return cls.model_construct(
            **cls.fields_of(found.delivery),
            url=found.webhook.url,
            headers=headers_of(compressed=found.webhook.compressed),
            notification=dict(found.notification),
            lacks_contents=found.lacks_contents,
            history=[DeliveryAttempt.of(one) for one in reversed(found.attempts)],
        )


class Replayed(Model):
    """What comes of replaying many."""

    replayed: int
    """How many deliveries will be sent again."""


class SampleBody(Model):
    """Which sample."""

    model_config = examples({"trigger_type": "grant.expired"})
    trigger_type: SampleTrigger
    """Of which event."""


class TestEventBody(Model):
    """Where a sample is sent to."""

    model_config = examples({"webhook_url": "https://example.com/hook", "trigger_type": "grant.created"})
    webhook_url: _Url
    """https; http only on this machine, or where the operator allows it. It need not belong to a webhook."""
    trigger_type: Annotated[SampleTrigger, OrNull] = "grant.created"
    """Of which event."""


class SampleData(Model):
    """What a notification is about."""

    application_id: str
    object: dict[str, Any]


class Sample(Model):
    """A notification, as receivers get it."""

    specversion: Literal["1.0"]
    type: SampleTrigger
    source: str
    id: str
    """The same each time a notification is sent again."""
    time: int
    """Unix seconds of the event."""
    webhook_delivery_attempt: int
    data: SampleData


class Deleted(Model):
    """It is gone."""

    status: Literal["success"] = "success"


class Sent(RootModel[Literal["success"]]):
    """The receiver took it."""


class Addresses(Model):
    """Where notifications come from, as far as the operator has said so."""

    ip_addresses: list[str]
    updated_at: int
    """Unix seconds."""
