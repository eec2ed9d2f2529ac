"""PATCH /v3/grants/{grant_id}: credentials, a name, an external id, a workspace; and what may happen meanwhile."""

import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest

from opengrant.errors import InvalidRequest
from opengrant.grants.manage import GrantChange
from opengrant.model import ProviderName
from opengrant.store import secrets
from opengrant.vault import Owner
from tests.api.conftest import ALICE, Ask
from tests.fakes.ews import PASSWORD as EWS_PASSWORD
from tests.fakes.oauth import FakeOAuth
from tests.logins import connecting
from tests.peers.dovecot import ACCOUNTS, ELSEWHERE
from tests.support import Interrupted, LiveServer, Tenant, data, on_store, problem, secret


@pytest.fixture(scope="module")
def server(every_provider: LiveServer) -> LiveServer:
    return every_provider


def made(tenant: Tenant, body: dict[str, Any]) -> dict[str, Any]:
    answer = tenant.post("/v3/connect/custom", body)
    assert answer.status_code == 201, answer.text
    return dict(data(answer))


def patched(tenant: Tenant, grant: dict[str, Any], **body: Any) -> httpx.Response:
    return tenant.patch(f"/v3/grants/{grant['id']}", body)


def room(tenant: Tenant, name: str, **more: Any) -> dict[str, Any]:
    if tenant.get("/v3/connectors/virtual-calendar").status_code == 404:
        tenant.connector("virtual-calendar")
    return dict(data(tenant.connect("virtual-calendar", {"email": name}, **more)))


def clients(provider: FakeOAuth) -> list[str]:
    """Who asked the token endpoint."""
    return [seen.form.get("client_id", "") for seen in provider.requests if seen.endpoint == "token"]


# ── Which client proves them ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("provider_name", ["google", "microsoft"])
def test_the_client_that_new_settings_name_is_the_one_that_is_asked_with(
    tenant: Tenant, provider: FakeOAuth, ask: Ask, provider_name: str
) -> None:
    body = ask(f"{provider_name} override")
    grant = made(tenant, body)
    changed = data(patched(tenant, grant, settings=body["settings"]))
    assert (changed["id"], changed["credential_id"]) == (grant["id"], body["settings"]["credential_id"])
    assert clients(provider) == ["other", "other"]
    nonsense = body["settings"] | {"credential_id": "nonsense"}
    status, type_, message = problem(patched(tenant, grant, settings=nonsense))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert "credential_id" in message
    assert len(clients(provider)) == 2


def test_a_new_token_alone_is_asked_about_with_the_client_that_the_grant_has(
    tenant: Tenant, provider: FakeOAuth, ask: Ask
) -> None:
    overridden = ask("google override")
    grant, fresh = made(tenant, overridden), ask("google refresh")["settings"]
    changed = data(patched(tenant, grant, settings=fresh))
    assert changed["credential_id"] == overridden["settings"]["credential_id"]
    assert clients(provider) == ["other", "other"]
    # One that is gone can prove nothing: the connector's active client is asked with, as when connecting.
    tenant.delete(f"/v3/connectors/google/creds/{changed['credential_id']}")
    changed = data(patched(tenant, grant, settings=fresh))
    assert changed["credential_id"] == data(tenant.get("/v3/connectors/google"))["active_credential_id"]
    assert (changed["grant_status"], clients(provider)[-1]) == ("valid", "client")


@pytest.mark.parametrize("variant", ["google bulk", "microsoft bulk"])
def test_a_mailbox_of_an_organisation_is_proven_by_the_credential_that_is_named(
    tenant: Tenant, ask: Ask, variant: str
) -> None:
    body = ask(variant)
    grant = made(tenant, body)
    settings = body["settings"]
    for _ in range(2):
        answer = patched(tenant, grant, settings=settings)
        assert answer.status_code == 200, answer.text
        assert data(answer) == grant | {
            "credential_id": settings["credential_id"],
            "updated_at": data(answer)["updated_at"],
            "opengrant": data(answer)["opengrant"],
        }
        settings = ask(variant)["settings"]  # another credential of the same kind


def test_scopes_among_the_settings_are_the_scope(tenant: Tenant, provider: FakeOAuth, ask: Ask) -> None:
    body = ask("google bulk")
    grant = made(tenant, body)
    wanted = ["https://www.googleapis.com/auth/calendar.readonly"]
    file = provider.delegates(scope=" ".join([*wanted, *body["settings"]["scopes"]]), domain="contoso.test")
    credential = {"name": "wider", "credential_type": "serviceaccount", "credential_data": file}
    other = data(tenant.post("/v3/connectors/google/creds", credential))["id"]
    settings = body["settings"] | {"credential_id": other, "scopes": wanted}
    assert data(patched(tenant, grant, settings=settings))["scope"] == wanted
    left_out = {"email_address": "di@contoso.test", "credential_id": other}
    assert data(patched(tenant, grant, settings=left_out))["scope"] == wanted


