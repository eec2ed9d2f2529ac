"""The shapes of the wire, nothing else: what a body must look like and what an answer looks like.

They are Pydantic models because the same definitions check requests, build answers and become /openapi.json.
Requests ignore unknown fields. Secrets are SecretStr: an error about one can name the field, never the value.
"""

from typing import Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from opengrant.grants.connectors import Draft
from opengrant.model import SECOND, CustomConnect, ProviderName
from opengrant.model import Connector as ConnectorNoun
from opengrant.model import Grant as GrantNoun

T = TypeVar("T")
Answer = dict[str, Any]
"""An answer of the shape whose `of` made it. A plain dict, because lists are made of hundreds:
building models cost a third of a listing. The suite checks answers against the published schema."""
ModelT = TypeVar("ModelT", bound="Model")

# No control characters: they have no place in names and addresses, and PostgreSQL stores no NUL.
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


def text(longest: int, *, shortest: int = 1) -> Any:
    return StringConstraints(min_length=shortest, max_length=longest, pattern=PRINTABLE)


Name = Annotated[str, text(256)]
State = Annotated[str, text(256, shortest=0)]
Host = Annotated[str, text(253)]
Login = Annotated[str, text(512)]
Id = Annotated[str, text(64)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=1024)]
Scope = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x20\x7f]+$")]


def _port(value: object) -> object:
    # The published examples send ports as strings; a bool would pass for 0 or 1.
    if isinstance(value, bool):
        raise ValueError("a port is a number from 1 to 65535")
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 5 else value


Port = Annotated[
    int,
    Field(ge=1, le=65535, strict=True),
    BeforeValidator(_port),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 65535},
                {
                    "type": "string",
                    "pattern": "^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}"
                    "|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$",
                },
            ],
            "description": "1 to 65535, as a number or as a string of digits.",
        }
    ),
]


def _scopes(value: object) -> object:
    return value.replace(",", " ").split() if isinstance(value, str) else value


AnyScopes = Annotated[
    list[Scope],
    Field(max_length=200),
    BeforeValidator(_scopes),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "array",
                    "items": {"type": "string", "minLength": 1, "maxLength": 512, "pattern": "^[^\\x00-\\x20\\x7f]+$"},
                    "maxItems": 200,
                },
                {"type": "string", "maxLength": 512, "pattern": "^[!-+\\--~]*$"},
            ],
            "description": "A list, or one string with spaces or commas between.",
        }
    ),
]


class Model(BaseModel):
    """Whatever crosses the wire."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True)


# ── POST /v3/connect/custom ──────────────────────────────────────────────────────────────────────────────────


class RefreshTokenSettings(Model):
    """A refresh token that the mailbox owner's consent gave you."""

    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=8192)]
    """The OAuth refresh token, issued to the client of this connector."""
    credential_id: Id | None = None
    """A credential of the connector to use instead of its active one."""


class ImapSettings(Model):
    """A mail server login. Hosts and ports that are left out are looked up by the address."""

    imap_username: Login
    """Login name, usually the full address; it becomes the grant's email."""
    imap_password: Password
    """Password, or app password where the provider wants one."""
    imap_host: Host | None = None
    """Needed for servers that publish no settings."""
    imap_port: Port | None = None
    """993 and 465 speak TLS at once, 143 and 587 after STARTTLS; other ports are tried both ways."""
    smtp_host: Host | None = None
    """Where mail is submitted; checked with a login too."""
    smtp_port: Port | None = None
    """See imap_port."""
    smtp_username: Login | None = None
    """When it differs from imap_username."""
    smtp_password: Password | None = None
    """When it differs from imap_password."""
    type: Annotated[str, text(64)] | None = None
    """A label of the service, returned as sent."""


class VirtualCalendarSettings(Model):
    """A calendar that lives here and belongs to nobody's account."""

    email: Annotated[str, text(512)]
    """Any identifier, compared as given; it need not be an address."""


