"""How fast rows are verified, and what happens to a source that does not work while another one does."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from opengrant.imports.pacing import Limits, Pacing
from opengrant.model import SECOND, CustomConnect, ProviderName, now
from opengrant.model.imports import ImportRow
from opengrant.model.logins import VirtualCalendarLogin
from opengrant.store.engine.port import Steps, Store
from opengrant.store.grants import paces
from opengrant.store.grants.paces import Rates
from opengrant.store.imports.sources import Source, Trouble
from tests.fakes.oauth import FakeOAuth, Reply
from tests.imports.stored import Stored, oauth_row, stored
from tests.nodes.node import consent
from tests.support import LiveServer, Tenant


@pytest.fixture
def pacing(server: LiveServer) -> Iterator[Pacing]:
    held: Pacing = server.services.import_work.verifying.pacing
    limits = held.limits
    yield held
    object.__setattr__(held, "limits", limits)


def limit(pacing: Pacing, **more: object) -> Limits:
    limits = replace(pacing.limits, **more)  # type: ignore[arg-type]
    object.__setattr__(pacing, "limits", limits)
    return limits


def of_two(tenant: Tenant, provider: FakeOAuth, number: int = 30) -> Stored:
    """Rows of two sources: Google's are the odd lines."""
    for name in ("google", "microsoft"):
        tenant.connector(name)
    rows = []
    for line in range(1, 2 * number + 1):
        name = "google" if line % 2 else "microsoft"
        rows.append(oauth_row(line, consent(provider, name, f"{name}-{line}@example.com"), name))
    return stored(tenant, rows, size=10)


def trouble(one: Stored) -> dict[str, str]:
    """Provider → why it pauses."""
    return dict(
        one.server.rows(
            "select provider, trouble from import_sources where import_id = $1 and trouble is not null", one.job.id
        )
    )


def test_a_connector_whose_secret_is_wrong_pauses_and_the_other_source_goes_on(
    tenant: Tenant, provider: FakeOAuth
) -> None:
    done = of_two(tenant, provider)
    provider.answers_at("google", Reply(401, {"error": "invalid_client", "error_description": "Unauthorized"}))
    done.work()
    outcomes = [done.results()[line][0] for line in range(1, 61)]
    assert outcomes == ["waiting", "created"] * 30
    assert '"class":"connector"' in trouble(done)["google"]
    assert provider.count("token") <= 30 + 4  # the first window of rows

    # Once more, one row asks whether it works.
    before = provider.count("token")
    done.make_due()
    done.work()
    assert provider.count("token") == before + 1
    assert done.state == "running"

    provider.behaves()
    done.make_due()
    assert done.work().outcomes() == {"created": 60}
    assert (trouble(done), done.state) == ({}, "finished")


class _Meanwhile:
    """A server's own store, where something else happens between what is read and its reader."""

    def __init__(self, store: Store, happens: Callable[[], Awaitable[None]]) -> None:
        self.dialect, self.write, self.write_soon = store.dialect, store.write, store.write_soon
        self._store, self._happens = store, happens

    async def read(self, steps: Steps[Any]) -> Any:
        found = await self._store.read(steps)
        await self._happens()
        return found


def test_a_batch_that_begins_while_its_source_pauses_does_not_end_the_pause(
    tenant: Tenant, provider: FakeOAuth, pacing: Pacing, server: LiveServer
) -> None:
    tenant.connector("google")
    one = stored(tenant, [oauth_row(1, consent(provider, "google", "ana@example.com"))])
    ((id_,),) = server.rows("select source from import_sources where import_id = $1", one.job.id)
    source = Source(tenant.application.id, one.job.id, id_, ProviderName.GOOGLE)
    wrong = Trouble("connector", "The client is wrong.", "Correct it.", server.now())

    async def fails() -> None:
        await pacing.failed(source, wrong, "all", connector=True)

    db = pacing.db
    object.__setattr__(pacing, "db", _Meanwhile(db, fails))
    try:
        assert server.call(pacing.turn(source)) is None
    finally:
        object.__setattr__(pacing, "db", db)
    assert pacing.paused(source)


