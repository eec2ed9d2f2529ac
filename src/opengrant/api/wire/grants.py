"""Grants on the wire: the bodies that make and change them, and what an answer shows."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints, WithJsonSchema, model_validator

from opengrant.api.wire.fields import (
    Answer,
    AnyScopes,
    ExternalId,
    Host,
    Id,
    Login,
    Maybe,
    Model,
    Name,
    OrBlank,
    OrNull,
    Password,
    Port,
    RefreshTokenText,
    Settings,
    State,
    Tenant,
    absent,
    examples,
    first_sent,
    named,
    none_if_empty,
    refuse_policies,
    text,
    trim,
    trimmed,
)
from opengrant.api.wire.pagination import Paging
from opengrant.events.payloads import why
from opengrant.grants.manage import GrantChange
from opengrant.grants.refresh.live_token import Live
from opengrant.grants.refresh.source_health import Degraded, Shown
from opengrant.model import ENDS_AT, SECOND, CustomConnect, ProviderName, logins
from opengrant.model import Grant as GrantNoun
from opengrant.model.logins import (
    AgentAccountLogin,
    MailboxLogin,
    OAuthLogin,
    OrganisationLogin,
    PasswordLogin,
    VirtualCalendarLogin,
)


class RefreshTokenSettings(Settings):
    """A refresh token that the mailbox owner's consent gave you."""

    # Together with credential_id it is another variant; a oneOf wants exactly one that fits.
    model_config = ConfigDict(json_schema_extra={"not": {"required": ["credential_id"]}})
    refresh_token: RefreshTokenText
    """The OAuth refresh token, issued to the client of this connector."""

    def to_login(self, provider: ProviderName) -> OAuthLogin:
        return OAuthLogin(provider=provider, refresh_token=self.refresh_token)


class OverrideSettings(Settings):
    """A refresh token that another client than the connector's active one obtained."""

    refresh_token: RefreshTokenText
    """The OAuth refresh token, issued to the client of that credential."""
    credential_id: Id
    """A credential of type connector; its client is used now and at every later refresh."""

    def to_login(self, provider: ProviderName) -> OAuthLogin:
        return OAuthLogin(provider=provider, refresh_token=self.refresh_token, credential_id=self.credential_id)


class BulkSettings(Settings):
    """A mailbox of an organisation that has admitted your application as a whole."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["refresh_token"]}})
    email_address: Annotated[str, trimmed(320)]
    """The mailbox."""
    credential_id: Id
    """The credential that the organisation admitted."""

    def to_login(self, provider: ProviderName) -> OrganisationLogin:
        return OrganisationLogin(provider=provider, email_address=self.email_address, credential_id=self.credential_id)


class MicrosoftBulkSettings(BulkSettings):
    """A mailbox of a tenant whose administrator consented to your application."""

    tenant: Maybe[Tenant] = None
    """The id or a domain of the tenant, when the credential names none: one application may have many tenants. The
    grant keeps it."""

    def to_login(self, provider: ProviderName) -> OrganisationLogin:
        return replace(super().to_login(provider), tenant=self.tenant)


class GoogleBulkSettings(BulkSettings):
    """A mailbox of a Google Workspace that delegated its domain to your service account."""

    scopes: AnyScopes = None
    """The same as the top-level scope. All of them must be delegated, or none is granted."""


class ImapSettings(Settings):
    """A mail server login. Hosts and ports that are left out are looked up by the address."""

    imap_username: Login
    """Login name, usually the full address; it becomes the grant's email, unless it is no address."""
    email: Maybe[Annotated[str, trimmed(320)]] = None
    """The mailbox's address, where imap_username is none."""
    imap_password: Password
    """Password, or app password where the provider wants one."""
    imap_host: Maybe[Host] = None
    """Needed for servers that publish no settings."""
    imap_port: Maybe[Port] = None
    """993 and 465 speak TLS at once, 143 and 587 after STARTTLS; other ports are tried both ways."""
    smtp_host: Maybe[Host] = None
    """Where mail is submitted; checked with a login too. Needed with other smtp_ settings unless it can be found."""
    smtp_port: Maybe[Port] = None
    """See imap_port."""
    smtp_username: Maybe[Login] = None
    """When it differs from imap_username."""
    smtp_password: Annotated[Password | None, BeforeValidator(none_if_empty)] = None
    """When it differs from imap_password."""
    type: Maybe[Annotated[str, trimmed(64)]] = None
    """A label of the service, returned as sent."""

    def to_login(self, _: ProviderName) -> logins.ImapLogin:
        return logins.ImapLogin(
            imap_username=self.imap_username,
            email=self.email,
            imap_password=self.imap_password,
            imap_host=self.imap_host,
            imap_port=self.imap_port,
            smtp_host=self.smtp_host,
            smtp_port=self.smtp_port,
            smtp_username=self.smtp_username,
            smtp_password=self.smtp_password,
            type=self.type,
        )


