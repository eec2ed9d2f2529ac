"""`opengrant audit`: the audit trail from the command line.

cli/commands.py names it by path: other commands do not load it.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
from cyclopts import Parameter
from cyclopts.types import PositiveInt

from opengrant.api.wire.audit import AuditEntry
from opengrant.cli.output import AsJson, Wide, print_columns, print_json
from opengrant.cli.run import application_of, run, whole_id
from opengrant.cli.serving import Failure
from opengrant.events.audit import INSTALLATION, AuditFilters, Entry
from opengrant.model import SECOND

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

audit_app = cyclopts.App(name="audit", help="Who did what to which grant, newest first.")


@audit_app.default
def audit(
    *,
    application: Annotated[str | None, Parameter(help="Only of this application; without it, of all.")] = None,
    grant: Annotated[str | None, Parameter(help="Only of this grant: its id, or the beginning of its id.")] = None,
    actor: Annotated[
        str | None,
        Parameter(help="Only by this actor, such as key:ID (or the beginning of its id), cli:USER or clock."),
    ] = None,
    type: Annotated[str | None, Parameter(help="Only of this type, such as grant.deleted.")] = None,  # noqa: A002
    since: Annotated[
        str | None,
        Parameter(help="Only since then: 2026-01-31, 2026-01-31T12:00:00, yesterday, or 3h for the last three hours."),
    ] = None,
    limit: Annotated[PositiveInt, Parameter(help="How many at most.")] = 100,
    wide: Wide = False,
    json: AsJson = False,
) -> None:
    """Show who did what to which grant, newest first. Times are UTC."""
    at = None if since is None else _micros(since)

    async def find(installed: "Installation") -> list[Entry]:
        trail = installed.services.audit
        owners = await installed.services.applications.list_all()
        owner = None if application is None else await application_of(installed, application)
        named = grant
        if grant is not None and (owner or len(owners) == 1):
            ids = await installed.services.grants.beginning(owner or owners[0], grant, limit=2)
            named = whole_id(grant, ids)
        by = actor
        if actor is not None and actor.startswith("key:"):
            keys = [key.id for one in owners for key in await installed.services.api_keys.of_application(one)]
            by = f"key:{whole_id(actor.removeprefix('key:'), keys)}"
        filters = AuditFilters(grant_id=named, actor=by, type=type, since=at)
        if owner is None:
            return await trail.everywhere(filters, limit=limit)
        return await trail.page(owner, filters, after=None, limit=limit)

    _show(run(find), wide=wide, json=json)


_AGO = re.compile(r"(\d{1,6})\s*(m|h|d|w)[a-z]*(?: ago)?")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def _micros(since: str) -> int:
    """A time in UTC. Raises Failure."""
    now, asked = datetime.now(UTC), since.strip().lower()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    days = {"today": 0, "yesterday": 1}.get(asked)
    try:
        if days is not None:
            at = midnight - timedelta(days=days)
        elif ago := _AGO.fullmatch(asked):
            at = now - int(ago[1]) * _UNITS[ago[2]]
        else:
            at = datetime.fromisoformat(since.strip())
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()) * SECOND
    except (ValueError, OverflowError):
        raise Failure(
            f"--since {since!r} is not a time: write 2026-01-31, 2026-01-31T12:00:00, yesterday, 3h or 2d."
        ) from None


def _show(entries: list[Entry], *, wide: bool, json: bool) -> None:
    if json:
        print_json([_row(entry) for entry in entries])
    else:
        print_columns([("at", "actor", "type", "grant", "detail"), *map(_cells, entries)] if entries else [], wide=wide)


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
