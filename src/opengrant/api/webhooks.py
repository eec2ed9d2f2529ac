"""/v3/webhooks: destinations of events, and what is on its way there.

Errors here carry numbers for types, as the wire has it.
"""

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

from opengrant.api.http.routes import Call, route
from opengrant.api.wire import pagination as cursors
from opengrant.api.wire import webhooks as wire
from opengrant.errors import InvalidPayload, InvalidRequest, NotFound, WebhookNotFound, WebhookRefused
from opengrant.model import SECOND

TAG = "Webhooks"
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


@route("GET", "/v3/webhooks", tag=TAG, answers=wire.Webhooks)
async def list_webhooks(call: Call) -> wire.Webhooks:
    """List webhooks, in order of creation."""
    found = await call.services.webhooks.everyone(call.application)
    return wire.Webhooks.model_construct([wire.Webhook.of(webhook) for webhook in found])


@route(
    "POST",
    "/v3/webhooks",
    tag=TAG,
    body=wire.WebhookBody,
    answers=wire.WebhookWithSecret,
    errors=(WebhookRefused,),
)
async def create_webhook(call: Call) -> wire.WebhookWithSecret:
    """Create a webhook. Answers 200, with the signing secret.

    The receiver gets GET with a query parameter `challenge` and must answer 200 with its value, as raw text,
    within 10 s.
    """
    made, secret = await call.services.webhooks.create(call.application, _read(call, wire.WebhookBody).to_model())
    return wire.WebhookWithSecret.shown(made, secret)


@route("GET", "/v3/webhooks/ip-addresses", tag=TAG, answers=wire.Addresses)
async def list_webhook_ip_addresses(call: Call) -> wire.Addresses:
    """List the addresses that notifications come from."""
    webhooks = call.services.webhooks
    return wire.Addresses.model_construct(
        ip_addresses=list(webhooks.addresses), updated_at=webhooks.addresses_at // SECOND
    )


@route(
    "POST", "/v3/webhooks/mock-payload", tag=TAG, body=wire.SampleBody, answers=wire.Sample, errors=(WebhookRefused,)
)
async def get_mock_payload(call: Call) -> dict[str, object]:
    """Get a sample notification."""
    trigger = _read(call, wire.SampleBody).trigger_type
    return dict(call.services.webhooks.mock_payload(call.application, trigger))


@route(
    "POST",
    "/v3/webhooks/send-test-event",
    tag=TAG,
    body=wire.TestEventBody,
    answers=wire.Sent,
    errors=(WebhookRefused,),
)
async def send_test_event(call: Call) -> wire.Sent:
    """Send a sample notification, signed with the secret `mock-webhook-secret`."""
    body = _read(call, wire.TestEventBody)
    await call.services.webhooks.send_test_event(call.application, body.webhook_url, body.trigger_type)
    return wire.Sent("success")


@route(
    "POST",
    "/v3/webhooks/rotate-secret/{webhook_id}",
    tag=TAG,
    answers=wire.WebhookWithSecret,
    errors=(WebhookNotFound,),
)
async def rotate_webhook_secret(call: Call) -> wire.WebhookWithSecret:
    """Replace the signing secret. The old one stops at once."""
    return await _rotate(call)


@route(
    "PUT",
    "/v3/webhooks/{webhook_id}/rotate-secret",
    tag=TAG,
    answers=wire.WebhookWithSecret,
    errors=(WebhookNotFound,),
)
async def rotate_secret_of_webhook(call: Call) -> wire.WebhookWithSecret:
    """Replace the signing secret, as another SDK spells it."""
    return await _rotate(call)


@route("GET", "/v3/webhooks/{webhook_id}", tag=TAG, answers=wire.Webhook, errors=(WebhookNotFound,))
async def get_webhook(call: Call) -> wire.Webhook:
    """Get a webhook."""
    return wire.Webhook.of(await call.services.webhooks.get(call.application, call.params["webhook_id"]))


@route(
    "PUT",
    "/v3/webhooks/{webhook_id}",
    tag=TAG,
    body=wire.WebhookPatch,
    answers=wire.Webhook,
    errors=(WebhookNotFound, WebhookRefused),
)
async def update_webhook(call: Call) -> wire.Webhook:
    """Change a webhook. What is left out stays."""
    change = _read(call, wire.WebhookPatch).to_model()
    return wire.Webhook.of(await call.services.webhooks.update(call.application, call.params["webhook_id"], change))


@route("DELETE", "/v3/webhooks/{webhook_id}", tag=TAG, answers=wire.Deleted, errors=(WebhookNotFound,))
async def delete_webhook(call: Call) -> wire.Deleted:
    """Delete a webhook. What is on its way to it is not sent."""
    await call.services.webhooks.delete(call.application, call.params["webhook_id"])
    return wire.Deleted()


@route(
    "GET",
    "/v3/webhooks/{webhook_id}/deliveries",
    tag=TAG,
    query=wire.DeliveryQuery,
    answers=wire.Delivery,
    cursor=True,
    errors=(WebhookNotFound, WebhookRefused),
)
async def list_deliveries(call: Call) -> tuple[list[wire.Delivery], str | None]:
    """List what was and will be sent to a webhook, the latest first.

    What has ended is kept for 7 days, unless the operator says otherwise. `next_cursor` is there while there are more.
    """
    query = _numbered(lambda: call.query(wire.DeliveryQuery))
    filters = _numbered(query.to_model)
    found = await call.services.deliveries.page_of(
        call.application, call.params["webhook_id"], filters, limit=query.size + 1
    )
    shown = found[: query.size]
    more = cursors.token(shown[-1].created_at, str(shown[-1].seq)) if len(found) > query.size else None
    return [wire.Delivery.of(delivery) for delivery in shown], more


@route(
    "POST",
    "/v3/webhooks/{webhook_id}/deliveries/replay-failed",
    tag=TAG,
    answers=wire.Replayed,
    errors=(WebhookNotFound,),
)
async def replay_failed_deliveries(call: Call) -> wire.Replayed:
    """Send everything again that a webhook has failed to take. Each has the notification id that it had."""
    replayed = await call.services.deliveries.replay_failed(call.application, call.params["webhook_id"])
    return wire.Replayed.model_construct(replayed=replayed)


@route(
    "POST",
    "/v3/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    tag=TAG,
    answers=wire.Delivery,
    errors=(WebhookNotFound, NotFound),
)
async def replay_delivery(call: Call) -> wire.Delivery:
    """Send a delivery again, whatever became of it.

    The notification has the id that it had, so a receiver can tell that it has seen it. To a webhook that is paused or
    failed it goes once that is active again.
    """
    seq = wire.number_of(call.params["delivery_id"])
    if seq is None:
        raise NotFound("There is no delivery of that id: it is a number, as the list of deliveries shows it.")
    webhook_id = call.params["webhook_id"]
    return wire.Delivery.of(await call.services.deliveries.replay(call.application, seq, webhook_id=webhook_id))


async def _rotate(call: Call) -> wire.WebhookWithSecret:
    held, secret = await call.services.webhooks.rotate_secret(call.application, call.params["webhook_id"])
    return wire.WebhookWithSecret.shown(held, secret)


def _read(call: Call, shape: type[M]) -> M:
    return _numbered(lambda: call.read(shape))


def _numbered(read: Callable[[], T]) -> T:
    """What `read` returns; what is wrong with the request gets the number that such errors have here."""
    try:
        return read()
    except (InvalidPayload, InvalidRequest) as problem:
        raise WebhookRefused(problem.message) from None
