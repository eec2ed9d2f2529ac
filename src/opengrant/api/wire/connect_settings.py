"""The `settings` of POST /v3/connect/custom: one shape for each way in, and the login that it stands for."""

from dataclasses import replace
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints

from opengrant.api.wire.fields import (
    AnyScopes,
    Host,
    Id,
    Login,
    Maybe,
    OrBlank,
    OrNull,
    Password,
    Port,
    RefreshTokenText,
    Settings,
    Tenant,
    none_if_empty,
    refuse_policies,
    text,
    trim,
    trimmed,
)
from opengrant.model import ProviderName, logins
from opengrant.model.logins import AgentAccountLogin, OAuthLogin, OrganisationLogin, VirtualCalendarLogin


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
    """A calendar that this server keeps; no provider account is behind it."""

    email: Annotated[str, text(512)]
    """Any identifier, compared as given; it need not be an address."""

    def to_login(self, _: ProviderName) -> VirtualCalendarLogin:
        return VirtualCalendarLogin(email=self.email)


ConnectSettings = (
    RefreshTokenSettings
    | OverrideSettings
    | BulkSettings
    | ImapSettings
    | ICloudSettings
    | EwsSettings
    | AgentSettings
    | VirtualCalendarSettings
)
