"""The nouns every room shares: frozen, without I/O.

Times are `Micros`: integer microseconds since the Unix epoch, UTC. Durations are `timedelta`.
Secrets are `pydantic.SecretStr`: blind in repr, str, JSON and validation errors; `.get_secret_value()` opens one.
"""

import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, get_args

from pydantic import SecretStr

Micros = int
Clock = Callable[[], Micros]
SECOND: Micros = 1_000_000


def now() -> Micros:
    """The wall clock. Passed as a `Clock`, so that a test can hold it."""
    return time.time_ns() // 1000


class ProviderName(StrEnum):
    """The nine words of the wire."""

    GOOGLE = "google"
    MICROSOFT = "microsoft"
    IMAP = "imap"
    ICLOUD = "icloud"
    YAHOO = "yahoo"
    EWS = "ews"
    VIRTUAL_CALENDAR = "virtual-calendar"
    ZOOM = "zoom"
    NYLAS = "nylas"


WITH_PASSWORD = frozenset({ProviderName.IMAP, ProviderName.ICLOUD, ProviderName.EWS})
"""Providers whose grants are kept by a password, which their user types: there is no consent page and no token."""

IdentityRule = Literal["email", "subject"]
GrantStatus = Literal["valid", "invalid"]
CredentialType = Literal["connector", "serviceaccount", "adminconsent"]
Permission = Literal["all", "grants.token"]
"""What an API key may do. `all` is everything but to read live credentials: `grants.token` is always named apart."""
PERMISSIONS: tuple[Permission, ...] = get_args(Permission)
Platform = Literal["web", "desktop", "js", "ios", "android"]
"""What kind of program a redirect URI leads to."""
NO_APPS = frozenset(
    {
        *("about", "blob", "chrome", "data", "file", "filesystem", "ftp", "intent", "javascript", "mailto", "resource"),
        *("sms", "tel", "vbscript", "view-source", "ws", "wss"),
    }
)
"""Schemes, in lower case, that lead to no app: some run what they carry, some show it to others."""


@dataclass(frozen=True, slots=True)
class Application:
    """A tenant; owns everything else."""

    id: str
    name: str
    identity_rule: IdentityRule
    created_at: Micros


@dataclass(frozen=True, slots=True)
class Profile:
    """What an application says about itself. Members are spelled as on the wire and checked; one not set is absent.

    branding               name (always there), icon_url, website_url, description
    hosted_authentication  how its sign-in pages look: background_image_url, alignment, color_primary, color_secondary,
                           title, subtitle, background_color, spacing (px), terms_of_service_url, privacy_policy_url
    idp_settings           origins and issuers, each a list with commas between
    additional_settings    login_url, logout_url, refresh_token_expiration_absolute and _idle (seconds, 0: none),
                           rotate_refresh_token, allow_query_param_in_redirect_uri (bool); never shown to API callers
    domain                 kept for the wire; nothing is done with it
    """

    branding: Mapping[str, Any]
    hosted_authentication: Mapping[str, Any]
    idp_settings: Mapping[str, Any]
    additional_settings: Mapping[str, Any]
    domain: str
    updated_at: Micros


@dataclass(frozen=True, slots=True)
class RedirectUri:
    """Where hosted sign-in may lead back to.

    url       what a request must name, byte for byte
    settings  as `platform` wants them: origin of `js`, bundle_id of `ios`, package_name of `android`, …
    """

    id: str
    application_id: str
    url: str
    platform: Platform
    settings: Mapping[str, str]
    created_at: Micros
    updated_at: Micros


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A bearer secret of an application. The secret itself is shown once and never stored."""

    id: str
    application_id: str
    name: str
    permissions: tuple[str, ...]
    created_at: Micros
    updated_at: Micros
    expires_at: Micros | None
    revoked_at: Micros | None
    last_used_at: Micros | None

    def status(self, at: Micros) -> Literal["active", "expired", "revoked"]:
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= at else "active"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: the application and the key that spoke for it."""

    application: Application
    key_id: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Connector:
    """One provider's app settings in an application. `settings` holds what may be read; secrets are sealed apart."""

    id: str
    application_id: str
    provider: ProviderName
    name: str
    settings: Mapping[str, Any]
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


@dataclass(frozen=True, slots=True)
class ClientApp:
    """What we show a token endpoint to say who is asking."""

    client_id: str
    client_secret: SecretStr
    tenant: str = "common"
    scope: tuple[str, ...] = ()
    """The connector's default scopes: what the caller asked for when it names none."""


