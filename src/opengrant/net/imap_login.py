"""A login test over IMAP: log in once, send one harmless command, log out.

Sources  RFC 3501, 9051; RFC 4959 (SASL-IR), 4616 (PLAIN), 5530 (response codes), 2971 (ID)
Quirks   capabilities change with TLS and with login; Exchange can accept a login that it cannot serve, which only a
         command after the login shows; 163.com requires ID; 126.com announces SASL-IR and answers BAD to it.
         No mailbox is opened.
"""

import base64
import re
from collections.abc import Callable
from typing import NamedTuple

from opengrant.errors import ProviderFailure, Step
from opengrant.net.line_connection import LineConnection, Malformed
from opengrant.net.login_attempt import Asked, Attempt, Security, Terms, challenge, xoauth2

MAX_RECEIVED = 256 * 1024
"""Most bytes of a dialogue; a login test needs a few thousand."""
MAX_OBJECTIONS = 100
"""Most status lines other than OK in one step. A refusal needs one or two; reading more costs time."""

MAX_DIGITS = 10
"""Of a literal's length."""

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
    rb"(?P<tag>[^ ]+) (?P<word>OK|NO|BAD|BYE|PREAUTH)(?: (?P<text>(?:\[(?P<code>[A-Za-z/-]+).*)?.*))?$", re.IGNORECASE
)
_CAPABILITIES = re.compile(rb"\* (?:CAPABILITY|OK \[CAPABILITY)([^\]]*)|[^ ]+ OK \[CAPABILITY([^\]]*)\]", re.IGNORECASE)
_LITERAL = re.compile(rb"\{(\d+)\}$")

_ID = b'ID ("name" "opengrant")'

_Answer = Callable[[bytes], bytes | None]
"""The next line of a SASL mechanism for a decoded challenge; None cancels."""


class Status(NamedTuple):
    """A line that says how something went. word: upper case; code: upper case, "" for none; text: with the code."""

    word: str
    code: str
    text: bytes


class Dialogue:
    """Commands and their answers, with what the server objected to in the present step.

    offers     the capabilities, upper case, as the server last told them; empty when it has not
    told       the same in the server's own spelling
    mechanism  the mechanism that sent the password, as servers announce it
    first      the server's first line
    """

    def __init__(self, connection: LineConnection, attempt: Attempt) -> None:
        self.connection, self.attempt = connection, attempt
        self.offers = frozenset[str]()
        self.told = b""
        self.mechanism = ""
        self.first = b""
        self._objections = list[Status]()
        self._left = MAX_RECEIVED
        self._tags = 0

    def step(self, name: Step, seconds: float) -> None:
        """Begin a step with its own deadline and no objections."""
        self.attempt.step = name
        self.connection.within(seconds)
        self.forget()

    def forget(self) -> None:
        self._objections.clear()

    async def greeting(self) -> Status:
        self.first, status = await self.response()
        if status is None or not self.first.startswith(b"* "):
            raise Malformed("not_imap")
        return status

    def send(self, *commands: bytes) -> list[bytes]:
        """Send commands in one go; returns their tags."""
        first = self._tags + 1
        self._tags += len(commands)
        tags = [b"a%d" % number for number in range(first, self._tags + 1)]
        self.connection.write(b"".join(b"%b %b\r\n" % pair for pair in zip(tags, commands, strict=True)))
        return tags

    async def result(self, tag: bytes, answer: _Answer | None = None) -> Status:
        """Read up to the command's result. answer: to the server's requests for more.

        Raises ProviderFailure when the server says BYE: nothing else follows.
        """
        while True:
            line, status = await self.response()
            if line.startswith(b"* "):
                if status is not None and status.word == "BYE":
                    raise self.refusal() or Malformed("not_imap")
            elif line.startswith(b"+"):
                if answer is not None:
                    words = answer(challenge(line[2:]))
                    self.connection.write(b"*\r\n" if words is None else base64.b64encode(words) + b"\r\n")
            elif status is not None and line.startswith(tag + b" "):
                return status
            else:
                raise Malformed("not_imap")

    async def command(self, text: bytes, answer: _Answer | None = None) -> Status:
        return await self.result(self.send(text)[0], answer)

    async def learn_offers(self) -> None:
        """Ask for the capabilities unless the server has told them. Raises Malformed when they are not IMAP's."""
        if not self.offers:
            await self.command(b"CAPABILITY")
        if not any(name.startswith("IMAP4") for name in self.offers):
            raise Malformed("not_imap")

    async def response(self) -> tuple[bytes, Status | None]:
        """One response with its literals and without its line end, and what it says if it is a status."""
        pieces = list[bytes]()
        while True:
            line = await self.connection.line()
            self._count(len(line))
            line = line.rstrip(b"\r\n")
            pieces.append(line)
            if (literal := _LITERAL.search(line)) is None:
                break
            if len(literal[1]) > MAX_DIGITS:
                raise Malformed("not_imap")
            self._count(int(literal[1]))
            pieces += b"\r\n", await self.connection.exactly(int(literal[1]))
        whole = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return whole, self._note(whole)

    def _note(self, response: bytes) -> Status | None:
        """Keep the capabilities and the objections."""
        if (found := _CAPABILITIES.match(response)) is not None:
            self.told = (found[1] or found[2]).strip()
            self.offers = frozenset(self.told.decode("ascii", "replace").upper().split())
        status = None if response.startswith(b"+") else _status(response)
        if status is not None and status.word not in ("OK", "PREAUTH"):
            self._objections.append(status)
            if len(self._objections) > MAX_OBJECTIONS:
                raise Malformed("too_long")
        return status

    def refusal(self) -> ProviderFailure | None:
        """The server's refusal in this step, in its own words; None if it refused nothing."""
        if not self._objections:
            return None
        words = [status.word for status in self._objections]
        known = [status.code for status in self._objections if status.code in _CODES]
        # ALERT only marks text for people; other codes say more. BYE says more than a NO without a code.
        telling = [code for code in known if code != "ALERT"] or known or [w for w in words if w == "BYE"] or words
        text = b" ".join(status.text for status in self._objections)
        how = [self.mechanism] if telling[0] == "NO" and self.mechanism and self.attempt.step == "auth" else []
        return self.attempt.failure(telling[0], text=text, subcodes=tuple(dict.fromkeys([*words, *how])))

    def misread(self) -> bool:
        """Whether the server only said in this step that it did not understand: it has not judged the password.

        BAD with a code of RFC 5530 is a judgement.
        """
        return bool(self._objections) and all(
            status.word == "BAD" and status.code not in _CODES for status in self._objections
        )

    def expect(self, status: Status) -> None:
        if status.word != "OK":
            raise self.refusal() or Malformed("not_imap")

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise Malformed("too_long")


