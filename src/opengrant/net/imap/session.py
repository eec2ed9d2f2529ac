"""A session with an IMAP server after its login: commands one at a time, each within its deadline and its bounds.

Its failures are ProviderFailure, with evidence of the step "command". The code is the server's response code (NO, BAD
or BYE without one) or ours for a broken wire. After a broken wire, or a command that was given up, `usable` is False.
"""

import asyncio
import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from opengrant import tracing
from opengrant.errors import ProviderFailure
from opengrant.net.imap.parser import Response, Status, read, read_status, weight
from opengrant.net.line_connection import ENOUGH, LineConnection, Malformed, send
from opengrant.net.login_attempt import Attempt

MAX_LINE = 4 * 1024 * 1024
"""Bytes of a line. The structure of a message with thousands of parts is one, and so is all that a search finds."""
MAX_ANSWER = 32 * 1024 * 1024
"""Bytes that the answer to a command may take: literals as they are, lines by `weight`."""
SECONDS = 30.0
"""For a command, unless it says otherwise."""

IDLE_TOLD = 1024 * 1024
"""Bytes that a server may say while it is listened to."""
NEWS = frozenset({"EXISTS", "EXPUNGE", "VANISHED", "FETCH"})
"""What tells of a change of the open folder."""
_LITERAL = re.compile(rb"~?\{(\d{1,10})\+?\}$")


@dataclass(slots=True)
class Answer:
    """What came before a command's OK.

    responses  data
    codes      response code → what it holds, of all lines that said OK or NO
    """

    responses: list[Response] = field(default_factory=list)
    codes: dict[str, bytes] = field(default_factory=dict)

    def of(self, word: str) -> list[Response]:
        return [response for response in self.responses if response.word == word]


@dataclass(frozen=True, slots=True)
class Selected:
    """An open folder. wire: its name as the server writes it; validity: its UIDVALIDITY."""

    wire: bytes
    validity: int
    change: bool

    def is_for(self, wire: bytes, *, change: bool) -> bool:
        return self.wire == wire and (self.change or not change)


