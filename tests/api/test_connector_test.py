"""POST /v3/connectors/{provider}/test: what an operator can know to be wrong before any user does."""

import socket
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

import pytest
from pydantic import SecretStr

from opengrant.connectors.connectors import ConnectorFields
from opengrant.model import ProviderName
from tests.api.conftest import Apple
from tests.fakes.mail import Certificates
from tests.fakes.oauth import TENANT, FakeOAuth, Reply, entra_error
from tests.peers.emulate import CLIENT_ID, CLIENT_SECRET
from tests.support import MARK, LiveServer, Tenant, data, problem, secret

OAUTH = ("google", "microsoft", "yahoo", "zoom")
STEPS = ["Client", "Token endpoint", "Client accepted", "Scopes", "Redirect URI"]
SCOPES = {
    "google": ["openid", "email"],
    "microsoft": ["offline_access", "User.Read"],
    "yahoo": ["openid", "email"],
    "zoom": ["user:read:user"],
}
REFUSALS: Mapping[str, tuple[int, Any, str]] = {
    "google": (401, {"error": "invalid_client", "error_description": "Unauthorized"}, "Check the client id and secret"),
    "microsoft": (401, entra_error("invalid_client", 7000215, "Invalid client secret provided."), "secret's value"),
    "yahoo": (401, {"error": "INVALID_CLIENT_SECRET"}, "secret's value"),
    "zoom": (400, {"reason": "Invalid client_id or client_secret", "error": "invalid_client"}, "client id and secret"),
}


def try_out(tenant: Tenant, provider: str) -> tuple[bool, dict[str, dict[str, str]]]:
    """Whether all is well, and each step by its name."""
    answer = tenant.post(f"/v3/connectors/{provider}/test")
    assert answer.status_code == 200, answer.text
    result = data(answer)
    assert result["ok"] == all(step["state"] != "failed" for step in result["steps"])
    for step in result["steps"]:
        assert ("remedy" in step) == (step["state"] in {"failed", "warning"}), step
    return result["ok"], {step["name"]: step for step in result["steps"]}


def states(steps: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: step["state"] for name, step in steps.items()}


@pytest.mark.parametrize("provider_name", ["google", "yahoo", "zoom"])
def test_a_client_that_is_told_of_the_token_alone_is_accepted(
    tenant: Tenant, provider: FakeOAuth, provider_name: str
) -> None:
    tenant.connector(provider_name, scope=SCOPES[provider_name])
    ok, steps = try_out(tenant, provider_name)
    assert ok
    assert list(steps) == STEPS
    assert states(steps) == {**dict.fromkeys(STEPS, "ok"), "Redirect URI": "warning"}
    assert provider.count("token") == 1


@pytest.mark.parametrize("provider_name", OAUTH)
def test_a_refused_client_is_told_with_the_remedy(tenant: Tenant, provider: FakeOAuth, provider_name: str) -> None:
    status, body, remedy = REFUSALS[provider_name]
    provider.refuses(status, body)
    tenant.connector(provider_name, scope=SCOPES[provider_name])
    ok, steps = try_out(tenant, provider_name)
    assert not ok
    assert states(steps)["Token endpoint"] == "ok"
    assert states(steps)["Client accepted"] == "failed"
    assert remedy in steps["Client accepted"]["remedy"]


def microsoft(owner: Tenant, client_secret: str, **more: str) -> None:
    settings = {"client_id": "app", "client_secret": client_secret, **more}
    owner.connector("microsoft", settings=settings, scope=SCOPES["microsoft"])


def test_entra_proves_a_client_of_one_tenant_by_a_token_for_nobody(tenant: Tenant, provider: FakeOAuth) -> None:
    right = secret("app")
    provider.consents("app", right, roles="")
    microsoft(tenant, right, tenant=TENANT)
    ok, steps = try_out(tenant, "microsoft")
    assert (ok, steps["Client accepted"]["state"]) == (True, "ok")
    (seen,) = provider.requests
    assert (seen.form["grant_type"], seen.path.split("/")[1]) == ("client_credentials", TENANT)


