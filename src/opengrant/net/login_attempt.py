"""One attempt to log in to a server with a password: its state, and its failures as evidence.

A server may repeat what it received. Its words pass `_scrub` before they become evidence, so evidence never contains
a password, neither plain nor inside base64.
"""

import asyncio
import base64
import contextlib
import errno
import re
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import SecretStr

from opengrant import tracing
from opengrant.errors import Evidence, Leg, OpenGrantError, ProviderFailure, Step
from opengrant.model import fold
from opengrant.net.masking import Mask
from opengrant.net.observe import Observe

Security = Literal["tls", "starttls", "plain"]
"""TLS from the first byte, TLS after STARTTLS, no TLS."""

MAX_TEXT = 1024
"""Bytes kept of a server's words."""
_MAX_READ = 4 * MAX_TEXT

_HARMLESS = frozenset[Step]({"dns", "connect", "tls", "greeting", "command"})
"""Steps in which the server has not seen the password yet, or has accepted it."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_NETWORK_FAULTS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.EADDRNOTAVAIL: "unreachable",
    errno.ETIMEDOUT: "timeout",
    errno.ECONNABORTED: "closed",
}


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds per whole step, even if bytes arrive slowly. Some servers delay refusals by 15 s on purpose."""

    connect: float = 10
    tls: float = 10
    greeting: float = 10
    """With the capabilities that follow it."""
    command: float = 10
    login: float = 35
    whole: float = 75
    turn: float = 30
    """The wait before all steps: the number of login tests at a time is limited."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The conditions of a dialogue.

    host         the name the certificate must carry
    plain_is_ok  log in without TLS when `security` is "starttls" and the server has none
    resume       a TLS session with this server
    """

    host: str
    security: Security
    plain_is_ok: bool
    tls: ssl.SSLContext
    deadlines: Deadlines
    resume: ssl.SSLSession | None = None


@dataclass(slots=True)
class Attempt:
    """Mutable: the dialogue sets `step` as it goes, and `host` once the server's name is known.

    bearer  `password` is an access token, for the mechanism XOAUTH2
    stays   the connection is used after the login
    asked   the host that the last HTTP request went to
    """

    provider: str
    leg: Leg
    username: str
    password: SecretStr
    step: Step = field(default="dns")
    host: str = ""
    bearer: bool = False
    stays: bool = False
    asked: str = ""

    def failure(
        self, code: str, *, text: str | bytes = "", status: int | None = None, subcodes: tuple[str, ...] = ()
    ) -> ProviderFailure:
        """Evidence of a failure at the present step. text: the server's words, not scrubbed yet."""
        words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return ProviderFailure(
            Evidence(
                self.provider,
                self.leg,
                self.step,
                status=status,
                code=code,
                subcodes=subcodes,
                text=_scrub(words, self.password.get_secret_value()),
                sent=self.step in ("auth", "command"),
                host=self.host,
            )
        )

    def network_failure(self, error: OSError) -> ProviderFailure:
        """Evidence of a fault below the protocol. The code is OpenSSL's reason, or one of `_NETWORK_FAULTS`."""
        match error:
            case ssl.SSLCertVerificationError():
                verify = (str(error.verify_code),)
                return self.failure("CERTIFICATE_VERIFY_FAILED", text=error.verify_message, subcodes=verify)
            case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
                code = "closed"
            case ssl.SSLError():
                code = error.reason or _reason(error)
            case TimeoutError():
                code = "timeout"
            case ConnectionError() if error.errno is None:  # the end of the stream, as libraries report it
                code = "closed"
            case _:
                code = _NETWORK_FAULTS.get(error.errno or 0, "network")
        return self.failure(code)


class Asked:
    """The answers of the mechanism LOGIN, each given once, to the challenge that asks for it.

    Challenges are free text ("Username:", "User Name", "Password:") or empty; an empty one gets the user name first.
    """

    def __init__(self, username: bytes, password: bytes) -> None:
        self._left = {"username": username, "password": password}

    def answer(self, challenge: bytes) -> bytes | None:
        """None: this answer was given before, or none is left."""
        text = challenge.lower()
        if b"pass" in text:
            wanted = "password"
        elif b"user" in text or b"name" in text or b"login" in text:
            wanted = "username"
        else:
            wanted = next(iter(self._left), "")
        return self._left.pop(wanted, None)


