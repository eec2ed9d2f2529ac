"""grants/refresh/ on the clock and for callers: mail hosts in trouble, what waits for whom, and what is put off."""

import asyncio
import random
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import pytest
from pydantic import SecretStr

from opengrant.connectors import connectors, credentials
from opengrant.errors import Evidence, OpenGrantError, Overloaded, ProviderFailure, StoreUnavailable
from opengrant.grants.refresh.circuit_breaker import Policy
from opengrant.grants.refresh.refresh import Refresh
from opengrant.model import SECOND, Application, Grant, Identity, ProviderName, TenantClient
from opengrant.model.secrets import ConsentedApp
from opengrant.providers.base import Mints
from opengrant.providers.minted import Minted
from opengrant.store.grants import grants
from tests.grants.house import House, Mood, silent
from tests.logins import connecting
from tests.support import secret, set_in_refresh

T = TypeVar("T")
DAY = 86_400
LIMIT = ProviderFailure(Evidence("imap", "imap", "auth", code="LIMIT", text="[LIMIT] Rate limit hit."))
BAD, GOOD = "bad.example", "good.example"


@dataclass
class Tenant:
    """One application's grants, and the clock of one node."""

    house: House
    loop: asyncio.AbstractEventLoop
    app: Application
    refresh: Refresh

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, 60))

    def connector(self, provider: ProviderName) -> None:
        scope = ("openid", "email", "profile") if provider is ProviderName.GOOGLE else None
        draft = connectors.ConnectorFields(client_id="client", client_secret=SecretStr(secret("client")), scope=scope)
        if provider is ProviderName.IMAP:
            draft = connectors.ConnectorFields()
        self.run(self.house.connectors.create(self.app, provider, draft))

    def mailbox(self, name: str, host: str) -> Grant:
        settings = {"imap_username": f"{name}@{host}", "imap_password": SecretStr("sesame"), "imap_host": host}
        ask = connecting(ProviderName.IMAP, settings)
        return self.run(self.house.nodes[0].connect.custom(self.app, ask))

    def account(self, name: str) -> Grant:
        token = secret("root")
        self.house.provider.accepts(token, email=f"{name}@example.com", scope="openid email profile")
        ask = connecting(ProviderName.GOOGLE, {"refresh_token": SecretStr(token)})
        return self.run(self.house.nodes[0].connect.custom(self.app, ask))

    def now(self, grant: Grant) -> Grant:
        found = self.run(self.house.db.read(grants.find(self.app.id, grant.id)))
        assert found is not None
        return found

    def logins(self) -> int:
        """How many mail hosts are asked while the clock looks for what is due until it finds nothing more."""
        before = len(self.house.mail.asked)

        async def rounds() -> None:
            while await self.refresh.due.run_round():
                pass
            await self.house.drain()

        self.run(rounds())
        return len(self.house.mail.asked) - before

    def leases(self) -> int:
        return len(self.run(self.house.rows("select 1 from leases where application_id = $1", self.app.id)))


@pytest.fixture
def tenant(built: House, loop: asyncio.AbstractEventLoop) -> Iterator[Tenant]:
    built.provider.reset()
    built.provider.parks = False
    for node in built.nodes:
        set_in_refresh(node.refresh, policy=Policy(5, 20 * SECOND))
    refresh = built.nodes[0].refresh
    schedule, concurrency, timeout = refresh.tokens.schedule, refresh.capacity.concurrency, refresh.attempts.timeout
    set_in_refresh(refresh, schedule=replace(schedule, dice=random.Random(4).random))
    made = Tenant(built, loop, loop.run_until_complete(built.tenant()), refresh)
    yield made
    set_in_refresh(refresh, schedule=schedule, concurrency=concurrency, timeout=timeout)
    built.mail.failing.clear()
    built.mail.answers = asyncio.Event()
    built.provider.parks = True
    made.run(built.rest(made.app))


# ── a mail host that is to be left alone ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def mailboxes(tenant: Tenant) -> list[Grant]:
    """Sixty at one host, all due."""
    tenant.connector(ProviderName.IMAP)
    made = [tenant.mailbox(f"user{number}", BAD) for number in range(60)]
    tenant.house.clock.move(2 * DAY)
    return made


