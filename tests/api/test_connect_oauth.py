"""connect/custom with refresh tokens: Google and Microsoft, accepted, refused, silent, rotating and raced."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from opengrant.errors import StoreUnavailable
from opengrant.grants import spool
from opengrant.jobs.refresh import replay
from opengrant.model import Grant, ProviderName
from opengrant.store.grants.leases import Lease
from opengrant.vault import Owner
from tests.fakes.oauth import HTML_403, FakeOAuth, Reply, entra_error
from tests.logins import connecting
from tests.support import Away, LiveServer, Tenant, data, on_store, problem, secret

GMAIL = "https://www.googleapis.com/auth/gmail.readonly"

IDENTITY = [f"https://www.googleapis.com/auth/userinfo.{name}" for name in ("email", "profile")]
IDENTITY.insert(0, "openid")


@pytest.fixture(autouse=True)
def connectors(tenant: Tenant) -> None:
    tenant.connector("google", scope=["openid", "email"])
    tenant.connector("microsoft", scope=["Mail.Read"])


def live_secret(server: LiveServer, tenant: Tenant, grant_id: str) -> dict[str, Any]:
    """What is sealed for a grant."""
    from opengrant.store import secrets  # noqa: PLC0415 -- tests look into the store only here

    sealed = server.call(server.services.db.read(secrets.find(tenant.application.id, "grant", grant_id, "live")))
    vault = server.services.rotated_tokens.vault
    opened: dict[str, Any] = json.loads(vault.open(sealed, Owner(tenant.application.id, "grant", grant_id, "live")))
    return opened


def test_a_google_token_becomes_a_grant_with_its_owners_name(tenant: Tenant, provider: FakeOAuth) -> None:
    token = secret("refresh")
    account = provider.accepts(token, email="Ana@Example.com", scope=f"openid email profile {GMAIL}")
    answer = tenant.connect("google", {"refresh_token": token}, scope=[GMAIL], state="cust-42")
    assert answer.status_code == 201, answer.text
    made = data(answer)
    assert (made["email"], made["name"], made["scope"], made["state"], made["settings"]) == (
        "Ana@Example.com", account.name, [*IDENTITY, GMAIL], "cust-42", {}
    )  # fmt: skip
    assert made["provider_user_id"] == account.subject
    assert made["credential_id"] == data(tenant.get("/v3/connectors/google"))["active_credential_id"]


def test_without_a_scope_in_the_request_the_granted_ones_are_told(tenant: Tenant, provider: FakeOAuth) -> None:
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com", scope="openid email")
    made = data(tenant.connect("google", {"refresh_token": token}))
    assert made["scope"] == ["openid", "https://www.googleapis.com/auth/userinfo.email"]


def test_scopes_that_the_user_did_not_grant_are_named_in_the_grant(tenant: Tenant, provider: FakeOAuth) -> None:
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com", scope="openid email")
    made = data(tenant.connect("google", {"refresh_token": token}, scope=[GMAIL, "openid"]))
    assert made["scope"] == ["openid", "https://www.googleapis.com/auth/userinfo.email"]
    assert made["opengrant"]["missing_scopes"] == [GMAIL]
    path = f"/v3/grants/{made['id']}"
    assert data(tenant.get(path))["opengrant"]["missing_scopes"] == [GMAIL]
    # The recorded list may be another; what the provider gave stays what it gave.
    changed = data(tenant.patch(path, {"scope": ["openid", GMAIL.replace("readonly", "send")]}))
    assert changed["opengrant"]["missing_scopes"] == [GMAIL.replace("readonly", "send")]
    # A better consent, and one that covers what was asked for.
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com", scope=f"openid email {GMAIL.replace('readonly', 'modify')}")
    renewed = data(tenant.patch(path, {"settings": {"refresh_token": token, "scopes": f"openid {GMAIL}"}}))
    assert renewed["scope"][-1] == GMAIL.replace("readonly", "modify")
    assert "missing_scopes" not in renewed["opengrant"]
    # Without a scope in the request, the connector's are asked for.
    tenant.patch("/v3/connectors/google", {"settings": {"scope": f"{GMAIL},openid"}})
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com", scope="openid email")
    assert data(tenant.connect("google", {"refresh_token": token}))["opengrant"]["missing_scopes"] == [GMAIL]


@pytest.mark.parametrize("sent", ["scope", "scopes"])
def test_scopes_come_as_a_list_or_a_text_at_the_top_or_in_the_settings(
    tenant: Tenant, provider: FakeOAuth, sent: str
) -> None:
    token, wanted = secret("refresh"), ["Mail.Read", "Files.Read"]
    provider.accepts(token, email="ana@example.com", scope="openid User.Read Mail.Read")
    for value in (wanted, "Mail.Read Files.Read", "Mail.Read,Files.Read", " Mail.Read , Files.Read\n"):
        for body in ({sent: value, "settings": {}}, {"settings": {sent: value}}):
            body["settings"] = {**body["settings"], "refresh_token": token}
            made = tenant.post("/v3/connect/custom", {"provider": "microsoft", **body})
            assert data(made)["opengrant"]["missing_scopes"] == ["Files.Read"], made.text
            path = f"/v3/grants/{data(made)['id']}"
            assert data(tenant.patch(path, body))["opengrant"]["missing_scopes"] == ["Files.Read"]
            client = {"client_id": "client", "client_secret": secret("client")}
            body["settings"] = {**body["settings"], **client}
            changed = tenant.patch("/v3/connectors/microsoft", body)
            assert data(changed)["scope"] == wanted
    tenant.delete("/v3/connectors/google")
    made = tenant.post("/v3/connectors", {"provider": "google", "settings": {**client, sent: "openid,email"}})
    assert data(made)["scope"] == ["openid", "email"]


def test_a_google_token_that_cannot_say_whose_it_is_names_the_missing_scopes(
    tenant: Tenant, provider: FakeOAuth
) -> None:
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com", scope="https://www.googleapis.com/auth/drive")
    status, type_, message = problem(tenant.connect("google", {"refresh_token": token}))
    assert (status, type_) == (400, "grant.refresh_token_invalid")
    assert "openid" in message
    assert "userinfo.email" in message


def test_the_same_mailbox_keeps_its_grant_id_whatever_the_spelling(tenant: Tenant, provider: FakeOAuth) -> None:
    ids = set()
    for email in ("ana@example.com", "Ana@Example.com"):
        token = secret("refresh")
        provider.accepts(token, email=email)
        ids.add(data(tenant.connect("google", {"refresh_token": token}))["id"])
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com")
    other = data(tenant.connect("microsoft", {"refresh_token": token}))["id"]
    assert len(ids) == 1
    assert other not in ids


REFUSALS = [
    # provider, status, body, our status, our type, class
    ("google", 400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, 400,
     "grant.refresh_token_invalid", "reconnect"),
    ("google", 400, {"error": "invalid_grant", "error_description": "Bad Request"}, 400,
     "grant.refresh_token_invalid", "reconnect"),
    ("google", 401, {"error": "invalid_client", "error_description": "The OAuth client was not found."}, 400,
     "token.exchange_failed", "connector"),
    ("google", 401, {"error": "deleted_client"}, 400, "token.exchange_failed", "connector"),
    ("google", 403, HTML_403, 429, "api.rate_limit_error", "rate_limited"),
    ("google", 500, {"error": "internal_failure"}, 504, "api.provider_error", "provider_down"),
    ("google", 200, "no JSON at all", 504, "api.provider_error", "provider_down"),
    ("google", 302, "", 504, "api.provider_error", "provider_down"),
    ("microsoft", 400, entra_error("invalid_grant", 700082, "expired due to inactivity"), 400,
     "grant.refresh_token_invalid", "reconnect"),
    ("microsoft", 400, entra_error("invalid_grant", 50173, "revoked"), 400, "grant.refresh_token_invalid", "reconnect"),
    ("microsoft", 401, entra_error("invalid_client", 7000222, "client secret expired"), 400, "token.exchange_failed",
     "connector"),
    ("microsoft", 400, entra_error("unauthorized_client", 700016, "application not found"), 400,
     "token.exchange_failed", "connector"),
    ("microsoft", 400, entra_error("invalid_grant", 50196, "client loop"), 429, "api.rate_limit_error", "rate_limited"),
    ("microsoft", 429, "Too Many Requests", 429, "api.rate_limit_error", "rate_limited"),
    ("microsoft", 503, entra_error("temporarily_unavailable", 90033, "transient"), 504, "api.provider_error",
     "provider_down"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "status", "body", "ours", "type_", "kind"), REFUSALS)
def test_every_refusal_has_a_status_a_type_a_class_and_a_remedy_and_leaves_no_row(
    tenant: Tenant, provider: FakeOAuth, name: str, status: int, body: Any, ours: int, type_: str, kind: str
) -> None:
    provider.refuses(status, body)
    token = secret("refresh")
    answer = tenant.connect(name, {"refresh_token": token})
    assert problem(answer)[:2] == (ours, type_)
    said = answer.json()["error"]["provider_error"]
    assert said["opengrant"]["class"] == kind
    assert said["opengrant"]["remedy"]
    if isinstance(body, dict):
        assert said["error"] == body["error"]
    assert token not in answer.text
    assert (ours == 429) == ("retry-after" in answer.headers)
    assert tenant.grants() == 0
    assert tenant.events() == []


@pytest.mark.parametrize(
    "reply",
    [Reply(fault="reset"), Reply(fault="reset_early"), Reply(fault="close"), Reply(fault="garbage"),
     Reply(200, {"access_token": "x"}, cut=5), Reply(200, b" " * 2_000_000)],
    ids=["reset", "reset early", "closed", "garbage", "cut off", "endless"],
)  # fmt: skip
def test_a_provider_that_vanishes_is_unavailable_and_nobodys_fault(
    tenant: Tenant, provider: FakeOAuth, reply: Reply
) -> None:
    provider.answers("token", reply)
    answer = tenant.connect("google", {"refresh_token": secret()})
    assert problem(answer)[:2] == (504, "api.provider_error")
    assert tenant.grants() == 0


def test_no_database_connection_is_held_while_the_provider_thinks(tenant: Tenant, provider: FakeOAuth) -> None:
    """Invariant 3: more verifications than any pool has connections hang, and reads go on."""
    tokens = [secret("refresh") for _ in range(40)]
    for number, token in enumerate(tokens):
        provider.accepts(token, email=f"user{number}@example.com")
    with ThreadPoolExecutor(40) as pool:
        with provider.holding():
            answers = [pool.submit(tenant.connect, "google", {"refresh_token": token}) for token in tokens]
            provider.wait_for("token", 40)
            assert tenant.get("/v3/grants").status_code == 200
            assert tenant.post("/v3/connectors", {"provider": "imap"}).status_code == 201
        assert {answer.result().status_code for answer in answers} == {201}
    assert tenant.grants() == 40


def test_fifty_different_tokens_of_one_mailbox_make_one_grant(tenant: Tenant, provider: FakeOAuth) -> None:
    """Invariant 2."""
    tokens = [secret("refresh") for _ in range(50)]
    for token in tokens:
        provider.accepts(token, email="ana@example.com")
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda token: tenant.connect("google", {"refresh_token": token}), tokens))
    assert {answer.status_code for answer in answers} == {201}
    assert len({data(answer)["id"] for answer in answers}) == 1
    assert tenant.grants() == 1


def test_fifty_equal_requests_spend_a_single_use_token_once(tenant: Tenant, provider: FakeOAuth) -> None:
    token = secret("refresh")
    provider.accepts(token, email="bo@example.com", single_use=True)
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: tenant.connect("microsoft", {"refresh_token": token}), range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({data(answer)["id"] for answer in answers}) == 1


def test_a_slow_loser_does_not_overwrite_a_newer_credential(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    """Invariant 4: who asked later wins, whoever is written last."""
    old, new = secret("old"), secret("new")
    provider.accepts(old, email="ana@example.com", user={"name": "Old"})
    provider.accepts(new, email="ana@example.com", user={"name": "New"})
    provider.answers(
        "token", Reply(200, {"access_token": "slow", "expires_in": 60, "scope": "openid"}, delay=1.5), times=1
    )
    provider.answers("userinfo", Reply(200, {"sub": "1", "email": "ana@example.com", "email_verified": True}))
    slow: list[Any] = []
    thread = threading.Thread(target=lambda: slow.append(tenant.connect("google", {"refresh_token": old})))
    thread.start()
    provider.wait_for("token", 1)
    winner = data(tenant.connect("google", {"refresh_token": new}))
    thread.join()
    assert data(slow[0])["id"] == winner["id"]
    assert live_secret(server, tenant, winner["id"])["refresh_token"] == new


def test_a_deletion_during_a_verification_is_not_undone(tenant: Tenant, provider: FakeOAuth) -> None:
    """Invariant 4: the verification makes a grant of its own, under a new id."""
    token = secret("refresh")
    provider.accepts(token, email="ana@example.com")
    first = data(tenant.connect("google", {"refresh_token": token}))
    with ThreadPoolExecutor(1) as pool:
        with provider.holding():
            again = pool.submit(tenant.connect, "google", {"refresh_token": token})
            provider.wait_for("token", 2)
            assert tenant.delete(f"/v3/grants/{first['id']}").status_code == 200
        assert data(again.result())["id"] != first["id"]
    assert tenant.get(f"/v3/grants/{first['id']}").status_code == 404


def test_what_is_stored_is_the_rotated_token(tenant: Tenant, provider: FakeOAuth, server: LiveServer) -> None:
    token = secret("refresh")
    provider.accepts(token, email="bo@example.com", single_use=True)
    made = data(tenant.connect("microsoft", {"refresh_token": token}))
    stored = live_secret(server, tenant, made["id"])["refresh_token"]
    assert stored != token
    assert stored in provider.accounts


def test_a_rotated_token_survives_a_failure_behind_it(tenant: Tenant, provider: FakeOAuth) -> None:
    """The provider has spent the caller's token when Graph fails; the same request sent again goes on from there."""
    token = secret("refresh")
    provider.accepts(token, email="bo@example.com", single_use=True, id_token=False)
    provider.answers("me", Reply(503, {"error": {"code": "serviceNotAvailable", "message": "later"}}), times=1)
    assert problem(tenant.connect("microsoft", {"refresh_token": token}))[:2] == (504, "api.provider_error")
    assert tenant.grants() == 0
    answer = tenant.connect("microsoft", {"refresh_token": token})
    assert answer.status_code == 201, answer.text


