"""grants/refresh/circuit_breaker.py: many grants that fail alike open it; with real refreshes, on both engines."""

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr

from opengrant.connectors import connectors
from opengrant.errors import OpenGrantError
from opengrant.grants.refresh.circuit_breaker import Policy
from opengrant.model import SECOND, Application, Grant, Micros, ProviderName
from opengrant.store.engine.port import Steps
from opengrant.store.events import deliveries, events, webhooks
from opengrant.store.events.webhooks import Webhook
from opengrant.store.grants import circuit_breakers, grants
from opengrant.store.grants.circuit_breakers import CircuitBreaker
from tests.grants.house import House, Mood
from tests.logins import connecting
from tests.support import secret, set_in_refresh

T = TypeVar("T")
AFTER = 3
PROBE_EVERY = 20


@dataclass
class Source:
    """A Google connector with grants that were made long ago, in a house whose policy blames after three."""

    house: House
    loop: asyncio.AbstractEventLoop
    app: Application
    grants: list[Grant] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def connect(self, name: str) -> Grant:
        token = secret("root")
        email = f"{name}@example.com"
        self.house.provider.consented(token, email=email, scope="openid email profile")
        ask = connecting(ProviderName.GOOGLE, {"refresh_token": SecretStr(token)})
        grant = self.run(self.house.nodes[0].connect.custom(self.app, ask))
        self.tokens[grant.id] = token
        return grant

    def ask(self, *numbers: int, mood: Mood = "accepts", node: int = 0) -> None:
        """Ask the provider for these grants, whatever is due; it is in that mood."""
        self.house.provider.mood = mood
        for number in numbers:
            self.run(self.house.nodes[node].refresh.checks.check(self.app, self.grants[number].id))

    def refuse(self, *numbers: int) -> None:
        """The same, with the consent of each withdrawn before."""
        for number in numbers:
            self.house.provider.withdraw(self.tokens[self.grants[number].id])
        self.ask(*numbers)

    def consent_again(self) -> None:
        """As if nobody had withdrawn anything: the provider was wrong."""
        for grant in self.grants:
            self.house.provider.accepts(self.tokens[grant.id], email=grant.email, scope="openid email profile")

    def clock(self) -> int:
        """One round of the clock. Returns how many requests it made."""
        before = self.house.provider.count("token")

        async def round_() -> None:
            await self.house.nodes[0].refresh.due.run_round()
            await self.house.drain()

        self.run(round_())
        return self.house.provider.count("token") - before

    def now(self, number: int) -> Grant:
        found = self.run(self.house.db.read(grants.find(self.app.id, self.grants[number].id)))
        assert found is not None
        return found

    def statuses(self) -> list[str]:
        return [self.now(number).status for number in range(len(self.grants))]

    def breaker(self) -> CircuitBreaker | None:
        def script() -> Steps[CircuitBreaker | None]:
            return (yield from circuit_breakers.lock(self.app.id, self.grants[0].source, self.house.db.dialect))

        return self.run(self.house.db.write(script()))

    def degraded(self) -> bool:
        found = self.breaker()
        return found is not None and found.degraded_at is not None

    def events(self, type_: str) -> int:
        rows = self.run(
            self.house.rows("select 1 from events where application_id = $1 and type = $2", self.app.id, type_)
        )
        return len(rows)

    def notices(self) -> list[str]:
        """What receivers are told, or will be: types in order."""
        found = self.run(self.house.db.read(deliveries.page(self.app.id, deliveries.DeliveryFilters(), limit=100)))
        return [delivery.type for delivery in reversed(found) if delivery.type != "grant.created"]


@pytest.fixture
def source(built: House, loop: asyncio.AbstractEventLoop) -> Iterator[Source]:
    built.provider.reset()
    built.provider.parks = False
    for node in built.nodes:
        set_in_refresh(node.refresh, policy=Policy(AFTER, PROBE_EVERY * SECOND))
    made = Source(built, loop, loop.run_until_complete(built.tenant()))
    at = built.clock()
    hook = Webhook(
        made.app.id, f"hook-{made.app.id}", "https://hook.test", tuple(events.TRIGGERS), None, (), False, "active",
        at, at, at,
    )  # fmt: skip
    made.run(built.db.write(webhooks.add(hook)))
    draft = connectors.ConnectorFields(
        client_id="client", client_secret=SecretStr(secret("client")), scope=("openid", "email", "profile")
    )
    made.run(built.connectors.create(made.app, ProviderName.GOOGLE, draft))
    made.grants = [made.connect(f"user{number}") for number in range(5)]
    built.clock.move(7200)
    yield made
    built.provider.parks = True
    made.run(built.rest(made.app))


