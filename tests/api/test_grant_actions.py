"""POST /v3/grants/{id}/check and /invalidate, GET /v3/grants/{id}/reconnect-link: what an operator does about one."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from opengrant.model import SECOND, now
from tests.api.test_token import age, clock, later, make, shown
from tests.fakes.oauth import FakeOAuth, Reply
from tests.peers.dovecot import ELSEWHERE, Dovecot
from tests.support import LiveServer, Tenant, clock_stands, data, imap, problem

NOBODY = "00000000-0000-4000-8000-000000000000"


def check(tenant: Tenant, grant: Any) -> httpx.Response:
    return tenant.post(f"/v3/grants/{grant['id']}/check")


def invalidate(tenant: Tenant, grant: Any, **body: Any) -> httpx.Response:
    return tenant.post(f"/v3/grants/{grant['id']}/invalidate", body or None)


def entries(tenant: Tenant, grant: Any, type_: str) -> list[dict[str, Any]]:
    """The trail's entries of a type about a grant, newest first."""
    found: list[dict[str, Any]] = data(tenant.get(f"/v3/audit?grant_id={grant['id']}&type={type_}"))
    return found


# ── check ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_check_asks_the_provider_and_shows_the_grant(tenant: Tenant, provider: FakeOAuth, server: LiveServer) -> None:
    grant = make(tenant, provider)
    age(server, grant, seconds=100)
    before = provider.count("token")
    answer = check(tenant, grant)
    assert answer.status_code == 200, answer.text
    assert provider.count("token") == before + 1
    assert data(answer) == shown(tenant, grant)
    assert data(answer)["opengrant"]["proven_at"] > grant["opengrant"]["proven_at"] - 100
    assert data(answer)["opengrant"]["refreshes"] == 1
    (entry,) = entries(tenant, grant, "grant.checked")
    assert entry["actor"].startswith("key:")
    assert entry["request_id"] == answer.json()["request_id"]


@pytest.mark.parametrize(
    ("reply", "class_", "status"),
    [
        (Reply(503, "down"), "provider_down", "valid"),
        (Reply(429, "slow", {"Retry-After": "90"}), "rate_limited", "valid"),
        (Reply(401, {"error": "invalid_client"}), "connector", "valid"),
        (Reply(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}), "reconnect",
         "invalid"),
    ],
    ids=["down", "throttled", "connector", "refused"],
)  # fmt: skip
def test_what_the_provider_says_to_a_check_is_in_the_grant_and_not_an_error(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer, reply: Reply, class_: str, status: str
) -> None:
    grant = make(tenant, provider)
    age(server, grant, seconds=100)
    provider.answers("token", reply)
    answer = check(tenant, grant)
    assert answer.status_code == 200, answer.text
    seen = data(answer)
    assert (seen["grant_status"], seen["opengrant"]["trouble"]["class"]) == (status, class_)
    assert seen == shown(tenant, grant)
    (entry,) = entries(tenant, grant, "grant.checked")
    assert entry["detail"]["class"] == class_
    assert entry["detail"]["reason"] == seen["opengrant"]["trouble"]["reason"]


def test_a_provider_that_is_back_is_found_by_a_check(tenant: Tenant, provider: FakeOAuth, server: LiveServer) -> None:
    grant = make(tenant, provider)
    age(server, grant, seconds=100)
    provider.refuses(503)
    assert "trouble" in data(check(tenant, grant))["opengrant"]
    provider.behaves()
    later(server, grant)
    assert "trouble" not in data(check(tenant, grant))["opengrant"]


