"""/v3/webhooks: destinations of events, and their deliveries.

Errors here have a number as their type, as in the vendor's API.
"""

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

from opengrant.api.http.cursors import listed
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, One, route
from opengrant.api.wire import webhooks as wire
from opengrant.errors import InvalidPayload, InvalidRequest, NotFound, WebhookNotFound, WebhookRefused
from opengrant.model import SECOND

TAG = "Webhooks"
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


@route("GET", "/v3/webhooks", tag=TAG, answers=One(wire.Webhooks))
async def list_webhooks(request: Request) -> wire.Webhooks:
    """List webhooks.

    In order of creation.
    """
    found = await request.services.webhooks.of_application(request.application)
    return wire.Webhooks.model_construct([wire.Webhook.of(webhook) for webhook in found])


@route(
    "POST",
    "/v3/webhooks",
    tag=TAG,
    body=wire.WebhookBody,
    answers=One(wire.WebhookWithSecret),
    errors=(WebhookRefused,),
)
async def create_webhook(request: Request) -> wire.WebhookWithSecret:
    """Create a webhook.

    The answer has the status 200, and the signing secret.

    The receiver gets GET with a query parameter `challenge` and must answer 200 with its value, as raw text, within 10
    s.
    """
    made, secret = await request.services.webhooks.create(
        request.application, _read(request, wire.WebhookBody).to_model()
    )
    return wire.WebhookWithSecret.shown(made, secret)


@route("GET", "/v3/webhooks/ip-addresses", tag=TAG, answers=One(wire.Addresses))
async def list_webhook_ip_addresses(request: Request) -> wire.Addresses:
    """List webhook IP addresses.

    The addresses that notifications come from.
    """
    webhooks = request.services.webhooks
    return wire.Addresses.model_construct(
        ip_addresses=list(webhooks.addresses), updated_at=webhooks.addresses_at // SECOND
    )


@route(
    "POST",
    "/v3/webhooks/mock-payload",
    tag=TAG,
    body=wire.SampleBody,
    answers=One(wire.Sample),
    errors=(WebhookRefused,),
)
async def get_mock_payload(request: Request) -> dict[str, object]:
    """Get a sample notification.

    Shows what a receiver gets for a trigger.
    """
    trigger = _read(request, wire.SampleBody).trigger_type
    return dict(request.services.webhooks.mock_payload(request.application, trigger))


@route(
    "POST",
    "/v3/webhooks/send-test-event",
    tag=TAG,
    body=wire.TestEventBody,
    answers=One(wire.Sent),
    errors=(WebhookRefused,),
)
async def send_test_event(request: Request) -> wire.Sent:
    """Send a sample notification.

    It is signed with the secret `mock-webhook-secret`.
    """
    body = _read(request, wire.TestEventBody)
    await request.services.webhooks.send_test_event(request.application, body.webhook_url, body.trigger_type)
    return wire.Sent("success")


@route(
    "POST",
    "/v3/webhooks/rotate-secret/{webhook_id}",
    tag=TAG,
    answers=One(wire.WebhookWithSecret),
    errors=(WebhookNotFound,),
)
async def rotate_webhook_secret(request: Request) -> wire.WebhookWithSecret:
    """Rotate a webhook's secret.

    Replaces the signing secret. The old one stops at once.
    """
    return await _rotate(request)


@route(
    "PUT",
    "/v3/webhooks/{webhook_id}/rotate-secret",
    tag=TAG,
    answers=One(wire.WebhookWithSecret),
    errors=(WebhookNotFound,),
)
async def rotate_secret_of_webhook(request: Request) -> wire.WebhookWithSecret:
    """Rotate the secret of a webhook.

    Replaces the signing secret, at the path that other SDKs use.
    """
    return await _rotate(request)


@route("GET", "/v3/webhooks/{webhook_id}", tag=TAG, answers=One(wire.Webhook), errors=(WebhookNotFound,))
async def get_webhook(request: Request) -> wire.Webhook:
    """Get a webhook.

    By its id.
    """
    return wire.Webhook.of(await request.services.webhooks.get(request.application, request.params["webhook_id"]))


@route(
    "PUT",
    "/v3/webhooks/{webhook_id}",
    tag=TAG,
    body=wire.WebhookPatch,
    answers=One(wire.Webhook),
    errors=(WebhookNotFound, WebhookRefused),
)
async def update_webhook(request: Request) -> wire.Webhook:
    """Update a webhook.

    What is left out stays.
    """
    change = _read(request, wire.WebhookPatch).to_model()
    return wire.Webhook.of(
        await request.services.webhooks.update(request.application, request.params["webhook_id"], change)
    )


