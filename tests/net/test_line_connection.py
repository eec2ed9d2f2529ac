"""The transport of mail dialogues on real sockets and both event loops; the readers against imaplib and smtplib."""

import asyncio
import contextlib
import imaplib
import io
import itertools
import smtplib
import socket
import ssl

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from opengrant.net.imap_login import MAX_RECEIVED, Dialogue
from opengrant.net.line_connection import ENOUGH, MAX_LINE, LineConnection, Malformed, connect
from opengrant.net.login_attempt import Attempt
from opengrant.net.smtp_login import Dialogue as SmtpDialogue
from tests.fakes.mail import Certificates

LOOPS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


@contextlib.asynccontextmanager
async def talking(pieces, *, tls=None, trust=None):
    """A connection to a server that sends these pieces, one at a time, and hangs up."""

    talks = list[asyncio.Task[None]]()

    async def talk(reader, writer):
        talks.append(asyncio.current_task())
        with contextlib.suppress(OSError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if writer.can_write_eof():
                writer.write_eof()
                await reader.read()  # closing before that would be a reset
            writer.close()
            await writer.wait_closed()
        writer.transport.abort()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    try:
        with contextlib.closing(await connect(("127.0.0.1",), server.sockets[0].getsockname()[1], 10)) as connection:
            connection.within(10)
            if trust is not None:
                await connection.begin_tls(trust, "localhost")
            yield connection
    finally:
        server.close()
        await asyncio.gather(*talks)


def cut(data, places):
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@pytest.fixture(scope="module")
def certificates():
    made = Certificates()
    yield made
    made.close()


@LOOPS
@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
@settings(max_examples=15)
@given(
    items=st.lists(st.tuples(st.booleans(), st.binary(max_size=300)), max_size=12),
    places=st.lists(st.integers(0, 4000), max_size=12),
    rest=st.binary(max_size=20).filter(lambda data: b"\n" not in data),
)
def test_lines_and_literals_come_out_as_they_went_in(certificates, run, secured, items, places, rest):
    """However the bytes were cut into packets and records; and the end of the stream comes after all of them."""
    sent = [(is_line, data.replace(b"\n", b".") + b"\r\n" if is_line else data) for is_line, data in items]
    pieces = cut(b"".join(data for _, data in sent) + rest, places)

    async def read():
        tls, trust = (certificates.good, ssl.create_default_context(cafile=certificates.ca_file))
        async with talking(pieces, **({"tls": tls, "trust": trust} if secured else {})) as connection:
            got = [await (connection.line() if is_line else connection.exactly(len(data))) for is_line, data in sent]
            with pytest.raises(ConnectionAbortedError):
                await connection.line()
            return got

    assert run(read()) == [data for _, data in sent]


@LOOPS
def test_a_line_may_be_as_long_as_the_limit_and_no_longer(run):
    longest = b"x" * (MAX_LINE - 1) + b"\n"

    async def read():
        async with talking([longest, b"x" + longest]) as connection:
            assert await connection.line() == longest
            with pytest.raises(Malformed, match="too_long"):
                await connection.line()

    run(read())


@LOOPS
def test_what_nobody_reads_is_not_received_without_bound(run):
    """The server can send no more than the buffers hold until the reader has caught up, and then the rest."""
    pieces = [bytes([number]) * ENOUGH for number in range(200)]

    async def read():
        async with talking(pieces) as connection:
            assert await connection.exactly(1) == b"\0"
            before = 0
            async with asyncio.timeout(60):
                while not ENOUGH < before == len(connection._buffer):
                    before = len(connection._buffer)
                    await asyncio.sleep(0.1)
            assert before < 10 * ENOUGH
            assert await connection.exactly(ENOUGH - 1) == bytes(ENOUGH - 1)
            for piece in pieces[1:]:
                assert await connection.exactly(ENOUGH) == piece

    run(read())


@LOOPS
def test_a_deadline_ends_each_wait_after_it(run):
    async def read():
        with (
            socket.create_server(("127.0.0.1", 0)) as silent,
            contextlib.closing(await connect(("127.0.0.1",), silent.getsockname()[1], 10)) as connection,
        ):
            connection.within(0.1)
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    await connection.line()

    run(read())


@LOOPS
@pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])
def test_a_server_that_is_gone_at_once_is_told_by_the_next_wait(run, secured):
    async def ask(connection):
        if secured:
            await connection.begin_tls(ssl.create_default_context(), "localhost")
        connection.write(b"anybody?\r\n")
        await connection.line()

    async def talk():
        async with talking([]) as connection:
            await asyncio.sleep(0.1)
            for _ in range(2):
                with pytest.raises(ConnectionAbortedError):
                    await ask(connection)

    run(talk())


