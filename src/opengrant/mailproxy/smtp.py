"""SMTP up to the login. Sources: RFC 5321; RFC 4954 (AUTH), 4616 (PLAIN), 2034 (enhanced status codes).

Only AUTH is announced. What the mail server can do is not known before the login, and mail programs that say EHLO again
after it get the server's own list.
"""

from pydantic import SecretStr

from opengrant.mailproxy.dialogue import (
    MAX_COMMANDS,
    UNTIL_LOGIN,
    Dialogue,
    Left,
    TooMuch,
    read_base64,
    read_plain,
)
from opengrant.proxy.logins import Opened

_NO_RESPONSE = "501 5.5.2 This is no response of the mechanism"


class SmtpDialogue(Dialogue):
    """One client. Raises OSError and Malformed of its connection, Left, TooMuch."""

    async def run(self) -> Opened:
        """From the greeting to the 235 of the login; the mail server speaks from here on."""
        self._client.within(UNTIL_LOGIN)
        self._say("220 OpenGrant mail proxy")
        for _ in range(MAX_COMMANDS):
            line = (await self._client.line()).rstrip(b"\r\n")
            if (opened := await self._answer(line)) is not None:
                return opened
        raise TooMuch("Too many commands before the login.")

    @staticmethod
    def goodbye(text: str) -> bytes:
        return f"421 4.3.2 {text}\r\n".encode()

    async def _answer(self, line: bytes) -> Opened | None:
        verb, *words = line.split() or [b""]
        match verb.upper():
            case b"EHLO":
                self._say("250-opengrant", "250 AUTH PLAIN LOGIN")
            case b"HELO":
                self._say("250 opengrant")
            case b"NOOP" | b"RSET":
                self._say("250 2.0.0 OK")
            case b"QUIT":
                self._say("221 2.0.0 Goodbye")
                raise Left
            case b"AUTH":
                return await self._login(words)
            case b"MAIL" | b"RCPT" | b"DATA":
                self._mistake("530 5.7.0 Authentication required")
            case _:
                self._mistake("502 5.5.1 This is not known here")
        return None

    async def _login(self, words: list[bytes]) -> Opened | None:
        mechanism = words[0].upper() if words else b""
        if mechanism == b"PLAIN":
            credentials = await self._of_plain(words[1:])
        elif mechanism == b"LOGIN":
            credentials = await self._of_login(words[1:])
        else:
            self._mistake("504 5.5.4 The mechanisms are PLAIN and LOGIN")
            return None
        if credentials is None:
            self._mistake(_NO_RESPONSE)
            return None
        opened = await self._opened(credentials, lambda refusal: self._say(f"{refusal.reply} {refusal.text}"))
        if opened is not None:
            self._say("235 2.7.0 Logged in")
        return opened

    async def _of_plain(self, initial: list[bytes]) -> tuple[str, SecretStr] | None:
        return read_plain(initial[0] if initial else await self._asked(b""))

    async def _of_login(self, initial: list[bytes]) -> tuple[str, SecretStr] | None:
        username = read_base64(initial[0] if initial else await self._asked(b"VXNlcm5hbWU6"))  # Username:
        if username is None:
            return None
        password = read_base64(await self._asked(b"UGFzc3dvcmQ6"))  # Password:
        return None if password is None else (username, SecretStr(password))

    async def _asked(self, challenge: bytes) -> bytes:
        self._client.write(b"334 " + challenge + b"\r\n")
        return (await self._client.line()).strip()

    def _say(self, *lines: str) -> None:
        self._client.write("".join(f"{line}\r\n" for line in lines).encode())

    def _mistake(self, reply: str) -> None:
        self._say(reply)
        self._mistaken()
