"""Tests a password at IMAP and SMTP servers, at addresses that the guard has checked.

Both dialogues run on the event loop. A login test takes a turn first, which limits them: inside a turn there is one
IMAP and one SMTP login at a time. A cancelled caller closes the connection. Every failure is a ProviderFailure whose
evidence has `step` "dns", "connect", "tls", "greeting", "auth" or "command", and as `code`

- the server's code: an IMAP response code (or NO, BAD, BYE if there is none), an SMTP enhanced status code
- a TLS reason: `CERTIFICATE_VERIFY_FAILED` (OpenSSL's verify code in `subcodes`), `WRONG_VERSION_NUMBER`, …
- our code: `bad_host`, `no_public_address`, `dns_unavailable`, `refused`, `unreachable`, `timeout`, `reset`, `closed`,
  `network`, `starttls_not_offered`, `plaintext_not_allowed`, `preauth`, `LOGINDISABLED`, `auth_not_offered`,
  `too_long`, `not_imap`, `not_smtp`, `data_before_tls`
"""

import asyncio
import contextlib
import functools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

from opengrant.errors import Overloaded, ProviderFailure
from opengrant.net import imap_login, smtp_login
from opengrant.net.guard import Guard, Target
from opengrant.net.imap.session import ImapSession
from opengrant.net.line_connection import LineConnection, Malformed, connect
from opengrant.net.login_attempt import Attempt, Deadlines, Security, Terms, counted, observed
from opengrant.net.observe import Observe
from opengrant.net.smtp.session import SmtpSession
from opengrant.net.tls_sessions import TlsSessions

Wanted = Literal["auto", "tls", "starttls", "plain"]
"""`auto` decides by the port; on an unknown port it tries TLS first, and STARTTLS if the server sends plain text."""
MailLeg = Literal["imap", "smtp"]

_Prove = Callable[[LineConnection, Attempt, Terms], Awaitable[Security]]

FIRST_WORDS: dict[MailLeg, bytes] = {"imap": b"* OK", "smtp": b"220"}
"""The first bytes of a server of each kind."""
IMPLICIT_TLS = frozenset({993, 465})
STARTTLS = frozenset({143, 587, 25})
_MET_PLAIN_TEXT = frozenset({"WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL", "HTTP_REQUEST"})