def test_a_check_confirms_no_suspicion(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer, dovecot: Dovecot
) -> None:
    """Outages of mail servers look like refusals: a password is asked about once more, and not at once."""
    tenant.connector("imap")
    grant = data(tenant.connect("imap", imap(dovecot, "alice@example.test")))
    age(server, grant, seconds=100)
    server.rows("update grants set settings = replace(settings, 'alice', 'nobody') where id = $1", grant["id"])
    for _ in range(2):
        seen = data(check(tenant, grant))
        assert seen["grant_status"] == "valid"
        assert seen["opengrant"]["trouble"]["suspected"] is True
        sql = "select trouble from grants where id = $1"
        told = json.loads(server.rows(sql, grant["id"])[0][0]) | {"last_seen": 1}
        server.rows("update grants set trouble = $2 where id = $1", grant["id"], json.dumps(told))


def test_what_was_said_in_the_last_seconds_answers_a_check(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    age(server, grant, seconds=100)
    before = provider.count("token")
    with clock_stands(server, now()), ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: check(tenant, grant).status_code, range(30)))
    assert set(answers) == {200}
    assert provider.count("token") == before + 1
    assert len(entries(tenant, grant, "grant.checked")) == 30


def test_a_provider_that_asked_for_a_pause_has_it(tenant: Tenant, provider: FakeOAuth, server: LiveServer) -> None:
    grant, other = make(tenant, provider), make(tenant, provider, email="bo@example.com")
    for one in (grant, other):
        age(server, one, seconds=100)
    provider.answers("token", Reply(429, "slow", {"Retry-After": "90"}))
    check(tenant, grant)
    before = provider.count("token")
    age(server, grant, seconds=100)
    assert data(check(tenant, grant))["opengrant"]["trouble"]["class"] == "rate_limited"
    told = data(check(tenant, other))["opengrant"]["trouble"]
    assert (told["class"], told["held"]) == ("rate_limited", False)
    assert provider.count("token") == before
    waiting = shown(tenant, other)["opengrant"]
    assert (waiting["trouble"]["class"], waiting["trouble"]["failures"]) == ("rate_limited", 0)
    assert "degraded" not in waiting


