"""What grows beside the grants: audit entries and deliveries, and the questions of console, jobs and commands.

Each grant has been created by one API key and read by another. The ten oldest entries are connector checks of the
command line, and none is newer. A webhook was sent one event of each grant: the ten oldest failed, the ten newest are
pending. A second one was sent every tenth, and all of that failed.
"""

from collections.abc import Awaitable, Callable

from opengrant.model import Application, now
from opengrant.operations.overview import OVERDUE
from opengrant.services import Services
from opengrant.store.events import audit as trail
from opengrant.store.events import deliveries
from opengrant.store.grants import refreshing
from opengrant.store.operations import checkup, clock_steps, overview

WEBHOOK, FAILING = "webhook-1", "webhook-2"

CALLS = {
    "audit": "/v3/audit?limit=50",
    "audit: grant": "/v3/audit?limit=50&grant_id={grant}",
    "audit: frequent type": "/v3/audit?limit=50&type=grant.created",
    "audit: rare type": "/v3/audit?limit=50&type=connector.tested",
    "audit: no such type": "/v3/audit?limit=50&type=grant.blocked",
    "audit: frequent actor": "/v3/audit?limit=50&actor=key:b",
    "audit: rare actor": "/v3/audit?limit=50&actor=cli:root",
    "audit: type and actor": "/v3/audit?limit=50&type=grant.created&actor=key:b",
    "audit: before": "/v3/audit?limit=50&before={middle}",
    "audit: type before": "/v3/audit?limit=50&type=grant.created&before={middle}",
    "timeline": "/v3/grants/{grant}/timeline?limit=50",
    "deliveries": f"/v3/webhooks/{WEBHOOK}/deliveries?limit=50",
    "deliveries: failed": f"/v3/webhooks/{WEBHOOK}/deliveries?limit=50&state=failed",
    "deliveries: pending": f"/v3/webhooks/{WEBHOOK}/deliveries?limit=50&state=pending",
    "deliveries: delivered, none": f"/v3/webhooks/{FAILING}/deliveries?limit=50&state=delivered",
    "webhooks": "/v3/webhooks",
    "connectors": "/v3/connectors?limit=200",
    "workspaces": "/v3/workspaces",
}

_EVENTS = """
    insert into events (application_id, id, type, grant_id, payload, created_at, actor, detail)
    select {application}, 'event-' || n || '-' || k,
           case when n < 10 and k = 0 then 'connector.tested' when k = 0 then 'grant.created'
                else 'grant.token_read' end,
           {id}, '{{}}', {at} + n * 1000000 + k,
           case when n < 10 and k = 0 then 'cli:root' when k = 0 then 'key:a' else 'key:b' end,
           '{{"request_id":"growth"}}'
    from {numbers} cross join (select 0 as k union all select 1) e
"""
_DELIVERIES = """
    insert into deliveries (application_id, webhook_id, event_id, type, subject, payload, created_at, queued_at, due_at,
                            state, attempts, outcome, ended_at)
    select {application}, w.id, 'event-' || n || '-0', 'grant.created', {id}, '{{}}', {at} + n * 1000000,
           {at} + n * 1000000, {later},
           case when w.id = '{failing}' or n < 10 then 'failed' when n >= {grants} - 10 then 'pending'
                else 'delivered' end, 1, '200', case when n < {grants} - 10 or w.id = '{failing}' then {now} end
    from {numbers} join (select '{webhook}' as id, 1 as every union all select '{failing}', 10) w on n % w.every = 0
"""
_WEBHOOKS = """
    insert into webhooks (application_id, id, url, triggers, emails, compressed, status, status_updated_at, created_at,
                          updated_at)
    select {application}, id, 'https://' || id || '.example.com', '["grant.created"]', '[]', 0, 'active', 1, 1, 1
    from (select '{webhook}' as id union all select '{failing}') w
"""


def statements(*, first: int, **values: object) -> list[str]:
    """Texts that fill the tables for a range of grants; `first` is its first. values: as for the grants."""
    known = {**values, "webhook": WEBHOOK, "failing": FAILING, "now": now()}
    texts = [_EVENTS, _DELIVERIES] if first else [_WEBHOOKS, _EVENTS, _DELIVERIES]
    return [text.format(**known) for text in texts]


Ask = Callable[[Services, Application], Awaitable[object]]


async def _overview(services: Services, app: Application, hours: int) -> None:
    services.overview.forget()
    await services.overview.of(app, hours=hours)


INSIDE: dict[str, Ask] = {
    "overview, a day": lambda services, app: _overview(services, app, 24),
    "overview, thirty days": lambda services, app: _overview(services, app, 720),
    "metrics: grants": lambda services, _: services.overview.measure(),
    "metrics: deliveries": lambda services, _: services.deliveries.measure(),
    "due sources": lambda services, _: services.db.read(refreshing.due_sources(at=now())),
    "due deliveries": lambda services, _: services.db.read(deliveries.due(at=now())),
    "clock step watch": lambda services, _: services.ahead.watch(),
    "sweep: audit": lambda services, _: services.audit.forget(),
    "sweep: deliveries": lambda services, app: services.deliveries.forget(app),
    "sweep: tokens": lambda services, app: services.tokens.forget(app),
    "sweep: repeated requests": lambda services, app: services.idempotency.forget(app),
    "sweep: sign-ins": lambda services, app: services.hosted.forget(app),
    "sweep: sessions": lambda services, app: services.sessions.forget(app),
    "sweep: activity": lambda services, app: services.activity.forget(app),
    "sweep: counts": lambda services, app: services.grant_counts.sweep(app),
    "fold of counts": lambda services, _: services.grant_counts.fold(),
    "doctor: sources": lambda services, _: services.db.read(checkup.degraded()),
    "doctor: mail hosts": lambda services, app: services.db.read(
        checkup.settings_in_use("imap", applications=[app.id])
    ),
    "doctor: overdue": lambda services, _: services.db.read(overview.overdue(at=now() - OVERDUE)),
    "doctor: times": lambda services, _: services.db.read(clock_steps.count(at=now())),
    "command: audit": lambda services, _: services.audit.everywhere(trail.AuditFilters(), limit=100),
    "command: audit, rare": lambda services, _: services.audit.everywhere(
        trail.AuditFilters(type="connector.tested"), limit=100
    ),
    "command: deliveries, failed": lambda services, app: services.deliveries.page(
        app, deliveries.DeliveryFilters(state="failed"), limit=50
    ),
    "command: recount": lambda services, app: services.grant_counts.recount(app),
}
