"""What takes long, told apart from the tests that look at how it ended.

Deaths of nodes at each step of a refresh and of a connection, a process for each (failpoints.py), all of them at once,
and what the next node makes of what they left; a database that is away when a provider answers; a slow provider.
Each is begun by the file that looks at it (`begun`), and goes on beside that file's other tests.
"""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import ParamSpec, TypeVar
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest

from opengrant.model import now
from opengrant.store import secrets
from opengrant.vault import Owner
from tests.fakes.oauth import FakeOAuth
from tests.nodes.node import Node, age, connected, consent, leases, nodes, reader, until
from tests.peers.postgres import Postgres
from tests.support import LiveServer, Tenant

P = ParamSpec("P")
T = TypeVar("T")

PROVIDERS = ("google", "microsoft", "zoom")
_DEATHS = (
    ("refresh.leased", "zoom"),
    ("refresh.answered", "google"),
    ("refresh.answered", "microsoft"),
    ("refresh.answered", "zoom"),
    ("refresh.refused", "google"),
    ("refresh.kept", "zoom"),
    ("connect.answered", "zoom"),
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


@contextmanager
def begun(story: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> "Iterator[Future[T]]":
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(story, *args, **kwargs)


def spent(provider: FakeOAuth, token: str) -> int:
    return [seen.form.get("refresh_token") for seen in provider.requests].count(token)


def prepare(tenant: Tenant, provider: FakeOAuth) -> list[Case]:
    for name in PROVIDERS:
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
        faults = [{"OPENGRANT_FAULT": case.point} for case in cases]
        with nodes(live, *faults, work=False) as victims, ThreadPoolExecutor(len(cases)) as pool:
            for _ in pool.map(lambda node, case: die(node, key, case, provider), victims, cases):
                pass
        # As if it had taken long: nobody is to wait here until the leases of the dead run out.
        live.rows("update leases set until = 1")
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


# ── the database goes away ────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Spooled:
    """What became of two grants whose provider answered while the database was away: of the one in the care of a node
    that lived on, and of the other, whose node was killed before the database was back.

    told     statuses that clients got, in order
    asked    how often the provider was asked for both, before and after the grants were due once more
    """

    told: list[int]
    asked: list[int]
    events: list[str]
    leases: list[str]


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


def answer_without_a_database(postgres: Postgres, url: str, directory: Path, log_stream: BytesIO) -> Spooled:
    keys = "k1:" + base64.b64encode(bytes(32)).decode()
    with FakeOAuth() as provider, ThreadPoolExecutor(2) as pool:
        env = {"OPENGRANT_DATABASE_URL": url, "OPENGRANT_MASTER_KEYS": keys, **provider.settings()}
        with LiveServer(env, directory, log_stream) as live:
            tenant = live.tenant()
            key = reader(tenant)
            tenant.connector("zoom")
            kept, orphaned = (connected(tenant, provider, "zoom", f"{name}@example.com") for name in ("kept", "orphan"))
            before = provider.count("token")
            elsewhere = {"OPENGRANT_DATA_DIR": str(directory / "elsewhere")}
            with nodes(live, {}, {**elsewhere, "OPENGRANT_FAULT": "refresh.spooled"}, work=False) as (lives, dies):
                with provider.holding():
                    answer, cut_off = pool.submit(lives.token, key, kept), pool.submit(dies.token, key, orphaned)
                    provider.wait_for("token", before + 2)
                    let_in(postgres, url, anybody=False)
                dies.dies()
                assert isinstance(cut_off.exception(), httpx.TransportError)
                told = [answer.result().status_code]
                let_in(postgres, url, anybody=True)
                until(lambda: leases(live, tenant.application.id) == [orphaned], "nothing is written")
                told.append(lives.token(key, kept).status_code)
            # As if it had taken long: by the lease, anybody may ask for the other one now.
            live.rows("update leases set until = 1 where application_id = $1", tenant.application.id)
            with nodes(live, elsewhere) as (successor,):
                told.append(successor.token(key, orphaned).status_code)
                asked = [provider.count("token") - before]
                for id_ in (kept, orphaned):
                    age(live, id_)
                    told.append(successor.token(key, id_).status_code)
            asked.append(provider.count("token") - before)
            events, left = [type_ for type_, _ in tenant.events()], leases(live, tenant.application.id)
            tenant.http.close()
            return Spooled(told, asked, events, left)


# ── a process that stands still ───────────────────────────────────────────────────────────────────────────────


@dataclass
class StoodStill:
    """What became of exchanges whose answers came while their node stood still for longer than its deadline.

    told     statuses that clients got
    held     whether each grant holds the newest refresh token of its chain
    asked    how often the provider was asked for each of them, before and after it was due once more
    again    statuses that clients got then
    """

    told: list[int]
    valid: int
    held: list[bool]
    asked: list[int]
    again: list[int]
    events: list[str]


_EACH = 4


def stand_still(directory: Path, log_stream: BytesIO) -> StoodStill:
    """Four refreshes and four connections of single-use tokens."""
    patience = 5  # as long as a busy machine may take for what is answered at once
    with (
        FakeOAuth() as provider,
        ThreadPoolExecutor(2 * _EACH) as pool,
        LiveServer(provider.settings(), directory, log_stream) as live,
    ):
        tenant = live.tenant()
        key = reader(tenant)
        tenant.connector("zoom")
        refreshed = [connected(tenant, provider, "zoom", f"refresh-{n}@example.com") for n in range(_EACH)]
        fresh = [consent(provider, "zoom", f"connect-{n}@example.com") for n in range(_EACH)]
        before = provider.count("token")
        with nodes(live, {"OPENGRANT_OUTBOUND__TIMEOUT": str(patience)}, work=False) as (node,):
            bodies = [{"provider": "zoom", "settings": {"refresh_token": token}} for token in fresh]
            with provider.holding():
                asking = [pool.submit(node.token, key, id_) for id_ in refreshed]
                asking += [pool.submit(node.post, key, "/v3/connect/custom", body) for body in bodies]
                provider.wait_for("token", before + 2 * _EACH)
                asked = [seen.form["refresh_token"] for seen in provider.requests if seen.endpoint == "token"]
                tokens = set(asked[before:])
                node.stop()
            until(lambda: not tokens & set(provider.accounts), "the provider does not answer")
            time.sleep(patience + 1)  # its deadline passes
            node.go_on()
            told = [one.result().status_code for one in asking]
            mine = "select id from grants where application_id = $1"
            ids = [row[0] for row in live.rows(mine, tenant.application.id)]
            counts = [provider.count("token") - before]
            held = [newest(live, tenant.application.id, id_) in provider.accounts for id_ in ids]
            for id_ in ids:
                age(live, id_)
            again = [node.token(key, id_).status_code for id_ in ids]
            counts.append(provider.count("token") - before)
        valid = "select count(*) from grants where application_id = $1 and status = 'valid'"
        alive = live.rows(valid, tenant.application.id)[0][0]
        events = [type_ for type_, _ in tenant.events()]
        tenant.http.close()
        return StoodStill(told, alive, held, counts, again, events)


def newest(live: LiveServer, application_id: str, grant_id: str) -> str:
    """The refresh token that a grant holds."""
    sealed = live.call(live.services.db.read(secrets.find(application_id, "grant", grant_id, "live")))
    assert sealed is not None
    held = live.services.rotated_tokens.vault.open(sealed, Owner(application_id, "grant", grant_id, "live"))
    return str(json.loads(held)["refresh_token"])


# ── a provider that takes its time ────────────────────────────────────────────────────────────────────────────


@dataclass
class Slow:
    """What two nodes made of a provider that took 25 seconds."""

    asked: int
    statuses: set[int]
    tokens: set[str]


def ask_slowly(url: str, directory: Path, log_stream: BytesIO) -> Slow:
    with FakeOAuth() as provider:
        env = {"OPENGRANT_DATABASE_URL": url, "OPENGRANT_OUTBOUND__TIMEOUT": "60", **provider.settings()}
        with LiveServer(env, directory, log_stream) as live:
            tenant = live.tenant()
            tenant.connector("zoom")
            grant_id = connected(tenant, provider, "zoom", "slow@example.com")
            key, before = reader(tenant), provider.count("token")
            provider.takes(25)
            with nodes(live, {}, {}) as two, ThreadPoolExecutor(10) as pool:
                answers = list(pool.map(lambda n: two[n % 2].token(key, grant_id), range(10)))
            tenant.http.close()
            told = {answer.json()["data"]["access_token"] for answer in answers if answer.status_code == 200}
            return Slow(provider.count("token") - before, {answer.status_code for answer in answers}, told)