def test_a_request_that_is_repeated_after_its_success_finds_the_grant(tenant: Tenant, provider: FakeOAuth) -> None:
    """The first answer may have been lost on its way; the caller holds a spent token and cannot know."""
    token = secret("refresh")
    provider.accepts(token, email="bo@example.com", single_use=True)
    first = data(tenant.connect("microsoft", {"refresh_token": token}))
    for _ in range(3):
        assert data(tenant.connect("microsoft", {"refresh_token": token}))["id"] == first["id"]


def test_another_applications_spent_token_is_nobodys_key(tenant: Tenant, stranger: Tenant, provider: FakeOAuth) -> None:
    token = secret("refresh")
    provider.accepts(token, email="bo@example.com", single_use=True)
    tenant.connect("microsoft", {"refresh_token": token})
    stranger.connector("microsoft")
    assert problem(stranger.connect("microsoft", {"refresh_token": token}))[1] == "grant.refresh_token_invalid"


def test_new_credentials_by_patch_must_be_of_the_same_mailbox(tenant: Tenant, provider: FakeOAuth) -> None:
    token, good, other = secret("refresh"), secret("good"), secret("other")
    provider.accepts(token, email="ana@example.com")
    provider.accepts(good, email="ana@example.com")
    provider.accepts(other, email="eva@example.com")
    made = data(tenant.connect("google", {"refresh_token": token}))
    path = f"/v3/grants/{made['id']}"
    refused = problem(tenant.patch(path, {"settings": {"refresh_token": other}}))
    assert refused[:2] == (400, "grant.reauth_email_invalid")
    assert (
        problem(tenant.patch(path, {"settings": {"refresh_token": secret("dead")}}))[1] == "grant.refresh_token_invalid"
    )
    assert problem(tenant.patch(path, {"settings": {}}))[1] == "api.invalid_request_error"
    assert data(tenant.get(path)) == made
    changed = data(tenant.patch(path, {"settings": {"refresh_token": good}, "name": "Ana B."}))
    assert (changed["id"], changed["name"]) == (made["id"], "Ana B.")
    type_, payload = tenant.events()[-1]
    assert (type_, json.loads(payload)["reauthentication_flag"]) == ("grant.updated", False)


