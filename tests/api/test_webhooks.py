"""/v3/webhooks: destinations, their challenge and their secrets."""

import threading
from typing import Any

import pytest

from tests.announcing import subscribe
from tests.fakes.receiver import Answer, Hook
from tests.support import LiveServer, Tenant, data, problem

FIELDS = {
    *("id", "webhook_url", "trigger_types", "notification_email_addresses", "compressed_delivery"),
    *("status", "status_updated_at", "created_at", "updated_at"),
}


def refusal(tenant: Tenant, hook: Hook, **more: Any) -> tuple[int, str, str]:
    return problem(tenant.post("/v3/webhooks", {"webhook_url": hook.url, "trigger_types": ["grant.created"], **more}))


def test_a_webhook_shows_its_secret_when_it_is_made_and_never_again(subscriber: Tenant, hook: Hook) -> None:
    made = subscribe(subscriber, hook, "grant.created", "message.created", description="ours")
    secret = made.pop("webhook_secret")
    assert len(secret) >= 32
    assert set(made) == {*FIELDS, "description"}
    assert (made["status"], made["compressed_delivery"], made["notification_email_addresses"]) == ("active", False, [])
    assert made["trigger_types"] == ["grant.created", "message.created"]
    assert data(subscriber.get("/v3/webhooks")) == [made]
    assert data(subscriber.get(f"/v3/webhooks/{made['id']}")) == made


def test_our_own_triggers_stand_apart_and_are_changed_apart(subscriber: Tenant, hook: Hook) -> None:
    """Clients made for the vendor's list raise at a name that they do not know."""
    made = subscribe(subscriber, hook, "connector.degraded", "grant.created", opengrant={"trigger_types": []})
    own = {"trigger_types": ["connector.degraded"]}
    path = f"/v3/webhooks/{made['id']}"
    assert (made["trigger_types"], made["opengrant"]) == (["grant.created"], own)

    def change(**body: Any) -> tuple[list[str], Any]:
        changed = data(subscriber.http.put(path, json=body))
        assert changed == data(subscriber.get(path)) == data(subscriber.get("/v3/webhooks"))[0]
        return changed["trigger_types"], changed.get("opengrant")

    # What a client reads and sends back loses nothing.
    assert change(trigger_types=["grant.expired", "message.intelligence.order"]) == (
        *(["grant.expired", "message.intelligence.order"], own),
    )
    assert change(trigger_types=["grant.expired", "connector.recovered"]) == (
        *(["grant.expired"], {"trigger_types": ["connector.recovered"]}),
    )
    assert change(opengrant=own) == (["grant.expired"], own)
    assert change(opengrant={"trigger_types": []}) == (["grant.expired"], None)
    assert change(trigger_types=["connector.degraded"]) == ([], own)
    assert problem(subscriber.http.put(path, json={"opengrant": {"trigger_types": []}}))[:2] == (400, "70005")
    assert problem(subscriber.http.put(path, json={"opengrant": {"trigger_types": ["grant.created"]}}))[0] == 400


def test_the_receiver_is_asked_for_the_challenge_behind_its_own_query(subscriber: Tenant, hook: Hook) -> None:
    hook.url += "?tenant=7"
    subscribe(subscriber, hook)
    (challenge,) = hook.challenges
    assert len(challenge) == 32


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda text: Answer(404), "unable.verify.webhook_url : status is not ok, got 404"),
        (lambda text: Answer(201, body=text.encode()), "status is not ok, got 201"),
        (lambda text: Answer(302, {"Location": "/elsewhere"}), "status is not ok, got 302"),
        (lambda text: Answer(body=f'"{text}"'.encode()), "as raw text"),
        (lambda text: Answer(body=text.encode() * 2000), "as raw text"),
        (lambda text: Answer(body=b"\xff\x00garbage"), "as raw text"),
        (lambda text: Answer(0), "no answer"),
    ],
    ids=["404", "201", "redirect", "quoted", "long", "garbage", "hangs up"],
)
def test_who_does_not_answer_the_challenge_is_not_stored(
    subscriber: Tenant, hook: Hook, answer: Any, says: str
) -> None:
    hook.challenge = answer
    status, type_, message = refusal(subscriber, hook)
    assert (status, type_) == (400, "70005")
    assert says in message
    assert data(subscriber.get("/v3/webhooks")) == []


@pytest.mark.usefixtures("impatient")
def test_a_receiver_that_takes_too_long_is_refused(subscriber: Tenant, hook: Hook) -> None:
    release = threading.Event()
    hook.challenge = lambda text: Answer(body=text.encode(), held=release)
    assert refusal(subscriber, hook)[1:] == ("70005", "unable.verify.webhook_url : no answer (timeout)")
    release.set()


