"""Two connections coupled, on real sockets and both event loops, with and without TLS."""

import asyncio
import contextlib
import itertools
import ssl

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from opengrant.net.line_connection import connect_as
from opengrant.net.stream_connection import Coupling, StreamConnection, finish
from tests.fakes.mail import Certificates

LOOPS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
SECURED = pytest.mark.parametrize("secured", [False, True], ids=["plain", "tls"])


@pytest.fixture(scope="module")
def certificates():
    made = Certificates()
    yield made
    made.close()


@contextlib.asynccontextmanager
async def coupled(serve, *, certificates=None, idle=60.0):
    """(reader, writer, sessions) of a client whose bytes go through a coupling to `serve(reader, writer)`.

    certificates  for TLS on both sides
    """
    tls = None if certificates is None else certificates.good
    trust = None if certificates is None else ssl.create_default_context(cafile=certificates.ca_file)
    tasks, couplings = [], []

    async def talk(reader, writer):
        tasks.append(asyncio.current_task())
        with contextlib.suppress(OSError):
            await serve(reader, writer)
        writer.transport.abort()

    async def session(client):
        if tls is not None:
            client.within(10)
            await client.accept_tls(tls)
        server = await connect_as(StreamConnection, ("127.0.0.1",), there.sockets[0].getsockname()[1], 10)
        if trust is not None:
            server.within(10)
            await server.begin_tls(trust, "localhost")
        coupling = Coupling(client, server, idle=idle)
        couplings.append(coupling)
        await coupling.run()
        await finish(client)
        server.close()

    there = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    here = await asyncio.get_running_loop().create_server(
        lambda: StreamConnection(lambda client: tasks.append(asyncio.create_task(session(client)))), "127.0.0.1", 0
    )
    host = "localhost" if trust is not None else None
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", here.sockets[0].getsockname()[1], ssl=trust, server_hostname=host
    )
    try:
        async with asyncio.timeout(60):
            yield reader, writer, couplings
            writer.close()
            await asyncio.gather(*tasks)
    finally:
        with contextlib.suppress(AttributeError):  # before Python 3.11.4, for TLS that is closed
            writer.transport.abort()
        here.close()
        there.close()


def cut(data, places):
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@LOOPS
@SECURED
@settings(max_examples=10)
@given(data=st.binary(max_size=200_000), places=st.lists(st.integers(0, 200_000), max_size=8))
def test_bytes_come_out_as_they_went_in(certificates, run, secured, data, places):
    """Both ways at once, however they were cut."""

    async def echo(reader, writer):
        while piece := await reader.read(10_000):
            writer.write(piece)
            await writer.drain()

    async def scenario():
        async with coupled(echo, certificates=certificates if secured else None) as (reader, writer, _):

            async def send():
                for piece in cut(data, places):
                    writer.write(piece)
                    await writer.drain()

            sending = asyncio.create_task(send())
            received = await reader.readexactly(len(data))
            await sending
            return received

    assert run(scenario()) == data


@LOOPS
def test_a_client_that_has_stopped_sending_still_gets_the_answer(run):
    answer = b"x" * 1_000_000

    async def serve(reader, writer):
        assert await reader.read() == b"the last word"
        writer.write(answer)
        await writer.drain()

    async def scenario():
        async with coupled(serve) as (reader, writer, _):
            writer.write(b"the last word")
            writer.write_eof()
            return await reader.read()

    assert run(scenario()) == answer


@LOOPS
@SECURED
def test_a_server_that_hangs_up_ends_the_session_after_its_last_byte(certificates, run, secured):
    answer = b"* BYE\r\n" * 100_000

    async def serve(_reader, writer):
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def scenario():
        async with coupled(serve, certificates=certificates if secured else None) as (reader, _, _):
            return await reader.read()

    assert run(scenario()) == answer


@LOOPS
def test_a_session_in_which_nothing_is_said_ends(run):
    async def serve(reader, _writer):
        await reader.read()

    async def scenario():
        async with coupled(serve, idle=0.1) as (reader, _, _):
            return await reader.read()

    assert run(scenario()) == b""


@LOOPS
def test_a_client_that_does_not_read_holds_the_server_up(run):
    """Neither memory nor anything else grows with what the server wants to send."""
    sent = 0

    async def serve(_reader, writer):
        nonlocal sent
        for _ in range(1000):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000

    async def scenario():
        async with coupled(serve) as (reader, writer, couplings):
            reader._transport.pause_reading()
            before = -1
            while before != sent or not sent:
                before = sent
                await asyncio.sleep(0.2)
            taken = couplings[0].from_server
            writer.transport.abort()
            return taken

    assert run(scenario()) < 60_000_000  # the kernel's buffers; a hundred million are waiting


@LOOPS
def test_a_line_of_ours_comes_only_where_no_answer_is_cut(run):
    async def serve(reader, writer):
        writer.write(b"* 1 FETCH {1000}\r\nhalf of it")
        await reader.readline()
        writer.write(b" and the rest\r\n")
        await reader.read()

    async def scenario():
        async with coupled(serve) as (reader, writer, couplings):
            await reader.readuntil(b"half of it")
            (coupling,) = couplings
            half_at = coupling.quiet_since
            coupling.quiet_since -= 2
            assert not coupling.say(b"* BYE\r\n")
            writer.write(b"go on\r\n")
            await reader.readuntil(b"rest\r\n")
            assert coupling.quiet_since >= half_at
            coupling.quiet_since += 60  # only just, however long this machine takes
            assert not coupling.say(b"* BYE\r\n")
            coupling.quiet_since -= 62
            assert coupling.say(b"* BYE\r\n")
            return await reader.readline()

    assert run(scenario()) == b"* BYE\r\n"
