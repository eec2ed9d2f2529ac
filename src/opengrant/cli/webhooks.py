"""`opengrant webhooks`: destinations of events, their deliveries, and sending one again.

cli/commands.py names it by path: other commands do not load it.
"""

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import cyclopts
from cyclopts import Parameter
from pydantic import SecretStr

from opengrant.api.http.decoding import decode
from opengrant.api.wire import webhooks as wire
from opengrant.cli.output import AsJson, Wide, out, print_json, print_rows
from opengrant.cli.run import Owner, application_of, run, whole_id
from opengrant.cli.serving import Failure
from opengrant.events.deliveries import Delivery, DeliveryFilters
from opengrant.events.webhooks import Webhook
from opengrant.model import SECOND, Application

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

webhooks_app = cyclopts.App(name="webhooks", help="Webhooks, their deliveries, and test events.")

_DELIVERY = ("id", "webhook_id", "type", "state", "attempts", "outcome", "created_at")


@webhooks_app.command(name="list")
def webhooks_list(*, application: Owner = None, wide: Wide = False, json: AsJson = False) -> None:
    """List webhooks."""

    async def find(installed: "Installation") -> list[Webhook]:
        return await installed.services.webhooks.of_application(await application_of(installed, application))

    rows = [_row(webhook) for webhook in run(find)]
    print_rows(rows, json=json, wide=wide, columns=("id", "webhook_url", "status", "created_at"))


@webhooks_app.command(name="create")
def webhooks_create(
    url: str,
    trigger: Annotated[list[str], Parameter(help="Events to send, such as grant.expired or grant.*; may be repeated.")],
    /,
    *,
    description: str | None = None,
    application: Owner = None,
    json: AsJson = False,
) -> None:
    """Create a webhook and print its signing secret, which is shown only once.

    The receiver gets GET with a query parameter `challenge` and must answer with its value within 10 s.
    """
    sent = {"webhook_url": url, "trigger_types": _triggers(trigger), "description": description or ""}
    body = decode(wire.WebhookBody, sent)

    async def create(installed: "Installation") -> tuple[Webhook, SecretStr]:
        return await installed.services.webhooks.create(await application_of(installed, application), body.to_model())

    made, secret = run(create)
    if json:
        print_json({**_row(made), "webhook_secret": secret.get_secret_value()})
    else:
        out.print(f"Webhook {made.id} created. Its signing secret, shown only once:", markup=False)
        out.print(f"\n  {secret.get_secret_value()}\n", markup=False)


@webhooks_app.command(name="test")
def webhooks_test(
    webhook: str,
    /,
    *,
    trigger: Annotated[str, Parameter(help="The event to send a sample of.")] = "grant.created",
    application: Owner = None,
    json: AsJson = False,
) -> None:
    """Send a sample notification, signed with the secret `mock-webhook-secret`.

    Parameters
    ----------
    webhook
        Its id or its URL; or any other URL.
    """

    async def send(installed: "Installation") -> str:
        owner = await application_of(installed, application)
        webhooks = installed.services.webhooks
        url = webhook if "://" in webhook else (await webhooks.get(owner, await _whole(installed, owner, webhook))).url
        await webhooks.send_test_event(owner, url, trigger)
        return url

    url = run(send)
    if json:
        print_json({"sent": trigger, "webhook_url": url})
    else:
        out.print(f"{url} has taken a sample of {trigger}.", markup=False)


@webhooks_app.command(name="deliveries")
def webhooks_deliveries(
    webhook: str | None = None,
    /,
    *,
    state: Literal["pending", "delivered", "failed"] | None = None,
    event: Annotated[str | None, Parameter(help="Only of this event: the id of the notification.")] = None,
    before: Annotated[int | None, Parameter(help="Only deliveries before the one with this id: the next page.")] = None,
    limit: int = 50,
    application: Owner = None,
    wide: Wide = False,
    json: AsJson = False,
) -> None:
    """List deliveries, the latest first.

    Parameters
    ----------
    webhook
        Only those to this webhook.
    """

    async def find(installed: "Installation") -> list[Delivery]:
        owner = await application_of(installed, application)
        named = None if webhook is None else await _whole(installed, owner, webhook)
        filters = DeliveryFilters(named, state, event, before)
        return list(await installed.services.deliveries.page(owner, filters, limit=max(1, min(limit, 1000))))

    rows = [wire.Delivery.of(delivery).model_dump() | {"id": delivery.seq} for delivery in run(find)]
    print_rows(rows, json=json, wide=wide, columns=_DELIVERY)


@webhooks_app.command(name="replay")
def webhooks_replay(
    delivery: list[int] | None = None,
    /,
    *,
    failed: Annotated[
        str | None, Parameter(name="--failed", help="All failed deliveries of the webhook with this id.")
    ] = None,
    application: Owner = None,
    json: AsJson = False,
) -> None:
    """Send deliveries again, with the same notification ids. A running server or worker sends them.

    Parameters
    ----------
    delivery
        Ids, as `opengrant webhooks deliveries` shows them.
    """
    if bool(delivery) == bool(failed):
        raise Failure("Name deliveries by their ids, or a webhook with --failed.")

    async def replay(installed: "Installation") -> int:
        owner = await application_of(installed, application)
        if failed is not None:
            named = await _whole(installed, owner, failed)
            return await installed.services.deliveries.replay_failed(owner, named)
        for seq in delivery or ():
            await installed.services.deliveries.replay(owner, seq)
        return len(delivery or ())

    replayed = run(replay)
    if json:
        print_json({"replayed": replayed})
    else:
        out.print(f"{replayed} delivery(s) will be sent again.", markup=False)


def _triggers(asked: Sequence[str]) -> list[str]:
    """`grant.*` stands for all that begin so. Raises Failure."""
    known, chosen = [*get_args(wire.VendorTrigger), *get_args(wire.OwnTrigger)], dict[str, None]()
    for one in asked:
        found = [name for name in known if name == one or (one.endswith(".*") and name.startswith(one[:-1]))]
        if not found:
            near = difflib.get_close_matches(one, known, 1)
            raise Failure(f"{one} is no event{f': did you mean {near[0]}?' if near else '.'}")
        chosen |= dict.fromkeys(found)
    return [*chosen]


async def _whole(installed: "Installation", owner: Application, named: str) -> str:
    """The id of a webhook from its beginning, `whk_` left out or not. Raises Failure."""
    ids = [webhook.id for webhook in await installed.services.webhooks.of_application(owner)]
    return whole_id(named if named.startswith("whk_") else f"whk_{named}", ids)


def _row(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "webhook_url": webhook.url,
        "trigger_types": list(webhook.triggers),
        "status": webhook.status,
        "status_updated_at": webhook.status_updated_at // SECOND,
        "created_at": webhook.created_at // SECOND,
    }
