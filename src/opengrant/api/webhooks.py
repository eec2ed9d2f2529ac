"""/v3/webhooks: destinations of events. Errors here carry numbers for types, as the wire has it."""

from typing import TypeVar

from pydantic import BaseModel

from opengrant.api import webhooks_wire as wire
from opengrant.api.routing import Call, route
from opengrant.errors import InvalidPayload, InvalidRequest, WebhookNotFound, WebhookRefused
from opengrant.model import SECOND

TAG = "Webhooks"
T = TypeVar("T", bound=BaseModel)


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


async def _rotate(call: Call) -> wire.WebhookWithSecret:
    held, secret = await call.services.webhooks.rotate_secret(call.application, call.params["webhook_id"])
    return wire.WebhookWithSecret.shown(held, secret)


def _read(call: Call, shape: type[T]) -> T:
    try:
        return call.read(shape)
    except (InvalidPayload, InvalidRequest) as problem:
        raise WebhookRefused(problem.message) from None
