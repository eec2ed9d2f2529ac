"""What each provider can do: one typed mapping for each capability."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from opengrant.errors import InvalidRequest
from opengrant.model import (
    EwsSecret,
    ICloudSecret,
    ImapSecret,
    OrganisationCredential,
    PasswordSecret,
    ProviderName,
    ServiceAccountKey,
    TenantClient,
    Verified,
)
from opengrant.model.basics import ShownSettings
from opengrant.model.logins import (
    AgentAccountLogin,
    EwsLogin,
    ICloudLogin,
    ImapLogin,
    PasswordLogin,
    VirtualCalendarLogin,
)
from opengrant.model.stored_logins import MailServers, StoredLogin
from opengrant.providers.base import (
    AsksAdministrators,
    CodeProvider,
    ListsAliases,
    Mints,
    PasswordProvider,
    ProvesClient,
    ProvesTenant,
    Reaches,
    Revokes,
    TokenProvider,
    Verifies,
)
from opengrant.providers.minted import Minted

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """The verifier of each kind of login that has no token."""

    imap: PasswordProvider[ImapLogin, ImapSecret]
    icloud: PasswordProvider[ICloudLogin, ICloudSecret]
    ews: PasswordProvider[EwsLogin, EwsSecret]
    agent_account: Verifies[AgentAccountLogin]
    virtual_calendar: Verifies[VirtualCalendarLogin]

    async def verify(self, login: PasswordLogin) -> Verified:
        """Raises ProviderFailure, InvalidRequest, Overloaded."""
        match login:
            case ImapLogin():
                return await self.imap.verify(login)
            case ICloudLogin():
                return await self.icloud.verify(login)
            case EwsLogin():
                return await self.ews.verify(login)
            case AgentAccountLogin():
                return await self.agent_account.verify(login)
            case VirtualCalendarLogin():
                return await self.virtual_calendar.verify(login)

    async def servers(self, login: PasswordLogin, *, search: bool) -> tuple[str, ...]:
        """The hosts that its password goes to, as NamesServers has it. Raises ProviderFailure, InvalidRequest."""
        match login:
            case ImapLogin():
                return await self.imap.servers(login, search=search)
            case ICloudLogin():
                return await self.icloud.servers(login, search=search)
            case EwsLogin():
                return await self.ews.servers(login, search=search)
            case _:
                return ()  # it is kept here

    def stored_login(self, settings: ShownSettings, secret: PasswordSecret) -> StoredLogin:
        """settings: those of the secret's grant."""
        match secret:
            case ImapSecret():
                return self.imap.stored_login(settings, secret)
            case ICloudSecret():
                return self.icloud.stored_login(settings, secret)
            case EwsSecret():
                return self.ews.stored_login(settings, secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """Built once, in assembly/. A provider has a capability by being in its mapping.

    tokens          refreshes tokens and says whose they are
    codes           sends users to a consent page and exchanges the code
    passwords       proves passwords, or accepts what needs none
    service_accounts, tenant_clients  make tokens for the mailboxes of an organisation, by the kind of its credential
    administrators  has a consent page for the administrator of a tenant
    tenants         says which tenant gives a token
    clients         has its client accepted while no user takes part
    servers         has a server that answers without a credential
    revokes         revokes tokens
    aliases         lists the other addresses of a mailbox
    mail_servers    where its mailboxes are reached by IMAP and SMTP with the live token
    """

    passwords: Passwords
    tokens: Mapping[ProviderName, TokenProvider] = field(default_factory=dict)
    codes: Mapping[ProviderName, CodeProvider] = field(default_factory=dict)
    service_accounts: Mapping[ProviderName, Mints[ServiceAccountKey]] = field(default_factory=dict)
    tenant_clients: Mapping[ProviderName, Mints[TenantClient]] = field(default_factory=dict)
    administrators: Mapping[ProviderName, AsksAdministrators] = field(default_factory=dict)
    tenants: Mapping[ProviderName, ProvesTenant] = field(default_factory=dict)
    clients: Mapping[ProviderName, ProvesClient] = field(default_factory=dict)
    servers: Mapping[ProviderName, Reaches] = field(default_factory=dict)
    revokes: Mapping[ProviderName, Revokes] = field(default_factory=dict)
    aliases: Mapping[ProviderName, ListsAliases] = field(default_factory=dict)
    mail_servers: Mapping[ProviderName, MailServers] = field(default_factory=dict)

    async def mint(
        self, provider: ProviderName, credential: OrganisationCredential, email: str, scope: tuple[str, ...]
    ) -> Minted:
        """Raises ProviderFailure, InvalidRequest."""
        match credential:
            case ServiceAccountKey():
                return await having(self.service_accounts, provider).mint(credential, email, scope)
            case TenantClient():
                return await having(self.tenant_clients, provider).mint(credential, email, scope)


def having(capability: Mapping[ProviderName, T], provider: ProviderName) -> T:
    """The provider with this capability. Raises InvalidRequest when it lacks it."""
    if (found := capability.get(provider)) is None:
        raise InvalidRequest(f"provider: {provider} cannot do this.")
    return found
