"""Attachments through the API, against a real Dovecot."""

import hashlib
import random
from urllib.parse import quote

import httpx
import pytest

from tests.mail.mailbox import Owner, mail
from tests.support import LiveServer, Tenant, data, problem

LARGE = random.Random(1).randbytes(3 * 1024 * 1024 + 17)
ID = quote("<1@example.com>", safe="")


@pytest.fixture
def message(owner: Owner) -> str:
    owner.put(mail(1, files=[("small.pdf", b"%PDF small"), ('lar"ge ä.pdf', LARGE), ("empty.pdf", b"")]))
    return ID


def test_what_is_attached_is_known_without_fetching_it(tenant: Tenant, grant: str, message: str) -> None:
    (listed,) = data(tenant.get(f"{grant}/messages?in=INBOX"))
    files = listed["attachments"]
    assert [one["filename"] for one in files] == ["small.pdf", 'lar"ge ä.pdf', "empty.pdf"]
    assert files[1]["size"] > len(LARGE)
    assert data(tenant.get(f"{grant}/messages/{message}/attachments")) == files
    for one in files:
        assert data(tenant.get(f"{grant}/attachments/{one['id']}?message_id={message}")) == one
        assert data(tenant.get(f"{grant}/messages/{message}/attachments/{one['id']}")) == one


@pytest.mark.parametrize("number", [0, 1, 2])
def test_it_is_downloaded_as_it_was_attached(tenant: Tenant, grant: str, message: str, number: int) -> None:
    wanted = (b"%PDF small", LARGE, b"")[number]
    one = data(tenant.get(f"{grant}/messages/{message}/attachments"))[number]
    for at in (
        f"attachments/{one['id']}/download?message_id={message}",
        f"messages/{message}/attachments/{one['id']}/download",
    ):
        answer = tenant.get(f"{grant}/{at}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/octet-stream")
        assert hashlib.sha256(answer.content).digest() == hashlib.sha256(wanted).digest()
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert quote(one["filename"], safe="") in answer.headers["content-disposition"]
        assert ("content-length" in answer.headers) == (number != 1)


def test_a_client_that_hangs_up_leaves_the_session_to_the_next(
    tenant: Tenant, server: LiveServer, grant: str, message: str
) -> None:
    one = data(tenant.get(f"{grant}/messages/{message}/attachments"))[1]
    at = f"{grant}/attachments/{one['id']}/download?message_id={message}"
    for _ in range(3):
        headers = {"Authorization": f"Bearer {tenant.api_key}"}
        client = httpx.Client(base_url=server.url, headers=headers, trust_env=False, verify=False)
        with client, client.stream("GET", at) as answer:
            assert next(answer.iter_bytes(1000))
    assert tenant.get(at).content == LARGE


def test_what_is_not_there_is_a_404_in_json(tenant: Tenant, grant: str, message: str) -> None:
    for at in (
        f"attachments/9?message_id={message}",
        f"attachments/9/download?message_id={message}",
        "attachments/2/download?message_id=%3Cnothing%40example.com%3E",
        f"attachments/1.1/download?message_id={message}",
        f"attachments/2]<0.1>%0d%0aA1 LOGOUT/download?message_id={message}",
        f"messages/{message}/attachments/9/download",
    ):
        assert problem(tenant.get(f"{grant}/{at}"))[:2] == (404, "not_found_error"), at
    for at in ("attachments/2", "attachments/2/download"):
        assert problem(tenant.get(f"{grant}/{at}"))[:2] == (400, "invalid_request_error")
