"""A login test over SMTP submission: EHLO, TLS, one AUTH, QUIT. No mail is begun.

Sources  RFC 5321, 3207 (STARTTLS), 4954 (AUTH), 2034 (enhanced status codes)
Quirks   some servers announce `AUTH=LOGIN`, the form from before the standard; each line of a reply may repeat the
         enhanced code inside the sentence.
"""

import base64
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from opengrant.errors import ProviderFailure, Step
from opengrant.net.line_connection import LineConnection, Malformed
from opengrant.net.login_attempt import Asked, Attempt, Security, Terms, challenge, xoauth2

MAX_LINES = 100
"""Most lines of one reply."""

_REPLY = re.compile(rb"(?P<code>[2-5]\d\d)(?P<more>[- ]?)(?P<text>.*)", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?!\S)")
_AUTH = re.compile(r"auth[ =](.*)", re.IGNORECASE)

_READY, _ACCEPTED, _GO_ON, _OK = 220, 235, 334, 250


class Reply(NamedTuple):
    """A whole reply; `lines` without the code."""

    code: int
    lines: tuple[str, ...]


class Dialogue:
    """Commands and their replies. offers: what the server has offered last, upper case."""

    def __init__(self, connection: LineConnection, attempt: Attempt) -> None:
        self.connection, self.attempt = connection, attempt
        self.offers: frozenset[str] = frozenset()

    def step(self, name: Step, seconds: float) -> None:
        """Begin a step with its own deadline."""
        self.attempt.step = name
        self.connection.within(seconds)

    async def command(self, line: bytes) -> Reply:
        self.connection.write(line + b"\r\n")
        return await self.reply()

    async def reply(self) -> Reply:
        """Raises Malformed."""
        lines = list[str]()
        while len(lines) < MAX_LINES:
            found = _REPLY.match(await self.connection.line())
            if found is None:
                raise Malformed("not_smtp")
            lines.append(found["text"].decode("utf-8", "replace").strip())
            if found["more"] != b"-":
                return Reply(int(found["code"]), tuple(lines))
        raise Malformed("too_long")

    async def expect(self, code: int, line: bytes | None = None) -> Reply:
        """Send a line, if there is one; the reply must have that code. Raises ProviderFailure."""
        reply = await (self.reply() if line is None else self.command(line))
        if reply.code != code:
            raise self.refusal(reply)
        return reply

    async def hello(self) -> frozenset[str]:
        """What the server offers: its keywords, mechanisms as "AUTH=PLAIN", and a limit as "SIZE=1000"; upper case."""
        own = self.connection.own
        name = f"[IPv6:{own}]" if ":" in own else f"[{own}]"  # RFC 5321 section 4.1.3
        reply = await self.expect(_OK, f"EHLO {name}".encode())
        self.offers = frozenset(_offers(reply.lines[1:]))
        return self.offers

    def refusal(self, reply: Reply) -> ProviderFailure:
        text = "\n".join(reply.lines)
        enhanced = _ENHANCED.match(text)
        code = enhanced[1] if enhanced else ""
        return self.attempt.failure(code, text=text.replace(f"\n{code} ", "\n") if code else text, status=reply.code)


def _offers(lines: tuple[str, ...]) -> Iterator[str]:
    for line in lines:
        if (auth := _AUTH.fullmatch(line)) is not None:
            yield from (f"AUTH={name.upper()}" for name in auth[1].split())
        else:
            keyword, _, limit = line.upper().partition(" ")
            yield keyword
            if keyword == "SIZE" and limit:
                yield f"SIZE={limit}"


async def open_session(connection: LineConnection, attempt: Attempt, terms: Terms) -> tuple[Dialogue, Security]:
    """Log in and stay. Raises ProviderFailure, and nothing else."""
    dialogue = Dialogue(connection, attempt)
    try:
        return dialogue, await log_in(dialogue, terms)
    except Malformed as error:
        raise attempt.failure(str(error)) from None
    except OSError as error:
        raise attempt.network_failure(error) from None


async def prove(connection: LineConnection, attempt: Attempt, terms: Terms) -> Security:
    """Run the whole dialogue. Returns what protected the password. Raises ProviderFailure, and nothing else."""
    _, security = await open_session(connection, attempt, terms)
    connection.write(b"QUIT\r\n")  # 235 proves the password, whatever the server does next
    return security


async def log_in(dialogue: Dialogue, terms: Terms) -> Security:
    """From the first byte to the login; the connection stays open. Raises ProviderFailure, Malformed, OSError."""
    attempt, deadlines, security = dialogue.attempt, terms.deadlines, terms.security
    if security == "tls":
        dialogue.step("tls", deadlines.tls)
        await dialogue.connection.begin_tls(terms.tls, terms.host, terms.resume)
    dialogue.step("greeting", deadlines.greeting)
    await dialogue.expect(_READY)
    offers = await dialogue.hello()
    if security == "starttls":
        dialogue.step("tls", deadlines.tls)
        if "STARTTLS" in offers:
            await dialogue.expect(_READY, b"STARTTLS")
            await dialogue.connection.upgrade(terms.tls, terms.host, terms.resume)
            dialogue.step("greeting", deadlines.greeting)
            offers = await dialogue.hello()
        elif terms.plain_is_ok:
            security = "plain"
        else:
            raise attempt.failure("starttls_not_offered")

    dialogue.step("auth", deadlines.login)
    reply = await _log_in(dialogue, offers)
    if reply.code != _ACCEPTED:
        raise dialogue.refusal(reply)
    return security


async def _log_in(dialogue: Dialogue, offers: frozenset[str]) -> Reply:
    """One mechanism, one attempt: servers lock accounts by the number of attempts."""
    attempt = dialogue.attempt
    if attempt.bearer:
        return await _log_in_by_token(dialogue, offers)
    username, password = attempt.username.encode(), attempt.password.get_secret_value().encode()
    if "AUTH=PLAIN" in offers:
        encoded = base64.b64encode(b"\0" + username + b"\0" + password)
        reply = await dialogue.command(b"AUTH PLAIN " + encoded)
        if reply.code == _GO_ON:  # it ignores the initial response
            reply = await dialogue.command(encoded)
        return reply
    if "AUTH=LOGIN" in offers:
        # Without an initial response: a server that ignores it would take the password as the user name.
        return await _answer(dialogue, await dialogue.command(b"AUTH LOGIN"), Asked(username, password).answer)
    raise attempt.failure("auth_not_offered")


async def _log_in_by_token(dialogue: Dialogue, offers: frozenset[str]) -> Reply:
    """A server that refuses explains itself in a challenge, and refuses once that is answered with an empty line."""
    if "AUTH=XOAUTH2" not in offers:
        raise dialogue.attempt.failure("auth_not_offered")
    reply = await dialogue.command(b"AUTH XOAUTH2 " + base64.b64encode(xoauth2(dialogue.attempt)))
    return await dialogue.command(b"") if reply.code == _GO_ON else reply


async def _answer(dialogue: Dialogue, reply: Reply, answer: Callable[[bytes], bytes | None]) -> Reply:
    while reply.code == _GO_ON:
        words = answer(challenge(reply.lines[-1].encode()))
        if words is None:
            break
        reply = await dialogue.command(base64.b64encode(words))
    return reply
