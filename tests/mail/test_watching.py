"""Changes of mailboxes, told to webhooks, against a real Dovecot."""

import asyncio
import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from opengrant.mail.watching import watcher
from opengrant.model import SECOND
from tests.announcing import deliver, subscribe
from tests.fakes.receiver import Hook
from tests.mail.mailbox import OWNER, Owner, mail
from tests.nodes.node import until
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, imap

TOLD = [f"{kind}.{change}" for kind in ("message", "folder") for change in ("created", "updated", "deleted")]


class Told:
    """A grant whose application's webhook wants to be told of mail."""

    def __init__(self, tenant: Tenant, dovecot: Dovecot, hook: Hook, grant_id: str) -> None:
        self.tenant, self.dovecot, self.hook, self.grant_id = tenant, dovecot, hook, grant_id
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

    def watch(self) -> Any:
        live = self.tenant.server

        async def find() -> Any:
            return live.services.watching._watches.get((self.tenant.application.id, self.grant_id))

        return live.call(find())

    def go_on(self) -> None:
        """As a process does all the time; what waits has waited."""
        live = self.tenant.server
        live.rows("update mail_watches set due_at = 0 where grant_id = $1 and owner is null", self.grant_id)
        live.call(live.services.watching.run())

    def start(self) -> None:
        """Until the inbox is listened to."""
        self.go_on()
        until(lambda: (watch := self.watch()) is not None and not watch.opening, "nothing listens")

    def check(self) -> None:
        """New grants are watched, and what is not to be watched any more is not."""
        live = self.tenant.server
        live.services.watching._checked = live.services.watching._found = 0
        live.call(live.services.watching.run())

    def events(self) -> list[str]:
        """What is about to be sent."""
        sql = "select type from deliveries where application_id = $1 and state = 'pending' order by seq"
        return [row[0] for row in self.tenant.server.rows(sql, self.tenant.application.id)]

    def wait_for(self, count: int) -> list[tuple[str, dict[str, Any]]]:
        """What is told next."""
        until(lambda: len(self.events()) >= count, "nothing is told")
        deliver(self.tenant.server)
        fresh, self._seen = self.hook.received[self._seen :], len(self.hook.received)
        return [(one.envelope["type"], one.object) for one in fresh]

    def watched(self) -> list[str]:
        sql = "select grant_id from mail_watches where application_id = $1"
        return [row[0] for row in self.tenant.server.rows(sql, self.tenant.application.id)]

    def pages(self) -> int:
        return len(self.tenant.server.rows("select 1 from mail_pages where grant_id = $1", self.grant_id))

    def row(self) -> tuple[Any, ...]:
        sql = "select owner, failures, due_at, folders from mail_watches where grant_id = $1"
        return tuple(self.tenant.server.rows(sql, self.grant_id)[0])


@pytest.fixture(scope="module")
def server(announcing: LiveServer) -> LiveServer:
    return announcing


@pytest.fixture
def polled(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection listens: each look is a test's own."""
    monkeypatch.setattr(server.services.watching.watcher.room, "_most", 0)


@pytest.fixture
def told(tenant: Tenant, owner: Owner, dovecot: Dovecot, hook: Hook, polled: None) -> Iterator[Told]:
    tenant.connector("imap")
    made = data(tenant.connect("imap", imap(dovecot, OWNER)))
    with watched(tenant, dovecot, hook, made["id"]) as told:
        yield told


@contextlib.contextmanager
def watched(tenant: Tenant, dovecot: Dovecot, hook: Hook, grant_id: str) -> Iterator[Told]:
    webhook = subscribe(tenant, hook, *TOLD)
    yield (told := Told(tenant, dovecot, hook, grant_id))
    tenant.delete(f"/v3/webhooks/{webhook['id']}")
    told.check()


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


def kinds(told: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, str]]:
    return [(type_, one["id"]) for type_, one in told]


def test_flags_moves_and_deletions_are_told(told: Told, owner: Owner) -> None:
    for number in range(1, 4):
        owner.put(mail(number))
    owner.make("Archive")
    told.look()
    owner.client.select("INBOX")
    owner.client.store("1", "+FLAGS", "\\Seen \\Flagged")
    owner.client._simple_command("MOVE", "2", "Archive")
    owner.client.store("2", "+FLAGS", "\\Deleted")
    owner.client.expunge()
    found = told.new()
    assert sorted(kinds(found)) == [
        ("message.deleted", "<3@example.com>"),
        ("message.updated", "<1@example.com>"),
        ("message.updated", "<2@example.com>"),
    ]
    shown = {one["id"]: one for _, one in found}
    assert shown["<3@example.com>"] == {"id": "<3@example.com>", "grant_id": told.grant_id, "object": "message"}
    first, second = shown["<1@example.com>"], shown["<2@example.com>"]
    assert (first["unread"], first["starred"], first["folders"]) == (False, True, ["INBOX"])
    assert (second["unread"], second["folders"], second["subject"]) == (True, ["Archive"], "Message 2")
    assert told.new() == []