# ── What is not sent comes from the grant ────────────────────────────────────────────────────────────────────


def held_secret(server: LiveServer, tenant: Tenant, grant: dict[str, Any]) -> dict[str, Any]:
    owner = Owner(tenant.application.id, "grant", grant["id"], "live")
    sealed = server.call(server.services.db.read(secrets.find(owner.application_id, owner.kind, owner.id, "live")))
    return dict(json.loads(server.services.rotated_tokens.vault.open(sealed, owner)))


ALONE = [
    # variant, what is sent
    ("imap", {"imap_password": ACCOUNTS[ALICE]}),
    ("imap", {"smtp_password": ACCOUNTS[ALICE]}),
    ("imap", {"imap_host": ELSEWHERE.upper(), "smtp_host": " "}),
    ("imap", {"type": "generic", "imap_password": None}),
    ("icloud", {"password": ACCOUNTS[ALICE]}),
    ("ews", {"ews_password": EWS_PASSWORD}),
    ("ews", {"ews_host": "LOCALHOST"}),
    ("nylas", {"app_password": "Another-passw0rd-x"}),
    ("google bulk", {"scopes": ["https://www.googleapis.com/auth/calendar"]}),
    ("microsoft bulk", {"email_address": "cy@contoso.test"}),
]


@pytest.mark.parametrize(("variant", "sent"), ALONE)
def test_one_changed_member_is_enough(
    tenant: Tenant, server: LiveServer, ask: Ask, variant: str, sent: dict[str, Any]
) -> None:
    grant = made(tenant, ask(variant))
    before = held_secret(server, tenant, grant)
    answer = patched(tenant, grant, settings=sent)
    assert answer.status_code == 200, answer.text
    shown = {**grant["settings"], **{name: value for name, value in sent.items() if name == "type"}}
    assert {name: str(value).lower() for name, value in data(answer)["settings"].items()} == {
        name: str(value).lower() for name, value in shown.items()
    }
    after = held_secret(server, tenant, grant)
    if "bulk" not in variant and variant != "nylas":
        assert after == before, "the same passwords are proven again"
    elif variant == "nylas":
        assert after != before


def test_a_new_password_serves_the_outgoing_server_where_the_old_one_did(
    tenant: Tenant, server: LiveServer, ask: Ask
) -> None:
    grant = made(tenant, ask("imap"))
    refused = problem(patched(tenant, grant, settings={"imap_password": secret("wrong")}))
    assert refused[:2] == (400, "grant.invalid_authentication")
    assert data(tenant.get(f"/v3/grants/{grant['id']}")) == grant
    # One that differs stays, though the other is new.
    wrong = secret("old")
    kept = held_secret(server, tenant, grant) | {"smtp_password": wrong}
    owner = Owner(tenant.application.id, "grant", grant["id"], "live")
    sealed = server.services.rotated_tokens.vault.seal(json.dumps(kept).encode(), owner)
    sql = "update secrets set sealed = $2 where owner_kind = 'grant' and owner_id = $1"
    server.rows(sql, grant["id"], sealed.data)
    refused = problem(patched(tenant, grant, settings={"imap_password": ACCOUNTS[ALICE]}))
    assert "SMTP" in refused[2]
    elsewhere = {"imap_password": ACCOUNTS[ALICE], "smtp_host": "localhost"}
    assert problem(patched(tenant, grant, settings=elsewhere))[0] == 403


def test_a_stored_password_goes_to_another_server_only_for_those_who_may_read_it(
    tenant: Tenant, server: LiveServer, ask: Ask
) -> None:
    grant = made(tenant, ask("imap"))
    moved = {"imap_host": "localhost", "smtp_host": "localhost"}
    status, type_, message = problem(patched(tenant, grant, settings=moved))
    assert (status, type_) == (403, "grant.access_denied")
    assert "grants.token" in message
    answer = patched(tenant, grant, settings=moved | {"imap_password": ACCOUNTS[ALICE]})
    assert data(answer)["settings"]["imap_host"] == "localhost"
    api_keys = server.services.api_keys
    may = ("all", "grants.token")
    key = server.call(api_keys.create(tenant.application, "reader", lifetime=None, permissions=may))
    with server.client(key.secret.get_secret_value()) as reader:
        answer = reader.patch(f"/v3/grants/{grant['id']}", json={"settings": {"imap_host": ELSEWHERE}})
    assert data(answer)["settings"]["imap_host"] == ELSEWHERE


