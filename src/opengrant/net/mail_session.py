"""Opens a session at a mail server: the dialogue of a login test (net/mail_login.py), but the connection stays."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from opengrant.net import imap_login, smtp_login
from opengrant.net.guard import Guard
from opengrant.net.line_connection import Malformed, connect_as
from opengrant.net.login_attempt import Attempt, Deadlines, Terms, observed
from opengrant.net.mail_login import ServerLogin, shared_tls_context
from opengrant.net.observe import Observe
from opengrant.net.stream_connection import StreamConnection


@dataclass(frozen=True, slots=True)
class Session:
    """A connection that is logged in. told: the capabilities of an IMAP server, in its own words; b"" for SMTP."""

    connection: StreamConnection
    told: bytes


class MailSessions:
    """Built once for one guard."""

    def __init__(
        self,
        guard: Guard,
        *,
        ca_file: Path | None = None,
        allow_plaintext: bool = False,
        observe: Observe | None = None,
        deadlines: Deadlines | None = None,
    ) -> None:
        self._tls = shared_tls_context(ca_file)
        self._guard = guard
        self._allow_plaintext = allow_plaintext
        self._observe = observe
        self._deadlines = deadlines or Deadlines()

    async def open(self, provider: str, login: ServerLogin) -> Session:
        """Raises ProviderFailure, whose evidence is that of a login test."""
        attempt = Attempt(provider, login.leg, login.username, login.secret, bearer=login.bearer)
        if login.security == "plain" and not self._allow_plaintext:
            attempt.step = "tls"
            raise attempt.failure("plaintext_not_allowed")
        with observed(attempt, self._observe):
            try:
                async with asyncio.timeout(self._deadlines.whole):
                    return await self._open(attempt, login)
            except TimeoutError:
                raise attempt.failure("timeout") from None

    async def _open(self, attempt: Attempt, login: ServerLogin) -> Session:
        target = await self._guard.resolve(login.host, login.port, provider=attempt.provider, leg=login.leg)
        attempt.host = target.host
        attempt.step = "connect"
        try:
            connection = await connect_as(StreamConnection, target.addresses, target.port, self._deadlines.connect)
        except OSError as error:
            raise attempt.network_failure(error) from None
        terms = Terms(target.host, login.security, False, self._tls, self._deadlines)
        try:
            return Session(connection, await _LOG_IN[login.leg](connection, attempt, terms))
        except BaseException:
            connection.close()
            raise


async def _imap(connection: StreamConnection, attempt: Attempt, terms: Terms) -> bytes:
    dialogue = imap_login.Dialogue(connection, attempt)
    try:
        await imap_login.log_in(dialogue, terms)
        await dialogue.learn_offers()
    except Malformed as error:
        raise attempt.failure(str(error)) from None
    except OSError as error:
        raise dialogue.refusal() or attempt.network_failure(error) from None
    return dialogue.told


async def _smtp(connection: StreamConnection, attempt: Attempt, terms: Terms) -> bytes:
    try:
        await smtp_login.log_in(smtp_login.Dialogue(connection, attempt), terms)
    except Malformed as error:
        raise attempt.failure(str(error)) from None
    except OSError as error:
        raise attempt.network_failure(error) from None
    return b""


_LOG_IN = {"imap": _imap, "smtp": _smtp}
