"""Tests a password at IMAP and SMTP servers, at addresses that the guard has checked.

IMAP runs in threads (TLS handshakes and imaplib block), SMTP on the event loop. A login test takes a turn first, which
limits both: inside a turn there is one IMAP and one SMTP login at a time. A cancelled caller closes the connection,
which ends the thread. Every failure is a ProviderFailure whose evidence has `step` "dns", "connect", "tls", "greeting",
"auth" or "command", and as `code`

- the server's code: an IMAP response code (or NO, BAD, BYE if there is none), an SMTP enhanced status code
- a TLS reason: `CERTIFICATE_VERIFY_FAILED` (OpenSSL's verify code in `subcodes`), `WRONG_VERSION_NUMBER`, …
- our code: `bad_host`, `no_public_address`, `dns_unavailable`, `refused`, `unreachable`, `timeout`, `reset`, `closed`,
  `network`, `starttls_not_offered`, `plaintext_not_allowed`, `preauth`, `LOGINDISABLED`, `auth_not_offered`,
  `too_long`, `not_imap`, `not_smtp`, `data_before_tls`
"""

import asyncio
import base64
import contextlib
import functools
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import aiohappyeyeballs
import aiosmtplib
from pydantic import SecretStr

from opengrant.errors import Overloaded, ProviderFailure
from opengrant.net.guard import Guard, Target
from opengrant.net.imap_login import prove
from opengrant.net.login_attempt import Asked, Attempt, Deadlines, Security, Terms, counted, observed
from opengrant.net.observe import Observe

T = TypeVar("T")

Wanted = Literal["auto", "tls", "starttls", "plain"]
"""`auto` decides by the port; on an unknown port it tries TLS first, and STARTTLS if the server sends plain text."""
MailLeg = Literal["imap", "smtp"]

_Prove = Callable[[socket.socket, Attempt, Terms], Awaitable[Security]]

FIRST_WORDS: dict[MailLeg, bytes] = {"imap": b"* OK", "smtp": b"220"}
"""The first bytes of a server of each kind."""
IMPLICIT_TLS = frozenset({993, 465})
STARTTLS = frozenset({143, 587, 25})
_MET_PLAIN_TEXT = frozenset({"WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL", "HTTP_REQUEST"})
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?!\S)")


