"""`opengrant apps`: applications, and what hosted sign-in needs of each.

cli/commands.py names it by path: other commands do not load it.
"""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import cyclopts
from cyclopts import Parameter

from opengrant.cli.output import AsJson, Wide, out, print_json, print_rows
from opengrant.cli.run import Owner, application_of, run
from opengrant.errors import NotFound
from opengrant.model import SECOND, Application, Platform, Profile
from opengrant.tenants.redirect_uris import NewRedirectUri, RedirectUri

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

apps_app = cyclopts.App(name="apps", help="Applications: each owns its connectors, grants and keys.")
redirects_app = cyclopts.App(name="redirects", help="Redirect URIs: where users return to after hosted sign-in.")
apps_app.command(redirects_app)


@apps_app.command(name="create")
def apps_create(
    name: str,
    *,
    identity: Annotated[
        Literal["email", "subject"],
        Parameter(help="How mailboxes are identified: by address, or by the provider's account id."),
    ] = "email",
    json: AsJson = False,
) -> None:
    """Create an application."""
    made = run(lambda installed: installed.services.applications.create(name, identity_rule=identity))
    row = {"id": made.id, "name": made.name, "identity": made.identity_rule, "created_at": made.created_at // SECOND}
    if json:
        print_json(row)
    else:
        out.print(f"Application {made.id} created. Give it a key: opengrant keys create {made.id}", markup=False)


@apps_app.command(name="list")
def apps_list(*, wide: Wide = False, json: AsJson = False) -> None:
    """List applications."""
    found = run(lambda installed: installed.services.applications.list_all())
    rows = [
        {"id": a.id, "name": a.name, "identity": a.identity_rule, "created_at": a.created_at // SECOND} for a in found
    ]
    print_rows(rows, json=json, wide=wide)


@apps_app.command(name="show", help="Show an application, with all its settings.")
def apps_show(application: str | None = None, /, *, json: AsJson = False) -> None:
    """Show an application, with the settings that the API does not tell.

    Parameters
    ----------
    application
        Its id; not needed while there is only one.
    """

    async def find(installed: "Installation") -> tuple[Application, Profile, list[RedirectUri]]:
        owner = await application_of(installed, application)
        services = installed.services
        return owner, await services.applications.profile(owner), await services.redirects.of_application(owner)

    owner, profile, uris = run(find)
    parts: dict[str, Any] = {
        "branding": dict(profile.branding),
        "hosted_authentication": dict(profile.hosted_authentication),
        "idp_settings": dict(profile.idp_settings),
        "additional_settings": dict(profile.additional_settings),
        "mail_settings": dict(profile.mail_settings),
    }
    if json:
        print_json(
            {
                "id": owner.id,
                "name": owner.name,
                "identity": owner.identity_rule,
                **parts,
                "domain": profile.domain or None,
                "callback_uris": [_row(uri) for uri in uris],
                "created_at": owner.created_at // SECOND,
                "updated_at": profile.updated_at // SECOND,
            }
        )
        return
    out.print(f"{owner.id} ({owner.name}), mailboxes are identified by {owner.identity_rule}", markup=False)
    for name, members in parts.items():
        for member, value in members.items():
            out.print(f"{name}.{member}: {value}", markup=False)
    for uri in uris:
        out.print(f"redirect URI for {uri.platform}: {uri.url}", markup=False)


@redirects_app.command(name="add")
def redirects_add(
    url: str,
    *,
    platform: Platform = "web",
    origin: Annotated[str | None, Parameter(help="js: pages that may call from a browser.")] = None,
    bundle_id: Annotated[str | None, Parameter(help="ios.")] = None,
    package_name: Annotated[str | None, Parameter(help="android.")] = None,
    fingerprint: Annotated[str | None, Parameter(help="android: SHA-1 of the signing certificate.")] = None,
    application: Owner = None,
    json: AsJson = False,
) -> None:
    """Register a redirect URI. Sign-in must name it byte for byte.

    Parameters
    ----------
    url
        https; http for localhost and 127.0.0.1; on ios and android also links like com.example.app://path.
    """
    sent = {
        "origin": origin,
        "bundle_id": bundle_id,
        "package_name": package_name,
        "sha1_certificate_fingerprint": fingerprint,
    }
    draft = NewRedirectUri(url, platform, {name: value for name, value in sent.items() if value})

    async def add(installed: "Installation") -> RedirectUri:
        return await installed.services.redirects.create(await application_of(installed, application), draft)

    made = run(add)
    if json:
        print_json(_row(made))
    else:
        out.print(f"{made.url} is registered for {made.platform}, id {made.id}", markup=False)


@redirects_app.command(name="list")
def redirects_list(*, application: Owner = None, wide: Wide = False, json: AsJson = False) -> None:
    """List redirect URIs."""

    async def find(installed: "Installation") -> list[RedirectUri]:
        return await installed.services.redirects.of_application(await application_of(installed, application))

    rows = [_row(uri) for uri in run(find)]
    if not json:
        for row in rows:
            row["settings"] = [f"{name}={value}" for name, value in row["settings"].items()]
    print_rows(rows, json=json, wide=wide)


@redirects_app.command(name="remove")
def redirects_remove(uri: str, /, *, application: Owner = None, json: AsJson = False) -> None:
    """Remove a redirect URI.

    Parameters
    ----------
    uri
        Its id or its URL.
    """

    async def remove(installed: "Installation") -> RedirectUri:
        owner = await application_of(installed, application)
        redirects = installed.services.redirects
        for held in await redirects.of_application(owner):
            if uri in {held.id, held.url}:
                await redirects.delete(owner, held.id)
                return held
        raise NotFound(f"There is no redirect URI {uri}. `opengrant apps redirects list` shows them.")

    gone = run(remove)
    if json:
        print_json({"removed": gone.id})
    else:
        out.print(f"{gone.url} is removed.", markup=False)


def _row(uri: RedirectUri) -> dict[str, Any]:
    return {
        "id": uri.id,
        "url": uri.url,
        "platform": uri.platform,
        "settings": dict(uri.settings),
        "created_at": uri.created_at // SECOND,
    }
