"""`opengrant webhooks`: destinations of events, their deliveries, and sending one again.

cli/commands.py names it by path: other commands do not load it.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import cyclopts
from cyclopts import Parameter

from opengrant.api.wire import webhooks as wire
from opengrant.cli.output import AsJson, out, print_json, print_rows
from opengrant.cli.run import Owner, application_of, run
from opengrant.cli.serving import Failure
from opengrant.events.deliveries import Delivery, DeliveryFilters
from opengrant.events.webhooks import Webhook
from opengrant.model import SECOND

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

webhooks_app = cyclopts.App(name="webhooks", help="Where events go, and what became of each delivery.")


@webhooks_app.command(name="list")
def webhooks_list(*, application: Owner = None, json: AsJson = False) -> None:
    """List webhooks."""

    async def find(installed: "Installation") -> list[Webhook]:
        return await installed.services.webhooks.of_application(await application_of(installed, application))

    print_rows([_row(webhook) for webhook in run(find)], json=json)


@webhooks_app.command(name="deliveries")
def webhooks_deliveries(
    webhook: str | None = None,
    /,
    *,
    state: Literal["pending", "delivered", "failed"] | None = None,
    event: Annotated[str | None, Parameter(help="An event's id, which is the notification's.")] = None,
    before: Annotated[int | None, Parameter(help="Older than the delivery with this id: the next page.")] = None,
    limit: int = 50,
    application: Owner = None,
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
        filters = DeliveryFilters(webhook, state, event, before)
        return list(await installed.services.deliveries.page(owner, filters, limit=max(1, min(limit, 1000))))

    print_rows([wire.Delivery.of(delivery).model_dump() | {"id": delivery.seq} for delivery in run(find)], json=json)


@webhooks_app.command(name="replay")
def webhooks_replay(
    delivery: list[int] | None = None,
    /,
    *,
    failed: Annotated[
        str | None, Parameter(name="--failed", help="All that this webhook has failed to take, by its id.")
    ] = None,
    application: Owner = None,
    json: AsJson = False,
) -> None:
    """Send deliveries again, with the notification ids that they had. A running server or worker sends them.

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
            return await installed.services.deliveries.replay_failed(owner, failed)
        for seq in delivery or ():
            await installed.services.deliveries.replay(owner, seq)
        return len(delivery or ())

    replayed = run(replay)
    if json:
        print_json({"replayed": replayed})
    else:
        out.print(f"{replayed} delivery(s) will be sent again.", markup=False)


def _row(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "webhook_url": webhook.url,
        "trigger_types": list(webhook.triggers),
        "status": webhook.status,
        "status_updated_at": webhook.status_updated_at // SECOND,
        "created_at": webhook.created_at // SECOND,
    }
