"""`opengrant keys`: API keys of an application.

cli/commands.py names it by path: other commands do not load it.
"""

import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
from cyclopts import Parameter

from opengrant.access.api_keys import members
from opengrant.cli.output import AsJson, Wide, out, print_json, print_rows, time_of
from opengrant.cli.run import application_of, run, whole_id
from opengrant.cli.serving import Failure
from opengrant.model import ApiKey, now

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

keys_app = cyclopts.App(name="keys", help="API keys of an application.")

_LONGEST_LIFE = 36_500
"""Days, as for the API."""
_COLUMNS = ("id", "name", "permissions", "status", "expires_at", "last_used_at")
_USUAL_LIFE = 90
"""Days, as in the console."""


@keys_app.command(name="create")
def keys_create(
    application: str | None = None,
    *,
    name: str = "api-key",
    days: Annotated[int | None, Parameter(help="Lifetime. [default: 90]")] = None,
    never_expires: Annotated[bool, Parameter(negative=(), help="The key does not expire.")] = False,
    permission: Annotated[
        list[str] | None,
        Parameter(
            negative=(),
            help="all, grants.token to read access tokens, grants.credential to read stored passwords,"
            " grants.proxy to open mailboxes through the mail proxy, grants.mail to read mailboxes in the console, or"
            " grants.import to import grants and choose their ids; all includes none of them. May be repeated."
            " Without it, all.",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Create an API key of an application (of the only one, when there is just one). It is shown only once.

    A terminal shows its details too; a pipe gets only the key.
    """
    if days is not None and (never_expires or not 1 <= days <= _LONGEST_LIFE):
        raise Failure(f"--days: write 1 to {_LONGEST_LIFE}, or --never-expires instead.")
    lifetime = None if never_expires else timedelta(days=days or _USUAL_LIFE)

    async def make(installed: "Installation") -> dict[str, Any]:
        owner = await application_of(installed, application)
        new = await installed.services.api_keys.create(
            owner, name, lifetime=lifetime, permissions=tuple(permission or ("all",))
        )
        return {"api_key": new.secret.get_secret_value(), **_key_row(new.key)}

    row = run(make)
    if json:
        print_json(row)
    elif sys.stdout.isatty():
        ends = "does not expire" if row["expires_at"] is None else f"expires {time_of(row['expires_at'])}"
        out.print(f"{row['name']}, id {row['id']}: {', '.join(row['permissions'])}; {ends}", markup=False)
        out.print(f"\n  {row['api_key']}\n\nThe key is shown only once. Save it now.", markup=False)
    else:
        out.print(row["api_key"], markup=False)


@keys_app.command(name="list")
def keys_list(application: str | None = None, *, wide: Wide = False, json: AsJson = False) -> None:
    """List the API keys of an application."""

    async def find(installed: "Installation") -> list[dict[str, Any]]:
        owner = await application_of(installed, application)
        return [_key_row(key) for key in await installed.services.api_keys.of_application(owner)]

    print_rows(run(find), json=json, wide=wide, columns=_COLUMNS)


@keys_app.command(name="revoke")
def keys_revoke(key_id: str, *, json: AsJson = False) -> None:
    """Revoke an API key by its id, or the beginning of its id. It stops working at once."""

    async def revoke(installed: "Installation") -> ApiKey:
        services = installed.services
        owners = await services.applications.list_all()
        known = [key.id for owner in owners for key in await services.api_keys.of_application(owner)]
        return await services.api_keys.revoke(whole_id(key_id, known))

    key = run(revoke)
    if json:
        print_json(_key_row(key))
    else:
        out.print(f"{key.id} ({key.name}) is revoked.", markup=False)


def _key_row(key: ApiKey) -> dict[str, Any]:
    return {name: value for name, value in members(key, now=now()).items() if name != "updated_at"}