def test_a_virtual_calendar_is_still_named(tenant: Tenant) -> None:
    grant = room(tenant, "Room 7 ")
    assert problem(patched(tenant, grant, settings={}))[0] == 400
    assert problem(patched(tenant, grant, settings={"email": "Room 7"}))[0] == 400
    assert data(patched(tenant, grant, settings={"email": "Room 7 "}))["id"] == grant["id"]


# ── What else is changed, and what stays ─────────────────────────────────────────────────────────────────────


def test_a_name_that_was_chosen_stays_when_only_the_credential_is_new(
    tenant: Tenant, provider: FakeOAuth, ask: Ask
) -> None:
    grant = made(tenant, {**ask("google refresh"), "name": "Chosen"})
    fresh = ask("google refresh")["settings"]
    assert made(tenant, ask("google refresh"))["name"] == "Chosen", "the profile says Google"
    assert data(patched(tenant, grant, settings=fresh))["name"] == "Chosen"
    assert data(patched(tenant, grant, settings=fresh, name="Another"))["name"] == "Another"
    assert made(tenant, ask("google refresh"))["name"] == "Another"


def test_a_name_of_the_profile_follows_it_until_the_caller_gives_one(
    tenant: Tenant, provider: FakeOAuth, ask: Ask
) -> None:
    grant = made(tenant, ask("google refresh"))

    def renamed(name: str) -> dict[str, Any]:
        token = secret("refresh")
        provider.accepts(token, email="google@example.com", name=name)
        return made(tenant, {"provider": "google", "settings": {"refresh_token": token}})

    assert (grant["name"], renamed("Ana B.")["name"]) == ("Google", "Ana B.")
    assert data(patched(tenant, grant, name="Mine"))["name"] == "Mine"
    assert renamed("Ana C.")["name"] == "Mine"


@pytest.mark.parametrize("variant", ["nylas", "virtual-calendar", "google refresh"])
def test_a_grant_is_moved_to_a_workspace_alone_or_along_with_the_rest(
    tenant: Tenant, stranger: Tenant, ask: Ask, variant: str
) -> None:
    body = ask(variant)
    grant = made(tenant, body)
    first, second = (data(tenant.post("/v3/workspaces", {"name": name}))["workspace_id"] for name in "ab")
    assert data(patched(tenant, grant, workspace_id=first)) == grant | {"workspace_id": first}
    type_, payload = tenant.events()[-1]
    assert (type_, json.loads(payload)["reauthentication_flag"]) == ("grant.updated", False)
    assert data(patched(tenant, grant, name="Moved"))["workspace_id"] == first
    assert data(patched(tenant, grant, settings=body["settings"]))["workspace_id"] == first
    moved = data(patched(tenant, grant, settings=body["settings"], workspace_id=second))
    assert moved["workspace_id"] == data(tenant.get(f"/v3/grants/{grant['id']}"))["workspace_id"] == second
    assert moved["name"] == "Moved"
    changed = [entry["detail"]["changed"] for entry in data(tenant.get("/v3/audit?type=grant.updated"))][::-1]
    assert [("workspace_id" in names) for names in changed] == [True, False, False, True]
    theirs = data(stranger.post("/v3/workspaces", {"name": "theirs"}))["workspace_id"]
    for unknown in (theirs, str(uuid.uuid4())):
        for more in ({}, {"settings": body["settings"]}):
            status, type_, message = problem(patched(tenant, grant, workspace_id=unknown, **more))
            assert (status, type_) == (400, "api.invalid_request_error")
            assert "workspace_id" in message


# ── What happens meanwhile ───────────────────────────────────────────────────────────────────────────────────


def at_once(
    server: LiveServer, provider: FakeOAuth, first: Callable[[], httpx.Response], second: Callable[[], httpx.Response]
) -> tuple[httpx.Response, httpx.Response]:
    """Both answers, where the second came while the provider thought about the first."""
    before = provider.count("token")
    with ThreadPoolExecutor(2) as pool:
        with provider.holding():
            begun = pool.submit(first)
            provider.wait_for("token", before + 1)
            waiting = pool.submit(second)
            while server.services.connect.limit.under_way < 2 and not waiting.done():
                time.sleep(0.01)
            with server.client(None) as http:  # by its answer, the second has looked for a flight to share
                assert http.get("/readyz").status_code == 200
        return begun.result(), waiting.result()


