"""A clock that is set back, or forward, while everything stands in the database: nothing depends on it for long."""

import asyncio
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import pytest
from pydantic import SecretStr
from pydantic_core import from_json
from structlog.testing import capture_logs

from opengrant.connectors import connectors
from opengrant.errors import OpenGrantError, Overloaded
from opengrant.grants.connect.proof import Proof
from opengrant.grants.manage import GrantChange
from opengrant.grants.refresh.circuit_breaker import Policy
from opengrant.model import SECOND, Application, Grant, Identity, Micros, ProviderName, Sealed, is_recent
from opengrant.model.secrets import OAuthSecret
from opengrant.operations.clock_steps import ClockSteps
from opengrant.store.access import console_sessions as console
from opengrant.store.access import rate_limits as rations
from opengrant.store.engine.port import Store, StoreUnavailable
from opengrant.store.events import deliveries, webhooks
from opengrant.store.events.events import Event
from opengrant.store.events.events import add as add_event
from opengrant.store.events.webhooks import Webhook
from opengrant.store.grants import leases
from opengrant.vault import Owner
from tests.grants.house import House
from tests.logins import connecting as request_for
from tests.logins import login
from tests.support import Away, secret, set_in_refresh

T = TypeVar("T")

JUMPS = pytest.mark.parametrize("jump", [-3600, -600, 600, 3600])
BACK = pytest.mark.parametrize("jump", [-3600, -600])
BOX = "ana@example.com"


@dataclass
class Place:
    """One tenant with one mailbox, on a clock that the test sets."""

    house: House
    loop: asyncio.AbstractEventLoop
    app: Application
    ahead: ClockSteps

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def consent(self) -> SecretStr:
        token = secret("root")
        self.house.provider.consented(token, email=BOX, scope="openid email profile")
        return SecretStr(token)

    def connect(self, token: SecretStr, *, node: int = 0) -> Grant:
        ask = request_for(ProviderName.GOOGLE, {"refresh_token": token})
        return self.run(self.house.nodes[node].connect.custom(self.app, ask))

    def holds(self, grant: Grant) -> str:
        sql = "select key_id, sealed from secrets where owner_id = $1 and purpose = 'live'"
        ((key_id, sealed),) = self.run(self.house.rows(sql, grant.id))
        owner = Owner(self.app.id, "grant", grant.id, "live")
        return str(from_json(self.house.vault.open(Sealed(key_id, bytes(sealed)), owner))["refresh_token"])

    def now(self, grant: Grant) -> Grant:
        return self.run(self.house.nodes[0].grants.get(self.app, grant.id))

    def round(self) -> None:
        """What the clock does in a second or two, without waiting for it."""
        self.run(self.ahead.watch())
        self.run(self.house.nodes[0].refresh.due.run_round())
        self.run(self.house.nodes[0].refresh.drain())

    def asked(self) -> int:
        return self.house.provider.count("token")


@pytest.fixture
def place(built: House, loop: asyncio.AbstractEventLoop) -> Iterator[Place]:
    built.provider.reset()
    built.provider.parks = False
    for table in ("grants", "leases", "paces", "brakes", "rations", "deliveries", "webhooks", "console_links"):
        loop.run_until_complete(built.rows(f"delete from {table}"))  # no test is to meet another's future
    app = loop.run_until_complete(built.tenant())
    draft = connectors.ConnectorFields(
        client_id="id", client_secret=SecretStr(secret("client")), scope=("openid", "email")
    )
    loop.run_until_complete(built.connectors.create(app, ProviderName.GOOGLE, draft))
    made = Place(built, loop, app, ClockSteps(db=built.db, clock=built.clock))
    made.run(made.ahead.watch())
    yield made
    loop.run_until_complete(built.rest(app))


# ── who comes later ───────────────────────────────────────────────────────────────────────────────────────────


