"""What tests of webhooks share: making a webhook, making events, and delivering what is due."""

from typing import Any

from tests.fakes.receiver import Hook
from tests.support import LiveServer, Tenant, data

GRANT_EVENTS = ["grant.created", "grant.updated", "grant.deleted", "grant.expired"]


def subscribe(tenant: Tenant, hook: Hook, *triggers: str, **more: Any) -> dict[str, Any]:
    """Make a webhook; returns it with its secret."""
    body = {"webhook_url": hook.url, "trigger_types": list(triggers) or GRANT_EVENTS, **more}
    answer = tenant.post("/v3/webhooks", body)
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = data(answer)
    return made


def room(tenant: Tenant, name: str) -> dict[str, Any]:
    """A grant, and with it an event."""
    if not data(tenant.get("/v3/connectors")):
        tenant.connector("virtual-calendar")
    made: dict[str, Any] = data(tenant.connect("virtual-calendar", {"email": name}))
    return made


def deliver(server: LiveServer) -> None:
    """Deliver all that is due now, and wait until it is done."""

    async def until_idle() -> None:
        await server.services.delivery_sender.run()
        await server.services.delivery_sender.idle()

    server.call(until_idle())


def make_due(tenant: Tenant) -> None:
    """Let the time pass for which deliveries wait."""
    sql = """
        update deliveries set due_at = 0, created_at = created_at - 60000000
        where application_id = $1 and state = 'pending'
    """
    tenant.server.rows(sql, tenant.application.id)


def deliveries(tenant: Tenant) -> list[tuple[str, str, int, str | None]]:
    """(type, state, attempts, outcome) in the order in which they were written."""
    sql = "select type, state, attempts, outcome from deliveries where application_id = $1 order by seq"
    return [(row[0], row[1], row[2], row[3]) for row in tenant.server.rows(sql, tenant.application.id)]
