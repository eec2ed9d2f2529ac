"""Connections to a real server process: what comes before a request is whole is bounded, and harms no other client."""

import contextlib
import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.test_commands import Served, bearer, first_key, serving
from tests.nodes.node import until

MEGABYTE = 1024 * 1024
PER_ADDRESS = 40
LIMITS = {
    "OPENGRANT_MAX_CONNECTIONS": "60",
    "OPENGRANT_MAX_CONNECTIONS_PER_ADDRESS": str(PER_ADDRESS),
    "OPENGRANT_PROXIES": "127.0.0.3/32",
    "OPENGRANT_HEAD_TIMEOUT": "5",
    "OPENGRANT_KEEP_ALIVE": "1",
}
ATTACKER, BYSTANDER, PROXY = "127.0.0.1", "127.0.0.2", "127.0.0.3"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("bounded"), LIMITS) as one:
        yield one


@pytest.fixture
def line(served: Served) -> Iterator[Callable[..., socket.socket]]:
    """Opens connections to the server, and closes them when the test is over."""
    url = httpx.URL(served.url)
    with contextlib.ExitStack() as opened:

        def connect(address: str = ATTACKER) -> socket.socket:
            place = (url.host, url.port or 0)
            return opened.enter_context(socket.create_connection(place, timeout=60, source_address=(address, 0)))

        yield connect


def until_closed(open_: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while chunk := open_.recv(65536):
            received += chunk
    return received


def refusal(received: bytes) -> tuple[int, str]:
    """(status, type) of the one answer, after checking its envelope."""
    head, _, body = received.partition(b"\r\n\r\n")
    told = json.loads(body)
    assert set(told) == {"request_id", "error"}
    assert set(told["error"]) == {"type", "message"}
    assert b"content-type: application/json\r\n" in head
    assert head.endswith(b"connection: close")
    return int(head.split()[1]), told["error"]["type"]


@contextlib.contextmanager
def bystander(served: Served) -> Iterator[Callable[[], int]]:
    """Another client, from an address of its own: the status of the answer."""
    # A connection each: the server might end a kept one at the moment when it is used again.
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(
        transport=httpx.HTTPTransport(local_address=BYSTANDER, limits=limits), base_url=served.url
    ) as http:
        yield lambda: http.get("/healthz").status_code


def all_free(served: Served) -> None:
    """Wait until the server has seen that the clients of earlier tests have gone."""
    process = psutil.Process(served.process.pid)
    until(lambda: not any(one.raddr for one in process.net_connections("tcp")), "a connection stays open")


def memory(served: Served) -> int:
    return psutil.Process(served.process.pid).memory_info().rss


TOO_LARGE = (431, "request_header_fields_too_large")


@pytest.mark.parametrize(
    "start",
    [b"GET /healthz HTTP/1.1\r\n", b"GET /", b"GET /healthz HTTP/1.1\r\na: "],
    ids=["header lines", "a request line", "one header"],
)
def test_a_flood_of_a_head_is_refused_early_and_costs_no_memory(
    served: Served, line: Callable[..., socket.socket], start: bytes
) -> None:
    flood = (b"x: %s\r\n" % (b"y" * 120)) * 8192 if start.endswith(b"1.1\r\n") else b"y" * MEGABYTE
    before, sent = memory(served), 0
    with bystander(served) as ask:
        for _ in range(8):
            with line() as open_:
                open_.sendall(start)
                with contextlib.suppress(ConnectionError):
                    for _ in range(32):
                        open_.sendall(flood)
                        sent += len(flood)
            assert ask() == 200
    assert memory(served) - before < 24 * MEGABYTE
    assert sent < 8 * 24 * MEGABYTE, "the server went on reading"


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\na: " + b"y" * 65_000 + b"\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\na: " + b"y" * 65_536 + b"\r\n\r\n", 431),
        (b"GET /healthz?" + b"y" * 65_536 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * 250 + b"\r\n", 200),
        (b"GET /healthz HTTP/1.1\r\n" + b"a:\r\n" * 257 + b"\r\n", 431),
        (b"\r\n" * 40_000 + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 431),
    ],
    ids=["just fits", "one header too long", "too long a path", "many lines", "too many lines", "empty lines"],
)
def test_where_the_bound_of_a_head_is(line: Callable[..., socket.socket], head: bytes, expected: int) -> None:
    open_ = line()
    open_.sendall(head)
    received = until_closed(open_)  # a kept one is closed after a second without use
    assert int(received.split()[1]) == expected
    if expected != 200:
        assert refusal(received) == TOO_LARGE