def _status(line: bytes) -> Status | None:
    found = _STATUS.match(line)
    if found is None:
        return None
    code = (found["code"] or b"").decode("ascii").upper()
    return Status(found["word"].decode("ascii").upper(), code, found["text"] or b"")


async def prove(connection: LineConnection, attempt: Attempt, terms: Terms) -> Security:
    """Run the whole dialogue. Returns what protected the password. Raises ProviderFailure, and nothing else."""
    dialogue = Dialogue(connection, attempt)
    try:
        return await _converse(dialogue, terms)
    except Malformed as error:
        other = dialogue.first if dialogue.first.startswith((b"220", b"+OK")) else b""  # of another protocol
        raise attempt.failure(str(error), text=other) from None
    except OSError as error:
        # BYE says why the server closed the connection; the error of the closed socket says nothing more.
        raise dialogue.refusal() or attempt.network_failure(error) from None


async def open_session(connection: LineConnection, attempt: Attempt, terms: Terms) -> frozenset[str]:
    """Log in and stay. Returns the capabilities, upper case. Raises ProviderFailure, and nothing else."""
    dialogue = Dialogue(connection, attempt)
    try:
        await log_in(dialogue, terms)
        dialogue.step("command", terms.deadlines.command)
        await dialogue.learn_offers()
        if "ID" in dialogue.offers:
            await dialogue.command(_ID)  # 163.com requires it; a refusal means nothing
    except Malformed as error:
        raise attempt.failure(str(error)) from None
    except OSError as error:
        raise dialogue.refusal() or attempt.network_failure(error) from None
    return dialogue.offers


async def _converse(dialogue: Dialogue, terms: Terms) -> Security:
    security = await log_in(dialogue, terms)
    dialogue.step("command", terms.deadlines.command)
    await dialogue.learn_offers()
    commands = [b"NAMESPACE" if "NAMESPACE" in dialogue.offers else b'LIST "" ""', b"LOGOUT"]
    if "ID" in dialogue.offers:
        commands.insert(0, _ID)
    *told, harmless, _logout = dialogue.send(*commands)
    for tag in told:
        await dialogue.result(tag)  # 163.com requires it; a refusal means nothing
        dialogue.forget()
    dialogue.expect(await dialogue.result(harmless))
    return security