@JUMPS
@pytest.mark.parametrize("ended", [False, True], ids=["valid", "invalid"])
def test_a_later_verification_wins(place: Place, jump: int, ended: bool) -> None:
    first = place.consent()
    grant = place.connect(first)
    if ended:
        place.house.provider.withdraw(first.get_secret_value())
        place.run(place.house.nodes[0].grants.invalidate(place.app, grant, reason=None))
    place.house.clock.move(jump)
    second, third = place.consent(), place.consent()
    again = place.connect(second, node=1)
    assert (again.id, again.status, place.holds(grant)) == (grant.id, "valid", second.get_secret_value())
    change = GrantChange(login=login(ProviderName.GOOGLE, {"refresh_token": third}))
    changed = place.run(place.house.nodes[0].grants.change(place.app, again, change))
    assert (changed.status, place.holds(grant)) == ("valid", third.get_secret_value())


@BACK
def test_an_earlier_verification_loses_although_the_clock_says_that_it_is_later(place: Place, jump: int) -> None:
    old, new = place.consent(), place.consent()
    grant = place.connect(place.consent())
    place.house.provider.parks = True
    slow = place.loop.create_task(connecting(place, old, 0))
    parked = place.run(until_parked(place, 1))[0]
    place.house.clock.move(-jump)
    place.house.provider.parks = False
    place.connect(new, node=1)
    place.house.clock.move(2 * jump)
    place.house.provider.let_arrive(parked)
    assert place.run(slow).id == grant.id
    assert place.holds(grant) == new.get_secret_value()


def test_who_comes_too_late_for_a_grant_that_has_ended_is_told_to_come_again(place: Place) -> None:
    old, new = place.consent(), place.consent()
    grant = place.connect(place.consent())
    place.house.provider.parks = True
    slow = place.loop.create_task(connecting(place, old, 0))
    parked = place.run(until_parked(place, 1))[0]
    place.house.provider.parks = False
    place.connect(new, node=1)
    place.run(place.house.nodes[1].grants.invalidate(place.app, place.now(grant), reason=None))
    place.house.provider.let_arrive(parked)
    with pytest.raises(Overloaded, match="Send the credentials again"):
        place.run(slow)
    assert place.connect(old).status == "valid"
    assert place.holds(grant) == old.get_secret_value()


def test_what_was_stored_before_there_were_numbers_is_earlier_than_all(place: Place) -> None:
    grant = place.connect(place.consent())
    place.run(place.house.rows("update grants set asked = 0, asked_at = asked_at + 3600000000 where id = $1", grant.id))
    new = place.consent()
    place.connect(new)
    assert place.holds(grant) == new.get_secret_value()


def test_a_proof_that_the_release_before_kept_has_its_turn_when_it_is_redeemed(place: Place) -> None:
    grant, node = place.connect(place.consent()), place.house.nodes[0]
    kept = OAuthSecret(refresh_token=SecretStr("kept"), access_token=SecretStr("a"))
    proof = Proof(Identity(BOX), ("openid",), {}, kept)
    accepted = place.run(node.connect.accept(place.app, request_for(ProviderName.GOOGLE, {}), proof))
    assert (accepted.id, accepted.asked > grant.asked, place.holds(grant)) == (grant.id, True, "kept")


def test_numbers_rise_whoever_takes_them(place: Place) -> None:
    numbers = [place.connect(place.consent(), node=number % 2).asked for number in range(4)]
    assert numbers == sorted(set(numbers))


# ── what a time ahead of the clock is worth ───────────────────────────────────────────────────────────────────


@JUMPS
def test_a_check_asks_the_provider(place: Place, jump: int) -> None:
    token = place.consent()
    grant = place.connect(token)
    place.house.clock.move(jump)
    place.house.provider.withdraw(token.get_secret_value())
    before = place.asked()
    place.run(place.house.nodes[0].refresh.checks.check_on_request(place.app, grant.id))
    assert place.asked() > before
    assert place.now(grant).trouble is not None


@JUMPS
def test_no_token_is_handed_out_whose_age_is_not_known(place: Place, jump: int) -> None:
    grant = place.connect(place.consent())
    place.house.clock.move(jump)
    before = place.asked()
    live = place.run(place.house.nodes[0].refresh.tokens.token(place.app, grant.id, minimum_ttl=0, reason=None))
    assert place.asked() == before + (jump != 600)
    assert live.expires_at <= place.house.clock() + 3600 * SECOND
    again = place.run(place.house.nodes[1].refresh.tokens.token(place.app, grant.id, minimum_ttl=0, reason=None))
    assert again.access_token == live.access_token


