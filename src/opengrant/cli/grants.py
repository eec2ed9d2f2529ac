"""`opengrant grants`: grants as operators see them, and what only an operator may do with one.

cli/commands.py names it by path: other commands do not load it.
"""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import cyclopts
from cyclopts import Parameter
from cyclopts.types import PositiveInt

from opengrant.cli.output import AsJson, Wide, out, print_columns, print_json, print_rows, time_of
from opengrant.cli.run import Owner, application_of, run, whole_id
from opengrant.cli.serving import Failure
from opengrant.model import SECOND, Application, Grant

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

Reason = Annotated[str | None, Parameter(help="Why; kept in the audit trail.")]
Named = Annotated[str, Parameter(help="Its id, the beginning of its id, its address, or external:ID.")]
Sure = Annotated[bool, Parameter("--yes", negative=(), help="Do not ask for confirmation.")]

grants_app = cyclopts.App(name="grants", help="Grants: list, show, check, and end them.")


_PAGE = 200
_MOMENTS = 10


@grants_app.command(name="list")
def grants_list(
    *,
    application: Owner = None,
    contains: Annotated[str | None, Parameter(help="Only addresses that contain this text.")] = None,
    provider: Annotated[str | None, Parameter(help="Only grants of this provider.")] = None,
    status: Annotated[Literal["valid", "invalid"] | None, Parameter(help="Only valid or only invalid ones.")] = None,
    troubled: Annotated[bool, Parameter(negative=(), help="Only those that do not work now.")] = False,
    limit: Annotated[PositiveInt, Parameter(help="How many at most.")] = 100,
    wide: Wide = False,
    json: AsJson = False,
) -> None:
    """List grants of an application, the newest first."""
    from opengrant.grants.manage import GrantFilters, Position, Window  # noqa: PLC0415 -- --help must not load the rooms

    filters = GrantFilters(email_contains=contains, provider=provider, status=status, troubled=troubled or None)

    async def find(installed: "Installation") -> list[dict[str, Any]]:
        owner = await application_of(installed, application)
        rows, after = list[dict[str, Any]](), None
        while len(rows) < limit:
            window = Window(limit=min(_PAGE, limit - len(rows)), after=after)
            found = await installed.services.grants.page(owner, filters, window)
            for shown in found:
                grant, trouble = shown.grant, shown.inherited or shown.grant.trouble
                rows.append(
                    {
                        "id": grant.id,
                        "email": grant.email,
                        "provider": str(grant.provider),
                        "status": grant.status,
                        "trouble": None if trouble is None else trouble.reason,
                        "created_at": grant.created_at // SECOND,
                    }
                )
            if len(found) < window.limit:
                break
            after = Position(found[-1].grant.created_at, found[-1].grant.id)
        return rows

    print_rows(run(find), json=json, wide=wide)


@grants_app.command(name="show")
def grants_show(grant: Named, *, application: Owner = None, json: AsJson = False) -> None:
    """Show a grant: what it is, what is wrong with it, what to do, and what happened to it last."""

    async def find(installed: "Installation") -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
        from opengrant.api.wire.grant_actions import Moment  # noqa: PLC0415 -- --help must not load the rooms

        owner = await application_of(installed, application)
        found = await _find(installed, owner, grant)
        moments = await installed.services.timeline.page(owner, found, after=None, limit=_MOMENTS)
        return await _shown(installed, owner, found), [Moment.of(moment) for moment in moments]

    shown, moments = run(find)
    if json:
        print_json({**shown, "timeline": moments})
        return
    _print(shown)
    out.print("\nWhat happened last, in UTC:")
    print_columns([("at", "what", "detail"), *map(_moment, moments)] if moments else [])


@grants_app.command(name="check")
def grants_check(grant: Named, *, application: Owner = None, json: AsJson = False) -> None:
    """Ask the provider now whether a grant works. Exit status 1 if it does not."""

    async def check(installed: "Installation") -> Mapping[str, Any]:
        owner = await application_of(installed, application)
        found = await _find(installed, owner, grant)
        return await _shown(installed, owner, await installed.services.refresh.checks.check_on_request(owner, found.id))

    shown = run(check)
    if json:
        print_json(shown)
    else:
        _print(shown)
    if shown["grant_status"] != "valid" or shown["opengrant"].get("trouble") is not None:
        sys.exit(1)


@grants_app.command(name="invalidate")
def grants_invalidate(grant: Named, *, reason: Reason = None, application: Owner = None, json: AsJson = False) -> None:
    """End a grant until its mailbox is connected again. It keeps its id; `grant.expired` is sent."""

    async def end(installed: "Installation") -> Mapping[str, Any]:
        owner = await application_of(installed, application)
        found = await _find(installed, owner, grant)
        return await _shown(installed, owner, await installed.services.grants.invalidate(owner, found, reason=reason))

    shown = run(end)
    if json:
        print_json(shown)
    else:
        out.print(f"{shown['id']} ({shown['email']}) is invalid until it is connected again.", markup=False)


