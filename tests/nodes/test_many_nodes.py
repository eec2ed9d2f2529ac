"""Four equal nodes on one PostgreSQL, their clocks and hundreds of clients: nobody is asked twice for one grant.

The clocks of their machines are far apart, which must make no difference.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

import pytest

from opengrant.model import SECOND, now
from tests import warm
from tests.fakes.oauth import FakeOAuth
from tests.nodes.node import Node, connected, consent, leases, multiply, nodes, reader, until
from tests.peers.postgres import Postgres
from tests.support import LiveServer, Tenant, data

_AT_ONCE = 20
"""Grants that the clock of one node looks after at once."""
_CLOCKS = ("0", "600", "-600", "3600")
"""Seconds that each node's clock is ahead."""


@dataclass
class House:
    """One tenant's grants, four nodes that serve them, and the provider that counts."""

    provider: FakeOAuth
    tenant: Tenant
    key: str
    first: str
    nodes: list[Node]

    def due(self, ids: list[str], *, for_the_clock: bool) -> None:
        """All of them have run out at this moment. A clock that is not to know looks for them in an hour."""
        due_at = 1 if for_the_clock else now() + 3600 * SECOND
        self.tenant.server.rows(
            "update grants set due_at = $2, token_expires_at = 1 where id = any(string_to_array($1, ','))",
            ",".join(ids),
            due_at,
        )

    def stale(self) -> set[str]:
        """Grants that nobody has renewed yet."""
        sql = "select id from grants where application_id = $1 and token_expires_at = 1"
        return {row[0] for row in self.tenant.server.rows(sql, self.tenant.application.id)}

    def asked(self, tokens: dict[str, str]) -> dict[str, int]:
        """How often the provider was asked for each of these grants."""
        spent = Counter(seen.form.get("refresh_token") for seen in self.provider.requests)
        return {id_: spent[token] for id_, token in tokens.items()}


@pytest.fixture(scope="module")
def house(postgres: Postgres, log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with FakeOAuth() as provider:
        env = {
            "OPENGRANT_DATABASE_URL": postgres.create_database(),
            "OPENGRANT_REFRESH__CONCURRENCY": str(_AT_ONCE),
            "OPENGRANT_REFRESH__BUDGET": "1000",
            **provider.settings(),
        }
        with LiveServer(env, tmp_path_factory.mktemp("house"), log_stream) as live:
            tenant = live.tenant()
            tenant.connector("google")
            first = connected(tenant, provider, "google", "first@example.com")
            with nodes(live, *({warm.CLOCK_AHEAD: ahead} for ahead in _CLOCKS)) as four:
                yield House(provider, tenant, reader(tenant), first, four)
            tenant.http.close()


def test_two_hundred_clients_of_four_nodes_are_served_by_one_request(house: House) -> None:
    house.due([house.first], for_the_clock=False)
    before = house.provider.count("token")
    with ThreadPoolExecutor(200) as pool:
        asking = [pool.submit(house.nodes[n % 4].token, house.key, house.first) for n in range(200)]
        answers = {data(one.result())["access_token"] for one in asking}
    assert house.provider.count("token") == before + 1
    assert answers == {house.provider.issued[-1]}


def test_whoever_began_later_wins_on_whatever_node(house: House) -> None:
    """Each node renews the mailbox in turn, and each later token is the one that is handed out, by all of them."""
    live = house.tenant.server
    for renewing in (3, 2, 1, 0, 2, 3):
        token = consent(house.provider, "google", "turns@example.com")
        ask = {"provider": "google", "settings": {"refresh_token": token}}
        renewed = house.nodes[renewing].post(house.tenant.api_key, "/v3/connect/custom", ask)
        assert (renewed.status_code, data(renewed)["grant_status"]) == (201, "valid")
        newest = house.provider.issued[-1]
        asked = house.provider.count("token")
        for node in house.nodes:
            assert data(node.token(house.key, data(renewed)["id"]))["access_token"] == newest
        assert house.provider.count("token") == asked
        ((asked_last,),) = live.rows("select last_value from asked")
        assert live.rows("select asked from grants where id = $1", data(renewed)["id"]) == [(asked_last,)]


def test_all_nodes_tell_the_same_time(house: House) -> None:
    live = house.tenant.server
    for node in house.nodes:
        ask = {"provider": "google", "settings": {"refresh_token": consent(house.provider, "google", "t@example.com")}}
        grant_id = data(node.post(house.tenant.api_key, "/v3/connect/custom", ask))["id"]
        ((proven_at, ends_at),) = live.rows("select proven_at, token_expires_at from grants where id = $1", grant_id)
        assert abs(proven_at - now()) < 60 * SECOND
        assert abs(ends_at - now() - 3600 * SECOND) < 60 * SECOND


def test_two_thousand_grants_are_renewed_by_two_thousand_requests(house: House) -> None:
    """By four clocks, while clients ask for one in five of them."""
    tokens = multiply(house.tenant, house.provider, house.first, 2000)
    wanted = list(tokens)[::5]
    house.due(list(tokens), for_the_clock=True)
    with ThreadPoolExecutor(40) as pool:
        asking = [pool.submit(house.nodes[n % 4].token, house.key, id_) for n, id_ in enumerate(wanted)]
        assert {one.result().status_code for one in asking} == {200}
    until(lambda: not house.stale(), "some grants were not renewed")
    assert Counter(house.asked(tokens).values()) == {1: 2000}
    assert leases(house.tenant.server, house.tenant.application.id) == []


def test_a_dead_node_costs_one_more_request_for_what_it_was_at_and_nothing_else(house: House) -> None:
    tokens = multiply(house.tenant, house.provider, house.first, 400)
    before = house.provider.count("token")
    with house.provider.holding():
        house.due(list(tokens), for_the_clock=True)
        house.provider.wait_for("token", before + 4 * _AT_ONCE)
        house.nodes[0].end()
    until(lambda: len(house.stale()) == _AT_ONCE, "the others do not finish")
    left = house.stale()
    live = house.tenant.server
    assert set(leases(live, house.tenant.application.id)) == left
    # As if the dead node's leases had run out.
    live.rows("update leases set until = 1 where application_id = $1", house.tenant.application.id)
    until(lambda: not house.stale(), "what the dead node left is not looked after")
    asked = house.asked(tokens)
    assert {id_ for id_, times in asked.items() if times == 2} == left
    assert Counter(asked.values()) == {1: 400 - _AT_ONCE, 2: _AT_ONCE}
