"""Sending through the mail proxy: smtplib, and a server that takes mail after a login."""

import asyncio
import smtplib
import ssl
from email import message_from_bytes
from typing import Any, Self

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.fakes.beside import Beside, Junction
from tests.fakes.mail import Certificates
from tests.mailproxy.conftest import ALICE
from tests.mailproxy.support import Proxied, key_of
from tests.peers.dovecot import ACCOUNTS, Dovecot
from tests.peers.postfix import UNWANTED, Postfix
from tests.support import Tenant, data, imap


class Sink:
    """Async context manager: takes mail of Alice on `port`, and keeps it."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.mails: list[Envelope] = []
        self.port = 0
        self._tls = tls
        self._talks: list[SMTP] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._talk, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for one in self._talks:
            if one.transport is not None:
                one.transport.abort()

    def _talk(self) -> SMTP:
        self._talks.append(
            SMTP(self, authenticator=self.authenticate, auth_require_tls=False, enable_SMTPUTF8=True, hostname="sink")
        )
        return self._talks[-1]

    def authenticate(self, _server: object, _session: object, _envelope: object, _how: str, given: Any) -> AuthResult:
        right = (given.login, given.password) == (ALICE.encode(), ACCOUNTS[ALICE].encode())
        return AuthResult(success=right, handled=right)

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's
        if not session.authenticated:
            return "530 5.7.0 log in first"
        self.mails.append(envelope)
        return "250 2.0.0 taken"


@pytest.fixture(scope="module")
def sink(beside: Beside, certificates: Certificates) -> Sink:
    return beside.enter(Sink(certificates.good))


@pytest.fixture(scope="module")
def submission(beside: Beside, sink: Sink) -> Junction:
    return beside.enter(Junction(sink.port))


@pytest.fixture
def sending(tenant: Tenant, dovecot: Dovecot, sink: Sink, submission: Junction) -> Any:
    """Alice's mailbox, which sends by the sink."""
    tenant.connector("imap")
    sink.mails.clear()
    submission.leads_to = sink.port
    place = {"smtp_host": "127.0.0.1", "smtp_port": submission.port}
    return data(tenant.connect("imap", imap(dovecot, ALICE, **place)))


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
    proxied: Proxied, tenant: Tenant, sending: Any, key: str, submission: Junction
) -> None:
    submission.leads_to = 1  # nothing listens there
    with proxied.submission() as client, pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        client.login(sending["id"], key)
    assert refused.value.smtp_code == 454
    assert data(tenant.get(f"/v3/grants/{sending['id']}"))["grant_status"] == "valid"


def test_what_postfix_says_of_each_recipient_reaches_the_client(
    proxied: Proxied, tenant: Tenant, key: str, dovecot: Dovecot, postfix: Postfix
) -> None:
    tenant.connector("imap")
    place = {"smtp_host": "127.0.0.2", "smtp_port": postfix.submission}  # STARTTLS
    grant = data(tenant.connect("imap", imap(dovecot, ALICE, **place)))
    postfix.forget()
    with proxied.submission() as client:
        client.login(grant["id"], key)
        recipients = ["bob@example.test", "gone@example.test", "later@example.test", "full@example.test"]
        refused = client.sendmail(ALICE, recipients, "Subject: hello\r\n\r\nHello\r\n")
        assert {name: code for name, (code, _) in refused.items()} == {
            "gone@example.test": 550,
            "later@example.test": 450,
            "full@example.test": 552,
        }
        with pytest.raises(smtplib.SMTPDataError) as unwanted:
            client.sendmail(ALICE, ["bob@example.test"], f"Subject: {UNWANTED}\r\n\r\nHello\r\n")
        assert unwanted.value.smtp_code == 550
    (mail,) = postfix.received(1)
    assert mail.recipient == "bob@example.test"
