"""Changes of mailboxes, told to webhooks, against a real Dovecot."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.announcing import deliver, subscribe
from tests.fakes.receiver import Hook
from tests.mail.mailbox import OWNER, Owner, mail
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, imap

TOLD = [f"{kind}.{change}" for kind in ("message", "folder") for change in ("created", "updated", "deleted")]


class Told:
    """A grant whose application's webhook wants to be told of mail."""

    def __init__(self, tenant: Tenant, hook: Hook, grant_id: str) -> None:
        self.tenant, self.hook, self.grant_id = tenant, hook, grant_id
        self._seen = 0

    def look(self) -> None:
        """One look at the mailbox, by a process that does not listen to it."""
        live = self.tenant.server
        live.rows("update mail_watches set due_at = 0 where grant_id = $1 and owner is null", self.grant_id)

        async def until_free() -> None:
            watching = live.services.watching
            await watching.run()
            while (watch := watching._watches.get((self.tenant.application.id, self.grant_id))) is not None:
                await asyncio.wait([watch.task])

        live.call(until_free())

    def new(self) -> list[tuple[str, dict[str, Any]]]:
        """What has been told since the last call: type and object, after a look."""
        self.look()
        deliver(self.tenant.server)
        fresh, self._seen = self.hook.received[self._seen :], len(self.hook.received)
        return [(one.envelope["type"], one.object) for one in fresh]

    def row(self) -> tuple[Any, ...]:
        sql = "select owner, failures, due_at, folders from mail_watches where grant_id = $1"
        return tuple(self.tenant.server.rows(sql, self.grant_id)[0])


@pytest.fixture(scope="module")
def server(announcing: LiveServer) -> LiveServer:
    return announcing


@pytest.fixture(autouse=True)
def polled(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection listens: each look is a test's own."""
    monkeypatch.setattr(server.services.watching.watcher.room, "_most", 0)


@pytest.fixture
def told(tenant: Tenant, owner: Owner, dovecot: Dovecot, hook: Hook) -> Iterator[Told]:
    tenant.connector("imap")
    made = data(tenant.connect("imap", imap(dovecot, OWNER)))
    webhook = subscribe(tenant, hook, *TOLD)
    yield Told(tenant, hook, made["id"])
    tenant.delete(f"/v3/webhooks/{webhook['id']}")
    tenant.server.call(tenant.server.services.watching.run())


def test_what_was_there_before_is_not_told(told: Told, owner: Owner) -> None:
    owner.put(mail(1))
    assert told.new() == []
    assert told.new() == []


def test_a_new_message_is_told_as_the_api_shows_it(told: Told, owner: Owner) -> None:
    told.look()
    owner.put(mail(1, files=[("a.pdf", b"%PDF")]))
    ((type_, message),) = told.new()
    assert type_ == "message.created"
    assert message == data(told.tenant.get(f"/v3/grants/{told.grant_id}/messages/%3C1@example.com%3E"))
    assert told.new() == []
