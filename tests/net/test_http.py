"""net/provider_http.py: whole answers, or evidence of how far the request got."""

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from opengrant.errors import Evidence, ProviderFailure
from opengrant.net.http_client import HttpClient, place_of
from opengrant.net.http_connect import AddressInfo
from opengrant.net.http_connection import MAX_BODY
from opengrant.net.provider_http import Field, Http, encoded
from tests.fakes.oauth import FakeOAuth, Reply

SECRET = SecretStr("sEcReT-0123456789")
OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"content-length: 0\r\n\r\n"


@pytest.fixture
def fake() -> Iterator[FakeOAuth]:
    with FakeOAuth() as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    door = Http(timeout=20, connections_per_host=10)
    yield door
    await door.close()


@pytest.fixture
async def hasty(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Http]:
    """Waits half a second for a connection."""
    monkeypatch.setattr("opengrant.net.provider_http.CONNECT_TIMEOUT", 0.5)
    door = Http(timeout=60, connections_per_host=10)
    yield door
    await door.close()


async def acquainted(fake: FakeOAuth, *, connections_per_host: int) -> Http:
    """Waits a second, with a connection open already, so that the time is for the answer."""
    door = Http(timeout=1, connections_per_host=connections_per_host)
    for _ in range(20):
        with contextlib.suppress(ProviderFailure):  # a busy machine may take this long to connect
            await door.form("google", "token", f"{fake.url}/token", {})
            break
    return door


class Served:
    """What a raw server has seen. closed: the client ended a connection, or the server did."""

    def __init__(self) -> None:
        self.connections = self.requests = 0
        self.closed = asyncio.Event()


@contextlib.asynccontextmanager
async def raw_server(*answers: bytes) -> AsyncIterator[tuple[int, Served]]:
    """A server that gives each connection these answers, one to each request, and then closes it."""
    seen = Served()
    at_work = asyncio.TaskGroup()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        for answer in answers:
            if not await reader.read(65536):
                break
            seen.requests += 1
            writer.write(answer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        seen.closed.set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_work.create_task(serve(reader, writer))

    async with at_work:
        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1], seen
        finally:
            server.close()


async def evidence_of(http: Http, url: str) -> Evidence:
    with pytest.raises(ProviderFailure) as caught:
        await http.form("google", "token", url, {"refresh_token": SECRET})
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None  # the library's exception names the URL
    return caught.value.evidence


def how_far(evidence: Evidence) -> tuple[str, str, bool]:
    return evidence.step, evidence.code, evidence.sent


# ---------------------------------------------------------------- answers


async def test_form_values_arrive_as_they_were_and_encoded_once(fake: FakeOAuth, http: Http) -> None:
    fields: dict[str, Field] = {"refresh_token": SecretStr("1//0a+b/c~d%20&=é "), "empty": ""}
    await http.form("google", "token", f"{fake.url}/token", fields)
    seen = fake.requests[0]
    assert seen.form == {"refresh_token": "1//0a+b/c~d%20&=é ", "empty": ""}
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert seen.headers["user-agent"].startswith("OpenGrant/")


async def test_a_bearer_token_and_a_query_are_sent(fake: FakeOAuth, http: Http) -> None:
    await http.get("google", "api", f"{fake.url}/me?x=1", bearer=SECRET, query={"a b": "c&d"})
    seen = fake.requests[0]
    assert (seen.method, seen.query) == ("GET", {"x": "1", "a b": "c&d"})
    assert seen.headers["authorization"] == "Bearer sEcReT-0123456789"


@pytest.mark.parametrize(
    ("body", "json", "is_json"),
    [
        (b'{"a": 1}', {"a": 1}, True),
        (b"null", None, True),
        (b"<html>", None, False),
        (b"", None, False),
        (b"[" * 100_000, None, False),
        (b'{"a": NaN}', None, False),
    ],
)
async def test_json_is_judged_by_the_content(
    fake: FakeOAuth, http: Http, body: bytes, json: object, is_json: bool
) -> None:
    for kind in ("text/html", "application/json"):
        fake.answers("token", Reply(200, body, {"Content-Type": kind}))
        answer = await http.form("google", "token", f"{fake.url}/token", {})
        assert (answer.json, answer.is_json) == (json, is_json)


