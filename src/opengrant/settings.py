"""What an operator can set. Read once, in app.py and cli.py; rooms receive values, never the object.

Each field's meaning is its docstring; docs/settings.md lists them all and a test compares.
"""

import contextlib
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FilePath, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0, le=3600)]
Port = Annotated[int, Field(ge=0, le=65535)]


@contextlib.contextmanager
def _expecting(what: str) -> Iterator[None]:
    """ValueErrors of the standard library quote what they could not read, which a start must not print."""
    try:
        yield
    except ValueError:
        raise ValueError(f"expected {what}") from None


def _items(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _networks(text: str) -> str:
    with _expecting("networks such as 10.0.0.0/8, separated by commas"):
        for item in _items(text):
            ip_network(item)
    return text


def _name_servers(text: str) -> str:
    with _expecting("IP addresses, each with :port where it is not 53, separated by commas"):
        for item in _items(text):
            bare = item.count(":") > 1 and not item.startswith("[")
            place = urlsplit(f"//[{item}]" if bare else f"//{item}")
            ip_address(place.hostname or "")
            _ = place.port  # raises where it is none
    return text


def _origin(text: str | None) -> str | None:
    if text is None:
        return None
    with _expecting("scheme and host, such as https://grants.example.com, without a path"):
        parts = urlsplit(text)
        _ = parts.port
        wrong = parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc
        if parts.scheme not in ("http", "https") or not parts.hostname or wrong:
            raise ValueError
    return text


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Google(_Part):
    """Google's endpoints, as full URLs."""

    token_url: str = "https://oauth2.googleapis.com/token"  # noqa: S105 -- a URL, not a password
    """Token endpoint."""
    userinfo_url: str = "https://openidconnect.googleapis.com/v1/userinfo"
    """OpenID userinfo; the older v2 spelling is understood too."""
    authorize_url: str = "https://accounts.google.com/o/oauth2/v2/auth"
    """Where hosted sign-in sends the user."""
    revoke_url: str = "https://oauth2.googleapis.com/revoke"
    """Where the token of a deleted grant is revoked."""
    tokeninfo_url: str = "https://oauth2.googleapis.com/tokeninfo"
    """Scopes and audience of a live access token."""
    gmail_url: str = "https://gmail.googleapis.com/gmail/v1"
    """Gmail API base: names the address when the token has no OpenID scope."""


class Microsoft(_Part):
    """Entra's and Graph's endpoints. `{tenant}` is replaced; a value without it is used as it is."""

    token_url: str = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"  # noqa: S105 -- a URL, not a password
    """Token endpoint."""
    authorize_url: str = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/authorize"
    """Where hosted sign-in sends the user."""
    adminconsent_url: str = "https://login.microsoftonline.com/{tenant}/v2.0/adminconsent"
    """Admin consent page."""
    graph_url: str = "https://graph.microsoft.com/v1.0"
    """Graph base; national clouds set it."""


class Yahoo(_Part):
    """Yahoo's endpoints, as full URLs."""

    token_url: str = "https://api.login.yahoo.com/oauth2/get_token"  # noqa: S105 -- a URL, not a password
    """Token endpoint."""
    userinfo_url: str = "https://api.login.yahoo.com/openid/v1/userinfo"
    """OpenID userinfo."""
    authorize_url: str = "https://api.login.yahoo.com/oauth2/request_auth"
    """Where hosted sign-in sends the user."""


class Zoom(_Part):
    """Zoom's endpoints, as full URLs."""

    token_url: str = "https://zoom.us/oauth/token"  # noqa: S105 -- a URL, not a password
    """Token endpoint."""
    api_url: str = "https://api.zoom.us"
    """API base; a token's own `api_url` is followed when both are Zoom's."""
    authorize_url: str = "https://zoom.us/oauth/authorize"
    """Where hosted sign-in sends the user."""


class Icloud(_Part):
    """Apple's servers."""

    imap_host: str = "imap.mail.me.com"
    """IMAP server."""
    imap_port: Port = 993
    """Its port."""
    smtp_host: str = "smtp.mail.me.com"
    """Submission server."""
    smtp_port: Port = 587
    """Its port."""
    caldav_url: str = "https://caldav.icloud.com/"
    """CalDAV; empty leaves calendars out of the proof."""


class Domains(_Part):
    """Where the DNS records of registered domains point. Empty: the host of PUBLIC_URL."""

    inbound_host: str = ""
    """Mail server that the MX record names."""
    spf_host: str = ""
    """Name that the SPF record includes."""
    bounce_host: str = ""
    """Mail server that the MX record of the bounce subdomain names."""


class Imap(_Part):
    """How mail hosts are found when a request names none."""

    autoconfig_urls: str = (
        "https://autoconfig.{domain}/mail/config-v1.1.xml?emailaddress={email}"
        ",https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml"
    )
    """Comma-separated places where a domain may publish its own settings; HTTPS only."""
    ispdb_url: str = "https://autoconfig.thunderbird.net/v1.1/{domain}"
    """A public database of mail settings; it is sent the domain, never the address. Empty switches it off."""
    detect_timeout: Seconds = 10
    """Seconds that finding hosts may take altogether; each source gets half of it."""


class Outbound(_Part):
    """Limits on what we connect to."""

    allowed_private_networks: Annotated[str, AfterValidator(_networks)] = ""
    """Comma-separated CIDRs that requests may name although they are private, e.g. `127.0.0.0/8,10.0.0.0/8`."""
    ca_file: FilePath | None = None
    """More trusted CAs (PEM) for IMAP, SMTP, EWS and HTTPS, beside the system's."""
    allow_plaintext: bool = False
    """Permits IMAP and SMTP logins without TLS. For test servers."""
    timeout: Seconds = 20
    """Seconds an HTTP provider may take for its whole answer. Mail servers get 30 per step, 75 in all."""
    connections_per_host: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Connections kept to one HTTP host; further calls wait."""
    max_verifications: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Verifications under way at once in a process; more answer 503."""
    mail_threads: Annotated[int, Field(ge=1, le=1000)] = 64
    """Passwords proven at mail servers at once in a process; more wait. Hosted sign-ins get a quarter of them."""
    dns_servers: Annotated[str, AfterValidator(_name_servers)] = ""
    """Comma-separated `address` or `address:port` of DNS servers to ask instead of the system's."""


class Refresh(_Part):
    """How grants are kept alive."""

    ahead: Annotated[float, Field(ge=1, le=86_400)] = 600
    """Seconds before its end that a token is renewed, with up to a fifth more by chance; short ones at half life."""
    idle_after: Annotated[float, Field(ge=60)] = 7 * 86_400
    """Seconds without use after which a token is renewed only every 7 days or so, to keep it from dying of disuse."""
    probe_every: Annotated[float, Field(ge=1)] = 86_400
    """Seconds between two proofs of a stored password, spread by a tenth."""
    confirm_after: Annotated[float, Field(ge=1)] = 900
    """Seconds after which a refused password is tried once more before the grant is called invalid."""
    attention_after: Annotated[float, Field(ge=1)] = 7 * 86_400
    """Seconds of nothing but failures without a clear refusal, after which a valid grant is shown to need attention."""
    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Grants that the clock of one process looks after at once: half of them by passwords at most, a quarter at one
    mail host."""
    budget: Annotated[float, Field(gt=0, le=100_000)] = 100
    """Requests per second that the clock sends for one connector or credential, all nodes together."""
    provider_budget: Annotated[float, Field(gt=0, le=1_000_000)] = 1000
    """Requests per second that the clock sends to one provider, all nodes and applications together."""
    brake_after: Annotated[int, Field(ge=2, le=1000)] = 5
    """Different grants of one connector or credential that fail alike, in a row, before it is held to blame."""
    probe_degraded: Annotated[float, Field(ge=0.1, le=3600)] = 20
    """Seconds between two attempts with a connector or credential that is held to blame."""


class Webhooks(_Part):
    """How events are delivered."""

    timeout: Annotated[float, Field(ge=0.1, le=60)] = 10
    """Seconds that a receiver has to answer."""
    expired_after: Annotated[float, Field(ge=0, le=3600)] = 5
    """Seconds that `grant.expired` is kept back, in case it turns out that the connector is to blame."""
    retry_for: Annotated[float, Field(ge=1, le=30 * 86_400)] = 72 * 3600
    """Seconds that one event is tried at one destination."""
    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Destinations that one process delivers to at once, four deliveries each."""
    keep: Annotated[float, Field(ge=60)] = 7 * 86_400
    """Seconds that deliveries which have ended can be listed and replayed."""
    allow_http: bool = False
    """Permits receivers without TLS on other machines too."""
    ip_addresses: str = ""
    """Comma-separated addresses that deliveries come from, for those who ask the API for them."""
    source: Annotated[str, Field(min_length=1, max_length=256)] = "/nylas/system"
    """`source` of each notification."""


class Hosted(_Part):
    """Hosted sign-in."""

    secretless_web: bool = False
    """Lets codes for redirect URIs of platform `web` be redeemed with PKCE alone, without the API key."""


class Settings(BaseSettings):
    """Environment, prefix `OPENGRANT_`, nested by `__`."""

    model_config = SettingsConfigDict(
        env_prefix="OPENGRANT_",
        env_nested_delimiter="__",
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    data_dir: Path = Path("opengrant-data")
    """SQLite file and master key file."""
    database_url: SecretStr | None = None
    """`postgresql://user:password@host/name`; without it SQLite in DATA_DIR."""
    database_pool: Annotated[int, Field(ge=1, le=200)] = 10
    """PostgreSQL connections of one process."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Port = 8080
    """Port to listen on; 0 takes a free one and prints it."""
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """Server processes. More than one wants PostgreSQL."""
    public_url: Annotated[str | None, AfterValidator(_origin)] = None
    """Base of links and redirect URIs; without it, the request's own."""
    bootstrap_api_key: Annotated[SecretStr, Field(min_length=32, max_length=256)] | None = None
    """On an empty store, the default application's first key gets this value instead of a random one."""
    bootstrap_application_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    """On an empty store, the default application's id, instead of a random UUID."""
    master_keys: SecretStr | None = None
    """Comma-separated `id:base64` of 32 random bytes each; the first seals, all open. Without it a file in DATA_DIR."""
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    """debug, info, warning or error."""
    max_body: Annotated[int, Field(ge=1024, le=100 * 1024 * 1024)] = 1024 * 1024
    """Bytes of a request body; more answer 413."""
    max_requests: Annotated[int, Field(ge=1, le=1_000_000)] = 2000
    """Requests under way at once in a process; more answer 503."""
    max_connections: Annotated[int, Field(ge=2, le=1_000_000)] = 2000
    """Connections open at once in a process; more answer 503."""
    max_connections_per_address: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Of those, how many one IPv4 address or IPv6 /64 may hold; without it, half. PROXIES are exempt."""
    proxies: Annotated[str, AfterValidator(_networks)] = "127.0.0.0/8,::1"
    """Comma-separated CIDRs of the proxies in front, whose connections are those of many clients."""
    keep_alive: Seconds = 75
    """Seconds that an idle connection stays open. Longer than the proxy's own, or the proxy meets closed ones."""
    head_timeout: Seconds = 30
    """Seconds in which the head of a request must arrive; later answers 408. Bodies always have 30."""
    shutdown_grace: Seconds = 30
    """Seconds that requests under way get to finish when the server is told to stop."""
    audit_days: Annotated[int, Field(ge=0, le=36_500)] = 365
    """Days that events stay in the audit trail; 0 keeps them for ever."""
    google: Google = Google()
    """Google endpoints."""
    microsoft: Microsoft = Microsoft()
    """Microsoft endpoints."""
    yahoo: Yahoo = Yahoo()
    """Yahoo endpoints."""
    zoom: Zoom = Zoom()
    """Zoom endpoints."""
    icloud: Icloud = Icloud()
    """Apple's servers."""
    domains: Domains = Domains()
    """DNS records of registered domains."""
    imap: Imap = Imap()
    """Mail host detection."""
    outbound: Outbound = Outbound()
    """Outbound limits."""
    hosted: Hosted = Hosted()
    """Hosted sign-in."""
    refresh: Refresh = Refresh()
    """Keeping grants alive."""
    webhooks: Webhooks = Webhooks()
    """Delivery of events."""
