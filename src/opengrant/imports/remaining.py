"""The rows of an import that can be imported again: those that were refused or failed when they were verified.

They are kept sealed until the import is deleted. Lines that could not be read were never rows, and are not among them.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, fields
from typing import Any

from pydantic import SecretStr
from pydantic_core import to_json

from opengrant.imports.export_format import FORMAT
from opengrant.model import Application
from opengrant.model.imports import Import, ImportRow, RestoredRow, decode_rows
from opengrant.model.logins import AgentAccountLogin
from opengrant.store import secrets
from opengrant.store.engine.port import Store
from opengrant.store.imports import batches
from opengrant.store.imports import loading as rows_of
from opengrant.vault import Owner, Vault

_SHARED = ("name", "state", "workspace_id", "external_id")
_NOT_SENT = frozenset({"provider", "proven", "shown", "imap_login", "ews_url", "drops_app_password"})
"""Members of logins that no row has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """Built once, in assembly/imports.py."""

    db: Store
    vault: Vault

    async def lines(self, app: Application, job: Import) -> AsyncIterator[bytes]:
        """NDJSON with the secrets in the clear, as an input has it; in order of the batches."""
        after = 0
        while found := await self.db.read(rows_of.remaining(app.id, job.id, after=after)):
            after, lines = found
            held = await self.db.read(secrets.find(app.id, "import", job.id, batches.purpose(after)))
            if held is None:
                continue
            owner = Owner(app.id, "import", job.id, batches.purpose(after))
            for row in decode_rows(self.vault.open(held, owner)):
                if row.line in lines:
                    yield to_json(_restored(row) if isinstance(row, RestoredRow) else body_of(row)) + b"\n"


def body_of(row: ImportRow) -> dict[str, Any]:
    """The row as an input has it."""
    ask = row.ask
    members = {field.name: getattr(ask.login, field.name) for field in fields(ask.login) if field.name not in _NOT_SENT}
    settings = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in members.items()
        if value is not None
    }
    if isinstance(ask.login, AgentAccountLogin) and ask.login.drops_app_password:
        settings["app_password"] = None
    body: dict[str, Any] = {"id": row.key, "grant_id": row.grant_id, "provider": ask.provider}
    body |= {"settings": settings, "scope": ask.scope, **{name: getattr(ask, name) for name in _SHARED}}
    return {name: value for name, value in body.items() if value is not None}


def _restored(row: RestoredRow) -> dict[str, Any]:
    """A line of an export. Its header and connectors are in the export alone."""
    return {"opengrant": FORMAT, "kind": "grant", "grant": row.grant, "secret": row.secret}
