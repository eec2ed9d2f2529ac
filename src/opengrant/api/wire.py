"""The shapes of the wire, nothing else: what a body must look like and what an answer looks like.

They are Pydantic models because the same definitions check requests, build answers and become /openapi.json.
Requests ignore unknown fields. Secrets are SecretStr: an error about one can name the field, never the value.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticUseDefault

from opengrant.errors import InvalidRequest
from opengrant.grants.connectors import Draft
from opengrant.grants.credentials import Draft as CredentialDraft
from opengrant.grants.events import why
from opengrant.grants.records import Change
from opengrant.grants.refresh import Live
from opengrant.model import SECOND, CustomConnect, ProviderName
from opengrant.model import Connector as ConnectorNoun
from opengrant.model import Credential as CredentialNoun
from opengrant.model import Grant as GrantNoun

Answer = dict[str, Any]
"""An answer of the shape whose `of` made it. A plain dict, because lists are made of hundreds:
building models cost a third of a listing. The suite checks answers against the published schema."""

# No control characters: they have no place in names and addresses, and PostgreSQL stores no NUL.
PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


def text(longest: int, *, shortest: int = 1) -> Any:
    return StringConstraints(min_length=shortest, max_length=longest, pattern=PRINTABLE)


Name = Annotated[str, text(256)]
State = Annotated[str, text(256, shortest=0)]
RedirectUrl = Annotated[str, text(2048)]
Host = Annotated[str, text(253)]
Login = Annotated[str, text(512)]
Id = Annotated[str, text(64)]
ExternalId = Annotated[str, text(256)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=1024)]
Scope = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x20\x7f]+$")]

Tenant = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,255}$")]

_PORT_TEXT = re.compile(r"([0-9]{1,5})(?:\.0+)?", re.ASCII)


def _port(value: object) -> object:
    # The published examples send ports as strings, spreadsheets and some languages 993.0; a bool would pass for 0 or 1.
    if isinstance(value, bool):
        raise ValueError("a port is a number from 1 to 65535")
    if isinstance(value, str) and (digits := _PORT_TEXT.fullmatch(value)):
        return int(digits[1])
    return int(value) if isinstance(value, float) and value.is_integer() else value


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
                    "|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])([.]0+)?$",
                },
            ],
            "description": "1 to 65535, as a number or as a string of digits.",
        }
    ),
]


def split_scopes(text: str) -> list[str]:
    """The scopes of a text that has commas, blanks or both between them."""
    return text.replace(",", " ").split()


LONGEST_SCOPES = 16_000
"""Characters of a text of scopes: as many scopes as a list may hold, of the length of Google's."""
_SCOPES_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"


def _scopes(value: object) -> object:
    if isinstance(value, str):
        if len(value) > LONGEST_SCOPES:
            raise ValueError(f"should have at most {LONGEST_SCOPES} characters")
        if re.match(_SCOPES_TEXT, value) is None:
            raise ValueError("has characters that are not allowed here")
        return split_scopes(value) or None  # a field that was left blank
    return value


AnyScopes = Annotated[
    Annotated[list[Scope], Field(max_length=200)] | None,
    BeforeValidator(_scopes),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "array",
                    "items": {"type": "string", "minLength": 1, "maxLength": 512, "pattern": "^[^\\x00-\\x20\\x7f]+$"},
                    "maxItems": 200,
                },
                # null counts as left out, as everywhere; here there is a place to say it.
                {"type": ["string", "null"], "maxLength": LONGEST_SCOPES, "pattern": _SCOPES_TEXT},
            ],
            "description": "A list, or one string with spaces or commas between.",
        }
    ),
]


def _left_out(value: object) -> object:
    if value is None:
        raise PydanticUseDefault
    return value


OrNull = BeforeValidator(_left_out)
"""For fields with a default of their own: null counts as left out, as it does for those whose default is None."""


class Model(BaseModel):
    """Whatever crosses the wire."""

    model_config = ConfigDict(extra="ignore", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True)

    NULL_TAKES_AWAY: ClassVar[frozenset[str]] = frozenset()
    """Fields for which null is no way to leave them out: it removes what is stored."""


def examples(*bodies: dict[str, Any], **more: Any) -> ConfigDict:
    """What a body may look like, for /openapi.json. `more`: members of its JSON schema. Secrets say `example`."""
    return ConfigDict(json_schema_extra={**more, "examples": list(bodies)})


def _named(title: str, *bodies: dict[str, Any]) -> ConfigDict:
    return ConfigDict(title=title, **examples(*bodies))


# ── POST /v3/connect/custom ──────────────────────────────────────────────────────────────────────────────────