async def test_header_names_are_lower_case_and_the_first_of_two_counts(fake: FakeOAuth, http: Http) -> None:
    fake.answers("token", Reply(429, "slow", {"ReTry-AFTER": "7", "retry-after": "9"}))
    answer = await http.form("google", "token", f"{fake.url}/token", {})
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")


async def test_a_redirect_is_an_answer_and_is_not_followed(fake: FakeOAuth, http: Http) -> None:
    fake.answers("token", Reply(307, "", {"Location": f"{fake.url}/me"}))
    answer = await http.form("google", "token", f"{fake.url}/token", {"refresh_token": SECRET})
    assert answer.status == 307
    assert [seen.endpoint for seen in fake.requests] == ["token"]


async def test_cookies_are_not_sent_back(fake: FakeOAuth, http: Http) -> None:
    fake.answers("token", Reply(200, {}, {"Set-Cookie": "who=me"}))
    for _ in range(2):
        await http.form("google", "token", f"{fake.url}/token", {})
    assert "cookie" not in fake.requests[1].headers


async def test_a_proxy_of_the_environment_is_not_used(fake: FakeOAuth, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    http = Http(timeout=20, connections_per_host=1)
    assert (await http.form("google", "token", f"{fake.url}/token", {})).status == 400
    await http.close()


async def test_nothing_of_an_answer_or_of_what_was_sent_is_in_its_repr(fake: FakeOAuth, http: Http) -> None:
    fake.answers("token", Reply(200, {"access_token": "sEcReT-live"}, {"X-Echo": "sEcReT-echo"}))
    answer = await http.form("google", "token", f"{fake.url}/token", {"refresh_token": SECRET})
    assert answer.secrets == (SECRET,)
    assert "sEcReT" not in repr(answer)


async def test_calls_are_counted_and_timed(fake: FakeOAuth) -> None:
    seen: list[tuple[str, str, str]] = []
    http = Http(
        timeout=20,
        connections_per_host=1,
        observe=lambda provider, leg, outcome, _: seen.append((provider, leg, outcome)),
    )
    fake.refuses(400, {"error": "invalid_grant"})
    await http.form("google", "token", f"{fake.url}/token", {})
    await evidence_of(http, "http://127.0.0.1:1/token")
    await http.close()
    assert seen == [("google", "token", "4xx"), ("google", "token", "refused")]


# ---------------------------------------------------------------- never sent


async def test_a_refused_connection_was_never_sent(http: Http) -> None:
    assert how_far(await evidence_of(http, "http://127.0.0.1:1/token")) == ("connect", "refused", False)


async def test_a_name_that_does_not_exist_was_never_sent(http: Http) -> None:
    step, code, sent = how_far(await evidence_of(http, "https://no-such-host.invalid/token"))
    # Where no DNS server can be asked at all, the system says so instead.
    assert (step, sent) == ("dns", False)
    assert code in {"name_not_found", "name_lookup_failed"}


async def test_a_connection_that_is_never_accepted_was_never_sent(hasty: Http) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        found = await evidence_of(hasty, f"http://127.0.0.1:{full.getsockname()[1]}/token")
        for one in waiting:
            one.close()
    assert how_far(found) == ("connect", "timeout", False)


async def test_a_tls_handshake_that_never_ends_was_never_sent(hasty: Http) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        found = await evidence_of(hasty, f"https://127.0.0.1:{silent.getsockname()[1]}/token")
    assert how_far(found) == ("connect", "timeout", False)


async def test_tls_to_a_server_that_speaks_none_was_never_sent(http: Http) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 this is something else\r\n")
        await writer.drain()
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    found = await evidence_of(http, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/token")
    server.close()
    assert how_far(found) == ("tls", "handshake_failed", False)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/token", "no url at all", "http://"])
async def test_a_url_that_is_none_was_never_sent(http: Http, url: str) -> None:
    assert how_far(await evidence_of(http, url)) == ("connect", "request_invalid", False)


async def test_a_token_that_cannot_stand_in_a_header_was_never_sent(fake: FakeOAuth, http: Http) -> None:
    with pytest.raises(ProviderFailure) as caught:
        await http.get("google", "api", f"{fake.url}/me", bearer=SecretStr("sEcReT\r\nX-Evil: 1"))
    assert how_far(caught.value.evidence) == ("connect", "request_invalid", False)
    assert "sEcReT" not in repr(caught.value.evidence)
    assert fake.requests == []


async def test_who_finds_no_free_connection_in_time_was_never_sent(fake: FakeOAuth) -> None:
    http = await acquainted(fake, connections_per_host=1)
    before = fake.count("token")
    fake.answers("token", Reply(fault="silence"))
    found = [how_far(one) for one in await asyncio.gather(*(evidence_of(http, f"{fake.url}/token") for _ in range(20)))]
    await http.close()
    # All have the same time. On a busy machine, a later one may get the connection of one that has given up.
    sent = found.count(("http", "timeout", True))
    assert found[0] == ("http", "timeout", True)
    assert sent + found.count(("connect", "no_free_connection", False)) == 20
    assert 1 <= fake.count("token") - before <= sent < 20


async def test_no_more_connections_are_made_to_a_host_than_allowed(fake: FakeOAuth) -> None:
    http = Http(timeout=20, connections_per_host=3)
    with fake.holding():
        calls = [asyncio.create_task(http.form("google", "token", f"{fake.url}/token", {})) for _ in range(9)]
        await asyncio.to_thread(fake.wait_for, "token", 3)
        elsewhere = await asyncio.gather(evidence_of(http, "http://127.0.0.1:1/token"))
        assert fake.count("token") == 3
        assert elsewhere[0].code == "refused"  # another host does not wait for this one
    assert [answer.status for answer in await asyncio.gather(*calls)] == [400] * 9
    assert fake.count("token") == 9
    await http.close()


async def test_a_call_that_is_cancelled_gives_its_connection_back(fake: FakeOAuth) -> None:
    http = Http(timeout=20, connections_per_host=1)
    with fake.holding():
        call = asyncio.create_task(http.form("google", "token", f"{fake.url}/token", {}))
        await asyncio.to_thread(fake.wait_for, "token", 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert (await http.form("google", "token", f"{fake.url}/token", {})).status == 400
    await http.close()


# ---------------------------------------------------------------- sent, and the answer lost


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(fault="reset_early"), "connection_lost"),
        (Reply(fault="reset"), "connection_lost"),
        (Reply(fault="close"), "connection_lost"),
        (Reply(fault="garbage"), "not_http"),
        (Reply(200, {"access_token": "x" * 100}, cut=20), "answer_cut_off"),
    ],
)
async def test_whoever_vanishes_after_the_connection_may_have_the_request(
    fake: FakeOAuth, http: Http, reply: Reply, code: str
) -> None:
    fake.answers("token", reply)
    found = await evidence_of(http, f"{fake.url}/token")
    assert how_far(found) == ("http", code, True)
    assert found.status is None


