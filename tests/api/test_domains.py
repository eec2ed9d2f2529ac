"""/v3/admin/domains through the official SDK, against a name server that answers what a test publishes."""

import asyncio
import json
import os
import re
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from nylas import Client
from nylas.models.errors import NylasApiError

from opengrant.domains.dns_records import NOWHERE, MailNames
from opengrant.errors import InvalidRequest
from tests import warm
from tests.api.signed import Account, account, foreign_account
from tests.fakes.dns import FakeDns
from tests.peers.postgres import Postgres
from tests.support import LiveServer, Tenant, data, problem

DOMAINS = "/v3/admin/domains"
KINDS = ["ownership", "mx", "spf", "dkim", "feedback"]


@pytest.fixture(scope="module")
def dns() -> Iterator[FakeDns]:
    """A name server on a loop of its own: the live server has another."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="dns", daemon=True)
    thread.start()
    fake = asyncio.run_coroutine_threadsafe(FakeDns().__aenter__(), loop).result(60)
    yield fake
    asyncio.run_coroutine_threadsafe(fake.__aexit__(None, None, None), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(60)
    loop.close()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def env(request: pytest.FixtureRequest, dns: FakeDns) -> dict[str, str]:
    settings = {"OPENGRANT_OUTBOUND__DNS_SERVERS": dns.address, "OPENGRANT_PUBLIC_URL": "https://og.example.net/"}
    if request.param == "postgres":
        peer: Postgres = request.getfixturevalue("postgres")
        settings["OPENGRANT_DATABASE_URL"] = peer.create_database()
    return settings


@pytest.fixture(scope="module")
def directory(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("domains")


@pytest.fixture(scope="module")
def server(env: dict[str, str], directory: Path, log_stream: BytesIO) -> Iterator[LiveServer]:
    with LiveServer(env, directory, log_stream) as live:
        yield live


@pytest.fixture(scope="module")
def admin(server: LiveServer) -> Account:
    return account(server)


@pytest.fixture
def nylas(server: LiveServer) -> Client:
    return Client(api_key="none is needed", api_uri=server.url)


@pytest.fixture
def address() -> str:
    return f"{uuid.uuid4().hex[:12]}.example.com"


def create(admin: Account, address: str) -> dict[str, Any]:
    made: dict[str, Any] = data(admin.post(DOMAINS, {"name": "Mail", "domain_address": address}))
    return made


def info(admin: Account, address: str, kind: str, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = data(admin.post(f"{DOMAINS}/{address}/info", {"type": kind, **options}))
    return found


def verify(admin: Account, address: str, kind: str) -> dict[str, Any]:
    answer = admin.post(f"{DOMAINS}/{address}/verify", {"type": kind})
    assert answer.status_code == 200
    found: dict[str, Any] = data(answer)
    return found


def name_of(address: str, record: dict[str, str]) -> str:
    return address if record["host"] == "@" else f"{record['host']}.{address}"


def publish(dns: FakeDns, address: str, record: dict[str, str]) -> None:
    """Add a record to the zone, as its owner would."""
    value = record["value"]
    if record["type"] == "TXT":
        # One string of a TXT record holds 255 bytes.
        value = " ".join(f'"{value[start : start + 255]}"' for start in range(0, len(value), 255))
    else:
        value += "."  # in a zone file, a name without it is relative
    dns.records.setdefault((name_of(address, record), record["type"]), []).append(value)


def test_from_registration_to_a_domain_that_is_verified_in_full(
    nylas: Client, admin: Account, dns: FakeDns, address: str
) -> None:
    made = nylas.domains.create({"name": "Mail", "domain_address": address.upper()}, signer=admin.signer).data
    assert (made.domain_address, made.branded, made.organization_id) == (address, False, admin.organization_id)
    for kind in KINDS:
        wanted = nylas.domains.get_info(address, {"type": kind}, signer=admin.signer).data
        assert wanted.domain_id == made.id
        assert wanted.attempt is not None
        publish(dns, address, wanted.attempt.options)
        nylas.domains.verify(made.id, {"type": kind}, signer=admin.signer)
    done = nylas.domains.find(address, signer=admin.signer).data
    assert all(getattr(done, f"verified_{kind}") for kind in KINDS)
    assert (done.verified_dmarc, done.verified_arc) == (False, False)
    renamed = nylas.domains.update(made.id, {"name": "Post"}, signer=admin.signer).data
    assert (renamed.name, renamed.id, renamed.verified_dkim) == ("Post", made.id, True)
    assert nylas.domains.destroy(made.id, signer=admin.signer).request_id
    with pytest.raises(NylasApiError) as gone:
        nylas.domains.find(address, signer=admin.signer)
    assert (gone.value.status_code, gone.value.type) == (404, "api.not_found_error")


def test_a_domain_has_all_its_fields_from_the_first_answer_on(admin: Account, address: str) -> None:
    made = create(admin, address)
    assert len(made) == 15
    assert made["region"] == "us"
    assert [key for key, value in made.items() if value is False and key.startswith("verified_")] == [
        f"verified_{kind}" for kind in ("ownership", "dkim", "spf", "mx", "feedback", "dmarc", "arc")
    ]
    assert isinstance(made["created_at"], int)


def test_records_say_host_type_and_value(admin: Account, address: str) -> None:
    create(admin, address)
    records = {kind: info(admin, address, kind)["attempt"]["options"] for kind in KINDS}
    assert re.fullmatch(r"opengrant-ownership-verify=[\w-]{32}", records["ownership"].pop("value"))
    assert re.fullmatch(r"v=DKIM1; k=rsa; p=[A-Za-z0-9+/]{390,}=*", records["dkim"].pop("value"))
    assert re.fullmatch(r"og[0-9a-f]{6}\._domainkey", records["dkim"].pop("host"))
    assert records == {
        "ownership": {"host": "@", "type": "TXT"},
        "mx": {"host": "@", "type": "MX", "value": "10 og.example.net"},
        "spf": {"host": "@", "type": "TXT", "value": "v=spf1 include:og.example.net ~all"},
        "dkim": {"type": "TXT"},
        "feedback": {"host": "bounce", "type": "MX", "value": "10 og.example.net"},
    }


def test_info_asks_dns_nothing_and_stays_the_same(admin: Account, dns: FakeDns, address: str) -> None:
    create(admin, address)
    before = len(dns.asked)
    for kind in KINDS:
        first = info(admin, address, kind)
        assert first["status"] == "pending"
        assert first["expires_at"] > first["created_at"]
        assert info(admin, address, kind) == first
    assert len(dns.asked) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_that_is_not_there_is_pending(admin: Account, address: str, kind: str) -> None:
    create(admin, address)
    wanted = info(admin, address, kind)
    looked = verify(admin, address, kind)
    assert looked["status"] == "pending"
    assert looked["attempt"] == wanted["attempt"]


def test_verifying_first_makes_the_record(admin: Account, dns: FakeDns, address: str) -> None:
    create(admin, address)
    before = len(dns.asked)
    assert verify(admin, address, "ownership")["status"] == "pending"
    assert len(dns.asked) == before
    assert info(admin, address, "ownership")["attempt"]["options"]["value"]


def test_a_wrong_record_fails_says_so_and_can_be_mended(admin: Account, dns: FakeDns, address: str) -> None:
    create(admin, address)
    wanted = info(admin, address, "mx")["attempt"]["options"]
    dns.records[address, "MX"] = ["5 mx.elsewhere.test."]
    failed = verify(admin, address, "mx")
    assert failed["status"] == "failed"
    assert "mx.elsewhere.test" in failed["message"]
    assert not data(admin.get(f"{DOMAINS}/{address}"))["verified_mx"]
    del dns.records[address, "MX"]
    publish(dns, address, wanted)
    assert verify(admin, address, "mx")["status"] == "done"
    assert data(admin.get(f"{DOMAINS}/{address}"))["verified_mx"]


def test_what_was_done_stays_done_and_keeps_its_record(admin: Account, dns: FakeDns, address: str) -> None:
    create(admin, address)
    wanted = info(admin, address, "ownership")["attempt"]
    publish(dns, address, wanted["options"])
    assert verify(admin, address, "ownership")["status"] == "done"
    expire(admin, address)
    del dns.records[address, "TXT"]
    again = verify(admin, address, "ownership")
    assert again["status"] == "done"
    assert "not there" in again["message"]
    assert info(admin, address, "ownership")["attempt"] == wanted
    assert data(admin.get(f"{DOMAINS}/{address}"))["verified_ownership"]


def expire(admin: Account, address: str) -> None:
    sql = """update domain_checks set expires_at = 0
             where domain_id in (select id from domains where address = $1) returning 1"""
    assert admin.server.rows(sql, address)


@pytest.mark.parametrize("kind", ["ownership", "dkim"])
def test_a_value_that_expired_fails_and_info_gives_a_new_one(
    admin: Account, dns: FakeDns, address: str, kind: str
) -> None:
    create(admin, address)
    old = info(admin, address, kind)["attempt"]["options"]
    publish(dns, address, old)
    expire(admin, address)
    late = verify(admin, address, kind)
    assert late["status"] == "failed"
    fresh = info(admin, address, kind)
    assert fresh["status"] == "pending"
    assert fresh["attempt"]["options"]["value"] != old["value"]
    publish(dns, address, fresh["attempt"]["options"])
    assert verify(admin, address, kind)["status"] == "done"


def test_a_name_server_in_trouble_changes_nothing(admin: Account, dns: FakeDns, address: str) -> None:
    create(admin, address)
    wanted = info(admin, address, "ownership")["attempt"]["options"]
    dns.trouble[address] = "SERVFAIL"
    assert verify(admin, address, "ownership")["status"] == "pending"
    del dns.trouble[address]
    publish(dns, address, wanted)
    assert verify(admin, address, "ownership")["status"] == "done"
    dns.trouble[address] = "SERVFAIL"
    assert verify(admin, address, "ownership")["status"] == "done"


@pytest.mark.parametrize("bits", [1024, 2048])
def test_the_published_key_is_the_one_that_signs(admin: Account, dns: FakeDns, address: str, bits: int) -> None:
    made = create(admin, address)
    domains, verification = admin.server.services.domains, admin.server.services.domain_verification
    wanted = info(admin, address, "dkim", options={"key_length": bits})["attempt"]["options"]
    domain = admin.server.call(domains.get(admin.organization_id, made["id"]))
    assert admin.server.call(verification.dkim_key(domain)) is None, "nobody could check its signatures yet"
    publish(dns, address, wanted)
    assert verify(admin, address, "dkim")["status"] == "done"
    selector, pem = admin.server.call(verification.dkim_key(domain))
    assert wanted["host"] == f"{selector}._domainkey"
    private = serialization.load_pem_private_key(pem.get_secret_value().encode(), password=None)
    assert isinstance(private, rsa.RSAPrivateKey)
    assert private.key_size == bits
    public = serialization.load_der_public_key(_base64(wanted["value"].partition("p=")[2]))
    assert public == private.public_key()


def _base64(text: str) -> bytes:
    import base64  # noqa: PLC0415 -- only here

    return base64.b64decode(text, validate=True)


def test_a_dkim_key_is_sealed_and_goes_with_its_domain(admin: Account, address: str) -> None:
    made = create(admin, address)
    info(admin, address, "dkim")
    sql = "select application_id, purpose, sealed from secrets where owner_kind = 'domain' and owner_id = $1"
    [(owner, purpose, sealed)] = admin.server.rows(sql, made["id"])
    assert (owner, purpose) == (admin.organization_id, "dkim")
    assert b"PRIVATE KEY" not in bytes(sealed)
    admin.request("DELETE", f"{DOMAINS}/{address}")
    assert list(admin.server.rows(sql, made["id"])) == []


@pytest.mark.parametrize(
    "body",
    [
        {"type": "dmarc"},
        {"type": "arc"},
        {},
        {"type": "dkim", "options": {"key_length": 512}},
        {"type": "dkim", "options": "long"},
    ],
)
def test_a_record_that_nobody_verifies_is_refused(admin: Account, address: str, body: dict[str, Any]) -> None:
    create(admin, address)
    for verb in ("info", "verify"):
        assert problem(admin.post(f"{DOMAINS}/{address}/{verb}", body))[:2] == (400, "api.invalid_request_error")


@pytest.mark.parametrize(
    "wrong",
    ["", "localhost", "192.0.2.1", "[::1]", "a b.test", "a..test", "-a.test", "user@a.test", "a_b.test", "x" * 300],
)
def test_what_is_no_domain_is_refused(admin: Account, wrong: str) -> None:
    status, type_, message = problem(admin.post(DOMAINS, {"name": "Mail", "domain_address": wrong}))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert "domain_address" in message


def test_one_domain_is_registered_once_however_it_is_spelled(admin: Account, address: str) -> None:
    create(admin, f"bücher.{address}")
    for spelling in (f"bücher.{address}", f"BÜCHER.{address}.", f"xn--bcher-kva.{address}"):
        refused = problem(admin.post(DOMAINS, {"name": "Mail", "domain_address": spelling}))
        assert refused[:2] == (400, "api.invalid_request_error")
        assert "already" in refused[2]
    assert data(admin.get(f"{DOMAINS}/b%C3%BCcher.{address}"))["domain_address"] == f"xn--bcher-kva.{address}"


def test_another_organization_may_register_the_same_domain(server: LiveServer, admin: Account, address: str) -> None:
    mine, theirs = create(admin, address), create(foreign_account(server), address)
    assert mine["id"] != theirs["id"]
    assert mine["organization_id"] != theirs["organization_id"]


def test_pages_follow_one_another_and_hold_each_domain_once(server: LiveServer, nylas: Client) -> None:
    owner = foreign_account(server)
    made = [create(owner, f"d{number}.example.com")["id"] for number in range(5)]
    assert [domain.id for domain in nylas.domains.list(signer=owner.signer).data] == made
    seen: list[str] = []
    page = nylas.domains.list({"limit": 2}, signer=owner.signer)
    seen += [domain.id for domain in page.data]
    while page.next_cursor:
        page = nylas.domains.list({"limit": 2, "page_token": page.next_cursor}, signer=owner.signer)
        seen += [domain.id for domain in page.data]
        assert len(seen) <= 5
    assert seen == made
    assert set(owner.get(DOMAINS).json()) == {"request_id", "data"}


@pytest.mark.parametrize("query", ["?limit=0", "?limit=x", "?page_token=x", "?page_token=%00", "?page_token=MTIzNA=="])
def test_a_senseless_page_is_refused(admin: Account, query: str) -> None:
    assert problem(admin.get(DOMAINS, query))[:2] == (400, "api.invalid_request_error")


def test_a_domain_with_agent_accounts_is_not_deleted(
    server: LiveServer, admin: Account, stranger: Tenant, address: str
) -> None:
    made = create(admin, address)
    create(admin, f"other.{address}")
    grant = _agent_account(server, stranger, f"agent@{address}")
    refused = problem(admin.request("DELETE", f"{DOMAINS}/{made['id']}"))
    assert refused[:2] == (400, "api.invalid_request_error")
    assert data(admin.get(f"{DOMAINS}/{address}")) == made
    assert admin.request("DELETE", f"{DOMAINS}/other.{address}").status_code == 200
    server.rows("delete from grants where id = $1 returning id", grant)
    assert admin.request("DELETE", f"{DOMAINS}/{made['id']}").status_code == 200


def _agent_account(server: LiveServer, owner: Tenant, email: str) -> str:
    """The row of an Agent Account, as far as a domain looks at it."""
    grant = str(uuid.uuid4())
    server.rows(
        """insert into grants (application_id, id, provider, connector_id, mailbox_key, email, email_key, scope,
                               settings, status, asked_at, version, created_at, updated_at)
           values ($1, $2, 'nylas', 'c', $3, $3, $3, '[]', '{}', 'valid', 0, 1, 0, 0) returning id""",
        owner.application.id,
        grant,
        email,
    )
    return grant


def test_agent_accounts_are_told_what_their_domain_lacks(
    server: LiveServer, admin: Account, dns: FakeDns, tenant: Tenant, address: str
) -> None:
    domains, email = server.services.domains, f"Agent@{address.upper()}"

    def refusal() -> str:
        assert server.call(domains.owner_of(tenant.application, email)) is None
        with pytest.raises(InvalidRequest) as refused:
            server.call(domains.require_owner(tenant.application, email))
        return refused.value.message

    assert "is not registered" in refusal()
    made = create(admin, address)
    assert "ownership" in refusal()
    publish(dns, address, info(admin, address, "ownership")["attempt"]["options"])
    verify(admin, address, "ownership")
    for found in (domains.owner_of, domains.require_owner):
        assert server.call(found(tenant.application, email)).id == made["id"]
    assert server.call(domains.owner_of(tenant.application, f"a@sub.{address}")) is None
    assert server.call(domains.owner_of(tenant.application, address)) is None


# ── The command line ─────────────────────────────────────────────────────────────────────────────────────────


def opengrant(env: dict[str, str], directory: Path, *args: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OPENGRANT_")}
    own = {"OPENGRANT_DATA_DIR": str(directory / "data"), "COLUMNS": "100"}
    return warm.run(args, env={**kept, **env, **own}, timeout=60)


def test_the_command_line_shows_what_to_publish_and_what_is_live(
    server: LiveServer, admin: Account, env: dict[str, str], directory: Path, dns: FakeDns, address: str
) -> None:
    added = opengrant(env, directory, "domains", "add", address)
    assert added.returncode == 0, added.stderr
    assert address in added.stdout
    shown = json.loads(opengrant(env, directory, "domains", "show", address, "--json").stdout)
    assert [record["kind"] for record in shown["records"]] == KINDS
    nothing = opengrant(env, directory, "domains", "verify", address)
    assert (nothing.returncode, "domains show" in nothing.stderr) == (1, True)
    assert all(f"{record['value']}\n" in nothing.stdout for record in shown["records"])
    for record in shown["records"]:
        assert record["status"] == "pending"
        assert record["host"] in added.stdout
        assert f"\n{record['value']}\n" in added.stdout, "a value must be fit to be copied"
        publish(dns, address, record)
    [advised] = shown["advised"]
    assert (advised["kind"], advised["status"]) == ("dmarc", "pending")
    assert f"\n{advised['value']}\n" in added.stdout
    done = opengrant(env, directory, "domains", "verify", address, "mx", "--json")
    one = json.loads(done.stdout)
    assert done.returncode == 0
    assert (one["verified"], [record["kind"] for record in one["records"]]) == (["mx"], ["mx"])
    assert "advised" not in one
    table = opengrant(env, directory, "domains", "verify", address).stdout
    assert table.count("done") == 5
    assert "dmarc, TXT at _dmarc: There is none" in table
    publish(dns, address, advised)
    table = opengrant(env, directory, "domains", "verify", address).stdout
    assert "dmarc, TXT at _dmarc: The record was found." in table
    assert not data(admin.get(f"{DOMAINS}/{address}"))["verified_dmarc"], "the wire has no check for it"
    listed = json.loads(opengrant(env, directory, "domains", "list", "--json").stdout)
    assert next(row for row in listed if row["domain_address"] == address)["verified"] == KINDS
    assert opengrant(env, directory, "domains", "delete", address).returncode == 0
    missing = opengrant(env, directory, "domains", "show", address)
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "no such domain" in missing.stderr


def test_a_service_account_of_the_command_line_signs_until_it_is_revoked(
    server: LiveServer, env: dict[str, str], directory: Path
) -> None:
    made = opengrant(env, directory, "service-accounts", "create", "ci", "--permission", "domain.get", "--json")
    file = json.loads(made.stdout)
    assert set(file) == {
        "type",
        "name",
        "private_key_id",
        "private_key",
        "organization_id",
        "region",
        "permissions",
    }
    assert (file["type"], file["name"], file["permissions"]) == ("service_account", "ci", ["domain.get"])
    holder = Account(server, file["private_key_id"], file["private_key"], file["organization_id"])
    assert holder.get(DOMAINS).status_code == 200
    assert problem(holder.post(DOMAINS, {"name": "x", "domain_address": "x.example.com"}))[0] == 403
    listed = opengrant(env, directory, "service-accounts", "list", "--json").stdout
    assert file["private_key_id"] in listed
    assert "PRIVATE" not in listed
    assert opengrant(env, directory, "service-accounts", "revoke", holder.kid).returncode == 0
    assert problem(holder.get(DOMAINS))[0] == 401
    assert opengrant(env, directory, "service-accounts", "revoke", "nobody").returncode == 1
    wrong = opengrant(env, directory, "service-accounts", "create", "x", "--permission", "everything")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "domain.get" in wrong.stderr


def test_nobody_is_told_to_publish_a_record_that_points_nowhere(server: LiveServer, dns: FakeDns) -> None:
    services = server.services
    domains = services.domains
    verification = replace(services.domain_verification, hosts=MailNames.at(NOWHERE))
    organization = server.call(services.service_accounts.organization()).id
    domain = server.call(domains.create(organization, "nameless.example.test", "Nameless"))
    for kind in ("mx", "spf", "feedback"):
        for ask in (verification.info, verification.verify):
            _, check = server.call(ask(organization, domain.id, kind))
            assert (check.status, "OPENGRANT_PUBLIC_URL" in check.message) == ("pending", True)
    assert not any("nameless" in name for name, _ in dns.asked)
    _, ownership = server.call(verification.info(organization, domain.id, "ownership"))
    assert "OPENGRANT_PUBLIC_URL" not in ownership.message
    server.call(domains.delete(organization, domain.id))