def test_a_new_client_secret_is_used_at_once(tenant: Tenant, provider: FakeOAuth) -> None:
    fresh, token = secret("client"), secret("refresh")
    provider.accepts(token, email="ana@example.com")
    tenant.patch("/v3/connectors/google", {"settings": {"client_secret": fresh}})
    tenant.connect("google", {"refresh_token": token})
    assert provider.requests[-1].form["client_secret"] == fresh
    assert provider.requests[-1].form["client_id"] == "client"


def test_the_tenant_of_the_connector_is_asked(tenant: Tenant, provider: FakeOAuth) -> None:
    token = secret("refresh")
    provider.accepts(token, email="bo@example.com")
    tenant.patch("/v3/connectors/microsoft", {"settings": {"tenant": "contoso.example"}})
    tenant.connect("microsoft", {"refresh_token": token})
    assert any("/contoso.example/" in seen.path for seen in provider.requests)


def test_an_application_may_identify_grants_by_the_providers_account(server: LiveServer, provider: FakeOAuth) -> None:
    tenant = server.tenant(identity="subject")
    with tenant.http:
        tenant.connector("google")
        before, after, usurper = secret("before"), secret("after"), secret("usurper")
        provider.accepts(before, email="ana@example.com", subject="1")
        provider.accepts(after, email="ana.married@example.com", subject="1")
        provider.accepts(usurper, email="ana.married@example.com", subject="2")
        first = data(tenant.connect("google", {"refresh_token": before}))
        renamed = data(tenant.connect("google", {"refresh_token": after}))
        assert (renamed["id"], renamed["email"]) == (first["id"], "ana.married@example.com")
        status, _, message = problem(tenant.connect("google", {"refresh_token": usurper}))
        assert status == 400
        assert "another google account" in message