class _Settings(Model):
    """What the settings of every variant share."""

    scope: AnyScopes = None
    """The same as the top-level scope."""
    scopes: AnyScopes = None
    """Likewise."""


class RefreshTokenSettings(_Settings):
    """A refresh token that the mailbox owner's consent gave you."""

    # Together with credential_id it is another variant; a oneOf wants exactly one that fits.
    model_config = ConfigDict(json_schema_extra={"not": {"required": ["credential_id"]}})
    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=8192)]
    """The OAuth refresh token, issued to the client of this connector."""


class OverrideSettings(_Settings):
    """A refresh token that another client than the connector's active one obtained."""

    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=8192)]
    """The OAuth refresh token, issued to the client of that credential."""
    credential_id: Id
    """A credential of type connector; its client is used now and at every later refresh."""


class BulkSettings(_Settings):
    """A mailbox of an organisation that has admitted your application as a whole."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["refresh_token"]}})
    email_address: Annotated[str, text(320)]
    """The mailbox."""
    credential_id: Id
    """The credential that the organisation admitted."""


class MicrosoftBulkSettings(BulkSettings):
    """A mailbox of a tenant whose administrator consented to your application."""

    tenant: Tenant | None = None
    """The id or a domain of the tenant, when the credential names none: one application may have many tenants. The
    grant keeps it."""


class GoogleBulkSettings(BulkSettings):
    """A mailbox of a Google Workspace that delegated its domain to your service account."""

    scopes: AnyScopes = None
    """The same as the top-level scope. All of them must be delegated, or none is granted."""


class ImapSettings(_Settings):
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
    """Where mail is submitted; checked with a login too. Needed with other smtp_ settings unless it can be found."""
    smtp_port: Port | None = None
    """See imap_port."""
    smtp_username: Login | None = None
    """When it differs from imap_username."""
    smtp_password: Password | None = None
    """When it differs from imap_password."""
    type: Annotated[str, text(64)] | None = None
    """A label of the service, returned as sent."""


class ICloudSettings(_Settings):
    """An iCloud account with an app-specific password."""

    username: Login
    """The iCloud address."""
    password: Password
    """An app-specific password (xxxx-xxxx-xxxx-xxxx); the Apple Account's own password never works."""


class EwsSettings(_Settings):
    """An account on an Exchange server of your own. The host is found by Autodiscover when it is left out."""

    email: Annotated[str, text(320)] | None = None
    """The mailbox; without it, ews_username."""
    ews_username: Login
    """Usually the address; DOMAIN\\user works too."""
    ews_password: Password
    """The password of the account."""
    ews_host: Annotated[str, text(1024)] | None = None
    """A host name, or the whole URL of Exchange.asmx."""
    ews_port: Annotated[Port, OrNull] = 443


class AgentSettings(_Settings):
    """A mailbox that is hosted here, on a domain you have registered and verified."""

    email: Annotated[
        str, StringConstraints(min_length=3, max_length=254, pattern=r"^[^\x00-\x20\x7f@]+@[^\x00-\x20\x7f@]+$")
    ]
    """An address on a registered domain. It is kept and shown with the domain in lower-cased A-labels."""
    app_password: Annotated[SecretStr, Field(min_length=18, max_length=40)] | None = None
    """Opens IMAP and SMTP. 18 to 40 printable ASCII characters with an upper-case and a lower-case letter and a digit.
    Kept only as a bcrypt hash; without one there is no IMAP and SMTP access. For an account that exists: left out, its
    password stays; a new one replaces it; null takes it away. The grant's `settings.has_app_password` tells."""
    policy_id: Id | None = None
    """There are no policies yet: refused."""

    NULL_TAKES_AWAY: ClassVar[frozenset[str]] = frozenset({"app_password"})


class VirtualCalendarSettings(_Settings):
    """A calendar that lives here and belongs to nobody's account."""

    email: Annotated[str, text(512)]
    """Any identifier, compared as given; it need not be an address."""


class _Custom(Model):
    """What all variants share."""

    scope: AnyScopes = None
    """Scopes you rely on; without it, the connector's default. Those that were not granted stand in the grant's
    `opengrant.missing_scopes`."""
    scopes: AnyScopes = None
    """The same as scope."""
    state: State | None = None
    """Returned unchanged in the grant."""
    name: Name | None = None
    """Display name of the grant."""
    workspace_id: Id | None = None
    """Where the grant goes; without it, the workspace of its domain or the default one."""
    external_id: ExternalId | None = None
    """An id of your own; the grant then also answers to `external:<id>` in paths."""

    def to_model(self) -> CustomConnect:
        keys, credential_id, scope = _apart(self.settings)  # type: ignore[attr-defined] # every variant has its own
        return CustomConnect(
            provider=ProviderName(self.provider),  # type: ignore[attr-defined] # likewise
            settings=keys,
            scope=_first(self.scope, self.scopes, scope),
            state=self.state,
            name=self.name,
            credential_id=credential_id,
            workspace_id=self.workspace_id,
            external_id=self.external_id,
        )


