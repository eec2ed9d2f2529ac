"""POST /v3/grants/{id}/proxy-token: a password for a mail program, for one grant and a limited time."""

import imaplib
import json
from typing import Any

import httpx
import pytest

from opengrant.model import SECOND
from tests.mailproxy.conftest import ALICE
from tests.mailproxy.support import Proxied, key_of
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, imap, problem

BOB = "bob@example.test"


def ask(tenant: Tenant, grant: Any, key: str, **body: Any) -> httpx.Response:
    # Not the server's own kind of client: its answers hold secrets, and are not to be searched for them.
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=tenant.server.url, headers=headers, trust_env=False, verify=False) as client:
        return client.post(f"/v3/grants/{grant['id']}/proxy-token", json={"reason": "import of old mail", **body})


def enters(proxied: Proxied, username: str, password: str) -> bool:
    client = proxied.mailbox()
    try:
        client.login(username, password)
    except imaplib.IMAP4.error as refused:
        if "[AUTHENTICATIONFAILED]" not in str(refused):
            raise
        return False
    finally:
        client.shutdown()
    return True


def test_a_token_opens_the_mailbox_of_its_grant_and_nothing_else(
    proxied: Proxied, tenant: Tenant, grant: Any, key: str, dovecot: Dovecot, server: LiveServer
) -> None:
    other = data(tenant.connect("imap", imap(dovecot, BOB)))
    before = server.now() // SECOND
    made = data(ask(tenant, grant, key))
    assert made["username"] == grant["id"]
    assert before + 3600 <= made["expires_at"] <= server.now() // SECOND + 3600
    token = made["proxy_token"]
    assert enters(proxied, made["username"], token)
    assert enters(proxied, ALICE, token)
    assert not enters(proxied, other["id"], token)
    assert not enters(proxied, BOB, token)
    with server.client(token) as client:
        assert client.get("/v3/grants/me").status_code == 401
    rows = server.rows(
        "select actor, type, detail from events where grant_id = $1 and type in ('token.issued', 'grant.proxied')"
        " order by created_at",
        grant["id"],
    )
    issued, *proxied_by = [(row[0].partition(":")[0], row[1], json.loads(row[2])) for row in rows]
    assert issued[:2] == ("key", "token.issued")
    assert (issued[2]["means"], issued[2]["reason"]) == ("proxy", "import of old mail")
    assert [entry[:2] for entry in proxied_by] == [("grant", "grant.proxied")] * 2
    stored = server.rows("select digest from tokens where application_id = $1", tenant.application.id)
    assert token not in str(stored)


def test_a_token_ends_by_time_by_revocation_and_with_its_grant(
    proxied: Proxied, tenant: Tenant, grant: Any, key: str, server: LiveServer
) -> None:
    tokens = [data(ask(tenant, grant, key))["proxy_token"] for _ in range(3)]
    server.rows(
        "update tokens set expires_at = 1 where application_id = $1 and digest = $2",
        tenant.application.id,
        server.services.proxy_tokens.digest_of(tokens[0])[1],
    )
    assert not enters(proxied, grant["id"], tokens[0])
    with server.client(None) as client:
        assert client.post("/v3/connect/revoke", params={"token": tokens[1]}).status_code == 200
    assert not enters(proxied, grant["id"], tokens[1])
    assert enters(proxied, grant["id"], tokens[2])
    tenant.delete(f"/v3/grants/{grant['id']}")
    assert not enters(proxied, grant["id"], tokens[2])


def test_a_session_ends_with_its_token(
    proxied: Proxied, tenant: Tenant, grant: Any, key: str, server: LiveServer
) -> None:
    token = data(ask(tenant, grant, key))["proxy_token"]
    client = proxied.mailbox()
    client.login(grant["id"], token)
    proxied.look()
    assert client.noop()[0] == "OK"
    server.rows("update tokens set expires_at = 1 where application_id = $1", tenant.application.id)
    proxied.look()
    with pytest.raises((imaplib.IMAP4.abort, OSError)):
        client.noop()
    client.shutdown()


@pytest.mark.parametrize("wrong", [{"reason": ""}, {"reason": None}, {"expires_in": 86_401}, {"expires_in": 0}])
def test_a_wrong_body_is_refused(tenant: Tenant, grant: Any, key: str, wrong: dict[str, Any]) -> None:
    status, _, message = problem(ask(tenant, grant, key, **wrong))
    assert status == 400
    assert next(iter(wrong)) in message


def test_who_may_make_none(tenant: Tenant, stranger: Tenant, grant: Any, key: str, server: LiveServer) -> None:
    assert problem(ask(tenant, grant, key_of(tenant, "all", "grants.token")))[0] == 403
    assert problem(ask(stranger, grant, key_of(stranger, "grants.proxy")))[0] == 404
    server.call(server.services.grants.block(grant["id"], blocked=True))
    assert problem(ask(tenant, grant, key))[0] == 423