class ImapSession:
    """Made by MailClient.open_imap. One task uses it at a time.

    offers    the server's capabilities, upper case
    selected  the open folder; None: none is
    changed   a command that changes the mailbox was sent
    synced    the open folder is as the server has it now; a server tells of changes only when it is asked something
    qresync   the server was asked to tell which messages are gone (RFC 7162)
    """

    def __init__(self, connection: LineConnection, attempt: Attempt, offers: frozenset[str]) -> None:
        self._connection, self._attempt = connection, attempt
        self.offers = offers
        self.selected: Selected | None = None
        self.changed = self.synced = self.qresync = False
        self._waiting, self._tags, self._left = False, 0, 0

    @property
    def usable(self) -> bool:
        return not self._waiting and not self._connection.ended

    async def run(self, *parts: bytes, seconds: float = SECONDS, most: int = MAX_ANSWER) -> Answer:
        """Send a command, and read up to its result.

        parts  text, and by turns a literal and the text behind it
        most   bytes of the answer
        Raises ProviderFailure unless the result is OK.
        """
        (result,) = await self.run_all([parts], seconds=seconds, most=most)
        if isinstance(result, ProviderFailure):
            raise result
        return result

    async def run_all(
        self, commands: Sequence[Sequence[bytes]], *, seconds: float = SECONDS, most: int = MAX_ANSWER
    ) -> list[Answer | ProviderFailure]:
        """Several commands in one go; what the server refuses is among the results.

        A server may finish them in another order, and answer the second before it is done with the first: which data
        belong to which must show in the data, or one command must depend on the other.
        Raises ProviderFailure for what ends the session.
        """
        if not commands:
            return []
        self._connection.within(seconds)
        self._left, self._waiting = most, True
        results = dict[bytes, Answer | ProviderFailure]()
        with _exchange(self._attempt, commands), self._broken_wire_is_a_failure():
            answers = {await self._send(parts): Answer() for parts in commands}
            while left := [tag for tag in answers if tag not in results]:
                status = await self._read(left, answers[left[0]])
                results[status.tag] = answers[status.tag] if status.word == "OK" else self._refused(status)
        self._waiting = False
        return [results[tag] for tag in answers]

    async def listen(self, seconds: float) -> bool:
        """Wait until the server tells of a change of the open folder. False: it told of none for so long.

        By IDLE (RFC 2177), which the server must offer. Raises ProviderFailure for what ends the session.
        """
        self.synced = False
        until = asyncio.get_running_loop().time() + seconds
        self._left, self._waiting = IDLE_TOLD, True
        with self._broken_wire_is_a_failure():
            self._connection.within(SECONDS)
            tag = await self._send([b"IDLE"])
            told = await self._until_it_listens(tag)
            self._connection.within(seconds + SECONDS)
            told = told or await self._told_until(until)
            self._connection.within(SECONDS)
            self._connection.write(b"DONE\r\n")
            status = await self._read([tag], Answer())
        self._waiting = False
        if status.word != "OK":
            raise self._refused(status)
        return told

    def opened(self, wire: bytes, validity: int, *, change: bool) -> None:
        self.selected, self.synced = Selected(wire, validity, change), True

    def misread(self, error: Malformed) -> ProviderFailure:
        """An answer that has not the form it should have; its session is not to be used again."""
        return self._attempt.failure(str(error))

    def fresh(self) -> None:
        """A call begins."""
        self.changed = self.synced = False

    def rest(self, seconds: float) -> None:
        """No command is due for so long."""
        self._connection.within(seconds)

    def close(self) -> None:
        """Say goodbye if the server listens, and close."""
        if self.usable:
            self._connection.write(b"z LOGOUT\r\n")
        self._waiting = True
        self._connection.close()

    @contextlib.contextmanager
    def _broken_wire_is_a_failure(self) -> Iterator[None]:
        try:
            yield
        except Malformed as error:
            raise self._attempt.failure(str(error)) from None
        except OSError as error:
            raise self._attempt.network_failure(error) from None

    async def _send(self, parts: Sequence[bytes]) -> bytes:
        self._tags += 1
        tag = b"b%d" % self._tags
        unasked = "LITERAL+" in self.offers
        sent = tag + b" "
        for number, part in enumerate(parts):
            if not number % 2:
                sent += part
                continue
            sent += b"{%d+}\r\n" % len(part) if unasked else b"{%d}\r\n" % len(part)
            if not unasked:
                self._connection.write(sent)
                sent = b""
                await self._asked_for_more(tag)
            if len(part) > ENOUGH:
                self._connection.write(sent)
                sent = b""
                await send(self._connection, part)
            else:
                sent += part
        self._connection.write(sent + b"\r\n")
        return tag

    async def _asked_for_more(self, tag: bytes) -> None:
        """Wait until the server wants a literal. What it says meanwhile belongs to no command."""
        while not (pieces := await self._pieces())[0].startswith(b"+"):
            status = read_status(pieces)
            if status is not None and status.tag == tag:
                self._waiting = False
                raise self._refused(status)

    async def _until_it_listens(self, tag: bytes) -> bool:
        """Wait for the server's consent to IDLE. True: it has told of a change before."""
        told = False
        while not (pieces := await self._pieces())[0].startswith(b"+"):
            told = self._is_news(pieces, tag) or told
        return told

    async def _told_until(self, until: float) -> bool:
        while True:
            try:
                async with asyncio.timeout_at(until):
                    await self._connection.something()
            except TimeoutError:
                if self._connection.ended:
                    raise
                return False
            if self._is_news(await self._pieces(), b""):
                return True

    def _is_news(self, pieces: list[bytes], tag: bytes) -> bool:
        """Whether it tells of a change. Raises ProviderFailure: the server refuses, or leaves."""
        found = read(pieces)
        if isinstance(found, Response):
            return found.word in NEWS
        if found.word == "BYE" or found.tag == tag:
            self._waiting = found.word == "BYE"
            raise self._refused(found)
        return False

    async def _read(self, tags: Sequence[bytes], answer: Answer) -> Status:
        """Read data into the answer, up to the result of one of these commands."""
        while True:
            pieces = await self._pieces()
            if pieces[0].startswith(b"+"):
                raise Malformed("not_imap")
            found = read(pieces)
            if isinstance(found, Response):
                answer.responses.append(found)
                continue
            if found.code:
                answer.codes[found.code] = found.more
            if found.tag in tags:
                return found
            if found.word == "BYE":
                raise self._refused(found)
            if found.tag != b"*":
                raise Malformed("not_imap")

    async def _pieces(self) -> list[bytes]:
        """One answer: lines without their ends, and by turns the literals between them."""
        pieces = list[bytes]()
        while True:
            line = (await self._connection.line(MAX_LINE)).rstrip(b"\r\n")
            self._count(weight(line))
            pieces.append(line)
            if (literal := _LITERAL.search(line)) is None:
                return pieces
            self._count(int(literal[1]))
            pieces.append(await self._connection.exactly(int(literal[1])))

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise Malformed("too_long")

    def _refused(self, status: Status) -> ProviderFailure:
        text = b"[%b] %b" % (status.code.encode(), status.text) if status.code else status.text
        return self._attempt.failure(status.code or status.word, text=text, subcodes=(status.word,))


def _exchange(attempt: Attempt, commands: Sequence[Sequence[bytes]]) -> contextlib.AbstractContextManager[object]:
    """A span with the name of the first command, without what it is about."""
    verb = commands[0][0].removeprefix(b"UID ").partition(b" ")[0].decode()
    return tracing.exchange(attempt.provider, attempt.leg, verb, attempt.host)
