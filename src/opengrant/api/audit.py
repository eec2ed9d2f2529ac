"""/v3/audit: the audit trail. The vendor's API has no such path."""

from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, route
from opengrant.api.wire import audit as wire
from opengrant.api.wire.pagination import cut
from opengrant.errors import InvalidRequest
from opengrant.events.audit import AuditPosition


@route(
    "GET", "/v3/audit", tag="Audit", query=wire.AuditQuery, answers=Cursor(wire.AuditEntry), errors=(InvalidRequest,)
)
async def list_audit_entries(request: Request) -> tuple[list[wire.AuditEntry], str | None]:
    """List what was done in this application, newest first. `next_cursor` is there while there are more."""
    query = request.query(wire.AuditQuery)
    after = None if query.after is None else AuditPosition(*query.after)
    found = await request.services.audit.page(request.application, query.to_model(), after=after, limit=query.size + 1)
    shown, cursor = cut(found, query.size, lambda entry: entry.place)
    return [wire.AuditEntry.of(entry) for entry in shown], cursor
