"""net/http_connection.py: what it makes of the bytes of a server, against h11 as an independent reader."""

import asyncio
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opengrant.net.http_connection import MAX_BODY, MAX_HEAD, MAX_LINES, Connection, Fault, Reply

REQUEST = b"POST /token HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"


class Wire(asyncio.Transport):
    """The end of a connection, without a network: bytes arrive in pieces that a test chooses."""

    aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert data == REQUEST

    def abort(self) -> None:
        self.aborted = True


@dataclass(frozen=True)
class End:
    """How a call ended. kept: the connection may carry another request."""

    outcome: Reply | Fault
    kept: bool


def read(pieces: Sequence[bytes], *, lost: bool = False, enough: int | None = None) -> End:
    """Ask, let these bytes arrive, then the end of the stream. lost: the connection breaks instead."""

    async def run() -> End:
        wire, connection = Wire(), Connection()
        connection.connection_made(wire)
        call = connection.ask(REQUEST, 60, enough)
        for piece in pieces:
            if not wire.aborted:  # after that, an event loop delivers nothing
                connection.data_received(piece)
        kept = call.done() and not connection.closed
        assert connection.closed is wire.aborted
        if not call.done() and not lost:
            connection.eof_received()
        if not call.done():
            connection.connection_lost(None)
        assert call.done()
        return End(call.result(), kept)

    return asyncio.run(run())


def read_by_h11(data: bytes) -> Reply | None:
    """The same by h11, with a proper end of the stream; None if that is no whole answer."""
    reader = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=10 * MAX_HEAD)
    reader.send(h11.Request(method="POST", target="/token", headers=[("host", "x"), ("content-length", "0")]))
    reader.send(h11.EndOfMessage())
    answer: h11.Response | None = None
    body, ended = b"", False
    try:
        reader.receive_data(data)
        while True:
            match event := reader.next_event():
                case h11.Response():
                    answer = event
                case h11.Data():
                    body += event.data
                case h11.EndOfMessage():
                    assert answer is not None
                    return Reply(answer.status_code, list(answer.headers), body)
                case h11.NEED_DATA if not ended:
                    ended = True
                    reader.receive_data(b"")
                case h11.InformationalResponse():
                    pass
                case _:
                    return None
    except h11.RemoteProtocolError:
        return None


def in_h11s_words(reply: Reply) -> Reply:
    """h11 writes `chunked` in lower case."""
    framing = b"transfer-encoding"
    headers = [(name, value.lower() if name == framing else value) for name, value in reply.headers]
    return replace(reply, headers=headers)


def split(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    at = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[begin:end] for begin, end in itertools.pairwise(at) if begin < end]


# ---------------------------------------------------------------- answers as they should be

TOKEN = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=12).map(str.encode)
VALUE = st.text([chr(code) for code in range(0x21, 0x7F)], max_size=20).map(str.encode)
FRAMING = {b"content-length", b"transfer-encoding", b"connection", b"upgrade", b"trailer", b"proxy-connection"}
CUTS = st.lists(st.integers(0, 10_000), max_size=12)


@dataclass(frozen=True)
class Meant:
    """An answer, the bytes that say it, and whether its connection may be kept."""

    reply: Reply
    data: bytes = field(repr=False)
    keeps: bool


@st.composite
def answers(draw: st.DrawFn) -> Meant:
    headers = [
        (n.lower(), v) for n, v in draw(st.lists(st.tuples(TOKEN, VALUE), max_size=6)) if n.lower() not in FRAMING
    ]
    status, body = draw(st.integers(200, 599)), draw(st.binary(max_size=300))
    framing = draw(st.sampled_from(["length", "chunked", "close", "none"]))
    closes, tail = draw(st.booleans()), body
    if status in (204, 304):
        framing, body, tail = "none", b"", b""
    match framing:
        case "length":
            headers.append((b"content-length", str(len(body)).encode()))
        case "none":
            body, tail = b"", b""
            if status not in (204, 304):
                headers.append((b"content-length", b"0"))
        case "chunked":
            headers.append((b"transfer-encoding", draw(st.sampled_from([b"chunked", b"Chunked"]))))
            pieces = split(body, draw(CUTS))
            extension = draw(st.sampled_from([b"", b";name=value", b';a="b c"']))
            trailer = draw(st.sampled_from([b"", b"x-trailer: 1\r\n"]))
            tail = b"".join(b"%x%b\r\n%b\r\n" % (len(one), extension, one) for one in pieces) + b"0\r\n%b\r\n" % trailer
    if closes:
        headers.append((b"connection", b"close"))
    interim = b"".join(
        draw(
            st.lists(
                st.sampled_from([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 x\r\nlink: y\r\n\r\n"]), max_size=2
            )
        )
    )
    head = b"HTTP/1.1 %d %b\r\n" % (status, draw(st.sampled_from([b"OK", b"", b"Not Found", b"\xc3\xa9"])))
    lines = b"".join(b"%b: %b\r\n" % (name.title(), value) for name, value in headers)
    keeps = not closes and framing != "close"
    return Meant(Reply(status, headers, body), interim + head + lines + b"\r\n" + tail, keeps)


@given(answers(), CUTS)
def test_an_answer_is_what_it_means_however_it_is_split(meant: Meant, cuts: list[int]) -> None:
    assert read(split(meant.data, cuts)) == End(meant.reply, meant.keeps)
    assert read_by_h11(meant.data) == in_h11s_words(meant.reply)


@given(answers(), CUTS, st.integers(0, 300))
def test_only_so_much_of_a_body_is_read_as_is_wanted(meant: Meant, cuts: list[int], enough: int) -> None:
    whole = len(meant.reply.body) <= enough
    expected = replace(meant.reply, body=meant.reply.body[:enough])
    assert read(split(meant.data, cuts), enough=enough) == End(expected, meant.keeps and whole)


@given(answers(), CUTS, st.data())
def test_a_part_of_an_answer_is_none(meant: Meant, cuts: list[int], data: st.DataObject) -> None:
    part = meant.data[: data.draw(st.integers(0, len(meant.data) - 1))]
    found = read(split(part, cuts), lost=True)
    assert isinstance(found.outcome, Fault)
    assert found.outcome.sent
    assert not found.kept


# ---------------------------------------------------------------- answers as they should not be

SIGNS = [b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b";", b",", b"\x80", b""]
NUMBERS = [b"0", b"1", b"-1", b"+1", b"0x1", b"ffffffffffffffff", b"chunked"]
LINES = [
    b"Content-Length: 3\r\n",
    b"Content-Length: 3, 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
]
HOSTILE = st.sampled_from(SIGNS + NUMBERS + LINES)


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    data = draw(answers()).data
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, min(len(data), 200)))
        data = data[:at] + draw(HOSTILE) + data[at + draw(st.integers(0, 3)) :]
    return data


