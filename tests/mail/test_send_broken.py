"""Sending by servers that break off, hang up at rest, and take no copy."""

import asyncio
import ssl
from collections.abc import Iterator
from typing import Any, Literal, Self

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.api.tokens import written
from tests.fakes.beside import Beside
from tests.fakes.mail import FakeMail
from tests.peers.dovecot import Dovecot
from tests.support import Tenant, data, problem

FULL = b"TAG NO [OVERQUOTA] no room\r\n"
SENT = b'* LIST (\\HasNoChildren) "/" INBOX\r\n* LIST (\\Sent) "/" Sent\r\nTAG OK done\r\n'


class Sink:
    """Async context manager: takes the mail of any login on `port`.

    ends  how it answers a message: as it should, by hanging up, or by hanging up once it has answered
    """

    def __init__(self, tls: ssl.SSLContext) -> None:
        self.ends: Literal["taken", "lost", "tired"] = "taken"
        self.mails: list[bytes] = []
        self.port = self.clients = 0
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
        self.clients += 1
        self._talks.append(SMTP(self, authenticator=_anyone, auth_require_tls=False, hostname="sink"))
        return self._talks[-1]

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's
        self.mails.append(bytes(envelope.content or b""))
        if self.ends == "lost":
            server.transport.abort()
        if self.ends == "tired":
            asyncio.get_running_loop().call_soon(server.transport.close)
        return "250 2.0.0 taken"


def _anyone(*_: Any) -> AuthResult:
    return AuthResult(success=True)


@pytest.fixture(scope="module")
def servers(dovecot: Dovecot) -> Iterator[tuple[FakeMail, Sink]]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(dovecot.dir / "cert.pem", dovecot.dir / "key.pem")
    replies = {"LIST": SENT, "APPEND": FULL, "EXAMINE": b"TAG OK fine\r\n", "UID": b"* SEARCH\r\nTAG OK done\r\n"}
    with Beside() as beside:
        yield beside.enter(FakeMail(tls=tls, implicit=True, replies=replies)), beside.enter(Sink(tls))


@pytest.fixture
def sink(servers: tuple[FakeMail, Sink]) -> Sink:
    sink = servers[1]
    sink.mails.clear()
    sink.ends = "taken"
    return sink


@pytest.fixture
def grant(tenant: Tenant, servers: tuple[FakeMail, Sink]) -> str:
    imap, smtp = servers
    tenant.connector("imap")
    login = {"imap_username": "ana@example.com", "imap_password": "pw-of-ana", "imap_host": "127.0.0.1"}
    ports = {"imap_port": imap.port, "smtp_host": "127.0.0.1", "smtp_port": smtp.port}
    return f"/v3/grants/{data(tenant.connect('imap', {**login, **ports}))['id']}"


def send(tenant: Tenant, grant: str, **headers: str) -> Any:
    said = {"to": [{"email": "bo@example.com"}], "subject": "secret plans", "body": "nobody reads this"}
    return tenant.post(f"{grant}/messages/send", said, headers=headers)


def test_an_answer_that_is_lost_is_said_to_be_lost_and_nothing_is_sent_again(
    tenant: Tenant, grant: str, sink: Sink
) -> None:
    sink.ends = "lost"
    for key in ({}, {"Idempotency-Key": "k"}, {"Idempotency-Key": "k"}):
        status, type_, message = problem(send(tenant, grant, **key))
        assert (status, type_) == (504, "provider_error")
        assert "whether it was sent is not known" in message
    assert len(sink.mails) == 2


def test_a_session_is_used_again_and_one_that_has_ended_is_opened_anew(tenant: Tenant, grant: str, sink: Sink) -> None:
    before = sink.clients
    for _ in range(3):
        assert send(tenant, grant).status_code == 200
    assert sink.clients == before + 1
    sink.ends = "tired"
    for _ in range(2):
        assert send(tenant, grant).status_code == 200
    assert len(sink.mails) == 5


def test_a_message_without_its_copy_was_sent_all_the_same(tenant: Tenant, grant: str, sink: Sink) -> None:
    answer = send(tenant, grant)
    assert data(answer)["folders"] == []
    assert len(sink.mails) == 1
    logged = written(tenant.server, answer)
    assert "sent_copy_failed" in logged
    assert "secret plans" not in logged
    assert "nobody reads this" not in logged
