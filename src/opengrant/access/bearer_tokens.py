"""Opaque tokens: `<prefix><application id, base64url>.<43 random characters>`.

The application id is part of the token, so every look-up can use it. The rest is 256 random bits. Only the keyed digest
of the whole is stored.
"""

import base64
import binascii
import re
import secrets as random

from pydantic import SecretStr

ACCESS = "oga_"
REFRESH = "ogr_"
CODE = "ogc_"
FEED = "ogf_"
PROXY = "ogm_"
"""For the mail proxy."""

LONGEST = 160
"""Characters: the prefix, an application id of 64, and the random part."""

_SHAPE = re.compile(r"([A-Za-z0-9_-]{1,100})\.[A-Za-z0-9_-]{43}")
_ID = re.compile(r"[\x20-\x7e]{1,64}")


def make(prefix: str, application_id: str) -> SecretStr:
    """A new token."""
    owner = base64.urlsafe_b64encode(application_id.encode()).decode().rstrip("=")
    return SecretStr(f"{prefix}{owner}.{random.token_urlsafe(32)}")


def application_of(prefix: str, token: str) -> str | None:
    """The application id in a token; None when it is no token of this kind. The token is not verified."""
    if len(token) > LONGEST or not token.startswith(prefix):
        return None
    shaped = _SHAPE.fullmatch(token, len(prefix))
    if shaped is None:
        return None
    owner = shaped[1]
    try:
        application_id = base64.b64decode(owner + "=" * (-len(owner) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    # The input is not trusted: a database does not accept every character in text.
    return application_id if _ID.fullmatch(application_id) else None
