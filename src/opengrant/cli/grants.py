"""`opengrant grants`: what only an operator may do with a grant.

cli/commands.py names it by path: other commands do not load it.
"""

from typing import Annotated

import cyclopts
from cyclopts import Parameter

from opengrant.cli.output import out
from opengrant.cli.run import run

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