class ICloudSettings(Settings):
    """An iCloud account with an app-specific password."""

    username: Login
    """The iCloud address."""
    password: Password
    """An app-specific password (xxxx-xxxx-xxxx-xxxx); the Apple Account's own password never works."""

    def to_login(self, _: ProviderName) -> logins.ICloudLogin:
        return logins.ICloudLogin(username=self.username, password=self.password)


class EwsSettings(Settings):
    """An account on an Exchange server of your own. The host is found by Autodiscover when it is left out."""

    email: Maybe[Annotated[str, trimmed(320)]] = None
    """The mailbox; without it, ews_username."""
    ews_username: Login
    """Usually the address; DOMAIN\\user works too."""
    ews_password: Password
    """The password of the account."""
    ews_host: Maybe[Annotated[str, trimmed(1024)]] = None
    """A host name, or the whole URL of Exchange.asmx."""
    ews_port: Annotated[Port, OrNull, OrBlank] = 443

    def to_login(self, _: ProviderName) -> logins.EwsLogin:
        return logins.EwsLogin(
            email=self.email,
            ews_username=self.ews_username,
            ews_password=self.ews_password,
            ews_host=self.ews_host,
            ews_port=self.ews_port,
        )


class AgentSettings(Settings):
    """A mailbox that is hosted here, on a domain you have registered and verified."""

    email: Annotated[
        str,
        StringConstraints(min_length=3, max_length=254, pattern=r"^[^\x00-\x20\x7f@]+@[^\x00-\x20\x7f@]+$"),
        BeforeValidator(trim),
    ]
    """An address on a registered domain. It is kept and shown with the domain in lower-cased A-labels."""
    app_password: Annotated[SecretStr, Field(min_length=18, max_length=40)] | None = None
    """Opens IMAP and SMTP. 18 to 40 printable ASCII characters with an upper-case and a lower-case letter and a digit.
    Kept only as a bcrypt hash; without one there is no IMAP and SMTP access. For an account that exists: left out, its
    password stays; a new one replaces it; null takes it away. The grant's `settings.has_app_password` tells."""
    policy_id: Maybe[Id] = None
    """There are no policies yet: refused."""

    NULL_TAKES_AWAY: ClassVar[frozenset[str]] = frozenset({"app_password"})

    def to_login(self, _: ProviderName) -> AgentAccountLogin:
        """Raises InvalidRequest: there are no policies."""
        refuse_policies(self.policy_id, within="settings.")
        named = "app_password" in self.model_fields_set
        return AgentAccountLogin(
            email=self.email,
            app_password=self.app_password,
            drops_app_password=named and self.app_password is None,
            policy_id=self.policy_id,
        )


class VirtualCalendarSettings(Settings):
    """A calendar that lives here and belongs to nobody's account."""

    email: Annotated[str, text(512)]
    """Any identifier, compared as given; it need not be an address."""

    def to_login(self, _: ProviderName) -> VirtualCalendarLogin:
        return VirtualCalendarLogin(email=self.email)


_ConnectSettings = (
    RefreshTokenSettings
    | OverrideSettings
    | BulkSettings
    | ImapSettings
    | ICloudSettings
    | EwsSettings
    | AgentSettings
    | VirtualCalendarSettings
)


