"""Messages with `send_at`, by a real Postfix: sent at their time, tried again, given up, told to webhooks."""

import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from email import message_from_bytes
from typing import Any

import httpx
import pytest

from opengrant.errors import InvalidData, OpenGrantError, RateLimited
from opengrant.events.envelope import Notification
from opengrant.mail.schedules import results
from opengrant.mail.schedules.sending import ScheduledSender
from opengrant.model import SECOND
from opengrant.store.engine.port import Steps, Store
from opengrant.store.mail.outgoing import Outgoing
from tests.announcing import deliver, subscribe
from tests.fakes.receiver import Hook
from tests.mail.mailbox import OWNER, Owner, mail
from tests.peers.dovecot import Dovecot
from tests.peers.postfix import UNWANTED, Postfix
from tests.support import LiveServer, Tenant, data, imap, problem

TO = "ana@example.com"
MINUTE, HOUR, DAY = 60, 3600, 24 * 3600


class Later:
    """Schedules of the owner's grant, and the time that passes for them."""

    def __init__(self, tenant: Tenant, path: str) -> None:
        self.tenant, self.live, self.path = tenant, tenant.server, path

    def ask(self, *, ahead: int = 120, to: str = TO, key: str | None = None, **more: Any) -> httpx.Response:
        body = {"to": [{"email": to}], "subject": "Plans", "body": "<p>Secret</p>", "send_at": int(time.time()) + ahead}
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.tenant.post(f"{self.path}/messages/send", {**body, **more}, headers=headers)

    def schedule(self, **more: Any) -> str:
        answer = self.ask(**more)
        assert answer.status_code == 202, answer.text
        return str(data(answer)["schedule_id"])

    def show(self, id_: str) -> dict[str, Any]:
        found: dict[str, Any] = data(self.tenant.get(f"{self.path}/messages/schedules/{id_}"))
        return found

    def status(self, id_: str) -> tuple[str, str]:
        status = self.show(id_)["status"]
        return status["code"], status["description"]

    def after(self, id_: str, seconds: int) -> None:
        """Let so much time pass, and send what is due."""
        sql = "update outgoing set send_at = send_at - $2, run_at = run_at - $2 where id = $1"
        self.live.rows(sql, id_, seconds * SECOND)
        self.work()

    def work(self) -> None:
        async def until_idle() -> None:
            await self.live.services.scheduled_sender.run()
            await self.live.services.scheduled_sender.idle()

        self.live.call(until_idle())

    def row(self, id_: str, columns: str) -> Any:
        return self.live.rows(f"select {columns} from outgoing where id = $1", id_)[0]

    def listen(self) -> None:
        self.live.rows(
            """insert into webhooks (application_id, id, url, triggers, emails, compressed, status, status_updated_at,
                                     created_at, updated_at)
               values ($1, $2, 'https://example.com/', '["message.send_success","message.send_failed"]', '[]', 0,
                       'active', 0, 0, 0)""",
            *(self.tenant.application.id, f"hook-{self.tenant.application.id}"),
        )

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        sql = "select type, payload from deliveries where application_id = $1 order by seq"
        return [(type_, json.loads(payload)) for type_, payload in self.live.rows(sql, self.tenant.application.id)]


@pytest.fixture
def later(tenant: Tenant, dovecot: Dovecot, postfix: Postfix, owner: Owner) -> Later:
    tenant.connector("imap")
    postfix.forget()
    return Later(tenant, f"/v3/grants/{data(tenant.connect('imap', imap(dovecot, OWNER, **postfix.settings())))['id']}")