def sent_settings(settings: Model) -> dict[str, Any]:
    """The keys that are there, without those that were left out; null counts as left out, but where it takes away."""
    takes_away = settings.NULL_TAKES_AWAY & settings.model_fields_set
    return {
        key: value
        for key in type(settings).model_fields
        if (value := getattr(settings, key)) is not None or key in takes_away
    }


def _apart(settings: Model) -> tuple[dict[str, Any], str | None, tuple[str, ...] | None]:
    """The provider's own keys; and what is sent among them, but none of them: the credential and the scopes.

    Raises InvalidRequest.
    """
    keys = sent_settings(settings)
    refuse_policies(keys.get("policy_id"), within="settings.")
    credential_id, scope, scopes = (keys.pop(name, None) for name in ("credential_id", "scope", "scopes"))
    return keys, credential_id, _first(scope, scopes)


def refuse_policies(policy_id: str | None, rule_ids: Sequence[str] | None = None, *, within: str = "") -> None:
    """There are none yet, so what is named does not exist. Empty takes away what an earlier release kept.

    Raises InvalidRequest.
    """
    for name, kind, one in (
        ("policy_id", "policy", policy_id),
        ("rule_ids", "rule", next(iter(rule_ids or ()), None)),
    ):
        if one:
            raise InvalidRequest(
                f"{within}{name}: there is no {kind} {one!r}. Leave it out: this server has no policies and rules yet."
            )


def _first(*lists: Sequence[str] | None) -> tuple[str, ...] | None:
    """The first that was sent."""
    return next((tuple(one) for one in lists if one is not None), None)


class RefreshToken(_Custom):
    """**Refresh token.** It is exchanged, and its owner read from the id_token or the provider's profile.

    Google needs the scopes `openid` and `userinfo.email`, or a Gmail scope; Yahoo `openid` and `email`. Microsoft
    hands out a new refresh token with each use: the new one is kept here.
    """

    model_config = _named(
        "Refresh token",
        {
            "provider": "google",
            "settings": {"refresh_token": "1//0example-refresh-token"},
            "scope": ["https://www.googleapis.com/auth/gmail.readonly"],
            "state": "customer-42",
        },
        {"provider": "microsoft", "settings": {"refresh_token": "0.Aexample-refresh-token"}},
    )
    provider: Literal["google", "microsoft", "yahoo"]
    """Which provider the mailbox is at."""
    settings: RefreshTokenSettings
    """What proves the mailbox."""


class CredentialOverride(_Custom):
    """**Credential override.** A refresh token that another client of yours obtained, stored as a credential."""

    model_config = _named(
        "Credential override",
        {
            "provider": "microsoft",
            "settings": {
                "refresh_token": "0.Aexample-refresh-token",
                "credential_id": "1f2e3d4c-0000-4000-8000-00000000c002",
            },
        },
    )
    provider: Literal["google", "microsoft", "yahoo", "zoom"]
    """Which provider the mailbox is at."""
    settings: OverrideSettings
    """What proves the mailbox, and with which client."""


class MicrosoftBulk(_Custom):
    """**Microsoft, whole organisation.** A mailbox of a tenant whose administrator consented to your application.

    Proven by asking Graph for the mailbox: a token alone proves nothing.
    """

    model_config = _named(
        "Microsoft bulk",
        {
            "provider": "microsoft",
            "settings": {
                "email_address": "cy@example.com",
                "credential_id": "1f2e3d4c-0000-4000-8000-00000000c003",
            },
        },
    )
    provider: Literal["microsoft"]
    """Which provider the mailbox is at."""
    settings: MicrosoftBulkSettings
    """Which mailbox, and the credential that opens it."""


class GoogleBulk(_Custom):
    """**Google, whole organisation.** A mailbox of a Workspace that delegated its domain to your service account."""

    model_config = _named(
        "Google bulk",
        {
            "provider": "google",
            "settings": {
                "email_address": "di@example.com",
                "credential_id": "1f2e3d4c-0000-4000-8000-00000000c004",
                "scopes": ["https://www.googleapis.com/auth/calendar"],
            },
        },
    )
    provider: Literal["google"]
    """Which provider the mailbox is at."""
    settings: GoogleBulkSettings
    """Which mailbox, and the credential that opens it."""


