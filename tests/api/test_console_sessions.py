"""/v3/console/sessions: who is signed in to the console, and what that is good for."""

import re
import uuid
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from opengrant.access.console_sessions import MOST
from opengrant.jobs.sweep import sweep
from opengrant.model import SECOND
from tests.api.console import CURRENT, PAGE, SESSIONS, Browser, link_of, set_cookie, sign_in, with_key, with_link
from tests.api.signed import account
from tests.support import LiveServer, Tenant, data, problem, secret

HOUR, MINUTE = 3600, 60
UNAUTHORIZED = (401, "token.unauthorized_access")
DENIED = (403, "grant.access_denied")


def keys(tenant: Tenant) -> str:
    return f"/v3/admin/applications/{tenant.application.id}/api-keys"


def make_key(tenant: Tenant, *permissions: str, lifetime: timedelta | None = None) -> tuple[str, str]:
    """(id, secret)"""
    api_keys = tenant.server.services.api_keys
    made = tenant.server.call(
        api_keys.create(tenant.application, "other", lifetime=lifetime, permissions=permissions or ("all",))
    )
    return made.key.id, made.secret.get_secret_value()


def age(tenant: Tenant, column: str, seconds: int) -> None:
    """Let all the application's sessions have been used, or begun, that much earlier."""
    columns = {"used_at": ("used_at",), "created_at": ("created_at", "expires_at")}[column]
    for name in columns:
        sql = f"update console_sessions set {name} = {name} - $2 where application_id = $1 returning id"
        assert tenant.server.rows(sql, tenant.application.id, seconds * SECOND)


def rows(tenant: Tenant, table: str = "console_sessions") -> int:
    return int(
        tenant.server.rows(f"select count(*) from {table} where application_id = $1", tenant.application.id)[0][0]
    )


def trail(tenant: Tenant) -> list[dict[str, Any]]:
    """What happened to sessions, oldest first."""
    found = data(tenant.get("/v3/audit", params={"limit": 200}))
    return [entry for entry in reversed(found) if entry["type"].startswith("console_")]


# ── Signing in ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_api_key_begins_a_session_that_may_do_what_the_key_may(tenant: Tenant) -> None:
    answer = sign_in(tenant.server, {"api_key": tenant.api_key})
    session = data(answer)
    assert answer.status_code == 201
    assert uuid.UUID(session.pop("id"))
    assert session.pop("expires_at") - session.pop("created_at") == 8 * HOUR
    assert session.pop("used_at")
    assert session.pop("api_key_id")
    assert session == {
        "kind": "api_key",
        "application_id": tenant.application.id,
        "application_name": "test",
        "permissions": ["all"],
        "operator": False,
        "idle_seconds": 30 * MINUTE,
    }
    browser = Browser(tenant.server, set_cookie(answer).value, data(answer))
    assert data(browser.get(CURRENT)) == data(answer)
    made = browser.ask("POST", "/v3/connectors", {"provider": "virtual-calendar"})
    assert made.status_code == 201
    assert data(tenant.get("/v3/connectors/virtual-calendar")) == data(made)


def test_a_link_begins_an_operators_session_and_no_second_one(tenant: Tenant) -> None:
    code = link_of(tenant.server, tenant.application)
    answer = sign_in(tenant.server, {"link": code})
    session = data(answer)
    assert (session["kind"], session["operator"], session["permissions"]) == ("link", True, ["all"])
    assert session["application_id"] == tenant.application.id
    assert "api_key_id" not in session
    assert problem(sign_in(tenant.server, {"link": code}))[:2] == UNAUTHORIZED
    assert data(Browser(tenant.server, set_cookie(answer).value, session).get("/v3/connectors")) == []


def test_a_link_is_good_for_five_minutes(tenant: Tenant) -> None:
    code = link_of(tenant.server, tenant.application)
    sql = "select expires_at - created_at from console_links where application_id = $1"
    assert tenant.server.rows(sql, tenant.application.id)[0][0] == 5 * MINUTE * SECOND
    sql = "update console_links set expires_at = created_at where application_id = $1 returning id"
    tenant.server.rows(sql, tenant.application.id)
    late = problem(sign_in(tenant.server, {"link": code}))
    assert late == problem(sign_in(tenant.server, {"link": "x" * 43}))
    assert late[:2] == UNAUTHORIZED