@dataclass(frozen=True, slots=True)
class CustomConnect:
    """A request to turn credentials into a grant.

    settings  the provider's own keys as on the wire, checked; SecretStr where secret, ports as int
    scope     what the caller named; None means the connector's default
    login_id  the hosted sign-in that it comes from
    """

    provider: ProviderName
    settings: Mapping[str, Any]
    scope: tuple[str, ...] | None = None
    state: str | None = None
    name: str | None = None
    credential_id: str | None = None
    workspace_id: str | None = None
    external_id: str | None = None
    login_id: str | None = None

    @property
    def bulk(self) -> bool:
        """The mailbox is proven by a credential of its organisation, not by one of its own."""
        return "email_address" in self.settings


@dataclass(frozen=True, slots=True)
class Tokens:
    """A token endpoint's success.

    refresh_token  None when the provider sent none: keep the one that was spent
    expires_at     counted from before the request was sent, so that latency makes it earlier, never later
    scope          what was granted, spelled as the provider spells it; None when it did not say
    """

    access_token: SecretStr
    refresh_token: SecretStr | None
    expires_at: Micros
    scope: tuple[str, ...] | None
    id_token: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose mailbox it is.

    email    as the provider spells it; for virtual calendars the identifier
    subject  the provider's stable id for the account (Google `sub`, Microsoft `tid:oid`); None where there is none
    user_id  what the wire calls `provider_user_id`
    vouched  the provider knows that the address is its holder's, rather than whatever somebody wrote there
    """

    email: str
    subject: str | None = None
    user_id: str | None = None
    name: str | None = None
    vouched: bool = True


@dataclass(frozen=True, slots=True)
class Verified:
    """A password-like credential that its provider accepted.

    settings  what may be shown: hosts, ports, user names
    secret    what must be sealed, as a JSON object; empty when there is to be none, so that a stored one is destroyed;
              None when this proof has nothing to say about it, so that a stored one stays
    """

    identity: Identity
    settings: Mapping[str, Any] = field(default_factory=dict)
    secret: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ciphertext and the name of the master key that opens it."""

    key_id: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a grant does not work just now, or no more.

    kind       the verdict's: reconnect, connector, provider_down, rate_limited, bad_request, unknown
    code       the provider's own word
    text       its own sentence
    failures   how many in a row
    suspected  a refusal that is asked about once more before it ends the grant
    held       many grants of its source fail alike: the source is to blame until it recovers
    retry_at   nobody asks the provider before
    """

    kind: str
    reason: str
    code: str
    remedy: str
    first_seen: Micros
    last_seen: Micros
    text: str = ""
    failures: int = 1
    suspected: bool = False
    held: bool = False
    retry_at: Micros | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """The proof of one mailbox. Its live secret is a Sealed row of its own.

    mailbox_key  what makes it unique with (application, provider); see `mailbox_key()`
    asked_at     when the verification that made the stored credential began: a later beginning wins
    updated_at   last successful authentication, not last row change
    version      rises with every write; writers of what may be seen compare and swap on it
    generation   rises with every new live secret; writers of secrets compare and swap on it
    due_at       when the clock looks after it next; None: never
    proven_at    when its provider last accepted the credential
    used_at      when somebody last needed it, to the hour
    refreshes    how often its provider accepted the credential again since it was last authenticated or in trouble
    missing_scopes  what was asked for when it was authenticated, and was provably not granted
    """

    id: str
    application_id: str
    provider: ProviderName
    connector_id: str
    mailbox_key: str
    email: str
    status: GrantStatus
    scope: tuple[str, ...]
    settings: Mapping[str, Any]
    created_at: Micros
    updated_at: Micros
    asked_at: Micros
    version: int
    subject: str | None = None
    user_id: str | None = None
    name: str | None = None
    state: str | None = None
    credential_id: str | None = None
    workspace_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    blocked: bool = False
    token_expires_at: Micros | None = None
    external_id: str | None = None
    due_at: Micros | None = None
    proven_at: Micros | None = None
    used_at: Micros | None = None
    generation: int = 1
    trouble: Trouble | None = None
    refreshes: int = 0
    missing_scopes: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """What it fails together with: a credential, or the connector of a mailbox with a password of its own."""
        return self.credential_id or self.connector_id


def fold(email: str) -> str:
    """Lower-cased and NFC-normalised: how addresses are compared."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", email).lower())


def mailbox_key(provider: ProviderName, email: str) -> str:
    """The part of a grant's identity that names the mailbox; virtual-calendar identifiers count as given."""
    return email if provider is ProviderName.VIRTUAL_CALENDAR else fold(email)
