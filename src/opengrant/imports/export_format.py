"""The lines of an export: JSON objects with the number of the format, a kind, and a member of that name.

    {"opengrant": 1, "kind": "grant", "grant": {…}, "secret": {…}, "connect": {…}}

The header comes first, then workspaces, connectors and credentials, then grants, and a last line with their number.
docs/exporting.md describes them to people who read an export without OpenGrant. Times are integers of microseconds.
"""

from collections.abc import Mapping
from dataclasses import field, fields
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import to_json

from opengrant.errors import InvalidRequest
from opengrant.model import CredentialType, Grant, GrantStatus, IdentityRule, ProviderName, Trouble
from opengrant.model.basics import record

FORMAT: Final = 1
"""Rises when a release before cannot read what is written. A new member that it may ignore does not change it."""

Kind = Literal["export", "workspace", "connector", "credential", "grant", "end"]
Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""A database stores no NUL in a text."""
GrantId = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
At = Annotated[int, Field(ge=0, lt=2**62)]

_CONFIG = ConfigDict(hide_input_in_errors=True)


@record
class ExportHeader:
    """at: when the export began. version: of OpenGrant."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG
    version: Text
    at: At
    application_id: Text
    application_name: Text
    identity_rule: IdentityRule


@record
class ExportedWorkspace:
    """As opengrant.store.tenants.workspaces.Workspace."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG
    id: Text
    name: Text
    domain: Text
    auto_group: bool
    is_default: bool
    rule_ids: tuple[Text, ...]
    created_at: At
    updated_at: At
    policy_id: Text | None = None


@record
class ExportedCredential:
    """secret: as opengrant.model.secrets.members gives it; None if it could not be opened."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG
    id: Text
    connector_id: Text
    provider: ProviderName
    name: Text
    type: CredentialType
    created_at: At
    updated_at: At
    secret: dict[str, Any] | None = field(default=None, repr=False)


@record
class ExportedConnector:
    """primary: its own client; None for a provider that needs none."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG
    id: Text
    provider: ProviderName
    name: Text
    settings: dict[Text, Text]
    scope: tuple[Text, ...]
    created_at: At
    updated_at: At
    active_credential_id: Text | None = None
    primary: ExportedCredential | None = None


@record
class ExportedGrant:
    """The members of a grant that mean the same in another installation.

    Not among them: its numbers there (version, generation, asked), and when it is due, which the schedule decides.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG
    id: GrantId
    provider: ProviderName
    connector_id: Text
    mailbox_key: Text
    email: Text
    status: GrantStatus
    scope: tuple[Text, ...]
    settings: dict[Text, Text | At | bool]
    created_at: At
    updated_at: At
    asked_at: At
    blocked: bool
    vouched: bool
    name_given: bool
    missing_scopes: tuple[Text, ...] = ()
    subject: Text | None = None
    user_id: Text | None = None
    name: Text | None = None
    state: Text | None = None
    external_id: Text | None = None
    credential_id: Text | None = None
    workspace_id: Text | None = None
    ip: Text | None = None
    user_agent: Text | None = None
    token_expires_at: At | None = None
    proven_at: At | None = None
    used_at: At | None = None
    attention_at: At | None = None
    trouble: Trouble | None = None

    @classmethod
    def of(cls, grant: Grant) -> "ExportedGrant":
        return cls(*_members_of(grant))


@record
class ExportEnd:
    """grants: how many lines of grants there are. unreadable: those of them whose secret could not be opened."""

    __pydantic_config__: ClassVar[ConfigDict] = _CONFIG
    grants: int
    unreadable: int = 0


GRANT_MEMBERS = tuple(one.name for one in fields(ExportedGrant))
_members_of = attrgetter(*GRANT_MEMBERS)
_FORMS: Mapping[str, TypeAdapter[Any]] = {
    "export": TypeAdapter(ExportHeader),
    "workspace": TypeAdapter(ExportedWorkspace),
    "connector": TypeAdapter(ExportedConnector),
    "credential": TypeAdapter(ExportedCredential),
    "grant": TypeAdapter(ExportedGrant),
    "end": TypeAdapter(ExportEnd),
}
Exported = ExportHeader | ExportedWorkspace | ExportedConnector | ExportedCredential | ExportedGrant | ExportEnd


class Line(NamedTuple):
    """A line that was read. secret: of a grant. unreadable: the grant has one, which could not be opened."""

    thing: Exported
    secret: dict[str, Any] | None = None
    unreadable: bool = False


def write(kind: Kind, thing: Exported, **more: Any) -> bytes:
    """A line. What is None is left out."""
    return to_json({"opengrant": FORMAT, "kind": kind, kind: thing, **more}, exclude_none=True) + b"\n"


def is_of_export(members: Mapping[str, Any]) -> bool:
    """Whether a row of an input is a line of an export."""
    return "opengrant" in members and "kind" in members


def read(members: Mapping[str, Any]) -> Line:
    """What a line says. Raises InvalidRequest, which quotes nothing of it."""
    if members["opengrant"] != FORMAT:
        raise InvalidRequest(f"The line is of another format than {FORMAT}: a later release wrote the export.")
    kind = members["kind"]
    form = _FORMS.get(kind) if isinstance(kind, str) else None
    if form is None:
        raise InvalidRequest(f"kind: must be one of {', '.join(_FORMS)}.")
    thing = as_exported(kind, members.get(kind))
    secret, unreadable = members.get("secret"), members.get("unreadable") is True
    if secret is not None and not isinstance(secret, dict):
        raise InvalidRequest("secret: must be an object.")
    return Line(thing, secret, unreadable)


def as_exported(kind: Kind, held: Any) -> Any:
    """The record of these members. Raises InvalidRequest, which quotes nothing of them."""
    try:
        return _FORMS[kind].validate_python(held)
    except ValidationError as problem:
        found = problem.errors(include_input=False, include_url=False, include_context=False)
        where = {".".join(map(str, one["loc"])) or kind for one in found}
        raise InvalidRequest(f"{kind}: these members are missing or wrong: {', '.join(sorted(where)[:5])}.") from None
