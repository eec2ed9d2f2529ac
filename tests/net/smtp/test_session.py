"""A submission session against servers that refuse, hang up and fall silent, at each step of a message."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.mail.sessions import Key, Pool
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.mail_login import MailClient, ServerLogin
from opengrant.net.smtp import session as smtp
from opengrant.net.smtp.session import AnswerLost, Envelope, stuffed
from tests.fakes.mail import CLOSE, SILENCE, FakeMail

MESSAGE = b"Subject: x\r\n\r\nhi\r\n"
SENT = [b"354 go on\r\n", b"", b"", b""]
OK = b"250 2.0.0 fine\r\n"
FINE = {"MAIL": OK, "RCPT": OK, "RSET": OK, "DATA": [*SENT, OK]}


@contextlib.asynccontextmanager
async def serving(*, offers=(b"PIPELINING", b"8BITMIME", b"SIZE 1000"), **replies):
    lines = [b"250-fake", *(b"250-" + offer for offer in offers), b"250 AUTH PLAIN"]
    told = {"EHLO": b"\r\n".join(lines) + b"\r\n", **FINE, **replies}
    client = MailClient(Guard(parse_networks("127.0.0.0/8"), Resolver()), at_once=2, allow_plaintext=True)
    async with FakeMail("smtp", replies=told) as server:
        place = {"leg": "smtp", "host": "127.0.0.1", "port": server.port, "security": "plain"}
        login = ServerLogin(**place, username="ana", secret=SecretStr("x"))
        yield server, lambda: client.open_smtp("imap", login)


async def nothing():
    pass


def to(*recipients, message=MESSAGE, **more):
    return Envelope("ana@example.com", recipients or ("bo@example.com",), message=message, **more)


async def failed(server_open, envelope, kind=ProviderFailure, told=nothing):
    session = await server_open()
    try:
        with pytest.raises(kind) as failure:
            await session.send(envelope, told)
        return failure.value, session.usable
    finally:
        session.close()


@pytest.mark.parametrize("offers", [(), (b"PIPELINING",)])
async def test_a_session_sends_one_message_after_another(offers):
    async with serving(offers=offers) as (server, open_):
        session = await open_()
        for _ in range(3):
            await session.send(to("bo@example.com", "cy@example.com"), nothing)
        assert session.usable
        session.close()
        await server.ended()
        assert (server.connections, server.count("DATA"), server.count("RCPT"), server.count("QUIT")) == (1, 3, 6, 1)


async def test_it_is_told_before_the_message_is_handed_over():
    async with serving() as (server, open_):
        heard = []

        async def told():
            heard.extend(server.heard)

        session = await open_()
        await session.send(to(), told)
        session.close()
        verbs = [line.split(b" ")[0] for line in heard]
        assert (verbs[-1], b"DATA" in verbs) == (b"RCPT", False)


@pytest.mark.parametrize("offers", [(), (b"PIPELINING",)])
async def test_a_refused_recipient_ends_the_message_before_it_begins(offers):
    refused = {
        "RCPT TO:<no@example.com>": b"550 5.1.1 no such user\r\n",
        "RCPT TO:<later@example.com>": b"450 4.2.1 no\r\n",
    }
    async with serving(offers=offers, **refused) as (server, open_):
        failure, usable = await failed(open_, to("later@example.com", "bo@example.com", "no@example.com"))
        assert (failure.evidence.status, failure.evidence.code) == (550, "5.1.1")
        assert failure.evidence.text == "later@example.com, no@example.com: 5.1.1 no such user"
        assert usable
        await server.ended()
        assert (server.count("DATA"), server.count("RSET")) == (0, 1)


@pytest.mark.parametrize(
    ("replies", "status"),
    [
        ({"MAIL": b"553 5.7.1 not yours\r\n"}, 553),
        ({"DATA": b"451 4.3.0 not now\r\n"}, 451),
        ({"DATA": [*SENT, b"554 5.6.0 unwanted\r\n"]}, 554),
    ],
)
async def test_a_session_goes_on_after_a_refusal(replies, status):
    async with serving(**replies) as (_, open_):
        failure, usable = await failed(open_, to())
        assert (failure.evidence.step, failure.evidence.status, usable) == ("command", status, True)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("end", [CLOSE, b"what?\r\n"])
async def test_what_breaks_before_the_end_of_a_message_was_not_sent(step, end):
    async with serving(**{step: end}) as (_, open_):
        _, usable = await failed(open_, to())
        assert not usable


@pytest.mark.parametrize("end", [CLOSE, SILENCE, b"what?\r\n"])
async def test_what_breaks_after_it_is_said_to_be_unknown(end, monkeypatch):
    monkeypatch.setattr(smtp, "ACCEPTING", 0.3)
    async with serving(DATA=[*SENT, end]) as (server, open_):
        _, usable = await failed(open_, to(), AnswerLost)
        assert not usable
        assert server.count("DATA") == 1


@pytest.mark.parametrize(
    ("offers", "envelope", "code"),
    [
        ((b"SIZE 10",), to(), "5.3.4"),
        ((), to(message="Subject: x\r\n\r\nä".encode(), eight_bit=True), "5.6.3"),
        ((b"8BITMIME",), to(message="Subject: ä\r\n\r\nx".encode(), eight_bit=True, utf8=True), "5.6.7"),
    ],
)
async def test_what_a_server_does_not_take_is_not_begun(offers, envelope, code):
    async with serving(offers=offers) as (server, open_):
        failure, usable = await failed(open_, envelope)
        assert (failure.evidence.code, failure.evidence.status, usable) == (code, 554, True)
        assert server.count("MAIL") == 0


async def test_what_a_message_needs_is_asked_for():
    async with serving(offers=(b"8BITMIME", b"SMTPUTF8", b"SIZE")) as (server, open_):
        session = await open_()
        message = "Subject: ä\r\n\r\nhi\r\n".encode()
        await session.send(to(message=message, eight_bit=True, utf8=True), nothing)
        session.close()
        (mail,) = [line for line in server.heard if line.startswith(b"MAIL")]
        assert mail == b"MAIL FROM:<ana@example.com> SIZE=%d BODY=8BITMIME SMTPUTF8" % len(message)


@pytest.mark.parametrize(("step", "again"), [("MAIL", True), ("DATA", False)])
@pytest.mark.parametrize("end", [CLOSE, b"421 4.4.2 too long idle\r\n" + CLOSE])
async def test_a_session_that_died_at_rest_is_opened_anew_unless_a_message_was_begun(step, again, end):
    async with serving() as (server, open_):
        pool = Pool()
        key = Key("g", 1, "a", "submission")

        async def send(_, session):
            await session.send(to(), nothing)

        await pool.call(key, open_, send)
        server.answers(step, end)
        with pytest.raises(ProviderFailure):
            await pool.call(key, open_, send)
        pool.close()
        assert (server.connections, server.count("DATA")) == ((2, 1) if again else (1, 2))


@given(st.lists(st.sampled_from([b".", b"..", b"a", b"", b".\r", b"x" * 40]), max_size=30), st.integers(3, 50))
def test_a_dot_more_is_put_where_a_line_begins_with_one_and_nowhere_else(lines, block):
    message = b"\r\n".join(line.replace(b"\r", b"") for line in lines)
    before, smtp.BLOCK = smtp.BLOCK, block
    try:
        written = b"".join(stuffed(message))
    finally:
        smtp.BLOCK = before
    assert b"\r\n.\r\n" not in b"\r\n" + written
    ended = message if message.endswith(b"\r\n") else message + b"\r\n"
    assert re.sub(rb"(?m)^\.", b"", written) == ended
