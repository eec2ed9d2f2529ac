"""Mailboxes of OAuth grants: the proxy logs in with the live token, by XOAUTH2."""

import imaplib
import smtplib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Literal, Protocol

import pytest

from tests.fakes.beside import Beside
from tests.fakes.mail import CLOSE, Certificates, FakeMail
from tests.fakes.oauth import FakeOAuth
from tests.mailproxy.conftest import MailPlaces
from tests.mailproxy.support import Proxied
from tests.support import LiveServer, Tenant, data, secret

OWNER = "gia@example.com"
CHALLENGE = b64encode(b'{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}')
OFFERS = b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2 AUTH=PLAIN\r\nTAG OK done\r\n"
IMAP = {
    "CAPABILITY": OFFERS,
    "AUTHENTICATE": b"* CAPABILITY IMAP4rev1 IDLE X-GM-EXT-1\r\nTAG OK logged in\r\n",
    "SELECT": b"* 3 EXISTS\r\nTAG OK [READ-WRITE] selected\r\n",
}
REFUSING = {
    **IMAP,
    "AUTHENTICATE": [
        b"+ " + CHALLENGE + b"\r\n",
        b"TAG NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)\r\n",
    ],
}
SMTP = {
    "EHLO": b"250-fake\r\n250 AUTH PLAIN XOAUTH2\r\n",
    "MAIL": b"250 2.1.0 ok\r\n",
}


@pytest.fixture
def google(tenant: Tenant, provider: FakeOAuth) -> Any:
    tenant.connector("google")
    token = secret("refresh")
    provider.accepts(token, email=OWNER, scope="openid email https://mail.google.com/")
    return data(tenant.connect("google", {"refresh_token": token}))


class Start(Protocol):
    """Puts a mail server where Google's is."""

    def __call__(self, kind: Literal["imap", "smtp"], replies: Mapping[str, Any], **more: Any) -> FakeMail: ...


@pytest.fixture
def start(beside: Beside, certificates: Certificates, google_mail: MailPlaces) -> Start:
    def put(kind: Literal["imap", "smtp"], replies: Mapping[str, Any], **more: Any) -> FakeMail:
        made = beside.enter(FakeMail(kind, replies=dict(replies), tls=certificates.good, implicit=True, **more))
        (google_mail.imap if kind == "imap" else google_mail.smtp).leads_to = made.port
        return made

    return put


def live_token(server: LiveServer, tenant: Tenant, grant: Any) -> str:
    tokens = server.services.refresh.tokens
    live = server.call(tokens.live(tenant.application, grant["id"], minimum_ttl=0))
    return str(live.access_token.get_secret_value())


def response(server: LiveServer, tenant: Tenant, grant: Any) -> bytes:
    return f"user={OWNER}\1auth=Bearer {live_token(server, tenant, grant)}\1\1".encode()


@pytest.mark.parametrize("at_once", [True, False])
def test_imap_with_the_live_token(
    proxied: Proxied,
    server: LiveServer,
    tenant: Tenant,
    google: Any,
    key: str,
    start: Start,
    at_once: bool,
) -> None:
    replies: dict[str, Any] = dict(IMAP)
    if not at_once:
        replies["CAPABILITY"] = OFFERS.replace(b"SASL-IR ", b"")
        replies["AUTHENTICATE"] = [b"+ \r\n", IMAP["AUTHENTICATE"]]
    gmail = start("imap", replies)
    with proxied.mailbox() as client:
        assert client.login(OWNER, key)[0] == "OK"
        assert client.select() == ("OK", [b"3"])
    sent = next(line for line in gmail.heard if b"XOAUTH2" in line)
    encoded = sent.split()[3] if at_once else gmail.heard[gmail.heard.index(sent) + 1]
    assert b64decode(encoded) == response(server, tenant, google)


def test_smtp_with_the_live_token(
    proxied: Proxied,
    server: LiveServer,
    tenant: Tenant,
    google: Any,
    key: str,
    start: Start,
) -> None:
    gmail = start("smtp", SMTP)
    with proxied.submission() as client:
        assert client.login(OWNER, key)[0] == 235
        assert client.mail(OWNER)[0] == 250
    sent = next(line for line in gmail.heard if b"XOAUTH2" in line)
    assert b64decode(sent.split()[2]) == response(server, tenant, google)


def test_a_refused_token_names_the_scope_and_leaves_the_grant_valid(
    proxied: Proxied,
    tenant: Tenant,
    google: Any,
    key: str,
    start: Start,
) -> None:
    start("imap", REFUSING)
    client = proxied.mailbox()
    with pytest.raises(imaplib.IMAP4.error, match=r"AUTHENTICATIONFAILED.*https://mail\.google\.com/"):
        client.login(OWNER, key)
    client.shutdown()
    assert data(tenant.get(f"/v3/grants/{google['id']}"))["grant_status"] == "valid"

    start("smtp", {**SMTP, "AUTH": [b"334 " + CHALLENGE + b"\r\n", b"535 5.7.8 Not accepted\r\n"]})
    with proxied.submission() as sending, pytest.raises(smtplib.SMTPAuthenticationError, match=r"mail\.google\.com"):
        sending.login(OWNER, key)


def test_a_consent_that_was_taken_back_ends_the_grant(
    proxied: Proxied,
    tenant: Tenant,
    provider: FakeOAuth,
    google: Any,
    key: str,
    start: Start,
) -> None:
    start("imap", REFUSING)
    for token in list(provider.accounts):
        provider.revokes(token)
    client = proxied.mailbox()
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        client.login(OWNER, key)
    client.shutdown()
    assert data(tenant.get(f"/v3/grants/{google['id']}"))["grant_status"] == "invalid"


@pytest.mark.parametrize(
    ("greeting", "told"),
    [
        pytest.param(b"* BYE [UNAVAILABLE] down for repair\r\n" + CLOSE, "UNAVAILABLE", id="unavailable"),
        pytest.param(b"* BYE Too many simultaneous connections.\r\n" + CLOSE, "LIMIT", id="too many connections"),
        pytest.param(CLOSE, "UNAVAILABLE", id="hangs up"),
    ],
)
def test_a_server_in_trouble_is_no_wrong_password(
    proxied: Proxied,
    tenant: Tenant,
    google: Any,
    key: str,
    start: Start,
    greeting: bytes,
    told: str,
) -> None:
    start("imap", IMAP, greeting=greeting)
    client = proxied.mailbox()
    with pytest.raises(imaplib.IMAP4.error, match=rf"\[{told}\]"):
        client.login(OWNER, key)
    client.shutdown()
    assert data(tenant.get(f"/v3/grants/{google['id']}"))["grant_status"] == "valid"