@contextlib.contextmanager
def unanswering(address, port):
    """An address that answers no attempt to connect: its backlog is full."""
    with contextlib.ExitStack() as opened:
        full = opened.enter_context(socket.create_server((address, port), backlog=0))
        for _ in range(4):
            waiting = opened.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield


async def _first_of(*addresses, port, seconds=10.0):
    with contextlib.closing(await connect(addresses, port, seconds)) as connection:
        assert isinstance(connection, LineConnection)
        return connection.peer


@LOOPS
def test_the_next_address_is_tried_when_one_refuses_or_is_silent(run):
    with socket.create_server(("127.0.0.1", 0)) as good, unanswering("127.0.0.7", good.getsockname()[1]):
        port = good.getsockname()[1]
        assert run(_first_of("127.0.0.8", "127.0.0.1", port=port)) == "127.0.0.1"
        assert run(_first_of("::1", "127.0.0.8", "127.0.0.7", "127.0.0.1", port=port)) == "127.0.0.1"
        with pytest.raises(ConnectionRefusedError):
            run(_first_of("127.0.0.8", "127.0.0.9", port=port))
        with pytest.raises(TimeoutError):
            run(_first_of("127.0.0.7", "127.0.0.8", port=port, seconds=0.5))


@LOOPS
def test_a_caller_that_gives_up_leaves_no_connection_behind(run):
    """At each moment: the server sees as many connections end as have begun."""

    async def give_up():
        served = set()

        async def talk(reader, writer):
            served.add(asyncio.current_task())
            await reader.read()
            writer.transport.abort()

        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        for turns in range(12):
            task = asyncio.create_task(_first_of("127.0.0.1", "127.0.0.8", port=port))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await _first_of("127.0.0.1", port=port)
        assert served
        async with asyncio.timeout(10):
            await asyncio.gather(*served)
        server.close()

    run(give_up())


# IMAP's reader, against imaplib's.


class Oracle(imaplib.IMAP4):
    """imaplib on bytes. Its constructor reads the greeting and asks for the capabilities, as `ours` does."""

    def __init__(self, said):
        self._said = said
        super().__init__()

    def open(self, host="", port=0, timeout=None):
        greeting, self._said = self._said.split(b"\n", 1)
        self._file = io.BytesIO(greeting + b"\n")

    def send(self, data):
        self._file = io.BytesIO(self._said.replace(b"TAG", data.split(b" ")[0]))

    def read(self, size):
        return self._file.read(size)

    def readline(self):
        return self._file.readline()

    def shutdown(self):
        pass


async def _ours(said, places):
    """The result's word and the capabilities."""
    async with talking(cut(said.replace(b"TAG", b"a1"), places)) as connection:
        dialogue = Dialogue(connection, Attempt("imap", "imap", "me", SecretStr("secret")))
        await dialogue.greeting()
        status = await dialogue.command(b"CAPABILITY")
        return status.word, dialogue.offers


def _theirs(said):
    oracle = Oracle(said)
    return "OK", frozenset(oracle.capabilities)


_cases = st.sampled_from([bytes.upper, bytes.lower, bytes.title])
_word = st.from_regex(rb"[A-Za-z0-9=+-]{1,12}", fullmatch=True)
_text = st.binary(max_size=40).map(lambda data: bytes(byte for byte in data if byte not in b"\r\n{}[]*+"))


