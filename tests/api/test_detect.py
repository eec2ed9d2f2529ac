"""POST /v3/providers/detect: which provider an address belongs to, against a name server of the tests' own."""

import asyncio
import threading
import uuid
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from tests.api.signed import account
from tests.fakes.dns import FakeDns
from tests.peers.postgres import Postgres
from tests.support import LiveServer, Tenant, data, problem

RECORDS = {
    ("workspace.example", "MX"): ["10 alt1.aspmx.l.google.com.", "1 aspmx.l.google.com."],
    ("office.example", "MX"): ["0 office-example.mail.protection.outlook.com."],
    ("small.example", "MX"): ["10 mta5.am0.yahoodns.net."],
    ("family.example", "MX"): ["10 mx01.mail.icloud.com."],
    ("hosted.example", "MX"): ["10 in1-smtp.messagingengine.com."],
    ("filtered.example", "MX"): ["10 eu-smtp-inbound-1.mimecast.com."],
    ("own.example", "MX"): ["10 mx.own.example."],
    ("_imaps._tcp.own.example", "SRV"): ["0 1 993 imap.own.example."],
}


@pytest.fixture(scope="module")
def dns() -> Iterator[FakeDns]:
    """A name server on a loop of its own: the live server has another."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="dns", daemon=True)
    thread.start()
    fake = FakeDns(dict(RECORDS), {"broken.example": "SERVFAIL"})
    asyncio.run_coroutine_threadsafe(fake.__aenter__(), loop).result(60)
    yield fake
    asyncio.run_coroutine_threadsafe(fake.__aexit__(None, None, None), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(60)
    loop.close()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(
    request: pytest.FixtureRequest, dns: FakeDns, log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    env = {"OPENGRANT_OUTBOUND__DNS_SERVERS": dns.address, "OPENGRANT_IMAP__ISPDB_URL": ""}
    if request.param == "postgres":
        peer: Postgres = request.getfixturevalue("postgres")
        env["OPENGRANT_DATABASE_URL"] = peer.create_database()
    with LiveServer(env, tmp_path_factory.mktemp("detect"), log_stream) as live:
        yield live


def detect(tenant: Tenant, email: str, **query: str) -> dict[str, Any]:
    answer = tenant.http.post("/v3/providers/detect", params={"email": email, **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = data(answer)
    assert found.pop("email_address") == email
    return found


@pytest.mark.parametrize(
    ("email", "provider"),
    [
        ("a@gmail.com", "google"),
        ("a@googlemail.com", "google"),
        ("a@outlook.com", "microsoft"),
        ("a@hotmail.co.uk", "microsoft"),
        ("a@live.de", "microsoft"),
        ("a@msn.com", "microsoft"),
        ("a@yahoo.de", "yahoo"),
        ("a@icloud.com", "icloud"),
        ("a@me.com", "icloud"),
        ("A@MAC.COM", "icloud"),
        ("a@workspace.example", "google"),
        ("a@office.example", "microsoft"),
        ("a@small.example", "yahoo"),
        ("a@family.example", "icloud"),
    ],
)
def test_an_address_is_known_by_its_domain_or_by_who_takes_its_mail(tenant: Tenant, email: str, provider: str) -> None:
    assert detect(tenant, email, all_provider_types="true") == {"detected": True, "provider": provider}


@pytest.mark.parametrize(
    ("email", "service"),
    [("a@gmx.de", "gmx"), ("a@mail.ru", "mail"), ("a@zoho.com.au", "zoho"), ("a@hosted.example", "fastmail")],
)
def test_a_known_mail_service_is_imap_with_its_name(tenant: Tenant, email: str, service: str) -> None:
    found = detect(tenant, email, all_provider_types="true")
    assert found == {"detected": True, "provider": "imap", "type": service}


def test_a_domain_that_publishes_its_mail_servers_is_imap(tenant: Tenant) -> None:
    assert detect(tenant, "a@own.example", all_provider_types="true") == {"detected": True, "provider": "imap"}


@pytest.mark.parametrize("email", ["a@proton.me", "a@nowhere.example", "a@filtered.example", "a@localhost.example"])
def test_nobody_can_tell_every_address(tenant: Tenant, email: str) -> None:
    assert detect(tenant, email, all_provider_types="true") == {"detected": False}


@pytest.mark.parametrize("spelling", ["true", "True", "1"])
def test_only_providers_with_a_connector_count_unless_all_are_asked_for(tenant: Tenant, spelling: str) -> None:
    assert detect(tenant, "a@gmail.com") == {"detected": False}
    assert detect(tenant, "a@gmail.com", all_provider_types="False") == {"detected": False}
    assert detect(tenant, "a@gmail.com", all_provider_types=spelling) == {"detected": True, "provider": "google"}
    tenant.connector("google")
    assert detect(tenant, "a@gmail.com") == {"detected": True, "provider": "google"}


def test_a_service_that_takes_passwords_is_reached_by_imap_when_it_has_no_connector(tenant: Tenant) -> None:
    tenant.connector("imap")
    for email, service in (("a@icloud.com", "icloud"), ("a@gmail.com", "google"), ("a@yahoo.com", "yahoo")):
        assert detect(tenant, email) == {"detected": True, "provider": "imap", "type": service}
    assert detect(tenant, "a@gmx.de") == {"detected": True, "provider": "imap", "type": "gmx"}
    # Its servers refuse every password, so this would only lead to a failure.
    assert detect(tenant, "a@outlook.com") == {"detected": False}
    tenant.connector("google")
    assert detect(tenant, "a@gmail.com") == {"detected": True, "provider": "google"}


def test_an_address_on_a_domain_of_ours_is_an_agent_account(tenant: Tenant, server: LiveServer, dns: FakeDns) -> None:
    domain = f"{uuid.uuid4().hex[:12]}.example"
    admin = account(server)
    path = f"/v3/admin/domains/{domain}"
    admin.post("/v3/admin/domains", {"name": "Agents", "domain_address": domain})
    # Registered is not yet owned.
    assert detect(tenant, f"sales@{domain}", all_provider_types="true") == {"detected": False}
    wanted = data(admin.post(f"{path}/info", {"type": "ownership"}))["attempt"]["options"]["value"]
    dns.records[domain, "TXT"] = [f'"{wanted}"']
    admin.post(f"{path}/verify", {"type": "ownership"})
    found = {"detected": True, "provider": "nylas"}
    assert detect(tenant, f"sales@{domain}", all_provider_types="true") == found
    tenant.connector("nylas")
    assert detect(tenant, f"sales@{domain}") == found


@pytest.mark.parametrize(
    "query",
    [{}, {"email": ""}, {"email": "nobody"}, {"email": "a@192.0.2.1"}, {"email": "a@b.c", "all_provider_types": "2"}],
)
def test_what_is_no_address_is_refused(tenant: Tenant, query: dict[str, str]) -> None:
    refused = problem(tenant.http.post("/v3/providers/detect", params=query))
    assert refused[:2] == (400, "api.invalid_request_error")
    assert "email" in refused[2] or "all_provider_types" in refused[2]


def test_a_name_server_that_fails_is_not_taken_for_an_answer(tenant: Tenant) -> None:
    answer = tenant.http.post("/v3/providers/detect", params={"email": "a@broken.example"})
    assert problem(answer)[:2] == (504, "api.provider_error")
    assert int(answer.headers["retry-after"]) > 0


def test_an_application_may_ask_twenty_times_a_minute(tenant: Tenant, stranger: Tenant) -> None:
    for _ in range(20):
        detect(tenant, "a@gmail.com")
    refused = tenant.http.post("/v3/providers/detect", params={"email": "a@gmail.com"})
    assert problem(refused)[:2] == (429, "api.rate_limit_error")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    detect(stranger, "a@gmail.com")
    sql = "update rations set began_at = began_at - 60000000 where application_id = $1"
    tenant.server.rows(sql, tenant.application.id)
    detect(tenant, "a@gmail.com")