@pytest.mark.parametrize("reply", [Reply(fault="silence"), Reply(200, "x" * 5000, {"Content-Length": "9000"})])
async def test_the_deadline_is_for_the_whole_answer(fake: FakeOAuth, reply: Reply) -> None:
    http = await acquainted(fake, connections_per_host=10)
    fake.answers("token", reply)
    assert how_far(await evidence_of(http, f"{fake.url}/token")) == ("http", "timeout", True)
    await http.close()


async def test_an_answer_over_the_limit_is_refused_while_it_streams(fake: FakeOAuth, http: Http) -> None:
    fake.answers("token", Reply(200, b"x" * (MAX_BODY + 1)), times=1)
    found = await evidence_of(http, f"{fake.url}/token")
    assert (*how_far(found), found.status) == ("reply", "answer_too_large", True, 200)
    fake.answers("token", Reply(200, b"x" * MAX_BODY))
    assert len((await http.form("google", "token", f"{fake.url}/token", {})).body) == MAX_BODY


# ---------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def serving(authority: trustme.CA, name: str) -> FakeOAuth:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return FakeOAuth(context)


async def test_an_authority_of_the_operators_own_is_trusted(authority: trustme.CA, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(trustme.CA().cert_pem.bytes() + authority.cert_pem.bytes())
    http = Http(timeout=20, connections_per_host=1, ca_file=bundle)
    with serving(authority, "localhost") as fake:
        assert (await http.form("google", "token", f"{fake.url}/token", {})).status == 400
    await http.close()


async def test_an_intermediate_authority_may_be_the_one_that_is_trusted(authority: trustme.CA, tmp_path: Path) -> None:
    between = authority.create_child_ca()
    (tmp_path / "ca.pem").write_bytes(between.cert_pem.bytes())
    http = Http(timeout=20, connections_per_host=1, ca_file=tmp_path / "ca.pem")
    with serving(between, "localhost") as fake:
        assert (await http.form("google", "token", f"{fake.url}/token", {})).status == 400
    await http.close()


@pytest.mark.parametrize(
    ("trusted", "name", "word"), [(False, "localhost", "issuer"), (True, "other.test", "localhost")]
)
async def test_a_certificate_that_proves_nothing_stops_the_request(
    authority: trustme.CA, tmp_path: Path, trusted: bool, name: str, word: str
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes((authority if trusted else trustme.CA()).cert_pem.bytes())
    http = Http(timeout=20, connections_per_host=1, ca_file=bundle)
    with serving(authority, name) as fake:
        found = await evidence_of(http, f"{fake.url}/token")
        assert fake.requests == []
    await http.close()
    assert how_far(found) == ("tls", "certificate_refused", False)
    assert word in found.text


def test_a_ca_file_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    with pytest.raises(ValueError, match="PEM"):
        Http(timeout=20, connections_per_host=1, ca_file=tmp_path / "ca.pem")


ENDED = {("connect", "unreachable", False), ("http", "connection_lost", True)}
NO_HTTP = {("http", "not_http", False), ("http", "not_http", True)}


@pytest.mark.parametrize(("greeting", "ways"), [(b"", ENDED), (b"220 this is something else\r\n", ENDED | NO_HTTP)])
async def test_a_server_that_hangs_up_or_speaks_at_once_is_not_waited_for(
    http: Http, greeting: bytes, ways: set[tuple[str, str, bool]]
) -> None:
    """What comes first, its end or the request, decides whether the request was sent."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/token"
        for _ in range(10):
            assert how_far(await evidence_of(http, url)) in ways


async def test_a_server_that_hangs_up_during_the_handshake_was_never_sent_anything(http: Http) -> None:
    async with raw_server(b"") as (port, _):
        assert how_far(await evidence_of(http, f"https://127.0.0.1:{port}/token")) == ("tls", "handshake_failed", False)


@pytest.mark.parametrize("proper", [True, False])
async def test_behind_tls_only_the_server_ends_a_body_without_a_length(
    authority: trustme.CA, tmp_path: Path, proper: bool
) -> None:
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    def serve(listener: socket.socket) -> None:
        raw, _ = listener.accept()
        with context.wrap_socket(raw, server_side=True) as secure:
            secure.recv(65536)
            secure.sendall(OK + b"\r\n{}")
            if proper:
                with contextlib.suppress(OSError):  # the client does not wait for the rest of the goodbye
                    secure.unwrap()

    http = Http(timeout=20, connections_per_host=1, ca_file=tmp_path / "ca.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving_it = asyncio.create_task(asyncio.to_thread(serve, listener))
        url = f"https://localhost:{listener.getsockname()[1]}/token"
        if proper:
            assert (await http.form("google", "token", url, {})).body == b"{}"
        else:
            assert how_far(await evidence_of(http, url)) == ("http", "answer_cut_off", True)
        await serving_it
    await http.close()


# ---------------------------------------------------------------- connections


async def test_a_connection_is_used_again(fake: FakeOAuth, http: Http) -> None:
    async with raw_server(EMPTY, EMPTY, EMPTY) as (port, seen):
        for _ in range(3):
            await http.form("google", "token", f"http://127.0.0.1:{port}/token", {})
        assert seen.connections == 1


@pytest.mark.parametrize("answer", [OK + b"connection: close\r\ncontent-length: 0\r\n\r\n", OK + b"\r\n"])
async def test_a_connection_that_ends_with_its_answer_is_not_used_again(http: Http, answer: bytes) -> None:
    async with raw_server(answer) as (port, seen):
        for _ in range(3):
            assert (await http.form("google", "token", f"http://127.0.0.1:{port}/token", {})).status == 200
        assert seen.connections == 3


async def test_an_idle_connection_is_closed_before_a_load_balancer_does_it(
    http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opengrant.net.http_client.IDLE", 0.2)
    async with raw_server(EMPTY, EMPTY) as (port, seen):
        await http.form("google", "token", f"http://127.0.0.1:{port}/token", {})
        await seen.closed.wait()
        await http.form("google", "token", f"http://127.0.0.1:{port}/token", {})
        assert seen.connections == 2


async def test_a_form_on_a_kept_connection_that_breaks_is_not_sent_again(http: Http) -> None:
    async with raw_server(EMPTY, b"") as (port, seen):
        await http.form("google", "token", f"http://127.0.0.1:{port}/token", {})
        found = await evidence_of(http, f"http://127.0.0.1:{port}/token")
        assert how_far(found) == ("http", "connection_lost", True)
        assert seen.requests == 2


async def test_a_kept_connection_that_the_server_has_closed_is_not_used(http: Http) -> None:
    async with raw_server(EMPTY) as (port, seen):
        for _ in range(2):
            await http.form("google", "token", f"http://127.0.0.1:{port}/token", {})
            await seen.closed.wait()
            await asyncio.sleep(0.05)  # its end arrives
        assert (seen.connections, seen.requests) == (2, 2)


async def test_calls_under_way_fail_when_the_client_closes(fake: FakeOAuth, http: Http) -> None:
    with fake.holding():
        call = asyncio.create_task(evidence_of(http, f"{fake.url}/token"))
        await asyncio.to_thread(fake.wait_for, "token", 1)
        await http.close()
        assert how_far(await call) == ("http", "connection_lost", True)


async def test_a_call_that_is_cancelled_while_it_connects_leaves_nothing_open(http: Http) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(5)
        call = asyncio.create_task(http.get("google", "api", f"https://127.0.0.1:{silent.getsockname()[1]}/me"))
        accepted, _ = await asyncio.to_thread(silent.accept)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        with accepted:
            accepted.settimeout(30)
            while await asyncio.to_thread(accepted.recv, 65536):
                pass


async def test_hosts_without_connections_are_forgotten(http: Http) -> None:
    """Webhooks name any number of hosts."""
    async with raw_server(OK + b"\r\n") as (port, _):
        for host in ("127.0.0.1", "127.0.0.2", "localhost"):
            with contextlib.suppress(ProviderFailure):
                await http.get("google", "api", f"http://{host}:{port}/")
    assert http._client._hosts == {}


async def test_the_next_address_is_tried_when_one_does_not_answer(fake: FakeOAuth) -> None:
    port = int(fake.url.rpartition(":")[2])

    async def look_up(_host: str, port: int) -> list[AddressInfo]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in ("127.0.0.99", "127.0.0.1")]

    client = HttpClient(connections_per_host=1, connect_within=20, tls=ssl.create_default_context(), look_up=look_up)
    place = place_of(f"http://two-addresses.test:{port}/token")
    found = await client.send(place, f"GET /token HTTP/1.1\r\n{place.headers}\r\n".encode(), within=20)
    client.close()
    assert found.status == 400
    assert fake.requests[0].headers["host"] == f"two-addresses.test:{port}"


# ---------------------------------------------------------------- what is sent


@pytest.mark.parametrize(
    ("url", "target", "host"),
    [
        ("http://example.test", "/", "example.test"),
        ("http://example.test:80/a?b=c#d", "/a?b=c", "example.test"),
        ("https://EXAMPLE.test:443/", "/", "example.test"),
        ("https://example.test:8443/%20/ä b?c d", "/%20/%C3%A4%20b?c%20d", "example.test:8443"),
        ("http://[::1]:81/?", "/", "[::1]:81"),
        ("http://example.test/a\r\nb\t\0", "/ab%00", "example.test"),
    ],
)
def test_a_url_becomes_a_request_line_and_a_host(url: str, target: str, host: str) -> None:
    place = place_of(url)
    assert (place.target, place.headers.partition("\r\n")[0]) == (target, f"host: {host}")


@given(st.dictionaries(st.text(st.characters()), st.text(st.characters())))
def test_forms_are_encoded_as_the_standard_library_does(fields: dict[str, str]) -> None:
    assert encoded(fields) == urlencode(fields, errors="replace")


@given(st.text(max_size=40))
def test_no_url_can_add_a_line(text: str) -> None:
    for url in (text, f"http://example.test/{text}", f"http://{text}/", f"http://example.test?{text}"):
        with contextlib.suppress(ValueError):
            place = place_of(url)
            assert re.fullmatch(r"/[!-~]*", place.target)
            assert re.fullmatch(r"host: [!-~]+\r\n(?:[a-z-]+: [ -~]+\r\n)+", place.headers)


async def test_the_endpoint_of_a_request_is_not_in_its_evidence(http: Http) -> None:
    with pytest.raises(ProviderFailure) as caught:
        await http.get("google", "api", "http://127.0.0.1:1/tokeninfo", query={"access_token": SECRET})
    assert "sEcReT" not in repr(caught.value.evidence) + str(caught.value)
