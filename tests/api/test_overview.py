"""GET /v3/overview: how an application is doing, at a glance."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from opengrant import metrics
from opengrant.events.activity import HOUR, KEEP
from opengrant.jobs.sweep import activity, forget_of
from opengrant.model import SECOND, now
from tests.announcing import subscribe
from tests.api.test_grant_actions import check, invalidate
from tests.api.test_token import age, clock, later, make
from tests.fakes.oauth import FakeOAuth, Reply
from tests.fakes.receiver import Hook
from tests.peers.dovecot import ELSEWHERE, Dovecot
from tests.support import LiveServer, Tenant, data, imap, problem

DAY = 24 * HOUR


def overview(tenant: Tenant, **query: Any) -> Any:
    """As it is now, not as it was some seconds ago."""
    tenant.server.services.overview.forget()
    answer = tenant.get("/v3/overview", params=query)
    assert answer.status_code == 200, answer.text
    return data(answer)


def active(seen: Any) -> Any:
    """All buckets together: what came out, whenever it was. An hour may end while a test runs."""
    buckets = seen["activity"]["buckets"]
    summed: dict[str, Any] = {
        name: sum(bucket[name] for bucket in buckets) for name in ("verified", "refreshed", "failed")
    }
    failures: dict[str, int] = {}
    for bucket in buckets:
        for class_, times in bucket["failures"].items():
            failures[class_] = failures.get(class_, 0) + times
    return summed | {"failures": failures}


def source_of(server: LiveServer, grant: Any) -> tuple[str, str | None]:
    """(connector, credential)."""
    ((connector_id, credential_id),) = server.rows(
        "select connector_id, credential_id from grants where id = $1", grant["id"]
    )
    return connector_id, credential_id


def count(tenant: Tenant, at: int, times: int) -> None:
    """As if so many grants had been renewed in the hour that began then."""
    tenant.server.rows(
        """insert into activity (application_id, began_at, provider, outcome, times)
           values ($1, $2, 'google', 'refreshed', $3)""",
        tenant.application.id,
        at,
        times,
    )


def test_an_empty_application_has_an_overview(tenant: Tenant) -> None:
    seen = overview(tenant)
    assert abs(seen["at"] - now() // SECOND) < 60
    assert (seen["grants"], seen["degraded"], seen["webhooks"]) == ([], [], [])
    assert seen["expiring"] == {"tokens_within_hour": 0, "tokens_within_day": 0, "overdue": 0, "suspected": 0}
    assert active(seen) == {"verified": 0, "refreshed": 0, "failed": 0, "failures": {}}


def test_grants_are_counted_by_provider_and_how_they_are(
    tenant: Tenant, stranger: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    make(stranger, provider)
    well, down, gone = (make(tenant, provider, email=f"{name}@example.com") for name in ("well", "down", "gone"))
    make(tenant, provider, "microsoft", scope="User.Read offline_access")
    age(server, down, seconds=100)
    provider.refuses(503)
    check(tenant, down)
    invalidate(tenant, gone)
    google = {"provider": "google", "valid": 2, "invalid": 1, "troubled": 1, "held": 0}
    microsoft = {"provider": "microsoft", "valid": 1, "invalid": 0, "troubled": 0, "held": 0}
    assert overview(tenant)["grants"] == [google, microsoft]
    provider.behaves()
    later(server, down)
    clock(server)
    assert overview(tenant)["grants"][0] == google | {"troubled": 0}
    tenant.delete(f"/v3/grants/{well['id']}")
    tenant.delete("/v3/connectors/google")
    assert overview(tenant)["grants"][0] == google | {"valid": 0, "invalid": 2, "troubled": 0}
    assert [one["valid"] for one in overview(stranger)["grants"]] == [1]


def test_it_tells_what_is_about_to_happen(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer, dovecot: Dovecot
) -> None:
    soon, later_, dead = (make(tenant, provider, email=f"{name}@example.com") for name in ("soon", "later", "dead"))
    for grant, seconds in ((soon, 1800), (later_, 7200), (dead, -100)):
        sql = "update grants set token_expires_at = $2, due_at = $2 where id = $1"
        server.rows(sql, grant["id"], now() + seconds * SECOND)
    tenant.connector("imap")
    box = data(tenant.connect("imap", imap(dovecot, "alice@example.test")))
    server.rows("update grants set settings = replace(settings, 'alice', 'nobody') where id = $1", box["id"])
    age(server, {"id": box["id"]}, seconds=100)
    check(tenant, box)
    expected = {"tokens_within_hour": 1, "tokens_within_day": 2, "overdue": 1, "suspected": 1}
    assert overview(tenant)["expiring"] == expected


def test_what_comes_out_is_counted_and_failures_by_their_class(
    tenant: Tenant, stranger: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    grant = make(tenant, provider)
    make(stranger, provider)
    age(server, grant)
    clock(server)
    for reply in (Reply(503, "down"), Reply(503, "down"), Reply(401, {"error": "invalid_client"})):
        provider.answers("token", reply)
        age(server, grant)
        clock(server)
        later(server, grant)
    expected = {"verified": 1, "refreshed": 1, "failed": 3, "failures": {"connector": 1, "provider_down": 2}}
    assert active(overview(tenant)) == expected
    server.call(activity(server.services).run())
    assert active(overview(tenant)) == expected, "written, and not forgotten nor counted twice"
    provider.behaves()
    make(tenant, provider)
    server.call(activity(server.services).run())
    assert active(overview(tenant))["verified"] == 2
    assert active(overview(stranger))["verified"] == 1


def test_what_is_refused_at_connect_is_no_grants_failure(tenant: Tenant, provider: FakeOAuth) -> None:
    tenant.connector("google")
    provider.refuses(400, {"error": "invalid_grant"})
    assert tenant.connect("google", {"refresh_token": "x"}).status_code == 400
    assert active(overview(tenant)) == {"verified": 0, "refreshed": 0, "failed": 0, "failures": {}}


@pytest.mark.parametrize(
    ("hours", "seconds", "number"), [(1, 3600, 1), (24, 3600, 24), (72, 3600, 72), (73, 86400, 4), (720, 86400, 30)]
)
def test_buckets_are_of_one_size_without_gaps_oldest_first(
    tenant: Tenant, hours: int, seconds: int, number: int
) -> None:
    seen = overview(tenant, hours=hours)
    assert seen["activity"]["bucket_seconds"] == seconds
    began = [bucket["at"] for bucket in seen["activity"]["buckets"]]
    assert began == [began[0] + n * seconds for n in range(number)]
    assert began[-1] % seconds == 0
    assert began[-1] <= seen["at"] < began[-1] + 2 * seconds


def test_the_past_is_in_its_bucket(tenant: Tenant, server: LiveServer) -> None:
    at = now()
    hour, day = at - at % HOUR, at - at % DAY
    for began_at, times in ((hour - 2 * HOUR, 3), (day - 5 * DAY, 5), (day - 5 * DAY + HOUR, 7), (day - 40 * DAY, 9)):
        count(tenant, began_at, times)
    by_hour = {bucket["at"]: bucket["refreshed"] for bucket in overview(tenant)["activity"]["buckets"]}
    assert by_hour[(hour - 2 * HOUR) // SECOND] == sum(by_hour.values()) == 3
    by_day = {bucket["at"]: bucket["refreshed"] for bucket in overview(tenant, hours=720)["activity"]["buckets"]}
    assert by_day[(day - 5 * DAY) // SECOND] == 12
    assert sum(by_day.values()) == 15


@pytest.mark.parametrize("hours", ["0", "721", "-1", "many", "1.5"])
def test_a_senseless_time_is_refused(tenant: Tenant, hours: str) -> None:
    status, _, message = problem(tenant.get(f"/v3/overview?hours={hours}"))
    assert status == 400
    assert "hours" in message


def test_old_counts_are_swept(tenant: Tenant, server: LiveServer) -> None:
    keep = int(KEEP / timedelta(microseconds=1))
    for at in (now() - keep - HOUR, now() - keep + DAY):
        count(tenant, at, 1)
    server.call(forget_of(tenant.application, server.services))
    assert server.rows("select count(*) from activity where application_id = $1", tenant.application.id)[0][0] == 1


def test_a_degraded_connector_says_why_and_how_many_depend_on_it(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    grants = [make(tenant, provider, email=f"{number}@example.com") for number in range(6)]
    provider.answers("token", Reply(401, {"error": "invalid_client"}))
    for grant in grants[:5]:
        age(server, grant)
        clock(server)
    (source,) = overview(tenant)["degraded"]
    connector_id, credential_id = source_of(server, grants[0])
    assert (source["provider"], source["connector_id"], source["credential_id"]) == (
        "google",
        connector_id,
        credential_id,
    )
    assert (source["class"], source["provider_code"], source["grants"]) == ("connector", "invalid_client", 6)
    assert source["remedy"]
    assert source["since"] <= server.now() // SECOND <= source["probe_at"]
    assert "host" not in source
    (google,) = overview(tenant)["grants"]
    assert (google["valid"], google["troubled"], google["held"]) == (6, 6, 6)
    provider.behaves()
    server.rows("update brakes set probe_at = 1 where application_id = $1", tenant.application.id)
    clock(server)
    assert overview(tenant)["degraded"] == []


def test_a_degraded_mail_host_is_named(tenant: Tenant, server: LiveServer, dovecot: Dovecot) -> None:
    tenant.connector("imap")
    for name in ("alice", "bob"):
        grant = data(tenant.connect("imap", imap(dovecot, f"{name}@example.test")))
    server.rows(
        "update grants set settings = replace(settings, $2, 'elsewhere.test') where id = $1", grant["id"], ELSEWHERE
    )
    connector_id, _ = source_of(server, grant)
    said = json.dumps({"class": "provider_down", "reason": "unreachable", "code": "", "remedy": "Wait."})
    server.rows(
        """insert into brakes (application_id, source, kind, reason, members, since, degraded_at, probe_at, evidence)
           values ($1, $2, 'provider_down', 'unreachable', '[]', 1, 1000000, null, $3)""",
        tenant.application.id,
        f"{connector_id}/{ELSEWHERE}",
        said,
    )
    assert overview(tenant)["degraded"] == [
        {
            "provider": "imap", "connector_id": connector_id, "host": ELSEWHERE, "since": 1, "class": "provider_down",
            "reason": "unreachable", "remedy": "Wait.", "grants": 1,
        }
    ]  # fmt: skip


def test_webhooks_show_what_waits_and_what_was_given_up(announcing: LiveServer, subscriber: Tenant, hook: Hook) -> None:
    made = subscribe(subscriber, hook)
    idle = {
        "id": made["id"],
        "webhook_url": hook.url,
        "status": "active",
        "status_updated_at": made["status_updated_at"],
    }
    assert overview(subscriber)["webhooks"] == [idle | {"pending": 0, "failed": 0}]
    waiting = gauge(announcing, "opengrant_webhook_pending_deliveries")
    for number, state in enumerate(["pending"] * 3 + ["failed"] * 2 + ["delivered"]):
        announcing.rows(
            """insert into deliveries (application_id, webhook_id, event_id, type, subject, payload, created_at,
                                       queued_at, due_at, state, attempts)
               values ($1, $2, $3, 'grant.created', '', '{}', $4, 1, 9000000000000000, $5, 1)""",
            subscriber.application.id,
            made["id"],
            f"event-{number}",
            (number + 5) * SECOND,
            state,
        )
    assert overview(subscriber)["webhooks"] == [idle | {"pending": 3, "failed": 2, "oldest_pending_at": 5}]
    assert gauge(announcing, "opengrant_webhook_pending_deliveries") == waiting + 3
    subscriber.delete(f"/v3/webhooks/{made['id']}")
    assert overview(subscriber)["webhooks"] == []


def test_many_who_look_at_once_are_shown_the_same(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    at = now()
    monkeypatch.setattr(tenant.server.services.overview, "clock", lambda: at)
    tenant.connector("virtual-calendar")
    first = overview(tenant)
    tenant.connect("virtual-calendar", {"email": "room-7"})
    with ThreadPoolExecutor(5) as pool:
        seen = list(pool.map(lambda _: data(tenant.get("/v3/overview")), range(10)))
    assert all(one == first for one in seen), "it may be ten seconds old"
    assert overview(tenant)["grants"][0]["valid"] == 1


def gauge(server: LiveServer, name: str) -> float:
    """Measured now, of all tenants."""
    server.call(server.services.overview.measure())
    server.call(server.services.deliveries.measure())
    values = dict(line.rsplit(" ", 1) for line in metrics.render()[0].decode().splitlines())
    return float(values[name])


def measured(server: LiveServer) -> tuple[int, int]:
    """(grants overdue, degraded sources), of all tenants; from the metrics."""
    server.call(server.services.overview.measure())
    text = metrics.render()[0].decode()
    found = re.findall(r"^opengrant_(?:grants_overdue|sources_degraded) ([0-9]+)", text, re.MULTILINE)
    return int(found[0]), int(found[1])


def test_metrics_tell_what_is_overdue_and_who_is_to_blame(
    tenant: Tenant, provider: FakeOAuth, server: LiveServer
) -> None:
    overdue, degraded = measured(server)
    works = gauge(server, 'opengrant_grants{provider="google",state="valid"}')
    grants = [make(tenant, provider, email=f"{number}@example.com") for number in range(6)]
    assert gauge(server, 'opengrant_grants{provider="google",state="valid"}') == works + 6
    for number, grant in enumerate(grants):
        # Two of them not for a minute yet.
        server.rows(
            "update grants set due_at = $2 where id = $1", grant["id"], now() - (30 + number // 2 * 60) * SECOND
        )
    assert measured(server) == (overdue + 4, degraded)
    _, credential_id = source_of(server, grants[0])
    server.rows(
        """insert into brakes (application_id, source, kind, reason, members, since, degraded_at, evidence)
           values ($1, $2, 'connector', 'client_refused', '[]', 1, 1, '{}')""",
        *(tenant.application.id, credential_id),
    )
    # They wait because they are held.
    assert measured(server) == (overdue, degraded + 1)
    server.rows("delete from brakes where application_id = $1", tenant.application.id)
    server.rows("update grants set due_at = null where application_id = $1", tenant.application.id)
