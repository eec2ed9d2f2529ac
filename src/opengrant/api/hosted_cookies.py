"""The cookies that tie a hosted sign-in to the browser that began it."""

from opengrant.api.http.cookies import cookie_pairs
from opengrant.api.http.request import Headers
from opengrant.model import SECOND
from opengrant.signin.login import LOGIN_LASTS
from opengrant.signin.start import Begun

_COOKIE = "opengrant_browser"
_MOST_COOKIES = 100


def _cookie_name(base: str) -> str:
    """The prefix of our cookies' names. Browsers accept `__Host-` over https only, and from this host only."""
    return f"__Host-{_COOKIE}_" if base.startswith("https:") else f"{_COOKIE}_"


def browser_cookies(headers: Headers, base: str) -> list[str]:
    """The values of this browser's sign-ins."""
    begins = _cookie_name(base).encode()
    found = [
        value.decode("latin-1")
        for name, value in cookie_pairs(headers)
        if name.startswith(begins) and 20 <= len(value) <= 128
    ]
    return found[:_MOST_COOKIES]


def set_cookie(begun: Begun, base: str) -> tuple[bytes, bytes]:
    """A cookie of its own for each sign-in, so that two at once do not disturb each other.

    Lax, not Strict: the provider's page leads back here.
    """
    secure = base.startswith("https:")
    cookie = (
        f"{_cookie_name(base)}{begun.login_id[:8]}={begun.browser.get_secret_value()}; Max-Age={LOGIN_LASTS // SECOND}"
        f"; Path={'/' if secure else '/v3/connect'}; HttpOnly; SameSite=Lax{'; Secure' if secure else ''}"
    )
    return b"set-cookie", cookie.encode()
