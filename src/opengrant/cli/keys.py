"""`opengrant keys`: API keys of an application.

cli/commands.py names it by path: other commands do not load it.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
from cyclopts import Parameter

from opengrant.access.api_keys import members
from opengrant.cli.output import AsJson, out, print_json, print_rows
from opengrant.cli.run import application_of, run
from opengrant.cli.serving import Failure
from opengrant.model import ApiKey, now

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

keys_app = cyclopts.App(name="keys", help="API keys of an application.")

_LONGEST_LIFE = 36_500
"""Days, as for the API."""


@keys_app.command(name="create")
def keys_create(
    application: str | None = None,
    *,
    name: str = "api-key",
    days: Annotated[int | None, Parameter(help="Lifetime; without it the key does not expire.")] = None,
    permission: Annotated[
        list[str] | None,
        Parameter(
            negative=(),
            help="all, grants.token to read live access tokens, grants.credential to read stored passwords,"
            " grants.proxy to open mailboxes by the mail proxy, or grants.mail to read mailboxes in the console;"
            " all includes none of them. May be repeated. Without it, all.",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Create an API key of an application (of the only one, when there is just one). It is shown once."""
    if days is not None and not 1 <= days <= _LONGEST_LIFE:
        raise Failure(
            f"--days {days} makes no key that works: write 1 to {_LONGEST_LIFE}, or leave --days out for a key that"
            " does not end."
        )
    lifetime = None if days is None else timedelta(days=days)

    async def make(installed: "Installation") -> dict[str, Any]:
        owner = await application_of(installed, application)
        new = await installed.services.api_keys.create(
            owner, name, lifetime=lifetime, permissions=tuple(permission or ("all",))
        )
        return {"api_key": new.secret.get_secret_value(), **_key_row(new.key)}

    row = run(make)
    if json:
        print_json(row)
    else:
        out.print(row["api_key"], markup=False)


@keys_app.command(name="list")
def keys_list(application: str | None = None, *, json: AsJson = False) -> None:
    """List the API keys of an application."""

    async def find(installed: "Installation") -> list[dict[str, Any]]:
        owner = await application_of(installed, application)
        return [_key_row(key) for key in await installed.services.api_keys.of_application(owner)]

    print_rows(run(find), json=json)


@keys_app.command(name="revoke")
def keys_revoke(key_id: str, *, json: AsJson = False) -> None:
    """Revoke an API key by its id. It stops working at once."""
    key = run(lambda installed: installed.services.api_keys.revoke(key_id))
    if json:
        print_json(_key_row(key))
    else:
        out.print(f"{key.id} ({key.name}) is revoked.", markup=False)


def _key_row(key: ApiKey) -> dict[str, Any]:
    return {name: value for name, value in members(key, now=now()).items() if name != "updated_at"}