def test_a_message_is_sent_at_its_time_and_not_before(later: Later, owner: Owner, postfix: Postfix) -> None:
    later.listen()
    answer = later.ask(bcc=[{"email": "carl@example.com"}], metadata={"key1": "spring"})
    body = answer.json()
    assert answer.status_code == 202
    assert {name: body[name] for name in ("grant_id", "schedule_id", "send_at")} == {
        name: body["data"][name] for name in ("grant_id", "schedule_id", "send_at")
    }
    assert (body["data"]["subject"], body["data"]["body"]) == ("Plans", "<p>Secret</p>")
    id_ = body["schedule_id"]
    later.after(id_, 100)
    assert (later.status(id_)[0], postfix.received(0)) == ("pending", [])
    later.after(id_, 60)
    assert later.status(id_) == ("success", "The mail server took the message.")
    received = postfix.received(2)
    assert {one.recipient for one in received} == {TO, "carl@example.com"}
    message = message_from_bytes(received[0].raw)
    assert (message["Message-ID"], message["Bcc"], owner.count("Sent")) == (body["data"]["id"], None, 1)
    assert "close_time" in later.show(id_)
    (found,) = data(later.tenant.get(f"{later.path}/messages?metadata_pair=key1:spring"))
    assert (found["id"], found["metadata"]) == (body["data"]["id"], {"key1": "spring"})
    assert later.live.rows("select count(*) from secrets where owner_id = $1", id_)[0][0] == 0
    later.work()
    assert len(postfix.received(2)) == 2
    ((type_, told),) = later.told()
    assert type_ == "message.send_success"
    known = {"object": "message", "id": body["data"]["id"], "grant_id": body["grant_id"], "schedule_id": id_}
    assert told == known | {"send_at": later.show(id_)["send_at"], "live": True}
    contents = later.live.services.delivery_sender.contents
    whole = later.live.call(contents.complete(later.tenant.application.id, told, last=False))
    assert {**whole, **known} == whole
    assert (whole["subject"], whole["folders"], whole["to"]) == ("Plans", ["Sent"], [{"email": TO, "name": ""}])


@pytest.mark.parametrize(
    ("more", "words"),
    [({"to": "gone@example.test"}, "no such user"), ({"subject": f"so {UNWANTED}"}, "unwanted content")],
    ids=["recipient", "message"],
)
def test_what_the_mail_server_refuses_for_good_has_failed_at_once(
    later: Later, owner: Owner, postfix: Postfix, more: dict[str, Any], words: str
) -> None:
    later.listen()
    id_ = later.schedule(**more)
    later.after(id_, 130)
    code, description = later.status(id_)
    assert code == "failed"
    assert words in description
    assert (postfix.received(0), owner.count("Sent")) == ([], -1)
    ((type_, told),) = later.told()
    assert type_ == "message.send_failed"
    assert told["reason"] == description == told["error"]["message"]
    assert (told["error"]["type"], told["error"]["status_code"]) == ("invalid_request_error", 400)
    assert words in told["error"]["provider_error"]["message"]
    assert problem(later.tenant.delete(f"{later.path}/messages/schedules/{id_}"))[0] == 404


