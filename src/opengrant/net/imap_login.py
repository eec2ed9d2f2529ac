"""A login test over IMAP: log in once, send one harmless command, log out. Runs in a thread, on a connected socket.

imaplib does tags and response syntax. The bytes go through `_Wire`, which limits time and size and keeps the server's
words. The text of imaplib's exceptions is never shown: it may contain the command.

Sources  RFC 3501, 9051; RFC 4959 (SASL-IR), 4616 (PLAIN), 5530 (response codes), 2971 (ID)
Quirks   capabilities change with TLS and with login; Exchange can accept a login that it cannot serve, which only a
         command after the login shows; 163.com requires ID; 126.com announces SASL-IR and answers BAD to it.
         No mailbox is opened.
"""

import base64
import contextlib
import imaplib
import re
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

from opengrant.errors import ProviderFailure, Step
from opengrant.net.login_attempt import Asked, Attempt, Security, Terms

MAX_LINE = 8 * 1024
MAX_RECEIVED = 256 * 1024
"""Most bytes of a dialogue; a login test needs a few thousand."""
MAX_OBJECTIONS = 100
"""Most status lines other than OK in one step. A refusal needs one or two; reading more costs time."""

# Response codes of RFC 5530, and those that Gmail and Yahoo add. Other codes are part of the text.
_CODES = frozenset(
    {
        "ALERT",
        "AUTHENTICATIONFAILED",
        "AUTHORIZATIONFAILED",
        "CANNOT",
        "CLIENTBUG",
        "CONTACTADMIN",
        "CORRUPTION",
        "EXPIRED",
        "INUSE",
        "LIMIT",
        "NOPERM",
        "OVERQUOTA",
        "PRIVACYREQUIRED",
        "SERVERBUG",
        "THROTTLED",
        "UNAVAILABLE",
        "WEBALERT",
    }
)
_STATUS = re.compile(
    rb"(?P<tag>[^ ]+) (?P<word>OK|NO|BAD|BYE)(?: (?P<text>(?:\[(?P<code>[A-Za-z/-]+).*)?.*))?$", re.IGNORECASE
)


class _Malformed(Exception):
    """The server broke the protocol. The only argument is our code for it."""