@route("DELETE", "/v3/webhooks/{webhook_id}", tag=TAG, answers=One(wire.Deleted), errors=(WebhookNotFound,))
async def delete_webhook(request: Request) -> wire.Deleted:
    """Delete a webhook.

    Notifications that wait for it are not sent.
    """
    await request.services.webhooks.delete(request.application, request.params["webhook_id"])
    return wire.Deleted()


@route(
    "GET",
    "/v3/webhooks/{webhook_id}/deliveries",
    tag=TAG,
    query=wire.DeliveryQuery,
    answers=Cursor(wire.Delivery),
    errors=(WebhookNotFound, WebhookRefused),
    addition=True,
)
async def list_deliveries(request: Request) -> tuple[list[wire.Delivery], str | None]:
    """List deliveries.

    Lists what was and will be sent to a webhook, the latest first.

    What has ended is kept for 7 days by default. `next_cursor` is there while there are more.
    """
    webhook_id = request.params["webhook_id"]
    of = f"deliveries {request.application.id} {webhook_id}"
    asked = _numbered(lambda: listed(request, wire.DeliveryQuery, of=of))
    filters = _numbered(lambda: asked.query.to_model(asked.after))
    limit = asked.query.size + 1
    found = await request.services.deliveries.page_of(request.application, webhook_id, filters, limit=limit)
    shown, cursor = asked.cut(found, lambda delivery: (delivery.created_at, str(delivery.seq)))
    return [wire.Delivery.of(delivery) for delivery in shown], cursor


@route(
    "GET",
    "/v3/webhooks/{webhook_id}/deliveries/{delivery_id}",
    tag=TAG,
    answers=One(wire.DeliveryInFull),
    errors=(WebhookNotFound, NotFound),
    addition=True,
)
async def get_delivery(request: Request) -> wire.DeliveryInFull:
    """Get a delivery.

    Shows what is sent, and each attempt with the receiver's answer.
    """
    found = await request.services.deliveries.get(request.application, request.params["webhook_id"], _number(request))
    return wire.DeliveryInFull.in_full(found)


@route(
    "POST",
    "/v3/webhooks/{webhook_id}/deliveries/replay-failed",
    tag=TAG,
    answers=One(wire.Replayed),
    errors=(WebhookNotFound,),
    addition=True,
)
async def replay_failed_deliveries(request: Request) -> wire.Replayed:
    """Replay failed deliveries.

    Sends again everything that failed for a webhook. The ids of the notifications stay.
    """
    replayed = await request.services.deliveries.replay_failed(request.application, request.params["webhook_id"])
    return wire.Replayed.model_construct(replayed=replayed)


@route(
    "POST",
    "/v3/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    tag=TAG,
    answers=One(wire.Delivery),
    errors=(WebhookNotFound, NotFound),
    addition=True,
)
async def replay_delivery(request: Request) -> wire.Delivery:
    """Replay a delivery.

    Sends a delivery again, also one that was received.

    The notification keeps its id, so that a receiver can tell that it has it already. A webhook that is paused or
    failed gets it when it is active again.
    """
    webhook_id, seq = request.params["webhook_id"], _number(request)
    return wire.Delivery.of(await request.services.deliveries.replay(request.application, seq, webhook_id=webhook_id))


def _number(request: Request) -> int:
    """Raises NotFound."""
    seq = wire.number_of(request.params["delivery_id"])
    if seq is None:
        raise NotFound("There is no delivery of that id: it is a number, as the list of deliveries shows it.")
    return seq


async def _rotate(request: Request) -> wire.WebhookWithSecret:
    webhook, secret = await request.services.webhooks.rotate_secret(request.application, request.params["webhook_id"])
    return wire.WebhookWithSecret.shown(webhook, secret)


def _read(request: Request, shape: type[M]) -> M:
    return _numbered(lambda: request.read(shape))


def _numbered(read: Callable[[], T]) -> T:
    """Return what `read` returns; turn its errors into WebhookRefused, which has a number as its type."""
    try:
        return read()
    except (InvalidPayload, InvalidRequest) as problem:
        raise WebhookRefused(problem.message) from None
