"""connect/custom, all ten variants: what each accepts, through the whole house. What is refused: test_refusals.py."""

import contextlib
import json
import sqlite3
from collections.abc import Sequence
from typing import Any
from unittest.mock import ANY

import bcrypt
import pytest

from opengrant.store import secrets
from opengrant.store.engine.port import Dialect, Row
from opengrant.vault import Owner
from tests.api.conftest import ALICE, EMAILS, SCOPE, Ask
from tests.fakes.ews import FakeExchange
from tests.fakes.oauth import FakeOAuth, Reply
from tests.signin.browsing import landed, post, redeem, registered, start, through, visiting
from tests.support import LiveServer, Tenant, data, problem


@pytest.fixture(scope="module")
def server(every_provider: LiveServer) -> LiveServer:
    return every_provider


@pytest.mark.parametrize("variant", EMAILS)
def test_it_is_accepted_and_the_same_mailbox_keeps_its_id(tenant: Tenant, ask: Ask, variant: str) -> None:
    first = tenant.post("/v3/connect/custom", ask(variant))
    assert first.status_code == 201, first.text
    made = data(first)
    assert (made["email"], made["grant_status"]) == (EMAILS[variant], "valid")
    again = tenant.post("/v3/connect/custom", ask(variant))
    assert data(again)["id"] == made["id"]
    assert data(tenant.get(f"/v3/grants/{made['id']}"))["id"] == made["id"]
    assert tenant.grants() == 1


@pytest.mark.parametrize("variant", EMAILS)
def test_null_counts_as_left_out(tenant: Tenant, exchange: FakeExchange, ask: Ask, variant: str) -> None:
    body = ask(variant)
    settings = body["settings"]
    if variant == "ews":
        # So that the port can be left out: the one it then has belongs to somebody else here.
        settings["ews_host"] = f"https://localhost:{exchange.port}/EWS/Exchange.asmx"
        del settings["ews_port"]
    optional = ("refresh_token", "email_address", "credential_id", "scopes", "smtp_username", "smtp_password", "type")
    body["settings"] = dict.fromkeys((*optional, "ews_port", "policy_id")) | settings
    nothing = dict.fromkeys(("scope", "state", "name", "workspace_id", "external_id", "credential_id"))
    answer = tenant.post("/v3/connect/custom", nothing | body)
    assert answer.status_code == 201, answer.text
    assert data(answer)["email"] == EMAILS[variant]


UNSEEN = [("\ufeff \t", "\r\n"), ("\u00a0", "\u200b"), ("", "\n")]
"""What forms, tables and terminals leave at the ends of a text."""
SECRET = {"password", "imap_password", "smtp_password", "ews_password", "app_password", "refresh_token"}


@pytest.mark.parametrize("variant", EMAILS)
def test_what_is_not_seen_at_the_ends_of_a_text_is_not_there_and_a_blank_field_neither(
    tenant: Tenant, exchange: FakeExchange, ask: Ask, variant: str
) -> None:
    made = data(tenant.post("/v3/connect/custom", ask(variant)))
    for before, behind in UNSEEN:
        body = ask(variant)
        for key, value in body["settings"].items():
            trims = (key not in SECRET or key == "refresh_token") and variant != "virtual-calendar"
            if isinstance(value, str) and trims:
                body["settings"][key] = f"{before}{value}{behind}"
        blank = ("smtp_username", "type", "policy_id")
        blank = (*blank, *(("refresh_token",) if variant.endswith("bulk") else ("email_address",)))
        body["settings"] = dict.fromkeys(blank, f" {behind}") | {"smtp_password": ""} | body["settings"]
        nothing = dict.fromkeys(("name", "workspace_id", "external_id"), before)
        answer = tenant.post("/v3/connect/custom", nothing | body)
        assert answer.status_code == 201, answer.text
        assert (data(answer)["id"], data(answer)["email"]) == (made["id"], EMAILS[variant])
        assert data(answer)["settings"] == made["settings"]
    assert tenant.grants() == 1