def test_what_the_mail_server_defers_is_tried_again_for_a_day(later: Later, postfix: Postfix) -> None:
    id_ = later.schedule(to="later@example.test")
    waits = []
    for _ in range(6):
        later.after(id_, 4000)
        code, description = later.status(id_)
        assert code == "pending"
        assert "try again later" in description
        handed, owner, run_at = later.row(id_, "handed_at, owner, run_at")
        assert (handed, owner) == (None, None)
        waits.append(round((run_at - later.live.services.schedules.clock()) / SECOND / MINUTE))
    assert [wait // 2 * 2 if wait < 6 else wait // 6 * 6 for wait in waits[:3]] == [0, 4, 12]
    assert all(50 <= wait <= 66 for wait in waits[4:])
    later.after(id_, DAY - 6 * 4000 - 8 * MINUTE)
    code, description = later.status(id_)
    assert (code, "try again later" in description, postfix.received(0)) == ("failed", True, [])


def test_a_message_of_yesterday_is_not_sent_any_more(later: Later, postfix: Postfix) -> None:
    id_ = later.schedule()
    later.after(id_, DAY + 200)
    code, description = later.status(id_)
    assert (code, "within 24 hours" in description, postfix.received(0)) == ("failed", True, [])


def test_a_grant_that_is_blocked_is_waited_for(later: Later, postfix: Postfix) -> None:
    id_ = later.schedule()
    grants, grant_id = later.live.services.grants, later.path.rpartition("/")[2]
    later.live.call(grants.block(grant_id, blocked=True))
    later.after(id_, 130)
    later.live.call(grants.block(grant_id, blocked=False))
    assert later.status(id_)[0] == "pending"
    later.after(id_, MINUTE + 10)
    assert later.status(id_)[0] == "success"
    assert len(postfix.received(1)) == 1


def test_a_grant_that_is_invalid_is_waited_for_until_it_is_connected_again(
    later: Later, postfix: Postfix, dovecot: Dovecot
) -> None:
    id_ = later.schedule()
    grants = later.live.services.grants
    grant = later.live.call(grants.get(later.tenant.application, later.path.rpartition("/")[2]))
    later.live.call(grants.invalidate(later.tenant.application, grant, reason="a test"))
    later.after(id_, 130)
    assert later.status(id_)[0] == "pending"
    assert later.tenant.connect("imap", imap(dovecot, OWNER, **postfix.settings())).status_code == 201
    later.after(id_, MINUTE + 10)
    assert later.status(id_)[0] == "success"


def test_one_can_be_cancelled_between_two_attempts_but_not_while_it_is_handed_over(
    later: Later, postfix: Postfix
) -> None:
    id_ = later.schedule(to="later@example.test")
    later.after(id_, 130)
    assert later.tenant.delete(f"{later.path}/messages/schedules/{id_}").status_code == 202
    other = later.schedule()
    later.live.rows("update outgoing set handed_at = 1, owner = 'a node' where id = $1", other)
    told = problem(later.tenant.delete(f"{later.path}/messages/schedules/{other}"))
    assert (told[:2], "being sent" in told[2]) == ((404, "not_found_error"), True)
    assert postfix.received(0) == []


@pytest.mark.parametrize("there", [True, False])
def test_one_that_a_dead_node_may_have_sent_is_looked_for_and_never_sent_again(
    later: Later, owner: Owner, postfix: Postfix, there: bool
) -> None:
    later.listen()
    id_ = later.schedule()
    message_id = later.row(id_, "message_id")[0]
    if there:
        owner.make("Sent")
        owner.put(mail(1, Message_ID=message_id), folder="Sent")
    later.live.rows("update outgoing set handed_at = 1, attempts = 1 where id = $1", id_)
    later.after(id_, 130)
    code, description = later.status(id_)
    assert postfix.received(0) == []
    ((type_, told),) = later.told()
    if there:
        assert (code, type_) == ("success", "message.send_success")
    else:
        assert (code, type_) == ("failed", "message.send_failed")
        assert "whether it was sent is not known" in description
        assert told["error"]["type"] == "provider_error"


def test_the_same_request_with_a_key_makes_one_schedule(later: Later) -> None:
    body = {"send_at": int(time.time()) + 300}
    first, again = later.ask(key="k", **body), later.ask(key="k", **body)
    assert data(first) == data(again)
    assert again.headers["idempotent-response"] == "true"
    assert problem(later.ask(key="k", subject="other", **body))[0] == 409
    # As if the process had died before it could answer.
    later.live.rows("update idempotency set answer = null, created_at = created_at - $1", 600 * SECOND)
    assert data(later.ask(key="k", **body))["schedule_id"] == data(first)["schedule_id"]
    assert len(data(later.tenant.get(f"{later.path}/messages/schedules"))) == 1


@pytest.mark.parametrize("ahead", [0, 30, 31 * DAY])
def test_a_time_outside_of_the_window_is_refused(later: Later, ahead: int) -> None:
    status, type_, message = problem(later.ask(ahead=ahead))
    assert (status, type_, message.startswith("send_at: ")) == (400, "invalid_request_error", True)


def test_a_grant_that_cannot_send_is_refused_at_once(later: Later, dovecot: Dovecot) -> None:
    alone = {key: value for key, value in imap(dovecot, "alice@example.test").items() if not key.startswith("smtp")}
    later.path = f"/v3/grants/{data(later.tenant.connect('imap', alone))['id']}"
    status, _, message = problem(later.ask())
    assert (status, "no SMTP server" in message) == (400, True)


def test_a_large_message_is_sent_as_it_was_given(later: Later, postfix: Postfix) -> None:
    text = "line of text\n" * 100_000
    id_ = later.schedule(body=text, is_plaintext=True)
    later.after(id_, 130)
    (received,) = postfix.received(1)
    message = message_from_bytes(received.raw)
    assert message.get_payload(decode=True).replace(b"\r\n", b"\n").rstrip(b"\n") == text.encode().rstrip(b"\n")  # type: ignore[union-attr]


def test_a_receiver_is_told_of_what_was_sent_and_of_what_failed(
    announcing: LiveServer, subscriber: Tenant, hook: Hook, dovecot: Dovecot, postfix: Postfix, owner: Owner
) -> None:
    subscriber.connector("imap")
    grant = data(subscriber.connect("imap", imap(dovecot, OWNER, **postfix.settings())))["id"]
    later = Later(subscriber, f"/v3/grants/{grant}")
    subscribe(subscriber, hook, "message.send_success", "message.send_failed")
    for to in (TO, "gone@example.test"):
        later.after(later.schedule(to=to), 130)
    for _ in range(2):
        deliver(announcing)
    sent, failed = (one.envelope for one in hook.received)
    assert (sent["type"], failed["type"]) == ("message.send_success", "message.send_failed")
    assert sent["data"]["grant_id"] == failed["data"]["grant_id"] == grant
    assert (sent["data"]["object"]["subject"], sent["data"]["object"]["body"]) == ("Plans", "<p>Secret</p>")
    assert "live" not in sent["data"]["object"]
    assert "no such user" in failed["data"]["reason"]
    assert failed["data"]["error"] == failed["data"]["object"]["error"]
    assert "subject" not in failed["data"]["object"]


def test_the_envelope_names_grant_reason_and_error_beside_the_object() -> None:
    failed = {"grant_id": "g", "reason": "no", "error": {"type": "t"}, "id": "<1@x>"}
    about = Notification("n", "message.send_failed", "/nylas/system", "app", 1, failed).envelope()["data"]
    assert about == {"application_id": "app", "grant_id": "g", "reason": "no", "error": {"type": "t"}, "object": failed}
    other = Notification("n", "grant.created", "/nylas/system", "app", 1, failed).envelope()["data"]
    assert other == {"application_id": "app", "object": failed}


def test_waits_grow_and_end_within_a_day() -> None:
    at = 1_700_000_000 * SECOND
    one = Outgoing("app", "g", "1", "<1@x>", "h", 1, "pending", at, at, "o", 1, None, None, None, at)

    def wait(attempts: int, *, after: int = 0, doubtful: bool = False, error: OpenGrantError = results.TOO_SLOW) -> Any:
        tried = replace(one, attempts=attempts)
        told = results.of_error(tried, error, doubtful=doubtful, at=at + after * SECOND, chance=0)
        return told.kind if told.run_at is None else (told.run_at - at) // SECOND - after

    assert [wait(attempts) for attempts in range(1, 8)] == [60, 300, 900, 1800, 3600, 3600, 3600]
    assert wait(1, error=RateLimited("slower", retry_after=500)) == 500
    assert wait(9, after=23 * HOUR - 1) == HOUR
    assert wait(9, after=23 * HOUR) == "failed"
    assert wait(9, after=23 * HOUR, doubtful=True) == "unknown"
    assert wait(1, error=InvalidData("no")) == "failed"


class Meanwhile:
    """The server's own store, where something happens before a node commits the mark."""

    def __init__(self, store: Store, act: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self.dialect, self.read = store.dialect, store.read
        self._store, self._act = store, act

    async def write(self, steps: Steps[Any]) -> Any:
        if getattr(steps, "__name__", "") == "mark":
            await self._act()
        return await self._store.write(steps)


def test_one_that_is_cancelled_while_a_node_prepares_it_is_not_sent(later: Later, postfix: Postfix) -> None:
    services = later.live.services
    first, second = later.schedule(), later.schedule()
    grant = later.live.call(services.grants.get(later.tenant.application, later.path.rpartition("/")[2]))

    async def cancel() -> None:
        await services.schedules.cancel(grant, first)

    whole = services.scheduled_sender
    db: Any = Meanwhile(whole.db, cancel)
    watched = ScheduledSender(db=db, vault=whole.vault, clock=whole.clock, sending=whole.sending, observe=whole.observe)

    async def work() -> None:
        await watched.run()
        await watched.idle()

    sql = "update outgoing set send_at = send_at - $2, run_at = run_at - $2 where id = $1"
    later.live.rows(sql, first, 130 * SECOND)
    later.live.call(work())
    assert (later.status(first)[0], later.row(first, "handed_at")[0]) == ("cancelled", None)
    # The mail server is none the worse for it.
    later.after(second, 130)
    assert later.status(second)[0] == "success"
    (received,) = postfix.received(1)
    assert message_from_bytes(received.raw)["Message-ID"] == later.row(second, "message_id")[0]