def test_a_mail_host_that_is_held_to_blame_is_asked_twice_in_20_seconds_at_most(
    tenant: Tenant, mailboxes: list[Grant]
) -> None:
    tenant.house.mail.failing[BAD] = silent()
    logins = []
    for _ in range(60):
        logins.append(tenant.logins())
        tenant.house.clock.move(5)
    assert sum(logins[:4]) <= 25, "before it is held to blame it has its share, which is a quarter"
    assert all(sum(logins[start : start + 4]) <= 2 for start in range(1, 57)), logins
    assert sum(logins[1:]) >= 5, "but somebody looks whether it is over"

    tenant.house.mail.failing.clear()
    for _ in range(60):
        tenant.house.clock.move(30)
        tenant.logins()
    assert [tenant.now(grant).trouble for grant in mailboxes] == [None] * 60
    assert all((tenant.now(grant).proven_at or 0) > grant.created_at + DAY * SECOND for grant in mailboxes)


def test_what_is_put_off_does_not_come_back_all_at_once(tenant: Tenant, mailboxes: list[Grant]) -> None:
    tenant.house.mail.failing[BAD] = silent()
    for _ in range(60):
        tenant.logins()
        tenant.house.clock.move(20)
    due = sorted((tenant.now(grant).due_at or 0) // (60 * SECOND) for grant in mailboxes)
    assert max(due.count(minute) for minute in due) <= 20, "not many in one minute of the quarter of an hour"


def test_the_other_hosts_of_a_connector_are_proven_meanwhile(tenant: Tenant) -> None:
    tenant.connector(ProviderName.IMAP)
    for number in range(6):
        tenant.mailbox(f"user{number}", BAD)
    good = [tenant.mailbox(f"user{number}", GOOD) for number in range(6)]
    tenant.house.clock.move(2 * DAY)
    tenant.house.mail.failing[BAD] = silent()
    tenant.logins()
    assert all((tenant.now(grant).proven_at or 0) > grant.created_at + DAY * SECOND for grant in good)


def test_a_mail_host_that_wants_fewer_logins_is_left_alone(tenant: Tenant, mailboxes: list[Grant]) -> None:
    assert mailboxes
    tenant.house.mail.failing[BAD] = LIMIT
    assert tenant.logins() <= 25
    tenant.house.clock.move(5)
    assert tenant.logins() == 0
    logins = []
    for _ in range(60):
        tenant.house.clock.move(5)
        logins.append(tenant.logins())
    assert sum(logins) <= 25, "pauses of half a minute, one, two and four; a few of sixty come when one ends"
    assert tenant.leases() == 0


# ── who waits for whom ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mail_host_that_hangs_has_its_share_and_the_rest_goes_on(tenant: Tenant) -> None:
    tenant.connector(ProviderName.IMAP)
    tenant.connector(ProviderName.GOOGLE)
    for number in range(12):
        tenant.mailbox(f"user{number}", BAD)
    others = [tenant.mailbox("user", GOOD), *(tenant.account(f"user{number}") for number in range(12))]
    tenant.house.clock.move(2 * DAY)
    tenant.house.mail.failing[BAD] = None
    set_in_refresh(tenant.refresh, concurrency=8)
    asked = len(tenant.house.mail.asked)

    async def rounds() -> None:
        waiting = True
        while waiting:
            await tenant.refresh.due.run_round()
            await asyncio.sleep(0)
            states = [await tenant.house.db.read(grants.find(tenant.app.id, other.id)) for other in others]
            waiting = any(
                (state.proven_at or 0) < other.created_at + DAY * SECOND
                for state, other in zip(states, others, strict=True)
                if state
            )

    tenant.run(rounds())
    assert tenant.house.mail.asked[asked:].count(BAD) == 2, "a quarter of eight"
    tenant.house.mail.answers.set()
    tenant.run(tenant.house.drain())


@pytest.mark.parametrize("problem", [Overloaded("busy"), StoreUnavailable("away")])
def test_a_limit_of_ours_is_no_trouble_of_the_grant(tenant: Tenant, problem: OpenGrantError) -> None:
    tenant.connector(ProviderName.IMAP)
    grant = tenant.mailbox("user", BAD)
    tenant.house.clock.move(2 * DAY)
    tenant.house.mail.failing[BAD] = problem

    async def once() -> None:
        await tenant.refresh.due.run_round()
        await tenant.house.drain()

    tenant.run(once())
    seen = tenant.now(grant)
    assert (seen.trouble, seen.due_at, tenant.leases()) == (None, grant.due_at, 0)
    with pytest.raises(type(problem)):
        tenant.run(tenant.refresh.checks.check(tenant.app, grant.id))
    assert (tenant.now(grant).trouble, tenant.leases()) == (None, 0)


class Endless:
    """An organisation's provider that answers each call, and never comes to an end."""

    def __init__(self, email: str, expires_at: int) -> None:
        self._minted: Minted | None = Minted(Identity(email), SecretStr("first"), expires_at, ("Mail.Read",))

    async def mint(self, credential: Mapping[str, Any], email: str, scope: tuple[str, ...]) -> Minted:
        if self._minted is None:
            await asyncio.Event().wait()
        minted, self._minted = self._minted, None
        assert minted is not None
        return minted


def test_an_attempt_that_makes_many_calls_ends_before_its_lease(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant.connector(ProviderName.MICROSOFT)
    client = ConsentedApp(client_id="app", client_secret=SecretStr(secret("client")), tenant="contoso.example")
    draft = credentials.NewCredential("all", client)
    consent = tenant.run(tenant.house.credentials.create(tenant.app, ProviderName.MICROSOFT, draft))
    endless = Endless("ana@contoso.example", tenant.house.clock() + 3600 * SECOND)
    node = tenant.house.nodes[0]
    mints = cast(
        dict[ProviderName, Mints[TenantClient]], node.connect.prove.providers.tenant_clients
    )  # the node's refresh uses the same
    monkeypatch.setitem(mints, ProviderName.MICROSOFT, endless)
    ask = connecting(ProviderName.MICROSOFT, {"email_address": "ana@contoso.example"}, credential_id=consent.id)
    grant = tenant.run(node.connect.custom(tenant.app, ask))
    set_in_refresh(tenant.refresh, timeout=0.1)
    seen = tenant.run(tenant.refresh.checks.check(tenant.app, grant.id))
    assert seen.trouble is not None
    assert (seen.trouble.kind, seen.trouble.reason, tenant.leases()) == ("provider_down", "timeout", 0)


# ── a grant that is needed ────────────────────────────────────────────────────────────────────────────────────────


def test_an_idle_grant_that_is_needed_again_is_renewed_ahead_of_time(tenant: Tenant) -> None:
    tenant.connector(ProviderName.GOOGLE)
    grant = tenant.account("ana")
    tenant.house.clock.move(8 * DAY)
    tenant.run(tenant.refresh.tokens.live(tenant.app, grant.id, minimum_ttl=0))
    seen = tenant.now(grant)
    assert (seen.used_at or 0) > grant.created_at + 7 * DAY * SECOND
    assert (seen.due_at or 0) < (seen.token_expires_at or 0)


@pytest.mark.parametrize("mood", ["down", "throttles"])
def test_needing_a_grant_in_trouble_does_not_hasten_its_next_attempt(tenant: Tenant, mood: Mood) -> None:
    tenant.connector(ProviderName.GOOGLE)
    grant = tenant.account("ana")
    tenant.house.clock.move(3600 - 90)
    tenant.run(tenant.house.rows("update grants set used_at = 1 where id = $1", grant.id))
    tenant.house.provider.mood = mood
    tenant.run(tenant.refresh.tokens.live(tenant.app, grant.id, minimum_ttl=300))
    seen = tenant.now(grant)
    assert seen.trouble is not None
    assert (seen.used_at or 0) > grant.created_at
    assert seen.due_at == seen.trouble.retry_at