def test_a_token_that_was_copied_wrongly_is_told_apart_from_one_that_is_refused(
    tenant: Tenant, provider: FakeOAuth, ask: Ask
) -> None:
    body = ask("google refresh")
    token = body["settings"]["refresh_token"]
    for wrong, says in ((f'"{token}"', "quotation marks"), (f"1%2F%2F{token}", "URL-encoded")):
        answer = tenant.post("/v3/connect/custom", {**body, "settings": {"refresh_token": wrong}})
        status, type_, message = problem(answer)
        assert (status, type_) == (400, "api.invalid_request_error")
        assert "settings.refresh_token" in message
        assert says in message
    assert provider.count("token") == 0


def test_the_override_is_the_client_that_is_asked_with(tenant: Tenant, provider: FakeOAuth, ask: Ask) -> None:
    body = ask("google override")
    made = data(tenant.post("/v3/connect/custom", body))
    assert made["credential_id"] == body["settings"]["credential_id"]
    assert [seen.form["client_id"] for seen in provider.requests if seen.endpoint == "token"] == ["other"]


def test_the_credential_may_stand_beside_the_settings(tenant: Tenant, ask: Ask) -> None:
    """As the Java SDK sends it."""
    body = ask("google override")
    body["credential_id"] = body["settings"].pop("credential_id")
    assert data(tenant.post("/v3/connect/custom", body))["credential_id"] == body["credential_id"]


def test_with_both_a_token_and_an_address_the_token_counts(tenant: Tenant, ask: Ask) -> None:
    body = ask("google refresh")
    body["settings"]["email_address"] = "somebody@else.example"
    assert data(tenant.post("/v3/connect/custom", body))["email"] == "google@example.com"


def test_zooms_rotated_token_is_kept_when_the_profile_fails(tenant: Tenant, provider: FakeOAuth, ask: Ask) -> None:
    body = ask("zoom refresh")
    provider.answers("me", Reply(503, "down"), times=1)
    assert problem(tenant.post("/v3/connect/custom", body))[0] == 504
    assert tenant.post("/v3/connect/custom", body).status_code == 201


def test_a_bcrypt_hash_is_all_that_is_kept_of_an_app_password(tenant: Tenant, server: LiveServer, ask: Ask) -> None:
    body = ask("nylas")
    made = data(tenant.post("/v3/connect/custom", body))
    assert made["settings"] == {"email": "sales@agents.example.test", "has_app_password": True}
    assert made["workspace_id"]
    find = secrets.find(tenant.application.id, "grant", made["id"], "live")
    owner = Owner(tenant.application.id, "grant", made["id"], "live")
    held = json.loads(server.services.rotated_tokens.vault.open(server.call(server.services.db.read(find)), owner))
    assert held == {"v": 2, "kind": "app_password", "app_password_bcrypt": ANY}
    assert bcrypt.checkpw(body["settings"]["app_password"].encode(), held["app_password_bcrypt"].encode())
    stored = server.rows("select settings from grants where id = $1", made["id"])
    stored = [*stored, *server.rows("select payload, detail from events where grant_id = $1", made["id"])]
    assert body["settings"]["app_password"] not in str([list(row) for row in stored])