def test_one_grant_that_fails_again_and_again_accuses_nobody(source: Source) -> None:
    for _ in range(AFTER + 1):
        source.ask(0, mood="refuses the client")
    found = source.breaker()
    assert found is not None
    assert (found.members, found.degraded_at) == ((source.grants[0].id,), None)


@pytest.mark.parametrize("mood", ["refuses the client", "down", "vanishes"])
def test_different_grants_that_fail_alike_accuse_their_source(source: Source, mood: Mood) -> None:
    source.ask(0, 1, mood=mood)
    assert not source.degraded()
    source.ask(2, mood=mood)
    assert source.degraded()
    assert source.events("connector.degraded") == 1
    held = source.now(2).trouble
    assert held is not None
    assert held.held


def test_a_success_ends_the_streak(source: Source) -> None:
    source.ask(0, 1, mood="down")
    source.ask(3)
    assert source.breaker() is None
    source.ask(0, 1, mood="down")
    assert not source.degraded()
    source.ask(2, mood="down")
    assert source.degraded()


def test_another_reason_begins_a_new_streak(source: Source) -> None:
    source.ask(0, 1, mood="down")
    source.ask(2, mood="refuses the client")
    found = source.breaker()
    assert found is not None
    assert found.members == (source.grants[2].id,)


def test_failures_that_lie_far_apart_make_no_streak(source: Source) -> None:
    source.ask(0, 1, mood="down")
    source.house.clock.move(3601)
    source.ask(2, mood="down")
    assert not source.degraded()


def test_a_mailbox_that_connects_meanwhile_speaks_for_the_source(source: Source) -> None:
    source.refuse(0, 1)
    source.connect("witness")
    source.refuse(2)
    assert not source.degraded()
    assert source.statuses() == ["invalid", "invalid", "invalid", "valid", "valid"]


def test_what_the_streak_has_ended_is_valid_again_and_nobody_hears_of_it(source: Source) -> None:
    source.refuse(0, 1)
    assert source.statuses()[:2] == ["invalid", "invalid"]
    assert source.notices() == ["grant.expired", "grant.expired"]
    source.refuse(2)
    assert source.statuses() == ["valid"] * 5
    assert source.notices() == ["connector.degraded"]
    assert (source.events("grant.restored"), source.events("grant.updated")) == (2, 0)


def test_who_was_told_that_a_grant_expired_is_told_that_it_lives(source: Source) -> None:
    source.refuse(0)
    source.run(source.house.rows("update deliveries set attempts = 1 where application_id = $1", source.app.id))
    source.refuse(1, 2)
    assert source.statuses() == ["valid"] * 5
    assert sorted(source.notices()) == ["connector.degraded", "grant.expired", "grant.updated"]


def test_what_ended_for_another_reason_stays_ended(source: Source) -> None:
    source.refuse(0)
    source.ask(1, 2, 3, mood="down")
    assert source.degraded()
    assert source.now(0).status == "invalid"


def test_a_degraded_source_is_left_alone_but_for_a_probe(source: Source) -> None:
    source.ask(0, 1, 2, mood="refuses the client")
    assert source.clock() == 0
    source.house.clock.move(PROBE_EVERY + 1)
    assert 1 <= source.clock() <= 2
    assert source.clock() == 0, "the next probe has its time too"


def test_no_grant_of_a_degraded_source_ends_however_often_it_is_refused(source: Source) -> None:
    source.refuse(0, 1, 2, 3, 4)
    for _ in range(4):
        source.house.clock.move(PROBE_EVERY * 3)
        source.clock()
        source.ask(0, 1, 2, 3, 4)
    assert source.statuses() == ["valid"] * 5
    assert source.events("connector.degraded") == 1


def test_a_probe_that_succeeds_releases_the_source_and_all_recover(source: Source) -> None:
    source.refuse(0, 1, 2)
    source.consent_again()
    source.house.clock.move(PROBE_EVERY + 1)
    source.clock()
    assert source.breaker() is None
    assert source.events("connector.recovered") == 1
    source.house.clock.move(PROBE_EVERY * 3)
    source.clock()
    assert source.statuses() == ["valid"] * 5
    assert [source.now(number).trouble for number in range(5)] == [None] * 5


def test_one_that_is_refused_still_when_its_source_has_recovered_was_dead(source: Source) -> None:
    source.refuse(0, 1, 2)
    source.ask(3)
    source.ask(0)
    assert source.statuses() == ["invalid", "valid", "valid", "valid", "valid"]
    assert not source.degraded()


