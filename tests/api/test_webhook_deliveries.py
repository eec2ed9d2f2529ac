"""/v3/webhooks/{webhook_id}/deliveries: what is on its way to a webhook, what became of it, and sending it again."""

from typing import Any

import pytest

from tests.announcing import deliver, make_due, room, subscribe
from tests.fakes.receiver import Answer, Hook
from tests.support import LiveServer, Tenant, data, problem

FIELDS = {"id", "webhook_id", "event_id", "type", "grant_id", "state", "attempts", "created_at"}


def listed(tenant: Tenant, webhook: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
    answer = tenant.get(f"/v3/webhooks/{webhook['id']}/deliveries", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = data(answer)
    return found


@pytest.fixture
def webhook(subscriber: Tenant, hook: Hook) -> dict[str, Any]:
    return subscribe(subscriber, hook)


def test_what_is_on_its_way_is_listed_and_says_when_it_is_tried(subscriber: Tenant, webhook: dict[str, Any]) -> None:
    grant = room(subscriber, "room-1")
    (delivery,) = listed(subscriber, webhook)
    assert set(delivery) == {*FIELDS, "next_try_at"}
    assert (delivery["webhook_id"], delivery["grant_id"]) == (webhook["id"], grant["id"])
    assert (delivery["type"], delivery["state"], delivery["attempts"]) == ("grant.created", "pending", 0)


def test_what_has_arrived_says_when_and_how(
    announcing: LiveServer, subscriber: Tenant, webhook: dict[str, Any], hook: Hook
) -> None:
    room(subscriber, "room-1")
    deliver(announcing)
    (delivery,) = listed(subscriber, webhook)
    assert set(delivery) == {*FIELDS, "outcome", "ended_at"}
    assert (delivery["state"], delivery["attempts"], delivery["outcome"]) == ("delivered", 1, "200")
    assert delivery["event_id"] == hook.received[0].envelope["id"]


def test_the_list_is_continued_by_its_cursor_the_latest_first(subscriber: Tenant, webhook: dict[str, Any]) -> None:
    grants = [room(subscriber, f"room-{number}")["id"] for number in range(5)]
    path, seen, pages = f"/v3/webhooks/{webhook['id']}/deliveries", list[str](), 0
    query: dict[str, Any] = {"limit": 2}
    while True:
        answer = subscriber.get(path, params=query).json()
        seen += [one["grant_id"] for one in answer["data"]]
        pages += 1
        if "next_cursor" not in answer:
            break
        query["page_token"] = answer["next_cursor"]
    assert (seen, pages) == (grants[::-1], 3)


def test_filters_are_exact_and_must_all_fit(
    announcing: LiveServer, subscriber: Tenant, webhook: dict[str, Any], hook: Hook
) -> None:
    room(subscriber, "room-1")
    deliver(announcing)
    room(subscriber, "room-2")
    waiting, arrived = listed(subscriber, webhook)
    assert listed(subscriber, webhook, state="pending") == [waiting]
    assert listed(subscriber, webhook, state="delivered") == [arrived]
    assert listed(subscriber, webhook, event_id=arrived["event_id"]) == [arrived]
    assert listed(subscriber, webhook, event_id=arrived["event_id"], state="pending") == []
    assert listed(subscriber, webhook, state="failed") == []


def test_a_webhook_shows_only_its_own(subscriber: Tenant, webhook: dict[str, Any], receiver: Any) -> None:
    other = subscribe(subscriber, receiver.hook(), "grant.deleted")
    room(subscriber, "room-1")
    (delivery,) = listed(subscriber, webhook)
    assert listed(subscriber, other) == []
    status, type_, message = problem(subscriber.post(f"/v3/webhooks/{other['id']}/deliveries/{delivery['id']}/replay"))
    assert (status, type_) == (404, "api.not_found_error")
    assert delivery["id"] in message


@pytest.mark.parametrize("query", [{"state": "lost"}, {"limit": 0}, {"page_token": "nonsense"}, {"page_token": "MTp4"}])
def test_a_wrong_query_is_named_under_a_number(
    subscriber: Tenant, webhook: dict[str, Any], query: dict[str, Any]
) -> None:
    status, type_, message = problem(subscriber.get(f"/v3/webhooks/{webhook['id']}/deliveries", params=query))
    assert (status, type_) == (400, "70005")
    assert next(iter(query)) in message


def test_a_delivery_is_replayed_with_the_id_that_it_had(
    announcing: LiveServer, subscriber: Tenant, webhook: dict[str, Any], hook: Hook
) -> None:
    room(subscriber, "room-1")
    deliver(announcing)
    (arrived,) = listed(subscriber, webhook)
    replayed = data(subscriber.post(f"/v3/webhooks/{webhook['id']}/deliveries/{arrived['id']}/replay"))
    assert replayed["state"] == "pending"
    assert "ended_at" not in replayed
    deliver(announcing)
    assert [one.envelope["id"] for one in hook.received] == [arrived["event_id"]] * 2
    (again,) = listed(subscriber, webhook)
    assert (again["id"], again["state"], again["attempts"]) == (arrived["id"], "delivered", 2)


def test_all_that_failed_is_replayed_at_once_and_nothing_else(
    announcing: LiveServer, subscriber: Tenant, webhook: dict[str, Any], hook: Hook
) -> None:
    room(subscriber, "room-1")
    deliver(announcing)
    hook.usual = Answer(404)
    for number in (2, 3):
        room(subscriber, f"room-{number}")
    deliver(announcing)
    assert len(listed(subscriber, webhook, state="failed")) == 2
    hook.usual = Answer(200)
    path = f"/v3/webhooks/{webhook['id']}/deliveries/replay-failed"
    assert data(subscriber.post(path)) == {"replayed": 2}
    assert data(subscriber.post(path)) == {"replayed": 0}
    deliver(announcing)
    assert {one["state"] for one in listed(subscriber, webhook)} == {"delivered"}


def test_the_trail_tells_who_replayed_what(
    announcing: LiveServer, subscriber: Tenant, webhook: dict[str, Any], hook: Hook
) -> None:
    hook.usual = Answer(404)
    room(subscriber, "room-1")
    deliver(announcing)
    (failed,) = listed(subscriber, webhook)
    path = f"/v3/webhooks/{webhook['id']}/deliveries"
    subscriber.post(f"{path}/replay-failed")
    subscriber.post(f"{path}/replay-failed")
    subscriber.post(f"{path}/{failed['id']}/replay")
    one, all_ = data(subscriber.get("/v3/audit", params={"type": "webhook.replayed"}))
    assert one["detail"] == {"webhook_id": webhook["id"], "event_id": failed["event_id"], "deliveries": 1}
    assert all_["detail"] == {"webhook_id": webhook["id"], "deliveries": 1}
    assert one["actor"].startswith("key:")


def test_a_stranger_finds_none_of_it(
    announcing: LiveServer, subscriber: Tenant, webhook: dict[str, Any], hook: Hook
) -> None:
    hook.usual = Answer(404)
    room(subscriber, "room-1")
    deliver(announcing)
    (failed,) = listed(subscriber, webhook)
    stranger = announcing.tenant()
    for webhook_id in (webhook["id"], "whk_missing"):
        path = f"/v3/webhooks/{webhook_id}/deliveries"
        for answer in (
            stranger.get(path),
            stranger.post(f"{path}/replay-failed"),
            stranger.post(f"{path}/{failed['id']}/replay"),
        ):
            assert problem(answer)[:2] == (400, "70000")
    assert listed(subscriber, webhook) == [failed]
    stranger.http.close()


@pytest.mark.parametrize("delivery_id", ["0", "999999999999999999", "1" * 40, "-1", "abc", "1_0"])
def test_a_delivery_that_is_not_there_is_not_found(
    subscriber: Tenant, webhook: dict[str, Any], delivery_id: str
) -> None:
    path = f"/v3/webhooks/{webhook['id']}/deliveries/{delivery_id}/replay"
    assert problem(subscriber.post(path))[:2] == (404, "api.not_found_error")


def test_a_deleted_webhook_has_no_deliveries_any_more(subscriber: Tenant, webhook: dict[str, Any]) -> None:
    room(subscriber, "room-1")
    subscriber.delete(f"/v3/webhooks/{webhook['id']}")
    assert problem(subscriber.get(f"/v3/webhooks/{webhook['id']}/deliveries"))[:2] == (400, "70000")


def in_full(tenant: Tenant, webhook: dict[str, Any], delivery: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data(tenant.get(f"/v3/webhooks/{webhook['id']}/deliveries/{delivery['id']}"))
    return found


def test_a_delivery_shows_what_was_sent_and_what_each_attempt_was_answered(
    announcing: LiveServer, subscriber: Tenant, webhook: dict[str, Any], hook: Hook
) -> None:
    secret = webhook["webhook_secret"]
    room(subscriber, "room-1")
    (waiting,) = listed(subscriber, webhook)
    assert in_full(subscriber, webhook, waiting)["history"] == []
    leaks = f'{{"access_token": "tok-{"x" * 20}", "echo": "{secret}", "why": "<b>\x07broken</b>"}}'
    hook.plan.extend([Answer(503, {"Set-Cookie": "id=verysecret", "X-Why": secret}, leaks.encode()), Answer(0)])
    for _ in range(3):
        deliver(announcing)
        make_due(subscriber)
    (arrived,) = listed(subscriber, webhook)
    shown = in_full(subscriber, webhook, arrived)
    assert {name: shown[name] for name in arrived} == arrived
    assert (shown["url"], shown["lacks_contents"]) == (hook.url, False)
    assert shown["headers"] == {"Content-Type": "application/json"}
    assert shown["notification"]["data"] == hook.received[2].envelope["data"]
    assert shown["notification"]["webhook_delivery_attempt"] == 3
    last, cut_off, first = shown["history"]
    assert [one["number"] for one in shown["history"]] == [3, 2, 1]
    assert [one["signature"] for one in (first, cut_off, last)] == [
        one.headers["x-nylas-signature"] for one in hook.received
    ]
    assert (last["outcome"], first["reason"], cut_off["outcome"]) == ("200", "Answered 503", "closed")
    assert "answer_body" not in cut_off
    assert "closed" in cut_off["reason"]
    assert first["answer_headers"]["set-cookie"] == first["answer_headers"]["x-why"] == "***"
    assert first["answer_body"] == '{"access_token": "***", "echo": "***", "why": "<b>�broken</b>"}'
    assert secret not in str(shown)
    stored = announcing.rows("select history from deliveries where application_id = $1", subscriber.application.id)
    assert not {leak for leak in (secret, "verysecret", "tok-x") if leak in str(stored)}


def test_answers_and_attempts_are_kept_up_to_a_bound(
    announcing: LiveServer, subscriber: Tenant, webhook: dict[str, Any], hook: Hook
) -> None:
    room(subscriber, "room-1")
    hook.usual = Answer(500, {f"x-{number}": "v" * 1000 for number in range(40)}, "ä".encode() * 4000)
    # The secret lies across the end of what is kept.
    echo = b"x" * 2040 + webhook["webhook_secret"].encode()
    hook.plan.extend([Answer(500)] * 10 + [Answer(500, {}, echo)])
    for _ in range(12):
        deliver(announcing)
        make_due(subscriber)
    (delivery,) = listed(subscriber, webhook)
    history = in_full(subscriber, webhook, delivery)["history"]
    assert history[1]["answer_body"] == "x" * 2040 + "***"
    assert [one["number"] for one in history] == list(range(12, 2, -1))
    assert (history[0]["answer_body"], history[0]["answer_cut"]) == ("ä" * 1024, True)
    assert len(history[0]["answer_headers"]) == 30
    assert max(map(len, history[0]["answer_headers"].values())) == 256


def test_a_webhook_says_why_it_fails_from_the_first_attempt_on(
    announcing: LiveServer, subscriber: Tenant, webhook: dict[str, Any], hook: Hook
) -> None:
    def failing() -> Any:
        found = data(subscriber.get(f"/v3/webhooks/{webhook['id']}"))
        assert found["status"] == "active"
        return found.get("opengrant", {}).get("failing")

    assert failing() is None
    room(subscriber, "room-1")
    hook.plan.extend([Answer(500), Answer(0)])
    deliver(announcing)
    first = failing()
    assert (first["attempts"], first["reason"]) == (1, "Answered 500")
    announcing.services.overview.forget()
    (seen,) = data(subscriber.get("/v3/overview"))["webhooks"]
    assert seen["failing"] == first
    make_due(subscriber)
    deliver(announcing)
    second = failing()
    assert (second["attempts"], second["since"]) == (2, first["since"])
    assert "closed" in second["reason"]
    make_due(subscriber)
    deliver(announcing)
    assert failing() is None


def test_a_delivery_of_another_webhook_or_application_is_not_shown(
    subscriber: Tenant, webhook: dict[str, Any], receiver: Any, announcing: LiveServer
) -> None:
    other = subscribe(subscriber, receiver.hook(), "grant.deleted")
    room(subscriber, "room-1")
    (delivery,) = listed(subscriber, webhook)
    for path in (f"{other['id']}/deliveries/{delivery['id']}", f"{webhook['id']}/deliveries/x"):
        assert subscriber.get(f"/v3/webhooks/{path}").status_code == 404
    stranger = announcing.tenant()
    assert stranger.get(f"/v3/webhooks/{webhook['id']}/deliveries/{delivery['id']}").status_code == 400
    stranger.http.close()