class _Custom(Model):
    """What all variants share."""

    scope: Annotated[list[Scope], Field(max_length=200)] | None = None
    """Scopes you rely on; without it, the connector's default."""
    state: State | None = None
    """Returned unchanged in the grant."""
    name: Name | None = None
    """Display name of the grant."""
    credential_id: Id | None = None
    """The same as settings.credential_id."""

    def to_model(self) -> CustomConnect:
        settings = self.settings  # type: ignore[attr-defined] # every variant has one, each of its own shape
        values = {key: value for key in type(settings).model_fields if (value := getattr(settings, key)) is not None}
        credential_id = values.pop("credential_id", None) or self.credential_id
        return CustomConnect(
            provider=ProviderName(self.provider),  # type: ignore[attr-defined] # likewise
            settings=values,
            scope=None if self.scope is None else tuple(self.scope),
            state=self.state,
            name=self.name,
            credential_id=credential_id,
        )


class GoogleRefreshToken(_Custom):
    """**Google, refresh token.** The token is exchanged and its owner read from the id_token or userinfo.

    It needs the scopes `openid` and `userinfo.email`, or a Gmail scope.
    """

    model_config = ConfigDict(
        title="Google refresh token",
        json_schema_extra={
            "examples": [
                {
                    "provider": "google",
                    "settings": {"refresh_token": "1//0example"},
                    "scope": ["https://www.googleapis.com/auth/gmail.readonly"],
                    "state": "customer-42",
                }
            ]
        },
    )
    provider: Literal["google"]
    settings: RefreshTokenSettings


class MicrosoftRefreshToken(_Custom):
    """**Microsoft, refresh token.** Entra hands out a new refresh token with each use: the new one is kept here."""

    model_config = ConfigDict(
        title="Microsoft refresh token",
        json_schema_extra={"examples": [{"provider": "microsoft", "settings": {"refresh_token": "0.AexampleRT"}}]},
    )
    provider: Literal["microsoft"]
    settings: RefreshTokenSettings


class ImapLogin(_Custom):
    """**IMAP and SMTP.** Both logins are tried; nothing in the mailbox is opened or sent."""

    model_config = ConfigDict(
        title="IMAP",
        json_schema_extra={
            "examples": [
                {
                    "provider": "imap",
                    "settings": {
                        "imap_username": "eve@example.com",
                        "imap_password": "app-password",
                        "imap_host": "imap.example.com",
                        "imap_port": 993,
                        "smtp_host": "smtp.example.com",
                        "smtp_port": 465,
                    },
                }
            ]
        },
    )
    provider: Literal["imap"]
    settings: ImapSettings


class VirtualCalendar(_Custom):
    """**Virtual calendar.** Needs no provider: a calendar for a room, a machine or a team."""

    model_config = ConfigDict(
        title="Virtual calendar",
        json_schema_extra={
            "examples": [{"provider": "virtual-calendar", "settings": {"email": "room-7"}, "state": "floor-2"}]
        },
    )
    provider: Literal["virtual-calendar"]
    settings: VirtualCalendarSettings


CustomVariant = GoogleRefreshToken | MicrosoftRefreshToken | ImapLogin | VirtualCalendar
CUSTOM: dict[ProviderName, type[_Custom]] = {
    ProviderName.GOOGLE: GoogleRefreshToken,
    ProviderName.MICROSOFT: MicrosoftRefreshToken,
    ProviderName.IMAP: ImapLogin,
    ProviderName.VIRTUAL_CALENDAR: VirtualCalendar,
}
SETTINGS: dict[ProviderName, type[Model]] = {
    ProviderName.GOOGLE: RefreshTokenSettings,
    ProviderName.MICROSOFT: RefreshTokenSettings,
    ProviderName.IMAP: ImapSettings,
    ProviderName.VIRTUAL_CALENDAR: VirtualCalendarSettings,
}


# ── Grants ───────────────────────────────────────────────────────────────────────────────────────────────────


