"""A mail server that allows one connection for each mailbox, as its administrator may set."""

import contextlib
import imaplib
from collections.abc import Callable, Iterator

import pytest

from opengrant.mail import sessions
from opengrant.model import SECOND
from tests.announcing import subscribe
from tests.fakes.receiver import Hook
from tests.mail.mailbox import OWNER, Owner, mail
from tests.mail.test_messages import path
from tests.mail.test_watching import TOLD, Told
from tests.nodes.node import until
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, imap, problem


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot(more="mail_max_userip_connections = 1") as strict:
        yield strict


@pytest.fixture(scope="module")
def server(dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with LiveServer(dovecot.settings(), tmp_path_factory.mktemp("strict")) as live:
        yield live


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and the server is asked for twenty seconds: a busy one takes long to see that a connection has gone."""
    return lambda: monkeypatch.setattr(sessions, "_PAUSES", (0.1,) * 200)


def once_free(dovecot: Dovecot) -> Owner:
    """Logged in as soon as the server has seen that the connection before has gone."""
    entered: list[Owner] = []

    def enter() -> bool:
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            entered.append(Owner(dovecot))
        return bool(entered)

    until(enter, "the connection stays taken")
    return entered[0]


def test_a_taken_connection_is_a_429_and_what_rests_makes_room(
    tenant: Tenant, dovecot: Dovecot, patience: Callable[[], None]
) -> None:
    tenant.connector("imap")
    grant = f"/v3/grants/{data(tenant.connect('imap', imap(dovecot, OWNER)))['id']}"
    owner = once_free(dovecot)
    owner.empty()
    owner.put(mail(1, files=[("a.pdf", b"%PDF small")]))

    answer = tenant.get(f"{grant}/messages?in=INBOX")
    status, type_, message = problem(answer)
    assert (status, type_) == (429, "api.rate_limit_error")
    assert int(answer.headers["retry-after"]) > 0
    assert "connections" in message

    owner.client.logout()
    patience()
    until(lambda: tenant.get(f"{grant}/messages?in=INBOX").status_code == 200, "the connection stays taken")
    (one,) = data(tenant.get(f"{grant}/messages?in=INBOX"))
    # The session of that call rests now, and a download takes another one.
    at = f"{path(grant, one['id'])}/attachments/{one['attachments'][0]['id']}/download"
    for _ in range(2):
        assert tenant.get(at).content == b"%PDF small"
        assert data(tenant.get(f"{grant}/folders?select=id")) == [{"id": "INBOX"}]
    assert data(tenant.get(grant))["grant_status"] == "valid"


def test_a_connection_that_listens_makes_room_for_calls(
    tenant: Tenant, dovecot: Dovecot, hook: Hook, patience: Callable[[], None]
) -> None:
    patience()
    tenant.connector("imap")
    grant_id = data(tenant.connect("imap", imap(dovecot, "alice@example.test")))["id"]
    subscribe(tenant, hook, *TOLD)
    told = Told(tenant, dovecot, hook, grant_id)
    told.start()
    assert data(tenant.get(f"/v3/grants/{grant_id}/folders?select=id")) == [{"id": "INBOX"}]
    owner, failures, due_at, _ = told.row()
    assert (owner, failures) == (None, 0)
    assert due_at > tenant.server.services.watching.clock() + 200 * SECOND
    tenant.delete(f"/v3/grants/{grant_id}")
