"""The shapes of webhooks."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, RootModel, SecretStr, StringConstraints

from opengrant.api.wire import Model, text
from opengrant.grants import webhooks
from opengrant.model import SECOND

Trigger = Literal[
    "grant.created",
    "grant.updated",
    "grant.deleted",
    "grant.expired",
    "connector.degraded",
    "connector.recovered",
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
"""Those of grants and connectors are sent. The rest is accepted, so that other servers' webhooks can be imported."""

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
"""What there are samples of."""

_Url = Annotated[str, StringConstraints(min_length=1, max_length=2048, pattern=r"^https?://[^\x00-\x20\x7f]+$")]
_Emails = Annotated[list[Annotated[str, text(320)]], Field(max_length=20)]
_Description = Annotated[str, text(1024, shortest=0)]


def _none_if_empty(value: object) -> object:
    return None if value in ("", []) else value


class Webhook(Model):
    """A destination of events."""

    id: str
    webhook_url: str
    trigger_types: list[str]
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

    @classmethod
    def fields_of(cls, webhook: webhooks.Webhook) -> dict[str, Any]:
        return {
            "id": webhook.id,
            "webhook_url": webhook.url,
            "trigger_types": list(webhook.triggers),
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


class WebhookWithSecret(Webhook):
    """A destination and the secret that signs what it gets, which is shown this once."""

    webhook_secret: str

    @classmethod
    def shown(cls, webhook: webhooks.Webhook, secret: SecretStr) -> "WebhookWithSecret":
        return cls.model_construct(**cls.fields_of(webhook), webhook_secret=secret.get_secret_value())


class Webhooks(RootModel[list[Webhook]]):
    """All of them: this list has no pages."""


class WebhookBody(Model):
    """The receiver is asked for the challenge before the webhook is stored."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"webhook_url": "https://example.com/hook", "trigger_types": ["grant.created"]}]
        }
    )
    webhook_url: _Url
    """https; http only on this machine, or where the operator allows it."""
    trigger_types: Annotated[list[Trigger], Field(min_length=1, max_length=100)]
    description: _Description | None = None
    notification_email_addresses: _Emails | None = None
    compressed_delivery: bool | None = None

    def to_model(self) -> webhooks.Draft:
        return webhooks.Draft(
            self.webhook_url,
            tuple(dict.fromkeys(self.trigger_types)),
            self.description or None,
            tuple(self.notification_email_addresses or ()),
            bool(self.compressed_delivery),
        )


class WebhookPatch(Model):
    """What is left out or empty stays as it is."""

    webhook_url: Annotated[_Url | None, BeforeValidator(_none_if_empty)] = None
    """A new one is asked for the challenge."""
    trigger_types: Annotated[
        Annotated[list[Trigger], Field(max_length=100)] | None, BeforeValidator(_none_if_empty)
    ] = None
    description: _Description | None = None
    notification_email_addresses: _Emails | None = None
    compressed_delivery: bool | None = None
    status: Annotated[Literal["active", "pause", "inactive"] | None, BeforeValidator(_none_if_empty)] = None
    """`inactive` means pause. A failed webhook that becomes active is asked for the challenge."""

    def to_model(self) -> webhooks.Change:
        return webhooks.Change(
            url=self.webhook_url,
            triggers=tuple(dict.fromkeys(self.trigger_types)) if self.trigger_types else None,
            description=self.description or None,
            emails=tuple(self.notification_email_addresses) if self.notification_email_addresses else None,
            compressed=self.compressed_delivery,
            status="pause" if self.status == "inactive" else self.status,
        )


class SampleBody(Model):
    """Which sample."""

    trigger_type: SampleTrigger


class TestEventBody(Model):
    """Where a sample is sent to."""

    webhook_url: _Url
    trigger_type: SampleTrigger = "grant.created"


class SampleData(Model):
    """What a notification is about."""

    application_id: str
    object: dict[str, Any]


class Sample(Model):
    """A notification, as receivers get it."""

    specversion: Literal["1.0"]
    type: str
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