@given(spoiled() | st.binary(max_size=300), CUTS)
def test_what_is_understood_is_what_an_independent_reader_understands(data: bytes, cuts: list[int]) -> None:
    found, again = read([data]), read(split(data, cuts))
    assert again.outcome == found.outcome
    # llhttp skips empty lines that come with an answer; those that come later end the connection.
    assert again.kept == found.kept or data.endswith((b"\r", b"\n"))
    # It takes a NUL in the reason phrase, which we do not read.
    if isinstance(found.outcome, Reply) and b"\0" not in data:
        without_empty_lines = re.sub(rb"(^|\r\n\r\n)[\r\n]+(?=HTTP/1)", rb"\1", data)
        assert in_h11s_words(found.outcome) in (read_by_h11(data), read_by_h11(without_empty_lines))


# ---------------------------------------------------------------- limits, and what must not carry another request

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("begin", "more", "status"),
    [
        (OK, b"a: " + b"b" * 1000 + b"\r\n", 200),
        (OK, b"a: b\r\n", 200),
        (OK + b"a: ", b"b" * 1000, 200),
        (b"HTTP/1.1 200 ", b"O" * 1000, 200),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 100),
        (OK + b"content-length: 9999999\r\n\r\n", b"x" * 1000, 200),
        (OK + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 200),
        (OK + b"transfer-encoding: chunked\r\n\r\n1;", b"a" * 1000, 200),
        (OK + b"transfer-encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n", 200),
        (OK + b"\r\n", b"x" * 1000, 200),
    ],
)
def test_an_answer_without_an_end_is_refused_while_it_arrives(begin: bytes, more: bytes, status: int) -> None:
    async def run() -> Reply | Fault:
        wire, connection = Wire(), Connection()
        connection.connection_made(wire)
        call = connection.ask(REQUEST, 60)
        connection.data_received(begin or more)
        arrived = 0
        while not call.done():
            assert arrived <= 10 * MAX_BODY
            connection.data_received(more)
            arrived += len(more)
        assert wire.aborted
        return call.result()

    found = asyncio.run(run())
    assert found == Fault("reply", "answer_too_large", sent=True, status=status)


def test_as_many_headers_and_as_much_of_a_body_as_allowed_are_taken() -> None:
    lines = b"".join(b"x-%d: y\r\n" % number for number in range(MAX_LINES - 1))
    body = b"x" * MAX_BODY
    found = read([OK + lines + b"content-length: %d\r\n\r\n" % MAX_BODY, body])
    assert isinstance(found.outcome, Reply)
    assert (len(found.outcome.headers), found.outcome.body == body) == (MAX_LINES, True)


EMPTY = OK + b"content-length: 0\r\n\r\n"


@pytest.mark.parametrize("pieces", [[EMPTY + EMPTY], [EMPTY, EMPTY], [EMPTY, b"x"], [EMPTY + b"x"]])
def test_a_connection_with_bytes_that_nothing_asked_for_carries_no_other_request(pieces: list[bytes]) -> None:
    assert read(pieces) == End(Reply(200, [(b"content-length", b"0")], b""), kept=False)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", "not_http"),
        (OK + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", "not_http"),
        (OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "not_http"),
        (OK + b"transfer-encoding: gzip\r\n\r\nx", "not_http"),
        (OK + b"content-length: 1\r\ncontent-length: 1\r\n\r\nx", "not_http"),
        (OK + b"content-length: 2\r\n\r\nx", "answer_cut_off"),
        (OK + b"transfer-encoding: chunked\r\n\r\n2\r\nx", "answer_cut_off"),
        (OK + b"transfer-encoding: chunked\r\n\r\nno number\r\n", "answer_cut_off"),
        (OK, "connection_lost"),
        (b"", "connection_lost"),
    ],
)
def test_what_is_no_whole_answer_says_how_far_it_came(data: bytes, code: str) -> None:
    assert read([data] if data else []).outcome == Fault("http", code, sent=True)


def test_a_body_that_ends_with_the_connection_needs_a_proper_end() -> None:
    """Behind TLS only the server itself can say so; a stranger can break the connection anywhere."""
    assert read([OK + b"\r\n{}"]) == End(Reply(200, [], b"{}"), kept=False)
    assert read([OK + b"\r\n{}"], lost=True).outcome == Fault("http", "answer_cut_off", sent=True)
