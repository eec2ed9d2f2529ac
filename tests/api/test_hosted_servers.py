"""Hosted sign-in with a password: servers that a stranger names, and how much a stranger may have us do."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import httpx
import pytest

from opengrant.grants.detect import PER_MINUTE
from opengrant.grants.strangers import SEARCHES, TRIES
from tests.api.conftest import Apple
from tests.fakes.beside import Beside
from tests.fakes.dns import FakeDns
from tests.fakes.ews import PASSWORD as EWS_PASSWORD
from tests.fakes.ews import USER as EWS_USER
from tests.fakes.ews import FakeExchange
from tests.fakes.mail import SILENCE, Certificates, FakeMail
from tests.hosted.browsing import landed, post, redeem, registered, start, through, visiting
from tests.nodes.node import until
from tests.peers.dovecot import ACCOUNTS, ELSEWHERE, Dovecot
from tests.support import LiveServer, Tenant, data, imap

ALICE = "alice@example.test"


@pytest.fixture(scope="module")
def name_server(dovecot: Dovecot) -> Iterator[FakeDns]:
    """The domain of the accounts names its mail servers."""
    records = {
        ("mail.example.test", "A"): [ELSEWHERE],
        ("_imaps._tcp.example.test", "SRV"): [f"0 1 {dovecot.imaps} mail.example.test."],
        ("_submissions._tcp.example.test", "SRV"): [f"0 1 {dovecot.submissions} mail.example.test."],
    }
    with Beside() as beside:
        yield beside.enter(FakeDns(records))


@pytest.fixture(scope="module")
def server(every_provider: LiveServer) -> LiveServer:
    return every_provider


@pytest.fixture
def site(tenant: Tenant) -> Tenant:
    """An application with a redirect URI whose users type passwords."""
    tenant.connector("imap")
    tenant.connector("ews")
    return registered(tenant)


@pytest.fixture
def browser(server: LiveServer) -> Iterator[httpx.Client]:
    with visiting(server) as client:
        yield client


@pytest.fixture
def beside() -> Iterator[Beside]:
    with Beside() as running:
        yield running


@pytest.fixture
def yes_sayer(beside: Beside, certificates: Certificates) -> FakeMail:
    """An IMAP server on localhost that lets everybody in."""
    return beside.enter(FakeMail(tls=certificates.good, implicit=True))


def typed(browser: httpx.Client, site: Tenant, provider: str = "imap", **fields: Any) -> httpx.Response:
    """Begin a sign-in and send its form."""
    page = through(browser, start(browser, site, provider=provider))
    return post(browser, page, **{name: str(value) for name, value in fields.items()})


def both_legs(dovecot: Dovecot, host: str = ELSEWHERE) -> dict[str, Any]:
    return {
        "imap_host": host,
        "imap_port": dovecot.imaps,
        "smtp_host": host,
        "smtp_port": dovecot.submissions,
    }


def unchanged(site: Tenant, grant: dict[str, Any]) -> bool:
    now = data(site.get(f"/v3/grants/{grant['id']}"))
    return bool(now == grant) and [type_ for type_, _ in site.events()] == ["grant.created"]


# ── whose mailbox it is ───────────────────────────────────────────────────────────────────────────────────────


def test_a_grant_does_not_move_to_a_server_that_a_stranger_names(
    site: Tenant, browser: httpx.Client, dovecot: Dovecot, yes_sayer: FakeMail
) -> None:
    grant = data(site.connect("imap", imap(dovecot, ALICE)))
    answer = typed(browser, site, email=ALICE, password="any", imap_host="localhost", imap_port=yes_sayer.port)
    assert answer.status_code == 400
    assert "connected through another server" in answer.text
    assert yes_sayer.count("AUTHENTICATE"), "it said yes, and that is not enough"
    assert unchanged(site, grant)


def test_nor_does_its_outgoing_server(
    site: Tenant, browser: httpx.Client, dovecot: Dovecot, beside: Beside, certificates: Certificates
) -> None:
    grant = data(site.connect("imap", imap(dovecot, ALICE)))
    outgoing = beside.enter(FakeMail("smtp", tls=certificates.good, implicit=True))
    hosts = both_legs(dovecot) | {"smtp_host": "localhost", "smtp_port": outgoing.port}
    answer = typed(browser, site, email=ALICE, password=ACCOUNTS[ALICE], **hosts)
    assert answer.status_code == 400
    assert "connected through another server" in answer.text
    assert unchanged(site, grant)


def test_nor_does_an_exchange_mailbox(site: Tenant, browser: httpx.Client, exchange: FakeExchange) -> None:
    held = {"email": EWS_USER, "ews_username": EWS_USER, "ews_password": EWS_PASSWORD}
    grant = data(site.connect("ews", held | {"ews_host": "localhost", "ews_port": exchange.port}))
    form = {"email": EWS_USER, "username": EWS_USER, "password": EWS_PASSWORD}
    elsewhere = f"https://127.0.0.1:{exchange.port}/EWS/Exchange.asmx"
    answer = typed(browser, site, "ews", **form, host=elsewhere)
    assert answer.status_code == 400
    assert "connected through another server" in answer.text
    assert unchanged(site, grant)
    there = f"https://LOCALHOST:{exchange.port}/EWS/Exchange.asmx"
    told = landed(typed(browser, site, "ews", **form, host=there))
    assert redeem(site, told["code"]).json()["grant_id"] == grant["id"]


def test_a_code_from_before_there_was_a_grant_does_not_open_it(
    site: Tenant, browser: httpx.Client, dovecot: Dovecot, yes_sayer: FakeMail
) -> None:
    told = landed(typed(browser, site, email=ALICE, password="any", imap_host="localhost", imap_port=yes_sayer.port))
    grant = data(site.connect("imap", imap(dovecot, ALICE)))
    refused = redeem(site, told["code"])
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert "another server" in refused.json()["error_description"]
    assert unchanged(site, grant)


def test_the_server_that_a_grant_has_renews_it(site: Tenant, browser: httpx.Client, dovecot: Dovecot) -> None:
    grant = data(site.connect("imap", imap(dovecot, ALICE, imap_host="localhost", smtp_host="localhost")))
    told = landed(typed(browser, site, email=ALICE, password=ACCOUNTS[ALICE], **both_legs(dovecot, "LocalHost")))
    assert redeem(site, told["code"]).json()["grant_id"] == grant["id"]


def test_the_server_that_the_domain_names_renews_it_too(site: Tenant, browser: httpx.Client, dovecot: Dovecot) -> None:
    grant = data(site.connect("imap", imap(dovecot, ALICE)))
    told = landed(typed(browser, site, email=ALICE, password=ACCOUNTS[ALICE]))
    assert redeem(site, told["code"]).json()["grant_id"] == grant["id"]
    assert data(site.get(f"/v3/grants/{grant['id']}"))["settings"]["imap_host"] == "mail.example.test"


def test_connect_custom_may_change_the_server(site: Tenant, dovecot: Dovecot) -> None:
    grant = data(site.connect("imap", imap(dovecot, ALICE)))
    moved = data(site.connect("imap", imap(dovecot, ALICE, imap_host="localhost", smtp_host="localhost")))
    assert (moved["id"], moved["settings"]["imap_host"]) == (grant["id"], "localhost")


# ── guessing ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_nobody_guesses_by_the_outgoing_server(
    site: Tenant, browser: httpx.Client, dovecot: Dovecot, yes_sayer: FakeMail
) -> None:
    """A server of one's own lets any user in, so that each guess may come with another."""
    hosts = {"imap_host": "localhost", "imap_port": yes_sayer.port}
    hosts |= {"smtp_host": ELSEWHERE, "smtp_port": dovecot.submissions, "smtp_username": ALICE}

    def guess(number: int, password: str) -> int:
        who = {"email": f"mallory{number}@evil.test", "password": "any"}
        return typed(browser, site, **who, **hosts, smtp_password=password).status_code

    assert {guess(number, f"guess {number}") for number in range(TRIES)} == {400}
    assert guess(TRIES, ACCOUNTS[ALICE]) == 429