class Grant(Model):
    """One mailbox, proven. Optional fields are absent when unknown, never null."""

    id: str
    """Stays the same when the same mailbox comes again."""
    provider: ProviderName
    scope: list[str]
    """What the grant may do; Google in full URLs, others in short names."""
    grant_status: Literal["valid", "invalid"]
    """`invalid`: the owner must connect again."""
    email: str
    """The address; for virtual calendars the identifier."""
    settings: dict[str, Any]
    """Hosts, ports and user names where the provider has such; never a secret."""
    blocked: bool
    created_at: int
    """Unix seconds."""
    updated_at: int
    """Unix seconds of the last successful authentication."""
    name: str | None = None
    state: str | None = None
    provider_user_id: str | None = None
    credential_id: str | None = None
    """The connector credential in use."""
    workspace_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None

    @staticmethod
    def of(grant: GrantNoun) -> Answer:
        answer: Answer = {
            "id": grant.id,
            "provider": grant.provider,
            "scope": grant.scope,
            "grant_status": grant.status,
            "email": grant.email,
            "settings": grant.settings,
            "blocked": grant.blocked,
            "created_at": grant.created_at // SECOND,
            "updated_at": grant.updated_at // SECOND,
        }
        for name, value in (
            ("name", grant.name),
            ("state", grant.state),
            ("provider_user_id", grant.user_id),
            ("credential_id", grant.credential_id),
            ("workspace_id", grant.workspace_id),
            ("ip", grant.ip),
            ("user_agent", grant.user_agent),
        ):
            if value is not None:
                answer[name] = value
        return answer


class GrantPatch(Model):
    """At least one of the three. New settings are verified before they replace the old."""

    settings: dict[str, Any] | None = None
    """The provider's credential keys, all of them: what is stored is replaced."""
    scope: Annotated[list[Scope], Field(max_length=200)] | None = None
    """Replaces the recorded list; what the provider permits does not change."""
    name: Name | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.settings is None and self.scope is None and self.name is None:
            raise ValueError("send at least one of settings, scope and name")
        return self


_WHOLE = Annotated[int, Field(ge=0, le=253_402_300_799)]
"""Unix seconds up to the year 9999."""


class Paging(Model):
    limit: Annotated[int, Field(ge=1, le=2**31 - 1)] = 10
    """How many at most; more than 200 counts as 200."""
    offset: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """How many to skip."""

    LARGEST: ClassVar[int] = 200

    @property
    def size(self) -> int:
        return min(self.limit, self.LARGEST)


_Filter = Annotated[str, text(512)]


class GrantQuery(Paging):
    sort_by: Literal["created_at", "updated_at"] = "created_at"
    order_by: Literal["asc", "desc"] = "desc"
    since: _WHOLE | None = None
    """Created at or after, in Unix seconds."""
    before: _WHOLE | None = None
    """Created at or before, in Unix seconds."""
    email: _Filter | None = None
    """Exact, whatever the case."""
    grant_status: Literal["valid", "invalid"] | None = None
    status: Literal["valid", "invalid"] | None = None
    """The same as grant_status."""
    provider: _Filter | None = None
    ip: _Filter | None = None
    workspace_id: _Filter | None = None
    connector_id: _Filter | None = None
    """A provider's name, or the id that events carry as integration_id."""
    account_id: _Filter | None = None
    """Of a product version that never ran here: matches nothing."""
    account_ids: _Filter | None = None
    """Likewise."""


# ── Connectors ───────────────────────────────────────────────────────────────────────────────────────────────


class Connector(Model):
    """An application's settings for one provider."""

    name: str
    provider: ProviderName
    settings: dict[str, Any]
    """What may be read again: client_id, tenant, topic_name."""
    scope: list[str]
    """Default scopes of grants made through it."""
    active_credential_id: str | None = None
    """The credential used when a request names none."""

    @staticmethod
    def of(connector: ConnectorNoun) -> Answer:
        answer: Answer = {
            "name": connector.name,
            "provider": connector.provider,
            "settings": connector.settings,
            "scope": connector.scope,
        }
        if connector.active_credential_id is not None:
            answer["active_credential_id"] = connector.active_credential_id
        return answer


_ClientId = Annotated[str, text(512)]
_ClientSecret = Annotated[SecretStr, Field(min_length=1, max_length=4096)]


class GoogleConnectorSettings(Model):
    client_id: _ClientId
    client_secret: _ClientSecret
    """Write-only."""
    topic_name: Annotated[str, text(512)] | None = None
    """Pub/Sub topic for mail notifications."""


