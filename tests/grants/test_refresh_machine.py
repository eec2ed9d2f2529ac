"""Refresh against everything that may happen at the same time: a machine that looks for an order that does harm.

Operations are started and left under way; the provider decides about a request when it comes, and its answers arrive
in whatever order the machine draws. What must be true is read from the database and from what the provider knows, so
it holds for every order.
"""

import asyncio
import json
import os
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from pydantic import SecretStr
from pydantic_core import from_json

from opengrant.connectors import connectors, credentials
from opengrant.errors import NotFound, OpenGrantError
from opengrant.grants.manage import GrantChange
from opengrant.grants.refresh.circuit_breaker import Policy
from opengrant.grants.refresh.live_token import Live
from opengrant.model import SECOND, CustomConnect, Grant, ProviderName, Sealed
from opengrant.model.secrets import ConnectorClient
from opengrant.operations.clock_steps import ClockSteps
from opengrant.store.events import events, webhooks
from opengrant.store.events.webhooks import Webhook
from opengrant.store.grants import grants, leases
from opengrant.vault import Owner
from tests.grants.house import House, Mood, Node
from tests.logins import connecting, login
from tests.support import secret, set_in_refresh

T = TypeVar("T")

SCOPES = {
    ProviderName.GOOGLE: "openid email profile",
    ProviderName.MICROSOFT: "User.Read offline_access",
    ProviderName.ZOOM: "user:read:user",
}
EXPLORE = "OPENGRANT_EXPLORE" in os.environ
BOXES = ("ana@example.com", "bo@example.com")

boxes = st.sampled_from(BOXES)
nodes = st.integers(0, 1)


@dataclass
class Seen:
    """A grant as it was when we last looked."""

    email: str
    version: int
    generation: int
    asked: int


