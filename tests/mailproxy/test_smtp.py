"""Sending through the mail proxy: smtplib, and a server that takes mail after a login."""

import smtplib
import ssl
from collections.abc import Iterator
from email import message_from_bytes
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.fakes.mail import Certificates
from tests.mailproxy.conftest import ALICE
from tests.mailproxy.support import Proxied, key_of
from tests.peers.dovecot import ACCOUNTS, ELSEWHERE, Dovecot
from tests.support import Tenant, data, imap


class Sink(Controller):
    """Takes mail of Alice, and keeps it."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.mails: list[Envelope] = []
        super().__init__(
            self, hostname=ELSEWHERE, port=0, ssl_context=tls, authenticator=self.authenticate, auth_require_tls=False
        )

    def factory(self) -> SMTP:
        return SMTP(
            self,
            authenticator=self.authenticate,
            auth_required=True,
            auth_require_tls=False,
            enable_SMTPUTF8=True,
        )

    def authenticate(self, _server: object, _session: object, _envelope: object, _how: str, given: Any) -> AuthResult:
        right = (given.login, given.password) == (ALICE.encode(), ACCOUNTS[ALICE].encode())
        return AuthResult(success=right, handled=right)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's
        self.mails.append(envelope)
        return "250 2.0.0 taken"


@pytest.fixture(scope="module")
def sink(certificates: Certificates) -> Iterator[Sink]:
    running = Sink(certificates.serving("127.0.0.2"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def sending(tenant: Tenant, dovecot: Dovecot, sink: Sink) -> Any:
    """Alice's mailbox, which sends by the sink."""
    tenant.connector("imap")
    sink.mails.clear()
    assert sink.server is not None
    port = sink.server.sockets[0].getsockname()[1]
    return data(tenant.connect("imap", imap(dovecot, ALICE, smtp_port=port)))


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_a_mail_is_sent(proxied: Proxied, sending: Any, key: str, sink: Sink, mechanism: str) -> None:
    with proxied.submission() as client:
        client.user, client.password = sending["id"], key
        client.ehlo()
        assert client.esmtp_features.keys() == {"auth"}
        code, _ = client.auth(mechanism, getattr(client, f"auth_{mechanism.lower()}"))
        assert code == 235
        client.ehlo()
        assert "8bitmime" in client.esmtp_features  # the mail server's own list
        client.sendmail(ALICE, ["bob@example.test"], "Subject: hello\r\n\r\n.\r\nA dot alone.\r\n")
    (mail,) = sink.mails
    assert (mail.mail_from, mail.rcpt_tos) == (ALICE, ["bob@example.test"])
    assert message_from_bytes(mail.content or b"").get_payload() == ".\r\nA dot alone.\r\n"


def test_who_is_not_let_in(proxied: Proxied, tenant: Tenant, sending: Any, key: str) -> None:
    for password, told in ((f"{key}x", "proxy token"), (key_of(tenant, "all"), "--permission grants.proxy")):
        with proxied.submission() as client, pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.login(sending["id"], password)
        assert refused.value.smtp_code == 535
        assert told in str(refused.value.smtp_error)


def test_nothing_but_a_login_comes_first(proxied: Proxied) -> None:
    with proxied.submission() as client:
        client.ehlo()
        assert client.docmd("MAIL FROM:<a@example.test>")[0] == 530
        assert client.docmd("VRFY", "a")[0] == 502
        assert client.docmd("AUTH", "CRAM-MD5")[0] == 504
        assert client.docmd("AUTH", "PLAIN =")[0] == 501
        assert client.noop()[0] == 250
        assert client.rset()[0] == 250


def test_a_server_that_is_away_is_no_wrong_password(
    proxied: Proxied, tenant: Tenant, sending: Any, key: str, sink: Sink
) -> None:
    sink.stop()
    try:
        with proxied.submission() as client, pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.login(sending["id"], key)
    finally:
        sink.start()
    assert refused.value.smtp_code == 454
    assert data(tenant.get(f"/v3/grants/{sending['id']}"))["grant_status"] == "valid"