def test_by_default_a_changed_account_behind_an_address_is_said_in_the_event(
    tenant: Tenant, provider: FakeOAuth
) -> None:
    for subject in ("1", "2"):
        token = secret("refresh")
        provider.accepts(token, email="ana@example.com", subject=subject)
        tenant.connect("google", {"refresh_token": token})
    assert json.loads(tenant.events()[-1][1])["subject_changed"] is True


def test_the_bound_on_verifications_is_a_clear_503(provider: FakeOAuth, log_stream: BytesIO, tmp_path: Path) -> None:
    """Counted in the process, so SQLite alone shows it."""
    env = {**provider.settings(), "OPENGRANT_OUTBOUND__MAX_VERIFICATIONS": "1"}
    with LiveServer(env, tmp_path, log_stream) as small:
        tenant = small.tenant()
        tenant.connector("google")
        first, second = secret("first"), secret("second")
        for token in (first, second):
            provider.accepts(token, email="ana@example.com")
        with ThreadPoolExecutor(1) as pool:
            with provider.holding():
                waiting = pool.submit(tenant.connect, "google", {"refresh_token": first})
                provider.wait_for("token", 1)
                answer = tenant.connect("google", {"refresh_token": second})
                assert problem(answer)[:2] == (503, "service_unavailable")
                assert answer.headers["retry-after"] == "1"
            assert waiting.result().status_code == 201
        tenant.http.close()


