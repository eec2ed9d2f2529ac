"""The overview on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field

from opengrant.api.wire.fields import Answer, Model
from opengrant.api.wire.webhooks import WebhookFailing
from opengrant.model import SECOND, ProviderName
from opengrant.operations import overview


class OverviewQuery(Model):
    """How far back."""

    hours: Annotated[int, Field(ge=1, le=720)] = 24
    """Of activity. Up to 72 it comes hour by hour, else day by day."""


class ProviderGrants(Model):
    """Grants of one provider."""

    provider: ProviderName
    valid: int
    invalid: int
    """Their owners must connect again."""
    troubled: int
    """Valid ones that do not work just now."""
    held: int
    """Troubled ones that fail like many others: their connector or provider is the cause."""


class Expiring(Model):
    """What is about to happen."""

    tokens_within_hour: int
    """Tokens of valid grants that end within an hour; they are renewed before. 10000 means 10,000 or more."""
    tokens_within_day: int
    """10000 means 10,000 or more."""
    overdue: int
    """Grants that should have been looked after a minute ago or longer: budgets are spent, a connector is degraded, or
    nothing does the background work. 10000 means 10,000 or more."""
    suspected: int
    """Refusals that will be asked about once more before they end their grants."""


class ActivityBucket(Model):
    """What came out in an hour or a day."""

    at: int
    """Unix seconds of its beginning; days begin at midnight UTC."""
    verified: int
    """Credentials that were proven: connect/custom, hosted sign-in, and changes of credentials."""
    refreshed: int
    """Stored credentials that were renewed or proven again."""
    failed: int
    """Attempts to renew or prove a stored credential that failed, all classes together."""
    failures: dict[str, int]
    """The same by class: reconnect, connector, provider_down, rate_limited, bad_request, unknown."""


class Activity(Model):
    """Statistics: a process that is killed loses the last seconds of its counts."""

    bucket_seconds: Literal[3600, 86400]
    buckets: list[ActivityBucket]
    """Oldest first, empty ones too; the last one is under way."""


class DegradedSource(Model):
    """A connector, a credential of it, or a mail host, whose grants fail the same way and are held."""

    provider: ProviderName
    connector_id: str
    """As events carry it in integration_id."""
    credential_id: str | None = None
    """Of the credential; absent where grants bring passwords of their own."""
    host: str | None = None
    """Of the mail host."""
    since: int
    class_: Annotated[str, Field(alias="class")]
    reason: str
    provider_code: str | None = None
    """The provider's own word."""
    remedy: str
    grants: int
    """How many valid grants depend on it."""
    probe_at: int | None = None
    """Unix seconds when one or two of them try again."""


class WebhookBacklog(Model):
    """How a destination keeps up."""

    id: str
    webhook_url: str
    description: str | None = None
    """Its name, in your words."""
    status: Literal["active", "failing", "failed", "pause"]
    status_updated_at: int
    pending: int
    """Deliveries under way; 1000 means 1000 or more."""
    failed: int
    """Deliveries that were given up and not replayed; 1000 means 1000 or more."""
    oldest_pending_at: int | None = None
    """Unix seconds of the event that has waited longest."""
    failing: WebhookFailing | None = None
    """Its latest attempt failed."""


class Overview(Model):
    """How an application is doing. Optional fields are absent when unknown, never null."""

    at: int
    """Unix seconds of when it was counted."""
    grants: list[ProviderGrants]
    """Of each provider that has any, by name."""
    expiring: Expiring
    activity: Activity
    degraded: list[DegradedSource]
    """Longest first, 50 at most."""
    webhooks: list[WebhookBacklog]

    @staticmethod
    def of(view: overview.View) -> Answer:
        snapshot, expiring = view.snapshot, view.snapshot.expiring
        return {
            "at": snapshot.at // SECOND,
            "grants": [
                {
                    "provider": provider,
                    "valid": health.valid,
                    "invalid": health.invalid,
                    "troubled": health.troubled,
                    "held": health.held,
                }
                for provider, health in snapshot.grants.items()
            ],
            "expiring": {
                "tokens_within_hour": expiring.tokens_within_hour,
                "tokens_within_day": expiring.tokens_within_day,
                "overdue": expiring.overdue,
                "suspected": expiring.suspected,
            },
            "activity": {
                "bucket_seconds": view.bucket // SECOND,
                "buckets": [_bucket(bucket) for bucket in view.buckets],
            },
            "degraded": [_degraded(trouble) for trouble in snapshot.degraded],
            "webhooks": [
                _known(
                    id=webhook.id,
                    webhook_url=webhook.url,
                    description=webhook.description,
                    status=webhook.status,
                    status_updated_at=webhook.status_updated_at // SECOND,
                    pending=backlog.pending,
                    failed=backlog.failed,
                    oldest_pending_at=_seconds(backlog.oldest_pending_at),
                    failing=None if webhook.failing is None else WebhookFailing.of(webhook.failing).model_dump(),
                )
                for webhook, backlog in snapshot.webhooks
            ],
        }


def _bucket(bucket: overview.Bucket) -> Answer:
    return {
        "at": bucket.at // SECOND,
        "verified": bucket.verified,
        "refreshed": bucket.refreshed,
        "failed": sum(bucket.failures.values()),
        "failures": bucket.failures,
    }


def _degraded(trouble: overview.DegradedSource) -> Answer:
    answer = trouble.answer
    return _known(
        provider=trouble.provider,
        connector_id=trouble.connector_id,
        credential_id=trouble.credential_id,
        host=trouble.host,
        since=trouble.since // SECOND,
        **{"class": answer["class"]},
        reason=answer["reason"],
        provider_code=answer["code"] or None,
        remedy=answer["remedy"],
        grants=trouble.grants,
        probe_at=_seconds(trouble.probe_at),
    )


def _known(**fields: Any) -> Answer:
    return {name: value for name, value in fields.items() if value is not None}


def _seconds(at: int | None) -> int | None:
    return None if at is None else at // SECOND