def test_a_server_has_one_count_however_it_is_called(site: Tenant, browser: httpx.Client, dovecot: Dovecot) -> None:
    for number in range(TRIES):
        host = "localhost" if number % 2 else "127.0.0.1"
        where = {"imap_host": host, "imap_port": dovecot.imap if number % 3 else dovecot.imaps}
        assert typed(browser, site, email=ALICE, password=f"guess {number}", **where).status_code == 400
    where = {"imap_host": "mail.example.test", "imap_port": dovecot.imaps}
    assert landed(typed(browser, site, email=ALICE, password=ACCOUNTS[ALICE], **where)), "another address"
    where["imap_host"] = "localhost"
    assert typed(browser, site, email=ALICE, password=ACCOUNTS[ALICE], **where).status_code == 429


def test_nobody_is_locked_out_by_what_their_server_did_not_refuse(
    site: Tenant, browser: httpx.Client, dovecot: Dovecot, beside: Beside, certificates: Certificates
) -> None:
    refuses = {"AUTHENTICATE": b"TAG NO [AUTHENTICATIONFAILED] no\r\n"}
    no_sayer = beside.enter(FakeMail(tls=certificates.good, implicit=True, replies=refuses))
    mine = {"email": ALICE, "password": ACCOUNTS[ALICE], **both_legs(dovecot)}
    for _ in range(TRIES):
        elsewhere = typed(browser, site, email=ALICE, password="x", imap_host="localhost", imap_port=no_sayer.port)
        assert elsewhere.status_code == 400
        nobody_there = typed(browser, site, email=ALICE, password="x", imap_host=ELSEWHERE, imap_port=1)
        assert nobody_there.status_code == 504
        assert landed(typed(browser, site, **mine)), "who is let in does not count either"
    assert landed(typed(browser, site, **mine))
    assert no_sayer.count("AUTHENTICATE") == TRIES