def test_a_check_takes_the_turn_of_a_probe_at_a_degraded_source(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    age(server, grant, seconds=100)
    ((source,),) = server.rows("select coalesce(credential_id, connector_id) from grants where id = $1", grant["id"])
    said = json.dumps(
        {"class": "connector", "reason": "client_refused", "code": "invalid_client", "remedy": "Mend it."}
    )
    server.rows(
        """insert into brakes (application_id, source, kind, reason, members, since, degraded_at, probe_at, evidence)
           values ($1, $2, 'connector', 'client_refused', '[]', 1, 1, 9000000000000000, $3)""",
        tenant.application.id,
        source,
        said,
    )
    before = provider.count("token")
    told = data(check(tenant, grant))["opengrant"]["trouble"]
    assert (told["class"], told["held"], told["remedy"]) == ("connector", True, "Mend it.")
    assert provider.count("token") == before
    server.rows("update brakes set probe_at = 1 where application_id = $1", tenant.application.id)
    assert "trouble" not in data(check(tenant, grant))["opengrant"]
    assert provider.count("token") == before + 1
    assert "connector.recovered" in [type_ for type_, _ in tenant.events()]


def blame(tenant: Tenant, source: str, **more: Any) -> None:
    """As if many grants of a source had failed alike. more: columns of its circuit breaker."""
    said = {"class": "connector", "reason": "client_refused", "code": "invalid_client", "remedy": "Check the client."}
    row = {
        "application_id": tenant.application.id, "source": source, "kind": "connector", "reason": "client_refused",
        "members": "[]", "since": SECOND, "degraded_at": 2 * SECOND, "probe_at": 9_000_000_000 * SECOND,
        "evidence": json.dumps(said),
    } | more  # fmt: skip
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    tenant.server.rows("delete from brakes where source = $1", source)
    tenant.server.rows(f"insert into brakes ({', '.join(row)}) values ({places})", *row.values())
    tenant.server.services.grants.health.forget()


def source(server: LiveServer, grant: Any) -> str:
    ((found,),) = server.rows("select coalesce(credential_id, connector_id) from grants where id = $1", grant["id"])
    return str(found)


def test_while_a_source_is_degraded_each_of_its_grants_says_so_wherever_it_is_shown(
    tenant: Tenant, stranger: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    mine = [make(tenant, provider, email=f"{name}@example.com") for name in ("a", "b", "c")]
    other = make(tenant, provider, "microsoft", scope="User.Read offline_access", email="d@example.com")
    foreign = make(stranger, provider)
    age(server, mine[0], seconds=100)
    provider.refuses(503)
    assert data(check(tenant, mine[0]))["opengrant"]["trouble"]["class"] == "provider_down"
    provider.behaves()
    invalidate(tenant, mine[1])
    blame(tenant, source(server, mine[2]))

    seen = shown(tenant, mine[2])["opengrant"]
    trouble = seen["trouble"]
    assert (trouble["class"], trouble["reason"], trouble["provider_code"], trouble["remedy"]) == (
        *("connector", "client_refused", "invalid_client", "Check the client."),
    )
    assert (trouble["held"], trouble["suspected"], trouble["failures"], trouble["first_seen"]) == (True, False, 0, 2)
    degraded = {
        "since": 2, "class": "connector", "reason": "client_refused", "provider_code": "invalid_client",
        "remedy": "Check the client.", "probe_at": 9_000_000_000,
    }  # fmt: skip
    assert seen["degraded"] == degraded
    for grant, reason in ((mine[0], "provider_error"), (mine[1], "invalidated")):
        told = shown(tenant, grant)["opengrant"]
        assert (told["trouble"]["reason"], told["degraded"]) == (reason, degraded), "its own comes first"
    assert shown(tenant, other)["opengrant"].keys().isdisjoint(("trouble", "degraded"))
    assert shown(stranger, foreign)["opengrant"].keys().isdisjoint(("trouble", "degraded"))

    listed = {grant["email"]: grant["opengrant"] for grant in data(tenant.get("/v3/grants"))}
    assert [("degraded" in listed[f"{name}@example.com"]) for name in "abcd"] == [True, True, True, False]
    renamed = data(tenant.patch(f"/v3/grants/{mine[2]['id']}", {"name": "Cy"}))["opengrant"]
    assert (renamed["trouble"]["reason"], renamed["degraded"]) == ("client_refused", degraded)
    server.rows("delete from brakes where application_id = $1", tenant.application.id)
    server.services.grants.health.forget()
    after = shown(tenant, mine[2])["opengrant"]
    assert after.keys().isdisjoint(("trouble", "degraded")), "it was never stored with the grant"
    assert shown(tenant, mine[0])["opengrant"]["trouble"]["class"] == "provider_down", "until it works itself"


def test_a_check_that_was_not_made_says_the_same_as_the_grant_afterwards(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    age(server, grant, seconds=100)
    assert "trouble" not in shown(tenant, grant)["opengrant"]
    blame(tenant, source(server, grant))
    checked, after = data(check(tenant, grant))["opengrant"], shown(tenant, grant)["opengrant"]
    assert checked["trouble"]["held"] is True
    assert after["trouble"] | {"last_seen": 0} == checked["trouble"] | {"last_seen": 0}
    assert after["degraded"] == checked["degraded"]


def test_grants_of_a_degraded_source_are_found_as_troubled_in_every_order(
    tenant: Tenant, stranger: Tenant, provider: FakeOAuth, server: LiveServer, dovecot: Dovecot
) -> None:
    mine = [make(tenant, provider, email=f"{name}@example.com") for name in ("a", "b", "c")]
    tenant.connector("imap")
    boxes = [data(tenant.connect("imap", imap(dovecot, f"{name}@example.test"))) for name in ("alice", "bob")]
    sql = "update grants set settings = replace(settings, $2, 'elsewhere.test') where id = $1"
    server.rows(sql, boxes[1]["id"], ELSEWHERE)
    make(stranger, provider, email="a@example.com")
    age(server, mine[0], seconds=100)
    provider.refuses(503)
    check(tenant, mine[0])
    provider.behaves()
    invalidate(tenant, mine[1])
    blame(tenant, source(server, mine[2]))
    blame(tenant, f"{source(server, boxes[0])}/{ELSEWHERE}", kind="provider_down")
    troubled = [mine[0]["email"], mine[2]["email"], boxes[0]["email"]]
    well = [mine[1]["email"], boxes[1]["email"]]
    for order in ("sort_by=created_at", "sort_by=updated_at"):
        assert emails(tenant, f"troubled=true&{order}") == troubled, order
        newest_first = data(tenant.get(f"/v3/grants?troubled=true&{order}"))
        assert [grant["email"] for grant in newest_first] == troubled[::-1], order
        assert emails(tenant, f"troubled=false&{order}") == well, order
        assert emails(tenant, f"troubled=true&{order}&limit=1&offset=1") == troubled[1:2], order
        assert emails(tenant, f"troubled=true&{order}&provider=imap") == troubled[2:], order
        assert emails(tenant, f"troubled=true&{order}&email_prefix=c") == troubled[1:2], order
    many = [f"{source(server, boxes[0])}/mail{number}.test" for number in range(25)]
    for name in many:
        blame(tenant, name)
    assert emails(tenant, "troubled=true") == troubled
    google, box = data(tenant.get("/v3/overview"))["grants"]
    assert (google["troubled"], google["held"], box["troubled"], box["held"]) == (2, 1, 1, 1)
    (host,) = {
        grant["opengrant"]["degraded"]["host"] for grant in data(tenant.get("/v3/grants?email=alice@example.test"))
    }
    assert host == ELSEWHERE


def test_there_is_nothing_to_ask_about_a_grant_without_a_credential(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    made = data(tenant.connect("virtual-calendar", {"email": "room-7"}))
    assert data(tenant.post("/v3/grants/room-7/check")) == made


def test_an_invalid_grant_is_not_asked_about(tenant: Tenant, provider: FakeOAuth) -> None:
    grant = make(tenant, provider)
    invalidate(tenant, grant)
    before = provider.count("token")
    assert data(check(tenant, grant))["grant_status"] == "invalid"
    assert provider.count("token") == before


def test_a_blocked_grant_is_not_asked_about(tenant: Tenant, provider: FakeOAuth, server: LiveServer) -> None:
    grant = make(tenant, provider)
    server.call(server.services.grants.block(grant["id"], blocked=True))
    assert problem(check(tenant, grant))[:2] == (423, "api.resource_blocked")


# ── invalidate ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_invalidated_grant_says_why_and_so_does_its_event(tenant: Tenant, provider: FakeOAuth) -> None:
    grant = make(tenant, provider)
    answer = invalidate(tenant, grant, reason="laptop stolen")
    assert answer.status_code == 200, answer.text
    ended = data(answer)
    trouble = ended["opengrant"]["trouble"]
    assert (ended["id"], ended["grant_status"]) == (grant["id"], "invalid")
    assert (trouble["class"], trouble["reason"]) == ("reconnect", "invalidated")
    assert "next_check_at" not in ended["opengrant"]
    assert ended == shown(tenant, grant)
    ((_, payload),) = [event for event in tenant.events() if event[0] == "grant.expired"]
    assert json.loads(payload)["opengrant"]["reason"] == "invalidated"
    assert "stolen" not in payload
    (entry,) = entries(tenant, grant, "grant.expired")
    assert entry["actor"].startswith("key:")
    assert (entry["detail"]["reason"], entry["detail"]["note"]) == ("invalidated", "laptop stolen")


def test_an_invalidated_grant_gives_no_token_and_blames_no_provider(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    invalidate(tenant, grant)
    key = server.call(
        server.services.api_keys.create(
            tenant.application, "reader", lifetime=None, permissions=("all", "grants.token")
        )
    )
    with server.client(key.secret.get_secret_value()) as client:
        refused = client.post(f"/v3/grants/{grant['id']}/token", json={})
    status, type_, message = problem(refused)
    assert (status, type_) == (401, "grant.refresh_token_invalid")
    assert "Google" not in message


def test_the_clock_leaves_an_invalidated_grant_alone(tenant: Tenant, provider: FakeOAuth, server: LiveServer) -> None:
    grant = make(tenant, provider)
    age(server, grant)
    invalidate(tenant, grant)
    clock(server)
    spent = [seen.form["refresh_token"] for seen in provider.requests if seen.endpoint == "token"]
    assert spent.count(grant["token"]) == 1
    assert shown(tenant, grant)["grant_status"] == "invalid"


def test_an_answer_that_comes_after_a_grant_was_invalidated_does_not_revive_it(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    for name, scope in (("google", "openid email profile"), ("zoom", "user:read:user")):
        grant = make(tenant, provider, name, scope=scope, single_use=name == "zoom")
        age(server, grant, seconds=100)
        before = provider.count("token")
        with ThreadPoolExecutor(1) as pool, provider.holding():
            waiting = pool.submit(check, tenant, grant)
            provider.wait_for("token", before + 1)
            assert data(invalidate(tenant, grant))["grant_status"] == "invalid"
        assert data(waiting.result())["grant_status"] == "invalid"
        server.call(server.services.refresh.pending.replay())
        assert shown(tenant, grant)["opengrant"]["trouble"]["reason"] == "invalidated"
    assert [type_ for type_, _ in tenant.events()].count("grant.expired") == 2
    assert not server.rows("select 1 from leases where application_id = $1", tenant.application.id)


def test_connecting_again_brings_an_invalidated_grant_back(tenant: Tenant, provider: FakeOAuth) -> None:
    grant = make(tenant, provider)
    invalidate(tenant, grant)
    again = make(tenant, provider)
    assert (again["id"], again["grant_status"]) == (grant["id"], "valid")
    assert "trouble" not in again["opengrant"]


def test_to_invalidate_twice_is_told_once(tenant: Tenant, provider: FakeOAuth) -> None:
    grant = make(tenant, provider)
    first = data(invalidate(tenant, grant))
    assert data(invalidate(tenant, grant, reason="once more")) == first
    assert [type_ for type_, _ in tenant.events()] == ["grant.created", "grant.expired"]


def test_a_grant_without_a_credential_can_be_invalidated_too(tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    made = data(tenant.connect("virtual-calendar", {"email": "room-7"}))
    assert data(tenant.post("/v3/grants/room-7/invalidate", {"reason": ""}))["grant_status"] == "invalid"
    again = data(tenant.connect("virtual-calendar", {"email": "room-7"}))
    for grant in (made, again):  # both times are told to the second, and one may have passed
        assert grant.pop("updated_at") <= grant["opengrant"].pop("proven_at") + 1
    assert again == made


@pytest.mark.parametrize("body", [{"reason": "x" * 201}, {"reason": 7}, {"reason": "a\nb"}])
def test_a_senseless_reason_is_refused(tenant: Tenant, body: dict[str, Any]) -> None:
    tenant.connector("virtual-calendar")
    made = data(tenant.connect("virtual-calendar", {"email": "room-7"}))
    status, _, message = problem(invalidate(tenant, made, **body))
    assert status == 400
    assert "reason" in message
    assert shown(tenant, made)["grant_status"] == "valid"


# ── reconnect-link ────────────────────────────────────────────────────────────────────────────────────────────


def link(tenant: Tenant, grant: Any, **query: str) -> httpx.Response:
    return tenant.get(f"/v3/grants/{grant['id']}/reconnect-link", params=query)


def register(tenant: Tenant, url: str) -> None:
    assert tenant.post("/v3/applications/redirect-uris", {"url": url, "platform": "web"}).status_code == 200


def test_a_reconnect_link_leads_to_the_consent_page_of_its_mailbox(tenant: Tenant, provider: FakeOAuth) -> None:
    grant = make(tenant, provider)
    register(tenant, "https://app.example.com/back")
    register(tenant, "https://app.example.com/other")
    url = data(link(tenant, grant))["url"]
    assert url.startswith(f"{tenant.server.url}/v3/connect/auth?")
    assert dict(parse_qsl(urlsplit(url).query)) == {
        "client_id": tenant.application.id,
        "redirect_uri": "https://app.example.com/back",
        "response_type": "code",
        "provider": "google",
        "login_hint": "ana@example.com",
    }
    with tenant.server.client(None) as browser:
        begun = browser.get(url, follow_redirects=False)
    assert begun.status_code in (302, 303), begun.text
    assert "ana%40example.com" in begun.headers["location"]
    other = data(link(tenant, grant, redirect_uri="https://app.example.com/other"))["url"]
    assert dict(parse_qsl(urlsplit(other).query))["redirect_uri"] == "https://app.example.com/other"


def test_a_reconnect_link_keeps_to_the_credential_of_its_grant(tenant: Tenant, provider: FakeOAuth) -> None:
    grant = make(tenant, provider)
    register(tenant, "https://app.example.com/back")
    client = {"client_id": "client", "client_secret": "other"}
    named = {"name": "other", "credential_type": "connector", "credential_data": client}
    other = data(tenant.post("/v3/connectors/google/creds", named))["id"]
    assert "credential_id" not in data(link(tenant, grant))["url"]
    assert tenant.patch("/v3/connectors/google", {"active_credential_id": other}).status_code == 200
    assert f"credential_id={grant['credential_id']}" in data(link(tenant, grant))["url"]


def test_without_a_redirect_uri_the_refusal_says_how_to_register_one(tenant: Tenant, provider: FakeOAuth) -> None:
    grant = make(tenant, provider)
    status, _, message = problem(link(tenant, grant))
    assert status == 400
    assert "POST /v3/applications/redirect-uris" in message
    register(tenant, "https://app.example.com/back")
    assert problem(link(tenant, grant, redirect_uri="https://evil.example/"))[0] == 400


def test_what_nobody_signs_in_to_has_no_reconnect_link(tenant: Tenant, provider: FakeOAuth, server: LiveServer) -> None:
    register(tenant, "https://app.example.com/back")
    tenant.connector("virtual-calendar")
    room = data(tenant.connect("virtual-calendar", {"email": "room-7"}))
    assert problem(link(tenant, room))[:2] == (400, "api.invalid_request_error")
    bulk = make(tenant, provider)
    server.rows("""update grants set settings = '{"email_address": "ana@example.com"}' where id = $1""", bulk["id"])
    assert "organisation" in problem(link(tenant, bulk))[2]
    orphan = make(tenant, provider, email="bo@example.com")
    tenant.delete("/v3/connectors/google")
    assert "connector" in problem(link(tenant, orphan))[2]


# ── nobody else's ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stranger_can_do_nothing_about_a_grant(tenant: Tenant, stranger: Tenant, provider: FakeOAuth) -> None:
    grant = make(tenant, provider)
    before = shown(tenant, grant), provider.count("token")
    for call, path in (
        (stranger.post, "check"),
        (stranger.post, "invalidate"),
        (stranger.get, "reconnect-link"),
        (stranger.get, "timeline"),
    ):
        refused = problem(call(f"/v3/grants/{grant['id']}/{path}"))
        assert refused[:2] == (404, "grant.not_found")
        assert refused == problem(call(f"/v3/grants/{NOBODY}/{path}"))
    assert (shown(tenant, grant), provider.count("token")) == before


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────


def emails(tenant: Tenant, query: str) -> list[str]:
    answer = tenant.get(f"/v3/grants?order_by=asc&{query}")
    assert answer.status_code == 200, answer.text
    return [grant["email"] for grant in data(answer)]


def test_grants_are_found_by_how_their_address_begins(tenant: Tenant, stranger: Tenant) -> None:
    for one in (tenant, stranger):
        one.connector("virtual-calendar")
    names = [
        "Ana@x.example",
        "ana-maria@x.example",
        "anb@x.example",
        "an%@x.example",
        "ämilie@x.example",
        "Zoë@x.example",
    ]
    for name in names:
        tenant.connect("virtual-calendar", {"email": name})
    stranger.connect("virtual-calendar", {"email": "ana@stranger.example"})
    assert emails(tenant, "email_prefix=ANA") == names[:2]
    assert emails(tenant, "email_prefix=an") == names[:4]
    assert emails(tenant, "email_prefix=an%25") == names[3:4]
    assert emails(tenant, "email_prefix=Ä") == names[4:5]
    assert emails(tenant, "email_prefix=zo") == names[5:]
    assert emails(tenant, "email_prefix=ana@x.example") == names[:1]
    assert emails(tenant, "email_prefix=ana&grant_status=invalid") == []
    assert emails(tenant, "email_prefix=x") == []


def test_addresses_are_in_the_order_of_their_bytes_whatever_the_collation_of_the_database(server: LiveServer) -> None:
    """In the order of a language, those that begin alike need not lie together."""
    if server.services.db.dialect == "sqlite":
        return  # knows no other order
    sql = "select collation_name::text from information_schema.columns where table_name = $1 and column_name = $2"
    assert [list(row) for row in server.rows(sql, "grants", "email_key")] == [["C"]]


def test_grants_in_trouble_are_found(tenant: Tenant, provider: FakeOAuth, server: LiveServer) -> None:
    healthy, down, gone = (make(tenant, provider, email=f"{name}@example.com") for name in ("a", "b", "c"))
    age(server, down, seconds=100)
    provider.refuses(503)
    check(tenant, down)
    invalidate(tenant, gone)
    assert emails(tenant, "troubled=true") == [down["email"]]
    assert emails(tenant, "troubled=false") == [healthy["email"], gone["email"]]
    assert emails(tenant, "troubled=true&email_prefix=a") == []
    assert problem(tenant.get("/v3/grants?troubled=perhaps"))[0] == 400


def test_refreshes_count_from_the_last_authentication_or_trouble(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)

    def refreshes() -> int:
        return int(shown(tenant, grant)["opengrant"]["refreshes"])

    assert refreshes() == 0
    for number in (1, 2, 3):
        age(server, grant)
        clock(server)
        assert refreshes() == number
    make(tenant, provider)
    assert refreshes() == 0
    age(server, grant)
    clock(server)
    provider.refuses(503)
    age(server, grant)
    clock(server)
    assert refreshes() == 0
    provider.behaves()
    later(server, grant)
    clock(server)
    assert "trouble" not in shown(tenant, grant)["opengrant"]
    assert refreshes() == 0
    age(server, grant)
    clock(server)
    assert refreshes() == 1


def test_a_password_that_is_proven_again_counts_as_a_renewal(
    tenant: Tenant, server: LiveServer, dovecot: Dovecot
) -> None:
    tenant.connector("imap")
    grant = data(tenant.connect("imap", imap(dovecot, "alice@example.test")))
    sql = "update grants set proven_at = proven_at - $2 where id = $1"
    server.rows(sql, grant["id"], 100 * SECOND)
    assert data(check(tenant, grant))["opengrant"]["refreshes"] == 1
    assert len(entries(tenant, grant, "grant.checked")) == 1
    assert server.rows("select count(*) from leases where subject = $1", grant["id"])[0][0] == 0