@dataclass(frozen=True, slots=True)
class Session:
    """The result of a login test: where the login worked, and what protected the password."""

    host: str
    port: int
    security: Security


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLogin:
    """Where to log in, and as whom. bearer: `secret` is an access token, not a password."""

    leg: MailLeg
    host: str
    port: int
    security: Security
    username: str
    secret: SecretStr
    bearer: bool = False


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """TLS that checks certificates and names, with the CAs of the system and of `ca_file`. Slow to make: keep it."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an intermediate CA may be the one that is trusted
    return context


def shared_tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """The same for all clients that change nothing of it: each context takes 20 ms and 0.8 MB.

    Made anew when the content of `ca_file` has changed. Raises OSError, ssl.SSLError.
    """
    return _shared(ca_file, b"" if ca_file is None else ca_file.read_bytes())


@functools.lru_cache(maxsize=2)
def _shared(ca_file: Path | None, _content: bytes) -> ssl.SSLContext:
    return tls_context(ca_file)


class MailClient:
    """Built once. at_once: most login tests at a time."""

    def __init__(
        self,
        guard: Guard,
        *,
        at_once: int,
        ca_file: Path | None = None,
        allow_plaintext: bool = False,
        observe: Observe | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        self.tls = shared_tls_context(ca_file)
        self._sessions = TlsSessions()
        self._guard = guard
        self._slots = asyncio.Semaphore(at_once)
        self._allow_plaintext = allow_plaintext
        self._observe = observe
        self._deadlines = deadlines or Deadlines()

    async def imap_login(
        self, provider: str, *, host: str, port: int, security: Wanted, username: str, password: SecretStr
    ) -> Session:
        """Inside a turn: log in once, send one harmless command, log out. Raises ProviderFailure."""
        attempt = Attempt(provider, "imap", username, password)
        return await self._log_in(attempt, imap_login.prove, host, port, security)

    async def smtp_login(
        self, provider: str, *, host: str, port: int, security: Wanted, username: str, password: SecretStr
    ) -> Session:
        """Inside a turn: EHLO, TLS, one AUTH, QUIT; sends no mail. Raises ProviderFailure."""
        attempt = Attempt(provider, "smtp", username, password)
        return await self._log_in(attempt, smtp_login.prove, host, port, security)

    async def open_imap(self, provider: str, login: ServerLogin) -> ImapSession:
        """Log in and stay: the caller closes the session. Raises ProviderFailure."""
        attempt = Attempt(provider, "imap", login.username, login.secret, bearer=login.bearer, stays=True)
        opened = list[ImapSession]()

        async def stay(connection: LineConnection, attempt: Attempt, terms: Terms) -> Security:
            offers = await imap_login.open_session(connection, attempt, terms)
            opened.append(ImapSession(connection, attempt, offers))
            return terms.security

        await self._log_in(attempt, stay, login.host, login.port, login.security)
        return opened[0]

    async def open_smtp(self, provider: str, login: ServerLogin) -> SmtpSession:
        """As `open_imap`."""
        attempt = Attempt(provider, "smtp", login.username, login.secret, bearer=login.bearer, stays=True)
        opened = list[SmtpSession]()

        async def stay(connection: LineConnection, attempt: Attempt, terms: Terms) -> Security:
            dialogue, security = await smtp_login.open_session(connection, attempt, terms)
            opened.append(SmtpSession(dialogue))
            return security

        await self._log_in(attempt, stay, login.host, login.port, login.security)
        return opened[0]

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """The turn of one login test with all its logins. Raises Overloaded.

        The wait is our limit, not the server's fault, so the deadline of the test begins after it.
        """
        try:
            async with asyncio.timeout(self._deadlines.turn):
                await self._slots.acquire()
        except TimeoutError:
            raise Overloaded("Too many mail servers are being asked at once. Try again later.") from None
        try:
            yield
        finally:
            self._slots.release()

    async def greets(self, provider: str, leg: MailLeg, host: str, port: int) -> bool:
        """Whether such a server answers there with a valid certificate. Sends no credential; does not raise."""
        try:
            await self.meet(provider, leg, host, port, implicit=port in IMPLICIT_TLS)
        except ProviderFailure:
            return False
        return True

    async def meet(self, provider: str, leg: MailLeg, host: str, port: int, *, implicit: bool) -> None:
        """Wait for such a server's greeting and send nothing. Raises ProviderFailure.

        implicit  TLS comes first, and the certificate must be valid
        """
        attempt = Attempt(provider, leg, "", SecretStr(""))
        target = await self._guard.resolve(host, port, provider=provider, leg=leg)
        with contextlib.closing(await self._connect(attempt, target)) as connection:
            try:
                if implicit:
                    attempt.step = "tls"
                    connection.within(self._deadlines.tls)
                    await connection.begin_tls(self.tls, target.host)
                attempt.step = "greeting"
                connection.within(self._deadlines.greeting)
                if not (await connection.line()).startswith(FIRST_WORDS[leg]):
                    raise attempt.failure(f"not_{leg}")
            except OSError as error:
                raise attempt.network_failure(error) from None
            except Malformed as error:
                raise attempt.failure(str(error)) from None

    async def _log_in(self, attempt: Attempt, prove: _Prove, host: str, port: int, wanted: Wanted) -> Session:
        if wanted == "plain" and not self._allow_plaintext:
            attempt.step = "tls"
            raise attempt.failure("plaintext_not_allowed")
        with observed(attempt, self._observe):
            return await self._talk(attempt, prove, host, port, wanted)

    async def _talk(self, attempt: Attempt, prove: _Prove, host: str, port: int, wanted: Wanted) -> Session:
        try:
            async with asyncio.timeout(self._deadlines.whole):
                target = await self._guard.resolve(host, port, provider=attempt.provider, leg=attempt.leg)
                attempt.host = target.host
                security = await self._try_securities(attempt, prove, target, wanted)
        except TimeoutError:
            raise attempt.failure("timeout") from None
        return Session(target.host, port, security)

    async def _try_securities(self, attempt: Attempt, prove: _Prove, target: Target, wanted: Wanted) -> Security:
        by_port: Security = "starttls" if target.port in STARTTLS else "tls"
        first = by_port if wanted == "auto" else wanted
        plain_is_ok = self._allow_plaintext and wanted == "auto"
        terms = Terms(target.host, first, plain_is_ok, self.tls, self._deadlines)
        try:
            return await self._once(attempt, prove, target, terms)
        except ProviderFailure as failure:
            known_port = target.port in IMPLICIT_TLS | STARTTLS
            met_plain_text = failure.evidence.step == "tls" and failure.evidence.code in _MET_PLAIN_TEXT
            if wanted != "auto" or known_port or not met_plain_text:
                raise
        terms = Terms(target.host, "starttls", plain_is_ok, self.tls, self._deadlines)
        return await self._once(attempt, prove, target, terms)

    async def _once(self, attempt: Attempt, prove: _Prove, target: Target, terms: Terms) -> Security:
        server = target.host, target.port
        terms = replace(terms, resume=self._sessions.find(*server))
        connection = await self._connect(attempt, target)
        try:
            async with counted(attempt, connection.peer):
                try:
                    security = await prove(connection, attempt, terms)
                except ProviderFailure as failure:
                    if terms.resume is not None and failure.evidence.step == "tls":
                        self._sessions.refuse(*server)
                    raise
                self._sessions.keep(*server, connection.tls)
        except BaseException:
            connection.close()
            raise
        if not attempt.stays:
            connection.close()
        return security

    async def _connect(self, attempt: Attempt, target: Target) -> LineConnection:
        attempt.step = "connect"
        try:
            return await connect(target.addresses, target.port, self._deadlines.connect)
        except OSError as error:
            raise attempt.network_failure(error) from None
