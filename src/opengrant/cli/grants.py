"""`opengrant grants`: what only an operator may do with a grant.

cli/commands.py names it by path: other commands do not load it.
"""

from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter

from opengrant.cli.output import out
from opengrant.cli.run import Owner, application_of, run

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

Reason = Annotated[str | None, Parameter(help="Why; kept in the audit trail.")]

grants_app = cyclopts.App(name="grants", help="Grants: what only an operator may do with them.")


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