class ZoomMeetings(_Custom):
    """**Zoom meetings.** Zoom's refresh tokens can be used once: the one you send is spent, its successor kept here.

    The app needs `user:read:user` beside the three meeting scopes: without it nobody can say whose token it is.
    """

    model_config = _named(
        "Zoom Meetings", {"provider": "zoom", "settings": {"refresh_token": "example-zoom-refresh-token"}}
    )
    provider: Literal["zoom"]
    """Which provider the mailbox is at."""
    settings: RefreshTokenSettings
    """What proves the mailbox."""


class ImapLogin(_Custom):
    """**IMAP and SMTP.** Both logins are tried; nothing in the mailbox is opened or sent."""

    model_config = _named(
        "IMAP",
        {
            "provider": "imap",
            "settings": {
                "imap_username": "eve@example.com",
                "imap_password": "example-app-password",
                "imap_host": "imap.example.com",
                "imap_port": 993,
                "smtp_host": "smtp.example.com",
                "smtp_port": 465,
            },
        },
    )
    provider: Literal["imap"]
    """Which provider the mailbox is at."""
    settings: ImapSettings
    """How to log in."""


class ICloudLogin(_Custom):
    """**iCloud.** Proven by IMAP and by CalDAV; needs an app-specific password."""

    model_config = _named(
        "iCloud",
        {"provider": "icloud", "settings": {"username": "fay@icloud.com", "password": "abcd-efgh-ijkl-mnop"}},
    )
    provider: Literal["icloud"]
    """Which provider the mailbox is at."""
    settings: ICloudSettings
    """How to log in."""


class EwsLogin(_Custom):
    """**Exchange on premises.** Proven by one call of Exchange Web Services, with Basic or NTLM."""

    model_config = _named(
        "EWS",
        {
            "provider": "ews",
            "settings": {
                "email": "gil@ews.example.com",
                "ews_username": "gil@ews.example.com",
                "ews_password": "example-password",
                "ews_host": "mail.example.com",
            },
            "scope": ["ews.messages", "ews.calendars"],
        },
    )
    provider: Literal["ews"]
    """Which provider the mailbox is at."""
    settings: EwsSettings
    """How to log in, and where."""


class VirtualCalendar(_Custom):
    """**Virtual calendar.** Needs no provider: a calendar for a room, a machine or a team."""

    model_config = _named(
        "Virtual calendar", {"provider": "virtual-calendar", "settings": {"email": "room-7"}, "state": "floor-2"}
    )
    provider: Literal["virtual-calendar"]
    """Which provider the mailbox is at."""
    settings: VirtualCalendarSettings
    """Which calendar."""


class AgentAccount(_Custom):
    """**Agent Account.** A mailbox hosted here, on a domain that is registered and verified."""

    model_config = _named(
        "Agent Account",
        {
            "provider": "nylas",
            "name": "Sales Agent",
            "settings": {"email": "sales@agents.example.com", "app_password": "Example-passw0rd-only"},
        },
    )
    provider: Literal["nylas"]
    """Which provider the mailbox is at."""
    settings: AgentSettings
    """Which mailbox, and what opens it."""


CustomVariant = (
    RefreshToken
    | CredentialOverride
    | MicrosoftBulk
    | GoogleBulk
    | ImapLogin
    | ICloudLogin
    | EwsLogin
    | VirtualCalendar
    | ZoomMeetings
    | AgentAccount
)
_BY_PROVIDER: dict[ProviderName, type[_Custom]] = {
    ProviderName.IMAP: ImapLogin,
    ProviderName.ICLOUD: ICloudLogin,
    ProviderName.EWS: EwsLogin,
    ProviderName.VIRTUAL_CALENDAR: VirtualCalendar,
    ProviderName.NYLAS: AgentAccount,
}
_BULK: dict[ProviderName, type[_Custom]] = {ProviderName.GOOGLE: GoogleBulk, ProviderName.MICROSOFT: MicrosoftBulk}


def custom_variant(provider: ProviderName, settings: Mapping[str, Any]) -> type[_Custom]:
    """Which of the ten a body is meant to be; what it lacks for that is then named by the check of its shape."""
    if provider in _BY_PROVIDER:
        return _BY_PROVIDER[provider]
    sent = {key for key, value in settings.items() if value is not None}
    # With both, the refresh token counts and the address is ignored.
    if "refresh_token" not in sent and "email_address" in sent and provider in _BULK:
        return _BULK[provider]
    if "credential_id" in sent:
        return CredentialOverride
    return ZoomMeetings if provider is ProviderName.ZOOM else RefreshToken


