"""Tenants, and what they say about themselves."""

from collections.abc import Mapping
from typing import Any, Literal

from opengrant.model import Application, Micros, Profile
from opengrant.store.engine.columns import Columns
from opengrant.store.engine.json_columns import get_object, put_object
from opengrant.store.engine.port import Dialect, Statement, Steps

COLUMNS = Columns(Application, ("id", "name", "identity_rule", "created_at"))
read = COLUMNS.read
Part = Literal["branding", "hosted_authentication", "idp_settings", "additional_settings"]
_PROFILE = "branding, hosted_authentication, idp_settings, additional_settings, domain"


def add(application: Application) -> Steps[bool]:
    """Returns whether it was new; an id that exists is left alone."""
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
    """Whether there is any, asked such that no other transaction can add the first one meanwhile."""
    if dialect is Dialect.POSTGRES:
        # SQLite has one writer at a time anyway.
        yield Statement("lock table applications in share row exclusive mode")
    return bool((yield Statement("select 1 from applications limit 1")))


def lock(application_id: str) -> Steps[None]:
    """Let writers of this application's profile and redirect URIs follow each other."""
    yield Statement("update applications set updated_at = updated_at where id = $1", (application_id,))


def find_profile(application_id: str) -> Steps[Profile | None]:
    rows = yield Statement(
        f"select name, coalesce(updated_at, created_at), {_PROFILE} from applications where id = $1", (application_id,)
    )
    if not rows:
        return None
    name, updated_at, branding, hosted, idp, additional, domain = rows[0]
    return Profile(
        # Its own name for itself is what it is known by until it says otherwise.
        branding={"name": name, **get_object(branding)},
        hosted_authentication=get_object(hosted),
        idp_settings=get_object(idp),
        additional_settings=get_object(additional),
        domain=domain,
        updated_at=updated_at,
    )


def change_profile(
    application_id: str, parts: Mapping[Part, Mapping[str, Any]], domain: str | None, *, at: Micros
) -> Steps[None]:
    """Replace the parts that are named, each as a whole; the others and a domain of None stay as they are."""

    def put(name: Part) -> str | None:
        return put_object(parts[name]) if name in parts else None

    yield Statement(
        """update applications set branding = coalesce($2, branding),
                  hosted_authentication = coalesce($3, hosted_authentication),
                  idp_settings = coalesce($4, idp_settings),
                  additional_settings = coalesce($5, additional_settings),
                  domain = coalesce($6, domain), updated_at = $7
           where id = $1""",
        (
            *(application_id, put("branding"), put("hosted_authentication"), put("idp_settings")),
            *(put("additional_settings"), domain, at),
        ),
    )
