"""A mailbox that a token opens: read and sent from by XOAUTH2, with stand-ins for Yahoo's servers."""

from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.beside import Beside
from tests.fakes.mail import Certificates, FakeMail
from tests.fakes.oauth import FakeOAuth
from tests.support import LiveServer, Tenant, data, problem, secret

OWNER = "gia@yahoo.com"
IMAP = {
    "CAPABILITY": b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2\r\nTAG OK done\r\n",
    "AUTHENTICATE": b"* CAPABILITY IMAP4rev1\r\nTAG OK logged in\r\n",
    "LIST": b'* LIST (\\HasNoChildren) "/" Inbox\r\n* LIST (\\Sent) "/" Sent\r\nTAG OK done\r\n',
    "EXAMINE": b"TAG OK fine\r\n",
    "UID": b"* SEARCH 7\r\nTAG OK done\r\n",
}
LINES = 11
"""Of the message that is sent, with the dot at its end."""
SMTP = {
    "EHLO": b"250-fake\r\n250-PIPELINING\r\n250 AUTH PLAIN XOAUTH2\r\n",
    "MAIL": b"250 ok\r\n",
    "RCPT": b"250 ok\r\n",
    "DATA": [b"354 go on\r\n", *[b""] * (LINES - 1), b"250 ok\r\n"],
}


@pytest.fixture(scope="module")
def yahoo() -> Iterator[tuple[FakeMail, FakeMail, Path]]:
    """Its IMAP and its SMTP server, and whom their certificates are from."""
    certificates = Certificates()
    with Beside() as beside:
        imap, smtp = (
            beside.enter(FakeMail(kind, replies=replies, tls=certificates.good, implicit=True))  # type: ignore[arg-type]
            for kind, replies in (("imap", IMAP), ("smtp", SMTP))
        )
        yield imap, smtp, certificates.ca_file
    certificates.close()


@pytest.fixture(scope="module")
def server(
    fake_provider: FakeOAuth,
    yahoo: tuple[FakeMail, FakeMail, Path],
    log_stream: BytesIO,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LiveServer]:
    imap, smtp, ca_file = yahoo
    env = {
        **fake_provider.settings(),
        "OPENGRANT_OUTBOUND__CA_FILE": str(ca_file),
        "OPENGRANT_YAHOO__IMAP_HOST": "localhost",
        "OPENGRANT_YAHOO__IMAP_PORT": str(imap.port),
        "OPENGRANT_YAHOO__SMTP_HOST": "localhost",
        "OPENGRANT_YAHOO__SMTP_PORT": str(smtp.port),
    }
    with LiveServer(env, tmp_path_factory.mktemp("yahoo"), log_stream) as live:
        yield live
        live.assert_no_secret_leaked()


@pytest.fixture
def grant(tenant: Tenant, provider: FakeOAuth) -> Any:
    tenant.connector("yahoo")
    token = secret("refresh")
    provider.accepts(token, email=OWNER, scope="openid email mail-w")
    return data(tenant.connect("yahoo", {"refresh_token": token}))


def send(tenant: Tenant, grant: Any) -> Any:
    said = {"to": [{"email": "bo@example.com"}], "subject": "x", "body": "hello", "is_plaintext": True}
    return tenant.post(f"/v3/grants/{grant['id']}/messages/send", said)


def test_a_message_is_sent_with_the_live_token(
    server: LiveServer, tenant: Tenant, grant: Any, yahoo: tuple[FakeMail, FakeMail, Path]
) -> None:
    imap, smtp, _ = yahoo
    answer = send(tenant, grant)
    assert answer.status_code == 200, answer.text
    # Its server has filed the copy: none is put beside it.
    assert data(answer)["folders"] == ["Sent"]
    assert imap.count("APPEND") == 0
    tokens = server.services.refresh.tokens
    live = server.call(tokens.live(tenant.application, grant["id"], minimum_ttl=0)).access_token.get_secret_value()
    shown = [line.split()[-1] for fake in (imap, smtp) for line in fake.heard if b"XOAUTH2" in line]
    assert [b64decode(one) for one in shown] == [f"user={OWNER}\1auth=Bearer {live}\1\1".encode()] * 2
    assert b"MAIL FROM:<gia@yahoo.com>" in smtp.heard


def test_a_refused_token_names_the_scope_and_leaves_the_grant_valid(
    tenant: Tenant, grant: Any, yahoo: tuple[FakeMail, FakeMail, Path]
) -> None:
    yahoo[1].answers("AUTH", [b"334 e30=\r\n", b"535 5.7.8 Not accepted\r\n"])
    status, _, message = problem(send(tenant, grant))
    assert status == 400
    assert "scope mail-w, and SMTP must be switched on" in message
    assert data(tenant.get(f"/v3/grants/{grant['id']}"))["grant_status"] == "valid"
