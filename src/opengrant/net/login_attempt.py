"""One try to log in to a server with a password: whom, as whom, how far it got; and every way it can fail, as evidence.

A server may repeat what it was sent. Whatever it says passes `_scrub` before it becomes evidence, so that a
password is in none of it, neither plain nor as base64 of anything that holds it.
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

from opengrant.errors import Evidence, Leg, OpenGrantError, ProviderFailure, Step
from opengrant.model import fold
from opengrant.net.masking import Mask
from opengrant.net.observe import Observe

Security = Literal["tls", "starttls", "plain"]
"""TLS from the first byte, TLS after asking for it, none."""

MAX_TEXT = 1024
"""Bytes of a server's own words that are kept."""
_MAX_READ = 4 * MAX_TEXT

_HARMLESS = frozenset[Step]({"dns", "connect", "tls", "greeting", "command"})
"""Where the server has not seen the password yet, or has taken it."""
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
    """Seconds, each for a whole step however slowly the bytes drip. Some servers delay refusals by 15 s on purpose."""

    connect: float = 10
    tls: float = 10
    greeting: float = 20
    command: float = 10
    login: float = 35
    goodbye: float = 2
    """The proof is complete by then; nobody should wait for it."""
    whole: float = 75
    turn: float = 30
    """Before all that: for one of the proofs that may be under way at once."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is agreed before a dialogue begins.

    host         the name the certificate must carry
    plain_is_ok  log in without TLS when `security` is "starttls" and the server has none
    """

    host: str
    security: Security
    plain_is_ok: bool
    tls: ssl.SSLContext
    deadlines: Deadlines


@dataclass(slots=True)
class Attempt:
    """Mutable in `step`, which the dialogue moves on as it goes, and in `host`, once a server's name is known."""

    provider: str
    leg: Leg
    username: str
    password: SecretStr
    step: Step = field(default="dns")
    host: str = ""

    def failure(
        self, code: str, *, text: str | bytes = "", status: int | None = None, subcodes: tuple[str, ...] = ()
    ) -> ProviderFailure:
        """The evidence of a failure at the present step; `text` is what the server said, credentials and all."""
        said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return ProviderFailure(
            Evidence(
                self.provider,
                self.leg,
                self.step,
                status=status,
                code=code,
                subcodes=subcodes,
                text=_scrub(said, self.password.get_secret_value()),
                sent=self.step in ("auth", "command"),
                host=self.host,
            )
        )

    def network_failure(self, error: OSError) -> ProviderFailure:
        """Name a fault below the mail protocol: TLS by its own reason, the rest by the words of `_NETWORK_FAULTS`."""
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
            case ConnectionError() if error.errno is None:  # the end of the stream, as libraries tell it
                code = "closed"
            case _:
                code = _NETWORK_FAULTS.get(error.errno or 0, "network")
        return self.failure(code)


class Asked:
    """The answers of the mechanism LOGIN: each to the challenge that asks for it, and each once.

    Challenges are free text ("Username:", "User Name", "Password:"), or empty: then the user name comes first.
    """

    def __init__(self, username: bytes, password: bytes) -> None:
        self._left = {"username": username, "password": password}

    def answer(self, challenge: bytes) -> bytes | None:
        """None: what is asked for was given before, or there is nothing left to give."""
        said = challenge.lower()
        if b"pass" in said:
            wanted = "password"
        elif b"user" in said or b"name" in said or b"login" in said:
            wanted = "username"
        else:
            wanted = next(iter(self._left), "")
        return self._left.pop(wanted, None)


def _reason(error: ssl.SSLError) -> str:
    """The reason in OpenSSL's own words, spelled as its names: Python knows no name that is newer than itself."""
    found = re.fullmatch(r"\[SSL\] ([a-z0-9 ]+) \(_ssl\.c:\d+\)", str(error.args[-1]) if error.args else "")
    return found[1].upper().replace(" ", "_") if found else "TLS_FAILED"


@contextlib.contextmanager
def observed(attempt: Attempt, observe: Observe | None) -> Iterator[None]:
    """Around one conversation: tells how it ended and how long it took. Who is no longer waited for, or not to
    be asked, was "given_up"."""
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
        if observe is not None:
            observe(attempt.provider, attempt.leg, outcome, time.monotonic() - started)


class Tries(Protocol):
    """Where passwords are counted. `about`: which leg, where, as whom."""

    async def take(self, about: str) -> None:
        """One is about to be tried. Raises RateLimited when that would be too many."""

    async def give_back(self, about: str) -> None:
        """It was none to guess by."""


_tries: ContextVar[Tries | None] = ContextVar("tries", default=None)


@contextlib.contextmanager
def counting(tries: Tries) -> Iterator[None]:
    """Whatever is tried within, by tasks begun there too, is counted: somebody may be guessing."""
    before = _tries.set(tries)
    try:
        yield
    finally:
        _tries.reset(before)


@contextlib.asynccontextmanager
async def counted(attempt: Attempt, place: str, *, sent: bool = False) -> AsyncIterator[None]:
    """Around one password sent to one server. It stays counted where that was refused, or nobody can tell.

    place  the server's address: its names may be many
    sent   whatever fails within, the server may have had the password; else the attempt's step tells
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
    """Make a server's words fit to be kept: one line, without the password or a part of it, at most MAX_TEXT bytes."""
    mask = Mask(_forms(password))
    text = mask.over(" ".join(_CONTROL.sub(" ", text[:_MAX_READ]).split()))
    if mask.shows(text):
        return ""
    return text.encode()[:MAX_TEXT].decode("utf-8", "ignore")


def _forms(password: str) -> set[str]:
    """Every spelling in which a server could repeat the password by accident or out of malice."""
    if not password:
        return set()
    raw = password.encode("utf-8", "surrogatepass")
    # What `_scrub` makes of white space in the words, it must find in the password too.
    forms = {password, " ".join(_CONTROL.sub(" ", password).split())}
    forms |= {form.replace("\\", "\\\\").replace('"', '\\"') for form in tuple(forms)}
    forms |= {raw.decode("ascii", "replace"), raw.decode("latin-1"), raw.hex(), raw.hex().upper()}
    for shift in range(3):
        # Base64 of anything that holds the password holds one of these three, whatever stands before and after it.
        whole = (shift + len(raw)) // 3 * 3
        start = 4 if shift else 0
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms.add(encode((b"\0" * shift + raw)[:whole]).decode()[start:])
    return {form for form in forms if form}