@pytest.mark.parametrize("lost_lease", [False, True], ids=["replayed", "its lease ran out"])
@pytest.mark.parametrize("known", [False, True], ids=["a new mailbox", "a grant's"])
def test_a_rotated_token_waits_on_disk_while_the_database_is_away(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer, monkeypatch: pytest.MonkeyPatch, *, known: bool,
    lost_lease: bool,
) -> None:  # fmt: skip
    """As docs/providers/zoom.md promises: the same token again goes on with its successor."""
    monkeypatch.setattr(spool, "_WRITES_AGAIN", (0.0,))
    tenant.connector("zoom")
    token, scope = secret("refresh"), "user:read:user"
    provider.accepts(token, email="hal@example.com", scope=scope)
    if known:
        tenant.connect("zoom", {"refresh_token": token})
    connect = server.services.connect
    ask = connecting(ProviderName.ZOOM, {"refresh_token": SecretStr(token)})
    away = Away(connect.db, after=Lease, times=2 if known else 1)
    with pytest.raises(StoreUnavailable):
        server.call(on_store(connect, away).custom(tenant.application, ask))
    held = "select 1 from leases where application_id = $1"
    assert server.rows(held, tenant.application.id)
    if lost_lease:
        server.rows("update leases set until = 1 where application_id = $1", tenant.application.id)
    else:
        server.call(replay(server.services).run())
        assert not server.rows(held, tenant.application.id)
    asked = provider.count("token")
    answer = tenant.connect("zoom", {"refresh_token": token})
    assert answer.status_code == 201, answer.text
    assert provider.count("token") == asked + 1
    server.call(replay(server.services).run())  # nothing is left to be done, and doing it twice harms nothing
    assert not server.rows(held, tenant.application.id)
    assert tenant.connect("zoom", {"refresh_token": token}).status_code == 201


