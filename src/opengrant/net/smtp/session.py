"""A session with a submission server after its login: messages one at a time, each step within its deadline.

Sources  RFC 5321; RFC 1870 (SIZE), 2920 (PIPELINING), 6152 (8BITMIME), 6531 (SMTPUTF8)

Its failures are ProviderFailure, with evidence of the step "command". All recipients of a message are accepted, or it
is sent to none. AnswerLost says that its fate is not known: it was complete, and the server's answer did not come.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from opengrant import tracing
from opengrant.errors import ProviderFailure
from opengrant.net.line_connection import Malformed, send
from opengrant.net.smtp_login import Dialogue, Reply

SECONDS = 30.0
"""For a command."""
ACCEPTING = 60.0
"""For the answer to a whole message: servers look for viruses first."""
SLOWEST = 256 * 1024
"""Bytes a second that a server takes at least."""
AT_ONCE = 50
"""Recipients that are named in one go."""
BLOCK = 256 * 1024
"""Bytes of a message that are prepared at a time."""
SHOWN = 5
"""Refused recipients that are named."""

_OK, _GO_ON, _GOING = 250, 354, 421
_NOT_TAKEN = 554


@dataclass(frozen=True, slots=True)
class Envelope:
    """Addresses in ASCII, without angle brackets. eight_bit, utf8: there are bytes above 127 in it, in its header."""

    sender: str
    recipients: tuple[str, ...]
    eight_bit: bool = False
    utf8: bool = False
    message: bytes = field(default=b"", repr=False)


class AnswerLost(Exception):
    """The server has the whole message, and did not say what it does with it. failure: what came instead."""

    def __init__(self, failure: ProviderFailure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class SmtpSession:
    """Made by MailClient.open_smtp. One task uses it at a time.

    changed   a message was begun whose fate the server decides
    awaiting  the end of a message was sent and not answered yet
    """

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue, self._connection = dialogue, dialogue.connection
        self.changed = self.awaiting = self._broken = False

    @property
    def usable(self) -> bool:
        return not self._broken and not self._connection.ended

    @property
    def host(self) -> str:
        return self._dialogue.attempt.host

    async def send(self, envelope: Envelope, handing_over: Callable[[], Awaitable[None]]) -> None:
        """Send a message.

        handing_over  called when the server is ready to take it: from the end of this call on it may be sent
        Raises        ProviderFailure: it was not sent. AnswerLost.
        """
        self._broken = True  # until all answers have been read
        attempt = self._dialogue.attempt
        try:
            with tracing.exchange(attempt.provider, attempt.leg, "send", attempt.host):
                await self._introduce(envelope)
                await handing_over()
                await self._hand_over(envelope.message)
        except Malformed as error:
            raise self._failed(self._dialogue.attempt.failure(str(error))) from None
        except OSError as error:
            raise self._failed(self._dialogue.attempt.network_failure(error)) from None

    def fresh(self) -> None:
        """A call begins."""
        self.changed = self.awaiting = False

    def misread(self, error: Malformed) -> ProviderFailure:
        """An answer that has not the form it should have; its session is not to be used again."""
        return self._dialogue.attempt.failure(str(error))

    def rest(self, seconds: float) -> None:
        """No message is due for so long."""
        self._connection.within(seconds)

    def close(self) -> None:
        """Say goodbye if the server listens, and close."""
        if self.usable:
            self._connection.write(b"QUIT\r\n")
        self._broken = True
        self._connection.close()

    async def _introduce(self, envelope: Envelope) -> None:
        """From whom, and to whom. Raises ProviderFailure, after RSET where the session goes on."""
        offers, dialogue = self._dialogue.offers, self._dialogue
        dialogue.step("command", SECONDS)
        size = len(envelope.message)
        if (lack := _lack(envelope, offers)) is not None:
            self._broken = False
            raise dialogue.attempt.failure(lack[0], text=lack[1], status=_NOT_TAKEN)
        parameters = b" SIZE=%d" % size if "SIZE" in offers else b""
        if envelope.eight_bit:
            parameters += b" BODY=8BITMIME"
        if envelope.utf8:
            parameters += b" SMTPUTF8"
        commands = [b"MAIL FROM:<%b>%b" % (envelope.sender.encode("ascii"), parameters)]
        commands += [b"RCPT TO:<%b>" % one.encode("ascii") for one in envelope.recipients]
        replies = await self._ask(commands)
        refused = [
            (one, reply) for one, reply in zip(envelope.recipients, replies[1:], strict=False) if not _accepts(reply)
        ]
        if replies[0].code == _OK and not refused:
            return
        await self._give_up(replies)
        if replies[0].code != _OK:
            raise dialogue.refusal(replies[0])
        raise _naming(dialogue.refusal(_worst(refused)), [one for one, _ in refused])

    async def _ask(self, commands: Sequence[bytes]) -> list[Reply]:
        """In one go where the server takes it; what follows a refused sender is not asked."""
        if "PIPELINING" not in self._dialogue.offers:
            replies = list[Reply]()
            for command in commands:
                replies.append(await self._dialogue.command(command))
                if replies[0].code != _OK or replies[-1].code == _GOING:
                    break
            return replies
        replies = []
        for start in range(0, len(commands), AT_ONCE):
            some = commands[start : start + AT_ONCE]
            self._connection.write(b"".join(command + b"\r\n" for command in some))
            for _ in some:
                replies.append(await self._dialogue.reply())
                if replies[-1].code == _GOING:
                    return replies
            if replies[0].code != _OK:
                break
        return replies

    async def _give_up(self, replies: Sequence[Reply]) -> None:
        """Forget the message that was begun. The session goes on unless the server has ended it."""
        if any(reply.code == _GOING for reply in replies):
            return
        self._dialogue.step("command", SECONDS)
        self._broken = (await self._dialogue.command(b"RSET")).code != _OK

    async def _hand_over(self, message: bytes) -> None:
        dialogue = self._dialogue
        self.changed = True
        dialogue.step("command", SECONDS)
        reply = await dialogue.command(b"DATA")
        if reply.code != _GO_ON:
            await self._give_up([reply])
            raise dialogue.refusal(reply)
        self._connection.within(SECONDS + len(message) / SLOWEST)
        for block in stuffed(message):
            await send(self._connection, block)
        if self._connection.ended:
            # It may have said why; without the end, it has no message.
            raise dialogue.refusal(await dialogue.reply())
        self.awaiting = True
        self._connection.within(ACCEPTING)
        self._connection.write(b".\r\n")
        reply = await dialogue.reply()
        if not (_accepts(reply) or 400 <= reply.code < 600):
            raise Malformed("not_smtp")  # neither taken nor refused
        self.awaiting = False
        self._broken = reply.code == _GOING
        if not _accepts(reply):
            raise dialogue.refusal(reply)

    def _failed(self, failure: ProviderFailure) -> Exception:
        return AnswerLost(failure) if self.awaiting else failure


def _accepts(reply: Reply) -> bool:
    """250, and what a client has to take for it (RFC 5321 section 4.2.1)."""
    return 200 <= reply.code < 300


def stuffed(message: bytes) -> Iterator[bytes]:
    """The message as DATA takes it, without the dot at the end: a line that begins with a dot gets one more."""
    start = 0
    while start < len(message):
        end = len(message) if start + BLOCK >= len(message) else message.rfind(b"\n", start, start + BLOCK) + 1
        if end <= start:
            end = message.find(b"\n", start) + 1 or len(message)
        block = message[start:end].replace(b"\n.", b"\n..")
        yield b"." + block if block.startswith(b".") else block
        start = end
    if not message.endswith(b"\r\n"):
        yield b"\r\n"


def _lack(envelope: Envelope, offers: frozenset[str]) -> tuple[str, str] | None:
    """What of this message the server does not take by what it offers: a code and a sentence as it would say it."""
    if any(limit < len(envelope.message) for limit in _limits(offers)):
        return "5.3.4", "The message is larger than this server takes."
    if envelope.utf8 and "SMTPUTF8" not in offers:
        return "5.6.7", "This server takes no bytes above 127 in a header (SMTPUTF8): encode them as RFC 2047 says."
    if envelope.eight_bit and "8BITMIME" not in offers:
        return "5.6.3", "This server takes no bytes above 127 (8BITMIME): encode them as quoted-printable or Base64."
    return None


def _limits(offers: frozenset[str]) -> Iterator[int]:
    for offer in offers:
        name, _, number = offer.partition("=")
        if name == "SIZE" and number.isdigit() and 0 < len(number) < 20 and int(number) > 0:
            yield int(number)


def _worst(refused: Sequence[tuple[str, Reply]]) -> Reply:
    """A refusal for good counts more than one that may pass: sending it again helps with the latter alone."""
    return max((reply for _, reply in refused), key=lambda reply: reply.code >= 500)


def _naming(failure: ProviderFailure, recipients: Sequence[str]) -> ProviderFailure:
    more = f" and {len(recipients) - SHOWN} more" if len(recipients) > SHOWN else ""
    named = f"{', '.join(recipients[:SHOWN])}{more}: {failure.evidence.text}"
    return ProviderFailure(replace(failure.evidence, text=named))