class Machine(RuleBasedStateMachine):
    house: ClassVar[House]
    loop: ClassVar[asyncio.AbstractEventLoop]

    @initialize(provider=st.sampled_from(list(SCOPES)), after=st.sampled_from([2, 50]))
    def begin(self, provider: ProviderName, after: int) -> None:
        self.name, self.fake, self.clock = provider, self.house.provider, self.house.clock
        self.fake.reset()
        for node in self.house.nodes:
            set_in_refresh(node.refresh, policy=Policy(after, 20 * SECOND))
        self.under_way: list[asyncio.Task[Any]] = []
        self.passed = 0
        """Seconds since something is under way."""
        self.ahead = ClockSteps(db=self.house.db, clock=self.clock)
        self.known: dict[str, Seen] = {}
        self.gone: set[str] = set()
        self.families: dict[tuple[str, int], str] = {}
        """(grant, asked) → the consent that its credential descends from."""
        self.tokens: dict[str, list[str]] = {email: [] for email in BOXES}
        self.withdrawn: set[str] = set()
        self.second: str | None = None
        self.broken: list[str] = []
        self.loop.set_exception_handler(lambda _, context: self.broken.append(f"{context}"))
        self.app = self.run(self.house.tenant())
        at = self.clock()
        hook = Webhook(
            self.app.id, str(uuid.uuid4()), "https://hook.test", tuple(events.TRIGGERS), None, (), False, "active",
            at, at, at,
        )  # fmt: skip
        self.run(self.house.db.write(webhooks.add(hook)))
        for email in BOXES:
            self.connect(email, 0, True, False)
        self.run(self.quiet())

    # ── what may happen ───────────────────────────────────────────────────────────────────────────────────────

    @rule(email=boxes, number=nodes, fresh=st.booleans(), second=st.booleans())
    def connect(self, email: str, number: int, fresh: bool, second: bool) -> None:
        """With a new consent, or with a token that was sent before and may be spent by now."""
        self.run(self.connector())
        ask = connecting(self.name, {"refresh_token": self.token_of(email, fresh)})
        if second:
            try:
                ask = replace(ask, login=replace(ask.login, credential_id=self.run(self.second_credential())))
            except NotFound:
                return  # a deletion of the connector that was under way has just come to its end
        self.start(self.connected(self.node(number), ask))

    @rule(email=boxes, number=nodes, fresh=st.booleans())
    def patch_credential(self, email: str, number: int, fresh: bool) -> None:
        if (grant := self.run(self.found(email))) is not None:
            change = GrantChange(login=login(grant.provider, {"refresh_token": self.token_of(email, fresh)}))
            self.start(self.node(number).grants.change(self.app, grant, change))

    @rule(email=boxes, number=nodes, name=st.sampled_from(["one", "two"]))
    def patch_name(self, email: str, number: int, name: str) -> None:
        if (grant := self.run(self.found(email))) is not None:
            self.start(self.node(number).grants.change(self.app, grant, GrantChange(name=name)))

    @rule(email=boxes, number=nodes)
    def delete(self, email: str, number: int) -> None:
        if (grant := self.run(self.found(email))) is not None:
            self.start(self.deleted(self.node(number), grant))

    @rule(email=boxes, number=nodes, minimum_ttl=st.sampled_from([0, 5000]))
    def read_token(self, email: str, number: int, minimum_ttl: int) -> None:
        if (grant := self.run(self.found(email))) is not None:
            self.start(self.handed_out(self.node(number), grant, minimum_ttl))

    @rule(email=boxes, number=nodes)
    def check(self, email: str, number: int) -> None:
        if (grant := self.run(self.found(email))) is not None:
            self.start(self.node(number).refresh.checks.check(self.app, grant.id))

    @rule(email=boxes, number=nodes)
    def check_on_request(self, email: str, number: int) -> None:
        if (grant := self.run(self.found(email))) is not None:
            self.start(self.node(number).refresh.checks.check_on_request(self.app, grant.id))

    @rule(email=boxes, number=nodes)
    def invalidate(self, email: str, number: int) -> None:
        if (grant := self.run(self.found(email))) is not None:
            self.start(self.node(number).grants.invalidate(self.app, grant, reason=None))

    @rule(number=nodes)
    def run_round(self, number: int) -> None:
        self.start(self.node(number).refresh.due.run_round())

    @rule(seconds=st.sampled_from([1, 25, 100, 1000, 3700, 8 * 86_400]))
    def time_passes(self, seconds: int) -> None:
        """While something is under way, longer than the lease of a refresh, not longer than that of a verification:
        whoever is stopped for more than a minute between an answer and its write may lose a single-use token
        (docs/decisions/0007-refresh.md)."""
        if not self.under_way:
            self.passed = 0
        else:
            seconds = max(0, min(seconds, 25, 50 - self.passed))
            self.passed += seconds
        self.clock.move(seconds)

    @rule(seconds=st.sampled_from([-3600, -600, 600, 3600]))
    def clock_is_set(self, seconds: int) -> None:
        """Back at any time. Forward, for a lease that is as if its owner had been stopped for so long."""
        if seconds < 0 or not self.under_way:
            self.clock.move(seconds)
            self.start(self.ahead.watch())

    @rule(mood=st.sampled_from(["accepts", "accepts", "down", "throttles", "refuses the client", "vanishes"]))
    def provider_is_moody(self, mood: Mood) -> None:
        self.fake.mood = mood

    @rule(mood=st.sampled_from(["accepts", "down", "vanishes"]))
    def api_is_moody(self, mood: Mood) -> None:
        self.fake.api_mood = mood

    @rule(email=boxes)
    def consent_is_withdrawn(self, email: str) -> None:
        for token in self.tokens[email]:
            self.withdrawn.add(token)
            self.fake.withdraw(token)

    @rule()
    def client_secret_changes(self) -> None:
        draft = connectors.ConnectorFields(client_secret=SecretStr(secret("client")))
        self.start(self.house.connectors.update(self.app, self.name, draft))

    @rule()
    def second_credential_goes(self) -> None:
        if self.second is not None:
            self.start(self.house.credentials.delete(self.app, self.name, self.second))
            self.second = None

    @rule()
    def connector_goes(self) -> None:
        self.start(self.house.connectors.delete(self.app, self.name))
        self.second = None

    @rule(which=st.integers(0, 20))
    def answer_arrives(self, which: int) -> None:
        if self.fake.parked:
            self.fake.let_arrive(self.fake.parked[which % len(self.fake.parked)])
            self.run(self.settle())

    @rule()
    def all_becomes_quiet(self) -> None:
        """Every answer arrives; what must be true when nothing is under way is."""
        self.run(self.quiet())
        self.run(self.look(quiet=True))

    def teardown(self) -> None:
        if hasattr(self, "app"):
            try:
                self.all_becomes_quiet()
            finally:
                self.run(self.house.rest(self.app))

    @invariant()
    def what_must_be_true_at_any_time_is(self) -> None:
        if hasattr(self, "app"):
            self.run(self.look(quiet=False))

    # ── how it is done ────────────────────────────────────────────────────────────────────────────────────────

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def node(self, number: int) -> Node:
        return self.house.nodes[number]

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        self.under_way.append(self.loop.create_task(refusable(work)))
        self.run(self.settle())

    async def settle(self) -> None:
        """Until nothing moves: whoever is not done waits for the provider, or for somebody who does."""
        last, calm = None, 0
        while calm < 2 and self.under_way:
            await asyncio.sleep(0.002)
            self.reap()
            now = (len(self.under_way), len(self.fake.requests), len(self.fake.parked))
            calm, last = (calm + 1 if now == last else 0), now

    async def quiet(self) -> None:
        self.fake.parks = False
        async with asyncio.timeout(30):
            while self.under_way or self.fake.parked:
                for parked in list(self.fake.parked):
                    self.fake.let_arrive(parked)
                await asyncio.sleep(0.002)
                self.reap()
            await self.house.drain()
        self.fake.parks = True

    def reap(self) -> None:
        for task in [task for task in self.under_way if task.done()]:
            self.under_way.remove(task)
            task.result()

    def token_of(self, email: str, fresh: bool) -> SecretStr:
        tokens = self.tokens[email]
        if fresh or not tokens:
            tokens.append(secret("root"))
            self.fake.consented(tokens[-1], email=email, scope=SCOPES[self.name])
        return SecretStr(tokens[-1])

    async def connector(self) -> None:
        if not await self.house.rows("select 1 from connectors where application_id = $1", self.app.id):
            draft = connectors.ConnectorFields(
                client_id="client", client_secret=SecretStr(secret("client")), scope=tuple(SCOPES[self.name].split())
            )
            await self.house.connectors.create(self.app, self.name, draft)

    async def second_credential(self) -> str:
        if self.second is None:
            client = ConnectorClient(client_id="second", client_secret=SecretStr(secret("client")))
            draft = credentials.NewCredential("second", client)
            self.second = (await self.house.credentials.create(self.app, self.name, draft)).id
        return self.second

    async def found(self, email: str) -> Grant | None:
        return await self.house.db.read(grants.find_email(self.app.id, email, exact=False))

    async def connected(self, node: Node, ask: CustomConnect) -> None:
        token = ask.login.refresh_token.get_secret_value()
        grant = await node.connect.custom(self.app, ask)
        assert token in self.tokens[grant.email], "the grant is of another mailbox"

    async def deleted(self, node: Node, grant: Grant) -> None:
        await node.grants.delete(self.app, grant)
        self.gone.add(grant.id)

    async def handed_out(self, node: Node, grant: Grant, minimum_ttl: int) -> None:
        live: Live = await node.refresh.tokens.token(self.app, grant.id, minimum_ttl=minimum_ttl, reason=None)
        assert self.fake.owner(live.access_token.get_secret_value()) == grant.email
        assert live.expires_at > self.clock()

    # ── what must be true ─────────────────────────────────────────────────────────────────────────────────────

    async def look(self, *, quiet: bool) -> None:
        assert not self.broken
        gone = set(self.gone)
        grants_now = await self.everything()
        assert not gone & set(grants_now), "a deleted grant is back"
        assert len({grant.email for grant, _ in grants_now.values()}) == len(grants_now)
        for grant, held in grants_now.values():
            self.has_moved_on(grant, held)
        self.gone |= set(self.known) - set(grants_now)
        self.known = {id_: self.known[id_] for id_ in grants_now}
        if quiet:
            await self.events_tell_the_story(grants_now)
            await self.no_lease_is_left(grants_now)
            for grant, held in grants_now.values():
                await self.is_as_well_as_its_consent(grant, held)

    async def everything(self) -> dict[str, tuple[Grant, dict[str, Any]]]:
        """Every grant with what it holds, opened. Each read with its secret, so that they belong together.

        No secret outlives its grant.
        """
        rows = await self.house.rows(
            f"""select g.id, s.purpose, s.key_id, s.sealed,
                       {grants.COLUMNS.of("g")}
                from secrets s left join grants g on g.application_id = s.application_id and g.id = s.owner_id
                where s.application_id = $1 and s.owner_kind = 'grant'""",
            self.app.id,
        )
        found = {}
        for id_, purpose, key_id, sealed, *columns in rows:
            assert id_ is not None, "a secret has outlived its grant"
            if purpose != "live":
                continue
            plain = self.house.vault.open(Sealed(key_id, bytes(sealed)), Owner(self.app.id, "grant", id_, "live"))
            found[id_] = grants.read(tuple(columns)), from_json(plain)
        return found

    def has_moved_on(self, grant: Grant, held: dict[str, Any]) -> None:
        """Forward only; and of one verification there is one consent, whoever is slow."""
        family = self.fake.families[held["refresh_token"]]
        assert family in self.tokens[grant.email]
        assert self.families.setdefault((grant.id, grant.asked), family) == family
        assert self.fake.owner(held["access_token"]) == grant.email
        seen = Seen(grant.email, grant.version, grant.generation, grant.asked)
        before = self.known.get(grant.id, seen)
        assert seen.email == before.email
        assert seen.version >= before.version
        assert seen.generation >= before.generation
        assert seen.asked >= before.asked, "an older verification has won"
        self.known[grant.id] = seen
        assert (grant.status == "invalid") == (grant.due_at is None)
        if grant.trouble is not None:
            assert grant.trouble.reason != "internal_error"
        if grant.status == "invalid":
            assert grant.trouble is not None
            assert not grant.trouble.suspected

    async def is_as_well_as_its_consent(self, grant: Grant, held: dict[str, Any]) -> None:
        token = held["refresh_token"]
        family = self.fake.families[token]
        dead = family in self.withdrawn or family in self.fake.lost
        ended = {"connector_deleted", "credential_deleted", "invalidated"}
        if dead or (grant.trouble is not None and grant.trouble.reason in ended):
            return
        assert grant.status == "valid", f"nobody refused what the grant holds: {grant.trouble}"
        if token not in self.fake.accounts:
            await self.holds_on_to_what_a_verification_left(grant)

    async def holds_on_to_what_a_verification_left(self, grant: Grant) -> None:
        """It spent the token of a grant and could not finish: the successor is stored, and found when it is needed."""
        moods, self.fake.mood, self.fake.parks = self.fake.mood, "accepts", False
        with suppress(OpenGrantError):
            await self.node(0).refresh.checks.check(self.app, grant.id)
        self.fake.mood, self.fake.parks = moods, True
        after, held = (await self.everything())[grant.id]
        assert after.status == "valid"
        assert held["refresh_token"] in self.fake.accounts, "the provider would not take what is stored"

    async def no_lease_is_left(self, grants_now: Any) -> None:
        """But for those that say that an answer was lost, or may have been: these keep no other owner waiting.

        The second owner of a lease cannot know what became of the first one's call. Where it makes none of its own, it
        leaves the record open, whichever the provider; it means something only where a token is used once.
        """
        for subject, until in await self.house.rows(
            "select subject, until from leases where application_id = $1", self.app.id
        ):
            if subject.startswith(leases.SPENT):
                assert self.name is ProviderName.ZOOM
                assert until <= self.clock(), "a lease is left"  # swept by its age
                continue
            assert until == 0, "a lease is left"
            assert subject in grants_now, "a lease is left of a grant that is gone"

    async def events_tell_the_story(self, grants_now: Any) -> None:
        rows = await self.house.rows(
            """select e.grant_id, e.type, e.payload, e.detail from deliveries d
               join events e on e.application_id = d.application_id and e.id = d.event_id
               where d.application_id = $1 and e.grant_id is not null order by d.seq""",
            self.app.id,
        )
        status: dict[str, str] = {}
        for grant_id, type_, payload, detail in rows:
            before = status.get(grant_id)
            match type_:
                case "grant.created":
                    assert before is None
                    status[grant_id] = "valid"
                case "grant.expired":
                    assert before == "valid", "expired twice"
                    status[grant_id] = "invalid"
                case "grant.deleted":
                    assert before in {"valid", "invalid"}
                    status[grant_id] = "deleted"
                case "grant.updated":
                    assert before in {"valid", "invalid"}
                    changed = json.loads(detail).get("changed")
                    if json.loads(payload)["reauthentication_flag"] or changed is None or "credential" in changed:
                        status[grant_id] = "valid"
        assert {id_: one for id_, one in status.items() if one != "deleted"} == {
            grant.id: grant.status for grant, _ in grants_now.values()
        }


