"""/v3/audit: the audit trail. The vendor's API has no such path."""

from opengrant.api.http.cursors import listed
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import Cursor, route
from opengrant.api.wire import audit as wire
from opengrant.errors import InvalidRequest
from opengrant.events.audit import AuditPosition


@route(
    "GET",
    "/v3/audit",
    tag="Audit",
    query=wire.AuditQuery,
    answers=Cursor(wire.AuditEntry),
    errors=(InvalidRequest,),
    addition=True,
)
async def list_audit_entries(request: Request) -> tuple[list[wire.AuditEntry], str | None]:
    """List audit entries.

    Lists what was done in this application, newest first. `next_cursor` is there while there are more.
    """
    asked = listed(request, wire.AuditQuery, of=f"audit {request.application.id}")
    query, after = asked.query, None if asked.after is None else AuditPosition(*asked.after)
    found = await request.services.audit.page(request.application, query.to_model(), after=after, limit=query.size + 1)
    shown, cursor = asked.cut(found, lambda entry: entry.place)
    return [wire.AuditEntry.of(entry) for entry in shown], cursor
