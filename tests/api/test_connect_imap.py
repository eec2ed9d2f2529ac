"""connect/custom with a mail server login, against a real Dovecot."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.peers.dovecot import ACCOUNTS, DISABLED, ELSEWHERE, Dovecot
from tests.support import Tenant, data, imap, problem, secret


@pytest.fixture(autouse=True)
def connector(tenant: Tenant) -> None:
    tenant.connector("imap")


@pytest.mark.parametrize("username", list(ACCOUNTS))
def test_both_legs_are_proven_and_no_password_comes_back(tenant: Tenant, dovecot: Dovecot, username: str) -> None:
    """Among them a password that is not ASCII, and one with quotes and a backslash."""
    answer = tenant.connect("imap", imap(dovecot, username, type="generic"))
    assert answer.status_code == 201, answer.text
    made = data(answer)
    assert made["email"] == username
    assert made["settings"] == {
        "imap_username": username,
        "imap_host": ELSEWHERE,
        "imap_port": dovecot.imaps,
        "smtp_host": ELSEWHERE,
        "smtp_port": dovecot.submissions,
        "type": "generic",
    }
    assert made["scope"] == []


def test_starttls_on_both_legs_and_ports_as_text(tenant: Tenant, dovecot: Dovecot) -> None:
    ports = {"imap_port": str(dovecot.imap), "smtp_port": str(dovecot.submission)}
    made = data(tenant.connect("imap", imap(dovecot, "alice@example.test", **ports)))
    assert (made["settings"]["imap_port"], made["settings"]["smtp_port"]) == (dovecot.imap, dovecot.submission)


def test_the_same_mailbox_keeps_its_grant_id(tenant: Tenant, dovecot: Dovecot) -> None:
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: tenant.connect("imap", imap(dovecot, "alice@example.test")), range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({data(answer)["id"] for answer in answers}) == 1
    assert tenant.grants() == 1


@pytest.mark.parametrize(
    ("change", "status", "type_", "kind", "says"),
    [
        ({"imap_password": secret("wrong")}, 400, "grant.invalid_authentication", "reconnect", "IMAP, auth"),
        ({"imap_username": "nobody@example.test"}, 400, "grant.invalid_authentication", "reconnect", "IMAP, auth"),
        ({"imap_username": DISABLED[0], "imap_password": DISABLED[1]}, 400, "grant.invalid_authentication", "reconnect",
         "administrator"),
        ({"smtp_password": secret("wrong")}, 400, "grant.invalid_authentication", "reconnect", "SMTP, auth"),
        ({"imap_host": "10.255.255.1"}, 400, "api.invalid_request_error", "bad_request", "address"),
        ({"imap_host": "169.254.169.254"}, 400, "api.invalid_request_error", "bad_request", "address"),
        ({"imap_host": "[::ffff:10.0.0.1]"}, 400, "api.invalid_request_error", "bad_request", "address"),
        ({"imap_host": "unknown.invalid"}, 400, "api.invalid_request_error", "bad_request", "address"),
        ({"imap_port": 1}, 504, "api.provider_error", "provider_down", "connect"),
    ],
    ids=["password", "user", "disabled", "smtp password", "private", "metadata", "mapped", "unknown",
         "closed port"],
)  # fmt: skip
def test_every_refusal_says_which_leg_and_step_and_leaves_no_row(
    tenant: Tenant, dovecot: Dovecot, change: dict[str, Any], status: int, type_: str, kind: str, says: str
) -> None:
    settings = imap(dovecot, "alice@example.test") | change
    answer = tenant.connect("imap", settings)
    found = problem(answer)
    assert found[:2] == (status, type_), answer.text
    assert says.lower() in found[2].lower()
    assert answer.json()["error"]["provider_error"]["opengrant"]["class"] == kind
    assert tenant.grants() == 0


def test_an_smtp_login_without_a_server_is_refused_before_its_password_is_lost(
    tenant: Tenant, dovecot: Dovecot
) -> None:
    settings = imap(dovecot, "alice@example.test", imap_host="localhost", smtp_password=secret("wrong"))
    del settings["smtp_host"]
    status, type_, message = problem(tenant.connect("imap", settings))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert "settings.smtp_host is required" in message
    assert tenant.grants() == 0


def test_a_private_host_and_an_unknown_one_look_alike(tenant: Tenant, dovecot: Dovecot) -> None:
    """Invariant 11: nobody can map the inside by asking."""
    answers = [
        tenant.connect("imap", imap(dovecot, "alice@example.test", imap_host=host)).json()["error"]
        for host in ("10.1.2.3", "192.168.0.1", "unknown.invalid")
    ]
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("field", ["imap_username", "imap_password", "smtp_username", "smtp_password"])
@pytest.mark.parametrize("poison", ["a\r\nA2 LOGOUT", "a\x00b", "a\nb"])
def test_line_ends_cannot_be_smuggled_into_the_dialogue(
    tenant: Tenant, dovecot: Dovecot, field: str, poison: str
) -> None:
    status, type_, message = problem(tenant.connect("imap", imap(dovecot, "alice@example.test") | {field: poison}))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert field in message


def test_a_grant_made_invalid_comes_back_with_a_working_password(tenant: Tenant, dovecot: Dovecot) -> None:
    made = data(tenant.connect("imap", imap(dovecot, "alice@example.test")))
    tenant.delete("/v3/connectors/imap")
    tenant.connector("imap")
    assert data(tenant.get(f"/v3/grants/{made['id']}"))["grant_status"] == "invalid"
    path = f"/v3/grants/{made['id']}"
    wrong = imap(dovecot, "alice@example.test", imap_password=secret("wrong"))
    assert problem(tenant.patch(path, {"settings": wrong}))[1] == "grant.invalid_authentication"
    assert data(tenant.get(path))["grant_status"] == "invalid"
    healed = data(tenant.patch(path, {"settings": imap(dovecot, "alice@example.test")}))
    assert (healed["id"], healed["grant_status"]) == (made["id"], "valid")


def test_the_event_of_an_imap_grant_holds_no_credential(tenant: Tenant, dovecot: Dovecot) -> None:
    tenant.connect("imap", imap(dovecot, "alice@example.test"))
    payload = json.loads(tenant.events()[0][1])
    assert set(payload) == {"code", "grant_id", "integration_id", "provider", "email", "scope"}