async def until_parked(machine: Machine) -> None:
    """Until the provider has been asked."""
    async with asyncio.timeout(30):
        while not machine.fake.parked:  # noqa: ASYNC110 -- the stand-in lives on this loop and rings no bell
            await asyncio.sleep(0.005)


async def refusable(work: Coroutine[Any, Any, Any]) -> None:
    """Callers may be refused; anything else that is raised is a fault."""
    with suppress(OpenGrantError):
        await work


@pytest.mark.timeout(3600 if EXPLORE else 900)
def test_no_order_of_events_does_harm(built: House, loop: asyncio.AbstractEventLoop) -> None:
    Machine.house, Machine.loop = built, loop
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Machine,
        settings=settings(
            # The same orders every time, so that a change is judged by itself; OPENGRANT_EXPLORE=1: more, and new ones.
            max_examples=300 if EXPLORE else 50,
            derandomize=not EXPLORE,
            stateful_step_count=25,
            print_blob=True,
            # Steps take real time: what fails is told as it was found.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )


# ── what it has found ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def machine(built: House, loop: asyncio.AbstractEventLoop) -> Iterator[Machine]:
    Machine.house, Machine.loop = built, loop
    made = Machine()
    yield made
    made.teardown()


def test_a_verification_that_cannot_finish_does_not_end_the_grant_whose_token_it_spent(machine: Machine) -> None:
    machine.begin(ProviderName.ZOOM, 50)
    machine.api_is_moody("down")
    machine.connect(BOXES[0], 0, False, False)
    machine.all_becomes_quiet()


@pytest.mark.parametrize("fresh", [True, False])
def test_a_verification_whose_answer_is_lost_leaves_no_lease_that_lasts(machine: Machine, fresh: bool) -> None:
    machine.begin(ProviderName.ZOOM, 50)
    machine.provider_is_moody("vanishes")
    machine.connect(BOXES[0], 0, fresh, False)
    machine.all_becomes_quiet()


def test_a_refresh_waits_for_the_verification_that_spends_its_token(machine: Machine) -> None:
    machine.begin(ProviderName.ZOOM, 50)
    machine.connect(BOXES[0], 0, False, False)
    machine.run(until_parked(machine))
    machine.check(BOXES[0], 1)
    assert len(machine.fake.parked) == 1
    machine.all_becomes_quiet()


@pytest.mark.parametrize("mood", ["accepts", "down", "refuses the client", "vanishes"])
@pytest.mark.parametrize("name", SCOPES)
def test_an_answer_that_comes_after_a_grant_was_invalidated_changes_nothing(
    machine: Machine, name: ProviderName, mood: Mood
) -> None:
    machine.begin(name, 50)
    machine.provider_is_moody(mood)
    machine.check(BOXES[0], 0)
    machine.run(until_parked(machine))
    machine.invalidate(BOXES[0], 1)
    machine.run(machine.settle())
    machine.all_becomes_quiet()
    found = machine.run(machine.found(BOXES[0]))
    assert found is not None
    assert (found.status, found.trouble and found.trouble.reason) == ("invalid", "invalidated")


def test_an_invalidation_that_comes_after_its_mailbox_was_connected_again_changes_nothing(machine: Machine) -> None:
    machine.begin(ProviderName.GOOGLE, 50)
    seen = machine.run(machine.found(BOXES[0]))
    assert seen is not None
    machine.connect(BOXES[0], 0, True, False)
    machine.all_becomes_quiet()
    machine.run(machine.node(1).grants.invalidate(machine.app, seen, reason=None))
    found = machine.run(machine.found(BOXES[0]))
    assert found is not None
    assert (found.status, found.trouble) == ("valid", None)


@pytest.mark.parametrize("mood", ["accepts", "vanishes"])
def test_no_lease_is_left_of_a_grant_that_is_deleted_while_it_is_refreshed(machine: Machine, mood: Mood) -> None:
    machine.begin(ProviderName.ZOOM, 50)
    machine.provider_is_moody(mood)
    machine.check(BOXES[0], 0)
    machine.check(BOXES[0], 1)
    machine.delete(BOXES[0], 0)
    machine.all_becomes_quiet()


def test_no_lease_is_left_of_a_grant_that_is_deleted_while_an_answer_is_missed(machine: Machine) -> None:
    machine.begin(ProviderName.ZOOM, 50)
    machine.provider_is_moody("vanishes")
    machine.check(BOXES[0], 0)
    machine.all_becomes_quiet()
    machine.delete(BOXES[0], 0)
    machine.all_becomes_quiet()


def test_several_verifications_that_cannot_finish_leave_a_chain_that_is_followed_to_its_end(machine: Machine) -> None:
    machine.begin(ProviderName.ZOOM, 50)
    machine.api_is_moody("down")
    for number in (0, 1, 0, 1, 0, 1, 0, 1, 0, 1):
        machine.connect(BOXES[0], number, False, False)
        machine.run(machine.quiet())
    machine.all_becomes_quiet()