class _Custom(Model):
    """What all variants share."""

    scope: AnyScopes = None
    """Scopes you rely on; without it, the connector's default. Those that were not granted stand in the grant's
    `opengrant.missing_scopes`."""
    scopes: AnyScopes = None
    """The same as scope."""
    state: State | None = None
    """Returned unchanged in the grant."""
    name: Maybe[Name] = None
    """Display name of the grant."""
    workspace_id: Maybe[Id] = None
    """Where the grant goes; without it, the workspace of its domain or the default one."""
    external_id: Maybe[ExternalId] = None
    """An id of your own; the grant then also answers to `external:<id>` in paths."""

    def to_model(self) -> CustomConnect:
        """Raises InvalidRequest."""
        settings: _ConnectSettings = self.settings  # type: ignore[attr-defined] # every variant has its own
        return CustomConnect(
            login=settings.to_login(ProviderName(self.provider)),  # type: ignore[attr-defined] # likewise
            scope=first_sent(self.scope, self.scopes, settings.scope, settings.scopes),
            state=self.state,
            name=self.name,
            workspace_id=self.workspace_id,
            external_id=self.external_id,
        )


class RefreshToken(_Custom):
    """**Refresh token.** It is exchanged, and its owner read from the id_token or the provider's profile.

    Google needs the scopes `openid` and `userinfo.email`, or a Gmail scope; Yahoo `openid` and `email`. Microsoft
    hands out a new refresh token with each use: the new one is kept here.
    """

    model_config = named(
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

    model_config = named(
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

    model_config = named(
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

    model_config = named(
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

    model_config = named(
        "Zoom Meetings", {"provider": "zoom", "settings": {"refresh_token": "example-zoom-refresh-token"}}
    )
    provider: Literal["zoom"]
    """Which provider the mailbox is at."""
    settings: RefreshTokenSettings
    """What proves the mailbox."""


class ImapLogin(_Custom):
    """**IMAP and SMTP.** Both logins are tried; nothing in the mailbox is opened or sent."""

    model_config = named(
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
    email: Maybe[Annotated[str, trimmed(320)]] = None
    """The same as settings.email, which comes first."""

    def to_model(self) -> CustomConnect:
        ask = super().to_model()
        if self.email is None or not isinstance(ask.login, logins.ImapLogin) or ask.login.email is not None:
            return ask
        return replace(ask, login=replace(ask.login, email=self.email))


class ICloudLogin(_Custom):
    """**iCloud.** Proven by IMAP and by CalDAV; needs an app-specific password."""

    model_config = named(
        "iCloud",
        {"provider": "icloud", "settings": {"username": "fay@icloud.com", "password": "abcd-efgh-ijkl-mnop"}},
    )
    provider: Literal["icloud"]
    """Which provider the mailbox is at."""
    settings: ICloudSettings
    """How to log in."""


class EwsLogin(_Custom):
    """**Exchange on premises.** Proven by one call of Exchange Web Services, with Basic or NTLM."""

    model_config = named(
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

    model_config = named(
        "Virtual calendar", {"provider": "virtual-calendar", "settings": {"email": "room-7"}, "state": "floor-2"}
    )
    provider: Literal["virtual-calendar"]
    """Which provider the mailbox is at."""
    settings: VirtualCalendarSettings
    """Which calendar."""


class AgentAccount(_Custom):
    """**Agent Account.** A mailbox hosted here, on a domain that is registered and verified."""

    model_config = named(
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
    sent = {key for key, value in settings.items() if absent(value) is not None}
    # With both, the refresh token counts and the address is ignored.
    if "refresh_token" not in sent and "email_address" in sent and provider in _BULK:
        return _BULK[provider]
    if "credential_id" in sent:
        return CredentialOverride
    return ZoomMeetings if provider is ProviderName.ZOOM else RefreshToken


def password_login(provider: ProviderName, settings: dict[str, Any]) -> PasswordLogin:
    """A form of hosted sign-in, checked as the settings of connect/custom are. Raises ValidationError."""
    login = _checked(provider, settings).to_login(provider)
    assert isinstance(login, PasswordLogin), "a form asks for a password"
    return login


def _checked(provider: ProviderName, settings: dict[str, Any]) -> _ConnectSettings:
    variant = custom_variant(provider, settings)
    shape: type[_ConnectSettings] = variant.model_fields["settings"].annotation  # type: ignore[assignment] # it is a Model
    return shape.model_validate(settings)


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
    """In a row. 0: of the grant itself there is none, it is its source that fails or wants a pause."""
    suspected: bool
    """A refusal that will be asked about once more before it ends the grant."""
    held: bool
    """Many grants fail alike: the connector or its provider is looked into, and the grant stays valid meanwhile."""
    needs_attention: bool | None = None
    """true: it has failed for days (OPENGRANT_REFRESH__ATTENTION_AFTER) with answers that prove nothing, so a person
    has to look at the provider's own words. The grant stays valid."""


class GrantDegraded(Model):
    """What a grant shares its fate with: its credential or connector, of a password its mail host."""

    since: int
    """Unix seconds since when it is held to blame."""
    host: str | None = None
    """The mail host; absent when it is the credential or connector."""
    class_: Annotated[str, Field(alias="class")]
    """As in trouble."""
    reason: str
    provider_code: str | None = None
    remedy: str
    probe_at: int | None = None
    """Unix seconds when it is tried again."""


class GrantHealth(Model):
    """What is known about a grant's credential."""

    proven_at: int | None = None
    """Unix seconds when the provider last accepted it."""
    next_check_at: int | None = None
    """Unix seconds when it is refreshed or proven next; absent when there is nothing to check."""
    refreshes: int
    """How often its provider has accepted it again since it was last authenticated or in trouble."""
    refresh_token_expires_at: int | None = None
    """Unix seconds when the refresh token ends, whatever is done: the owner must sign in again before. Google names a
    time for apps in testing (seven days) and for access that was given for a time."""
    trouble: GrantTrouble | None = None
    """Stays until something succeeds. A grant that has none of its own has that of its source, while that is degraded
    or its provider wants a pause for it."""
    degraded: GrantDegraded | None = None
    """There while many grants of the same source fail alike, so that the source is to blame."""
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
    def of(grant: GrantNoun, degraded: Degraded | None = None) -> Answer:
        answer: Answer = {
            "id": grant.id,
            "provider": grant.provider,
            "scope": grant.scope,
            "grant_status": grant.status,
            "email": grant.email,
            "settings": {name: value for name, value in grant.settings.items() if name != ENDS_AT},
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
        answer["opengrant"] = _health(grant, degraded)
        return answer

    @staticmethod
    def shown(shown: Shown) -> Answer:
        """As its source is, too."""
        return Grant.of(shown.grant, shown.degraded)


def _health(grant: GrantNoun, degraded: Degraded | None) -> dict[str, Any]:
    health: dict[str, Any] = {}
    if grant.proven_at is not None:
        health["proven_at"] = grant.proven_at // SECOND
    if grant.due_at is not None:
        health["next_check_at"] = grant.due_at // SECOND
    health["refreshes"] = grant.refreshes
    if (ends_at := grant.settings.get(ENDS_AT)) is not None:
        health["refresh_token_expires_at"] = ends_at
    if grant.trouble is not None:
        health["trouble"] = why(grant.trouble)
        if grant.attention_at is not None:
            health["trouble"]["needs_attention"] = True
    if grant.missing_scopes:
        health["missing_scopes"] = grant.missing_scopes
    if degraded is not None:
        health["degraded"] = _degraded(degraded)
    return health


def _degraded(source: Degraded) -> dict[str, Any]:
    told = source.said
    found = {
        "since": source.since // SECOND,
        "host": source.host,
        "class": told["class"],
        "reason": told["reason"],
        "provider_code": told["code"] or None,
        "remedy": told["remedy"],
        "probe_at": None if source.probe_at is None else source.probe_at // SECOND,
    }
    return {name: value for name, value in found.items() if value is not None}


class GrantPatch(Model):
    """At least one of the five. New settings are verified before they replace the old."""

    model_config = examples(
        {"name": "Ana", "external_id": "customer-42"},
        {"settings": {"refresh_token": "1//0example-refresh-token"}},
    )
    settings: dict[str, Any] | None = Field(default=None, repr=False)
    """The provider's credential keys, as in connect/custom. What is left out, the grant has: its hosts, ports and user
    names, a password, the mailbox of an Agent Account or of an organisation. So one new member is enough, such as
    `imap_password`. With a refresh token the grant keeps to the client that it has unless credential_id is there; an
    Agent Account's app_password stays where it is left out, and null takes it away. A virtual calendar is named by its
    identifier. A stored password goes to another server only for API keys with the permission `grants.token`."""
    scope: AnyScopes = None
    """With new settings, what you rely on, as in connect/custom. Alone, it replaces the recorded list; what the
    provider permits does not change."""
    scopes: AnyScopes = None
    """The same as scope."""
    name: Maybe[Name] = None
    """Display name of the grant."""
    external_id: Maybe[ExternalId] = None
    """An id of your own; the grant then also answers to `external:<id>` in paths."""
    workspace_id: Maybe[Id] = None
    """Moves the grant to this workspace."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            raise ValueError("send at least one of settings, scope, name, external_id and workspace_id")
        return self

    def to_model(self, provider: ProviderName, held: Mapping[str, Any]) -> GrantChange:
        """held: what the grant has, for what is not sent. Raises ValidationError when these are no settings of that
        provider."""
        settings = None if self.settings is None else _checked(provider, _laid_over(held, self.settings))
        inside = (None, None) if settings is None else (settings.scope, settings.scopes)
        return GrantChange(
            login=None if settings is None else settings.to_login(provider),
            scope=first_sent(self.scope, self.scopes, *inside),
            name=self.name,
            external_id=self.external_id,
            workspace_id=self.workspace_id,
        )


_TAKES_AWAY = AgentSettings.NULL_TAKES_AWAY
_SERVERS = {"imap_host": "imap_password", "smtp_host": "smtp_password", "ews_host": "ews_password"}


def settings_of(login: MailboxLogin | None) -> dict[str, Any]:
    """A login as the settings that would be sent for it, without what is None."""
    if login is None:
        return {}
    names = (one.name for one in fields(login) if one.name not in {"provider", "drops_app_password", "proven"})
    return {name: value for name in names if (value := getattr(login, name)) is not None}


def _laid_over(held: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent over what the grant has; null and blank count as not sent. A refresh token stands for itself."""
    if sent.get("refresh_token") is not None:
        return dict(sent)
    named = {name: value for name, value in sent.items() if absent(value) is not None or name in _TAKES_AWAY}
    if not named:
        return {}
    if "ews_port" in named and "ews_host" not in named and "ews_host" in held:
        held = {**held, "ews_host": urlsplit(str(held["ews_host"])).hostname}
    return {**held, **named}


def sends_elsewhere(patch: GrantPatch, held: Mapping[str, Any]) -> bool:
    """Whether a password that is stored would go to a server that the request names and the grant does not have."""
    sent = {} if patch.settings is None else patch.settings
    one_for_both = "smtp_password" not in held
    for host, password in _SERVERS.items():
        named, there = trim(sent.get(host)), held.get(host)
        other = isinstance(named, str) and named and _hostname(named) != _hostname(str(there or ""))
        shared = host == "smtp_host" and one_for_both
        own = sent.get(password) or (shared and sent.get("imap_password"))
        if other and not own and (password in held or (shared and "imap_password" in held)):
            return True
    return False


def _hostname(text: str) -> str:
    return (urlsplit(text).hostname or "" if "://" in text else text).lower().removesuffix(".")


class GrantShow(Model):
    expose_aliases: bool = False
    """Also ask the provider for the mailbox's other addresses. Left out when it cannot tell."""


_WHOLE = Annotated[int, Field(ge=0, le=253_402_300_799)]
"""Unix seconds up to the year 9999."""


_Filter = Annotated[str, trimmed(512)]


class GrantQuery(Paging):
    sort_by: Literal["created_at", "updated_at"] = "created_at"
    """By which time."""
    order_by: Literal["asc", "desc"] = "desc"
    """`desc`: the newest first."""
    since: _WHOLE | None = None
    """Created at or after, in Unix seconds."""
    before: _WHOLE | None = None
    """Created at or before, in Unix seconds."""
    email: Annotated[str, text(512)] | None = None
    """Exact, whatever the case and the spelling of the domain."""
    email_prefix: Annotated[str, text(512)] | None = None
    """The beginning of the address, whatever the case. Ours; not in the vendor's wire."""
    troubled: bool | None = None
    """true: valid grants that are in trouble just now, be it that of their source; false: all the others. Ours, too."""
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