def patch_settings(provider: ProviderName, settings: dict[str, Any]) -> dict[str, Any]:
    """The credential keys of a form, checked as those of connect/custom are. Raises ValidationError."""
    keys, _, _ = _apart(_checked(provider, settings))
    return keys


def _checked(provider: ProviderName, settings: dict[str, Any]) -> Model:
    variant = custom_variant(provider, settings)
    shape: type[Model] = variant.model_fields["settings"].annotation  # type: ignore[assignment] # it is a Model
    return shape.model_validate(settings)


# ── Grants ───────────────────────────────────────────────────────────────────────────────────────────────────


class GrantTrouble(Model):
    """Why a grant does not work: for a moment, or for good when its grant_status is invalid."""

    class_: Annotated[
        Literal["reconnect", "connector", "provider_down", "rate_limited", "bad_request", "unknown"],
        Field(alias="class"),
    ]
    """Whose turn it is. reconnect: the mailbox owner's. connector: yours, about client id, secret or tenant.
    bad_request: yours, about the request. provider_down and rate_limited: nobody's. unknown: nobody knows."""
    reason: str
    """A stable word for programs: docs/operating.md lists them."""
    provider_code: str
    """The provider's own word."""
    provider_text: str | None = None
    """The provider's own sentence."""
    remedy: str
    """What to do next, and who."""
    first_seen: int
    last_seen: int
    failures: int
    """In a row."""
    suspected: bool
    """A refusal that will be asked about once more before it ends the grant."""
    held: bool
    """Many grants fail alike: the connector or its provider is looked into, and the grant stays valid meanwhile."""


class GrantHealth(Model):
    """What is known about a grant's credential."""

    proven_at: int | None = None
    """Unix seconds when the provider last accepted it."""
    next_check_at: int | None = None
    """Unix seconds when it is refreshed or proven next; absent when there is nothing to check."""
    refreshes: int
    """How often its provider has accepted it again since it was last authenticated or in trouble."""
    trouble: GrantTrouble | None = None
    missing_scopes: list[str] | None = None
    """What was asked for, by the request or else by the connector, and was not granted; absent when there is nothing
    such. A scope that a granted one covers is not among them; nor is any where the provider does not tell."""


class LiveToken(Model):
    """An access token of the provider that works now."""

    access_token: str = Field(repr=False)
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 -- a kind, not a token
    expires_at: int
    """Unix seconds."""
    scope: list[str]

    @staticmethod
    def of(live: Live) -> Answer:
        return {
            "access_token": live.access_token.get_secret_value(),
            "token_type": "Bearer",
            "expires_at": live.expires_at // SECOND,
            "scope": live.scope,
        }


class TokenBody(Model):
    """Both are optional."""

    model_config = examples({"minimum_ttl": 300, "reason": "nightly sync"})
    minimum_ttl: Annotated[int, Field(ge=0, le=3000), OrNull] = 60
    """Seconds that the token shall last at least; it is renewed first if it would not."""
    reason: Annotated[str, Field(max_length=200)] | None = None
    """For the audit trail: what it is needed for."""


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
    """Hosts, ports and user names where the provider has such; never a secret. Agent Accounts have
    `has_app_password`: whether IMAP and SMTP are open. `email_verified` is there, and false, where Microsoft does not
    vouch for the address."""
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
    email_aliases: list[str] | None = None
    """Other addresses of the mailbox, asked of Google or Microsoft just now; only with expose_aliases."""
    opengrant: GrantHealth
    """Our addition: proof of life, and the reason when something is wrong."""

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
        answer["opengrant"] = _health(grant)
        return answer


def _health(grant: GrantNoun) -> dict[str, Any]:
    health: dict[str, Any] = {}
    if grant.proven_at is not None:
        health["proven_at"] = grant.proven_at // SECOND
    if grant.due_at is not None:
        health["next_check_at"] = grant.due_at // SECOND
    health["refreshes"] = grant.refreshes
    if grant.trouble is not None:
        health["trouble"] = why(grant.trouble)
    if grant.missing_scopes:
        health["missing_scopes"] = grant.missing_scopes
    return health


