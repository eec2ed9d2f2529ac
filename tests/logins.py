"""Logins from the settings of the wire, as tests write them down."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr

from opengrant.model import CustomConnect, ProviderName, ServiceAccountKey, TenantClient, Verified
from opengrant.model.logins import (
    AgentAccountLogin,
    EwsLogin,
    HostedLogin,
    ICloudLogin,
    ImapLogin,
    MailboxLogin,
    OAuthLogin,
    OrganisationLogin,
    VirtualCalendarLogin,
)
from opengrant.model.secrets import NoSecret, members
from opengrant.providers.ews.password import Ews
from opengrant.providers.google.service_account import GoogleBulk
from opengrant.providers.hosted.agent_account import AgentAccount
from opengrant.providers.icloud.password import ICloud
from opengrant.providers.imap.password import Imap
from opengrant.providers.microsoft.app_only import MicrosoftBulk
from opengrant.providers.minted import Minted

_EMPTY: Mapping[ProviderName, Mapping[str, Any]] = {
    ProviderName.IMAP: {"imap_username": "", "imap_password": SecretStr("")},
    ProviderName.ICLOUD: {"username": "", "password": SecretStr("")},
    ProviderName.EWS: {"ews_username": "", "ews_password": SecretStr("")},
}
"""What the wire refuses, and providers refuse too."""


def login(  # noqa: PLR0911 -- a table
    provider: ProviderName, settings: Mapping[str, Any], credential_id: str | None = None
) -> MailboxLogin:
    sent = {name: value for name, value in settings.items() if value is not None or name == "app_password"}
    told = {**_EMPTY.get(provider, {}), **sent}
    match provider:
        case ProviderName.IMAP:
            return ImapLogin(**told)
        case ProviderName.ICLOUD:
            return ICloudLogin(**told)
        case ProviderName.EWS:
            return EwsLogin(**told)
        case ProviderName.NYLAS:
            drops = "app_password" in told and told["app_password"] is None
            return AgentAccountLogin(**told, drops_app_password=drops)
        case ProviderName.VIRTUAL_CALENDAR:
            return VirtualCalendarLogin(**told)
    if "email_address" in told:
        return OrganisationLogin(provider=provider, credential_id=credential_id, **told)
    if "refresh_token" in told:
        return OAuthLogin(provider=provider, credential_id=credential_id, **told)
    return HostedLogin(provider=provider, credential_id=credential_id)


def connecting(
    provider: ProviderName, settings: Mapping[str, Any], *, credential_id: str | None = None, **more: Any
) -> CustomConnect:
    return CustomConnect(login=login(provider, settings, credential_id), **more)


_PROVIDERS = {
    Imap: ProviderName.IMAP,
    ICloud: ProviderName.ICLOUD,
    Ews: ProviderName.EWS,
    AgentAccount: ProviderName.NYLAS,
}


async def verify(provider: Any, settings: Mapping[str, Any]) -> Any:
    """What a provider says of these settings; the secret as the members that are sealed."""
    verified: Verified = await provider.verify(login(_PROVIDERS[type(provider)], settings))
    if verified.secret is None:
        return verified
    sealed = {name: value for name, value in members(verified.secret).items() if name not in {"v", "kind"}}
    return replace(verified, secret={} if isinstance(verified.secret, NoSecret) else sealed)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Minting:
    """A provider that mints, asked with the members of a credential."""

    provider: GoogleBulk | MicrosoftBulk

    async def mint(self, credential: Mapping[str, Any], email: str, scope: tuple[str, ...]) -> Minted:
        if isinstance(self.provider, MicrosoftBulk):
            return await self.provider.mint(TenantClient(**{"tenant": None, **credential}), email, scope)
        key = ServiceAccountKey(
            client_email=credential["client_email"],
            private_key=credential["private_key"] or SecretStr(""),
            private_key_id=credential.get("private_key_id"),
        )
        return await self.provider.mint(key, email, scope)
