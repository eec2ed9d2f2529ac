"""POST /v3/grants/{id}/credential: the login of a mailbox that a password opens."""

import imaplib
import json
import ssl
from io import BytesIO
from typing import Any

import httpx
import pytest

from opengrant.grants import handover
from tests.api.conftest import ALICE, EWS_PASSWORD, EWS_USER, Ask
from tests.peers.dovecot import ACCOUNTS, Dovecot
from tests.support import LiveServer, Tenant, data, problem

PASSWORDS = ("imap", "icloud", "ews")


@pytest.fixture(scope="module")
def server(every_provider: LiveServer) -> LiveServer:
    return every_provider


def make(tenant: Tenant, ask: Ask, variant: str) -> Any:
    answer = tenant.post("/v3/connect/custom", ask(variant))
    assert answer.status_code == 201, answer.text
    return data(answer)


def read(tenant: Tenant, grant: Any, *, permissions: tuple[str, ...] = ("grants.credential",), **body: Any) -> Any:
    key = tenant.server.call(
        tenant.server.services.api_keys.create(tenant.application, "reader", lifetime=None, permissions=permissions)
    )
    # Not the server's own kind of client: its answers hold passwords, and are not to be searched for secrets.
    headers = {"Authorization": f"Bearer {key.secret.get_secret_value()}"}
    with httpx.Client(base_url=tenant.server.url, headers=headers, trust_env=False, verify=False) as client:
        return client.post(f"/v3/grants/{grant['id']}/credential", json={"reason": "import of old mail", **body})


def test_an_imap_login_opens_the_mailbox(tenant: Tenant, ask: Ask, dovecot: Dovecot) -> None:
    login = data(read(tenant, make(tenant, ask, "imap")))
    assert login.keys() == {"imap", "smtp"}
    trust = ssl.create_default_context(cafile=dovecot.ca_file)
    trust.check_hostname = False
    held = login["imap"]
    assert held["security"] == "tls"
    with imaplib.IMAP4_SSL(held["host"], held["port"], ssl_context=trust) as mailbox:
        assert mailbox.login(held["username"], held["password"])[0] == "OK"
    # Dovecot's submission server has no relay behind it, and so answers no login with success.
    assert login["smtp"] == {**held, "port": dovecot.submissions}


def test_an_icloud_login_names_apples_servers_and_the_calendars(tenant: Tenant, ask: Ask) -> None:
    login = data(read(tenant, make(tenant, ask, "icloud")))
    assert login.keys() == {"imap", "smtp", "caldav"}
    assert {held["password"] for held in login.values()} == {ACCOUNTS[ALICE]}
    assert login["caldav"]["username"] == ALICE
    assert login["caldav"]["principal_url"].startswith("https://localhost:")


def test_an_exchange_login_names_the_endpoint_and_how_to_log_in(tenant: Tenant, ask: Ask) -> None:
    held = data(read(tenant, make(tenant, ask, "ews")))["ews"]
    assert (held["username"], held["password"]) == (EWS_USER, EWS_PASSWORD)
    assert held["url"].endswith(".asmx")
    assert held["auth"] in {"ntlm", "basic", "negotiate"}
    assert held["mailbox"] == EWS_USER


@pytest.mark.parametrize("permissions", [("all",), ("grants.token",), ("all", "grants.token")])
def test_a_key_must_name_the_permission(tenant: Tenant, ask: Ask, permissions: tuple[str, ...]) -> None:
    status, _, message = problem(read(tenant, make(tenant, ask, "imap"), permissions=permissions))
    assert status == 403
    assert "grants.credential" in message


def test_a_reason_is_required(tenant: Tenant, ask: Ask) -> None:
    grant = make(tenant, ask, "imap")
    for reason in (None, "", "x" * 201):
        status, _, message = problem(read(tenant, grant, reason=reason))
        assert status == 400
        assert "reason" in message


@pytest.mark.parametrize("variant", ["google refresh", "virtual-calendar", "nylas"])
def test_a_grant_without_a_password_says_what_it_has(tenant: Tenant, ask: Ask, variant: str) -> None:
    status, _, message = problem(read(tenant, make(tenant, ask, variant)))
    assert status == 400
    assert "no password" in message


@pytest.mark.parametrize("variant", PASSWORDS)
def test_each_reading_is_in_the_audit_trail_and_no_password_anywhere(
    tenant: Tenant, ask: Ask, server: LiveServer, log_stream: BytesIO, variant: str
) -> None:
    grant = make(tenant, ask, variant)
    read(tenant, grant)
    ((actor, detail),) = server.rows(
        "select actor, detail from events where grant_id = $1 and type = 'grant.credential_read'", grant["id"]
    )
    assert actor.startswith("key:")
    assert json.loads(detail)["reason"] == "import of old mail"
    for password in (ACCOUNTS[ALICE], EWS_PASSWORD):
        assert password not in detail
        assert password.encode() not in log_stream.getvalue()


def test_a_grant_that_ended_or_is_blocked_hands_out_nothing(tenant: Tenant, ask: Ask, server: LiveServer) -> None:
    grant = make(tenant, ask, "imap")
    server.call(server.services.grants.block(grant["id"], blocked=True))
    assert problem(read(tenant, grant))[0] == 423
    server.call(server.services.grants.block(grant["id"], blocked=False))
    assert tenant.post(f"/v3/grants/{grant['id']}/invalidate", {}).status_code == 200
    assert problem(read(tenant, grant))[0] == 401
    told = server.rows("select id from events where type = 'grant.credential_read' and grant_id = $1", grant["id"])
    assert told == []


def test_another_tenants_grant_is_not_there(tenant: Tenant, ask: Ask, stranger: Tenant) -> None:
    assert problem(read(stranger, make(tenant, ask, "imap")))[0] == 404


def test_more_than_a_minutes_share_is_refused_until_the_minute_is_over(
    tenant: Tenant, ask: Ask, server: LiveServer
) -> None:
    grant = make(tenant, ask, "imap")
    assert read(tenant, grant).status_code == 200
    server.rows(
        "update rations set calls = $2 where application_id = $1 and name = 'grants.credential'",
        tenant.application.id,
        handover.LIMIT,
    )
    refused = read(tenant, grant)
    assert problem(refused)[0] == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
