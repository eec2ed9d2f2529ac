"""IMAP through the mail proxy, with imaplib and bare sockets, before a real Dovecot."""

import imaplib
import json
import os
import re
import socket
import time
import uuid
from base64 import b64encode
from io import BytesIO
from typing import Any

import pytest

from opengrant.proxy import logins, throttle
from tests.mailproxy.conftest import ALICE
from tests.mailproxy.support import Proxied, key_of, until
from tests.peers.dovecot import ACCOUNTS, Dovecot
from tests.support import LiveServer, Tenant, data


def refusal(proxied: Proxied, username: str, password: str) -> str:
    client = proxied.mailbox()
    with pytest.raises(imaplib.IMAP4.error) as told:
        client.login(username, password)
    client.shutdown()
    return str(told.value)


def entries(server: LiveServer, grant: Any) -> list[tuple[str, dict[str, Any]]]:
    rows = server.rows(
        "select actor, detail from events where grant_id = $1 and type = 'grant.proxied' order by created_at",
        grant["id"],
    )
    return [(row[0], json.loads(row[1])) for row in rows]


class Line:
    """A client that says exactly what a test wants."""

    def __init__(self, proxied: Proxied) -> None:
        raw = socket.create_connection(("127.0.0.1", proxied.imap), timeout=60)
        self.socket = proxied.trust.wrap_socket(raw, server_hostname="localhost")
        self.file = self.socket.makefile("rb")
        self.greeting = self.file.readline()

    def say(self, text: bytes) -> bytes:
        self.socket.sendall(text)
        return self.file.readline()

    def close(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.mark.parametrize("named", ["id", "address", "application and address"])
def test_a_mail_program_reads_and_writes_the_mailbox(
    proxied: Proxied, tenant: Tenant, grant: Any, key: str, named: str
) -> None:
    name = {"id": grant["id"], "address": ALICE, "application and address": f"{tenant.application.id}/{ALICE}"}[named]
    with proxied.mailbox() as client:
        assert client.login(name, key)[0] == "OK"
        folder = f"proxied {uuid.uuid4()}"
        assert client.create(f'"{folder}"')[0] == "OK"
        assert client.append(f'"{folder}"', "", "", b"Subject: through\r\n\r\nthe proxy\r\n")[0] == "OK"
        assert client.select(f'"{folder}"') == ("OK", [b"1"])
        assert b"the proxy" in client.fetch("1", "(RFC822)")[1][0][1]


def test_the_mail_servers_own_capabilities_come_with_the_login(
    proxied: Proxied, grant: Any, key: str, dovecot: Dovecot
) -> None:
    direct = imaplib.IMAP4("127.0.0.1", dovecot.imap)
    direct.login(ALICE, ACCOUNTS[ALICE])
    with proxied.mailbox() as client:
        assert "IDLE" not in client.capabilities
        client.login(grant["id"], key)
        told = client.capability()[1][-1].decode().split()
    assert set(told) == set(direct.capability()[1][-1].decode().split())
    direct.logout()


@pytest.mark.parametrize(
    "form",
    [
        pytest.param("LOGIN {id} {key}", id="atoms"),
        pytest.param('login "{id}" "{key}"', id="quoted strings"),
        pytest.param("LOGIN {{{idlen}+}}\r\n{id} {{{keylen}+}}\r\n{key}", id="literals that do not wait"),
        pytest.param("AUTHENTICATE PLAIN {plain}", id="PLAIN at once"),
    ],
)
def test_the_forms_of_a_login(proxied: Proxied, grant: Any, key: str, form: str) -> None:
    plain = b64encode(f"\0{grant['id']}\0{key}".encode()).decode()
    command = form.format(id=grant["id"], idlen=len(grant["id"]), key=key, keylen=len(key), plain=plain)
    line = Line(proxied)
    assert line.say(f"a {command}\r\n".encode()).startswith(b"a OK [CAPABILITY IMAP4rev1 ")
    line.close()


def test_a_login_may_wait_for_its_literals_and_its_challenge(proxied: Proxied, grant: Any, key: str) -> None:
    line = Line(proxied)
    assert line.say(b"a LOGIN {%d}\r\n" % len(grant["id"])).startswith(b"+ ")
    assert line.say(grant["id"].encode() + b" {%d}\r\n" % len(key)).startswith(b"+ ")
    assert line.say(key.encode() + b"\r\n").startswith(b"a OK ")
    line.close()
    line = Line(proxied)
    assert line.say(b"a AUTHENTICATE PLAIN\r\n") == b"+ \r\n"
    assert line.say(b64encode(f"{ALICE}\0{ALICE}\0{key}".encode()) + b"\r\n").startswith(b"a OK ")
    line.close()


def test_commands_that_are_sent_ahead_reach_the_mail_server(proxied: Proxied, grant: Any, key: str) -> None:
    line = Line(proxied)
    assert line.say(f"a LOGIN {grant['id']} {key}\r\nb NOOP\r\nc LOGOUT\r\n".encode()).startswith(b"a OK ")
    told = line.file.read()
    assert b"b OK" in told
    assert b"* BYE" in told
    assert b"c OK" in told
    line.close()


def test_each_login_is_in_the_audit_trail_and_no_secret_anywhere(
    proxied: Proxied, server: LiveServer, grant: Any, key: str, log_stream: BytesIO
) -> None:
    with proxied.mailbox() as client:
        client.login(grant["id"], key)
    ((actor, detail),) = entries(server, grant)
    assert actor.startswith("key:")
    assert (detail["protocol"], detail["address"]) == ("imap", "127.0.0.1")
    until(lambda: not proxied.clients())
    for secret in (key, ACCOUNTS[ALICE]):
        assert secret.encode() not in log_stream.getvalue()


def test_who_is_not_let_in(
    proxied: Proxied, server: LiveServer, tenant: Tenant, stranger: Tenant, grant: Any, key: str
) -> None:
    assert "[AUTHENTICATIONFAILED]" in refusal(proxied, grant["id"], f"{key}x")
    assert "[AUTHENTICATIONFAILED]" in refusal(proxied, "nobody@example.test", key)
    assert "[AUTHENTICATIONFAILED]" in refusal(proxied, grant["id"], key_of(stranger, "grants.proxy"))
    lacking = refusal(proxied, grant["id"], key_of(tenant, "all", "grants.credential"))
    assert "[AUTHORIZATIONFAILED]" in lacking
    assert "--permission grants.proxy" in lacking
    server.call(server.services.grants.block(grant["id"], blocked=True))
    assert "[CONTACTADMIN]" in refusal(proxied, grant["id"], key)
    server.call(server.services.grants.block(grant["id"], blocked=False))
    tenant.post(f"/v3/grants/{grant['id']}/invalidate", {})
    assert "connect the account again" in refusal(proxied, grant["id"], key)
    assert entries(server, grant) == []


def test_a_grant_without_a_mail_server_says_so(proxied: Proxied, tenant: Tenant, key: str) -> None:
    tenant.connector("virtual-calendar")
    room = data(tenant.connect("virtual-calendar", {"email": "room-7"}))
    assert "[CANNOT] This grant has no IMAP server" in refusal(proxied, room["id"], key)


def test_a_refused_password_is_judged_like_a_probe_and_not_sent_again(
    proxied: Proxied, server: LiveServer, tenant: Tenant, grant: Any, key: str, dovecot: Dovecot
) -> None:
    with dovecot.refusing(ALICE):
        assert "[UNAVAILABLE]" in refusal(proxied, grant["id"], key)
        shown = data(tenant.get(f"/v3/grants/{grant['id']}"))
        assert shown["grant_status"] == "valid"
        assert shown["opengrant"]["trouble"]["reason"] == "password_refused"
    # The password works again, but one refusal more could lock the account: it is asked once more in its time.
    assert re.search(r"\[UNAVAILABLE\].* Retry-After: \d+ s", refusal(proxied, grant["id"], key))
    server.rows("update grants set trouble = null where id = $1", grant["id"])
    with proxied.mailbox() as client:
        assert client.login(grant["id"], key)[0] == "OK"


def test_an_address_that_guesses_has_to_wait(
    proxied: Proxied, grant: Any, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "TRIES", 2)
    for _ in range(2):
        assert "[AUTHENTICATIONFAILED]" in refusal(proxied, grant["id"], f"{key}x")
    assert "[LIMIT]" in refusal(proxied, grant["id"], key)


def test_a_grant_has_its_share_of_logins_and_of_sessions(
    proxied: Proxied, grant: Any, key: str, server: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logins, "PER_GRANT", 1)
    with proxied.mailbox() as first:
        first.login(grant["id"], key)
        assert "[UNAVAILABLE] This grant has too many sessions open" in refusal(proxied, grant["id"], key)
    until(lambda: not proxied.clients())
    with proxied.mailbox() as again:
        again.login(grant["id"], key)
    server.rows("update rations set calls = $1 where name like 'grants.proxy %'", logins.LOGINS)
    assert "[LIMIT]" in refusal(proxied, grant["id"], key)


def test_a_client_over_the_limit_is_closed(server: LiveServer) -> None:
    with Proxied(server, max_sessions=2) as proxied:
        first = proxied.mailbox()
        with pytest.raises((OSError, imaplib.IMAP4.abort)):
            proxied.mailbox()
        first.logout()


def test_large_messages_go_both_ways(proxied: Proxied, grant: Any, key: str) -> None:
    body = os.urandom(2_000_000).hex().encode()
    message = b"Subject: large\r\n\r\n" + b"\r\n".join(body[at : at + 900] for at in range(0, len(body), 900))
    with proxied.mailbox() as client:
        client.login(grant["id"], key)
        folder = f"large-{uuid.uuid4()}"
        client.create(folder)
        assert client.append(folder, "", "", message)[0] == "OK"
        client.select(folder)
        assert client.fetch("1", "(BODY.PEEK[])")[1][0][1] == message


def test_a_slow_reader_slows_the_server_and_fills_no_memory(proxied: Proxied, grant: Any, key: str) -> None:
    line = Line(proxied)
    assert line.say(f"a LOGIN {grant['id']} {key}\r\n".encode()).startswith(b"a OK ")
    size = 30_000_000
    folder = f"slow-{uuid.uuid4()}".encode()
    line.say(b"b CREATE %b\r\n" % folder)
    assert line.say(b"c APPEND %b {%d}\r\n" % (folder, size)).startswith(b"+")
    for _ in range(30):
        line.socket.sendall(b"x" * (size // 30))
    assert line.say(b"\r\n").startswith(b"c OK")
    line.say(b"d EXAMINE %b\r\n" % folder)
    line.socket.sendall(b"e FETCH 1 BODY.PEEK[]\r\n")
    (running,) = proxied.proxy._running
    seen = running.coupling.from_server

    def stands_still() -> bool:
        nonlocal seen
        before, seen = seen, running.coupling.from_server
        time.sleep(0.3)
        return before == seen > 0

    until(stands_still)
    assert seen < size  # the rest waits in the server and in the kernel
    line.close()


def test_idle_tells_of_new_mail(proxied: Proxied, grant: Any, key: str, dovecot: Dovecot) -> None:
    line = Line(proxied)
    assert line.say(f"a LOGIN {grant['id']} {key}\r\n".encode()).startswith(b"a OK ")
    line.say(b"b SELECT INBOX\r\n")
    while not (said := line.file.readline()).startswith(b"b OK"):
        assert said, "the proxy has hung up"
    assert line.say(b"c IDLE\r\n").startswith(b"+")
    direct = imaplib.IMAP4("127.0.0.1", dovecot.imap)
    direct.login(ALICE, ACCOUNTS[ALICE])
    direct.append("INBOX", "", "", b"Subject: news\r\n\r\n")
    assert b"EXISTS" in line.file.readline()
    direct.logout()
    line.close()


@pytest.mark.parametrize("ending", ["revoked", "blocked", "deleted"])
def test_a_session_ends_when_its_key_or_grant_has_ended(
    proxied: Proxied, server: LiveServer, tenant: Tenant, grant: Any, key: str, ending: str
) -> None:
    line = Line(proxied)
    assert line.say(f"a LOGIN {grant['id']} {key}\r\n".encode()).startswith(b"a OK ")
    proxied.look()
    assert line.say(b"b NOOP\r\n").startswith(b"b OK")
    if ending == "revoked":
        keys = server.services.api_keys
        for one in server.call(keys.of_application(tenant.application)):
            if one.permissions == ("grants.proxy",):
                server.call(keys.revoke(one.id))
    elif ending == "blocked":
        server.call(server.services.grants.block(grant["id"], blocked=True))
    else:
        tenant.delete(f"/v3/grants/{grant['id']}")
    proxied.look()
    assert line.file.read() in (b"", b"* BYE The key, the token or the grant has ended.\r\n")
    line.close()


def test_a_stop_says_goodbye_to_a_client_that_waits(proxied: Proxied, grant: Any, key: str) -> None:
    line = Line(proxied)
    assert line.say(f"a LOGIN {grant['id']} {key}\r\n".encode()).startswith(b"a OK ")
    (running,) = proxied.proxy._running
    running.coupling.quiet_since -= 2  # nothing has been said for two seconds
    proxied.close()
    assert line.file.read() == b"* BYE OpenGrant is stopping. Connect again.\r\n"
    assert not proxied.clients()
    line.close()


def test_a_client_that_hangs_up_takes_the_session_with_it(
    proxied: Proxied, grant: Any, key: str, server: LiveServer
) -> None:
    line = Line(proxied)
    assert line.say(f"a LOGIN {grant['id']} {key}\r\n".encode()).startswith(b"a OK ")
    line.close()
    until(lambda: not proxied.clients(), 20)
    assert not server.services.proxy_logins.places._taken
