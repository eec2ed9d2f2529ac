"""`opengrant connectors`: the connectors of an application, and whether one works.

cli/commands.py names it by path: other commands do not load it.
"""

import sys
from typing import TYPE_CHECKING, Any

import cyclopts

from opengrant.cli.output import AsJson, Wide, out, print_json, print_rows
from opengrant.cli.places import base_url
from opengrant.cli.run import Owner, application_of, run
from opengrant.model import SECOND, ProviderName

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation
    from opengrant.connectors.check import Step

connectors_app = cyclopts.App(name="connectors", help="Connectors of an application: list and test them.")

_MOST = 200
_MARKS = {"ok": "[green]ok  [/]", "warning": "[yellow]warn[/]", "failed": "[red]FAIL[/]", "skipped": "[dim]-   [/]"}


@connectors_app.command(name="list")
def connectors_list(*, application: Owner = None, wide: Wide = False, json: AsJson = False) -> None:
    """List connectors, in order of creation."""

    async def find(installed: "Installation") -> list[dict[str, Any]]:
        owner = await application_of(installed, application)
        found = await installed.services.connectors.page(owner, limit=_MOST, offset=0)
        return [
            {
                "provider": str(connector.provider),
                "id": connector.id,
                "scope": list(connector.scope),
                "created_at": connector.created_at // SECOND,
            }
            for connector in found
        ]

    print_rows(run(find), json=json, wide=wide)


@connectors_app.command(name="test")
def connectors_test(provider: ProviderName, *, application: Owner = None, json: AsJson = False) -> None:
    """Test a connector: whether the provider can be reached and accepts the client. Exit status 1 if a step fails.

    No user's token is used, and no grant is touched.
    """

    async def test(installed: "Installation") -> "list[Step]":
        from opengrant.connectors.check import CallbackUri  # noqa: PLC0415 -- --help must not load the rooms
        from opengrant.signin.login import CALLBACK  # noqa: PLC0415

        owner = await application_of(installed, application)
        fixed = installed.settings.public_url is not None
        callback = CallbackUri(base_url(installed.settings) + CALLBACK, fixed=fixed)
        return await installed.services.connector_check.run(owner, provider, callback)

    steps = run(test)
    if json:
        print_json([{"name": s.name, "state": s.state, "text": s.text, "remedy": s.remedy} for s in steps])
    else:
        for step in steps:
            out.print(f"{_MARKS[step.state]} {step.name}: ", end="")
            out.print(" ".join(filter(None, (step.text, step.remedy))), markup=False)
    if any(step.state == "failed" for step in steps):
        sys.exit(1)