def test_copies_are_one_message(told: Told, owner: Owner) -> None:
    owner.put(mail(1))
    owner.make("Work")
    told.look()
    owner.client.select("INBOX")
    owner.client.copy("1", "Work")
    ((type_, message),) = told.new()
    assert (type_, message["folders"]) == ("message.updated", ["INBOX", "Work"])
    owner.client.store("1", "+FLAGS", "\\Deleted")
    ((type_, message),) = told.new()
    assert (type_, message["folders"]) == ("message.updated", ["Work"])


def test_folders_are_told(told: Told, owner: Owner) -> None:
    owner.make("Work")
    told.look()
    owner.make("Rechnungen f&APw-r 2026")
    # Cyrus refuses for a moment, while the session of the look ends.
    until(lambda: owner.client.delete("Work")[0] == "OK", "the folder stays")
    made, gone = told.new()
    assert (made[0], made[1]["name"], made[1]["object"]) == ("folder.created", "Rechnungen für 2026", "folder")
    assert made[1] == data(told.tenant.get(f"/v3/grants/{told.grant_id}/folders/{made[1]['id']}"))
    assert kinds([gone]) == [("folder.deleted", "Work")]


def test_a_folder_that_is_renamed_takes_its_messages_along(told: Told, owner: Owner) -> None:
    owner.make("Work")
    owner.put(mail(1), folder="Work")
    told.look()
    owner.client.rename("Work", "Done")
    found = told.new()
    assert kinds(found) == [
        ("folder.created", "Done"),
        ("message.updated", "<1@example.com>"),
        ("folder.deleted", "Work"),
    ]
    assert found[1][1]["folders"] == ["Done"]


def test_old_mail_in_a_new_folder_is_not_told_as_new(told: Told, owner: Owner) -> None:
    told.look()
    owner.make("Import")
    owner.put(mail(1), folder="Import")
    assert kinds(told.new()) == [("folder.created", "Import")]
    owner.put(mail(2), folder="Import")
    assert kinds(told.new()) == [("message.created", "<2@example.com>")]
    owner.make("Second")
    owner.client.append("Second", "", None, mail(3))  # came just now
    assert kinds(told.new()) == [("folder.created", "Second"), ("message.created", "<3@example.com>")]


def test_numbers_that_begin_anew_are_no_new_mail(told: Told, owner: Owner) -> None:
    for number in range(1, 4):
        owner.put(mail(number))
    told.look()
    # As if the server had numbered the messages anew since then.
    (row,) = told.tenant.server.rows("select folders from mail_watches where grant_id = $1", told.grant_id)
    folders = json.loads(row[0])
    folders[0][6][0] += 1
    told.tenant.server.rows(
        "update mail_watches set folders = $2 where grant_id = $1", told.grant_id, json.dumps(folders)
    )
    owner.client.select("INBOX")
    owner.client.store("1", "+FLAGS", "\\Seen")
    owner.client.store("2", "+FLAGS", "\\Deleted")
    owner.client.expunge()
    assert sorted(kinds(told.new())) == [
        ("message.deleted", "<2@example.com>"),
        ("message.updated", "<1@example.com>"),
    ]


def test_a_message_that_is_gone_when_it_is_told_is_told_by_its_id(told: Told, owner: Owner) -> None:
    told.look()
    owner.put(mail(1))
    told.look()
    owner.empty()
    told.tenant.server.services.watching.watcher.rounds.contents._known.clear()
    found = told.new()
    assert kinds(found) == [("message.created", "<1@example.com>"), ("message.deleted", "<1@example.com>")]
    here = {"folders": ["INBOX"], "unread": True, "starred": False}
    assert found[0][1] == {"id": "<1@example.com>", "grant_id": told.grant_id, "object": "message", **here}


def test_a_large_message_is_told_without_its_text(told: Told, owner: Owner) -> None:
    told.look()
    owner.put(mail(1, html=f"<p>{'long ' * 250_000}</p>"))
    ((type_, message),) = told.new()
    assert (type_, message["subject"], "body" in message) == ("message.created.truncated", "Message 1", False)