async def log_in(dialogue: Dialogue, terms: Terms) -> Security:
    """From the first byte to the login; the connection stays open. Raises ProviderFailure, Malformed, OSError."""
    attempt, deadlines = dialogue.attempt, terms.deadlines
    if terms.security == "tls":
        dialogue.step("tls", deadlines.tls)
        await dialogue.connection.begin_tls(terms.tls, terms.host, terms.resume)
    dialogue.step("greeting", deadlines.greeting)
    greeting = await dialogue.greeting()
    if greeting.word == "PREAUTH":
        # Logged in already, as an unknown user: that proves nothing, and may hide a downgrade.
        raise attempt.failure("preauth", text=dialogue.first)
    dialogue.expect(greeting)
    await dialogue.learn_offers()
    security = await _start_tls(dialogue, terms) if terms.security == "starttls" else terms.security

    dialogue.step("auth", deadlines.login)
    dialogue.expect(await (_log_in_by_token(dialogue) if attempt.bearer else _log_in(dialogue)))
    return security


async def _start_tls(dialogue: Dialogue, terms: Terms) -> Security:
    """What protects the connection afterwards; the capabilities are those that hold then."""
    dialogue.step("tls", terms.deadlines.tls)
    if "STARTTLS" in dialogue.offers:
        dialogue.expect(await dialogue.command(b"STARTTLS"))
        await dialogue.connection.upgrade(terms.tls, terms.host, terms.resume)
        dialogue.step("greeting", terms.deadlines.greeting)
        dialogue.offers = frozenset()  # those from before TLS may be forged
        await dialogue.learn_offers()
        return "starttls"
    if terms.plain_is_ok:
        return "plain"
    raise dialogue.attempt.failure("starttls_not_offered")


async def _log_in(dialogue: Dialogue) -> Status:
    """One attempt by one mechanism: servers lock accounts by the number of attempts."""
    attempt, offers = dialogue.attempt, dialogue.offers
    username, password = attempt.username.encode(), attempt.password.get_secret_value().encode()
    dialogue.offers = frozenset()  # a login changes them
    if "AUTH=PLAIN" in offers:
        dialogue.mechanism = "AUTH=PLAIN"
        response = b"\0" + username + b"\0" + password
        if "SASL-IR" in offers and (status := await _authenticate_at_once(dialogue, response)):
            return status
        return await dialogue.command(b"AUTHENTICATE PLAIN", _once(response))
    if "AUTH=LOGIN" in offers:
        return await dialogue.command(b"AUTHENTICATE LOGIN", Asked(username, password).answer)
    if "LOGINDISABLED" in offers:
        raise attempt.failure("LOGINDISABLED")
    # RFC 3501 does not allow UTF-8 in a quoted string, but it is the only form that a server could understand.
    return await dialogue.command(b"LOGIN %b %b" % (_quoted(username), _quoted(password)))


async def _log_in_by_token(dialogue: Dialogue) -> Status:
    """A server that refuses explains itself in a challenge, and says NO once that is answered with an empty line."""
    if "AUTH=XOAUTH2" not in dialogue.offers:
        raise dialogue.attempt.failure("auth_not_offered")
    at_once = "SASL-IR" in dialogue.offers
    dialogue.offers, dialogue.mechanism = frozenset(), "AUTH=XOAUTH2"
    response = xoauth2(dialogue.attempt)
    if at_once:
        return await dialogue.command(b"AUTHENTICATE XOAUTH2 " + base64.b64encode(response), lambda _: b"")
    left = iter([response])
    return await dialogue.command(b"AUTHENTICATE XOAUTH2", lambda _: next(left, b""))


async def _authenticate_at_once(dialogue: Dialogue, response: bytes) -> Status | None:
    """PLAIN in one line (RFC 4959); None if the server announces that form and does not understand it.

    After a BAD the password is not judged, so the login in two steps is no second attempt. A server that ignores the
    initial response asks for it again, and gets it.
    """
    status = await dialogue.command(b"AUTHENTICATE PLAIN " + base64.b64encode(response), _once(response))
    if status.word == "BAD" and dialogue.misread():
        dialogue.forget()
        return None
    return status


def _once(response: bytes) -> _Answer:
    """If the server asks for more than the mechanism has, None cancels."""
    left = iter([response])
    return lambda _challenge: next(left, None)


def _quoted(text: bytes) -> bytes:
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
