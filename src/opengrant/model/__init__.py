"""The nouns that every room shares: frozen records without I/O.

Times are `Micros`: integer microseconds since the Unix epoch, UTC. Durations are `timedelta`.
Secrets are `pydantic.SecretStr`: blind in repr, str, JSON and validation errors; `.get_secret_value()` opens one.
"""

from opengrant.model.addresses import fold, fold_case, foldings, mailbox_key, mailbox_keys
from opengrant.model.basics import AGREE, SECOND, Clock, Micros, ProviderName, is_recent, micros, now
from opengrant.model.connect import CustomConnect
from opengrant.model.connectors import (
    ClientApp,
    Connector,
    Credential,
    CredentialType,
    OrganisationCredential,
    TenantClient,
)
from opengrant.model.grants import ENDS_AT, Grant, GrantStatus, ListedGrant, Trouble
from opengrant.model.providers import Identity, Tokens, Verified
from opengrant.model.secrets import (
    AppPasswordSecret,
    EwsSecret,
    GrantSecret,
    ICloudSecret,
    ImapSecret,
    NoSecret,
    OAuthSecret,
    OrganisationSecret,
    PasswordSecret,
    RotatedToken,
    Sealed,
    Secret,
    SecretUnreadable,
    ServiceAccountKey,
)
from opengrant.model.tenants import (
    NO_APPS,
    PERMISSIONS,
    ApiKey,
    Application,
    Caller,
    IdentityRule,
    Permission,
    Platform,
    Profile,
    RedirectUri,
)

__all__ = [
    "AGREE",
    "ENDS_AT",
    "NO_APPS",
    "PERMISSIONS",
    "SECOND",
    "ApiKey",
    "AppPasswordSecret",
    "Application",
    "Caller",
    "ClientApp",
    "Clock",
    "Connector",
    "Credential",
    "CredentialType",
    "CustomConnect",
    "EwsSecret",
    "Grant",
    "GrantSecret",
    "GrantStatus",
    "ICloudSecret",
    "Identity",
    "IdentityRule",
    "ImapSecret",
    "ListedGrant",
    "Micros",
    "NoSecret",
    "OAuthSecret",
    "OrganisationCredential",
    "OrganisationSecret",
    "PasswordSecret",
    "Permission",
    "Platform",
    "Profile",
    "ProviderName",
    "RedirectUri",
    "RotatedToken",
    "Sealed",
    "Secret",
    "SecretUnreadable",
    "ServiceAccountKey",
    "TenantClient",
    "Tokens",
    "Trouble",
    "Verified",
    "fold",
    "fold_case",
    "foldings",
    "is_recent",
    "mailbox_key",
    "mailbox_keys",
    "micros",
    "now",
]