def test_of_a_deleted_grant_nothing_is_left_but_what_happened(
    tenant: Tenant, server: LiveServer, provider: FakeOAuth, ask: Ask
) -> None:
    """Also of a Zoom grant whose token was spent by a connection that could not finish: its successor is alive."""
    app_id, sealed, ids = tenant.application.id, set[bytes](), list[str]()

    def remember() -> None:
        kinds = "owner_kind in ('grant', 'rotation')"
        rows = server.rows(f"select sealed from secrets where application_id = $1 and {kinds}", app_id)
        sealed.update(bytes(row[0]) for row in rows)

    for variant in EMAILS:
        body = ask(variant)
        ids.append(data(tenant.post("/v3/connect/custom", body))["id"])
        remember()
        if variant.startswith("zoom"):
            spent = server.rows("select spent from rotations where application_id = $1", app_id)
            assert server.rows("select 1 from secrets where owner_id = $1", spent[0][0]) == []
            provider.answers("me", Reply(503, "down"), times=1)
            assert tenant.post("/v3/connect/custom", body).status_code == 504
            remember()
        assert tenant.delete(f"/v3/grants/{ids[-1]}").status_code == 200
    assert len(sealed) >= len(EMAILS)
    for table, rows in _tables(server).items():
        found = [row for row in rows if any(id_ in str(list(row)) for id_ in ids)]
        assert table == "events" or not found, (table, found)
        if table in ("secrets", "rotations", "leases", "tokens", "token_families"):
            kinds = {row[1] for row in rows if row[0] == app_id}
            assert kinds <= {"credential"}, (table, kinds)
        assert not [one for one in sealed if one in [item for row in rows for item in row if isinstance(item, bytes)]]
    for file in (server.directory / "data").glob("*.db*"):
        stored = file.read_bytes()
        assert not [one for one in sealed if one[8:40] in stored or one[-32:] in stored], file


def _tables(server: LiveServer) -> dict[str, Sequence[Row]]:
    """Every row of every table, by table; on SQLite, what is written is in its file afterwards, and nowhere else."""
    tables = "select table_name from information_schema.tables where table_schema = 'public'"
    if server.services.db.dialect is Dialect.SQLITE:
        tables = "select name from sqlite_master where type = 'table'"
        (file,) = (server.directory / "data").glob("*.db")
        with contextlib.closing(sqlite3.connect(file)) as connection:
            connection.execute("pragma wal_checkpoint(truncate)")
    return {row[0]: server.rows(f"select * from {row[0]}") for row in server.rows(tables)}


def test_aliases_are_asked_for_live_and_left_out_when_nobody_can_tell(
    tenant: Tenant, provider: FakeOAuth, ask: Ask
) -> None:
    made = data(tenant.post("/v3/connect/custom", ask("microsoft refresh")))
    path = f"/v3/grants/{made['id']}?expose_aliases=True"
    user = {"id": "1", "mail": "a@b.example", "proxyAddresses": ["SMTP:a@b.example", "smtp:alias@b.example", "SIP:x"]}
    provider.answers("me", Reply(200, user), times=1)
    assert data(tenant.get(path))["email_aliases"] == ["alias@b.example"]
    provider.answers("me", Reply(503, "down"), times=1)
    assert "email_aliases" not in data(tenant.get(path))
    assert "email_aliases" not in data(tenant.get(f"/v3/grants/{made['id']}"))


def test_an_idempotency_key_brings_the_first_answer_back(tenant: Tenant, provider: FakeOAuth, ask: Ask) -> None:
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


def test_a_failure_is_not_remembered_under_its_key(tenant: Tenant, provider: FakeOAuth, ask: Ask) -> None:
    body, headers = ask("google refresh"), {"Idempotency-Key": "key-1"}
    provider.answers("token", Reply(503, "down"), times=1)
    assert tenant.post("/v3/connect/custom", body, headers=headers).status_code == 504
    assert tenant.post("/v3/connect/custom", body, headers=headers).status_code == 201


def test_a_request_under_way_is_not_started_twice(tenant: Tenant, provider: FakeOAuth, ask: Ask) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 -- only here

    body, headers = ask("google refresh"), {"Idempotency-Key": "key-1"}
    with ThreadPoolExecutor(1) as pool:
        with provider.holding():
            first = pool.submit(tenant.post, "/v3/connect/custom", body, headers=headers)
            provider.wait_for("token", 1)
            second = tenant.post("/v3/connect/custom", body, headers=headers)
            assert problem(second)[:2] == (409, "api.concurrent_idempotent_request")
        assert first.result().status_code == 201


