"""What both dialogues before the login share: their limits, and a refusal in the words of each protocol."""

import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog
from pydantic import SecretStr

from opengrant.errors import AccessDenied, Blocked, InvalidRequest, OpenGrantError, RateLimited
from opengrant.net.stream_connection import StreamConnection
from opengrant.proxy.logins import Opened

log = structlog.get_logger()

UNTIL_LOGIN = 60.0
"""Seconds from the greeting to the login."""
MAX_COMMANDS = 50
"""Before the login."""
MAX_MISTAKES = 10
MAX_LOGINS = 3
"""Refused ones of a connection."""
MAX_COMMAND = 8 * 1024
"""Bytes of a command with its literals."""
_LONGEST_TEXT = 400

LogIn = Callable[[str, SecretStr], Awaitable[Opened]]
"""User name and password → the session at the mail server. Raises OpenGrantError."""


class TooMuch(Exception):
    """The client has reached a limit; the argument says which, for the client."""


class Left(Exception):
    """The client has said goodbye."""


class Refusal(NamedTuple):
    """code: IMAP's (RFC 5530); reply: SMTP's, with the enhanced code."""

    code: str
    reply: str
    text: str


class Dialogue:
    """With one client. Counts what is refused, so that a client that goes on for ever is let go."""

    def __init__(self, client: StreamConnection, log_in: LogIn) -> None:
        self._client, self._log_in = client, log_in
        self._mistakes = self._refused = 0

    def _mistaken(self) -> None:
        """The client has been told. Raises TooMuch."""
        self._mistakes += 1
        if self._mistakes >= MAX_MISTAKES:
            raise TooMuch("Too many mistakes.")

    async def _opened(self, credentials: tuple[str, SecretStr], refuse: Callable[[Refusal], None]) -> Opened | None:
        """The session at the mail server; None after a refusal, which `refuse` tells. Raises TooMuch, Left."""
        try:
            return await self._log_in(*credentials)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the client gets an answer, and a fault is logged
            refuse(refusal_of(error))
            self._refused += 1
            if self._refused >= MAX_LOGINS:
                raise TooMuch("Too many refused logins.") from None
            if not isinstance(error, OpenGrantError):
                raise Left from None
            return None


def refusal_of(error: Exception) -> Refusal:
    """What to tell a client. An error that is none of ours is logged, and says nothing of itself."""
    text = "OpenGrant has a fault: its log says more. Try again later."
    match error:
        case RateLimited():
            code, reply = "LIMIT", "454 4.7.0"
        case OpenGrantError(retryable=True):
            code, reply = "UNAVAILABLE", "454 4.3.0"
        case Blocked():
            code, reply = "CONTACTADMIN", "535 5.7.8"
        case AccessDenied():
            code, reply = "AUTHORIZATIONFAILED", "535 5.7.8"
        case InvalidRequest():
            code, reply = "CANNOT", "535 5.7.8"
        case OpenGrantError():
            code, reply = "AUTHENTICATIONFAILED", "535 5.7.8"
        case _:
            log.error("proxy_login_failed", exc_info=error)
            return Refusal("UNAVAILABLE", "454 4.3.0", text)
    wait = "" if error.retry_after is None else f" Retry-After: {error.retry_after} s."
    return Refusal(code, reply, plain(error.message, wait))


def plain(text: str, more: str = "") -> str:
    """One line of printable ASCII. more: comes after it, however long it is."""
    kept = "".join(one if " " <= one <= "~" else "?" for one in " ".join(text.split()))
    return kept[:_LONGEST_TEXT] + more


def read_plain(encoded: bytes) -> tuple[str, SecretStr] | None:
    """User name and password of a response of the mechanism PLAIN (RFC 4616); None for what is none."""
    try:
        authorized, username, password = b64decode(encoded, validate=True).decode().split("\0")
    except (binascii.Error, ValueError):
        return None
    if authorized not in ("", username):
        return None  # acting for another user is nothing that a grant allows
    return username, SecretStr(password)


def read_base64(encoded: bytes) -> str | None:
    try:
        return b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
