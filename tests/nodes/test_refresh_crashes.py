"""A node dies as by `kill -9` at every step of a refresh and of a connection, and the database goes away in between.

Each step has a process of its own that dies there (faults.py), all of them at once; then one more node starts, and
what it makes of their leavings is what the tests look at. Both engines run side by side, so that waiting for leases
to run out is paid once.
"""

import asyncio
import base64
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from opengrant.model import now
from tests.fakes.oauth import FakeOAuth
from tests.nodes.node import Node, age, connected, consent, leases, nodes, reader, until
from tests.peers.postgres import Postgres
from tests.support import LiveServer, Tenant

_PROVIDERS = ("google", "microsoft", "zoom")
_DEATHS = (
    ("refresh.leased", "zoom"),
    ("refresh.answered", "google"),
    ("refresh.answered", "microsoft"),
    ("refresh.answered", "zoom"),
    ("refresh.refused", "google"),
    ("refresh.kept", "zoom"),
    ("connect.answered", "zoom"),
    ("connect.kept", "microsoft"),
    ("connect.kept", "zoom"),
)


@dataclass
class Case:
    """One death and what became of it.

    asked   how often the provider was asked with the token that the dead node held: by it, and by its successor
    answer  status and type that a client gets afterwards
    again   status that it gets when the grant is due once more
    """

    point: str
    provider: str
    grant_id: str
    token: str
    asked: tuple[int, int] = (0, 0)
    status: str | None = None
    reason: str | None = None
    answer: tuple[int, str | None] = (0, None)
    again: int = 0
    events: Sequence[str] = ()


def spent(provider: FakeOAuth, token: str) -> int:
    return [seen.form.get("refresh_token") for seen in provider.requests].count(token)


def prepare(tenant: Tenant, provider: FakeOAuth) -> list[Case]:
    for name in _PROVIDERS:
        tenant.connector(name)
    cases = []
    for point, name in _DEATHS:
        email = f"{name}-{point}@example.com"
        if point.startswith("connect"):
            cases.append(Case(point, name, "", consent(provider, name, email)))
            continue
        grant_id = connected(tenant, provider, name, email)
        newest = list(provider.accounts)[-1]
        if point == "refresh.refused":
            provider.revokes(newest)
        cases.append(Case(point, name, grant_id, newest))
    return cases


def ask(node: Node, key: str, case: Case) -> httpx.Response:
    if case.grant_id:
        return node.token(key, case.grant_id)
    return node.post(key, "/v3/connect/custom", {"provider": case.provider, "settings": {"refresh_token": case.token}})


def die(node: Node, key: str, case: Case, provider: FakeOAuth) -> None:
    before = spent(provider, case.token)
    with pytest.raises(httpx.TransportError):
        ask(node, key, case)
    node.dies()
    case.asked = (spent(provider, case.token) - before, spent(provider, case.token))


def crash(env: dict[str, str], directory: Path, log_stream: BytesIO) -> list[Case]:
    """All deaths on one engine, and the day after."""
    with FakeOAuth() as provider, LiveServer({**env, **provider.settings()}, directory, log_stream) as live:
        tenant = live.tenant()
        key = reader(tenant)
        cases = prepare(tenant, provider)
        # A lease is 13 seconds long then.
        faults = [{"OPENGRANT_FAULT": case.point, "OPENGRANT_OUTBOUND__TIMEOUT": "1"} for case in cases]
        with nodes(live, *faults, work=False) as victims, ThreadPoolExecutor(len(cases)) as pool:
            for _ in pool.map(lambda node, case: die(node, key, case, provider), victims, cases):
                pass
        # A connection may take a minute; nobody is to wait that long here.
        live.rows("update leases set until = 1 where subject like 'spent:%'")
        with nodes(live, {}) as (survivor,):
            until(lambda: settled(live, tenant), "what was due was not looked after")
            for case in cases:
                case.asked = (case.asked[0], spent(provider, case.token) - case.asked[1])
                look_at(survivor, key, case, tenant)
        tenant.http.close()
        return cases


def settled(live: LiveServer, tenant: Tenant) -> bool:
    due = "select count(*) from grants where application_id = $1 and due_at <= $2"
    refreshing = [subject for subject in leases(live, tenant.application.id) if not subject.startswith("spent:")]
    return not refreshing and live.rows(due, tenant.application.id, now())[0][0] == 0


def look_at(survivor: Node, key: str, case: Case, tenant: Tenant) -> None:
    answer = ask(survivor, key, case)
    case.answer = (answer.status_code, answer.json().get("error", {}).get("type"))
    if answer.status_code == 201:
        case.grant_id = answer.json()["data"]["id"]
    live = tenant.server
    for status, trouble in live.rows("select status, trouble from grants where id = $1", case.grant_id):
        case.status, case.reason = status, json.loads(trouble)["reason"] if trouble else None
    mine = [(type_, payload) for type_, payload in tenant.events() if case.grant_id and case.grant_id in payload]
    case.events = [type_ for type_, _ in mine]
    if case.status == "valid":
        age(live, case.grant_id)
        case.again = survivor.token(key, case.grant_id).status_code


@pytest.fixture(scope="module")
def crashes(
    postgres: Postgres, log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, "Future[list[Case]]"]]:
    envs: dict[str, dict[str, str]] = {
        "sqlite": {},
        "postgres": {"OPENGRANT_DATABASE_URL": postgres.create_database()},
    }
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(crash, env, tmp_path_factory.mktemp(name), log_stream) for name, env in envs.items()}


