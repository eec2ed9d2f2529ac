"""Applications (tenants) and their profiles."""

from collections.abc import Mapping
from typing import Any, Literal

from opengrant.model import Application, Micros, Profile
from opengrant.store.engine.columns import Columns
from opengrant.store.engine.json_columns import get_object, put_object
from opengrant.store.engine.port import Dialect, Statement, Steps

COLUMNS = Columns(Application, ("id", "name", "identity_rule", "created_at"))
read = COLUMNS.read
Part = Literal["branding", "hosted_authentication", "idp_settings", "additional_settings", "mail_settings"]
_PROFILE = "branding, hosted_authentication, idp_settings, additional_settings, domain, mail_settings"


def add(application: Application) -> Steps[bool]:
    """Whether it is new; an existing id is not changed."""
    rows = yield Statement(
        f"insert into applications ({COLUMNS}) values ({COLUMNS.places}) on conflict (id) do nothing returning id",
        COLUMNS.write(application),
    )
    return bool(rows)


def find(application_id: str) -> Steps[Application | None]:
    rows = yield Statement(f"select {COLUMNS} from applications where id = $1", (application_id,))
    return read(rows[0]) if rows else None


def list_all() -> Steps[list[Application]]:
    rows = yield Statement(f"select {COLUMNS} from applications order by created_at, id")
    return [read(row) for row in rows]


def any_yet(dialect: Dialect) -> Steps[bool]:
    """Whether there is any application. No other transaction can add the first one until this one ends."""
    if dialect is Dialect.POSTGRES:
        # SQLite has one writer at a time anyway.
        yield Statement("lock table applications in share row exclusive mode")
    return bool((yield Statement("select 1 from applications limit 1")))


def lock(application_id: str) -> Steps[None]:
    """Serialise the writers of this application's profile and redirect URIs."""
    yield Statement("update applications set updated_at = updated_at where id = $1", (application_id,))


def find_profile(application_id: str) -> Steps[Profile | None]:
    rows = yield Statement(
        f"select name, coalesce(updated_at, created_at), {_PROFILE} from applications where id = $1", (application_id,)
    )
    if not rows:
        return None
    name, updated_at, branding, hosted, idp, additional, domain, mail = rows[0]
    return Profile(
        # The name of the application is the default of the branding.
        branding={"name": name, **get_object(branding)},
        hosted_authentication=get_object(hosted),
        idp_settings=get_object(idp),
        additional_settings=get_object(additional),
        domain=domain,
        mail_settings=get_object(mail),
        updated_at=updated_at,
    )


def change_profile(
    application_id: str, parts: Mapping[Part, Mapping[str, Any]], domain: str | None, *, at: Micros
) -> Steps[None]:
    """Replace the named parts, each as a whole. Other parts do not change; nor does the domain if it is None."""

    def put(name: Part) -> str | None:
        return put_object(parts[name]) if name in parts else None

    yield Statement(
        """update applications set branding = coalesce($2, branding),
                  hosted_authentication = coalesce($3, hosted_authentication),
                  idp_settings = coalesce($4, idp_settings),
                  additional_settings = coalesce($5, additional_settings),
                  domain = coalesce($6, domain), mail_settings = coalesce($7, mail_settings), updated_at = $8
           where id = $1""",
        (
            *(application_id, put("branding"), put("hosted_authentication"), put("idp_settings")),
            *(put("additional_settings"), domain, put("mail_settings"), at),
        ),
    )