def test_white_space_behind_the_challenge_is_forgiven(subscriber: Tenant, hook: Hook) -> None:
    hook.challenge = lambda text: Answer(body=f"{text}\r\n".encode())
    subscribe(subscriber, hook)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://192.0.2.1/hook", "only https"),
        ("https://10.0.0.1/hook", "no_public_address"),
        ("https://169.254.169.254/latest", "no_public_address"),
        ("https://[::ffff:10.0.0.1]/", "no_public_address"),
        ("https://no-such-host.invalid/", "no answer"),
        ("https://0x7f.1/", "bad_host"),
        ("https://user:password@example.com/", "without a user name"),
        ("ftp://example.com/", "webhook_url"),
    ],
)
def test_receivers_inside_and_without_tls_are_refused(subscriber: Tenant, url: str, says: str) -> None:
    status, type_, message = problem(
        subscriber.post("/v3/webhooks", {"webhook_url": url, "trigger_types": ["grant.created"]})
    )
    assert (status, type_) == (400, "70005")
    assert says in message
    assert "password" not in message


@pytest.mark.parametrize(
    "wrong",
    [
        {"trigger_types": []},
        {"trigger_types": ["message.created.truncated"]},
        {"trigger_types": "grant.created"},
        {"webhook_url": None},
        {"compressed_delivery": "perhaps"},
    ],
)
def test_a_wrong_field_is_named_under_a_number(subscriber: Tenant, hook: Hook, wrong: dict[str, Any]) -> None:
    status, type_, message = refusal(subscriber, hook, **wrong)
    assert (status, type_) == (400, "70005")
    assert next(iter(wrong)) in message
    assert hook.challenges == []


def test_a_body_that_is_no_json_is_refused_under_a_number(subscriber: Tenant) -> None:
    assert problem(subscriber.http.post("/v3/webhooks", content=b"{"))[:2] == (400, "70005")


def test_an_update_changes_what_is_sent_and_keeps_what_is_empty(subscriber: Tenant, hook: Hook) -> None:
    made = subscribe(subscriber, hook, "grant.created", description="old", notification_email_addresses=["a@b.example"])
    path = f"/v3/webhooks/{made['id']}"
    change = {"trigger_types": [], "description": "", "webhook_url": "", "compressed_delivery": True, "status": ""}
    changed = data(subscriber.http.put(path, json=change))
    assert changed["compressed_delivery"] is True
    for kept in ("trigger_types", "description", "webhook_url", "notification_email_addresses", "status"):
        assert changed[kept] == made[kept]
    assert len(hook.challenges) == 1, "nothing that is asked for the challenge has changed"


def test_a_new_url_is_asked_for_the_challenge(subscriber: Tenant, hook: Hook, receiver: Any) -> None:
    path = f"/v3/webhooks/{subscribe(subscriber, hook)['id']}"
    other = receiver.hook()
    other.challenge = lambda text: Answer(500)
    assert problem(subscriber.http.put(path, json={"webhook_url": other.url}))[:2] == (400, "70005")
    assert data(subscriber.get(path))["webhook_url"] == hook.url
    other.challenge = hook.challenge
    assert data(subscriber.http.put(path, json={"webhook_url": other.url}))["webhook_url"] == other.url


@pytest.mark.parametrize("spelling", ["pause", "inactive"])
def test_a_webhook_is_paused_and_made_active(subscriber: Tenant, hook: Hook, spelling: str) -> None:
    path = f"/v3/webhooks/{subscribe(subscriber, hook)['id']}"
    assert data(subscriber.http.put(path, json={"status": spelling}))["status"] == "pause"
    assert data(subscriber.http.put(path, json={"status": "active"}))["status"] == "active"
    assert problem(subscriber.http.put(path, json={"status": "failing"}))[:2] == (400, "70005")


def test_a_failed_webhook_is_challenged_before_it_is_active_again(subscriber: Tenant, hook: Hook) -> None:
    path = f"/v3/webhooks/{subscribe(subscriber, hook)['id']}"
    fail = "update webhooks set status = 'failed' where application_id = $1"
    subscriber.server.rows(fail, subscriber.application.id)
    hook.challenge = lambda text: Answer(503)
    assert problem(subscriber.http.put(path, json={"status": "active"}))[:2] == (400, "70005")
    assert data(subscriber.get(path))["status"] == "failed"
    hook.challenge = lambda text: Answer(body=text.encode())
    assert data(subscriber.http.put(path, json={"status": "active"}))["status"] == "active"


