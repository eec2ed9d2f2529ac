"""Answers that come in pieces: their framing as an independent parser (h11) sees it, and their pace as the client's."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import h11
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from opengrant.api.http import responses
from opengrant.api.http.connection import Connection
from opengrant.api.http.connection_limits import Bounds
from opengrant.api.http.exchange import ClientGone
from opengrant.api.http.responses import CutOff, Streamed
from opengrant.errors import ProviderUnavailable

REQUEST = b"%b / HTTP/%b\r\nhost: a\r\n\r\n"


class App:
    """Streams these pieces; the last may be an error. sent: how many were taken."""

    def __init__(self, pieces: Sequence[bytes | Exception]) -> None:
        self.pieces, self.sent = pieces, 0
        self.ended = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await responses.send_streamed(send, "id", self.opened(), bodiless=scope["method"] == "HEAD")
        except (ClientGone, CutOff) as failure:
            self.failure = failure
        finally:
            self.ended.set()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Streamed]:
        yield Streamed(b"text/plain", [(b"x-more", b"1")], b"first", whole=False, rest=self.rest())

    async def rest(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            self.sent += 1
            yield piece


@asynccontextmanager
async def talking(app: App) -> AsyncIterator[socket.socket]:
    loop = asyncio.get_running_loop()
    here, there = socket.socketpair()
    here.setblocking(False)
    config = uvicorn.Config(app, lifespan="off", log_config=None)
    config.load()
    bounds = Bounds(connections=10, per_address=10, proxies=(), head_within=20, body_within=20)
    state = ServerState()
    await loop.connect_accepted_socket(lambda: Connection(config, state, {}, bounds=bounds), there)
    try:
        async with asyncio.timeout(20):
            yield here
    finally:
        here.close()
        while state.tasks:
            await asyncio.wait(state.tasks)


async def answers(app: App, *requests: bytes) -> list[tuple[int, bytes] | None]:
    """Status and body of each answer as h11 reads them; None for one that is cut off."""
    loop = asyncio.get_running_loop()
    found = list[tuple[int, bytes] | None]()
    async with talking(app) as here:
        for request in requests:
            method = request.partition(b" ")[0]
            oracle = h11.Connection(h11.CLIENT)
            oracle.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
            oracle.send(h11.EndOfMessage())
            await loop.sock_sendall(here, request)
            status, body = 0, b""
            try:
                while not isinstance(event := oracle.next_event(), h11.EndOfMessage | h11.ConnectionClosed):
                    if event is h11.NEED_DATA:
                        oracle.receive_data(await loop.sock_recv(here, 65536))
                    elif isinstance(event, h11.Response):
                        status = event.status_code
                    elif isinstance(event, h11.Data):
                        body += bytes(event.data)
            except h11.RemoteProtocolError:
                found.append(None)
                break
            found.append((status, body))
    return found


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_pieces_come_out_whole_and_the_connection_goes_on(pieces: list[bytes]) -> None:
    app = App(pieces)
    whole = (200, b"first" + b"".join(pieces))
    request = REQUEST % (b"GET", b"1.1")
    assert asyncio.run(answers(app, request, request)) == [whole, whole]


def test_to_a_client_that_knows_no_chunks_the_end_of_the_connection_is_the_end() -> None:
    assert asyncio.run(answers(App([b"and", b"more"]), REQUEST % (b"GET", b"1.0"))) == [(200, b"firstandmore")]


def test_head_has_no_body_and_nothing_is_fetched_for_it() -> None:
    app = App([b"more"])
    assert asyncio.run(answers(app, REQUEST % (b"HEAD", b"1.1"), REQUEST % (b"HEAD", b"1.1"))) == [(200, b"")] * 2
    assert app.sent == 0


def test_an_answer_that_cannot_be_finished_does_not_look_finished() -> None:
    app = App([b"more", ProviderUnavailable("gone")])
    assert asyncio.run(answers(app, REQUEST % (b"GET", b"1.1"))) == [None]
    assert isinstance(app.failure, CutOff)


@pytest.mark.parametrize("reads", [False, True])
async def test_pieces_are_fetched_as_the_client_reads(reads: bool) -> None:
    loop = asyncio.get_running_loop()
    app = App([b"x" * 65536] * 200)
    async with talking(app) as here:
        await loop.sock_sendall(here, REQUEST % (b"GET", b"1.1"))
        if reads:
            received = 0
            while not app.ended.is_set() or received < 200 * 65536:
                received += len(await loop.sock_recv(here, 1 << 20))
            assert app.sent == 200
            return
        before: Any = None
        while before != app.sent:
            before = app.sent
            for _ in range(100):
                await asyncio.sleep(0)
        assert app.sent < 50, "what is not read is not fetched"
    with suppress(TimeoutError):
        await asyncio.wait_for(app.ended.wait(), 20)
    assert isinstance(app.failure, ClientGone)