class _Wire:
    """A blocking socket with a deadline per step and a limit on received bytes; it keeps status lines."""

    def __init__(self, sock: socket.socket, attempt: Attempt) -> None:
        self._sock = sock
        self._attempt = attempt
        self._buffer = bytearray()
        self._left = MAX_RECEIVED
        self._deadline = 0.0
        self._heard: list[re.Match[bytes]] = []
        self.first = b""
        """The server's first line."""
        self.mechanism = ""
        """The mechanism that sent the password, as servers announce it."""

    def step(self, name: Step, seconds: float) -> None:
        """Begin a step with its own deadline and no status lines."""
        self._attempt.step = name
        self._deadline = time.monotonic() + seconds
        self._heard.clear()

    def start_tls(self, tls: ssl.SSLContext, host: str) -> None:
        if self._buffer:  # sent before TLS: it would be read as if it came over TLS
            raise _Malformed("data_before_tls")
        self._arm()
        self._sock = tls.wrap_socket(self._sock, server_hostname=host)

    def send(self, data: bytes) -> None:
        self._arm()
        self._sock.sendall(data)

    def readline(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > MAX_LINE:
                raise _Malformed("too_long")
            self._receive()
        line = self.read(end + 1)
        self.first = self.first or line
        if (status := _STATUS.match(line.rstrip())) and status["word"].upper() != b"OK":
            self._heard.append(status)
            if len(self._heard) > MAX_OBJECTIONS:
                raise _Malformed("too_long")
        return line

    def read(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def close(self) -> None:
        self._sock.close()

    def refusal(self) -> ProviderFailure | None:
        """The server's refusal in this step, in its own words; None if it refused nothing."""
        if not self._heard:
            return None
        codes = [(status["code"] or b"").decode("ascii").upper() for status in self._heard]
        words = [status["word"].decode("ascii").upper() for status in self._heard]
        known = [code for code in codes if code in _CODES]
        # ALERT only marks text for people; other codes say more. BYE says more than a NO without a code.
        telling = [code for code in known if code != "ALERT"] or known or [w for w in words if w == "BYE"] or words
        text = b" ".join(status["text"] or b"" for status in self._heard)
        how = [self.mechanism] if telling[0] == "NO" and self.mechanism and self._attempt.step == "auth" else []
        return self._attempt.failure(telling[0], text=text, subcodes=tuple(dict.fromkeys([*words, *how])))

    def misread(self) -> bool:
        """Whether the server only said in this step that it did not understand: it has not judged the password.

        BAD with a code of RFC 5530 is a judgement.
        """
        judged = any((status["code"] or b"").decode("ascii").upper() in _CODES for status in self._heard)
        return bool(self._heard) and not judged and all(status["word"].upper() == b"BAD" for status in self._heard)

    def forget(self) -> None:
        """Drop the status lines of this step."""
        self._heard.clear()

    def _receive(self) -> None:
        self._arm()
        data = self._sock.recv(16 * 1024)
        if not data:
            raise ConnectionAbortedError
        self._left -= len(data)
        if self._left < 0:
            raise _Malformed("too_long")
        self._buffer += data

    def _arm(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(left)


class _Imap(imaplib.IMAP4):
    """imaplib on a `_Wire`. The constructor reads the greeting and the capabilities."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire
        super().__init__()

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:
        """The wire is connected already."""

    def read(self, size: int) -> bytes:
        return self._wire.read(size)

    def readline(self) -> bytes:
        return self._wire.readline()

    def send(self, data: Any) -> None:
        self._wire.send(data)

    def shutdown(self) -> None:
        self._wire.close()

    def offers(self) -> frozenset[str]:
        """The capabilities; asks for them unless the server has just sent them."""
        lines = self.untagged_responses.get("CAPABILITY")
        if not lines:
            lines = self.capability()[1]
        last = lines[-1] if lines else None
        if not isinstance(last, bytes):
            raise _Malformed("not_imap")
        return frozenset(last.decode("ascii", "replace").upper().split())


def prove(sock: socket.socket, attempt: Attempt, terms: Terms) -> Security:
    """Run the whole dialogue and close the socket. Returns what protected the password.

    Raises ProviderFailure, and nothing else.
    """
    wire = _Wire(sock, attempt)
    try:
        return _converse(wire, attempt, terms)
    except _Malformed as error:
        raise attempt.failure(str(error), text=_other_greeting(wire)) from None
    except ssl.SSLError as error:
        raise attempt.network_failure(error) from None
    except OSError as error:
        # BYE says why the server closed the connection; the error of the closed socket says nothing more.
        raise wire.refusal() or attempt.network_failure(error) from None
    except (imaplib.IMAP4.error, ValueError, LookupError, TypeError, AttributeError):
        # imaplib trusts the server's syntax: bad syntax raises any of these.
        raise wire.refusal() or attempt.failure("not_imap", text=_other_greeting(wire)) from None
    finally:
        wire.close()


def _other_greeting(wire: _Wire) -> bytes:
    """The greeting of a server of another protocol; b"" for anything else."""
    return wire.first if wire.first.startswith((b"220", b"+OK")) else b""


def _converse(wire: _Wire, attempt: Attempt, terms: Terms) -> Security:
    deadlines = terms.deadlines
    if terms.security == "tls":
        wire.step("tls", deadlines.tls)
        wire.start_tls(terms.tls, terms.host)
    wire.step("greeting", deadlines.greeting)
    imap = _Imap(wire)
    if imap.state != "NONAUTH":
        # Logged in already, as an unknown user: that proves nothing, and may hide a downgrade.
        raise attempt.failure("preauth", text=imap.welcome)
    security, offers = terms.security, frozenset(imap.capabilities)
    if security == "starttls":
        security, offers = _start_tls(wire, imap, attempt, terms, offers)

    wire.step("auth", deadlines.login)
    imap.untagged_responses.clear()
    _expect(wire, _log_in(wire, imap, attempt, offers))
    imap.state = "AUTH"

    wire.step("command", deadlines.command)
    offers = imap.offers()
    if "ID" in offers:
        with contextlib.suppress(imaplib.IMAP4.error):  # 163.com requires it; a refusal means nothing
            imap.xatom("ID", '("name" "opengrant")')
        wire.step("command", deadlines.command)
    _expect(wire, imap.namespace() if "NAMESPACE" in offers else imap.list('""', '""'))

    with contextlib.suppress(imaplib.IMAP4.error, OSError, _Malformed, ValueError):
        wire.step("command", deadlines.goodbye)
        imap.logout()
    return security


def _start_tls(
    wire: _Wire, imap: _Imap, attempt: Attempt, terms: Terms, offers: frozenset[str]
) -> tuple[Security, frozenset[str]]:
    """What protects the connection afterwards, and the capabilities that hold then."""
    wire.step("tls", terms.deadlines.tls)
    if "STARTTLS" in offers:
        _expect(wire, imap.xatom("STARTTLS"))
        wire.start_tls(terms.tls, terms.host)
        imap.untagged_responses.clear()  # data from before TLS may be forged
        wire.step("greeting", terms.deadlines.command)
        return "starttls", imap.offers()
    if terms.plain_is_ok:
        return "plain", offers
    raise attempt.failure("starttls_not_offered")


def _log_in(wire: _Wire, imap: _Imap, attempt: Attempt, offers: Iterable[str]) -> tuple[str, Any]:
    """One attempt by one mechanism: servers lock accounts by the number of attempts."""
    username, password = attempt.username.encode(), attempt.password.get_secret_value().encode()
    if "AUTH=PLAIN" in offers:
        wire.mechanism = "AUTH=PLAIN"
        response = b"\0" + username + b"\0" + password
        if "SASL-IR" in offers and (answer := _authenticate_at_once(wire, imap, response)):
            return answer
        left = iter([response])
        # If the server asks for more than the mechanism has, None cancels.
        return imap.authenticate("PLAIN", lambda _challenge: next(left, None))
    if "AUTH=LOGIN" in offers:
        return imap.authenticate("LOGIN", Asked(username, password).answer)
    if "LOGINDISABLED" in offers:
        raise attempt.failure("LOGINDISABLED")
    # RFC 3501 does not allow UTF-8 in a quoted string, but it is the only form that a server could understand.
    # imaplib accepts bytes; only its type stubs ask for text.
    return imap.xatom("LOGIN", _quoted(username), _quoted(password))  # type: ignore[arg-type]


class _OneAnswer:
    """Answers imaplib's continuation requests: one line, then a cancellation. imaplib expects a bound method."""

    def __init__(self, line: bytes) -> None:
        self._left = [line]

    def to(self, _challenge: bytes) -> bytes:
        return self._left.pop() if self._left else b"*"


def _authenticate_at_once(wire: _Wire, imap: _Imap, response: bytes) -> tuple[str, Any] | None:
    """PLAIN in one line (RFC 4959); None if the server announces that form and does not understand it.

    After a BAD the password is not judged, so the login in two steps is no second attempt. A server that ignores the
    initial response asks for it again, and gets it.
    """
    encoded = base64.b64encode(response)
    imap.literal = _OneAnswer(encoded).to  # type: ignore[assignment]
    try:
        return imap.xatom("AUTHENTICATE", "PLAIN", encoded.decode())
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        if not wire.misread():
            raise
        wire.forget()
        return None


def _quoted(text: bytes) -> bytes:
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _expect(wire: _Wire, answer: tuple[str, Any]) -> None:
    if answer[0] != "OK":
        raise wire.refusal() or _Malformed("not_imap")