def test_a_head_in_single_bytes_is_bounded_as_well(line: Callable[..., socket.socket]) -> None:
    open_ = line()
    open_.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n":
        open_.sendall(bytes([byte]))
    assert until_closed(open_).startswith(b"HTTP/1.1 200")


def test_half_heads_are_closed_in_time_and_no_address_holds_all_connections(
    served: Served, line: Callable[..., socket.socket]
) -> None:
    all_free(served)
    before = memory(served)
    held = [line() for _ in range(PER_ADDRESS)]
    for open_ in held:
        open_.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
    assert refusal(until_closed(line())) == (503, "service_unavailable")
    with bystander(served) as ask:
        assert [ask() for _ in range(50)] == [200] * 50
    assert memory(served) - before < 8 * MEGABYTE
    for open_ in held:
        assert refusal(until_closed(open_)) == (408, "request_timeout")
    assert httpx.get(f"{served.url}/healthz").status_code == 200, "their places are free again"


def test_a_proxy_may_hold_more_than_a_share_but_not_more_than_all(
    served: Served, line: Callable[..., socket.socket]
) -> None:
    all_free(served)
    held = [line(PROXY) for _ in range(60)]
    for open_ in held:
        open_.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET")  # it has begun the next one, and is not idle
    assert refusal(until_closed(line(PROXY))) == (503, "service_unavailable")
    for open_ in held:
        assert open_.recv(65536).startswith(b"HTTP/1.1 200")


def test_an_idle_connection_is_closed(line: Callable[..., socket.socket]) -> None:
    silent, used = line(), line()
    used.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert until_closed(used).startswith(b"HTTP/1.1 200")
    assert until_closed(silent) == b""


def test_pipelined_requests_are_answered_in_order_and_so_many_only(line: Callable[..., socket.socket]) -> None:
    one, other = (b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % path for path in (b"healthz", b"nothing"))
    few, many = line(), line()
    few.sendall((one + other + other) * 8)
    assert re.findall(rb"HTTP/1.1 (\d+)", until_closed(few)) == [b"200", b"404", b"404"] * 8
    many.sendall(one * 1500)
    assert 20 < until_closed(many).count(b"HTTP/1.1 200") < 1500


def test_http_1_0_is_answered_and_closed(line: Callable[..., socket.socket]) -> None:
    open_ = line()
    open_.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
    received = until_closed(open_)
    assert received.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in received


def answer_of(open_: socket.socket) -> bytes:
    """One answer with its body, on a connection that stays open."""
    received = b""
    while True:
        head, whole, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if whole and (length is None or len(body) >= int(length[1])):
            return received
        chunk = open_.recv(65536)
        assert chunk, f"closed after {received!r}"
        received += chunk


def test_a_client_that_waits_for_100_continue_is_told_to_send_and_only_if_its_body_is_wanted(
    served: Served, line: Callable[..., socket.socket]
) -> None:
    post = b"POST /v3/connect/custom HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
    wanted, unwanted = line(), line()
    wanted.sendall(post + b"Authorization: Bearer " + first_key(served.printed).encode() + b"\r\n\r\n")
    assert answer_of(wanted) == b"HTTP/1.1 100 Continue\r\n\r\n"
    wanted.sendall(b"{}")
    assert b"grant.provider_required" in answer_of(wanted)
    unwanted.sendall(post + b"\r\n")
    assert answer_of(unwanted).startswith(b"HTTP/1.1 401")


