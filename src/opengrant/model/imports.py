"""Imports: rows that become grants, and what becomes of each."""

from collections.abc import Iterator, Sequence
from dataclasses import field, fields
from typing import Any, Final, Literal, get_args

from pydantic import SecretStr, TypeAdapter
from pydantic_core import from_json, to_json

from opengrant.model.basics import Micros, ProviderName, record
from opengrant.model.connect import CustomConnect
from opengrant.model.logins import (
    AgentAccountLogin,
    EwsLogin,
    ICloudLogin,
    ImapLogin,
    MailboxLogin,
    OAuthLogin,
    OrganisationLogin,
    VirtualCalendarLogin,
)

ImportState = Literal["loading", "running", "paused", "cancelled", "finished"]
"""loading: the input is being stored. running: rows are verified, or wait for the cut-over. finished: no row waits."""
Outcome = Literal["staged", "waiting", "created", "renewed", "unchanged", "sign_in", "refused", "failed", "cancelled"]
"""What became of a row.

staged     waits for the cut-over
waiting    is still to be verified, or to be tried again
created    a grant was created
renewed    the mailbox had a grant, which has the new credential now
unchanged  the grant is there already, as it is in the row
sign_in    the owner of the mailbox has to sign in again
refused    the row is wrong, or contradicts what is stored
failed     it could not be verified: the provider, or the connector, did not work
cancelled  the import was cancelled first
"""
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
FINAL: Final = frozenset(OUTCOMES) - {"staged", "waiting"}


@record
class Import:
    """A job. See the migration 0040 for the members."""

    application_id: str
    id: str
    name: str
    state: ImportState
    digest: str | None
    lines: int
    cut_over: bool
    hold_refresh: bool
    cut_over_at: Micros | None
    created_at: Micros
    started_at: Micros | None
    finished_at: Micros | None
    updated_at: Micros
    cut_at: Micros | None = None
    released: int = 0

    @property
    def holds_grants(self) -> bool:
        """Whether grants of it are not refreshed yet, because the cut-over has not come."""
        return self.hold_refresh and self.cut_at is None and self.state != "cancelled"


@record
class ImportRow:
    """A row that is to be verified.

    line      of the input, from 1
    key       the caller's own id of the row
    grant_id  the id that the grant shall have; None: a new one
    """

    line: int
    ask: CustomConnect
    key: str | None = None
    grant_id: str | None = None


@record
class RestoredRow:
    """A grant of an export: it is stored as it was, and its provider is not asked.

    grant   the members of the exported grant
    secret  the members of its secret, as opengrant.model.secrets.members gives them; None for a grant without one
    """

    line: int
    provider: ProviderName
    key: str | None
    grant_id: str
    grant: dict[str, Any]
    secret: dict[str, Any] | None = field(repr=False)


StagedRow = ImportRow | RestoredRow


@record
class RowResult:
    """What became of a row. class_, reason, remedy: None where there is nothing to say."""

    line: int
    outcome: Outcome
    grant_id: str | None = None
    class_: str | None = None
    reason: str | None = None
    remedy: str | None = None


_LOGINS: dict[str, type[MailboxLogin]] = {
    "oauth": OAuthLogin,
    "organisation": OrganisationLogin,
    "imap": ImapLogin,
    "icloud": ICloudLogin,
    "ews": EwsLogin,
    "agent": AgentAccountLogin,
    "calendar": VirtualCalendarLogin,
}
_KINDS = {login: kind for kind, login in _LOGINS.items()}
_NAMES = {login: tuple(one.name for one in fields(login)) for login in _KINDS}
_FORMS: dict[str, TypeAdapter[Any]] = {kind: TypeAdapter(login) for kind, login in _LOGINS.items()}
_SHARED = ("scope", "state", "name", "workspace_id", "external_id")


def encode_rows(rows: Sequence[StagedRow]) -> bytes:
    """What is sealed of a batch."""
    return to_json([_members(row) for row in rows])


def decode_rows(data: bytes) -> Iterator[StagedRow]:
    """The rows that `encode_rows` wrote, one by one: many take milliseconds."""
    return map(_row, from_json(data))


def login_members(login: MailboxLogin) -> dict[str, Any]:
    """Its members, with the secrets in plain: what holds them is sealed or encrypted."""
    members = {name: getattr(login, name) for name in _NAMES[type(login)]}
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in members.items()
        if value is not None
    }


def _members(row: StagedRow) -> dict[str, Any]:
    if isinstance(row, RestoredRow):
        kept = {"provider": row.provider, "grant": row.grant, "secret": row.secret}
        return {"line": row.line, "key": row.key, "grant_id": row.grant_id, "restored": kept}
    ask = row.ask
    kind = _KINDS[type(ask.login)]
    said = {name: value for name in _SHARED if (value := getattr(ask, name)) is not None}
    return {
        "line": row.line,
        "key": row.key,
        "grant_id": row.grant_id,
        "kind": kind,
        "login": login_members(ask.login),
        **said,
    }


def _row(held: dict[str, Any]) -> StagedRow:
    line, key, grant_id = held["line"], held["key"], held["grant_id"]
    if (kept := held.get("restored")) is not None:
        provider = ProviderName(kept["provider"])
        return RestoredRow(line, provider, key, grant_id, kept["grant"], kept["secret"])
    said = {name: held[name] for name in _SHARED if name in held}
    if "scope" in said:
        said["scope"] = tuple(said["scope"])
    return ImportRow(
        line, CustomConnect(login=_FORMS[held["kind"]].validate_python(held["login"]), **said), key, grant_id
    )
