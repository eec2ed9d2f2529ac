"""`opengrant status`: what needs attention.

cli/commands.py names it by path: other commands do not load it.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
from cyclopts import Parameter

from opengrant.cli.output import AsJson, out, print_json
from opengrant.cli.run import application_of, run

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

status_app = cyclopts.App(name="status", help="What needs attention. Exit status 1 if something does.")


@status_app.default
def status(
    *,
    application: Annotated[str | None, Parameter(help="Only of this application; without it, of all.")] = None,
    json: AsJson = False,
) -> None:
    """Show how many grants work, and what needs attention. Exit status 1 if something does."""

    async def look(installed: "Installation") -> list[dict[str, Any]]:
        from opengrant.api.wire.overview import Overview  # noqa: PLC0415 -- --help must not load the rooms

        services = installed.services
        owners = (
            await services.applications.list_all()
            if application is None
            else [await application_of(installed, application)]
        )
        return [
            {"id": owner.id, "name": owner.name, **Overview.of(await services.overview.of(owner, hours=24))}
            for owner in owners
        ]

    seen = [(one, [*_attention(one)]) for one in run(look)]
    if json:
        print_json([{**one, "attention": told} for one, told in seen])
    else:
        for one, told in seen:
            grants = one["grants"]
            valid, invalid = (sum(row[word] for row in grants) for word in ("valid", "invalid"))
            out.print(f"{one['name']} ({one['id']}): {valid} valid, {invalid} invalid grants", markup=False)
            for line in told or ["nothing needs attention"]:
                out.print(f"  {line}", markup=False)
    if any(told for _, told in seen):
        sys.exit(1)


def _attention(seen: Mapping[str, Any]) -> Iterator[str]:
    for row in seen["grants"]:
        if row["invalid"]:
            yield f"{row['provider']}: {row['invalid']} invalid: their owners must connect again"
        if row["troubled"]:
            held = f", {row['held']} of them held" if row["held"] else ""
            yield f"{row['provider']}: {row['troubled']} do not work now{held}"
    for source in seen["degraded"]:
        where = source.get("host") or source.get("credential_id") or source["connector_id"]
        yield f"{source['provider']}, {where}: {source['reason']}, {source['grants']} grants held. {source['remedy']}"
    if overdue := seen["expiring"]["overdue"]:
        yield f"{overdue} grants are overdue: is a server or `opengrant work` running?"
    for webhook in seen["webhooks"]:
        if webhook["status"] in {"failing", "failed"}:
            yield f"webhook {webhook['webhook_url']} is {webhook['status']}"
        elif webhook["failed"]:
            yield f"webhook {webhook['webhook_url']}: {webhook['failed']} deliveries given up"
