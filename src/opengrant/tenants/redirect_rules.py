"""Rules for redirect URIs: which addresses, settings and origins are accepted. No I/O."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_plus, urlsplit

from opengrant.errors import InvalidRequest
from opengrant.model import NO_APPS, Platform

_REQUIRED: Mapping[Platform, Sequence[str]] = {
    "web": (),
    "desktop": (),
    "js": ("origin",),
    "ios": ("bundle_id",),
    "android": ("package_name", "sha1_certificate_fingerprint"),
}
_OPTIONAL: Mapping[Platform, Sequence[str]] = {"ios": ("app_store_id", "team_id")}
_LOCAL = frozenset({"localhost", "127.0.0.1"})

_URL = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]{1,2048}")
"""RFC 3986's characters without `#`: the code would become part of a fragment. No backslash: browsers read it as /."""
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+")
_DEEP_LINK = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://.*")
_OURS = frozenset({"code", "state", "error", "error_description", "error_uri", "error_code", "admin_consent", "tenant"})
"""Parameters that we add to the query. A registered URL must not contain them: the application would read those."""
_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?/?", re.IGNORECASE)
_DEFAULT_PORT = {"https": 443, "http": 80}


def check_url(url: str, platform: Platform) -> None:
    """Raises InvalidRequest."""
    if _URL.fullmatch(url) is None:
        raise InvalidRequest(
            "url: send an absolute URL of at most 2048 characters, percent-encoded, without a fragment."
        )
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise InvalidRequest("url: its host or port is not one.") from None
    if has_our_parameters(parts.query):
        raise InvalidRequest(f"url: its query may not hold what answers add: {', '.join(sorted(_OURS))}.")
    if parts.scheme in _DEFAULT_PORT:
        if "@" in parts.netloc or not _HOST.fullmatch(parts.hostname or ""):
            raise InvalidRequest("url: its host is not one. User names and encoded letters do not belong there.")
        if parts.scheme == "http" and parts.hostname not in _LOCAL:
            raise InvalidRequest("url: use https. Only localhost and 127.0.0.1 may do without.")
        return
    link = _DEEP_LINK.fullmatch(url)
    if platform not in {"ios", "android", "desktop"}:
        raise InvalidRequest("url: use https. Only the platforms ios, android and desktop may have links into an app.")
    if link is None or link[1].lower() in NO_APPS:
        raise InvalidRequest("url: a link into an app is written as com.example.app://path.")


def check_settings(platform: Platform, sent: Mapping[str, str]) -> dict[str, str]:
    """The settings that the platform has. Raises InvalidRequest when a required one is missing."""
    for name in _REQUIRED[platform]:
        if not sent.get(name):
            raise InvalidRequest(f"settings.{name}: is required for the platform {platform}.")
    if platform == "js":
        origin_of(sent["origin"], field="settings.origin")
    known = (*_REQUIRED[platform], *_OPTIONAL.get(platform, ()))
    return {name: sent[name] for name in known if sent.get(name)}


def is_url(text: str) -> bool:
    """Whether every character is allowed in a redirect URI."""
    return _URL.fullmatch(text) is not None


def has_our_parameters(query: str) -> bool:
    """Whether a query has a parameter that we add."""
    # Some servers read a semicolon as an ampersand.
    return any(unquote_plus(pair.partition("=")[0]).lower() in _OURS for pair in re.split("[&;]", query))


def is_origin(text: str) -> bool:
    return _ORIGIN.fullmatch(text) is not None


def origin_of(text: str, *, field: str) -> str:
    """An origin as browsers spell it: lower case, no default port, no slash. Raises InvalidRequest, naming `field`."""
    found = _ORIGIN.fullmatch(text)
    if found is None:
        raise InvalidRequest(f"{field}: write an origin as https://app.example.com, without a path; ASCII only.")
    scheme, host, port = found[1].lower(), found[2].lower(), int(found[3] or 0)
    if scheme == "http" and host not in _LOCAL:
        raise InvalidRequest(f"{field}: only localhost and 127.0.0.1 may do without https.")
    return f"{scheme}://{host}" if port in {0, _DEFAULT_PORT[scheme]} else f"{scheme}://{host}:{port}"


def list_of(text: str) -> list[str]:
    """The items of a comma-separated list."""
    return [item.strip() for item in text.split(",") if item.strip()]
