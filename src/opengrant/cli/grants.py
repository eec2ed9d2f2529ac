"""`opengrant grants`: grants as operators see them, and what only an operator may do with one.

cli/commands.py names it by path: other commands do not load it.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import cyclopts
from cyclopts import Parameter
from cyclopts.types import PositiveInt

from opengrant.cli.output import AsJson, out, print_rows
from opengrant.cli.run import Owner, application_of, run
from opengrant.model import SECOND

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

Reason = Annotated[str | None, Parameter(help="Why; kept in the audit trail.")]

grants_app = cyclopts.App(name="grants", help="Grants: list them, and what only an operator may do with them.")


_PAGE = 200


@grants_app.command(name="list")
def grants_list(
    *,
    application: Owner = None,
    contains: Annotated[str | None, Parameter(help="Only addresses with this part.")] = None,
    provider: Annotated[str | None, Parameter(help="Only of this provider.")] = None,
    status: Annotated[Literal["valid", "invalid"] | None, Parameter(help="Only valid or only invalid ones.")] = None,
    limit: Annotated[PositiveInt, Parameter(help="How many at most.")] = 100,
    json: AsJson = False,
) -> None:
    """List grants of an application, the newest first."""
    from opengrant.grants.manage import GrantFilters, Position, Window  # noqa: PLC0415 -- --help must not load the rooms

    filters = GrantFilters(email_contains=contains, provider=provider, status=status)

    async def find(installed: "Installation") -> list[dict[str, Any]]:
        owner = await application_of(installed, application)
        rows, after = list[dict[str, Any]](), None
        while len(rows) < limit:
            window = Window(limit=min(_PAGE, limit - len(rows)), after=after)
            page = [shown.grant for shown in await installed.services.grants.page(owner, filters, window)]
            rows += (
                {
                    "id": grant.id,
                    "email": grant.email,
                    "provider": str(grant.provider),
                    "status": grant.status,
                    "created_at": grant.created_at // SECOND,
                }
                for grant in page
            )
            if len(page) < window.limit:
                break
            after = Position(page[-1].created_at, page[-1].id)
        return rows

    print_rows(run(find), json=json)


@grants_app.command(name="block")
def grants_block(grant_id: str, *, reason: Reason = None) -> None:
    """Refuse a grant's use until it is unblocked: changing, checking or connecting it again answers 423."""
    grant = run(lambda installed: installed.services.grants.block(grant_id, blocked=True, reason=reason))
    out.print(f"{grant.id} ({grant.email}) is blocked.", markup=False)


@grants_app.command(name="unblock")
def grants_unblock(grant_id: str, *, reason: Reason = None) -> None:
    """Allow a blocked grant's use again."""
    grant = run(lambda installed: installed.services.grants.block(grant_id, blocked=False, reason=reason))
    out.print(f"{grant.id} ({grant.email}) is no longer blocked.", markup=False)


@grants_app.command(name="recount")
def grants_recount(*, application: Owner = None) -> None:
    """Count all grants of an application anew, and correct the numbers that the overview shows.

    They are kept exact by themselves. A recount proves it, for example after SQL was run by hand.
    """

    async def recount(installed: "Installation") -> int:
        owner = await application_of(installed, application)
        return await installed.services.grant_counts.recount(owner)

    wrong = run(recount)
    out.print(f"Kept numbers that were wrong and are corrected: {wrong}." if wrong else "The kept numbers are right.")
