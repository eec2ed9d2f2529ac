"""The rows of an import that can be imported again: those that were refused or failed.

They are kept sealed until the import is deleted. Lines that could not be read were never rows, and what repeats an
earlier line is not wanted twice: these are named by their number.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, fields
from typing import Any

from pydantic import SecretStr
from pydantic_core import from_json, to_json

from opengrant import __version__
from opengrant.imports import export_format
from opengrant.imports.export_format import FORMAT, ExportEnd, ExportHeader
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
_NAMED = 10
"""Lines that are named by their number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """Built once, in assembly/imports.py."""

    db: Store
    vault: Vault

    async def lines(self, app: Application, job: Import) -> AsyncIterator[bytes]:
        """NDJSON with the secrets in the clear, as an input has it; first those that were verified."""
        exported = 0
        async for row in self._rows(app, job):
            if export_format.is_of_export(row):
                if not exported:
                    yield _header(app, job)
                exported += 1
            yield to_json(row) + b"\n"
        if exported:
            yield export_format.write("end", ExportEnd(grants=exported))

    async def not_kept(self, app: Application, job: Import) -> tuple[int, list[int]]:
        """Lines that are not among them, though they were refused: how many, and the first of them."""
        return await self.db.read(rows_of.not_kept(app.id, job.id, first=_NAMED))

    async def _rows(self, app: Application, job: Import) -> AsyncIterator[dict[str, Any]]:
        after = 0
        while found := await self.db.read(rows_of.remaining(app.id, job.id, after=after)):
            after, lines = found
            held = await self._open(app, job, batches.purpose(after))
            for row in () if held is None else decode_rows(held):
                if row.line in lines:
                    yield _restored(row) if isinstance(row, RestoredRow) else body_of(row)
        for line in await self.db.read(rows_of.refused(app.id, job.id)):
            held = await self._open(app, job, rows_of.refused_purpose(line))
            for sent in () if held is None else from_json(held):
                yield sent

    async def _open(self, app: Application, job: Import, purpose: str) -> bytes | None:
        held = await self.db.read(secrets.find(app.id, "import", job.id, purpose))
        return None if held is None else self.vault.open(held, Owner(app.id, "import", job.id, purpose))


def _header(app: Application, job: Import) -> bytes:
    """Lines of an export are read after one."""
    header = ExportHeader(
        version=__version__,
        at=job.created_at,
        application_id=app.id,
        application_name=app.name,
        identity_rule=app.identity_rule,
    )
    return export_format.write("export", header)


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
    """A line of an export. Its connector and credential are those that it has here."""
    return {"opengrant": FORMAT, "kind": "grant", "grant": row.grant, "secret": row.secret}