def test_texts_of_messages_are_not_stored(told: Told, owner: Owner) -> None:
    told.look()
    owner.put(mail(1, subject="Very private"))
    assert len(told.new()) == 1
    rows = told.tenant.server.rows(
        "select payload from deliveries where application_id = $1", told.tenant.application.id
    )
    assert [json.loads(row[0]).keys() for row in rows] == [
        {"id", "grant_id", "object", "folders", "unread", "starred", "live"}
    ]


def test_a_webhook_or_a_grant_that_goes_ends_the_watch(told: Told, owner: Owner) -> None:
    owner.put(mail(1))
    told.look()
    assert told.pages() == 1
    told.tenant.delete(f"/v3/grants/{told.grant_id}")
    assert told.pages() == 0
    other = data(told.tenant.connect("imap", imap(told.dovecot, OWNER)))["id"]
    told.check()
    assert told.watched() == [other]
    (webhook,) = data(told.tenant.get("/v3/webhooks"))
    told.tenant.put(f"/v3/webhooks/{webhook['id']}", {"trigger_types": ["grant.created"]})
    told.check()
    assert told.watched() == []


def test_an_application_without_such_a_webhook_costs_nothing(
    tenant: Tenant, owner: Owner, dovecot: Dovecot, hook: Hook, server: LiveServer
) -> None:
    tenant.connector("imap")
    tenant.connect("imap", imap(dovecot, OWNER))
    subscribe(tenant, hook)
    server.call(server.services.watching.run())
    assert server.rows("select 1 from mail_watches where application_id = $1", tenant.application.id) == []


@pytest.fixture
def listening(told: Told, server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Its inbox is listened to."""
    monkeypatch.setattr(server.services.watching.watcher.room, "_most", 10)
    told.start()
    return told


def test_new_mail_is_told_at_once_while_the_inbox_is_listened_to(listening: Told, owner: Owner) -> None:
    owner.make("Work")
    owner.put(mail(1))
    assert kinds(listening.wait_for(2)) == [("folder.created", "Work"), ("message.created", "<1@example.com>")]
    owner.client.select("INBOX")
    owner.client.store("1", "+FLAGS", "\\Seen")
    assert kinds(listening.wait_for(1)) == [("message.updated", "<1@example.com>")]
    owner.client._simple_command("MOVE", "1", "Work")
    ((type_, message),) = listening.wait_for(1)
    assert (type_, message["folders"], message["unread"]) == ("message.updated", ["Work"], False)
    assert listening.row()[0] is not None


def test_sent_mail_is_told_soon(told: Told, owner: Owner, server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.services.watching.watcher.room, "_most", 10)
    monkeypatch.setattr(watcher, "SENT_EVERY", 0.1)
    owner.make("Sent")
    told.start()
    owner.put(mail(1), folder="Sent")
    assert kinds(told.wait_for(1)) == [("message.created", "<1@example.com>")]


def test_a_blocked_grant_is_not_listened_to(listening: Told, server: LiveServer) -> None:
    server.rows("update grants set blocked = 1 where id = $1", listening.grant_id)
    listening.check()
    assert listening.row()[0] is None
    server.rows("update grants set blocked = 0 where id = $1", listening.grant_id)


def test_a_process_that_was_taken_to_be_gone_tells_nothing_more(
    listening: Told, owner: Owner, server: LiveServer
) -> None:
    server.rows("delete from mail_watchers")
    server.rows("update mail_watches set owner = null, due_at = 1 where grant_id = $1", listening.grant_id)
    owner.put(mail(1))
    until(lambda: listening.watch() is None, "a watch goes on that is not held")
    assert listening.events() == []
    server.services.watching._beaten = 0
    listening.start()
    assert kinds(listening.wait_for(1)) == [("message.created", "<1@example.com>")]


def test_a_refused_password_is_not_tried_again_and_again(told: Told, owner: Owner, server: LiveServer) -> None:
    told.look()
    with told.dovecot.refusing(OWNER):
        told.look()
        owner_, failures, due_at, _ = told.row()
        assert (owner_, failures) == (None, 1)
        assert due_at > server.services.watching.clock() + 250 * SECOND
        (trouble,) = server.rows("select trouble from grants where id = $1", told.grant_id)
        assert trouble[0] is not None, "it counts as at the daily check"
        told.look()
        assert told.row()[1] == 0, "in doubt, it is left alone"