def test_a_body_that_comes_after_its_answer_is_dropped_and_the_connection_goes_on(
    line: Callable[..., socket.socket],
) -> None:
    open_ = line()
    late = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 20_000
    open_.sendall(b"POST /v3/connect/custom HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(late))
    assert answer_of(open_).startswith(b"HTTP/1.1 401")
    open_.sendall(late)
    open_.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer_of(open_).startswith(b"HTTP/1.1 200")


def test_an_answer_to_head_says_how_long_the_body_would_be_and_has_none(line: Callable[..., socket.socket]) -> None:
    open_ = line()
    open_.sendall(b"".join(b"%b /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" % verb for verb in (b"HEAD", b"GET")))
    head, _, rest = until_closed(open_).partition(b"\r\n\r\n")
    assert rest.startswith(b"HTTP/1.1 200")
    (length,) = re.findall(rb"content-length: (\d+)", head)
    assert int(length) == len(rest.partition(b"\r\n\r\n")[2]) > 0


def test_trailers_count_for_nothing_and_are_bounded(served: Served, line: Callable[..., socket.socket]) -> None:
    key = first_key(served.printed)
    post = b"POST /v3/connect/custom HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
    begins = post + b"Authorization: Bearer " + key.encode() + b"\r\n\r\n2\r\n{}\r\n0\r\n"
    kept = line()
    kept.sendall(begins + b"X-Trailer: a\r\n\r\n")
    assert b"grant.provider_required" in until_closed(kept)
    without_key = line()
    without_key.sendall(post + b"\r\n2\r\n{}\r\n0\r\nAuthorization: Bearer " + key.encode() + b"\r\n\r\n")
    assert until_closed(without_key).startswith(b"HTTP/1.1 401")
    before = memory(served)
    flood = line()
    with contextlib.suppress(ConnectionError):
        flood.sendall(begins)
        for _ in range(32):
            flood.sendall(b"x: " + b"y" * MEGABYTE)
    assert memory(served) - before < 16 * MEGABYTE


def test_what_follows_a_request_that_is_refused_does_not_take_its_answer_away(
    line: Callable[..., socket.socket],
) -> None:
    open_ = line()
    open_.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n\x00\x01nonsense\r\n\r\n")
    received = until_closed(open_)
    assert received.startswith(b"HTTP/1.1 200")


HOSTILE = [
    b"\x00" * 200,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(64),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET  /  HTTP/1.1\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http:///// HTTP/1.1\r\n\r\n",
    b"GET http://[::1/ HTTP/1.1\r\n\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%ff%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\nHost: x\n\n",
    b"GET / HTTP/1.1\r\n folded: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    b"GET / HTTP/1.1\r\n: empty\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: \x00\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
    b"POST /v3/connect/custom HTTP/1.1\r\nExpect: 200-maybe\r\nContent-Length: 2\r\n\r\n{}",
    b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"GET / HTTP/1.1\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
]


def failures(served: Served) -> list[dict[str, object]]:
    return [record for record in served.records() if record.get("level") in {"error", "critical"}]


def exchange(connect: Callable[..., socket.socket], sent: bytes) -> bytes:
    open_ = connect(PROXY)
    with contextlib.suppress(ConnectionError):
        open_.sendall(sent)
        open_.shutdown(socket.SHUT_WR)
    return until_closed(open_)


def test_no_head_is_too_strange(served: Served, line: Callable[..., socket.socket]) -> None:
    with ThreadPoolExecutor(8) as pool:
        for sent, received in zip(HOSTILE, pool.map(lambda sent: exchange(line, sent), HOSTILE), strict=True):
            assert received == b"" or received.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 4")), sent
    assert failures(served) == []
    assert httpx.get(f"{served.url}/v3/grants", headers=bearer(first_key(served.printed))).status_code == 200


TEXT = st.one_of(st.binary(max_size=60), st.sampled_from([b"GET / HTTP/1.1\r\n", b"\r\n", b"Host: x\r\n", b"\r\n\r\n"]))


@settings(max_examples=25)
@given(pieces=st.lists(TEXT, max_size=12))
def test_no_bytes_make_it_fail(served: Served, pieces: list[bytes]) -> None:
    url = httpx.URL(served.url)
    with socket.create_connection((url.host, url.port or 0), timeout=60, source_address=(PROXY, 0)) as open_:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                open_.sendall(piece)
            open_.shutdown(socket.SHUT_WR)
        received = until_closed(open_)
    assert received == b"" or received.startswith((b"HTTP/1.1 2", b"HTTP/1.1 3", b"HTTP/1.1 4")), received
    assert failures(served) == []


def test_refusals_are_counted_by_reason(served: Served) -> None:
    told = httpx.get(f"{served.url}/metrics").text
    for reason in ("head_too_large", "head_too_slow", "full", "address", "invalid", "pipelined"):
        assert f'opengrant_http_connections_refused_total{{reason="{reason}"}}' in told