class GrantPatch(Model):
    """At least one of the five. New settings are verified before they replace the old."""

    model_config = examples(
        {"name": "Ana", "external_id": "customer-42"},
        {"settings": {"refresh_token": "1//0example-refresh-token"}},
    )
    settings: dict[str, Any] | None = Field(default=None, repr=False)
    """The provider's credential keys, all of them, as in connect/custom: what is stored is replaced. Two may be left
    out: with a refresh token the credential_id, and the grant keeps to the client that it has; an Agent Account's
    app_password, which stays then, while null takes it away."""
    scope: AnyScopes = None
    """With new settings, what you rely on, as in connect/custom. Alone, it replaces the recorded list; what the
    provider permits does not change."""
    scopes: AnyScopes = None
    """The same as scope."""
    name: Name | None = None
    """Display name of the grant."""
    external_id: ExternalId | None = None
    """An id of your own; the grant then also answers to `external:<id>` in paths."""
    workspace_id: Id | None = None
    """Moves the grant to this workspace."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            raise ValueError("send at least one of settings, scope, name, external_id and workspace_id")
        return self

    def to_model(self, provider: ProviderName) -> Change:
        """Raises ValidationError when these are no settings of that provider."""
        keys, credential_id, scope = None, None, None
        if self.settings is not None:
            keys, credential_id, scope = _apart(_checked(provider, self.settings))
        return Change(
            settings=keys,
            credential_id=credential_id,
            scope=_first(self.scope, self.scopes, scope),
            name=self.name,
            external_id=self.external_id,
            workspace_id=self.workspace_id,
        )


class GrantShow(Model):
    expose_aliases: bool = False
    """Also ask the provider for the mailbox's other addresses. Left out when it cannot tell."""


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
    """By which time."""
    order_by: Literal["asc", "desc"] = "desc"
    """`desc`: the newest first."""
    since: _WHOLE | None = None
    """Created at or after, in Unix seconds."""
    before: _WHOLE | None = None
    """Created at or before, in Unix seconds."""
    email: _Filter | None = None
    """Exact, whatever the case."""
    email_prefix: _Filter | None = None
    """The beginning of the address, whatever the case. Ours; not in the vendor's wire."""
    troubled: bool | None = None
    """true: valid grants that are in trouble just now; false: all the others. Ours, too."""
    grant_status: Literal["valid", "invalid"] | None = None
    """`invalid`: the owner must connect again."""
    status: Literal["valid", "invalid"] | None = None
    """The same as grant_status."""
    provider: Annotated[_Filter, WithJsonSchema({"type": "string", "enum": list(ProviderName)})] | None = None
    """Only this provider's."""
    ip: _Filter | None = None
    """From which address the owner signed in."""
    workspace_id: _Filter | None = None
    """Only those in this workspace."""
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


class ClientSettings(_Settings):
    """The client that your users' refresh tokens were issued to."""

    client_id: _ClientId
    """As the provider shows it."""
    client_secret: _ClientSecret
    """Write-only: it is sealed, and never shown again."""


class GoogleConnectorSettings(ClientSettings):
    topic_name: Annotated[str, text(512)] | None = None
    """Pub/Sub topic for mail notifications."""


class MicrosoftConnectorSettings(ClientSettings):
    tenant: Annotated[Tenant, OrNull] = "common"
    """common, organizations, consumers, a tenant's GUID or its domain."""


class _ConnectorBody(Model):
    name: Name | None = None
    """For people."""
    scope: AnyScopes = None
    """Default scopes of grants made through this connector."""
    scopes: AnyScopes = None
    """The same as scope."""

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
            scope=_first(self.scope, self.scopes, getattr(settings, "scope", None), getattr(settings, "scopes", None)),
            active_credential_id=getattr(self, "active_credential_id", None),
        )


class GoogleConnector(_ConnectorBody):
    """**Google.** The OAuth client that your users' refresh tokens were issued to."""

    model_config = _named(
        "Google",
        {
            "provider": "google",
            "settings": {"client_id": "123-example.apps.googleusercontent.com", "client_secret": "GOCSPX-example"},
        },
    )
    provider: Literal["google"]
    """Which provider it is for."""
    settings: GoogleConnectorSettings
    """Your OAuth client at Google."""


class MicrosoftConnector(_ConnectorBody):
    """**Microsoft.** The app registration that your users' refresh tokens were issued to."""

    model_config = _named(
        "Microsoft",
        {
            "provider": "microsoft",
            "settings": {
                "client_id": "1f2e3d4c-0000-4000-8000-0000000000a1",
                "client_secret": "example~client~secret",
                "tenant": "common",
            },
        },
    )
    provider: Literal["microsoft"]
    """Which provider it is for."""
    settings: MicrosoftConnectorSettings
    """Your app registration at Microsoft."""


