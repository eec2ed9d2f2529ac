"""PATCH /v3/grants/{grant_id} on the wire: the stored settings with those that were sent in their place."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from opengrant.api.wire.connect import check_settings
from opengrant.api.wire.connect_settings import AgentSettings
from opengrant.api.wire.fields import (
    AnyScopes,
    ExternalId,
    Id,
    Maybe,
    Model,
    Name,
    absent,
    examples,
    first_sent,
    trim,
)
from opengrant.grants.manage import GrantChange
from opengrant.model import ProviderName
from opengrant.model.logins import MailboxLogin


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
        """The change to make. `held` are the stored settings.

        Raises ValidationError when the result is not valid for the provider.
        """
        settings = None if self.settings is None else check_settings(provider, _laid_over(held, self.settings))
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
    """The settings that would be sent for a login, without those that are None."""
    if login is None:
        return {}
    names = (one.name for one in fields(login) if one.name not in {"provider", "drops_app_password", "proven"})
    return {name: value for name in names if (value := getattr(login, name)) is not None}


def _laid_over(held: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """The stored settings with those that were sent in their place. null and blank count as not sent.

    A refresh token replaces all of them.
    """
    if sent.get("refresh_token") is not None:
        return dict(sent)
    named = {name: value for name, value in sent.items() if absent(value) is not None or name in _TAKES_AWAY}
    if not named:
        return {}
    if "ews_port" in named and "ews_host" not in named and "ews_host" in held:
        held = {**held, "ews_host": urlsplit(str(held["ews_host"])).hostname}
    return {**held, **named}


def sends_elsewhere(patch: GrantPatch, held: Mapping[str, Any]) -> bool:
    """Whether a stored password would go to a server that the request names and the grant does not have."""
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
