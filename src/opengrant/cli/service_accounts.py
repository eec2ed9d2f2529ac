"""`opengrant service-accounts`: credentials for signed requests to /v3/admin.

cli/commands.py names it by path: other commands do not load it.
"""

from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter

from opengrant.access.service_accounts import ServiceAccount
from opengrant.cli.output import AsJson, Wide, out, print_json, print_rows
from opengrant.cli.run import run
from opengrant.model import SECOND

service_accounts_app = cyclopts.App(
    name="service-accounts", help="Service accounts, which call /v3/admin with signed requests."
)


@service_accounts_app.command(name="create")
def service_accounts_create(
    name: str,
    *,
    permission: Annotated[
        list[str] | None,
        Parameter(negative=(), help="Such as apikey.create or domain.*; may be repeated. Without it, all."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Create a service account and print its credential file, which holds the private key. It is shown only once."""
    made = run(lambda installed: installed.services.service_accounts.create(name, permission or ("all",)))
    # The file is JSON either way: it is what the SDKs read.
    print_json(dict(made.credential_file()))
    if not json:
        out.print("\nSave it now: the private key is not stored.", markup=False)


@service_accounts_app.command(name="list")
def service_accounts_list(*, wide: Wide = False, json: AsJson = False) -> None:
    """List service accounts."""
    found = run(lambda installed: installed.services.service_accounts.list_all())
    print_rows([_account_row(account) for account in found], json=json, wide=wide)


@service_accounts_app.command(name="revoke")
def service_accounts_revoke(account_id: str, *, json: AsJson = False) -> None:
    """Revoke a service account by its id (the private_key_id). Its signatures stop working at once."""
    account = run(lambda installed: installed.services.service_accounts.revoke(account_id))
    if json:
        print_json(_account_row(account))
    else:
        out.print(f"{account.id} ({account.name}) is revoked.", markup=False)


def _account_row(account: ServiceAccount) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "organization_id": account.organization_id,
        "permissions": list(account.permissions),
        "status": "active" if account.revoked_at is None else "revoked",
        "created_at": account.created_at // SECOND,
    }