class YahooConnector(_ConnectorBody):
    """**Yahoo.** The OAuth client that your users' refresh tokens were issued to."""

    model_config = _named(
        "Yahoo",
        {"provider": "yahoo", "settings": {"client_id": "dj0yExample", "client_secret": "example-client-secret"}},
    )
    provider: Literal["yahoo"]
    """Which provider it is for."""
    settings: ClientSettings
    """Your app at the provider."""


class ZoomConnector(_ConnectorBody):
    """**Zoom.** The app that your users' refresh tokens were issued to; its scopes live at Zoom."""

    model_config = _named(
        "Zoom",
        {"provider": "zoom", "settings": {"client_id": "ExampleClientId", "client_secret": "example-client-secret"}},
    )
    provider: Literal["zoom"]
    """Which provider it is for."""
    settings: ClientSettings
    """Your app at the provider."""


class PlainConnectorSettings(_Settings):
    """These providers have no settings but the scopes."""


class PlainConnector(_ConnectorBody):
    """**Providers without a client of yours.** Need no settings."""

    model_config = _named("IMAP, iCloud, EWS, virtual calendar, Agent Accounts", {"provider": "imap"})
    provider: Literal["imap", "icloud", "ews", "virtual-calendar", "nylas"]
    """Which provider it is for."""
    settings: PlainConnectorSettings | None = None
    """None are needed."""


ConnectorVariant = GoogleConnector | MicrosoftConnector | YahooConnector | ZoomConnector | PlainConnector
CONNECTOR: dict[ProviderName, type[_ConnectorBody]] = {
    ProviderName.GOOGLE: GoogleConnector,
    ProviderName.MICROSOFT: MicrosoftConnector,
    ProviderName.YAHOO: YahooConnector,
    ProviderName.ZOOM: ZoomConnector,
    **dict.fromkeys(
        (
            ProviderName.IMAP,
            ProviderName.ICLOUD,
            ProviderName.EWS,
            ProviderName.VIRTUAL_CALENDAR,
            ProviderName.NYLAS,
        ),
        PlainConnector,
    ),
}


class ConnectorPatchSettings(_Settings):
    """Replaces what may be read; a client id or secret that is left out stays."""

    client_id: _ClientId | None = None
    """Left out: stays. Grants whose tokens another client got must connect again."""
    client_secret: _ClientSecret | None = None
    """Write-only. Left out: stays."""
    tenant: Tenant | None = None
    """Microsoft alone: common, organizations, consumers, a tenant's GUID or its domain. Left out: common."""
    topic_name: Annotated[str, text(512)] | None = None
    """Google alone: Pub/Sub topic for mail notifications. Left out: none."""


class ConnectorPatch(_ConnectorBody):
    """Omitted fields stay as they are."""

    model_config = examples(
        {"scope": ["openid", "https://www.googleapis.com/auth/userinfo.email"]},
        {"settings": {"client_secret": "GOCSPX-example-of-a-new-one"}},
    )
    settings: ConnectorPatchSettings | None = None
    """Replaces what may be read; a client id or secret that is left out stays."""
    active_credential_id: Id | None = None
    """A connector credential of this connector."""


# ── Credentials ──────────────────────────────────────────────────────────────────────────────────────────────


class Credential(Model):
    """A credential of a connector. What it holds is never shown."""

    id: str
    name: str
    created_at: int
    updated_at: int

    @staticmethod
    def of(credential: CredentialNoun) -> Answer:
        return {
            "id": credential.id,
            "name": credential.name,
            "created_at": credential.created_at // SECOND,
            "updated_at": credential.updated_at // SECOND,
        }


class ClientData(Model):
    """Another OAuth client."""

    client_id: _ClientId
    """As the provider shows it."""
    client_secret: _ClientSecret
    """Write-only: it is sealed, and never shown again."""
    tenant: Tenant | None = None
    """Microsoft only; without it, the connector's."""


def _pem(value: SecretStr) -> SecretStr:
    return SecretStr(value.get_secret_value().replace("\\n", "\n"))


class ServiceAccountData(Model):
    """A Google service account's key file; its other members are not needed and its token_uri is never used."""

    private_key_id: Annotated[str, text(512)]
    """Which of the account's keys it is."""
    private_key: Annotated[SecretStr, Field(min_length=1, max_length=16_384), AfterValidator(_pem)]
    """PEM."""
    client_email: Annotated[str, text(320)]
    """The account's address."""
    client_id: Annotated[str, text(512)] | None = None
    """The number to enter in the Admin console."""
    project_id: Annotated[str, text(512)] | None = None
    """Kept with the key."""


