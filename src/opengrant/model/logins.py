"""What a mailbox is connected with: one record for each way in, checked, before its provider is asked.

Members have the names of the wire's `settings`. None is a member that was not sent.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pydantic import SecretStr

from opengrant.model.basics import ProviderName, ShownSettings
from opengrant.model.secrets import AppPasswordSecret, EwsSecret, ICloudSecret, ImapSecret, PasswordSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthLogin:
    """A refresh token that the caller holds. credential_id: whose client got it; None: the connector's active one."""

    provider: ProviderName
    refresh_token: SecretStr
    credential_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedLogin:
    """A hosted sign-in: the provider's code, or a proof that is stored until the application redeems its own code."""

    provider: ProviderName
    credential_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationLogin:
    """A mailbox that a credential of its organisation opens. tenant: None where the credential names it."""

    provider: ProviderName
    email_address: str
    credential_id: str | None = None
    tenant: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapLogin:
    """A password for IMAP and SMTP.

    email   the address, where imap_username is none
    proven  how an earlier proof of these settings went through
    shown   see NotShown
    """

    provider: ClassVar[ProviderName] = ProviderName.IMAP
    imap_username: str
    imap_password: SecretStr
    email: str | None = None
    imap_host: str | None = None
    imap_port: int | None = None
    smtp_host: str | None = None
    smtp_port: int | None = None
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    type: str | None = None
    proven: ImapSecret | None = None
    shown: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ICloudLogin:
    """An app-specific password. imap_login: the user name that worked for IMAP before."""

    provider: ClassVar[ProviderName] = ProviderName.ICLOUD
    username: str
    password: SecretStr
    imap_login: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EwsLogin:
    """An account of an Exchange server. ews_url: the endpoint that worked before; shown: see NotShown."""

    provider: ClassVar[ProviderName] = ProviderName.EWS
    ews_username: str
    ews_password: SecretStr
    email: str | None = None
    ews_host: str | None = None
    ews_port: int | None = None
    ews_url: str | None = None
    shown: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentAccountLogin:
    """A mailbox that lives here.

    app_password         the new one; None: a stored one stays
    drops_app_password   there is to be none
    """

    provider: ClassVar[ProviderName] = ProviderName.NYLAS
    email: str
    app_password: SecretStr | None = None
    drops_app_password: bool = False
    policy_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualCalendarLogin:
    """A calendar that lives here. email: its identifier."""

    provider: ClassVar[ProviderName] = ProviderName.VIRTUAL_CALENDAR
    email: str


PasswordLogin = ImapLogin | ICloudLogin | EwsLogin | AgentAccountLogin | VirtualCalendarLogin
"""What a provider verifies without a token."""
MailboxLogin = OAuthLogin | HostedLogin | OrganisationLogin | PasswordLogin


class NotShown(Exception):
    """The password would go to a server that its owner has not been shown. It was not sent.

    A login names in `shown` what its owner has seen; those that it names itself need not be among them. None: the
    caller holds the password, and is not asked. `*.example.com` stands for any server under this domain.
    servers  where the password would go
    """

    def __init__(self, servers: Iterable[str]) -> None:
        super().__init__("The password would go to a server that was not shown.")
        self.servers = tuple(dict.fromkeys(servers))


def require_shown(shown: tuple[str, ...] | None, *servers: str, of: Iterable[str] = ()) -> None:
    """Raises NotShown unless all servers were shown. `of`: all that the password goes to, where it is more."""
    if shown is None or all(_covered(server.lower(), shown) for server in servers):
        return
    raise NotShown((*of, *servers))


def _covered(server: str, shown: tuple[str, ...]) -> bool:
    return any(
        server == one or (one.startswith("*.") and (server == one[2:] or server.endswith(one[1:])))
        for one in map(str.lower, shown)
    )


def again(settings: ShownSettings, secret: PasswordSecret | AppPasswordSecret) -> PasswordLogin:
    """The login that proves a stored credential once more. settings: those of its grant."""
    match secret:
        case ImapSecret():
            return ImapLogin(
                **_named(settings, *_IMAP), imap_password=secret.imap_password, smtp_password=secret.smtp_password,
                proven=secret,
            )  # fmt: skip
        case ICloudSecret():
            return ICloudLogin(**_named(settings, "username"), password=secret.password, imap_login=secret.imap_login)
        case EwsSecret():
            return EwsLogin(**_named(settings, *_EWS), ews_password=secret.ews_password, ews_url=secret.ews_url)
        case AppPasswordSecret():
            return AgentAccountLogin(**_named(settings, "email"))


def to_change(settings: ShownSettings, secret: PasswordSecret) -> PasswordLogin:
    """The login as its user would send it again, for a change that names only what is new."""
    match secret:
        case ImapSecret():
            # One password may serve both servers, and then a new one does so, too.
            other = None if secret.smtp_password == secret.imap_password else secret.smtp_password
            return ImapLogin(**_named(settings, *_IMAP), imap_password=secret.imap_password, smtp_password=other)
        case ICloudSecret():
            return ICloudLogin(**_named(settings, "username"), password=secret.password)
        case EwsSecret():
            named = EwsLogin(**_named(settings, *_EWS), ews_password=secret.ews_password)
            return named if secret.ews_url is None else replace(named, ews_host=secret.ews_url)


_IMAP = ("imap_username", "email", "imap_host", "imap_port", "smtp_host", "smtp_port", "smtp_username", "type")
_EWS = ("ews_username", "email", "ews_host", "ews_port")


def _named(settings: ShownSettings, *names: str) -> dict[str, Any]:
    return {name: settings[name] for name in names if name in settings}
