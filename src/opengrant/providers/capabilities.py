"""What each provider can do: one typed mapping for each capability."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from opengrant.errors import InvalidRequest
from opengrant.model import ProviderName, Verified
from opengrant.model.logins import (
    AgentAccountLogin,
    EwsLogin,
    ICloudLogin,
    ImapLogin,
    PasswordLogin,
    VirtualCalendarLogin,
)
from opengrant.providers.base import (
    AsksAdministrators,
    CodeProvider,
    ListsAliases,
    Mints,
    ProvesClient,
    ProvesTenant,
    Reaches,
    Revokes,
    TokenProvider,
    Verifies,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """Who verifies each kind of login that has no token."""

    imap: Verifies[ImapLogin]
    icloud: Verifies[ICloudLogin]
    ews: Verifies[EwsLogin]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """Built once, in assembly/. A provider has a capability by being in its mapping.

    tokens          refreshes tokens and says whose they are
    codes           sends users to a consent page and exchanges the code
    passwords       proves passwords, or accepts what needs none
    mints           makes tokens for the mailboxes of an organisation
    administrators  has a consent page for the administrator of a tenant
    tenants         says which tenant gives a token
    clients         has its client accepted while no user takes part
    servers         has a server that answers without a credential
    revokes         revokes tokens
    aliases         lists the other addresses of a mailbox
    """

    passwords: Passwords
    tokens: Mapping[ProviderName, TokenProvider] = field(default_factory=dict)
    codes: Mapping[ProviderName, CodeProvider] = field(default_factory=dict)
    mints: Mapping[ProviderName, Mints] = field(default_factory=dict)
    administrators: Mapping[ProviderName, AsksAdministrators] = field(default_factory=dict)
    tenants: Mapping[ProviderName, ProvesTenant] = field(default_factory=dict)
    clients: Mapping[ProviderName, ProvesClient] = field(default_factory=dict)
    servers: Mapping[ProviderName, Reaches] = field(default_factory=dict)
    revokes: Mapping[ProviderName, Revokes] = field(default_factory=dict)
    aliases: Mapping[ProviderName, ListsAliases] = field(default_factory=dict)


def having(capability: Mapping[ProviderName, T], provider: ProviderName) -> T:
    """The provider with this capability. Raises InvalidRequest where it has not."""
    if (found := capability.get(provider)) is None:
        raise InvalidRequest(f"provider: {provider} cannot do this.")
    return found
