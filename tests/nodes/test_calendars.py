"""Calendars on several nodes: of two that want one slot one gets it, and what was answered outlives `kill -9`."""

import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from threading import Event

import httpx
import pytest

from tests.nodes.node import Node, nodes
from tests.peers.postgres import Postgres
from tests.support import LiveServer, Tenant, data

pytestmark = pytest.mark.timeout(300)

NINE, HOUR = 1_772_442_000, 3600
SLOTS, WRITERS, DEATHS, ANSWERS = 50, 4, 3, 40
"""A node dies once it has given so many answers, while each writer waits for another one."""


@dataclass
class Room:
    """A virtual calendar with a webhook that wants to know of its events."""

    tenant: Tenant
    grant_id: str

    def book(self, node: Node, number: int, *, if_free: bool) -> httpx.Response:
        start = NINE + number * HOUR
        body = {"title": f"number {number}", "when": {"start_time": start, "end_time": start + HOUR}}
        headers = {"Authorization": f"Bearer {self.tenant.api_key}", "If-Available": str(if_free).lower()}
        path = f"/v3/grants/{self.grant_id}/events?calendar_id=primary"
        return node.http.post(path, json=body, headers=headers)

    def stored(self) -> set[str]:
        rows = self.tenant.server.rows("select id from calendar_events where grant_id = $1", self.grant_id)
        return {row[0] for row in rows}

    def told(self) -> list[str]:
        """Ids of events that deliveries tell of."""
        sql = "select payload from deliveries where application_id = $1 and type = 'event.created' order by seq"
        return [json.loads(row[0])["id"] for row in self.tenant.server.rows(sql, self.tenant.application.id)]

    def version(self) -> int:
        sql = "select version from calendars where grant_id = $1"
        return int(self.tenant.server.rows(sql, self.grant_id)[0][0])


@pytest.fixture(params=["sqlite", "postgres"])
def room(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, log_stream: BytesIO
) -> Iterator[Room]:
    env = {}
    if request.param == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        env = {"OPENGRANT_DATABASE_URL": postgres.create_database()}
    with LiveServer(env, tmp_path_factory.mktemp("calendars"), log_stream) as live:
        tenant = live.tenant()
        tenant.connector("virtual-calendar")
        grant_id = str(data(tenant.connect("virtual-calendar", {"email": "room 12"}))["id"])
        assert tenant.get(f"/v3/grants/{grant_id}/calendars").status_code == 200
        live.rows(
            """insert into webhooks (application_id, id, url, triggers, emails, compressed, status, status_updated_at,
                                     created_at, updated_at)
               values ($1, 'hook', 'https://example.com/', '["event.created"]', '[]', 0, 'active', 0, 0, 0)""",
            tenant.application.id,
        )
        yield Room(tenant, grant_id)
        tenant.http.close()


@pytest.mark.parametrize("room", ["postgres"], indirect=True)
def test_of_two_writers_for_one_slot_exactly_one_gets_it_fifty_times_on_four_nodes(room: Room) -> None:
    with nodes(room.tenant.server, {}, {}, {}, {}, work=False) as four, ThreadPoolExecutor(2) as pool:
        for slot in range(SLOTS):
            asked = [four[slot % 4], four[(slot + 1 + slot // 4 % 3) % 4]]
            answers = [pool.submit(room.book, node, slot, if_free=True) for node in asked]
            assert sorted(answer.result().status_code for answer in answers) == [200, 409]
    assert len(room.stored()) == SLOTS
    assert sorted(room.told()) == sorted(room.stored())
    assert room.version() == 1 + SLOTS


@dataclass
class Writing:
    """Writers of one node, until it dies. enough: it has given as many answers as it may."""

    room: Room
    node: Node
    answered: set[str] = field(default_factory=set)
    enough: Event = field(default_factory=Event)

    def go_on(self, number: int) -> None:
        """Book one hour after the other. Half of the writers in one statement, half with a look at what is taken."""
        for hour in itertools.count(number * 10_000):
            try:
                answer = self.room.book(self.node, hour, if_free=number % 2 == 0)
            except httpx.TransportError:
                return
            assert answer.status_code == 200, answer.text
            self.answered.add(data(answer)["id"])
            if len(self.answered) >= ANSWERS:
                self.enough.set()


def test_what_was_answered_before_a_node_was_killed_is_there_with_its_notice(room: Room) -> None:
    answered: set[str] = set()
    for death in range(DEATHS):
        with nodes(room.tenant.server, {}, work=False) as (node,), ThreadPoolExecutor(WRITERS) as pool:
            writing = Writing(room, node)
            writers = [pool.submit(writing.go_on, death * WRITERS + writer) for writer in range(WRITERS)]
            assert writing.enough.wait(60)
            node.end()
            for writer in writers:
                writer.result()
            answered |= writing.answered
    stored = room.stored()
    assert answered <= stored
    # What was committed and not answered: at most one of each writer.
    assert len(stored - answered) <= DEATHS * WRITERS
    assert sorted(room.told()) == sorted(stored)
    assert room.version() == 1 + len(stored)
