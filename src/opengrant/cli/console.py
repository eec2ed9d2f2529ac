"""`opengrant console`: sign an operator in to the console, or end its sessions.

cli/commands.py names it by path: other commands do not load it.
"""

from typing import TYPE_CHECKING, Annotated

import cyclopts
from cyclopts import Parameter

from opengrant.access.console_sessions import LINK_LASTS
from opengrant.cli.output import AsJson, out, print_json
from opengrant.cli.places import base_url
from opengrant.cli.run import application_of, run
from opengrant.model import SECOND

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

console_app = cyclopts.App(name="console", help="A one-time link that signs you in to the console.")


@console_app.default
def console(
    *,
    application: Annotated[str | None, Parameter(help="Its id; not needed when there is just one.")] = None,
    end_all: Annotated[
        bool,
        Parameter(negative=(), help="Instead, end every session of the application, or of all when none is named."),
    ] = False,
    json: AsJson = False,
) -> None:
    """Print a one-time link that signs you in to the console as the operator of an application."""
    if end_all:
        _end_all(application, json=json)
        return

    async def make(installed: "Installation") -> dict[str, object]:
        owner = await application_of(installed, application)
        new = await installed.services.sessions.link(owner)
        return {
            "url": f"{base_url(installed.settings)}/console#link={new.code.get_secret_value()}",
            "application_id": owner.id,
            "expires_at": new.expires_at // SECOND,
        }

    made = run(make)
    if json:
        print_json(made)
        return
    out.print(str(made["url"]), markup=False)
    out.print(
        f"Open it in your browser within {int(LINK_LASTS.total_seconds()) // 60} minutes. It signs in once, as the"
        f" operator of {made['application_id']}: do not share it.",
        markup=False,
    )


def _end_all(application: str | None, *, json: bool) -> None:
    async def end(installed: "Installation") -> int:
        tenants = installed.services.applications
        named = await tenants.list_all() if application is None else [await tenants.get(application)]
        return sum([await installed.services.sessions.end_all(owner) for owner in named])

    ended = run(end)
    if json:
        print_json({"ended": ended})
    else:
        out.print(f"{ended} session(s) ended. Links that nobody has opened are void too.")