@dataclass(frozen=True, slots=True)
class Session:
    """The result of a login test: where the login worked, and what protected the password."""

    host: str
    port: int
    security: Security


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
    """Built once, in the process of the event loop; `close` ends the threads."""

    def __init__(
        self,
        guard: Guard,
        *,
        threads: int,
        ca_file: Path | None = None,
        allow_plaintext: bool = False,
        observe: Observe | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        self.tls = shared_tls_context(ca_file)
        self._guard = guard
        self._slots = asyncio.Semaphore(threads)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="imap")
        self._allow_plaintext = allow_plaintext
        self._observe = observe
        self._deadlines = deadlines or Deadlines()

    async def imap_login(
        self, provider: str, *, host: str, port: int, security: Wanted, username: str, password: SecretStr
    ) -> Session:
        """Inside a turn: log in once, send one harmless command, log out. Raises ProviderFailure."""
        attempt = Attempt(provider, "imap", username, password)
        return await self._log_in(attempt, self._prove_imap, host, port, security)

    async def smtp_login(
        self, provider: str, *, host: str, port: int, security: Wanted, username: str, password: SecretStr
    ) -> Session:
        """Inside a turn: EHLO, TLS, one AUTH, QUIT; sends no mail. Raises ProviderFailure."""
        attempt = Attempt(provider, "smtp", username, password)
        return await self._log_in(attempt, self._prove_smtp, host, port, security)

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
        writer: asyncio.StreamWriter | None = None
        try:
            target = await self._guard.resolve(host, port, provider=provider, leg=leg)
            sock = await self._connect(attempt, target)
            attempt.step = "tls" if implicit else "greeting"
            async with asyncio.timeout(self._deadlines.tls):
                reader, writer = await asyncio.open_connection(
                    sock=sock,
                    ssl=self.tls if implicit else None,
                    server_hostname=target.host if implicit else None,
                    limit=4096,
                )
                attempt.step = "greeting"
                if not (await reader.readline()).startswith(FIRST_WORDS[leg]):
                    raise attempt.failure(f"not_{leg}")
        except OSError as error:
            raise attempt.network_failure(error) from None
        except ValueError:  # a line over the limit
            raise attempt.failure("too_long") from None
        finally:
            if writer is not None:
                writer.transport.abort()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

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
        sock = await self._connect(attempt, target)
        async with contextlib.AsyncExitStack() as trying:
            try:
                await trying.enter_async_context(counted(attempt, _peer(sock)))
            except BaseException:  # no other code owns it yet
                sock.close()
                raise
            return await prove(sock, attempt, terms)

    async def _connect(self, attempt: Attempt, target: Target) -> socket.socket:
        attempt.step = "connect"
        infos = [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                socket.IPPROTO_TCP,
                "",
                (address, target.port, 0, 0) if ":" in address else (address, target.port),
            )
            for address in target.addresses
        ]
        try:
            async with asyncio.timeout(self._deadlines.connect):
                sock = await aiohappyeyeballs.start_connection(infos, happy_eyeballs_delay=0.25)
        except OSError as error:
            raise attempt.network_failure(error) from None
        try:
            # A cancellation that arrived with the connection is raised here, where the socket can still be closed.
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            sock.close()
            raise
        return sock

    async def _prove_imap(self, sock: socket.socket, attempt: Attempt, terms: Terms) -> Security:
        with _cut_off_at_the_end(sock):
            job = self._threads.submit(prove, sock, attempt, terms)
            try:
                return await asyncio.wrap_future(job)
            finally:
                if job.cancelled():  # cancelled before a thread took it
                    sock.close()

    async def _prove_smtp(self, sock: socket.socket, attempt: Attempt, terms: Terms) -> Security:
        own = sock.getsockname()[0]
        smtp = aiosmtplib.SMTP(
            hostname=terms.host,
            sock=sock,
            use_tls=terms.security == "tls",
            start_tls=False,
            tls_context=terms.tls,
            local_hostname=f"[IPv6:{own}]" if ":" in own else f"[{own}]",  # RFC 5321 section 4.1.3
            timeout=terms.deadlines.command,
        )
        with _cut_off_at_the_end(sock) as cut_off:
            try:
                return await _uncancelled(_converse(smtp, attempt, terms), cut_off)
            except aiosmtplib.SMTPResponseException as error:
                raise _refusal(attempt, terms, error) from None
            except (aiosmtplib.SMTPException, OSError) as error:
                raise _fault(attempt, error) from None
            except ValueError:  # aiosmtplib trusts the server's syntax
                raise attempt.failure("not_smtp") from None
            finally:
                smtp.close()


def _peer(sock: socket.socket) -> str:
    """The address of the peer; "" when the connection is gone."""
    try:
        return str(sock.getpeername()[0])
    except OSError:
        return ""


@contextlib.contextmanager
def _cut_off_at_the_end(sock: socket.socket) -> Iterator[Callable[[], None]]:
    """Shut a connection down at the end, through a second handle; or earlier, by a call of the yielded function.

    This wakes an IMAP thread in any wait, and a TLS transport that waits for the server's close_notify.
    """
    handle = sock.dup()

    def cut_off() -> None:
        with contextlib.suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    try:
        yield cut_off
    finally:
        cut_off()
        handle.close()


async def _uncancelled(conversation: Coroutine[Any, Any, T], cut_off: Callable[[], None]) -> T:
    """Let a cancelled conversation end by itself, on a connection that is shut down.

    uvloop loses a socket when it is cancelled while it takes the socket over: it closes the descriptor, and the socket
    object later closes another file that has the same number by then.
    """
    task = asyncio.ensure_future(conversation)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        cut_off()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not report it
        raise