@pytest.mark.parametrize("provider", ["icloud", "ews"])
def test_nobody_guesses_at_other_servers(
    site: Tenant, browser: httpx.Client, exchange: FakeExchange, apple: Apple, provider: str
) -> None:
    site.connector("icloud")
    forms = {
        "icloud": ({"email": ALICE}, ACCOUNTS[ALICE]),
        "ews": (
            {"email": EWS_USER, "username": EWS_USER, "host": f"https://localhost:{exchange.port}/EWS/Exchange.asmx"},
            EWS_PASSWORD,
        ),
    }
    form, password = forms[provider]
    for number in range(TRIES):
        assert typed(browser, site, provider, **form, password=f"guess {number}").status_code == 400
    assert typed(browser, site, provider, **form, password=password).status_code == 429


# ── what a stranger may hold up ───────────────────────────────────────────────────────────────────────────────


def test_searches_of_the_page_and_of_the_application_are_counted_apart(site: Tenant, browser: httpx.Client) -> None:
    for _ in range(PER_MINUTE):
        assert site.http.post("/v3/providers/detect", params={"email": "a@yahoo.com"}).status_code == 200
    assert site.http.post("/v3/providers/detect", params={"email": "a@yahoo.com"}).status_code == 429
    page = through(browser, start(browser, site, prompt="detect", provider="ews,imap"))
    assert 'value="ews"' not in page.text
    for _ in range(SEARCHES):
        assert post(browser, page, email="a@yahoo.com").status_code == 200
    enough = post(browser, page, email="a@yahoo.com")
    assert enough.status_code == 429
    assert 'value="ews"' in enough.text, "there is another way on"
    other = through(browser, start(browser, site, prompt="detect", provider="ews,imap"))
    assert post(browser, other, email="a@yahoo.com").status_code == 200


def silent(beside: Beside, certificates: Certificates) -> FakeMail:
    return beside.enter(FakeMail(greeting=SILENCE, tls=certificates.good, implicit=True))


def test_one_sign_in_has_one_password_checked_at_a_time(
    site: Tenant, browser: httpx.Client, certificates: Certificates
) -> None:
    page = through(browser, start(browser, site, provider="imap"))
    with ThreadPoolExecutor(1) as pool:
        with Beside() as beside:
            server = silent(beside, certificates)
            where = {"imap_host": "localhost", "imap_port": str(server.port)}
            first = pool.submit(lambda: post(browser, page, email=ALICE, password="x", **where))
            until(lambda: server.connections, "nobody came")
            second = post(browser, page, email=ALICE, password="x", **where)
            assert second.status_code == 503
            assert "still being checked" in second.text
            assert server.connections == 1
        assert first.result().status_code == 504


def test_a_page_gives_a_silent_server_up_when_it_said_it_would(
    site: Tenant, browser: httpx.Client, server: LiveServer, beside: Beside, certificates: Certificates
) -> None:
    assert server.services.hosted.patience == 30
    quiet = silent(beside, certificates)
    object.__setattr__(server.services.hosted, "patience", 0.5)  # half a minute, for a test
    try:
        answer = typed(browser, site, email=ALICE, password="x", imap_host="localhost", imap_port=quiet.port)
    finally:
        object.__setattr__(server.services.hosted, "patience", 30)
    assert answer.status_code == 504
    assert quiet.connections == 1
    said = "The mail server did not answer within half a minute, so we stopped."
    assert f'id="imap_host-error"><span class="unseen">Error: </span>{said}' in answer.text
    assert answer.elapsed.total_seconds() < 20, "far less than a mail server has otherwise"


def test_strangers_with_a_silent_server_leave_room_for_the_application(
    dovecot: Dovecot, certificates: Certificates, log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory, threads = tmp_path_factory.mktemp("few-threads"), 8
    authorities = directory / "ca.pem"
    authorities.write_text(dovecot.ca_file.read_text() + certificates.ca_file.read_text())
    env = {**dovecot.settings(), "OPENGRANT_OUTBOUND__CA_FILE": str(authorities)}
    env["OPENGRANT_OUTBOUND__MAIL_THREADS"] = str(threads)
    with LiveServer(env, directory, log_stream) as live, ThreadPoolExecutor(threads) as pool:
        site = registered(live.tenant())
        site.connector("imap")

        def hold(port: int) -> int:
            with visiting(live) as browser:
                where = {"imap_host": "localhost", "imap_port": port}
                return typed(browser, site, email=ALICE, password="x", **where).status_code

        with Beside() as beside:
            server = silent(beside, certificates)
            held = [pool.submit(hold, server.port) for _ in range(threads)]
            until(lambda: server.connections == 2, "nobody came")
            assert site.connect("imap", imap(dovecot, ALICE)).status_code == 201
            assert not any(one.done() for one in held)
            assert server.connections == 2, "strangers have a quarter of the eight"
        assert {one.result() for one in held} <= {503, 504}
        site.http.close()