def test_the_secret_is_rotated_in_both_spellings(subscriber: Tenant, hook: Hook) -> None:
    made = subscribe(subscriber, hook)
    first = data(subscriber.post(f"/v3/webhooks/rotate-secret/{made['id']}", {}))
    second = data(subscriber.http.put(f"/v3/webhooks/{made['id']}/rotate-secret"))
    assert set(first) == {*FIELDS, "webhook_secret"}
    assert len({made["webhook_secret"], first["webhook_secret"], second["webhook_secret"]}) == 3


def test_a_deleted_webhook_is_gone_and_so_is_its_secret(subscriber: Tenant, hook: Hook) -> None:
    path = f"/v3/webhooks/{subscribe(subscriber, hook)['id']}"
    assert data(subscriber.delete(path)) == {"status": "success"}
    assert problem(subscriber.get(path)) == (400, "70000", "destination.id.not.found : record not found")
    assert data(subscriber.get("/v3/webhooks")) == []
    sql = "select count(*) from secrets where application_id = $1 and owner_kind = 'webhook'"
    assert subscriber.server.rows(sql, subscriber.application.id)[0][0] == 0


def test_a_stranger_finds_none_of_it(announcing: LiveServer, subscriber: Tenant, hook: Hook) -> None:
    made = subscribe(subscriber, hook)
    stranger = announcing.tenant()
    for webhook_id in (made["id"], "whk_missing"):
        path = f"/v3/webhooks/{webhook_id}"
        for answer in (
            stranger.get(path),
            stranger.delete(path),
            stranger.http.put(path, json={"status": "pause"}),
            stranger.post(f"/v3/webhooks/rotate-secret/{webhook_id}"),
            stranger.http.put(f"{path}/rotate-secret"),
        ):
            assert problem(answer)[:2] == (400, "70000")
    assert data(stranger.get("/v3/webhooks")) == []
    assert data(subscriber.get(f"/v3/webhooks/{made['id']}"))["status"] == "active"
    stranger.http.close()


def test_there_is_an_end_to_how_many(subscriber: Tenant, hook: Hook) -> None:
    subscribe(subscriber, hook)
    copies = """
        insert into webhooks (application_id, id, url, triggers, emails, compressed, status, status_updated_at,
                              created_at, updated_at)
        select application_id, cast($2 as text), url, triggers, emails, compressed, status, 1, 1, 1
        from webhooks where application_id = $1 limit 1
    """
    for number in range(99):
        subscriber.server.rows(copies, subscriber.application.id, f"copy-{number}")
    assert "100 webhooks" in refusal(subscriber, hook)[2]


def test_a_sample_looks_like_a_notification(subscriber: Tenant) -> None:
    sample = data(subscriber.post("/v3/webhooks/mock-payload", {"trigger_type": "grant.expired"}))
    assert (sample["specversion"], sample["type"], sample["source"]) == ("1.0", "grant.expired", "/nylas/system")
    assert sample["data"]["application_id"] == subscriber.application.id
    assert sample["data"]["object"]["code"] == 25009
    assert problem(subscriber.post("/v3/webhooks/mock-payload", {"trigger_type": "no.such"}))[:2] == (400, "70005")


def test_a_test_event_is_signed_with_the_secret_that_everybody_knows(subscriber: Tenant, hook: Hook) -> None:
    assert data(subscriber.post("/v3/webhooks/send-test-event", {"webhook_url": hook.url})) == "success"
    (received,) = hook.received
    assert received.is_signed_with("mock-webhook-secret")
    assert received.envelope["type"] == "grant.created"
    hook.usual = Answer(500)
    ask = {"webhook_url": hook.url, "trigger_type": "message.created"}
    status, type_, message = problem(subscriber.post("/v3/webhooks/send-test-event", ask))
    assert (status, type_) == (400, "70005")
    assert "500" in message


def test_the_addresses_are_not_taken_for_a_webhook(subscriber: Tenant) -> None:
    found = data(subscriber.get("/v3/webhooks/ip-addresses"))
    assert found["ip_addresses"] == []
    assert isinstance(found["updated_at"], int)


def test_the_body_of_the_vendors_guide_is_taken_as_it_stands_there(
    subscriber: Tenant, receiver: Any, hook: Hook
) -> None:
    body = {
        "trigger_types": ["grant.created", "calendar.created", "message.bounce_detected"],
        "description": "Production webhook destination",
        "webhook_url": hook.url,
        "notification_email_addresses": ["jane@example.com", "joe@example.com"],
        "notification_email_address": "jane@example.com",
        "compressed_delivery": False,
    }
    made = data(subscriber.post("/v3/webhooks", body))
    change = {**body, "status": "active", "webhook_url": receiver.hook().url}
    changed = subscriber.http.put(f"/v3/webhooks/{made['id']}", json=change)
    assert data(changed)["trigger_types"] == body["trigger_types"]