class AdminConsentData(Model):
    """A tenant that consented to your application; without a client, the connector's."""

    tenant: Tenant | None = None
    """Without it, administrators of any tenant may consent through hosted sign-in, and your redirect URI is told which
    tenant did; bulk grants need a credential that names it."""
    client_id: _ClientId | None = None
    """Of an application of its own; without it, the connector's."""
    client_secret: _ClientSecret | None = None
    """Write-only; together with client_id."""

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.client_id is None) != (self.client_secret is None):
            missing = "client_id" if self.client_id is None else "client_secret"
            raise ValueError(f"{missing} is missing: send both client_id and client_secret, or neither")
        return self


class _CredentialBody(Model):
    name: Name
    """For people; unique among the connector's credentials."""

    def to_model(self) -> CredentialDraft:
        data = sent_settings(self.credential_data)  # type: ignore[attr-defined] # every variant has its own
        return CredentialDraft(self.name, self.credential_type, data)  # type: ignore[attr-defined] # likewise


class ConnectorCredential(_CredentialBody):
    """**Another client** on the same connector."""

    model_config = _named(
        "Connector",
        {
            "name": "EU app",
            "credential_type": "connector",
            "credential_data": {
                "client_id": "456-example.apps.googleusercontent.com",
                "client_secret": "GOCSPX-example",
            },
        },
    )
    credential_type: Literal["connector"]
    """What kind of credential it is."""
    credential_data: ClientData
    """The client. Write-only."""


class ServiceAccountCredential(_CredentialBody):
    """**Google service account** with domain-wide delegation."""

    model_config = _named(
        "Service account",
        {
            "name": "Example Inc.",
            "credential_type": "serviceaccount",
            "credential_data": {
                "type": "service_account",
                "private_key_id": "ab12example",
                "private_key": "-----BEGIN PRIVATE KEY-----\nexample\n-----END PRIVATE KEY-----\n",
                "client_email": "opengrant@example-project.iam.gserviceaccount.com",
            },
        },
    )
    credential_type: Literal["serviceaccount"]
    """What kind of credential it is."""
    credential_data: ServiceAccountData
    """The key file. Write-only."""


class AdminConsentCredential(_CredentialBody):
    """**Microsoft admin consent** of one tenant."""

    model_config = _named(
        "Admin consent",
        {"name": "Contoso", "credential_type": "adminconsent", "credential_data": {"tenant": "contoso.example"}},
    )
    credential_type: Literal["adminconsent"]
    """What kind of credential it is."""
    credential_data: AdminConsentData
    """Which tenant, and with which application. Write-only."""


CredentialVariant = ConnectorCredential | ServiceAccountCredential | AdminConsentCredential
CREDENTIAL: dict[str, type[_CredentialBody]] = {
    "connector": ConnectorCredential,
    "serviceaccount": ServiceAccountCredential,
    "adminconsent": AdminConsentCredential,
}


class CredentialPatch(Model):
    """At least one of the two."""

    model_config = examples(
        {"name": "EU app"},
        {"credential_data": {"client_id": "456-example.apps.googleusercontent.com", "client_secret": "GOCSPX-example"}},
    )
    name: Name | None = None
    """For people; unique among the connector's credentials."""
    credential_data: dict[str, Any] | None = Field(default=None, repr=False)
    """Replaces what is held, as a whole; the keys of the credential's type."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.name is None and self.credential_data is None:
            raise ValueError("send name, credential_data or both")
        return self


def credential_data(type_: str, sent: dict[str, Any]) -> dict[str, Any]:
    """What a PATCH puts into a credential, checked as at its creation. Raises ValidationError."""
    shape: type[Model] = CREDENTIAL[type_].model_fields["credential_data"].annotation  # type: ignore[assignment] # a Model
    return sent_settings(shape.model_validate(sent))


class CredentialQuery(Paging):
    sort_by: Literal["created_at", "updated_at", "createdAt", "updatedAt"] = "created_at"
    """By which time, in either spelling."""
    order_by: Literal["asc", "desc"] = "desc"
    """`desc`: the newest first."""

    @property
    def order(self) -> Literal["created_at", "updated_at"]:
        return "created_at" if self.sort_by in {"created_at", "createdAt"} else "updated_at"


# ── Envelopes ────────────────────────────────────────────────────────────────────────────────────────────────


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


class OAuthError(Model):
    """Every answer of the token endpoints that is not a success."""

    error: str
    """OAuth's word for it, as in RFC 6749; decide by it."""
    error_description: str
    """For people: what is wrong and what to do next."""
    error_uri: str
    error_code: int
    request_id: str


class Health(Model):
    status: Literal["ok"]