def test_no_key_that_is_not_good_begins_a_session_and_all_are_refused_in_the_same_words(tenant: Tenant) -> None:
    expired_id, expired = make_key(tenant, lifetime=timedelta(days=1))
    tenant.server.rows("update api_keys set expires_at = created_at where id = $1 returning id", expired_id)
    revoked_id, revoked = make_key(tenant)
    tenant.server.call(tenant.server.services.api_keys.revoke(revoked_id))
    answers = [sign_in(tenant.server, {"api_key": key}) for key in (secret("key"), expired, revoked, "oga_x.y", "\n")]
    assert {problem(answer) for answer in answers} == {(*UNAUTHORIZED, problem(answers[0])[2])}
    assert not any("set-cookie" in answer.headers for answer in answers)
    assert rows(tenant) == 0


def test_an_access_token_begins_no_session(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    grant = data(tenant.connect("virtual-calendar", {"email": "room-7"}))
    body = {"grant_type": "client_credentials", "grant_id": grant["id"], "client_id": tenant.application.id}
    token = tenant.post("/v3/connect/token", {**body, "client_secret": tenant.api_key}).json()["access_token"]
    assert problem(sign_in(tenant.server, {"api_key": token}))[:2] == UNAUTHORIZED


@pytest.mark.parametrize("body", [{}, {"api_key": "k", "link": "l"}, {"api_key": ""}, {"link": 1}])
def test_exactly_one_way_to_sign_in_is_named(server: LiveServer, body: dict[str, object]) -> None:
    assert problem(sign_in(server, body))[:2] == (400, "api.invalid_request_error")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-OpenGrant-Console": "0"},
        {**PAGE, "Sec-Fetch-Site": "cross-site"},
        {**PAGE, "Sec-Fetch-Site": "same-site"},
    ],
)
def test_no_page_of_another_site_can_sign_anybody_in(tenant: Tenant, headers: dict[str, str]) -> None:
    code = link_of(tenant.server, tenant.application)
    for body in ({"api_key": tenant.api_key}, {"link": code}):
        answer = sign_in(tenant.server, body, headers)
        assert problem(answer)[:2] == DENIED
        assert "set-cookie" not in answer.headers
    assert sign_in(tenant.server, {"link": code}).status_code == 201


def test_the_cookie_is_for_our_own_pages_alone_and_no_script_can_read_it(tenant: Tenant) -> None:
    cookie = set_cookie(sign_in(tenant.server, {"api_key": tenant.api_key}))
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", cookie.value)
    assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/v3", "Strict", True)
    assert (cookie["max-age"], cookie["secure"], cookie["domain"]) == (str(8 * HOUR), "", "")


def test_the_cookie_is_secure_where_we_are_reached_by_https(tmp_path: Path, log_stream: BytesIO) -> None:
    with LiveServer({"OPENGRANT_PUBLIC_URL": "https://grants.example.com/"}, tmp_path, log_stream) as server:
        browser = with_key(tenant := server.tenant())
        assert set_cookie(sign_in(server, {"api_key": tenant.api_key}))["secure"] is True
        assert set_cookie(browser.ask("DELETE", CURRENT))["secure"] is True
        tenant.http.close()


# ── What a session is good for ───────────────────────────────────────────────────────────────────────────────


