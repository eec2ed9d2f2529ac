"""The settings of one provider in an application, and its credentials."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

from opengrant.model.basics import Micros, ProviderName, record
from opengrant.model.secrets import ServiceAccountKey

CredentialType = Literal["connector", "serviceaccount", "adminconsent"]


@record
class Connector:
    """One provider's app settings in an application. `settings` may be read again; secrets are sealed separately."""

    id: str
    application_id: str
    provider: ProviderName
    name: str
    settings: Mapping[str, str]
    scope: tuple[str, ...]
    active_credential_id: str | None
    created_at: Micros
    updated_at: Micros


@dataclass(frozen=True, slots=True)
class Credential:
    """A set of app secrets under a connector; the one made with the connector is its primary."""

    id: str
    application_id: str
    connector_id: str
    provider: ProviderName
    name: str
    type: CredentialType
    primary: bool
    created_at: Micros
    updated_at: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantClient:
    """The client that a tenant consented to. tenant: an id or a domain; None where neither credential nor request
    names one."""

    client_id: str
    client_secret: SecretStr
    tenant: str | None


OrganisationCredential = ServiceAccountKey | TenantClient
"""What opens the mailboxes of an organisation."""


@record
class ClientApp:
    """The client by which a token endpoint authenticates us."""

    client_id: str
    client_secret: SecretStr
    tenant: str = "common"
    scope: tuple[str, ...] = ()
    """The connector's default scopes, for requests that name none."""