@pytest.fixture(params=["sqlite", "postgres"])
def cases(request: pytest.FixtureRequest, crashes: dict[str, "Future[list[Case]]"]) -> list[Case]:
    return crashes[request.param].result()


def of(cases: list[Case], point: str, *providers: str) -> list[Case]:
    found = [case for case in cases if case.point == point and case.provider in (providers or _PROVIDERS)]
    assert found
    return found


def test_a_node_that_dies_before_it_asks_has_spent_nothing(cases: list[Case]) -> None:
    for case in of(cases, "refresh.leased"):
        assert (case.asked, case.answer[0], case.again) == ((0, 1), 200, 200), case
        assert case.events == ["grant.created"]


def test_an_answer_that_died_with_its_node_is_asked_for_again_where_the_old_token_works(cases: list[Case]) -> None:
    for case in of(cases, "refresh.answered", "google", "microsoft"):
        assert (case.asked, case.status, case.answer[0], case.again) == ((1, 1), "valid", 200, 200), case
        assert case.events == ["grant.created"]


def test_a_single_use_token_whose_successor_died_with_its_node_is_a_lost_rotation(cases: list[Case]) -> None:
    for case in of(cases, "refresh.answered", "zoom"):
        assert (case.status, case.reason) == ("invalid", "rotation_lost"), case
        assert case.answer == (401, "grant.refresh_token_invalid")
        assert case.events == ["grant.created", "grant.expired"]


def test_a_refusal_that_died_with_its_node_is_heard_again_and_told_once(cases: list[Case]) -> None:
    for case in of(cases, "refresh.refused"):
        assert (case.asked, case.status) == ((1, 1), "invalid"), case
        assert case.reason != "rotation_lost"
        assert case.events == ["grant.created", "grant.expired"]


def test_what_was_kept_before_the_death_serves_and_is_not_asked_for_again(cases: list[Case]) -> None:
    for case in of(cases, "refresh.kept"):
        assert (case.asked, case.status, case.answer[0], case.again) == ((1, 0), "valid", 200, 200), case
        assert case.events == ["grant.created"]


def test_a_connection_that_died_with_the_only_successor_leaves_nothing_and_says_what_is_wrong(
    cases: list[Case],
) -> None:
    for case in of(cases, "connect.answered"):
        assert case.answer[1] == "grant.refresh_token_invalid", case
        assert (case.status, case.events) == (None, [])


def test_a_connection_that_died_after_its_successor_was_kept_is_made_by_sending_it_again(cases: list[Case]) -> None:
    for case in of(cases, "connect.kept"):
        assert (case.answer[0], case.status, case.again) == (201, "valid", 200), case
        assert case.events == ["grant.created"]


# ── the database goes away ────────────────────────────────────────────────────────────────────────────────────


def let_in(postgres: Postgres, url: str, *, anybody: bool) -> None:
    """Whether the database takes connections. When not, those that it has end at once."""
    name = urlsplit(url).path[1:]

    async def say() -> None:
        connection = await asyncpg.connect(postgres.url("postgres"))
        await connection.execute(f"alter database {name} allow_connections {anybody}")
        if not anybody:
            await connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
        await connection.close()

    asyncio.run(say())


def test_what_a_provider_gave_while_the_database_was_away_is_written_when_it_is_back(
    postgres: Postgres, log_stream: BytesIO, tmp_path: Path, crashes: dict[str, "Future[list[Case]]"]
) -> None:
    """By the node that lives on, and by the next one in the place of a node that was killed meanwhile."""
    url = postgres.create_database()
    keys = "k1:" + base64.b64encode(bytes(32)).decode()
    with FakeOAuth() as provider:
        env = {"OPENGRANT_DATABASE_URL": url, "OPENGRANT_MASTER_KEYS": keys, **provider.settings()}
        with LiveServer(env, tmp_path, log_stream) as live, ThreadPoolExecutor(2) as pool:
            tenant = live.tenant()
            key = reader(tenant)
            tenant.connector("zoom")
            grants = [connected(tenant, provider, "zoom", f"{name}@example.com") for name in ("lives", "dies")]
            asked = provider.count("token")
            elsewhere = {"OPENGRANT_DATA_DIR": str(tmp_path / "elsewhere")}
            with nodes(live, {}, {**elsewhere, "OPENGRANT_FAULT": "refresh.spooled"}) as (lives, dies):
                with provider.holding():
                    answer = pool.submit(lives.token, key, grants[0])
                    cut_off = pool.submit(dies.token, key, grants[1])
                    provider.wait_for("token", asked + 2)
                    let_in(postgres, url, anybody=False)
                dies.dies()
                assert answer.result().status_code == 503
                assert isinstance(cut_off.exception(), httpx.TransportError)
                let_in(postgres, url, anybody=True)
                until(lambda: lives.token(key, grants[0]).status_code == 200, "nothing was written")
            live.rows("update leases set until = 1 where application_id = $1", tenant.application.id)
            with nodes(live, elsewhere) as (successor,):
                assert successor.token(key, grants[1]).status_code == 200
                assert provider.count("token") == asked + 2
                for id_ in grants:
                    age(live, id_)
                    assert successor.token(key, id_).status_code == 200
            assert provider.count("token") == asked + 4
            assert [type_ for type_, _ in tenant.events()] == ["grant.created"] * 2
            assert leases(live, tenant.application.id) == []
            tenant.http.close()