def test_without_the_header_the_cookie_counts_for_nothing(tenant: Tenant) -> None:
    browser = with_key(tenant)
    assert browser.get("/v3/grants").status_code == 200
    assert browser.get("/v3/grants", Sec_Fetch_Site=None).status_code == 200
    assert browser.get("/v3/grants", Sec_Fetch_Site="none").status_code == 200
    for wrong in (
        {"X_OpenGrant_Console": None},
        {"X_OpenGrant_Console": "true"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Cookie": None},
        {"Cookie": "opengrant_console="},
        {"Cookie": f"opengrant_console={browser.cookie}x"},
        {"Cookie": f"opengrant_console={browser.cookie}; opengrant_console={'x' * 43}"},
        {"Cookie": f"opengrant_browser={browser.cookie}"},
        {"Cookie": f"opengrant_console={'x' * 5000}"},
    ):
        for path in ("/v3/grants", CURRENT):
            assert problem(browser.get(path, **wrong))[:2] == UNAUTHORIZED, wrong


def test_a_preflight_for_the_header_is_never_granted(tenant: Tenant) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    with tenant.server.client(None) as http:
        for path in ("/v3/grants", SESSIONS, "/v3/connect/token"):
            answer = http.options(path, headers={**asked, "Access-Control-Request-Headers": "x-opengrant-console"})
            assert "x-opengrant-console" not in answer.headers.get("access-control-allow-headers", "").lower()
            assert "access-control-allow-credentials" not in answer.headers


def test_an_authorization_header_wins_over_the_cookie(tenant: Tenant, stranger: Tenant) -> None:
    tenant.connector("virtual-calendar")
    browser = with_key(tenant)
    assert len(data(browser.get("/v3/connectors"))) == 1
    assert data(browser.get("/v3/connectors", Authorization=f"Bearer {stranger.api_key}")) == []
    for bad in ("Bearer nope", "Basic x"):
        assert problem(browser.get("/v3/connectors", Authorization=bad))[:2] == UNAUTHORIZED
    assert problem(browser.get(CURRENT, Authorization=f"Bearer {tenant.api_key}"))[:2] == UNAUTHORIZED


def test_a_session_has_no_permission_that_its_key_lacks(tenant: Tenant) -> None:
    _, reader = make_key(tenant, "grants.token")
    _, both = make_key(tenant, "all", "grants.token")
    tenant.connector("virtual-calendar")
    grant = data(tenant.connect("virtual-calendar", {"email": "room-7"}))
    token = f"/v3/grants/{grant['id']}/token"
    status, type_, message = problem(with_key(tenant, reader).get("/v3/grants"))
    assert (status, type_) == DENIED
    assert "--permission all" in message
    assert data(with_key(tenant, reader).get(CURRENT))["permissions"] == ["grants.token"]
    assert problem(with_key(tenant).ask("POST", token))[:2] == DENIED
    status, type_, message = problem(with_link(tenant).ask("POST", token))
    assert (status, type_) == DENIED
    assert "A session by link lacks the permission grants.token" in message
    # A virtual calendar has no token; that it is asked for one shows that the permission was there.
    assert problem(with_key(tenant, both).ask("POST", token))[0] == 400


def test_a_session_ends_at_once_with_its_key(tenant: Tenant) -> None:
    for end in ("revoked_at = created_at", "expires_at = created_at"):
        key_id, key = make_key(tenant)
        browser, other = with_key(tenant, key), with_key(tenant)
        assert browser.get(CURRENT).status_code == 200
        tenant.server.rows(f"update api_keys set {end} where id = $1 returning id", key_id)
        for path in (CURRENT, "/v3/grants"):
            assert problem(browser.get(path))[:2] == UNAUTHORIZED
        assert other.get(CURRENT).status_code == 200
        listed = data(with_link(tenant).get(SESSIONS))
        assert browser.session["id"] not in [session["id"] for session in listed]


def test_a_session_does_not_say_that_it_outlives_its_key(tenant: Tenant) -> None:
    _, key = make_key(tenant, lifetime=timedelta(hours=1))
    session = with_key(tenant, key).session
    assert HOUR - MINUTE <= session["expires_at"] - session["created_at"] <= HOUR


def test_a_session_ends_after_half_an_hour_without_use(tenant: Tenant) -> None:
    browser = with_key(tenant)
    age(tenant, "used_at", 29 * MINUTE)
    assert browser.get("/v3/grants").status_code == 200
    age(tenant, "used_at", 29 * MINUTE)
    assert browser.get("/v3/grants").status_code == 200
    age(tenant, "used_at", 30 * MINUTE)
    assert problem(browser.get("/v3/grants"))[:2] == UNAUTHORIZED


def test_a_use_is_written_down_when_the_last_one_is_a_minute_ago(tenant: Tenant) -> None:
    browser = with_key(tenant)
    used_at = "select used_at from console_sessions where application_id = $1"

    def written() -> int:
        return int(tenant.server.rows(used_at, tenant.application.id)[0][0])

    age(tenant, "used_at", MINUTE // 2)
    before = written()
    browser.get("/v3/grants")
    assert written() == before
    age(tenant, "used_at", MINUTE)
    browser.get("/v3/grants")
    assert written() > before


def test_a_session_ends_after_eight_hours_however_much_it_is_used(tenant: Tenant) -> None:
    for begin in (with_key, with_link):
        browser = begin(tenant)
        age(tenant, "created_at", 8 * HOUR - MINUTE)
        assert browser.get(CURRENT).status_code == 200
        age(tenant, "created_at", MINUTE)
        assert problem(browser.get(CURRENT))[:2] == UNAUTHORIZED


# ── Ending ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_signing_out_ends_the_session_and_clears_the_cookie(tenant: Tenant) -> None:
    browser, other = with_key(tenant), with_key(tenant)
    answer = browser.ask("DELETE", CURRENT)
    assert set(answer.json()) == {"request_id"}
    cleared = set_cookie(answer)
    assert (cleared.value, cleared["max-age"], cleared["path"]) == ("", "0", "/v3")
    assert problem(browser.get(CURRENT))[:2] == UNAUTHORIZED
    assert problem(browser.ask("DELETE", CURRENT))[:2] == UNAUTHORIZED
    assert other.get(CURRENT).status_code == 200


def test_operators_see_and_end_the_sessions_of_their_application(tenant: Tenant, stranger: Tenant) -> None:
    by_key, operator, foreign = with_key(tenant), with_link(tenant), with_link(stranger)
    assert data(operator.get(SESSIONS)) == [operator.session, by_key.session]
    for strange in (foreign.session["id"], str(uuid.uuid4())):
        assert problem(operator.ask("DELETE", f"{SESSIONS}/{strange}"))[:2] == (404, "api.not_found_error")
    assert foreign.get(CURRENT).status_code == 200
    assert operator.ask("DELETE", f"{SESSIONS}/{by_key.session['id']}").status_code == 200
    assert problem(by_key.get(CURRENT))[:2] == UNAUTHORIZED
    assert data(operator.get(SESSIONS)) == [operator.session]


def test_other_sessions_are_no_business_of_an_api_key(tenant: Tenant) -> None:
    browser = with_key(tenant)
    for method, path in (("GET", SESSIONS), ("DELETE", f"{SESSIONS}/{browser.session['id']}")):
        status, type_, message = problem(browser.ask(method, path))
        assert (status, type_) == DENIED
        assert f"opengrant console --application {tenant.application.id}" in message
        assert problem(tenant.http.request(method, path))[:2] == UNAUTHORIZED


def test_one_more_session_than_there_may_be_ends_the_oldest_of_its_kind(tenant: Tenant) -> None:
    operator = with_link(tenant)
    first, second = with_key(tenant), with_key(tenant)
    age(tenant, "created_at", 1)
    for _ in range(MOST - 1):
        with_key(tenant)
    assert [one.get(CURRENT).status_code for one in (first, second, operator)].count(401) == 1
    assert operator.get(CURRENT).status_code == 200
    assert rows(tenant) == MOST + 1
    (ended,) = [entry for entry in trail(tenant) if entry["type"] == "console_session.ended"]
    assert ended["detail"]["reason"] == "crowded_out"


async def _swept(server: LiveServer) -> None:
    await sweep(server.services).run()


def test_the_sweep_drops_what_is_over_and_nothing_else(tenant: Tenant) -> None:
    with_key(tenant)
    link_of(tenant.server, tenant.application)
    age(tenant, "used_at", HOUR)
    sql = "update console_links set expires_at = 0 where application_id = $1 returning id"
    tenant.server.rows(sql, tenant.application.id)
    _, key = make_key(tenant)
    doomed = with_key(tenant, key)
    tenant.server.call(tenant.server.services.api_keys.revoke(doomed.session["api_key_id"]))
    live = with_key(tenant)
    link_of(tenant.server, tenant.application)
    tenant.server.call(_swept(tenant.server))
    assert (rows(tenant), rows(tenant, "console_links")) == (1, 1)
    assert live.get(CURRENT).status_code == 200


# ── The admin plane ──────────────────────────────────────────────────────────────────────────────────────────


def test_an_operator_administers_the_keys_of_their_own_application(tenant: Tenant, stranger: Tenant) -> None:
    operator = with_link(tenant)
    made = data(operator.ask("POST", keys(tenant), {"name": "ci"}))
    with tenant.server.client(made["api_key"]) as http:
        assert http.get("/v3/grants").status_code == 200
    assert [key["name"] for key in data(operator.get(keys(tenant)))] == ["test", "ci"]
    assert data(operator.get(f"{keys(tenant)}/{made['id']}"))["name"] == "ci"
    assert operator.ask("DELETE", f"{keys(tenant)}/{made['id']}").status_code == 200
    missing = problem(operator.get(f"/v3/admin/applications/{uuid.uuid4()}/api-keys"))
    assert missing[:2] == (404, "api.not_found_error")
    for method, body in (("GET", None), ("POST", {})):
        assert problem(operator.ask(method, keys(stranger), body)) == missing
    assert len(data(with_link(stranger).get(keys(stranger)))) == 1


def test_an_operator_administers_the_domains_of_the_installation(tenant: Tenant) -> None:
    operator, signer = with_link(tenant), account(tenant.server)
    address = f"{uuid.uuid4().hex}.example.com"
    made = data(operator.ask("POST", "/v3/admin/domains", {"name": "Mail", "domain_address": address}))
    assert made["organization_id"] == signer.organization_id
    assert data(signer.get(f"/v3/admin/domains/{address}")) == made
    assert data(operator.ask("PUT", f"/v3/admin/domains/{address}", {"name": "Post"}))["name"] == "Post"
    record = data(operator.ask("POST", f"/v3/admin/domains/{address}/info", {"type": "ownership"}))
    assert record["attempt"]["options"]["type"] == "TXT"
    assert operator.ask("DELETE", f"/v3/admin/domains/{address}").status_code == 200


def test_a_session_by_key_is_told_how_to_become_an_operator(tenant: Tenant) -> None:
    browser = with_key(tenant)
    for path in (keys(tenant), "/v3/admin/domains"):
        status, type_, message = problem(browser.get(path))
        assert (status, type_) == DENIED
        assert "opengrant console" in message


def test_a_signature_or_a_bearer_wins_over_an_operators_cookie_on_signed_routes(
    tenant: Tenant, stranger: Tenant
) -> None:
    operator, signer = with_link(tenant), account(tenant.server, ["apikey.get"])
    headers, _ = signer.sign("GET", keys(stranger))
    assert operator.get(keys(stranger), **headers).status_code == 200
    refused = operator.get(keys(tenant), Authorization=f"Bearer {tenant.api_key}")
    assert problem(refused)[:2] == (401, "api.authentication_error")
    assert problem(operator.get(keys(tenant), X_OpenGrant_Console=None))[:2] == (401, "api.authentication_error")


# ── Traces ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_trail_tells_who_signed_in_how_and_what_they_did(tenant: Tenant) -> None:
    by_key, operator = with_key(tenant), with_link(tenant)
    by_key.ask("POST", "/v3/connectors", {"provider": "virtual-calendar"})
    operator.ask("POST", "/v3/connectors", {"provider": "imap"})
    operator.ask("DELETE", f"{SESSIONS}/{by_key.session['id']}")
    operator.ask("DELETE", CURRENT)
    key, console = f"key:{by_key.session['api_key_id']}", f"console:{operator.session['id']}"
    begun, made, begun_by_link, ended, ended_too = trail(tenant)
    assert [entry["type"] for entry in (begun, made, begun_by_link, ended)] == [
        "console_session.created",
        "console_link.created",
        "console_session.created",
        "console_session.ended",
    ]
    assert begun["actor"] == key
    assert begun["detail"] == {
        "console_session_id": by_key.session["id"],
        "api_key_id": by_key.session["api_key_id"],
    }
    assert begun_by_link["actor"] == console
    assert begun_by_link["detail"] == {"console_session_id": operator.session["id"], **made["detail"]}
    assert (ended["actor"], ended["detail"]) == (console, {"console_session_id": by_key.session["id"]})
    assert (ended_too["actor"], ended_too["detail"]) == (console, {"console_session_id": operator.session["id"]})
    connectors = data(tenant.get("/v3/audit", params={"type": "connector.created"}))
    assert [entry["actor"] for entry in connectors] == [console, key]
    assert data(tenant.get("/v3/audit", params={"actor": console, "type": "connector.created"})) == connectors[:1]


def test_neither_cookie_nor_code_is_in_the_database_or_another_answer(tenant: Tenant) -> None:
    code = link_of(tenant.server, tenant.application)
    answer = sign_in(tenant.server, {"link": code})
    browser = Browser(tenant.server, set_cookie(answer).value, data(answer))
    other = with_key(tenant)
    answers = [browser.get(CURRENT), browser.get(SESSIONS), browser.get("/v3/audit"), other.get("/v3/grants")]
    unused = link_of(tenant.server, tenant.application)
    sql = "select * from {} where application_id = $1"
    stored = str(
        [
            [str(value) for value in row]
            for table in ("console_sessions", "console_links", "events")
            for row in tenant.server.rows(sql.format(table), tenant.application.id)
        ]
    )
    assert browser.session["id"] in stored
    told = "".join(f"{one.headers} {one.text}" for one in answers)
    for hidden in (browser.cookie, other.cookie, code, unused, tenant.api_key):
        for where in (stored, told, answer.text):
            assert hidden not in where