def test_what_is_stored_counts_although_the_lease_cannot_be_given_back(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    tenant.connector("zoom")
    token = secret("refresh")
    provider.accepts(token, email="hal@example.com", scope="user:read:user")
    connect = server.services.connect
    ask = connecting(ProviderName.ZOOM, {"refresh_token": SecretStr(token)})
    grant = server.call(on_store(connect, Away(connect.db, after=Grant)).custom(tenant.application, ask))
    assert data(tenant.get(f"/v3/grants/{grant.id}"))["grant_status"] == "valid"


def test_a_token_whose_successor_may_be_lost_is_called_so_each_time_that_it_is_sent_again(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    tenant.connector("zoom")
    token, leases = secret("refresh"), "select 1 from leases where application_id = $1"
    provider.answers("token", Reply(fault="reset"), times=1)
    answers = [tenant.connect("zoom", {"refresh_token": token}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [504, 400, 400]
    for answer in answers[1:]:
        told = answer.json()["error"]["provider_error"]["opengrant"]
        assert (told["class"], told["reason"]) == ("reconnect", "rotation_lost")
    assert len(server.rows(leases, tenant.application.id)) == 1
    rotated = server.services.rotated_tokens
    server.call(rotated.forget_old(tenant.application, older_than=timedelta(hours=1)))
    assert len(server.rows(leases, tenant.application.id)) == 1
    server.call(rotated.forget_old(tenant.application, older_than=timedelta(seconds=-1)))
    assert server.rows(leases, tenant.application.id) == []