@pytest.mark.parametrize(
    ("client_id", "tenant_id", "says"),
    [("app", TENANT, "secret's value"), ("other", TENANT, "client id and tenant"), ("app", "nowhere.test", "tenant")],
)
def test_entra_refuses_by_its_own_words(
    tenant: Tenant, provider: FakeOAuth, client_id: str, tenant_id: str, says: str
) -> None:
    provider.consents("app", secret("right"), roles="")
    settings = {"client_id": client_id, "client_secret": secret("wrong"), "tenant": tenant_id}
    tenant.connector("microsoft", settings=settings, scope=SCOPES["microsoft"])
    ok, steps = try_out(tenant, "microsoft")
    assert (ok, steps["Client accepted"]["state"]) == (False, "failed")
    assert says in steps["Client accepted"]["remedy"]


def test_entra_tells_nothing_of_the_secret_of_a_client_for_everybody(tenant: Tenant, provider: FakeOAuth) -> None:
    microsoft(tenant, secret("app"))
    ok, steps = try_out(tenant, "microsoft")
    assert (ok, steps["Client accepted"]["state"]) == (True, "warning")
    assert "common" in steps["Client accepted"]["text"]
    assert "secret's id" not in steps["Client accepted"]["text"]


def test_a_secrets_id_in_place_of_its_value_is_seen(tenant: Tenant, provider: FakeOAuth) -> None:
    microsoft(tenant, "0f8fad5b-d9cb-469f-a165-70867728950e")
    _, steps = try_out(tenant, "microsoft")
    assert "its value is needed" in steps["Client accepted"]["text"]


def test_the_active_credential_is_what_is_tried(tenant: Tenant, provider: FakeOAuth) -> None:
    tenant.connector("google", scope=SCOPES["google"])
    other = {"client_id": "the-other-client", "client_secret": secret("other")}
    body = {"name": "EU", "credential_type": "connector", "credential_data": other}
    made = data(tenant.post("/v3/connectors/google/creds", body))
    tenant.patch("/v3/connectors/google", {"active_credential_id": made["id"]})
    ok, _ = try_out(tenant, "google")
    assert ok
    assert [seen.form["client_id"] for seen in provider.requests] == ["the-other-client"]
    (entry,) = data(tenant.get("/v3/audit", params={"type": "connector.tested"}))
    assert entry["detail"]["credential_id"] == made["id"]


def test_white_space_around_a_secret_that_an_earlier_release_stored_is_seen(
    tenant: Tenant, provider: FakeOAuth
) -> None:
    """Today it is cut off at the door."""
    settings = {"client_id": "client", "client_secret": f"{secret('client')} "}
    tenant.connector("google", settings=settings, scope=SCOPES["google"])
    assert try_out(tenant, "google")[0]
    spaced = ConnectorFields(client_secret=SecretStr(f"{secret('client')} "))
    tenant.server.call(tenant.server.services.connectors.update(tenant.application, ProviderName.GOOGLE, spaced))
    ok, steps = try_out(tenant, "google")
    assert (ok, steps["Client"]["state"]) == (False, "failed")
    assert "client_secret" in steps["Client"]["text"]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(503, {"error": "temporarily_unavailable"}), "answers 503"),
        (Reply(302, None, {"Location": "/elsewhere"}), "answers 302"),
        (Reply(200, {"hello": "world"}), "not as a token endpoint does"),
        (Reply(fault="garbage"), "gives no answer"),
        (Reply(fault="close"), "gives no answer"),
    ],
    ids=["ill", "redirects", "something else", "not HTTP", "hangs up"],
)
def test_an_endpoint_that_gives_no_answer_says_nothing_of_the_client(
    tenant: Tenant, provider: FakeOAuth, reply: Reply, says: str
) -> None:
    provider.answers("token", reply)
    tenant.connector("google", scope=SCOPES["google"])
    ok, steps = try_out(tenant, "google")
    assert not ok
    assert (steps["Token endpoint"]["state"], steps["Client accepted"]["state"]) == ("failed", "skipped")
    assert says in steps["Token endpoint"]["text"]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(429, "Too Many Requests", {"Retry-After": "60"}), "slow down"),
        (Reply(400, {"error": "never_seen_before"}), "proves nothing"),
        (Reply(400, {"error": "invalid_scope"}), "proves nothing"),
    ],
    ids=["throttled", "unknown words", "bad request"],
)
def test_an_answer_that_proves_nothing_fails_nobody(
    tenant: Tenant, provider: FakeOAuth, reply: Reply, says: str
) -> None:
    provider.answers("token", reply)
    tenant.connector("google", scope=SCOPES["google"])
    ok, steps = try_out(tenant, "google")
    assert (ok, steps["Client accepted"]["state"]) == (True, "warning")
    assert says in steps["Client accepted"]["text"]


