"""Resumed TLS sessions of mail servers: never at another server, never for longer, never instead of a certificate."""

import pytest
from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.net import tls_sessions
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.mail_login import MailClient
from opengrant.net.tls_sessions import TlsSessions
from tests.fakes.mail import Certificates, FakeMail

BOTH = pytest.mark.parametrize("leg", ["imap", "smtp"])


@pytest.fixture(scope="module")
def certificates():
    made = Certificates()
    yield made
    made.close()


@pytest.fixture
def mail(certificates):
    return MailClient(Guard(parse_networks("127.0.0.0/8"), Resolver()), ca_file=certificates.ca_file, at_once=8)


async def log_in(mail, leg, server, host="localhost", security="tls"):
    call = mail.imap_login if leg == "imap" else mail.smtp_login
    await call("imap", host=host, port=server.port, security=security, username="me", password=SecretStr("secret"))
    await server.ended()


def resumed(server):
    """For each login, whether the password came over a resumed session."""
    return [again for line, again in zip(server.heard, server.resumed, strict=True) if b"AUTH" in line]


@BOTH
@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_the_next_login_at_a_server_resumes_the_first_ones_session(certificates, mail, leg, security):
    async with FakeMail(leg, tls=certificates.good, implicit=security == "tls") as server:
        for _ in range(3):
            await log_in(mail, leg, server, security=security)
        # Under another name the certificate has not been checked.
        await log_in(mail, leg, server, host="127.0.0.1", security=security)
    assert resumed(server) == [False, True, True, False]


@BOTH
async def test_what_a_resumed_handshake_brings_is_not_kept(certificates, mail, leg):
    async with FakeMail(leg, tls=certificates.good, implicit=True) as server:
        await log_in(mail, leg, server)
        first = mail._sessions.find("localhost", server.port)
        await log_in(mail, leg, server)
        assert resumed(server) == [False, True]
        assert mail._sessions.find("localhost", server.port) is first


@BOTH
async def test_a_session_is_not_used_after_its_time(certificates, mail, leg, monkeypatch):
    monkeypatch.setattr(tls_sessions, "KEPT", -1.0)
    async with FakeMail(leg, tls=certificates.good, implicit=True) as server:
        for _ in range(2):
            await log_in(mail, leg, server)
    assert resumed(server) == [False, False]


@BOTH
@pytest.mark.parametrize("flaw", ["expired", "wrong_name", "self_signed", "unknown_ca"])
async def test_another_machine_in_the_servers_place_must_show_its_certificate(certificates, mail, leg, flaw):
    async with FakeMail(leg, tls=certificates.good, implicit=True) as server:
        await log_in(mail, leg, server)
    async with FakeMail(leg, tls=getattr(certificates, flaw), implicit=True, port=server.port) as other:
        with pytest.raises(ProviderFailure, match="CERTIFICATE_VERIFY_FAILED"):
            await log_in(mail, leg, other)
        assert not other.heard


@BOTH
async def test_after_a_handshake_that_failed_the_next_one_is_full(certificates, mail, leg):
    async with FakeMail(leg, tls=certificates.good, implicit=True) as server:
        await log_in(mail, leg, server)
    async with FakeMail(leg, port=server.port) as plain:
        with pytest.raises(ProviderFailure, match="WRONG_VERSION_NUMBER"):
            await log_in(mail, leg, plain)
    async with FakeMail(leg, tls=certificates.good, implicit=True, port=server.port) as again:
        for _ in range(2):
            await log_in(mail, leg, again)
    assert resumed(again) == [False, False]


@BOTH
async def test_a_login_that_was_refused_leaves_no_session(certificates, mail, leg):
    refusal = {"AUTHENTICATE": b"TAG NO no\r\n", "AUTH": b"535 5.7.8 no\r\n"}
    async with FakeMail(leg, tls=certificates.good, implicit=True, replies=refusal) as server:
        for _ in range(2):
            with pytest.raises(ProviderFailure):
                await log_in(mail, leg, server)
    assert resumed(server) == [False, False]


def test_the_longest_unused_server_is_forgotten_first():
    sessions = TlsSessions()
    for port in range(tls_sessions.MOST):
        sessions._put("localhost", port, object())
    assert sessions.find("localhost", 0) is not None
    sessions.refuse("localhost", tls_sessions.MOST)
    assert sessions.find("localhost", 0) is not None
    assert sessions.find("localhost", 1) is None
    assert len(sessions._kept) == tls_sessions.MOST
