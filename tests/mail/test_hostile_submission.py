"""Submission servers that are slow, lie and break off, through the API: a message is sent once, or to nobody.

Where the answer to a whole message was lost, that is said.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from opengrant.mail import submission
from opengrant.net.smtp import session
from tests.fakes.beside import Beside
from tests.fakes.mail import CLOSE, DRIP, FLOOD, RESET, SILENCE, Certificates, FakeMail
from tests.mail import test_hostile_servers as hostile_tests
from tests.support import LiveServer, Tenant, data, problem

certificates, server = hostile_tests.certificates, hostile_tests.server

OK = b"250 2.0.0 fine\r\n"
GO_ON = b"354 go on\r\n"
GOOD = {"MAIL": OK, "RCPT": OK, "RSET": OK}
SENT = b'* LIST () "/" INBOX\r\n* LIST (\\Sent) "/" Sent\r\nTAG OK done\r\n'
COPIED = {"LIST": SENT, "APPEND": [b"+ go on\r\n", b"", b"TAG OK done\r\n"], "EXAMINE": b"TAG OK done\r\n"}


Answers = Mapping[str, bytes]


def taken(answer: bytes) -> Answers:
    """The message is taken; its dot has this answer."""
    return {"DATA": GO_ON, ".": answer}


class Case(NamedTuple):
    """What is answered. copies: how many messages the server was given whole."""

    replies: Answers
    status: int
    type: str
    words: str
    wholes: int = 0


DOWN, REFUSED, LATER = (504, "api.provider_error"), (400, "invalid_request_error"), (503, "provider_error")
LIMITED, LOST = (429, "api.rate_limit_error"), (504, "provider_error")
CASES = {
    "says nothing": Case({"MAIL": SILENCE}, *DOWN, "not sent"),
    "drips": Case({"MAIL": DRIP}, *DOWN, "not sent"),
    "sends a line without an end": Case({"MAIL": b"250 " + FLOOD}, *DOWN, "no sense"),
    "answers with lines without end": Case({"MAIL": b"250-more\r\n" * 10_000}, *DOWN, "no sense"),
    "talks HTTP": Case({"MAIL": b"HTTP/1.1 400 Bad Request\r\n\r\n"}, *DOWN, "no sense"),
    "hangs up": Case({"RCPT": CLOSE}, *DOWN, "not available"),
    "resets": Case({"RCPT": RESET}, *DOWN, "not available"),
    "refuses the sender": Case({"MAIL": b"553 5.7.1 not yours\r\n"}, *REFUSED, "not yours"),
    "refuses the recipient": Case(
        {"RCPT": b"550 5.1.1 no such user\r\n"}, *REFUSED, "bo@example.com: 5.1.1 no such user"
    ),
    "wants the recipient later": Case({"RCPT": b"450 4.2.1 greylisted\r\n"}, *LATER, "greylisted"),
    "leaves in the middle": Case({"RCPT": b"421 4.3.2 shutting down\r\n" + CLOSE}, *LATER, "shutting down"),
    "limits": Case({"MAIL": b"450 4.7.28 rate limit exceeded\r\n"}, *LIMITED, "rate limit"),
    "takes no message": Case({"DATA": b"554 5.3.0 none today\r\n"}, *REFUSED, "none today"),
    "refuses the message": Case(taken(b"554 5.6.0 unwanted\r\n"), *REFUSED, "unwanted", 1),
    "leaves instead of taking it": Case(taken(b"421 4.3.2 going down\r\n" + CLOSE), *LATER, "going down", 1),
    "hangs up after the message": Case(taken(CLOSE), *LOST, "not known", 1),
    "says nothing after the message": Case(taken(SILENCE), *LOST, "not known", 1),
    "makes no sense after the message": Case(taken(b"what?\r\n"), *LOST, "not known", 1),
    "asks for more after the message": Case(taken(GO_ON), *LOST, "not known", 1),
}


class Servers(NamedTuple):
    fake: FakeMail
    tenant: Tenant
    grant: str

    def send(self) -> Any:
        said = {"to": [{"email": "bo@example.com"}], "subject": "x", "body": "hello", "is_plaintext": True}
        return self.tenant.post(f"{self.grant}/messages/send", said)

    def wholes(self) -> int:
        return self.fake.heard.count(b".")


@pytest.fixture(scope="module")
def servers(server: LiveServer, certificates: Certificates) -> Iterator[Servers]:
    with Beside() as beside:
        imap = beside.enter(FakeMail(tls=certificates.good, implicit=True, replies=COPIED))
        fake = beside.enter(FakeMail("smtp", tls=certificates.good, implicit=True, replies=GOOD))
        tenant = server.tenant()
        tenant.connector("imap")
        settings = {"imap_host": "localhost", "imap_port": imap.port, "smtp_host": "localhost", "smtp_port": fake.port}
        login = {"imap_username": "ana@example.test", "imap_password": "sesame"}
        made = data(tenant.connect("imap", settings | login))
        yield Servers(fake, tenant, f"/v3/grants/{made['id']}")
        tenant.http.close()


@pytest.mark.parametrize("does", CASES)
def test_a_message_is_sent_once_or_to_nobody_or_its_fate_is_said_to_be_unknown(
    servers: Servers, does: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[does]
    for command, answer in {**GOOD, **taken(OK), **case.replies}.items():
        servers.fake.answers(command, answer)
    before = servers.wholes()
    with monkeypatch.context() as patched:
        if case.words == "not sent":
            patched.setattr(submission, "WHOLE", 0.5)
        if "nothing after" in does:
            patched.setattr(session, "ACCEPTING", 0.5)
        answer_ = servers.send()
    status, type_, message = problem(answer_)
    assert (status, type_) == (case.status, case.type), message
    assert case.words in message
    assert status not in (LATER[0], LIMITED[0]) or int(answer_.headers["retry-after"]) > 0
    assert servers.wholes() - before == case.wholes
    for command, answer in {**GOOD, **taken(b"251 taken, I think\r\n")}.items():
        servers.fake.answers(command, answer)
    assert servers.send().status_code == 200, "the next message is sent"
    assert servers.wholes() - before == case.wholes + 1
