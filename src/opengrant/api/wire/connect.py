"""The bodies of POST /v3/connect/custom: ten variants, and which one a body is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from opengrant.api.wire.connect_settings import (
    AgentSettings,
    ConnectSettings,
    EwsSettings,
    GoogleBulkSettings,
    ICloudSettings,
    ImapSettings,
    MicrosoftBulkSettings,
    OverrideSettings,
    RefreshTokenSettings,
    VirtualCalendarSettings,
)
from opengrant.api.wire.fields import (
    AnyScopes,
    ExternalId,
    GrantId,
    Id,
    Maybe,
    Model,
    Name,
    State,
    absent,
    first_sent,
    named,
    trimmed,
)
from opengrant.model import CustomConnect, ProviderName, logins
from opengrant.model.logins import PasswordLogin

_NAMED = {name.value: name for name in ProviderName}


class ConnectBody(Model):
    """The fields of all variants."""

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
    grant_id: Maybe[GrantId] = None
    """The id that the grant shall have: a UUID in lower case, such as that of a grant elsewhere. Refused if another
    grant has it, or the mailbox has another one. Needs the permission `grants.import`."""

    def to_model(self) -> CustomConnect:
        """Raises InvalidRequest."""
        settings: ConnectSettings = self.settings  # type: ignore[attr-defined] # every variant has its own
        return CustomConnect(
            login=settings.to_login(_NAMED[self.provider]),  # type: ignore[attr-defined] # likewise
            scope=first_sent(self.scope, self.scopes, settings.scope, settings.scopes),
            state=self.state,
            name=self.name,
            workspace_id=self.workspace_id,
            external_id=self.external_id,
            grant_id=self.grant_id,
        )


class RefreshToken(ConnectBody):
    """A mailbox at Google, Microsoft or Yahoo whose owner gave consent to your app.

    The refresh token is exchanged, and its owner is read from the ID token or the provider's profile. Google needs the
    scopes `openid` and `userinfo.email`, or a Gmail scope; Yahoo `openid` and `email`. Microsoft gives a new refresh
    token with each use: the new one is kept here.
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


class CredentialOverride(ConnectBody):
    """A refresh token of another client of yours than the connector's.

    The other client is stored as a credential of the connector. Its id and secret are used for this grant.
    """

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


class MicrosoftBulk(ConnectBody):
    """A mailbox of a Microsoft tenant whose administrator gave consent for all of them.

    Its owner does not sign in. Graph is asked for the mailbox, because a token alone proves nothing.
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


class GoogleBulk(ConnectBody):
    """A mailbox of a Google Workspace that delegated its domain to your service account.

    Its owner does not sign in.
    """

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


class ZoomMeetings(ConnectBody):
    """A Zoom account, for its meetings.

    Zoom's refresh tokens can be used once: the one that you send is used, and its successor is kept here. The app needs
    `user:read:user` beside the three meeting scopes. Without it, the token's owner cannot be found.
    """

    model_config = named(
        "Zoom Meetings", {"provider": "zoom", "settings": {"refresh_token": "example-zoom-refresh-token"}}
    )
    provider: Literal["zoom"]
    """Which provider the mailbox is at."""
    settings: RefreshTokenSettings
    """What proves the mailbox."""


class ImapLogin(ConnectBody):
    """A mailbox at any mail server, with its password or an app password.

    Logs in to IMAP and SMTP. Nothing in the mailbox is opened or sent. Hosts and ports that are left out are found by
    the address.
    """

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


class ICloudLogin(ConnectBody):
    """An iCloud account, with an app-specific password.

    Logs in to IMAP and CalDAV.
    """

    model_config = named(
        "iCloud",
        {"provider": "icloud", "settings": {"username": "fay@icloud.com", "password": "abcd-efgh-ijkl-mnop"}},
    )
    provider: Literal["icloud"]
    """Which provider the mailbox is at."""
    settings: ICloudSettings
    """How to log in."""


class EwsLogin(ConnectBody):
    """A mailbox on an Exchange server of your own, with its password.

    One call of Exchange Web Services proves it, with Basic or NTLM.
    """

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


class VirtualCalendar(ConnectBody):
    """A calendar without a mailbox, for a room, a machine or a team.

    It needs no provider and no credentials.
    """

    model_config = named(
        "Virtual calendar", {"provider": "virtual-calendar", "settings": {"email": "room-7"}, "state": "floor-2"}
    )
    provider: Literal["virtual-calendar"]
    """Which provider the mailbox is at."""
    settings: VirtualCalendarSettings
    """Which calendar."""


class AgentAccount(ConnectBody):
    """A mailbox on this server, for an agent or another program.

    Its domain must be registered and verified.
    """

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
_BY_PROVIDER: dict[ProviderName, type[ConnectBody]] = {
    ProviderName.IMAP: ImapLogin,
    ProviderName.ICLOUD: ICloudLogin,
    ProviderName.EWS: EwsLogin,
    ProviderName.VIRTUAL_CALENDAR: VirtualCalendar,
    ProviderName.NYLAS: AgentAccount,
}
_BULK: dict[ProviderName, type[ConnectBody]] = {ProviderName.GOOGLE: GoogleBulk, ProviderName.MICROSOFT: MicrosoftBulk}


def custom_variant(provider: ProviderName, settings: Mapping[str, Any]) -> type[ConnectBody]:
    """Choose one of the ten variants by the keys that were sent, so that an error names the fields of that variant."""
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
    """Check a form of hosted sign-in as the settings of connect/custom. Raises ValidationError."""
    login = check_settings(provider, settings).to_login(provider)
    assert isinstance(login, PasswordLogin), "a form asks for a password"
    return login


def check_settings(provider: ProviderName, settings: dict[str, Any]) -> ConnectSettings:
    variant = custom_variant(provider, settings)
    shape: type[ConnectSettings] = variant.model_fields["settings"].annotation  # type: ignore[assignment] # it is a Model
    return shape.model_validate(settings)
