"""The dialogues before the login, against what no mail program says."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from opengrant.errors import Unauthorized
from opengrant.mailproxy import dialogue
from opengrant.mailproxy.dialogue import Left, TooMuch, plain, read_plain
from opengrant.mailproxy.imap import ImapDialogue, words_of
from opengrant.mailproxy.smtp import SmtpDialogue
from opengrant.net.line_connection import MAX_LINE, Malformed
from opengrant.net.stream_connection import StreamConnection
from opengrant.proxy.logins import Opened


class Said:
    """A connection on which all of it has been said, and then its end."""

    def __init__(self, said: bytes) -> None:
        self.left, self.heard = said, b""

    async def line(self) -> bytes:
        end = self.left.find(b"\n", 0, MAX_LINE)
        if end < 0:
            raise Malformed("too_long") if len(self.left) >= MAX_LINE else ConnectionAbortedError
        return await self.exactly(end + 1)

    async def exactly(self, size: int) -> bytes:
        if size > len(self.left):
            raise ConnectionAbortedError
        taken, self.left = self.left[:size], self.left[size:]
        return taken

    def write(self, data: bytes) -> None:
        self.heard += data

    def within(self, seconds: float) -> None:
        assert seconds <= 60


def talk(kind: type[ImapDialogue | SmtpDialogue], said: bytes) -> tuple[str, bytes, list[tuple[str, str]]]:
    """(how it ended, what the client heard, the logins that were tried)."""
    connection, tried = Said(said), list[tuple[str, str]]()

    async def log_in(username: str, password: SecretStr) -> Opened:
        tried.append((username, password.get_secret_value()))
        raise Unauthorized("No.")

    async def run() -> str:
        try:
            await kind(cast(StreamConnection, connection), log_in).run()
        except (OSError, Malformed, Left, TooMuch) as ending:
            return type(ending).__name__
        return "logged in"

    return asyncio.run(run()), connection.heard, tried


PIECES = (
    rb"""a LOGIN AUTHENTICATE PLAIN CAPABILITY ID AUTH EHLO ( ) " \ {3} {3+} {99999} {0+} * = QUIT LOGOUT""".split()
)
WORDS = st.one_of(st.sampled_from([*PIECES, b"\r\n", b"\r", b"\n", b"", b"\0", b"\xff"]), st.binary(max_size=8))


@settings(max_examples=150)
@given(st.lists(WORDS, max_size=40))
@pytest.mark.parametrize("kind", [ImapDialogue, SmtpDialogue])
def test_noise_ends_in_a_known_way(kind: type[ImapDialogue | SmtpDialogue], words: list[bytes]) -> None:
    ended, heard, _ = talk(kind, b" ".join(words))
    assert ended in {"ConnectionAbortedError", "Malformed", "Left", "TooMuch"}
    assert heard.endswith(b"\r\n")
    assert len(heard) < 20_000


def quoted(text: bytes) -> bytes:
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def literal(text: bytes) -> bytes:
    return b"{%d+}\r\n%b" % (len(text), text)


Form = Callable[[bytes], bytes]
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1, max_size=40)


@settings(max_examples=100)
@given(TEXTS, TEXTS, st.sampled_from([quoted, literal]), st.sampled_from([quoted, literal]))
def test_user_names_and_passwords_arrive_as_they_are(username: str, password: str, one: Form, two: Form) -> None:
    command = b"a LOGIN " + one(username.encode()) + b" " + two(password.encode()) + b"\r\n"
    assert talk(ImapDialogue, command)[2] == [(username, password)]
    response = b64encode(f"\0{username}\0{password}".encode())
    assert talk(ImapDialogue, b"a AUTHENTICATE PLAIN " + response + b"\r\n")[2] == [(username, password)]
    assert talk(SmtpDialogue, b"AUTH PLAIN " + response + b"\r\n")[2] == [(username, password)]
    steps = b"AUTH LOGIN\r\n" + b"\r\n".join(b64encode(text.encode()) for text in (username, password)) + b"\r\n"
    assert talk(SmtpDialogue, steps)[2] == [(username, password)]


def test_a_login_for_another_user_is_none() -> None:
    assert read_plain(b64encode(b"other\0me\0secret")) is None
    assert read_plain(b64encode(b"me\0me\0secret")) is not None


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        pytest.param(ImapDialogue, b"a SELECT INBOX\r\n" * 100, id="imap: mistakes"),
        pytest.param(SmtpDialogue, b"MAIL FROM:<>\r\n" * 100, id="smtp: mistakes"),
        pytest.param(ImapDialogue, b"a NOOP\r\n" * 1000, id="imap: commands"),
        pytest.param(SmtpDialogue, b"NOOP\r\n" * 1000, id="smtp: commands"),
        pytest.param(ImapDialogue, b'a LOGIN "x" "y"\r\n' * 100, id="imap: logins"),
        pytest.param(SmtpDialogue, (b"AUTH PLAIN " + b64encode(b"\0x\0y") + b"\r\n") * 100, id="smtp: logins"),
        pytest.param(ImapDialogue, b"a LOGIN {99999}\r\n", id="imap: a large literal"),
        pytest.param(ImapDialogue, b"a ID" + (b" {4000+}\r\n" + b"x" * 4000) * 3, id="imap: many literals"),
    ],
)
def test_each_limit_ends_the_dialogue(kind: type[ImapDialogue | SmtpDialogue], said: bytes) -> None:
    ended, _, tried = talk(kind, said)
    assert ended == "TooMuch"
    assert len(tried) <= dialogue.MAX_LOGINS


def test_a_line_without_end_is_given_up() -> None:
    for kind in (ImapDialogue, SmtpDialogue):
        assert talk(kind, b"x" * 100_000)[0] == "Malformed"


def test_words_are_read_in_linear_time_and_never_wrongly_closed() -> None:
    assert words_of(b'a "b\\" c" d') == [b"a", b'b" c', b"d"]
    assert words_of(b'"open') is None
    assert words_of(b'"' * 7999) is None


def test_an_answer_is_one_line_of_ascii() -> None:
    assert plain("Ünsicher\r\n* OK [CAPABILITY x]\0") == "?nsicher * OK [CAPABILITY x]?"
    assert len(plain("x" * 10_000)) == 400