@pytest.mark.parametrize("patch_first", [True, False])
@pytest.mark.parametrize("name", ["google", "zoom"])
def test_requests_with_one_token_and_different_purposes_have_answers_of_their_own(
    tenant: Tenant, server: LiveServer, provider: FakeOAuth, ask: Ask, name: str, *, patch_first: bool
) -> None:
    mine, body = made(tenant, ask(f"{name} refresh")), ask(f"{name} refresh")
    token, scope = secret("other"), provider.accounts[body["settings"]["refresh_token"]].scope
    provider.accepts(token, email="other@example.com", scope=scope)
    other = made(tenant, {"provider": name, "settings": {"refresh_token": token}})

    def connect() -> httpx.Response:
        return tenant.post("/v3/connect/custom", body)

    def patch(grant: dict[str, Any], **more: Any) -> httpx.Response:
        return patched(tenant, grant, settings=body["settings"], **more)

    def both(patch: Callable[[], httpx.Response]) -> tuple[httpx.Response, httpx.Response]:
        """The answer to the PATCH and to the POST."""
        if patch_first:
            return at_once(server, provider, patch, connect)
        connected, changed = at_once(server, provider, connect, patch)
        return changed, connected

    refused, connected = both(lambda: patch(other))
    assert problem(refused)[:2] == (400, "grant.reauth_email_invalid")
    assert (connected.status_code, data(connected)["id"]) == (201, mine["id"])
    body = ask(f"{name} refresh")
    named, connected = both(lambda: patch(mine, name="Chosen"))
    assert (data(named)["id"], data(named)["name"]) == (mine["id"], "Chosen")
    assert data(connected)["id"] == mine["id"]
    server.rows("update grants set proven_at = 0, due_at = 0 where id = $1", mine["id"])
    checked = server.call(server.services.refresh.checks.check(tenant.application, mine["id"]))
    assert (checked.status, checked.trouble) == ("valid", None)


@pytest.mark.parametrize("how", ["connect", "connect again", "patch"])
@pytest.mark.parametrize("variant", ["microsoft override", "google bulk"])
def test_a_credential_that_is_deleted_during_the_verification_makes_no_grant(
    tenant: Tenant, provider: FakeOAuth, ask: Ask, variant: str, how: str
) -> None:
    body = ask(variant)
    grant = {} if how == "connect" else made(tenant, body)
    before = provider.count("token")
    with ThreadPoolExecutor(1) as pool:
        with provider.holding():
            if how == "patch":
                asked = pool.submit(patched, tenant, grant, settings=body["settings"])
            else:
                asked = pool.submit(tenant.post, "/v3/connect/custom", body)
            provider.wait_for("token", before + 1)
            path = f"/v3/connectors/{body['provider']}/creds/{body['settings']['credential_id']}"
            assert tenant.delete(path).status_code == 200
        status, type_, message = problem(asked.result())
    assert (status, type_) == (400, "api.invalid_request_error")
    assert "deleted" in message
    assert not data(tenant.get("/v3/grants?grant_status=valid"))
    told = [] if how == "connect" else ["grant.created", "grant.expired"]
    assert [type_ for type_, _ in tenant.events()] == told


@pytest.mark.parametrize("how", ["new", "connected again", "with settings", "alone"])
def test_an_external_id_that_another_grant_takes_meanwhile_is_refused(
    tenant: Tenant, server: LiveServer, how: str
) -> None:
    mine, app = room(tenant, "room-1"), tenant.application

    def take() -> None:
        assert room(tenant, "room-2", external_id="crm/42")["email"] == "room-2"

    connect = server.services.connect
    interrupted = on_store(connect, Interrupted(connect.db, take))
    grant = server.call(server.services.grants.get(app, mine["id"]))
    settings = {"email": "room-3" if how == "new" else "room-1"}
    ask = connecting(ProviderName.VIRTUAL_CALENDAR, settings, external_id="crm/42")
    match how:
        case "with settings":
            asked = interrupted.renew(app, grant, ask)
        case "alone":
            records = server.services.grants
            asked = replace(records, db=Interrupted(records.db, take)).change(
                app, grant, GrantChange(external_id="crm/42")
            )
        case _:
            asked = interrupted.custom(app, ask)
    with pytest.raises(InvalidRequest, match="external_id"):
        server.call(asked)
    assert data(tenant.get("/v3/grants/external:crm%2F42"))["email"] == "room-2"
    assert data(tenant.get(f"/v3/grants/{mine['id']}")) == mine
    assert tenant.grants() == 2
