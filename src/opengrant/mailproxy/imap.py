"""IMAP up to the login: what a mail program may say before it has a mailbox.

Sources  RFC 3501, 9051; RFC 2971 (ID), 4616 (PLAIN), 4959 (SASL-IR), 5530 (response codes), 7888 (LITERAL+)
"""

import re
from dataclasses import dataclass

from pydantic import SecretStr

from opengrant.mailproxy.dialogue import (
    MAX_COMMAND,
    MAX_COMMANDS,
    UNTIL_LOGIN,
    Dialogue,
    Left,
    Refusal,
    TooMuch,
    read_plain,
)
from opengrant.proxy.logins import Opened

CAPABILITIES = b"IMAP4rev1 SASL-IR LITERAL+ ID AUTH=PLAIN"

_TAG = re.compile(rb"[!#$&',\-./0-9:;<=>?@A-Z\[\]^_`a-z|}~]{1,64}")
_LITERAL = re.compile(rb"\{(\d{1,5})(\+?)\}$")
_WORD = re.compile(rb' *(?:"((?:[^"\\]|\\.)*)"|([^ "]+)) *', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Command:
    """One command. words: of its arguments; None where they cannot be read."""

    tag: bytes
    name: bytes
    words: list[bytes] | None


def words_of(text: bytes) -> list[bytes] | None:
    """Atoms and quoted strings of a line without its literals. None for a quote that does not end."""
    words, at, text = list[bytes](), 0, text.strip(b" ")
    while at < len(text):
        found = _WORD.match(text, at)
        if found is None:
            return None
        quoted, atom = found.groups()
        words.append(atom if quoted is None else _ESCAPED.sub(rb"\1", quoted))
        at = found.end()
    return words


class ImapDialogue(Dialogue):
    """One client. Raises OSError and Malformed of its connection, Left, TooMuch."""

    async def run(self) -> Opened:
        """From the greeting to the OK of the login; the mail server speaks from here on."""
        self._client.within(UNTIL_LOGIN)
        self._client.write(b"* OK [CAPABILITY " + CAPABILITIES + b"] OpenGrant mail proxy\r\n")
        for _ in range(MAX_COMMANDS):
            command = await self._command()
            if command is not None and (opened := await self._answer(command)) is not None:
                return opened
        raise TooMuch("Too many commands before the login.")

    @staticmethod
    def goodbye(text: str) -> bytes:
        return f"* BYE {text}\r\n".encode()

    async def _answer(self, command: Command) -> Opened | None:
        """Answer one command; a login that works returns."""
        match command.name:
            case b"CAPABILITY":
                self._client.write(b"* CAPABILITY " + CAPABILITIES + b"\r\n")
            case b"ID":
                self._client.write(b'* ID ("name" "opengrant")\r\n')
            case b"NOOP":
                pass
            case b"LOGOUT":
                self._client.write(b"* BYE Goodbye\r\n" + command.tag + b" OK Done\r\n")
                raise Left
            case b"LOGIN" | b"AUTHENTICATE":
                return await self._login(command)
            case _:
                self._mistake(command.tag, b"BAD This needs a login first")
                return None
        self._client.write(command.tag + b" OK Done\r\n")
        return None

    async def _login(self, command: Command) -> Opened | None:
        credentials = await (self._of_login(command) if command.name == b"LOGIN" else self._of_plain(command))
        if credentials is None:
            return None

        def refuse(refusal: Refusal) -> None:
            self._client.write(command.tag + f" NO [{refusal.code}] {refusal.text}\r\n".encode())

        opened = await self._opened(credentials, refuse)
        if opened is not None:
            self._client.write(command.tag + b" OK [CAPABILITY " + opened.session.told + b"] Logged in\r\n")
        return opened

    async def _of_login(self, command: Command) -> tuple[str, SecretStr] | None:
        try:
            username, password = (word.decode() for word in command.words or [])
        except ValueError:
            self._mistake(command.tag, b"BAD LOGIN takes a user name and a password, in UTF-8")
            return None
        return username, SecretStr(password)

    async def _of_plain(self, command: Command) -> tuple[str, SecretStr] | None:
        words = command.words or []
        if not words or words[0].upper() != b"PLAIN" or len(words) > 2:
            self._mistake(command.tag, b"NO [CANNOT] The mechanism is PLAIN")
            return None
        if len(words) == 1:
            self._client.write(b"+ \r\n")
        encoded = words[1] if len(words) == 2 else (await self._client.line()).rstrip(b"\r\n")
        credentials = read_plain(encoded)
        if credentials is None:
            self._mistake(command.tag, b"BAD Cancelled" if encoded == b"*" else b"BAD This is no response of PLAIN")
        return credentials

    async def _command(self) -> Command | None:
        """The next command with its literals; None, with an answer given, where a line is none."""
        line = (await self._client.line()).rstrip(b"\r\n")
        tag, _, rest = line.partition(b" ")
        name, _, rest = rest.partition(b" ")
        if _TAG.fullmatch(tag) is None or not name:
            self._mistake(b"*", b"BAD This is no command")
            return None
        words: list[bytes] | None = []
        left = MAX_COMMAND - len(line)
        while (literal := _LITERAL.search(rest)) is not None:
            words = _joined(words, words_of(rest[: literal.start()]))
            size = int(literal[1])
            left -= size
            if left < 0:
                raise TooMuch("The command is too long.")
            if not literal[2]:
                self._client.write(b"+ Go on\r\n")
            words = _joined(words, [await self._client.exactly(size)])
            rest = (await self._client.line()).rstrip(b"\r\n")
            left -= len(rest)
            if left < 0:
                raise TooMuch("The command is too long.")
        return Command(tag, name.upper(), _joined(words, words_of(rest)))

    def _mistake(self, tag: bytes, text: bytes) -> None:
        self._client.write(tag + b" " + text + b"\r\n")
        self._mistaken()


def _joined(words: list[bytes] | None, more: list[bytes] | None) -> list[bytes] | None:
    return None if words is None or more is None else words + more
