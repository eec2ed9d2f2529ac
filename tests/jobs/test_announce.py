"""Announce: events reach their receivers, whatever state those are in."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from opengrant.errors import NotFound, WebhookNotFound
from opengrant.events.sending import pause
from opengrant.jobs.announce import announce
from opengrant.jobs.loop import Job, run_jobs
from opengrant.jobs.measure import measure
from opengrant.model import SECOND
from opengrant.store.events import deliveries as store
from opengrant.store.events import events
from opengrant.store.events.events import Event
from tests.announcing import GRANT_EVENTS, deliver, deliveries, make_due, room, subscribe
from tests.fakes.receiver import Answer, Hook, Receiver
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, problem

DAY = 24 * 3600 * SECOND


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """Answers that are kept back until the test ends, or sets it."""
    event = threading.Event()
    yield event
    event.set()


def status(tenant: Tenant, webhook: dict[str, Any]) -> str:
    return str(data(tenant.get(f"/v3/webhooks/{webhook['id']}"))["status"])


def test_each_grant_event_comes_once_signed_and_in_order(
    announcing: LiveServer, subscriber: Tenant, hook: Hook
) -> None:
    secret = subscribe(subscriber, hook)["webhook_secret"]
    grant = room(subscriber, "room-7")
    room(subscriber, "room-7")
    subscriber.patch(f"/v3/grants/{grant['id']}", {"scope": ["calendar"]})
    subscriber.delete(f"/v3/grants/{grant['id']}")
    for _ in range(4):
        deliver(announcing)
    assert hook.types == ["grant.created", "grant.updated", "grant.updated", "grant.deleted"]
    assert [one.object["code"] for one in hook.received] == [25012, 25027, 25014, 25013]
    assert len({one.envelope["id"] for one in hook.received}) == 4
    for one in hook.received:
        assert one.is_signed_with(secret)
        assert one.headers["content-type"] == "application/json"
        assert one.object["grant_id"] == grant["id"]
        assert set(one.envelope) == {
            *("specversion", "type", "source", "id", "time", "webhook_delivery_attempt", "data")
        }
        assert (one.envelope["specversion"], one.envelope["source"]) == ("1.0", "/nylas/system")
        assert one.envelope["webhook_delivery_attempt"] == 1
        assert one.envelope["data"]["application_id"] == subscriber.application.id
    deliver(announcing)
    assert len(hook.received) == 4


def test_the_signature_is_over_the_compressed_bytes(announcing: LiveServer, subscriber: Tenant, hook: Hook) -> None:
    secret = subscribe(subscriber, hook, compressed_delivery=True)["webhook_secret"]
    room(subscriber, "room-7")
    deliver(announcing)
    (received,) = hook.received
    assert received.headers["content-encoding"] == "gzip"
    assert received.body[:2] == b"\x1f\x8b"
    assert received.is_signed_with(secret)
    assert received.envelope["type"] == "grant.created"


def test_after_a_rotation_only_the_new_secret_signs(announcing: LiveServer, subscriber: Tenant, hook: Hook) -> None:
    made = subscribe(subscriber, hook)
    room(subscriber, "room-7")
    rotated = data(subscriber.post(f"/v3/webhooks/rotate-secret/{made['id']}"))
    deliver(announcing)
    (received,) = hook.received
    assert received.is_signed_with(rotated["webhook_secret"])
    assert not received.is_signed_with(made["webhook_secret"])


def test_only_what_was_subscribed_to_comes_and_never_another_applications(
    announcing: LiveServer, subscriber: Tenant, receiver: Receiver
) -> None:
    mine, deletions, strangers = (receiver.hook() for _ in range(3))
    subscribe(subscriber, mine, "grant.created", "message.created")
    subscribe(subscriber, deletions, "grant.deleted")
    stranger = announcing.tenant()
    subscribe(stranger, strangers)
    grant = room(subscriber, "room-7")
    subscriber.delete(f"/v3/grants/{grant['id']}")
    deliver(announcing)
    assert (mine.types, deletions.types, strangers.types) == (["grant.created"], ["grant.deleted"], [])
    stranger.http.close()


def test_connector_events_of_ours_can_be_subscribed_to(announcing: LiveServer, subscriber: Tenant, hook: Hook) -> None:
    subscribe(subscriber, hook, "connector.degraded", "connector.recovered")
    app = subscriber.application.id
    for number, type_ in enumerate(("connector.degraded", "connector.touched", "connector.recovered")):
        event = Event(f"event-{number}", app, type_, None, {"provider": "google"}, announcing.now())
        announcing.call(announcing.services.db.write(events.add(event)))
    for _ in range(2):
        deliver(announcing)
    assert hook.types == ["connector.degraded", "connector.recovered"]


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504, 507, 0])
def test_what_may_pass_is_tried_again_with_the_same_id(
    announcing: LiveServer, subscriber: Tenant, hook: Hook, code: int
) -> None:
    subscribe(subscriber, hook)
    hook.plan.extend([Answer(code), Answer(code)])
    room(subscriber, "room-7")
    for _ in range(3):
        deliver(announcing)
        make_due(subscriber)
    assert [one.envelope["webhook_delivery_attempt"] for one in hook.received] == [1, 2, 3]
    assert len({one.envelope["id"] for one in hook.received}) == 1
    assert len({one.headers["x-nylas-signature"] for one in hook.received}) == 3
    assert deliveries(subscriber) == [("grant.created", "delivered", 3, "200")]


@pytest.mark.parametrize("code", [301, 302, 307, 400, 401, 404, 501])
def test_what_will_not_pass_is_not_tried_again_and_redirects_lead_nowhere(
    announcing: LiveServer, subscriber: Tenant, receiver: Receiver, hook: Hook, code: int
) -> None:
    elsewhere = receiver.hook()
    subscribe(subscriber, hook)
    hook.usual = Answer(code, {"Location": elsewhere.url})
    room(subscriber, "room-7")
    deliver(announcing)
    make_due(subscriber)
    deliver(announcing)
    assert deliveries(subscriber) == [("grant.created", "failed", 1, str(code))]
    assert (len(hook.received), elsewhere.received, elsewhere.challenges) == (1, [], [])


def test_garbage_behind_a_success_is_a_success(announcing: LiveServer, subscriber: Tenant, hook: Hook) -> None:
    subscribe(subscriber, hook)
    hook.usual = Answer(202, body=b"\xff\x00" * 1_000_000)
    room(subscriber, "room-7")
    deliver(announcing)
    assert deliveries(subscriber) == [("grant.created", "delivered", 1, "202")]


def test_a_receiver_that_is_gone_is_failed_at_once_and_gets_nothing_more(
    announcing: LiveServer, subscriber: Tenant, hook: Hook
) -> None:
    made = subscribe(subscriber, hook)
    hook.usual = Answer(410)
    room(subscriber, "room-7")
    deliver(announcing)
    assert status(subscriber, made) == "failed"
    room(subscriber, "room-8")
    deliver(announcing)
    assert len(hook.received) == 1
    assert deliveries(subscriber) == [("grant.created", "failed", 1, "410")]


def test_events_of_a_paused_webhook_are_dropped(announcing: LiveServer, subscriber: Tenant, hook: Hook) -> None:
    made = subscribe(subscriber, hook)
    path = f"/v3/webhooks/{made['id']}"
    subscriber.http.put(path, json={"status": "pause"})
    room(subscriber, "room-7")
    subscriber.http.put(path, json={"status": "active"})
    room(subscriber, "room-8")
    deliver(announcing)
    assert [one.object["email"] for one in hook.received] == ["room-8"]


def test_what_is_on_its_way_to_a_deleted_webhook_is_not_sent_and_swept(
    announcing: LiveServer, subscriber: Tenant, hook: Hook
) -> None:
    made = subscribe(subscriber, hook)
    room(subscriber, "room-7")
    subscriber.delete(f"/v3/webhooks/{made['id']}")
    deliver(announcing)
    assert hook.received == []
    announcing.call(announcing.services.deliveries.forget(subscriber.application))
    assert deliveries(subscriber) == []
    sql = "select count(*) from webhooks where application_id = $1"
    assert announcing.rows(sql, subscriber.application.id)[0][0] == 0


def test_a_grants_events_wait_for_the_one_before_them_and_other_grants_do_not(
    announcing: LiveServer, subscriber: Tenant, hook: Hook
) -> None:
    subscribe(subscriber, hook)
    hook.plan.append(Answer(503, {"Retry-After": "3600"}))
    first = room(subscriber, "room-7")
    deliver(announcing)
    subscriber.delete(f"/v3/grants/{first['id']}")
    room(subscriber, "room-8")
    deliver(announcing)
    assert [one.object["email"] for one in hook.received] == ["room-7", "room-8"]
    make_due(subscriber)
    for _ in range(2):
        deliver(announcing)
    assert [(one.object["email"], one.envelope["type"]) for one in hook.received[2:]] == [
        ("room-7", "grant.created"),
        ("room-7", "grant.deleted"),
    ]


def test_an_event_that_is_given_up_lets_the_next_of_its_grant_go(
    announcing: LiveServer, subscriber: Tenant, hook: Hook
) -> None:
    subscribe(subscriber, hook)
    hook.plan.append(Answer(503))
    grant = room(subscriber, "room-7")
    deliver(announcing)
    subscriber.delete(f"/v3/grants/{grant['id']}")
    late = "update deliveries set queued_at = queued_at - $2, due_at = 0 where application_id = $1 and attempts = 1"
    announcing.rows(late, subscriber.application.id, 3 * DAY)
    for _ in range(2):
        deliver(announcing)
    assert hook.types == ["grant.created", "grant.deleted"]
    assert [one[1:] for one in deliveries(subscriber)] == [("failed", 1, "503"), ("delivered", 1, "200")]


def test_a_slow_and_a_dead_receiver_delay_nobody_else(
    announcing: LiveServer, subscriber: Tenant, receiver: Receiver, held: threading.Event
) -> None:
    slow, dead, well = (receiver.hook() for _ in range(3))
    for hook in (slow, dead, well):
        subscribe(subscriber, hook)
    slow.usual, dead.usual = Answer(held=held), Answer(0)
    for number in range(20):
        room(subscriber, f"room-{number}")
    announcing.call(announcing.services.delivery_sender.run())
    well.wait_for(20)
    assert slow.most_under_way <= 4
    held.set()
    announcing.call(announcing.services.delivery_sender.idle())


def test_a_receiver_that_does_not_answer_in_time_is_tried_again(
    announcing: LiveServer, subscriber: Tenant, hook: Hook, held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(subscriber, hook)
    hook.plan.append(Answer(held=held))
    room(subscriber, "room-7")
    # Only now: a busy machine may take a second for what is answered.
    with monkeypatch.context() as impatient:
        impatient.setattr(announcing.services.delivery_sender.receivers, "timeout", 1.0)
        deliver(announcing)
    assert deliveries(subscriber) == [("grant.created", "pending", 1, "timeout")]
    make_due(subscriber)
    deliver(announcing)
    assert deliveries(subscriber) == [("grant.created", "delivered", 2, "200")]


def test_the_receivers_retry_after_is_kept(announcing: LiveServer, subscriber: Tenant, hook: Hook) -> None:
    subscribe(subscriber, hook)
    hook.usual = Answer(429, {"Retry-After": "1800"})
    room(subscriber, "room-7")
    before = announcing.now()
    deliver(announcing)
    ((due_at,),) = announcing.rows("select due_at from deliveries where application_id = $1", subscriber.application.id)
    assert before + 1800 * SECOND <= due_at <= announcing.now() + 1800 * SECOND


def test_an_expiry_is_kept_back_and_can_be_withdrawn(announcing: LiveServer, subscriber: Tenant, hook: Hook) -> None:
    subscribe(subscriber, hook, "grant.expired")
    app = subscriber.application.id
    for name in ("taken-back", "stands"):
        event = Event(name, app, "grant.expired", name, {"grant_id": name}, announcing.now())
        announcing.call(announcing.services.db.write(events.add(event)))
    deliver(announcing)
    assert hook.received == []
    db = announcing.services.db
    assert announcing.call(db.write(store.withdraw(app, ["taken-back"]))) == ["taken-back"]
    make_due(subscriber)
    deliver(announcing)
    assert [one.object["grant_id"] for one in hook.received] == ["stands"]
    assert announcing.call(db.write(store.withdraw(app, ["stands", "never-was"]))) == ["never-was"]


def test_a_webhook_is_failing_after_a_quarter_of_an_hour_and_failed_after_three_days(
    announcing: LiveServer, subscriber: Tenant, hook: Hook
) -> None:
    made = subscribe(subscriber, hook)
    hook.usual = Answer(503)
    app = subscriber.application.id

    def later(by: int) -> None:
        announcing.rows(
            "update webhooks set window_at = window_at - $2, status_updated_at = status_updated_at - $2"
            " where application_id = $1",
            app,
            by,
        )

    def one_more(name: str) -> str:
        room(subscriber, name)
        deliver(announcing)
        return status(subscriber, made)

    quarter = 900 * SECOND
    assert one_more("a") == "active"
    later(quarter)
    assert one_more("b") == "failing"
    assert one_more("c") == "failing"
    later(quarter)
    assert one_more("d") == "failing"
    hook.usual = Answer(200)
    assert one_more("e") == "failing"
    later(quarter)
    assert one_more("f") == "active"
    hook.usual = Answer(503)
    assert one_more("g") == "active"
    later(quarter)
    assert one_more("h") == "failing"
    assert one_more("i") == "failing"
    later(3 * DAY)
    assert one_more("j") == "failed"
    received = len(hook.received)
    assert one_more("k") == "failed"
    assert len(hook.received) == received


def test_a_delivery_that_a_dead_node_took_is_sent_again_with_its_id(
    announcing: LiveServer, subscriber: Tenant, hook: Hook
) -> None:
    made = subscribe(subscriber, hook)
    room(subscriber, "room-7")
    # On PostgreSQL deliveries are due by the database's clock.
    db, app, at = announcing.services.db, subscriber.application.id, announcing.services.deliveries.clock()
    terms = store.ClaimTerms("dead-node", at, at + 30 * SECOND, 4, 0, 0)
    (taken,) = announcing.call(db.write(store.claim(app, made["id"], terms, db.dialect)))
    deliver(announcing)
    assert hook.received == [], "it is another's for now"
    make_due(subscriber)
    deliver(announcing)
    (received,) = hook.received
    assert (received.envelope["id"], received.envelope["webhook_delivery_attempt"]) == (taken.event_id, 2)
    late = store.Attempt(number=1, at=at, took=1, outcome="timeout", reason="No answer in time")
    assert not announcing.call(db.write(store.failed(taken, "dead-node", [late], at=announcing.now())))
    assert deliveries(subscriber) == [("grant.created", "delivered", 2, "200")]


def test_nodes_that_claim_at_once_get_different_deliveries(
    announcing: LiveServer, subscriber: Tenant, hook: Hook
) -> None:
    made = subscribe(subscriber, hook)
    for number in range(12):
        room(subscriber, f"room-{number}")
    db, app = announcing.services.db, subscriber.application.id

    async def claim_all() -> list[list[store.Delivery]]:
        at = announcing.now()
        claims = [store.ClaimTerms(f"node-{n}", at, at + 30 * SECOND, 4, 0, 0) for n in range(6)]
        return list(await asyncio.gather(*(db.write(store.claim(app, made["id"], one, db.dialect)) for one in claims)))

    taken = [delivery.seq for some in announcing.call(claim_all()) for delivery in some]
    assert len(taken) == len(set(taken))
    assert taken != []


def test_what_failed_is_listed_and_replayed_with_its_id(announcing: LiveServer, subscriber: Tenant, hook: Hook) -> None:
    made = subscribe(subscriber, hook)
    hook.usual = Answer(404)
    for name in ("room-7", "room-8"):
        room(subscriber, name)
    deliver(announcing)
    service, app = announcing.services.deliveries, subscriber.application
    latest, earliest = announcing.call(service.page(app, store.DeliveryFilters(made["id"], "failed"), limit=10))
    assert latest.seq > earliest.seq
    (found,) = announcing.call(
        service.page(app, store.DeliveryFilters(event_id=earliest.event_id, before=latest.seq), limit=10)
    )
    assert found == earliest
    stranger = announcing.tenant()
    with pytest.raises(NotFound):
        announcing.call(service.replay(stranger.application, latest.seq))
    with pytest.raises(WebhookNotFound):
        announcing.call(service.replay_failed(stranger.application, made["id"]))
    assert announcing.call(service.page(stranger.application, store.DeliveryFilters(), limit=10)) == []
    stranger.http.close()
    hook.usual = Answer(200)
    announcing.call(service.replay(app, latest.seq))
    assert announcing.call(service.replay_failed(app, made["id"])) == 1
    deliver(announcing)
    assert [one[1:3] for one in deliveries(subscriber)] == [("delivered", 2), ("delivered", 2)]
    assert len({one.envelope["id"] for one in hook.received}) == 2


def test_what_has_ended_is_swept_in_time_and_what_is_pending_stays(
    announcing: LiveServer, subscriber: Tenant, hook: Hook
) -> None:
    subscribe(subscriber, hook)
    hook.plan.extend([Answer(200), Answer(503)])
    for name in ("room-7", "room-8"):
        room(subscriber, name)
        deliver(announcing)
    app = subscriber.application
    announcing.call(announcing.services.deliveries.forget(app))
    assert [one[1] for one in deliveries(subscriber)] == ["delivered", "pending"]
    announcing.rows(
        "update deliveries set ended_at = ended_at - $2, created_at = created_at - $2 where application_id = $1",
        app.id,
        8 * DAY,
    )
    announcing.call(announcing.services.deliveries.forget(app))
    assert [one[1] for one in deliveries(subscriber)] == ["pending"]


def test_receivers_with_tls_are_believed_by_their_certificate(
    announcing: LiveServer, subscriber: Tenant, dovecot: Dovecot, workdir: Path
) -> None:
    with Receiver((dovecot.dir / "cert.pem", dovecot.dir / "key.pem")) as receiver:
        hook = receiver.hook("localhost")
        subscribe(subscriber, hook)
        room(subscriber, "room-7")
        deliver(announcing)
        assert hook.types == ["grant.created"]
    forged = trustme.CA().issue_cert("localhost")
    forged.private_key_and_cert_chain_pem.write_to_path(str(workdir / "both.pem"))
    with Receiver((workdir / "both.pem", workdir / "both.pem")) as receiver:
        hook = receiver.hook("localhost")
        answer = subscriber.post("/v3/webhooks", {"webhook_url": hook.url, "trigger_types": GRANT_EVENTS})
        assert "CERTIFICATE_VERIFY_FAILED" in problem(answer)[2]
        assert hook.challenges == []


def test_an_event_of_this_process_is_announced_at_once(announcing: LiveServer, subscriber: Tenant, hook: Hook) -> None:
    """The job's own pace is a day here: only the wakeup can have woken it."""
    subscribe(subscriber, hook)
    services = announcing.services
    job = announce(services)

    async def start() -> asyncio.Task[None]:
        rung = Job(job.name, timedelta(days=1), job.run, wakeup=job.wakeup)
        return asyncio.create_task(run_jobs([rung, measure(services)]))

    loop = announcing.call(start())
    try:
        room(subscriber, "room-7")
        hook.wait_for(1)
    finally:
        announcing.call(_stop(loop))


async def _stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])


async def test_a_job_with_more_to_do_runs_again_at_once() -> None:
    runs = 0
    done = asyncio.Event()

    async def piecemeal() -> bool:
        nonlocal runs
        runs += 1
        if runs == 3:
            done.set()
        return runs < 3

    wakeup = asyncio.Event()
    wakeup.set()
    loop = asyncio.create_task(run_jobs([Job("piecemeal", timedelta(days=1), piecemeal, wakeup=wakeup)]))
    async with asyncio.timeout(30):
        await done.wait()
    await _stop(loop)
    assert runs == 3


@pytest.mark.parametrize(
    ("attempts", "longest"), [(1, 10), (2, 20), (4, 80), (11, 10_240), (12, 4 * 3600), (1000, 4 * 3600)]
)
def test_waits_double_up_to_four_hours_and_are_a_random_part_of_that(attempts: int, longest: int) -> None:
    assert pause(attempts, asked=None, chance=1) == longest * SECOND
    assert pause(attempts, asked=None, chance=0.5) == longest * SECOND // 2
    assert pause(attempts, asked=None, chance=0) == SECOND
    assert pause(attempts, asked=50_000, chance=0.5) == 50_000 * SECOND
