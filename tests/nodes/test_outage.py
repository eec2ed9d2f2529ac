"""Ten minutes of outage in fewer seconds, on two nodes: each provider fails for everybody, in a way of its own.

Nobody's mailbox is lost, the provider is left in peace, and one event says that it began and one that it is over.
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO

import pytest

from tests.fakes.oauth import FakeOAuth, Reply
from tests.nodes.node import Node, age, connected, look_after, multiply, nodes, reader, until
from tests.nodes.stories import Slow, ask_slowly, begun
from tests.peers.dovecot import ELSEWHERE, Dovecot
from tests.peers.postgres import Postgres
from tests.support import LiveServer, Tenant, data, imap

pytestmark = pytest.mark.timeout(300)  # several waits of `until` may follow one another

_GRANTS = {"google": 30, "microsoft": 150, "zoom": 150}
"""Few enough at Google that soon all have been refused, and only those are left to probe with."""
_BUDGET = 40
"""Requests per second."""
_PROBES = 6
"""Times that a provider is probed before it returns, one a second."""
_OUTAGES = {
    "google": Reply(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}),
    "microsoft": Reply(503, "down", delay=1.5),  # longer than from probe to probe
    "zoom": Reply(401, {"reason": "Invalid client_id or client_secret", "error": "invalid_client"}),
}


@dataclass
class Outage:
    """One provider's outage.

    at: when it began, when somebody was held to blame and what was under way had ended, when the provider returned,
    when all grants worked again.
    """

    provider: FakeOAuth
    tenant: Tenant
    key: str
    grants: list[str]
    nodes: list[Node]
    answer: Reply
    at: tuple[float, float, float, float] = (0, 0, 0, 0)
    invalid: int = 0
    told: tuple[int, ...] = ()

    def count(self, condition: str) -> int:
        sql = f"select count(*) from grants where application_id = $1 and {condition}"
        return int(self.tenant.server.rows(sql, self.tenant.application.id)[0][0])

    def happens(self) -> None:
        """From the moment when all grants are due until all of them work again."""
        live, app_id = self.tenant.server, self.tenant.application.id
        self.provider.answers("token", self.answer)
        began = time.monotonic()
        live.rows("update grants set due_at = 1, token_expires_at = 1 where application_id = $1", app_id)
        until(lambda: self.events("connector.degraded"), "nobody is held to blame")
        # Not until there is none: where a probe takes longer than it is to the next one, one is always under way.
        under_way = self.leases()
        until(lambda: not under_way & self.leases(), "what was under way does not end")
        calm, since = self.provider.count("token"), time.monotonic()
        while self.provider.count("token") < calm + _PROBES or time.monotonic() < since + _PROBES:
            answers = [self.nodes[n].token(self.key, self.grants[n]) for n in range(2)]
            self.told += tuple(answer.status_code for answer in answers)
            time.sleep(0.1)
        self.invalid = self.count("status = 'invalid'")
        returned = time.monotonic()
        self.provider.behaves()
        until(lambda: not self.count("token_expires_at = 1"), "some grants do not come back")
        self.at = (began, since, returned, time.monotonic())

    def leases(self) -> set[tuple[str, int]]:
        """By what they are of and when they end, without those that were left open."""
        sql = "select subject, until from leases where application_id = $1 and until > 0"
        return {(row[0], row[1]) for row in self.tenant.server.rows(sql, self.tenant.application.id)}

    def events(self, type_: str) -> int:
        return [told for told, _ in self.tenant.events()].count(type_)

    def requests(self, since: float, until_: float) -> list[float]:
        return [seen.at for seen in self.provider.requests if seen.endpoint == "token" and since <= seen.at < until_]


@pytest.fixture(scope="module")
def slow(postgres: Postgres, log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Future[Slow]]":
    with begun(ask_slowly, postgres.create_database(), tmp_path_factory.mktemp("slow"), log_stream) as story:
        yield story


@pytest.fixture(scope="module")
def outages(
    postgres: Postgres, log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory, slow: "Future[Slow]"
) -> Iterator[dict[str, Outage]]:
    """All of them at once, each at a provider and in an application of its own."""
    assert slow  # it is under way meanwhile
    with ExitStack() as ending:
        fakes = {name: ending.enter_context(FakeOAuth()) for name in _OUTAGES}
        env = {
            "OPENGRANT_DATABASE_URL": postgres.create_database(),
            "OPENGRANT_REFRESH__BUDGET": str(_BUDGET),
            "OPENGRANT_REFRESH__PROBE_DEGRADED": "1",
            **fakes["google"].google_settings(),
            **fakes["microsoft"].microsoft_settings(),
            **fakes["zoom"].zoom_settings(),
        }
        live = ending.enter_context(LiveServer(env, tmp_path_factory.mktemp("outage"), log_stream))
        each = {}
        for name, fake in fakes.items():
            tenant = live.tenant()
            ending.callback(tenant.http.close)
            tenant.connector(name)
            first = connected(tenant, fake, name, "first@example.com")
            grants = [first, *multiply(tenant, fake, first, _GRANTS[name] - 1)]
            live.rows("update grants set due_at = null where application_id = $1", tenant.application.id)
            each[name] = Outage(fake, tenant, reader(tenant), grants, [], _OUTAGES[name])
        both = ending.enter_context(nodes(live, {}, {}))
        for outage in each.values():
            outage.nodes = both
        with ThreadPoolExecutor(len(each)) as pool:
            list(pool.map(Outage.happens, each.values()))
        yield each


@pytest.fixture(params=list(_OUTAGES))
def outage(request: pytest.FixtureRequest, outages: dict[str, Outage]) -> Outage:
    return outages[request.param]


def test_no_grant_is_lost_however_often_the_provider_is_probed(outage: Outage) -> None:
    assert outage.invalid == 0
    assert outage.count("status = 'invalid'") == 0
    assert outage.count("trouble is not null") == 0


def test_one_event_tells_that_it_began_and_one_that_it_is_over(outage: Outage) -> None:
    assert (outage.events("connector.degraded"), outage.events("connector.recovered")) == (1, 1)


def test_meanwhile_clients_are_told_to_come_back_later(outage: Outage) -> None:
    assert set(outage.told) == {504}


def test_a_provider_that_fails_for_all_is_left_in_peace(outage: Outage) -> None:
    began, peace, returned, _ = outage.at
    assert len(outage.requests(began, peace)) <= _BUDGET * (peace - began + 1)
    # Each second a probe, of two; the other node may hear of it a second late.
    assert len(outage.requests(peace, returned)) <= 2 * (returned - peace + 1) + 4


def test_there_is_no_herd_when_it_is_back(outage: Outage) -> None:
    *_, returned, worked = outage.at
    came = outage.requests(returned, worked)
    assert len(came) >= len(outage.grants)
    for number, at in enumerate(came, 1):
        # A second's worth may be spent at once, and a probe of each node may have been under way.
        assert number <= _BUDGET * (at - returned + 1) + 4


def test_each_grant_works_again(outage: Outage) -> None:
    for node in outage.nodes:
        assert {node.token(outage.key, id_).status_code for id_ in outage.grants[:20]} == {200}
    age(outage.tenant.server, outage.grants[0])
    assert outage.nodes[0].token(outage.key, outage.grants[0]).status_code == 200


def test_the_lease_outlives_a_provider_that_takes_25_seconds(slow: "Future[Slow]") -> None:
    """Clients and clocks of two nodes wait for one answer."""
    outcome = slow.result()
    assert (outcome.asked, outcome.statuses, len(outcome.tokens)) == (1, {200}, 1)


def test_a_mail_host_that_was_held_to_blame_recovers_with_the_first_password_it_accepts(
    tenant: Tenant, server: LiveServer, dovecot: Dovecot
) -> None:
    tenant.connector("imap")
    grant = data(tenant.connect("imap", imap(dovecot, "alice@example.test")))
    ((source,),) = server.rows("select coalesce(credential_id, connector_id) from grants where id = $1", grant["id"])
    server.rows(
        """insert into brakes (application_id, source, kind, reason, members, since, degraded_at, probe_at, evidence)
           values ($1, $2, 'provider_down', 'unreachable', '[]', 1, 1, 1, '{}')""",
        tenant.application.id,
        f"{source}/{ELSEWHERE}",
    )
    look_after(server, grant["id"])
    assert [type_ for type_, _ in tenant.events()] == ["grant.created", "connector.recovered"]