@pytest.mark.parametrize(
    ("provider_name", "scope", "lacks"),
    [
        ("google", [], ["openid", "userinfo.email"]),
        ("google", ["https://www.googleapis.com/auth/calendar", "openid"], ["userinfo.email"]),
        ("google", ["https://www.googleapis.com/auth/gmail.readonly"], []),
        ("microsoft", ["Mail.Read", "User.Read"], ["offline_access"]),
        ("microsoft", ["https://graph.microsoft.com/Mail.Read", "offline_access"], ["User.Read"]),
        ("microsoft", ["openid", "offline_access"], []),
        ("yahoo", ["mail-r", "openid"], ["email"]),
        ("zoom", ["meeting:write:meeting"], ["user:read:user"]),
        ("zoom", ["meeting:write", "user:read"], []),
        ("zoom", [], []),
    ],
)
def test_scopes_that_do_not_tell_the_owner_are_named(
    tenant: Tenant, provider: FakeOAuth, provider_name: str, scope: list[str], lacks: list[str]
) -> None:
    tenant.connector(provider_name, scope=scope)
    ok, steps = try_out(tenant, provider_name)
    assert (ok, steps["Scopes"]["state"]) == (True, "warning" if lacks else "ok")
    for name in lacks:
        assert name in steps["Scopes"]["text"]


def test_the_redirect_uri_is_the_requests_until_an_operator_says_otherwise(tenant: Tenant, provider: FakeOAuth) -> None:
    tenant.connector("google")
    _, steps = try_out(tenant, "google")
    assert f"{tenant.server.url}/v3/connect/callback" in steps["Redirect URI"]["text"]
    assert steps["Redirect URI"]["state"] == "warning"
    assert "OPENGRANT_PUBLIC_URL" in steps["Redirect URI"]["remedy"]


def test_no_grant_is_touched_and_the_trail_tells_of_it(tenant: Tenant, provider: FakeOAuth) -> None:
    tenant.connector("zoom", scope=SCOPES["zoom"])
    token = secret("rt")
    provider.accepts(token, email="zoe@example.com", scope="user:read:user", single_use=True)
    grant = data(tenant.connect("zoom", {"refresh_token": token}))
    events = tenant.events()
    status, body, _ = REFUSALS["zoom"]
    provider.refuses(status, body)
    for _ in range(5):
        assert try_out(tenant, "zoom")[0] is False
    assert data(tenant.get(f"/v3/grants/{grant['id']}")) == grant
    assert tenant.events() == events
    entry = data(tenant.get("/v3/audit", params={"type": "connector.tested"}))[0]
    assert entry["detail"]["failed"] == ["Client accepted"]
    assert entry["actor"].startswith("key:")


def test_no_secret_comes_back_whatever_the_provider_repeats(tenant: Tenant, provider: FakeOAuth) -> None:
    held = secret("client")
    tenant.connector("google", settings={"client_id": "client", "client_secret": held})
    provider.refuses(401, {"error": "invalid_client", "error_description": f"The secret {held} is wrong"})
    answer = tenant.post("/v3/connectors/google/test")
    assert "is wrong" in answer.text
    assert MARK not in answer.text


@pytest.mark.parametrize("provider_name", ["imap", "ews", "virtual-calendar"])
def test_where_nothing_can_be_proven_it_says_so(tenant: Tenant, provider_name: str) -> None:
    tenant.connector(provider_name)
    ok, steps = try_out(tenant, provider_name)
    assert (ok, states(steps)) == (True, {"Client": "skipped"})


def test_a_connector_that_is_not_there_is_not_found(tenant: Tenant, stranger: Tenant) -> None:
    stranger.connector("google")
    for name in ("google", "no-such-provider"):
        assert problem(tenant.post(f"/v3/connectors/{name}/test"))[:2] == (404, "api.not_found_error")


def test_trials_count_against_the_bound_of_verifications(tenant: Tenant) -> None:
    tenant.connector("imap")
    limit = tenant.server.services.connect.limit
    most, limit.limit = limit.limit, 0
    try:
        assert problem(tenant.post("/v3/connectors/imap/test"))[:2] == (503, "service_unavailable")
    finally:
        limit.limit = most


