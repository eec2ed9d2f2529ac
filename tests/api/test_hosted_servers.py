"""Hosted sign-in with a password: servers that a stranger names, and how much a stranger may have us do."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.beside import Beside
from tests.fakes.dns import FakeDns
from tests.fakes.ews import PASSWORD as EWS_PASSWORD
from tests.fakes.ews import USER as EWS_USER
from tests.fakes.ews import FakeExchange
from tests.fakes.mail import Certificates, FakeMail
from tests.hosted.browsing import landed, post, redeem, registered, start, through, visiting
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
