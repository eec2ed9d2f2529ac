"""Where one request ends and the next begins: whatever the pieces, and as an independent parser (h11) sees it."""

import asyncio
import itertools
import json
import re
import socket
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import h11
import pytest
import uvicorn
import uvloop
from hypothesis import assume, given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from opengrant.api.http import closing_connection
from opengrant.api.http.connection import Connection
from opengrant.api.http.connection_limits import Bounds
from opengrant.api.http.request import Disconnected, read_body
from opengrant.api.http.responses import JSON, send_bytes
from opengrant.errors import InvalidPayload


class Seen(NamedTuple):
    """A request as the application, or the oracle, got it."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: str


def said(name: bytes, value: bytes) -> str:
    """A header's value, in the spelling that h11 gives it."""
    text = value.decode("latin-1").strip()
    return text.lower() if name == b"transfer-encoding" else text


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what it got."""
    with suppress(Disconnected):
        try:
            body = await read_body(scope, receive, 1 << 20)
        except InvalidPayload as problem:
            await send_bytes(send, problem.status, b"text/plain", problem.message.encode())
            return
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        target = (scope["raw_path"] + query).decode("latin-1")
        headers = [(name.decode("latin-1"), said(name, value)) for name, value in scope["headers"]]
        seen = [scope["method"], target, headers, body.decode("latin-1")]
        await send_bytes(send, 200, JSON, b"" if scope["method"] == "HEAD" else json.dumps(seen).encode())


CONFIG = uvicorn.Config(echo, lifespan="off", log_config=None)
CONFIG.load()


RUNNER = asyncio.Runner(loop_factory=uvloop.new_event_loop)
"""One loop for all: to make one takes most of the time of an example."""


@pytest.fixture(scope="module", autouse=True)
def loop() -> Iterator[None]:
    yield
    RUNNER.close()


def run(work: Coroutine[Any, Any, list[bytes]]) -> list[bytes]:
    return RUNNER.run(work)


async def answers(*pieces: bytes, body_within: float = 20, ends: bool = True) -> list[bytes]:
    """Sends the pieces on a connection of their own. The answers, until the server closes, or the first one.

    ends  tells the server that no more comes
    """
    loop = asyncio.get_running_loop()
    failures: list[object] = []
    loop.set_exception_handler(lambda _, context: failures.append(context))
    here, there = socket.socketpair()
    here.setblocking(False)
    state = ServerState()
    bounds = Bounds(connections=10, per_address=10, proxies=(), head_within=20, body_within=body_within)
    lost = asyncio.Event()

    class Watched(Connection):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            lost.set()

    await loop.connect_accepted_socket(lambda: Watched(CONFIG, state, {}, bounds=bounds), there)
    received = b""
    async with asyncio.timeout(20):
        with suppress(ConnectionError):
            for piece in pieces:
                await loop.sock_sendall(here, piece)
                await asyncio.sleep(0)
            if ends:
                here.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while chunk := await loop.sock_recv(here, 1 << 20):
                received += chunk
                if not ends:
                    break
        here.close()
        while state.tasks:
            await asyncio.wait(state.tasks)
        await lost.wait()
    assert failures == []
    assert (len(state.connections), bounds.open, bounds.lingering) == (0, 0, 0)
    return split(received)


def split(received: bytes) -> list[bytes]:
    """Whole answers, each with a length, which nothing precedes and nothing follows."""
    found = []
    while received:
        head, end, rest = received.partition(b"\r\n\r\n")
        assert end, received
        if head == b"HTTP/1.1 100 Continue":
            received = rest
            continue
        length = re.search(rb"(?im)^content-length: (\d+)\r?$", head)
        assert length is not None, head
        found.append(head + end + rest[: int(length[1])])
        received = rest[int(length[1]) :]
    return found


def seen_in(all_answers: list[bytes]) -> list[Seen]:
    """The requests that reached the application, but for those of HEAD."""
    bodies = [answer.partition(b"\r\n\r\n")[2] for answer in all_answers if answer.startswith(b"HTTP/1.1 200")]
    return [
        Seen(method, target, tuple((name, value) for name, value in headers), body)
        for method, target, headers, body in map(json.loads, filter(None, bodies))
    ]


def h11_sees(sent: bytes) -> list[Seen]:
    """The requests that h11 takes for complete, up to its first refusal."""
    found: list[Seen] = []
    with suppress(h11.RemoteProtocolError):
        # RFC 9112, 2.2, lets a server skip empty lines before a request, and h11 does not.
        while sent := sent.lstrip(b"\r\n"):
            oracle = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
            oracle.receive_data(sent)
            head, body = oracle.next_event(), b""
            if not isinstance(head, h11.Request):
                return found
            while isinstance(event := oracle.next_event(), h11.Data):
                body += event.data
            if not isinstance(event, h11.EndOfMessage):
                return found
            headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers)
            found.append(Seen(head.method.decode(), head.target.decode(), headers, body.decode("latin-1")))
            oracle.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            oracle.send(h11.EndOfMessage())
            if oracle.our_state is not h11.DONE:
                return found
            sent, _ = oracle.trailing_data
    return found


HEADERS = st.lists(
    st.sampled_from(
        [
            *(b"Content-Length: 5", b"content-length: 0", b"Content-Length: 5", b"Content-Length: 4, 5"),
            *(
                b"Content-Length: +5",
                b"Content-Length: ",
                b"Transfer-Encoding: chunked",
                b"Transfer-Encoding: CHUNKED ",
            ),
            *(b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding:\x0bchunked"),
            *(b"Transfer-Encoding: chunked, chunked", b"Connection: close", b"Connection: keep-alive, x", b"Host: b"),
            *(b"Connection: upgrade\r\nUpgrade: h2c", b"Expect: 100-continue", b"A: b\r\n c", b"A : b", b" A: b"),
            *(b"A: \xff", b"A:", b"A: \x00", b"A: b\rC: d", b"A: b\nC: d", b"Trailer: A"),
        ]
    ),
    max_size=3,
)
BODIES = st.sampled_from(
    [
        *(b"", b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n", b"0\r\n\r\n"),
        *(b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", b"5\nhello\n0\n\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"-5\r\nhello"),
        *(b"05\r\nhello\r\n000\r\n\r\n", b"5 \r\nhello\r\n0\r\n\r\n", b"6\r\nhello\r\n0\r\n\r\n"),
    ]
)
LINES = st.sampled_from(
    [
        *(b"GET / HTTP/1.1", b"POST /a?b=c HTTP/1.1", b"POST //a/b HTTP/1.1", b"HEAD / HTTP/1.1", b"GET /%2f HTTP/1.1"),
        *(b"PUT / HTTP/1.0", b"GET / HTTP/2.0", b"GET /", b"GET /\x80 HTTP/1.1", b"DELETE / HTTP/1.1"),
    ]
)


@st.composite
def request(draw: st.DrawFn) -> bytes:
    """A request that may be wrong."""
    line = draw(LINES)
    method = line.partition(b" ")[0]
    body = draw(BODIES) if method in {b"POST", b"PUT"} else b""
    framing = draw(st.booleans())
    headers = draw(HEADERS)
    if framing:  # rightly
        headers = [one for one in headers if not one.lower().startswith((b"content", b"transfer"))]
        chunked = body.endswith(b"\r\n\r\n")
        headers.append(b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body))
    return b"\r\n".join([line, b"Host: x", *headers, b"", body])


@st.composite
def bytes_of_requests(draw: st.DrawFn) -> bytes:
    """Some requests in a row, of which a few bytes may be changed."""
    sent = b"".join(draw(st.lists(request(), min_size=1, max_size=4)))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(sent)))
        less = draw(st.integers(0, 2))
        more = draw(
            st.sampled_from([b"", b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"\x00", b"0", b"5", b",", b"\xff"])
        )
        sent = sent[:place] + more + sent[place + less :]
    return sent


def cut(sent: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({0, *(place % (len(sent) + 1) for place in places), len(sent)})
    return [sent[start:end] for start, end in itertools.pairwise(ends)]


def statuses(all_answers: list[bytes]) -> list[bytes]:
    return [answer.split()[1] for answer in all_answers]


@given(sent=bytes_of_requests(), places=st.lists(st.integers(0, 2000), max_size=12))
def test_the_pieces_in_which_bytes_arrive_change_nothing(sent: bytes, places: list[int]) -> None:
    whole, cut_up = run(answers(sent)), run(answers(*cut(sent, places)))
    assert seen_in(cut_up) == seen_in(whole)
    assert statuses(cut_up) == statuses(whole)


@given(sent=bytes_of_requests())
def test_no_request_is_seen_that_an_independent_parser_does_not_see(sent: bytes) -> None:
    # RFC 9112, 3, lets a server split the first line at several spaces, and h11 does not.
    assume(not re.search(rb"[A-Z] {2,}|  HTTP", sent))
    whole = [one for one in h11_sees(sent) if one.method != "HEAD"]
    ours = seen_in(run(answers(sent)))
    assert ours == whole[: len(ours)]


HOST = (("host", "x"),)


@pytest.mark.parametrize(
    "wrong",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0, 0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\nC: d\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA\x00: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
        b"GET /\r\n\r\n",
    ],
)
def test_what_two_readers_may_frame_differently_is_refused(wrong: bytes) -> None:
    received = run(answers(wrong + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert statuses(received) == [b"400"]


@pytest.mark.parametrize(
    "wrong",
    [b"5\nhello\n0\n\n", b"5 \r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n",
     b"-5\r\nhello\r\n0\r\n\r\n", b"0\r\nA: b\nC: d\r\n\r\n", b"ffffffffffffffffff\r\nhello"],
)  # fmt: skip
def test_a_chunked_body_that_is_not_one_is_refused(wrong: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    received = run(answers(head + wrong + b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert statuses(received) == [b"400"]


@pytest.mark.parametrize("separately", [False, True])
def test_the_body_of_a_request_that_asks_for_an_upgrade_is_its_body(*, separately: bool) -> None:
    # Java's HTTP client sends these headers with each first request.
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    body = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    for framing, framed in (
        (b"Content-Length: %d\r\n\r\n" % len(body), body),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)),
    ):
        sent = [head + framing, framed]
        received = run(answers(*sent) if separately else answers(b"".join(sent)))
        assert [(one.target, one.body) for one in seen_in(received)] == [("/", body.decode())]
        assert b"\r\nconnection: close\r\n" in received[0]


def test_a_request_without_body_that_asks_for_an_upgrade_is_answered_and_so_is_the_next() -> None:
    upgrade = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    received = run(answers(upgrade + b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert [one.target for one in seen_in(received)] == ["/a", "/b"]


def test_a_refusal_behind_other_requests_ends_with_what_the_client_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closing_connection, "_LINGER", 3600.0)  # the helper waits 20 seconds
    good, wrong = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/2.0\r\nHost: x\r\n\r\n"
    assert statuses(run(answers(good * 2 + wrong))) == [b"200", b"200", b"400"]


def test_what_follows_the_last_request_of_a_connection_is_not_read() -> None:
    last = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    received = run(answers(last + b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert seen_in(received) == [Seen("GET", "/a", (*HOST, ("connection", "close")), "")]
    assert b"\r\nconnection: close\r\n" in received[0]


def test_a_client_that_sends_no_more_gets_all_its_answers() -> None:
    one = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n%d"
    received = run(answers(b"".join(one % number for number in range(9)) + b"POST / HTTP/1.1\r\nHost: x\r\n"))
    assert [one.body for one in seen_in(received)] == [str(number) for number in range(9)]


@pytest.mark.parametrize("begun", [b"", b"he"])
def test_a_body_that_does_not_come_is_not_waited_for_for_ever(begun: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
    (answer,) = run(answers(head + begun, body_within=0.01, ends=False))
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"did not arrive" in answer


@given(sent=st.binary(max_size=400) | bytes_of_requests())
def test_any_bytes_end_in_answers_and_a_closed_connection(sent: bytes) -> None:
    assert set(statuses(run(answers(sent)))) <= {b"200", b"400", b"408", b"431"}