class MicrosoftConnectorSettings(Model):
    client_id: _ClientId
    client_secret: _ClientSecret
    """Write-only."""
    tenant: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,255}$")] = "common"
    """common, organizations, consumers, a tenant's GUID or its domain."""


class _ConnectorBody(Model):
    name: Name | None = None
    scope: AnyScopes | None = Field(default=None, validation_alias=AliasChoices("scope", "scopes"))
    """Default scopes of grants made through this connector."""

    def to_model(self) -> Draft:
        settings = getattr(self, "settings", None)
        public = {
            key: value
            for key in ("tenant", "topic_name")
            if settings is not None and (value := getattr(settings, key, None)) is not None
        }
        return Draft(
            name=self.name,
            settings=None if settings is None else public,
            client_id=getattr(settings, "client_id", None),
            client_secret=getattr(settings, "client_secret", None),
            scope=None if self.scope is None else tuple(self.scope),
            active_credential_id=getattr(self, "active_credential_id", None),
        )


class GoogleConnector(_ConnectorBody):
    """**Google.** The OAuth client that your users' refresh tokens were issued to."""

    model_config = ConfigDict(
        title="Google",
        json_schema_extra={
            "examples": [
                {"provider": "google", "settings": {"client_id": "123.apps.example", "client_secret": "GOCSPX-…"}}
            ]
        },
    )
    provider: Literal["google"]
    settings: GoogleConnectorSettings


class MicrosoftConnector(_ConnectorBody):
    """**Microsoft.** The app registration that your users' refresh tokens were issued to."""

    model_config = ConfigDict(
        title="Microsoft",
        json_schema_extra={
            "examples": [
                {
                    "provider": "microsoft",
                    "settings": {"client_id": "0a1b…", "client_secret": "value~of~the~secret", "tenant": "common"},
                }
            ]
        },
    )
    provider: Literal["microsoft"]
    settings: MicrosoftConnectorSettings


class ImapConnector(_ConnectorBody):
    """**IMAP.** Needs no settings."""

    model_config = ConfigDict(title="IMAP", json_schema_extra={"examples": [{"provider": "imap"}]})
    provider: Literal["imap"]


class VirtualCalendarConnector(_ConnectorBody):
    """**Virtual calendar.** Needs no settings."""

    model_config = ConfigDict(
        title="Virtual calendar", json_schema_extra={"examples": [{"provider": "virtual-calendar"}]}
    )
    provider: Literal["virtual-calendar"]


ConnectorVariant = GoogleConnector | MicrosoftConnector | ImapConnector | VirtualCalendarConnector
CONNECTOR: dict[ProviderName, type[_ConnectorBody]] = {
    ProviderName.GOOGLE: GoogleConnector,
    ProviderName.MICROSOFT: MicrosoftConnector,
    ProviderName.IMAP: ImapConnector,
    ProviderName.VIRTUAL_CALENDAR: VirtualCalendarConnector,
}


class ConnectorPatchSettings(Model):
    """Replaces what may be read; a client id or secret that is left out stays."""

    client_id: _ClientId | None = None
    client_secret: _ClientSecret | None = None
    """Write-only."""
    tenant: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,255}$")] | None = None
    topic_name: Annotated[str, text(512)] | None = None


class ConnectorPatch(_ConnectorBody):
    """Omitted fields stay as they are."""

    settings: ConnectorPatchSettings | None = None
    active_credential_id: Id | None = None
    """A connector credential of this connector."""


# ── Envelopes ────────────────────────────────────────────────────────────────────────────────────────────────


class Data(Model, Generic[T]):
    """One object."""

    request_id: str
    data: T


class Page(Model, Generic[T]):
    """A page of a list; `limit` and `offset` are those that were applied."""

    request_id: str
    data: list[T]
    limit: int
    offset: int


class Done(Model):
    """It is done, and there is nothing to show."""

    request_id: str


class ErrorDetail(Model):
    type: str
    """Stable; decide by it and by the status."""
    message: str
    """For people: what is wrong and what to do next."""
    provider_error: dict[str, Any] | None = None
    """What the provider said; `opengrant` inside it gives class, reason and remedy."""


class Error(Model):
    """Every answer that is not a success."""

    request_id: str
    error: ErrorDetail


class Health(Model):
    status: Literal["ok"]