@JUMPS
def test_tokens_are_renewed_before_they_end(place: Place, jump: int) -> None:
    """3,600 s is a token's life: set back by so much, a clock would look after it when it has long been dead."""
    grant = place.connect(place.consent())
    before = place.asked()
    place.house.clock.move(jump)
    place.round()
    assert place.asked() == before + (jump != 600)
    at, after = place.house.clock(), place.now(grant)
    assert at < (after.due_at or 0) < (after.token_expires_at or 0) <= at + 3600 * SECOND
    assert place.run(place.ahead.count()) == {}


@BACK
def test_a_pause_that_a_provider_asked_for_ends(place: Place, jump: int) -> None:
    grant = place.connect(place.consent())
    place.house.provider.mood = "throttles"
    with suppress(OpenGrantError):
        place.run(place.house.nodes[0].refresh.tokens.token(place.app, grant.id, minimum_ttl=5000, reason=None))
    place.run(place.house.nodes[0].refresh.checks.check(place.app, grant.id))
    assert place.now(grant).trouble is not None
    place.house.clock.move(jump)
    place.house.provider.mood = "accepts"
    place.round()
    assert place.now(grant).trouble is None


def test_a_budget_that_was_spent_in_the_future_stalls_nothing(place: Place) -> None:
    grant = place.connect(place.consent())
    at = place.house.clock()
    place.run(place.house.rows("update grants set due_at = $2 where id = $1", grant.id, at))
    for app_id, name in ((place.app.id, f"source {grant.source}"), ("", "google")):
        sql = "insert into paces (application_id, name, spent_until) values ($1, $2, $3)"
        place.run(place.house.rows(f"{sql} on conflict (application_id, name) do update set spent_until = $3",
                                   app_id, name, at + 600 * SECOND))  # fmt: skip
    before = place.asked()
    assert place.run(place.house.nodes[0].refresh.due.run_round())
    place.run(place.house.nodes[0].refresh.drain())
    assert place.asked() == before + 1


@BACK
def test_a_source_that_was_degraded_is_probed(place: Place, jump: int) -> None:
    for node in place.house.nodes:
        set_in_refresh(node.refresh, policy=Policy(1, 20 * SECOND))
    grant = place.connect(place.consent())
    place.house.provider.mood = "refuses the client"
    place.run(place.house.nodes[0].refresh.checks.check(place.app, grant.id))
    for node in place.house.nodes:
        set_in_refresh(node.refresh, policy=Policy(5, 20 * SECOND))
    held = place.now(grant).trouble
    assert held is not None
    assert held.held
    place.house.clock.move(jump)
    place.house.provider.mood = "accepts"
    place.round()
    assert place.now(grant).trouble is None


# ── who has it until when ─────────────────────────────────────────────────────────────────────────────────────


@JUMPS
def test_a_lease_lasts_no_longer_than_leases_do(place: Place, jump: int) -> None:
    def take(owner: str) -> leases.Lease | None:
        at = place.house.clock()
        return place.run(place.house.db.write(leases.take(place.app.id, "box", owner, at=at, until=at + 70 * SECOND)))

    assert take("first")
    place.house.clock.move(jump)
    if jump < 0:
        assert take("second") is None, "the first may well be at it"
        place.house.clock.move(leases.LONGEST / SECOND + 1)
    taken = take("second")
    assert taken is not None
    assert taken.attempts == 2


@BACK
def test_a_ration_that_was_used_in_the_future_is_there_again(place: Place, jump: int) -> None:
    def take() -> Micros | None:
        at = place.house.clock()
        steps = rations.take(place.app.id, "calls", limit=2, window=60 * SECOND, at=at)
        return place.run(place.house.db.write(steps))

    assert [take() is None for _ in range(3)] == [True, True, False]
    place.house.clock.move(jump)
    assert [take() is None for _ in range(3)] == [True, True, False]