def test_a_changed_client_secret_is_tried_at_once(source: Source) -> None:
    source.ask(0, 1, 2, mood="refuses the client")
    assert source.clock() == 0
    draft = connectors.ConnectorFields(client_secret=SecretStr(secret("new")))
    source.run(source.house.connectors.update(source.app, ProviderName.GOOGLE, draft))
    source.house.provider.mood = "accepts"
    assert source.clock() >= 1
    assert source.events("connector.recovered") == 1


def test_a_source_that_throttles_is_left_alone_for_as_long_as_it_says(source: Source) -> None:
    source.ask(0, mood="throttles")
    source.house.provider.mood = "accepts"
    assert source.clock() == 0
    before = source.house.provider.count("token")
    with pytest.raises(OpenGrantError):
        source.run(source.house.nodes[1].refresh.tokens.live(source.app, source.grants[3].id, minimum_ttl=0))
    assert source.house.provider.count("token") == before
    source.house.clock.move(92)
    assert source.clock() == 5
    assert source.breaker() is None


def test_what_fails_otherwise_meanwhile_does_not_shorten_the_pause(source: Source) -> None:
    source.ask(0, mood="throttles")
    until = paused(source)
    source.ask(1, mood="down")
    assert paused(source) == until
    assert source.clock() == 0


def test_a_longer_pause_wins(source: Source) -> None:
    source.ask(0, mood="throttles")
    until = paused(source)
    source.house.clock.move(10)
    source.ask(1, mood="throttles")
    assert paused(source) > until


def test_throttling_accuses_nobody(source: Source) -> None:
    source.ask(0, 1, 2, 3, 4, mood="throttles")
    assert not source.degraded()
    assert source.statuses() == ["valid"] * 5


def test_what_another_node_saw_counts(source: Source) -> None:
    source.ask(0, mood="down")
    source.ask(1, mood="down", node=1)
    source.ask(2, mood="down")
    assert source.degraded()


def test_a_degraded_source_that_names_a_time_is_not_probed_before_it(source: Source) -> None:
    source.ask(0, 1, 2, mood="down")
    source.ask(3, mood="throttles")
    until = probe(source)
    assert until > source.house.clock() + 89 * SECOND
    source.ask(4, mood="down")
    assert probe(source) == until, "another answer does not shorten it"
    source.house.provider.mood = "accepts"
    source.house.clock.move(PROBE_EVERY + 1)
    assert source.clock() == 0
    source.house.clock.move(92 - PROBE_EVERY)
    assert source.clock() >= 1
    assert source.breaker() is None


def test_throttling_that_names_no_time_backs_off(source: Source) -> None:
    waits = []
    for _ in range(4):
        source.ask(0, mood="throttles silently")
        trouble = source.now(0).trouble
        assert trouble is not None
        waits.append(((trouble.retry_at or 0) - trouble.last_seen) / SECOND)
    assert waits == [22.5, 45, 90, 180]


def test_a_source_that_throttles_without_a_time_is_asked_ever_more_rarely_whichever_grant_it_is(source: Source) -> None:
    waits = []
    for number in range(5):
        source.ask(number, mood="throttles silently")
        waits.append((paused(source) - source.house.clock()) // SECOND)
        source.house.clock.move(waits[-1] + 1)
    assert waits == sorted(set(waits)), "each pause is longer than the one before"
    assert waits[-1] > 8 * waits[0]


def test_an_old_pause_is_forgotten(source: Source) -> None:
    source.ask(0, mood="throttles silently")
    source.house.clock.move(2 * 3600)
    source.ask(1, mood="throttles silently")
    assert paused(source) - source.house.clock() < 30 * SECOND


def test_secrets_that_do_not_open_accuse_nobody(source: Source) -> None:
    """A master key that this node does not have."""
    sql = "update secrets set sealed = $2 where application_id = $1 and owner_kind = 'grant' and purpose = 'live'"
    source.run(source.house.rows(sql, source.app.id, b"nonsense"))
    source.ask(0, 1, 2, 3)
    trouble = source.now(3).trouble
    assert trouble is not None
    assert (trouble.reason, trouble.held) == ("internal_error", False)
    assert source.breaker() is None


def paused(source: Source) -> Micros:
    found = source.breaker()
    assert found is not None
    assert found.paused_until is not None
    return found.paused_until


def probe(source: Source) -> Micros:
    found = source.breaker()
    assert found is not None
    assert found.probe_at is not None
    return found.probe_at