@pytest.mark.parametrize("variant", ["icloud", "ews"])
def test_a_form_of_hosted_sign_in_leads_to_the_same_grant(
    tenant: Tenant, server: LiveServer, ask: Ask, variant: str
) -> None:
    settings = ask(variant)["settings"]
    if variant == "icloud":
        fields = {"email": settings["username"], "password": settings["password"]}
    else:
        url = f"https://{settings['ews_host']}:{settings['ews_port']}/EWS/Exchange.asmx"
        fields = {"email": settings["email"], "username": settings["ews_username"], "host": url}
        fields["password"] = settings["ews_password"]
    made = data(tenant.post("/v3/connect/custom", ask(variant)))
    registered(tenant)
    with visiting(server) as browser:
        page = through(browser, start(browser, tenant, provider=variant))
        refused = post(browser, page, **{**fields, "password": "abcd-efgh-ijkl-mnop"})
        assert refused.status_code == 400
        code = landed(post(browser, refused, **fields))["code"]
    assert redeem(tenant, code).json()["grant_id"] == made["id"]


GMAIL = "https://www.googleapis.com/auth/gmail.readonly"
GUIDE = (
    *("google refresh", "microsoft refresh", "yahoo refresh", "zoom refresh", "google override", "microsoft bulk"),
    *("google bulk", "imap", "icloud", "ews", "virtual-calendar", "nylas"),
)
GUIDE_ADDS: dict[str, dict[str, Any]] = {
    "google refresh": {"state": "cust-42", "scope": f"{GMAIL},{SCOPE}"},
    "microsoft refresh": {"scope": "Mail.Read offline_access User.Read"},
    "zoom refresh": {"scope": None},
    "ews": {"scope": ["ews.messages", "ews.calendars"]},
    "virtual-calendar": {"state": "floor-2", "scope": "calendar"},
    "nylas": {"name": "Sales Agent", "scope": ""},
}
"""What the guide sends beside provider and settings."""


def test_the_bodies_of_the_vendors_guide_are_taken_as_they_stand_there(tenant: Tenant, ask: Ask) -> None:
    for variant in GUIDE:
        body = {**ask(variant), **GUIDE_ADDS.get(variant, {})}
        settings = body["settings"]
        if variant == "imap":
            settings |= {"imap_port": str(settings["imap_port"]), "smtp_port": f"{settings['smtp_port']}.0"}
            settings |= {"type": "generic"}
        if variant == "google bulk":
            settings["scopes"] = ",".join(settings["scopes"])
        made = tenant.post("/v3/connect/custom", body)
        assert made.status_code == 201, (variant, made.text)
        path = f"/v3/grants/{data(made)['id']}"
        # The guide's update has the settings of the connection, and a scope.
        fresh = {**ask(variant)["settings"], **({"scope": "openid"} if "refresh" in variant else {})}
        for change in ({"settings": fresh, "scope": ["openid"]}, {"scope": "openid email", "name": "Ana"}):
            if variant == "google bulk":
                change = {**change, "scope": SCOPE}  # noqa: PLW2901 -- all or none of its scopes must be delegated
            changed = tenant.patch(path, change)
            assert changed.status_code == 200, (variant, changed.text)
            assert data(changed)["id"] == data(made)["id"]


def test_a_mark_before_the_body_and_a_scope_as_text_are_read(tenant: Tenant, ask: Ask) -> None:
    """A byte order mark before the body, as some editors write it."""
    body = ask("imap")
    body["settings"]["scope"] = "mail"
    made = tenant.http.post("/v3/connect/custom", content=("\ufeff" + json.dumps(body)).encode())
    assert made.status_code == 201, made.text
    assert (data(made)["email"], data(made)["scope"]) == (ALICE, ["mail"])
