"""connect/custom, all ten variants: what each accepts, and how each fails, through the whole house."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.ews import PASSWORD as EWS_PASSWORD
from tests.fakes.ews import USER as EWS_USER
from tests.fakes.ews import FakeExchange
from tests.fakes.oauth import TENANT, FakeOAuth, Reply
from tests.peers.dovecot import ACCOUNTS, ELSEWHERE, Dovecot
from tests.peers.postgres import Postgres
from tests.peers.radicale import Radicale
from tests.support import LiveServer, Tenant, data, imap, problem, secret

ALICE = "alice@example.test"
SCOPE = "https://www.googleapis.com/auth/calendar"


@pytest.fixture(scope="module")
def radicale() -> Iterator[Radicale]:
    with Radicale({ALICE: ACCOUNTS[ALICE]}) as peer:
        yield peer


@pytest.fixture(scope="module")
def exchange() -> Iterator[FakeExchange]:
    with FakeExchange() as fake:
        yield fake


@pytest.fixture(scope="module")
def server(
    engine_env: dict[str, str],
    fake_provider: FakeOAuth,
    dovecot: Dovecot,
    radicale: Radicale,
    exchange: FakeExchange,
    postgres: Postgres,
    log_stream: BytesIO,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LiveServer]:
    """OpenGrant with a peer or stand-in behind each of the nine providers."""
    directory = tmp_path_factory.mktemp("ten")
    authorities = directory / "ca.pem"
    authorities.write_text("".join(Path(one.ca_file).read_text() for one in (dovecot, radicale, exchange)))
    env = {
        **engine_env,
        **fake_provider.settings(),
        **dovecot.settings(),
        "OPENGRANT_OUTBOUND__CA_FILE": str(authorities),
        "OPENGRANT_ICLOUD__IMAP_HOST": ELSEWHERE,
        "OPENGRANT_ICLOUD__IMAP_PORT": str(dovecot.imaps),
        "OPENGRANT_ICLOUD__SMTP_HOST": ELSEWHERE,
        "OPENGRANT_ICLOUD__SMTP_PORT": str(dovecot.submissions),
        "OPENGRANT_ICLOUD__CALDAV_URL": radicale.url,
    }
    if "OPENGRANT_DATABASE_URL" in env:
        env["OPENGRANT_DATABASE_URL"] = postgres.create_database()
    with LiveServer(env, directory, log_stream) as live:
        organization = live.call(live.services.service_accounts.organization()).id
        live.call(live.services.domains.create(organization, "agents.example.test", "Agents"))
        live.rows("update domains set verified_ownership = 1")
        yield live


@pytest.fixture
def tenant(server: LiveServer, provider: FakeOAuth, exchange: FakeExchange) -> Iterator[Tenant]:
    exchange.reset()
    made = server.tenant()
    for name in ("google", "microsoft", "yahoo", "zoom", "imap", "icloud", "ews", "virtual-calendar", "nylas"):
        made.connector(name)
    yield made
    made.http.close()


@pytest.fixture
def ask(
    tenant: Tenant, provider: FakeOAuth, dovecot: Dovecot, exchange: FakeExchange
) -> Callable[[str], dict[str, Any]]:
    """The body of a request that its provider accepts, by the name of its variant."""

    def credential(name: str, type_: str, held: dict[str, Any]) -> str:
        body = {"name": secret("name"), "credential_type": type_, "credential_data": held}
        answer = tenant.post(f"/v3/connectors/{name}/creds", {**body, "name": f"{type_} {len(provider.issued)}"})
        assert answer.status_code == 201, answer.text
        return str(data(answer)["id"])

    def token(email: str, **more: Any) -> str:
        made = secret("refresh")
        provider.accepts(made, email=email, **more)
        return made

    def make(variant: str) -> dict[str, Any]:
        name, _, kind = variant.partition(" ")
        settings: dict[str, Any]
        match kind or name:
            case "refresh" if name == "zoom":
                scope = "user:read:user meeting:write:meeting meeting:update:meeting meeting:delete:meeting"
                settings = {"refresh_token": token("hal@example.com", scope=scope)}
            case "refresh":
                settings = {"refresh_token": token(f"{name}@example.com")}
            case "override":
                own = credential(name, "connector", {"client_id": "other", "client_secret": secret("other")})
                settings = {"refresh_token": token("override@example.com"), "credential_id": own}
            case "bulk" if name == "google":
                provider.employs("di@contoso.test")
                file = provider.delegates(scope=SCOPE, domain="contoso.test")
                settings = {
                    "email_address": "di@contoso.test",
                    "credential_id": credential(name, "serviceaccount", file),
                    "scopes": [SCOPE],
                }
            case "bulk":
                provider.employs("cy@contoso.test")
                held = {"client_id": "bulk", "client_secret": secret("bulk"), "tenant": TENANT}
                provider.consents("bulk", held["client_secret"], roles="User.Read.All Mail.Read Calendars.Read")
                settings = {
                    "email_address": "cy@contoso.test",
                    "credential_id": credential(name, "adminconsent", held),
                }
            case "imap":
                settings = imap(dovecot, ALICE)
            case "icloud":
                settings = {"username": ALICE, "password": ACCOUNTS[ALICE]}
            case "ews":
                settings = {"email": EWS_USER, "ews_username": EWS_USER, "ews_password": EWS_PASSWORD}
                settings |= {"ews_host": "localhost", "ews_port": exchange.port}
            case "virtual-calendar":
                settings = {"email": "room-7"}
            case _:
                settings = {"email": "sales@agents.example.test", "app_password": "Abcdefgh1jklmnopq9"}
        return {"provider": name, "settings": settings}

    return make


EMAILS = {
    "google refresh": "google@example.com",
    "microsoft refresh": "microsoft@example.com",
    "yahoo refresh": "yahoo@example.com",
    "zoom refresh": "hal@example.com",
    "google override": "override@example.com",
    "microsoft override": "override@example.com",
    "google bulk": "di@contoso.test",
    "microsoft bulk": "cy@contoso.test",
    "imap": ALICE,
    "icloud": ALICE,
    "ews": EWS_USER,
    "virtual-calendar": "room-7",
    "nylas": "sales@agents.example.test",
}
OAUTH = [name for name in EMAILS if " " in name]


@pytest.mark.parametrize("variant", EMAILS)
def test_it_is_accepted_and_the_same_mailbox_keeps_its_id(
    tenant: Tenant, ask: Callable[[str], dict[str, Any]], variant: str
) -> None:
    first = tenant.post("/v3/connect/custom", ask(variant))
    assert first.status_code == 201, first.text
    made = data(first)
    assert (made["email"], made["grant_status"]) == (EMAILS[variant], "valid")
    again = tenant.post("/v3/connect/custom", ask(variant))
    assert data(again)["id"] == made["id"]
    assert data(tenant.get(f"/v3/grants/{made['id']}"))["id"] == made["id"]
    assert tenant.grants() == 1


@pytest.mark.parametrize("variant", OAUTH)
@pytest.mark.parametrize(
    ("reply", "status", "type_"),
    [
        (Reply(503, "down"), 504, "api.provider_error"),
        (Reply(200, "no JSON"), 504, "api.provider_error"),
        (Reply(429, "Too Many Requests", {"Retry-After": "7"}), 429, "api.rate_limit_error"),
        (Reply(fault="reset"), 504, "api.provider_error"),
    ],
    ids=["down", "garbage", "throttled", "reset"],
)
def test_an_oauth_provider_in_trouble_is_nobodys_fault(
    tenant: Tenant, provider: FakeOAuth, ask: Callable[[str], dict[str, Any]], variant: str, reply: Reply, status: int,
    type_: str
) -> None:  # fmt: skip
    body = ask(variant)
    provider.answers("token", reply)
    answer = tenant.post("/v3/connect/custom", body)
    assert problem(answer)[:2] == (status, type_), answer.text
    if status == 429:
        assert answer.headers["retry-after"] == "7"
    assert tenant.grants() == 0


@pytest.mark.parametrize(
    ("variant", "change", "status", "type_"),
    [
        ("google refresh", {"refresh_token": "dead"}, 400, "grant.refresh_token_invalid"),
        ("microsoft refresh", {"refresh_token": "dead"}, 400, "grant.refresh_token_invalid"),
        ("yahoo refresh", {"refresh_token": "dead"}, 400, "grant.refresh_token_invalid"),
        ("zoom refresh", {"refresh_token": "dead"}, 400, "grant.refresh_token_invalid"),
        ("google override", {"credential_id": "none"}, 400, "api.invalid_request_error"),
        ("google bulk", {"email_address": "nobody@contoso.test"}, 400, "grant.invalid_authentication"),
        ("google bulk", {"scopes": ["https://mail.google.com/"]}, 400, "grant.invalid_authentication"),
        ("google bulk", {"scopes": [SCOPE, "https://mail.google.com/"]}, 400, "grant.scopes_conflict"),
        ("microsoft bulk", {"email_address": "nobody@contoso.test"}, 400, "grant.invalid_authentication"),
        ("icloud", {"password": "abcd-efgh-ijkl-mnop"}, 400, "grant.invalid_authentication"),
        ("ews", {"ews_password": "wrong"}, 400, "grant.invalid_authentication"),
        ("ews", {"ews_host": "10.0.0.1"}, 400, "api.invalid_request_error"),
        ("nylas", {"email": "x@elsewhere.example"}, 400, "api.invalid_request_error"),
        ("nylas", {"app_password": "nodigitsinthisPASSWORD"}, 400, "api.invalid_request_error"),
        ("nylas", {"app_password": "short1A"}, 400, "api.invalid_request_error"),
    ],
)
def test_a_refusal_has_its_type_and_stores_nothing(
    tenant: Tenant, ask: Callable[[str], dict[str, Any]], variant: str, change: dict[str, Any], status: int, type_: str
) -> None:
    body = ask(variant)
    body["settings"] |= change
    answer = tenant.post("/v3/connect/custom", body)
    assert problem(answer)[:2] == (status, type_), answer.text
    assert tenant.grants() == 0


def test_a_domain_that_is_not_registered_is_named(tenant: Tenant, ask: Callable[[str], dict[str, Any]]) -> None:
    body = ask("nylas")
    body["settings"]["email"] = "x@elsewhere.example"
    message = problem(tenant.post("/v3/connect/custom", body))[2]
    assert "domain" in message
    assert "not registered" in message


def test_the_override_is_the_client_that_is_asked_with(
    tenant: Tenant, provider: FakeOAuth, ask: Callable[[str], dict[str, Any]]
) -> None:
    body = ask("google override")
    made = data(tenant.post("/v3/connect/custom", body))
    assert made["credential_id"] == body["settings"]["credential_id"]
    assert [seen.form["client_id"] for seen in provider.requests if seen.endpoint == "token"] == ["other"]


def test_the_credential_may_stand_beside_the_settings(tenant: Tenant, ask: Callable[[str], dict[str, Any]]) -> None:
    """As the Java SDK sends it."""
    body = ask("google override")
    body["credential_id"] = body["settings"].pop("credential_id")
    assert data(tenant.post("/v3/connect/custom", body))["credential_id"] == body["credential_id"]


def test_with_both_a_token_and_an_address_the_token_counts(
    tenant: Tenant, ask: Callable[[str], dict[str, Any]]
) -> None:
    body = ask("google refresh")
    body["settings"]["email_address"] = "somebody@else.example"
    assert data(tenant.post("/v3/connect/custom", body))["email"] == "google@example.com"


def test_zooms_rotated_token_is_kept_when_the_profile_fails(
    tenant: Tenant, provider: FakeOAuth, ask: Callable[[str], dict[str, Any]]
) -> None:
    body = ask("zoom refresh")
    provider.answers("me", Reply(503, "down"), times=1)
    assert problem(tenant.post("/v3/connect/custom", body))[0] == 504
    assert tenant.post("/v3/connect/custom", body).status_code == 201


def test_a_bcrypt_hash_is_all_that_is_kept_of_an_app_password(
    tenant: Tenant, server: LiveServer, ask: Callable[[str], dict[str, Any]]
) -> None:
    made = data(tenant.post("/v3/connect/custom", ask("nylas")))
    assert made["settings"] == {"email": "sales@agents.example.test"}
    assert made["workspace_id"]


def test_aliases_are_asked_for_live_and_left_out_when_nobody_can_tell(
    tenant: Tenant, provider: FakeOAuth, ask: Callable[[str], dict[str, Any]]
) -> None:
    made = data(tenant.post("/v3/connect/custom", ask("microsoft refresh")))
    path = f"/v3/grants/{made['id']}?expose_aliases=True"
    user = {"id": "1", "mail": "a@b.example", "proxyAddresses": ["SMTP:a@b.example", "smtp:alias@b.example", "SIP:x"]}
    provider.answers("me", Reply(200, user), times=1)
    assert data(tenant.get(path))["email_aliases"] == ["alias@b.example"]
    provider.answers("me", Reply(503, "down"), times=1)
    assert "email_aliases" not in data(tenant.get(path))
    assert "email_aliases" not in data(tenant.get(f"/v3/grants/{made['id']}"))


def test_an_idempotency_key_brings_the_first_answer_back(
    tenant: Tenant, provider: FakeOAuth, ask: Callable[[str], dict[str, Any]]
) -> None:
    body, headers = ask("zoom refresh"), {"Idempotency-Key": "key-1"}
    first = tenant.post("/v3/connect/custom", body, headers=headers)
    asked = provider.count("token")
    again = tenant.post("/v3/connect/custom", body, headers=headers)
    assert (again.status_code, data(again)) == (201, data(first))
    assert again.json()["request_id"] != first.json()["request_id"]
    assert provider.count("token") == asked
    other = tenant.post("/v3/connect/custom", ask("virtual-calendar"), headers=headers)
    assert problem(other)[:2] == (409, "api.invalid_idempotent_request")
    long = tenant.post("/v3/connect/custom", body, headers={"Idempotency-Key": "x" * 257})
    assert problem(long)[:2] == (400, "api.invalid_idempotency_key")


def test_a_failure_is_not_remembered_under_its_key(
    tenant: Tenant, provider: FakeOAuth, ask: Callable[[str], dict[str, Any]]
) -> None:
    body, headers = ask("google refresh"), {"Idempotency-Key": "key-1"}
    provider.answers("token", Reply(503, "down"), times=1)
    assert tenant.post("/v3/connect/custom", body, headers=headers).status_code == 504
    assert tenant.post("/v3/connect/custom", body, headers=headers).status_code == 201


def test_a_request_under_way_is_not_started_twice(
    tenant: Tenant, provider: FakeOAuth, ask: Callable[[str], dict[str, Any]]
) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 -- only here

    body, headers = ask("google refresh"), {"Idempotency-Key": "key-1"}
    with ThreadPoolExecutor(1) as pool:
        with provider.holding():
            first = pool.submit(tenant.post, "/v3/connect/custom", body, headers=headers)
            provider.wait_for("token", 1)
            second = tenant.post("/v3/connect/custom", body, headers=headers)
            assert problem(second)[:2] == (409, "api.concurrent_idempotent_request")
        assert first.result().status_code == 201