async def _converse(smtp: aiosmtplib.SMTP, attempt: Attempt, terms: Terms) -> Security:
    security, deadlines = terms.security, terms.deadlines
    attempt.step = "tls" if security == "tls" else "greeting"
    await smtp.connect(timeout=deadlines.greeting)
    attempt.step = "greeting"
    await smtp.ehlo()
    if security == "starttls":
        attempt.step = "tls"
        if smtp.supports_extension("starttls"):
            await smtp.starttls(timeout=deadlines.tls)
            attempt.step = "greeting"
            await smtp.ehlo()
        elif terms.plain_is_ok:
            security = "plain"
        else:
            raise attempt.failure("starttls_not_offered")

    attempt.step = "auth"
    username, password = attempt.username.encode(), attempt.password.get_secret_value().encode()
    # One mechanism, one attempt: servers lock accounts by the number of attempts.
    if "plain" in smtp.server_auth_methods:
        await _auth_plain(smtp, b"\0" + username + b"\0" + password, seconds=deadlines.login)
    elif "login" in smtp.server_auth_methods:
        await _auth_login(smtp, Asked(username, password), seconds=deadlines.login)
    else:
        raise attempt.failure("auth_not_offered")
    # 235 proves the password, whatever the server does next.
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        await smtp.quit(timeout=deadlines.goodbye)
    return security


async def _auth_plain(smtp: aiosmtplib.SMTP, response: bytes, *, seconds: float) -> None:
    encoded = base64.b64encode(response)
    reply = await smtp.execute_command(b"AUTH", b"PLAIN", encoded, timeout=seconds)
    if reply.code == aiosmtplib.SMTPStatus.auth_continue:  # it ignores the initial response
        reply = await smtp.execute_command(encoded, timeout=seconds)
    _accepted(reply)


async def _auth_login(smtp: aiosmtplib.SMTP, asked: Asked, *, seconds: float) -> None:
    """Without an initial response: a server that ignores it would take the password as the user name."""
    reply = await smtp.execute_command(b"AUTH", b"LOGIN", timeout=seconds)
    while reply.code == aiosmtplib.SMTPStatus.auth_continue:
        answer = asked.answer(_challenge(reply.message))
        if answer is None:
            break
        reply = await smtp.execute_command(base64.b64encode(answer), timeout=seconds)
    _accepted(reply)


def _challenge(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii", "replace"))
    except ValueError:
        return b""


def _accepted(reply: aiosmtplib.SMTPResponse) -> None:
    if reply.code != aiosmtplib.SMTPStatus.auth_successful:
        raise aiosmtplib.SMTPAuthenticationError(reply.code, reply.message)


def _refusal(attempt: Attempt, terms: Terms, error: aiosmtplib.SMTPResponseException) -> ProviderFailure:
    if attempt.step == "tls" and terms.security == "tls":
        attempt.step = "greeting"  # the handshake is part of connecting, so this came after it
    if error.code < 0:  # aiosmtplib's code for a line that is no reply
        return attempt.failure("too_long" if error.message == "Response too long" else "not_smtp")
    enhanced = _ENHANCED.match(error.message)
    code = enhanced[1] if enhanced else ""
    # Each line of a reply repeats the code inside the sentence.
    text = error.message.replace(f"\n{code} ", "\n") if code else error.message
    return attempt.failure(code, text=text, status=error.code)


def _fault(attempt: Attempt, error: Exception) -> ProviderFailure:
    """Evidence of a broken connection; aiosmtplib wraps the cause several times."""
    layers: list[BaseException] = [error]
    while (cause := layers[-1].__cause__) is not None:
        layers.append(cause)
    no_reply = (aiosmtplib.SMTPReadTimeoutError, aiosmtplib.SMTPServerDisconnected)
    if isinstance(error, aiosmtplib.SMTPConnectError) and any(isinstance(layer, no_reply) for layer in layers):
        attempt.step = "greeting"  # connected, and any handshake done
    root = next((layer for layer in reversed(layers) if isinstance(layer, OSError)), None)
    if root is None:
        return attempt.failure("not_smtp")
    if attempt.step == "tls" and isinstance(root, ConnectionAbortedError):
        root = TimeoutError()  # asyncio raises this for a handshake that takes too long
    return attempt.network_failure(root)