def test_agent_accounts_want_a_domain_that_is_proven(tenant: Tenant) -> None:
    tenant.connector("nylas")
    server, services = tenant.server, tenant.server.services
    server.rows("delete from domains")
    ok, steps = try_out(tenant, "nylas")
    assert (ok, states(steps)) == (False, {"Domain": "failed"})
    organization = server.call(services.service_accounts.organization()).id
    domain = server.call(services.domains.create(organization, "trial.example.test", "Trial"))
    assert try_out(tenant, "nylas")[0] is False
    server.rows("update domains set verified_ownership = 1 where id = $1", domain.id)
    ok, steps = try_out(tenant, "nylas")
    assert (ok, states(steps)) == (True, {"Domain": "ok"})
    assert "trial.example.test" in steps["Domain"]["text"]
    server.rows("delete from domains where id = $1", domain.id)


# ── Providers that cannot be reached, each in its own way ────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def cut_off(
    certificates: Certificates, log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """OpenGrant with a public address of its own, and providers that it cannot reach."""
    with socket.socket() as probe, FakeOAuth(certificates.unknown_ca) as untrusted:
        probe.bind(("127.0.0.1", 0))
        nobody = probe.getsockname()[1]  # bound, and nobody listens
        env = {
            "OPENGRANT_PUBLIC_URL": "https://grants.example.com/",
            "OPENGRANT_GOOGLE__TOKEN_URL": "https://no-such-host.invalid/token",
            "OPENGRANT_YAHOO__TOKEN_URL": f"http://127.0.0.1:{nobody}/token",
            "OPENGRANT_ZOOM__TOKEN_URL": f"{untrusted.url}/zoom/token",
            "OPENGRANT_ICLOUD__IMAP_HOST": "127.0.0.1",
            "OPENGRANT_ICLOUD__IMAP_PORT": str(nobody),
        }
        with LiveServer(env, tmp_path_factory.mktemp("cut-off"), log_stream) as live:
            yield live


@pytest.mark.parametrize(
    ("provider_name", "says"),
    [
        ("google", "The name no-such-host.invalid cannot be resolved"),
        ("yahoo", "No connection to 127.0.0.1"),
        ("zoom", "TLS with localhost"),
    ],
)
def test_dns_connection_and_tls_are_told_apart(cut_off: LiveServer, provider_name: str, says: str) -> None:
    tenant = cut_off.tenant()
    tenant.connector(provider_name, scope=SCOPES[provider_name])
    ok, steps = try_out(tenant, provider_name)
    assert not ok
    assert states(steps) == {
        "Client": "ok",
        "Token endpoint": "failed",
        "Client accepted": "skipped",
        "Scopes": "ok",
        "Redirect URI": "ok",
    }
    assert steps["Token endpoint"]["text"].startswith(says)
    assert "https://grants.example.com/v3/connect/callback" in steps["Redirect URI"]["text"]
    tenant.http.close()


def test_icloud_that_cannot_be_reached_is_told(cut_off: LiveServer) -> None:
    tenant = cut_off.tenant()
    tenant.connector("icloud")
    ok, steps = try_out(tenant, "icloud")
    assert (ok, states(steps)) == (False, {"Mail server": "failed"})
    assert "connect: refused" in steps["Mail server"]["text"]
    tenant.http.close()


def test_icloud_is_met_without_a_password(every_provider: LiveServer, apple: Apple) -> None:
    tenant = every_provider.tenant()
    tenant.connector("icloud")
    ok, steps = try_out(tenant, "icloud")
    assert (ok, states(steps)) == (True, {"Mail server": "ok"})
    tenant.http.close()


# ── The emulator, which nobody here wrote ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("client_secret", "accepted"), [(CLIENT_SECRET, True), (f"{MARK}-wrong", False)])
@pytest.mark.parametrize("provider_name", ["google", "microsoft"])
def test_the_emulator_tells_a_good_client_from_a_bad_one(
    emulated: LiveServer, provider_name: str, client_secret: str, accepted: bool
) -> None:
    tenant = emulated.tenant()
    settings = {"client_id": CLIENT_ID, "client_secret": client_secret}
    if provider_name == "microsoft":
        settings["tenant"] = "contoso.test"
    tenant.connector(provider_name, settings=settings, scope=SCOPES[provider_name])
    ok, steps = try_out(tenant, provider_name)
    assert ok is accepted
    assert steps["Client accepted"]["state"] == ("ok" if accepted else "failed")
    tenant.http.close()