@grants_app.command(name="delete")
def grants_delete(grant: Named, *, yes: Sure = False, application: Owner = None, json: AsJson = False) -> None:
    """Delete a grant and its secrets, for good. A Google token is revoked at Google."""

    async def look(installed: "Installation") -> Grant:
        return await _find(installed, await application_of(installed, application), grant)

    async def delete(installed: "Installation") -> None:
        owner = await application_of(installed, application)
        await installed.services.grants.delete(owner, await _find(installed, owner, found.id))
        await installed.services.grants.revocations.idle()

    found = run(look)
    if not yes:
        _ask(f"Delete {found.id} ({found.email})? It cannot be undone.")
    run(delete)
    if json:
        print_json({"deleted": found.id})
    else:
        out.print(f"{found.id} ({found.email}) is deleted.", markup=False)


@grants_app.command(name="block")
def grants_block(grant: Named, *, reason: Reason = None, application: Owner = None) -> None:
    """Block a grant: changing, checking or connecting it answers 423 until it is unblocked."""
    changed = _set_blocked(grant, application, blocked=True, reason=reason)
    out.print(f"{changed.id} ({changed.email}) is blocked.", markup=False)


@grants_app.command(name="unblock")
def grants_unblock(grant: Named, *, reason: Reason = None, application: Owner = None) -> None:
    """Unblock a grant."""
    changed = _set_blocked(grant, application, blocked=False, reason=reason)
    out.print(f"{changed.id} ({changed.email}) is no longer blocked.", markup=False)


@grants_app.command(name="recount")
def grants_recount(*, application: Owner = None) -> None:
    """Count all grants of an application again, and correct the numbers of the overview.

    Only needed after grants were changed by SQL with triggers off.
    """

    async def recount(installed: "Installation") -> int:
        owner = await application_of(installed, application)
        return await installed.services.grant_counts.recount(owner)

    wrong = run(recount)
    out.print(f"Kept numbers that were wrong and are corrected: {wrong}." if wrong else "The kept numbers are right.")


def _set_blocked(named: str, application: str | None, *, blocked: bool, reason: str | None) -> Grant:
    async def change(installed: "Installation") -> Grant:
        services = installed.services
        if application is None and len(await services.applications.list_all()) > 1:
            return await services.grants.block(named, blocked=blocked, reason=reason)  # a whole id names one of all
        found = await _find(installed, await application_of(installed, application), named)
        return await services.grants.block(found.id, blocked=blocked, reason=reason)

    return run(change)


async def _find(installed: "Installation", owner: Application, named: str) -> Grant:
    """Raises GrantNotFound, Failure."""
    grants = installed.services.grants
    return await grants.get(owner, whole_id(named, await grants.beginning(owner, named, limit=2)))


async def _shown(installed: "Installation", owner: Application, grant: Grant) -> Mapping[str, Any]:
    """As the API shows it."""
    from opengrant.api.wire import grants as wire  # noqa: PLC0415 -- --help must not load the rooms

    return wire.Grant.shown(await installed.services.grants.health.show(owner, grant, fresh=True))


def _print(shown: Mapping[str, Any]) -> None:
    health: Mapping[str, Any] = shown["opengrant"]
    trouble: Mapping[str, Any] | None = health.get("trouble")
    rows = [
        ("id", shown["id"]),
        ("email", shown["email"]),
        ("provider", shown["provider"]),
        ("status", shown["grant_status"] + (", blocked" if shown["blocked"] else "")),
        ("external id", health.get("external_id")),
        ("created", time_of(shown["created_at"])),
        ("last worked", time_of(health["proven_at"]) if "proven_at" in health else None),
        ("next check", time_of(health["next_check_at"]) if "next_check_at" in health else None),
    ]
    if trouble is not None:
        said = ": ".join(str(trouble[name]) for name in ("class", "reason") if trouble.get(name))
        rows += [("trouble", said), ("what to do", trouble.get("remedy"))]
    for name, value in rows:
        if value:
            out.print(f"{name:<12} {value}", markup=False)


def _moment(moment: Mapping[str, Any]) -> tuple[str, str, str]:
    said = [moment.get(name) for name in ("reason", "provider_code", "actor")]
    note = moment.get("detail", {}).get("note")
    return time_of(moment["at"]), moment["type"], ", ".join(str(one) for one in (*said, note) if one)


def _ask(question: str) -> None:
    """Raises Failure where the answer is no, and where there is no terminal to ask at."""
    if not sys.stdin.isatty():
        raise Failure("Nothing is deleted: there is no terminal to ask at. Say --yes.")
    if input(f"{question} [y/N] ").strip().lower() not in {"y", "yes"}:
        raise Failure("Nothing is deleted.")
