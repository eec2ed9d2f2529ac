"""The nouns every room shares: frozen, without I/O.

Times are `Micros`: integer microseconds since the Unix epoch, UTC. Durations are `timedelta`.
Secrets are `pydantic.SecretStr`: blind in repr, str, JSON and validation errors; `.get_secret_value()` opens one.
"""

import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, get_args

import idna
from pydantic import SecretStr

Micros = int
Clock = Callable[[], Micros]
SECOND: Micros = 1_000_000


def now() -> Micros:
    """The wall clock. Passed as a `Clock`, so that a test can hold it."""
    return time.time_ns() // 1000


AGREE: Micros = 2 * SECOND
"""Clocks that differ by less are the same: a time that is so little ahead was written just now."""


def is_recent(at: Micros | None, *, within: Micros, now: Micros) -> bool:
    """Whether it is less than `within` ago. Of a time ahead of the clock, nobody knows how long ago it was."""
    return at is not None and -AGREE < now - at < within


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
    ends_at        when the refresh token ends whatever is done; None where the provider names no such time
    """

    access_token: SecretStr
    refresh_token: SecretStr | None
    expires_at: Micros
    scope: tuple[str, ...] | None
    id_token: SecretStr | None = None
    ends_at: Micros | None = None


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

    def as_of(self, at: Micros) -> "Trouble":
        """As it is where the clock was set back since: seen last at this moment, with the same time to wait."""
        ahead = self.last_seen - at
        if ahead <= AGREE:
            return self
        retry_at = None if self.retry_at is None else self.retry_at - ahead
        return replace(self, first_seen=min(self.first_seen, at), last_seen=at, retry_at=retry_at)

    def waits(self, at: Micros) -> bool:
        """Whether its time to wait goes on. Not where the clock was set back since: nobody knows what is left of it."""
        return self.retry_at is not None and self.retry_at > at and self.last_seen <= at + AGREE


ENDS_AT = "refresh_token_expires_at"
"""Member of a grant's settings: Unix seconds when its refresh token ends by itself. Shown with the grant's health."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The proof of one mailbox. Its live secret is a Sealed row of its own.

    mailbox_key  what makes it unique with (application, provider); see `mailbox_key()`
    vouched      the address is its holder's by the word of its provider, its own domain or the API caller; False where
                 only a foreign tenant or a server named on a sign-in page claims it
    name_given   the name is the caller's, so a profile's does not replace it
    asked_at     when the stored credential was verified; the release before orders by it
    updated_at   last successful authentication, not last row change
    version      rises with every write; writers of what may be seen compare and swap on it
    generation   rises with every new live secret; writers of secrets compare and swap on it
    due_at       when the clock looks after it next; None: never
    proven_at    when its provider last accepted the credential
    used_at      when somebody last needed it, to the hour
    asked        the number of the verification that made the stored credential: the greater one began later, and wins
    attention_at since when a person has to look at it, because it is valid and has only failed for days
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
    vouched: bool = True
    name_given: bool = False
    asked: int = 0
    attention_at: Micros | None = None
    missing_scopes: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """What it fails together with: a credential, or the connector of a mailbox with a password of its own."""
        return self.credential_id or self.connector_id

    @property
    def mail_host(self) -> str | None:
        """The mail host that its password is for, where it has one of its own."""
        return self.settings.get("imap_host") or self.settings.get("ews_host")

    @property
    def blames(self) -> str:
        """What is held to blame when it fails together: passwords fail by mail host, tokens by credential."""
        return f"{self.source}/{self.mail_host}" if self.mail_host else self.source


_LONGEST_DOMAIN = 253
"""Characters. IDNA takes quadratic time, so what is longer is not even tried."""


def fold(email: str) -> str:
    """How addresses are compared: lower-cased, NFC-normalised, the domain as A-labels where it has that form.

    Raises nothing, whatever the text is.
    """
    text = fold_case(email)
    local, at, domain = text.rpartition("@")
    if not at or domain.isascii() or len(domain) > _LONGEST_DOMAIN:
        return text
    try:
        return f"{local}@{idna.encode(domain, uts46=True, std3_rules=True).decode('ascii').lower()}"
    except ValueError:  # IDNAError and UnicodeError are ones
        return text


def fold_case(text: str) -> str:
    """Lower-cased and NFC-normalised, nothing else: how identifiers of virtual calendars are looked up."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


def foldings(email: str) -> tuple[str, ...]:
    """`fold(email)` first, then the other spellings under which a stored row may have the same address.

    Releases up to 0.1 kept a domain as it was spelled. One item for nearly every address: only a domain with letters
    beyond ASCII has two spellings.
    """
    first, plain = fold(email), fold_case(email)
    local, at, domain = first.rpartition("@")
    if not at or not domain.isascii() or "xn--" not in domain or len(domain) > _LONGEST_DOMAIN:
        return tuple(dict.fromkeys((first, plain)))
    try:
        return tuple(dict.fromkeys((first, plain, f"{local}@{fold_case(idna.decode(domain))}")))
    except ValueError:
        return tuple(dict.fromkeys((first, plain)))


def mailbox_key(provider: ProviderName, email: str) -> str:
    """The part of a grant's identity that names the mailbox; virtual-calendar identifiers count as given."""
    return email if provider is ProviderName.VIRTUAL_CALENDAR else fold(email)


def mailbox_keys(provider: ProviderName, email: str) -> tuple[str, ...]:
    """`mailbox_key` first, then the keys that earlier releases would have given the same mailbox."""
    return (email,) if provider is ProviderName.VIRTUAL_CALENDAR else foldings(email)
