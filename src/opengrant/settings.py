"""The settings of an operator. Read once, in assembly/ and cli/; rooms receive values, never the object.

Each field's meaning is its docstring; docs/settings.md lists them all and a test compares.
"""

import ast
import contextlib
import difflib
import functools
import inspect
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FilePath, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from opengrant.model.installation import SettingInForce

Seconds = Annotated[float, Field(gt=0, le=3600)]
Port = Annotated[int, Field(ge=0, le=65535)]


@contextlib.contextmanager
def _expecting(what: str) -> Iterator[None]:
    """Replace ValueErrors of the standard library: they quote the value, which may be a secret."""
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
            _ = place.port  # raises ValueError
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


def _application_id(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", text):
        raise ValueError("expected 1 to 64 letters, digits, dots, underscores or hyphens")
    return text


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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
    imap_host: str = "imap.gmail.com"
    """IMAP server, for logins with the live token."""
    imap_port: Port = 993
    """Its port."""
    smtp_host: str = "smtp.gmail.com"
    """Submission server, likewise."""
    smtp_port: Port = 465
    """Its port."""


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
    imap_host: str = "outlook.office365.com"
    """IMAP server, for logins with the live token."""
    imap_port: Port = 993
    """Its port."""
    smtp_host: str = "smtp.office365.com"
    """Submission server, likewise."""
    smtp_port: Port = 587
    """Its port."""


class Yahoo(_Part):
    """Yahoo's endpoints, as full URLs."""

    token_url: str = "https://api.login.yahoo.com/oauth2/get_token"  # noqa: S105 -- a URL, not a password
    """Token endpoint."""
    userinfo_url: str = "https://api.login.yahoo.com/openid/v1/userinfo"
    """OpenID userinfo."""
    authorize_url: str = "https://api.login.yahoo.com/oauth2/request_auth"
    """Where hosted sign-in sends the user."""
    imap_host: str = "imap.mail.yahoo.com"
    """IMAP server, for logins with the live token."""
    imap_port: Port = 993
    """Its port."""
    smtp_host: str = "smtp.mail.yahoo.com"
    """Submission server, likewise."""
    smtp_port: Port = 465
    """Its port."""


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
    """Seconds an HTTP provider may take for its whole answer. Mail servers get 10 each for connecting, TLS, greeting
    and a command, 35 for the login, 75 in all."""
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
    """Grants of one connector or credential that must fail the same way, in a row, before it counts as degraded."""
    probe_degraded: Annotated[float, Field(ge=0.1, le=3600)] = 20
    """Seconds between two attempts with a connector or credential that is degraded."""


class Webhooks(_Part):
    """How events are delivered."""

    timeout: Annotated[float, Field(ge=0.1, le=60)] = 10
    """Seconds that a receiver has to answer."""
    expired_after: Annotated[float, Field(ge=0, le=3600)] = 5
    """Seconds that `grant.expired` is delayed, in case the connector turns out to be the cause and not the grant."""
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


class Watch(_Part):
    """Mailboxes whose changes webhooks want to be told."""

    every: Annotated[float, Field(ge=1, le=86_400)] = 300
    """Seconds between two looks at a mailbox, and the least time between two logins."""
    connections: Annotated[int, Field(ge=0, le=1_000_000)] = 1000
    """Connections of a process that stay open, so that new mail is told at once."""
    connections_per_host: Annotated[int, Field(ge=0, le=1_000_000)] = 500
    """Of these, with one mail server."""
    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 20
    """Mailboxes that a process opens at a time, and looks at at a time."""


class Proxy(_Part):
    """The ports for mail programs."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    imap_port: Port | None = None
    """Port for IMAP, with TLS from the first byte; without it, none is opened."""
    smtp_port: Port | None = None
    """Port for sending, likewise."""
    certificate: FilePath | None = None
    """PEM file of the certificate with its chain."""
    key: FilePath | None = None
    """PEM file of its key; without it, the key is in the file of the certificate."""
    allow_plaintext: bool = False
    """Permits both ports without TLS, on a loopback address."""
    max_sessions: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Mail programs connected at once to a process; more are closed."""


class Requests(_Part):
    """Answered requests, to be looked up by their ids."""

    keep: Annotated[float, Field(ge=0, le=30 * 86_400)] = 86_400
    """Seconds that they are kept; 0 records none."""
    max_bytes: Annotated[int, Field(ge=100_000)] = 32 * 1024 * 1024
    """Bytes kept of an application's requests with errors, and as many of the others; above it the oldest go first."""


class Imports(_Part):
    """Imports of many grants."""

    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Rows that one process verifies at once: half of them with passwords at most, a quarter at one mail host."""
    keep: Annotated[int, Field(ge=1, le=3650)] = 30
    """Days that an import which has ended is kept, with its results and the rows that can be imported again."""


class Settings(BaseSettings):
    """Environment, prefix `OPENGRANT_`, nested by `__`."""

    model_config = SettingsConfigDict(
        env_prefix="OPENGRANT_",
        env_nested_delimiter="__",
        frozen=True,
        extra="ignore",
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
    bootstrap_application_id: Annotated[str | None, AfterValidator(_application_id)] = None
    """On an empty store, the default application's id, instead of a random UUID."""
    bootstrap_application_name: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    """On an empty store, the default application's name, which sign-in pages show, instead of "Default"."""
    master_keys: SecretStr | None = None
    """Comma-separated `id:base64` of 32 random bytes each; the first seals, all open. Without it a file in DATA_DIR."""
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    """debug, info, warning or error."""
    log_format: Annotated[str, Field(pattern="^(auto|console|json)$")] = "auto"
    """json, console for people, or auto: console where the log goes to a terminal."""
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
    proxy: Proxy = Proxy()
    """The ports for mail programs."""
    watch: Watch = Watch()
    """Mailboxes whose changes webhooks want to be told."""
    imports: Imports = Imports()
    """Imports of many grants."""
    requests: Requests = Requests()
    """Answered requests, to be looked up by their ids."""
    webhooks: Webhooks = Webhooks()
    """Delivery of events."""


# ── what is in force ──────────────────────────────────────────────────────────────────────────────────────────

sources: dict[str, str] = {}
"""Name of a setting → where it came from, where that is not the environment."""
MASK = "********"
_LOGIN_IN_URL = re.compile(r"(?<=//)[^/@\s]+(?=@)")


def in_force(settings: Settings) -> list[SettingInForce]:
    """All settings, in the order of docs/settings.md. Secrets are masked, and so are logins in URLs."""
    present = {name.upper() for name in os.environ}
    meanings = _meanings()
    return [
        SettingInForce(
            name,
            _shown(value),
            None if _is_secret(part, field) else _shown(type(part).model_fields[field].default),
            sources.get(name, "the environment") if name in present else "default",
            _is_secret(part, field),
            meanings.get((type(part).__name__, field), ""),
        )
        for name, part, field, value in _values(settings, _PREFIX)
    ]


def _values(part: BaseModel, prefix: str) -> Iterator[tuple[str, BaseModel, str, Any]]:
    """(name, the group that has it, its name there, value) of each setting."""
    for field in type(part).model_fields:
        value, name = getattr(part, field), prefix + field.upper()
        if isinstance(value, BaseModel):
            yield from _values(value, f"{name}__")
        else:
            yield name, part, field, value


def _is_secret(part: BaseModel, field: str) -> bool:
    return "SecretStr" in str(type(part).model_fields[field].annotation)


def _shown(value: Any) -> str | int | float | bool | None:
    match value:
        case None | bool() | int() | float():
            return value
        case SecretStr():
            return MASK
        case _:
            return _LOGIN_IN_URL.sub(MASK, str(value))


@functools.cache
def _meanings() -> Mapping[tuple[str, str], str]:
    """(class, field) → docstring. Read when it is asked for: pydantic would parse this file at each start."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[__name__]))
    except OSError:
        return {}  # an installation without source files
    return {
        (group.name, name): " ".join(text.split())
        for group in tree.body
        if isinstance(group, ast.ClassDef)
        for name, text in _docstrings(group)
    }


def _docstrings(group: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for one, following in zip(group.body, group.body[1:], strict=False):
        match one, following:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, text


# ── errors that an operator can read ──────────────────────────────────────────────────────────────────────────


class WrongSettings(Exception):
    """Settings that cannot be used. The text names each and says what to write; it never quotes the value."""


def load() -> Settings:
    """From the environment. Raises WrongSettings."""
    try:
        return Settings()
    except ValidationError as problem:
        sentences = [_sentence(error) for error in problem.errors(include_url=False, include_context=False)]
        raise WrongSettings(" ".join(sentences)) from None
    except SettingsError as problem:
        # Only the name of the field is taken from its text, which may quote the value.
        found = re.search(r'field "(\w+)"', str(problem))
        group = found[1] if found and found[1] in Settings.model_fields else "google"
        raise WrongSettings(
            f"{_name([group])} is a group and has no value of its own: set its members, such as"
            f" {_name([group, next(iter(_members(group)))])}."
        ) from None


_PREFIX = "OPENGRANT_"
_OTHERS = frozenset({"FAULT", "EXPLORE", "TEST_INPUT", "API_KEY"})
"""Names that our tests, examples and tools use, after the prefix."""
_OF_KUBERNETES = re.compile(r"(\w+_)?SERVICE_(HOST|PORT(_\w+)?)|(\w+_)?PORT(_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?)?")
"""Names that Kubernetes and Docker set in each container for a service called opengrant."""


def unknown(environment: Iterable[str]) -> list[tuple[str, str | None]]:
    """Names with our prefix that are no settings, each with the most similar setting, if any."""
    known = set(names())
    # Settings are read without regard to case.
    return [
        (name, _nearest(name.upper(), known))
        for name in sorted(environment)
        if name.upper().startswith(_PREFIX) and name.upper() not in known and not _means_something_else(name.upper())
    ]


def say_unknown(name: str, nearest: str | None) -> str:
    hint = "docs/settings.md lists all that there are" if nearest is None else f"did you mean {nearest}?"
    return f"{name} is no setting, and has no effect: {hint}"


def names() -> Iterator[str]:
    """The environment variables of all settings, members of groups included."""
    for field in Settings.model_fields:
        members = _members(field)
        yield from ([_name([field, member]) for member in members] if members else [_name([field])])


def _means_something_else(name: str) -> bool:
    bare = name.removeprefix(_PREFIX)
    group = bare.lower() in Settings.model_fields
    return bare in _OTHERS or group or _OF_KUBERNETES.fullmatch(bare) is not None


def _nearest(name: str, known: Iterable[str]) -> str | None:
    bare = [one.removeprefix(_PREFIX) for one in known]
    found = difflib.get_close_matches(name.removeprefix(_PREFIX), bare, 1, 0.7)
    return _PREFIX + found[0] if found else None


def _name(place: Iterable[object]) -> str:
    return _PREFIX + "__".join(str(part) for part in place).upper()


def _members(field: str) -> Iterable[str]:
    default = Settings.model_fields[field].default
    return type(default).model_fields if isinstance(default, BaseModel) else ()


_WRONG = {
    "extra_forbidden": "is no setting",
    "too_small": "is too small",
    "too_large": "is too large",
    "too_short": "is too short",
    "too_long": "is too long",
    "string_too_short": "is too short",
    "string_too_long": "is too long",
    "path_not_file": "names no file that is there",
    "finite_number": "is no finite number",
}


def _sentence(error: ErrorDetails) -> str:
    place = [str(part) for part in error["loc"]]
    name = _name(place)
    if error["type"] == "extra_forbidden":
        nearest = _nearest(name, names())
        return f"{name} is no setting: {f'did you mean {nearest}?' if nearest else 'see docs/settings.md.'}"
    kind = error["type"].replace("greater_than_equal", "too_small").replace("greater_than", "too_small")
    kind = kind.replace("less_than_equal", "too_large").replace("less_than", "too_large")
    value = error.get("input")
    wrong = "is empty" if value == "" else _WRONG.get(kind, "cannot be understood")
    shape, default = _shape(place)
    # Our own validators say what they expect in their message.
    expected = error["msg"].removeprefix("Value error, expected ")
    write = expected if expected != error["msg"] else _expected(shape)
    text = f"{name} {wrong}: write {write}"
    if default not in (None, ""):
        text += f", or remove it for {str(default).lower() if isinstance(default, bool) else default}"
    if place == ["port"] and isinstance(value, str) and "://" in value:
        return f"{text}. Kubernetes sets this name for a service called opengrant: say enableServiceLinks: false."
    return f"{text}."


def _shape(place: list[str]) -> tuple[Mapping[str, Any], Any]:
    """(JSON schema, default) of a setting."""
    model: type[BaseModel] = Settings
    for part in place[:-1]:
        model = type(model.model_fields[part].default)
    shape: Mapping[str, Any] = _properties(model)[place[-1]]
    chosen = next((one for one in shape.get("anyOf", []) if one.get("type") != "null"), shape)
    return chosen, model.model_fields[place[-1]].default


@functools.cache
def _properties(model: type[BaseModel]) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = model.model_json_schema()["properties"]
    return properties


def _expected(shape: Mapping[str, Any]) -> str:
    kinds = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}
    if (kind := kinds.get(shape.get("type", ""))) is not None:
        return kind + _range(shape)
    if shape.get("format") == "file-path":
        return "the path of a file that the server may read"
    if choice := re.fullmatch(r"\^\(([\w|]+)\)\$", shape.get("pattern", "")):
        *first, last = choice[1].split("|")
        return f"{', '.join(first)} or {last}"
    return f"{shape.get('minLength', 0)} to {shape.get('maxLength', 'any number of')} characters"


def _range(shape: Mapping[str, Any]) -> str:
    least = shape.get("minimum", shape.get("exclusiveMinimum"))
    most = shape.get("maximum")
    above = "above " if "exclusiveMinimum" in shape else ""
    if least is None:
        return "" if most is None else f" of at most {most:g}"
    if most is None:
        return f" {above or 'of at least '}{least:.12g}"
    return f" {above or 'from '}{least:.12g}{' and at most ' if above else ' to '}{most:.12g}"
