"""Sends messages by the submission server of a grant, and says what its refusals mean."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from opengrant.errors import (
    Evidence,
    InvalidData,
    MailDeferred,
    MaySent,
    OpenGrantError,
    ProviderFailure,
    ProviderUnavailable,
    RateLimited,
)
from opengrant.grants.mail_logins import MailLogins, label
from opengrant.grants.refresh.state import States
from opengrant.mail.outgoing import Ready
from opengrant.mail.port import HandingOver
from opengrant.mail.reach import WHOLE
from opengrant.mail.sessions import Held, Key, Pool
from opengrant.model import Application, Grant, ProviderName
from opengrant.net.mail_login import MailClient
from opengrant.net.smtp.session import AnswerLost, Envelope, SmtpSession
from opengrant.providers.mail.sending import refusal
from opengrant.store.grants.refreshing import State

_NO_SERVER = "grant_id: this grant has no SMTP server, so nothing can be sent. Connect it with one."
_PAUSE = 60
"""Seconds for Retry-After: mail servers name no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Built once, in assembly/. clients: as in Reach."""

    states: States
    logins: MailLogins
    sessions: Pool[SmtpSession]
    clients: Mapping[ProviderName, MailClient] = field(repr=False)

    async def send(self, app: Application, grant: Grant, message: Ready, handing_over: HandingOver) -> str:
        """The server's name. Raises as `Mailbox.send`."""
        self.logins.refuse_unready(grant)
        used: SmtpSession | None = None
        state: State | None = None

        async def open_() -> SmtpSession:
            nonlocal state
            state = await self.states.get(app.id, grant.id)
            return await self._open(app, state)

        async def work(_: Held[SmtpSession], session: SmtpSession) -> str:
            nonlocal used
            used = session
            await session.send(_envelope(message), handing_over)
            return session.host

        try:
            async with asyncio.timeout(WHOLE):
                return await self.sessions.call(self._key(grant), open_, work)
        except AnswerLost:
            raise MaySent from None
        except TimeoutError:
            if used is not None and used.awaiting:
                raise MaySent from None
            raise ProviderUnavailable("Provider request timed out. The message was not sent.") from None
        except ProviderFailure as failure:
            if failure.evidence.step == "command" and failure.evidence.status is not None:
                raise _refused(failure.evidence) from None
            state = state or await self.states.get(app.id, grant.id)
            raise await self.logins.judged(app, state, "smtp", failure) from None

    async def check(self, app: Application, grant: Grant) -> None:
        """Raises InvalidData: the grant has no server to send by. No server is asked."""
        if grant.provider in self.logins.servers:
            return
        if await self.logins.find(app, await self.states.get(app.id, grant.id), "smtp") is None:
            raise InvalidData(_NO_SERVER)

    async def _open(self, app: Application, state: State) -> SmtpSession:
        provider = state.grant.provider
        login = await self.logins.find(app, state, "smtp")
        if login is None:
            raise InvalidData(_NO_SERVER)
        return await self.clients[provider].open_smtp(label(provider, login), login)

    def _key(self, grant: Grant) -> Key:
        server = self.logins.servers.get(grant.provider)
        host = server.smtp.host if server else grant.mail_host or grant.provider.value
        return Key(grant.id, grant.generation, host, "submission")


def _envelope(message: Ready) -> Envelope:
    head = message.raw.partition(b"\r\n\r\n")[0]
    return Envelope(
        message.sender,
        message.recipients,
        eight_bit=not message.raw.isascii(),
        utf8=not head.isascii(),
        message=message.raw,
    )


def _refused(evidence: Evidence) -> OpenGrantError:
    """A reply to the message, not to the login."""
    said = f"The mail server said: {evidence.text.strip() or evidence.status}"
    code = evidence.code or str(evidence.status)
    quoted = {"code": code, "message": evidence.text, "error": code, "error_description": evidence.text}
    match refusal(evidence):
        case "message":
            return InvalidData(
                f"The mail server refuses the message. It was not sent to any recipient. {said}", provider_error=quoted
            )
        case "slower":
            return RateLimited(
                f"The mail server wants fewer messages, and did not send this one. {said}",
                provider_error=quoted,
                retry_after=_PAUSE,
            )
        case "later":
            return MailDeferred(
                f"The mail server does not take the message now. It was not sent to any recipient. {said}",
                provider_error=quoted,
                retry_after=_PAUSE,
            )
