"""`opengrant audit`: the audit trail from the command line.

cli/commands.py names it by path: other commands do not load it.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
from cyclopts import Parameter
from cyclopts.types import PositiveInt

from opengrant.api.wire.audit import AuditEntry
from opengrant.cli.output import AsJson, print_columns, print_json
from opengrant.cli.run import run
from opengrant.events.audit import INSTALLATION, AuditFilters, Entry
from opengrant.model import SECOND

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

audit_app = cyclopts.App(name="audit", help="Who did what to which grant, newest first.")


@audit_app.default
def audit(
    *,
    application: Annotated[str | None, Parameter(help="Only of this application; without it, of all there is.")] = None,
    grant: Annotated[str | None, Parameter(help="Only of the grant with this id.")] = None,
    actor: Annotated[str | None, Parameter(help="Only by this actor, such as key:ID, cli:USER or clock.")] = None,
    type: Annotated[str | None, Parameter(help="Only of this type, such as grant.deleted.")] = None,  # noqa: A002
    since: Annotated[
        datetime | timedelta | None,
        Parameter(help="Only since then: 2026-01-31, 2026-01-31T12:00:00, or 3h for the last three hours."),
    ] = None,
    limit: Annotated[PositiveInt, Parameter(help="How many at most.")] = 100,
    json: AsJson = False,
) -> None:
    """Show who did what to which grant, newest first. Times are UTC."""
    filters = AuditFilters(grant_id=grant, actor=actor, type=type, since=None if since is None else _micros(since))

    async def find(installed: "Installation") -> list[Entry]:
        trail = installed.services.audit
        if application is None:
            return await trail.everywhere(filters, limit=limit)
        owner = await installed.services.applications.get(application)
        return await trail.page(owner, filters, after=None, limit=limit)

    _show(run(find), json=json)


def _micros(since: datetime | timedelta) -> int:
    if isinstance(since, timedelta):
        since = datetime.now(UTC) - since
    elif since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    return int(since.timestamp()) * SECOND


def _show(entries: list[Entry], *, json: bool) -> None:
    if json:
        print_json([_row(entry) for entry in entries])
    else:
        print_columns([("at", "actor", "type", "grant", "detail"), *map(_cells, entries)] if entries else [])


def _cells(entry: Entry) -> tuple[str, ...]:
    at = datetime.fromtimestamp(entry.at // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")
    detail = ", ".join(f"{name}={_text(value)}" for name, value in entry.detail.items())
    return at, entry.actor or "-", entry.type, entry.grant_id or "-", detail


def _text(value: object) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)


def _row(entry: Entry) -> dict[str, Any]:
    """As GET /v3/audit shows it, and of which application it is."""
    owner = None if entry.application_id == INSTALLATION else entry.application_id
    return AuditEntry.of(entry).model_dump() | {"application_id": owner}