@st.composite
def _untagged(draw):
    literal = draw(st.binary(max_size=80))
    return draw(
        st.sampled_from(
            [
                b"* OK [ALERT] " + draw(_text),
                b"* NO " + draw(_text),
                b"* 12 EXISTS",
                b"* LIST () {%d}\r\n%b x" % (len(literal), literal),
                b"* XODD {%d}\r\n%b" % (len(literal), literal),
            ]
        )
    )


@settings(max_examples=80)
@given(
    before=st.lists(_untagged(), max_size=4),
    names=st.lists(_word, max_size=5),
    case=_cases,
    after=st.lists(_untagged(), max_size=3),
    done=_text,
    places=st.lists(st.integers(0, 2000), max_size=10),
)
async def test_answers_mean_to_us_what_they_mean_to_imaplib(before, names, case, after, done, places):
    told = b"* CAPABILITY " + case(b" ".join([b"IMAP4rev1", *names]))
    lines = [b"* OK hello", *before, told, *after, b"TAG OK x" + done]
    said = b"\r\n".join(lines) + b"\r\n"
    assert await _ours(said, places) == _theirs(said)


@settings(max_examples=60)
@given(
    pieces=st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from([b"\r\n", b"* ", b"a1 ", b"+ ", b"OK ", b"[CAPABILITY ", b"{3}\r\n", b"{99999999999}\r\n"]),
            _untagged(),
        ),
        max_size=30,
    ),
    places=st.lists(st.integers(0, 2000), max_size=10),
)
async def test_noise_ends_an_imap_dialogue_as_one_of_the_known_failures(pieces, places):
    with contextlib.suppress(OSError, Malformed):
        await _ours(b"* OK hello\r\n" + b"".join(pieces), places)


@pytest.mark.parametrize("told", [b"* capability imap4rev1 sasl-ir", b"* ok [Capability IMAP4rev1 SASL-IR] hello"])
async def test_case_does_not_matter(told):
    assert await _ours(b"* Ok hello\r\n" + told + b"\r\na1 oK done\r\n", []) == ("OK", {"IMAP4REV1", "SASL-IR"})


async def test_no_literal_may_be_larger_than_all_that_is_received():
    for announced in (b"{%d}" % (MAX_RECEIVED + 1), b"{9}\r\n" + b"{0}\r\n" * MAX_RECEIVED):
        with pytest.raises(Malformed, match="too_long"):
            await _ours(b"* OK hello\r\n* X " + announced + b"\r\n", [])


# SMTP's reader, against smtplib's.


@settings(max_examples=60)
@given(
    code=st.integers(200, 599),
    lines=st.lists(st.from_regex(r"[ -~]{0,30}", fullmatch=True), min_size=1, max_size=8),
    bare=st.booleans(),
    places=st.lists(st.integers(0, 500), max_size=8),
)
async def test_replies_mean_to_us_what_they_mean_to_smtplib(code, lines, bare, places):
    *before, last = [line.encode() for line in lines]
    end = b"%d" % code if bare else b"%d %b" % (code, last)
    said = b"".join(b"%d-%b\r\n" % (code, line) for line in before) + end + b"\r\n"
    library = smtplib.SMTP()
    library.file = io.BytesIO(said)
    async with talking(cut(said, places)) as connection:
        reply = await SmtpDialogue(connection, Attempt("imap", "smtp", "me", SecretStr("secret"))).reply()
    assert (reply.code, "\n".join(reply.lines).encode()) == library.getreply()


@settings(max_examples=60)
@given(said=st.binary(max_size=200), places=st.lists(st.integers(0, 200), max_size=8))
async def test_noise_ends_an_smtp_dialogue_as_one_of_the_known_failures(said, places):
    async with talking(cut(said, places)) as connection:
        dialogue = SmtpDialogue(connection, Attempt("imap", "smtp", "me", SecretStr("secret")))
        with contextlib.suppress(OSError, Malformed):
            while True:
                assert 200 <= (await dialogue.reply()).code < 600


async def test_no_reply_has_lines_without_end():
    async with talking([b"250-x\r\n" * 1000]) as connection:
        with pytest.raises(Malformed, match="too_long"):
            await SmtpDialogue(connection, Attempt("imap", "smtp", "me", SecretStr("secret"))).reply()