def xoauth2(attempt: Attempt) -> bytes:
    """What XOAUTH2 sends. Source: Google, "The SASL XOAUTH2 Mechanism"; Microsoft and Yahoo take the same."""
    return f"user={attempt.username}\1auth=Bearer {attempt.password.get_secret_value()}\1\1".encode()


def challenge(text: bytes) -> bytes:
    """What a server's base64 says; b"" for what is none, so that the mechanism's next answer is due."""
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""


def _reason(error: ssl.SSLError) -> str:
    """OpenSSL's reason as a name, for reasons that this Python has no name for."""
    found = re.fullmatch(r"\[SSL\] ([a-z0-9 ]+) \(_ssl\.c:\d+\)", str(error.args[-1]) if error.args else "")
    return found[1].upper().replace(" ", "_") if found else "TLS_FAILED"


@contextlib.contextmanager
def observed(attempt: Attempt, observe: Observe | None) -> Iterator[None]:
    """Report how one conversation ended and how long it took. A cancelled or refused one is "given_up"."""
    started, outcome = time.monotonic(), "ok"
    try:
        yield
    except ProviderFailure as failure:
        outcome = failure.evidence.step
        raise
    except (asyncio.CancelledError, OpenGrantError):
        outcome = "given_up"
        raise
    finally:
        seconds = time.monotonic() - started
        if observe is not None:
            observe(attempt.provider, attempt.leg, outcome, seconds)
        if (spans := tracing.current()) is not None:
            spans.ended(attempt.provider, attempt.leg, outcome, seconds, attempt.host or attempt.asked)


class Tries(Protocol):
    """Counts attempts with passwords. about: leg, server address and user name."""

    async def take(self, about: str) -> None:
        """Count an attempt that is about to begin. Raises RateLimited above the limit."""

    async def give_back(self, about: str) -> None:
        """Uncount it: nothing was learned about the password."""


_tries: ContextVar[Tries | None] = ContextVar("tries", default=None)


@contextlib.contextmanager
def counting(tries: Tries) -> Iterator[None]:
    """Count the attempts made inside, also in tasks started there, to limit guessing."""
    before = _tries.set(tries)
    try:
        yield
    finally:
        _tries.reset(before)


@contextlib.asynccontextmanager
async def counted(attempt: Attempt, place: str, *, sent: bool = False) -> AsyncIterator[None]:
    """Count one password sent to one server. It stays counted if it was refused, or if the result is unknown.

    place  the server's address: it may have many names
    sent   the server may have received the password, whatever fails inside; else the attempt's step decides
    """
    tries = _tries.get()
    if tries is None:
        yield
        return
    about = f"{attempt.leg} {place} {fold(attempt.username)}"
    await tries.take(about)
    try:
        yield
    except BaseException:
        if not sent and attempt.step in _HARMLESS:
            await tries.give_back(about)
        raise
    await tries.give_back(about)


def _scrub(text: str, password: str) -> str:
    """A server's words as evidence: one line, without the password or parts of it, at most MAX_TEXT bytes."""
    mask = Mask(_forms(password))
    text = mask.over(" ".join(_CONTROL.sub(" ", text[:_MAX_READ]).split()))
    if mask.shows(text):
        return ""
    return text.encode()[:MAX_TEXT].decode("utf-8", "ignore")


def _forms(password: str) -> set[str]:
    """The forms in which a server could repeat the password, by accident or on purpose."""
    if not password:
        return set()
    raw = password.encode("utf-8", "surrogatepass")
    # `_scrub` normalises white space in the words, so the password needs the same form.
    forms = {password, " ".join(_CONTROL.sub(" ", password).split())}
    forms |= {form.replace("\\", "\\\\").replace('"', '\\"') for form in tuple(forms)}
    forms |= {raw.decode("ascii", "replace"), raw.decode("latin-1"), raw.hex(), raw.hex().upper()}
    for shift in range(3):
        # Base64 of any text with the password inside contains one of these three.
        whole = (shift + len(raw)) // 3 * 3
        start = 4 if shift else 0
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms.add(encode((b"\0" * shift + raw)[:whole]).decode()[start:])
    return {form for form in forms if form}