@BACK
def test_a_delivery_that_waits_goes_at_once_and_one_under_way_comes_again_soon(place: Place, jump: int) -> None:
    app, db, clock = place.app, place.house.db, place.house.clock
    at = clock()
    hook = Webhook(app.id, str(uuid.uuid4()), "https://hook.test", ("grant.updated",), None, (), False, "active",
                   at, at, at)  # fmt: skip
    place.run(db.write(webhooks.add(hook)))
    for subject in ("one", "two"):
        event = Event(str(uuid.uuid4()), app.id, "grant.updated", subject, {}, clock())
        place.run(db.write(add_event(event)))

    def claim(owner: str, limit: int) -> list[deliveries.Delivery]:
        now = clock()
        terms = deliveries.ClaimTerms(owner, now, now + 30 * SECOND, limit, 0, now - 72 * 3600 * SECOND)
        return place.run(db.write(deliveries.claim(app.id, hook.id, terms, db.dialect)))

    (first,) = claim("a", 1)
    failed = [deliveries.Attempt(1, at, SECOND, "503", "Answered 503")]
    place.run(db.write(deliveries.again(first, "a", failed, due_at=clock() + 4 * 3600 * SECOND)))
    (second,) = claim("b", 1)
    clock.move(jump)
    moved = place.run(place.ahead.watch())
    assert moved["deliveries"] > 0
    assert [one.seq for one in claim("c", 2)] == [first.seq]
    clock.move(leases.LONGEST / SECOND + 1)
    assert second.seq in [one.seq for one in claim("d", 2)]


@BACK
def test_a_session_keeps_its_duration(place: Place, jump: int) -> None:
    app, db, clock = place.app, place.house.db, place.house.clock
    at = clock()
    place.run(db.write(console.add(app.id, "one", "digest", None, at=at, expires_at=at + 100 * SECOND)))
    place.run(db.write(console.add_link(app.id, "two", "link", at=at, expires_at=at + 100 * SECOND)))
    clock.move(jump)
    place.run(place.ahead.watch())

    def live() -> bool:
        now = clock()
        return place.run(db.read(console.find("digest", now=now, idle_since=now - 1800 * SECOND))) is not None

    assert live()
    clock.move(101)
    assert not live()
    assert place.run(db.write(console.redeem("link", now=clock()))) is None
    place.run(place.house.rows("delete from console_sessions where application_id = $1", app.id))


# ── noticed, and told ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_clock_that_goes_on_moves_nothing_and_one_that_went_back_is_told(place: Place) -> None:
    place.connect(place.consent())
    for seconds in (1, 100, 3600):
        place.house.clock.move(seconds)
        assert place.run(place.ahead.watch()) == {}
    place.connect(place.consent())
    place.house.clock.move(-600)
    assert place.run(place.ahead.count())["grants"] == 1
    with capture_logs() as logged:
        assert place.run(place.ahead.watch())["grants"] == 2  # its times, and when it is due
    assert [(entry["event"], entry["seconds"]) for entry in logged] == [("clock_went_back", 600)]
    assert place.run(place.ahead.watch()) == {}


def test_another_process_notices_what_this_one_has_seen(place: Place) -> None:
    place.connect(place.consent())
    place.house.clock.move(100)
    place.run(place.ahead.watch())
    place.house.clock.move(-3600)
    assert place.run(ClockSteps(db=place.house.db, clock=place.house.clock).watch())["grants"] == 2


def test_a_step_that_could_not_be_written_about_is_looked_at_again(place: Place) -> None:
    place.connect(place.consent())
    place.ahead.db = cast(Store, Away(place.house.db, dict, times=0))
    place.house.clock.move(-600)
    with pytest.raises(StoreUnavailable):
        place.run(place.ahead.watch())
    place.ahead.db = place.house.db
    assert place.run(place.ahead.watch())["grants"] == 2


@pytest.mark.parametrize(
    ("ago", "recent"), [(0, True), (4, True), (5, False), (600, False), (-1, True), (-2, False), (-600, False)]
)
def test_what_is_recent(ago: int, recent: bool) -> None:
    assert is_recent((1000 - ago) * SECOND, within=5 * SECOND, now=1000 * SECOND) == recent


# ── how it is done ────────────────────────────────────────────────────────────────────────────────────────────


async def connecting(place: Place, token: SecretStr, node: int) -> Grant:
    ask = request_for(ProviderName.GOOGLE, {"refresh_token": token})
    return await place.house.nodes[node].connect.custom(place.app, ask)


async def until_parked(place: Place, number: int) -> list[Any]:
    async with asyncio.timeout(30):
        while len(place.house.provider.parked) < number:  # noqa: ASYNC110 - it is another thread's
            await asyncio.sleep(0.005)
    return place.house.provider.parked