def test_one_row_with_a_token_of_another_client_stops_no_others(tenant: Tenant, provider: FakeOAuth) -> None:
    """The provider says that the client is wrong, and it is so for this token alone."""
    tenant.connector("google")
    rows = [oauth_row(line, consent(provider, "google", f"u{line}@example.com")) for line in range(1, 21)]
    done = stored(tenant, rows, size=5)
    provider.answers_at("google", Reply(401, {"error": "unauthorized_client"}), times=1)
    done.work()
    done.make_due()
    assert done.work().outcomes() == {"created": 20}


def test_a_storm_of_429_pauses_the_source_as_long_as_the_provider_says(tenant: Tenant, provider: FakeOAuth) -> None:
    done = of_two(tenant, provider)
    provider.answers_at("google", Reply(429, "slow down", {"Retry-After": "77"}), times=12)
    began = tenant.server.now()
    done.work()
    ended = tenant.server.now()
    assert {line: outcome for line, (outcome, _, _) in done.results().items() if line % 2 == 0} == dict.fromkeys(
        range(2, 61, 2), "created"
    )
    ((paused_until, attempts),) = done.server.rows(
        """select s.paused_until, (select sum(attempts) from import_rows where import_id = $1 and provider = 'google'
                                   and outcome = 'waiting')
           from import_sources s where s.import_id = $1 and s.provider = 'google'""",
        done.job.id,
    )
    assert began + 77 * SECOND <= paused_until <= ended + 77 * SECOND
    assert attempts == 0  # the rows are not to blame
    for _ in range(12):
        done.make_due()
        done.work()
    assert done.outcomes() == {"created": 60}
    assert done.state == "finished"


def test_a_provider_that_is_down_is_asked_less_and_less(tenant: Tenant, provider: FakeOAuth, pacing: Pacing) -> None:
    tenant.connector("google")
    rows = [oauth_row(line, consent(provider, "google", f"u{line}@example.com")) for line in range(1, 101)]
    done = stored(tenant, rows)
    provider.refuses(503)
    done.work()
    assert provider.count("token") <= 8
    (first,) = trouble(done).values()
    assert '"class":"provider_down"' in first
    pauses = []
    for _ in range(4):
        done.make_due()
        before = now()
        done.work()
        (((until,),)) = done.server.rows("select paused_until from import_sources where import_id = $1", done.job.id)
        pauses.append(until - before)
    assert pauses[3] > pauses[0]
    assert provider.count("token") <= 12
    provider.behaves()
    done.make_due()
    assert done.work().outcomes() == {"created": 100}


def test_an_import_leaves_a_fifth_of_a_budget_to_refreshes(server: LiveServer, tenant: Tenant) -> None:
    at, rates = now(), Rates(source=100, provider=1000)

    def take(limit: int, reserve: float) -> int:
        of = (tenant.application.id, "source", ProviderName.GOOGLE)
        steps = paces.take(*of, rates=rates, at=at, limit=limit, reserve=reserve)
        return int(server.call(server.services.db.write(steps)))

    server.rows("update paces set spent_until = 0 where name = 'google'")
    assert take(500, 0.2) == 80
    assert take(500, 0.2) == 0
    assert take(500, 0) == 20
    assert take(500, 0) == 0


def test_virtual_calendars_have_no_budget_because_no_provider_is_asked(server: LiveServer, tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    login = VirtualCalendarLogin
    rows = [ImportRow(line, CustomConnect(login=login(email=f"room-{line}"))) for line in range(1, 31)]
    assert stored(tenant, rows).work().outcomes() == {"created": 30}
    names = [name for (name,) in server.rows("select name from paces where application_id = $1", tenant.application.id)]
    assert names == []


def test_at_most_a_quarter_of_the_rows_is_at_one_mail_host(server: LiveServer, pacing: Pacing) -> None:
    limit(pacing, concurrency=40, proofs=100, rates=Rates(source=100_000, provider=100_000))
    sources = [Source("app", "import", f"connector/{host}", ProviderName.IMAP) for host in ("one", "two", "three")]
    rooms = []
    for source in sources:
        entered = 0
        pacing._of(source).window = 40
        while pacing._has_room(source, pacing._of(source)) and entered < 40:
            assert server.call(pacing.enter(source, 40, lambda: False))
            entered += 1
        rooms.append(entered)
    assert rooms == [10, 10, 0]  # a half of all are with passwords
    for source, entered in zip(sources, rooms, strict=True):
        for _ in range(entered):
            server.call(_left(pacing, source))


async def _left(pacing: Pacing, source: Source) -> None:
    pacing.leave(source)
