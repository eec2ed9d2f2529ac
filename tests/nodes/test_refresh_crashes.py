"""A node dies as by `kill -9` at every step of a refresh and of a connection, or its database goes away in between."""

import json
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from io import BytesIO

import pytest

from tests.fakes.oauth import FakeOAuth
from tests.nodes.node import connected, look_after
from tests.nodes.stories import (
    PROVIDERS,
    Case,
    Spooled,
    StoodStill,
    answer_without_a_database,
    begun,
    crash,
    stand_still,
)
from tests.peers.postgres import Postgres
from tests.support import LiveServer, Tenant

pytestmark = pytest.mark.timeout(300)  # several waits of `until` may follow one another


@pytest.fixture(scope="module")
def spooled(
    postgres: Postgres, log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[Future[Spooled]]":
    url, directory = postgres.create_database(), tmp_path_factory.mktemp("away")
    with begun(answer_without_a_database, postgres, url, directory, log_stream) as story:
        yield story


@pytest.fixture(scope="module")
def stood_still(log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Future[StoodStill]]":
    with begun(stand_still, tmp_path_factory.mktemp("still"), log_stream) as story:
        yield story


@pytest.fixture(scope="module")
def crashes(
    postgres: Postgres,
    log_stream: BytesIO,
    tmp_path_factory: pytest.TempPathFactory,
    spooled: "Future[Spooled]",
    stood_still: "Future[StoodStill]",
) -> "Iterator[dict[str, Future[list[Case]]]]":
    """By engine."""
    assert spooled
    assert stood_still  # they are under way meanwhile
    envs = {"sqlite": dict[str, str](), "postgres": {"OPENGRANT_DATABASE_URL": postgres.create_database()}}
    with ExitStack() as ending:
        yield {
            engine: ending.enter_context(begun(crash, env, tmp_path_factory.mktemp(engine), log_stream))
            for engine, env in envs.items()
        }


@pytest.fixture(params=["sqlite", "postgres"])
def cases(request: pytest.FixtureRequest, crashes: "dict[str, Future[list[Case]]]") -> list[Case]:
    return crashes[request.param].result()


def of(cases: list[Case], point: str, *providers: str) -> list[Case]:
    found = [case for case in cases if case.point == point and case.provider in (providers or PROVIDERS)]
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


def test_what_a_provider_gave_while_the_database_was_away_is_written_when_it_is_back(
    spooled: "Future[Spooled]",
) -> None:
    """By the node that lives on, and by the next one in the place of a node that was killed meanwhile."""
    outcome = spooled.result()
    assert outcome.told == [503, 200, 200, 200, 200]
    assert outcome.asked == [2, 4]
    assert outcome.events == ["grant.created"] * 2
    assert outcome.leases == []


def test_what_a_provider_gave_while_its_node_stood_still_is_read_and_stored(stood_still: "Future[StoodStill]") -> None:
    """SIGSTOP before the answers come, SIGCONT after the deadline: four refreshes and four connections."""
    outcome = stood_still.result()
    assert (outcome.valid, outcome.held) == (8, [True] * 8), outcome
    assert outcome.told == [200] * 4 + [201] * 4
    assert (outcome.again, outcome.asked) == ([200] * 8, [8, 16])
    assert outcome.events == ["grant.created"] * 8


def test_a_lost_rotation_is_called_so_also_when_the_provider_says_something_else_first(
    tenant: Tenant, server: LiveServer, provider: FakeOAuth
) -> None:
    tenant.connector("zoom")
    grant_id = connected(tenant, provider, "zoom", "ana@example.com")
    server.rows(
        "insert into leases (application_id, subject, owner, until, attempts) values ($1, $2, 'gone', 1, 1)",
        tenant.application.id,
        grant_id,
    )
    provider.accounts.clear()
    provider.refuses(401, {"reason": "Invalid client_id or client_secret", "error": "invalid_client"}, times=1)
    look_after(server, grant_id)
    assert server.rows("select status from grants where id = $1", grant_id) == [("valid",)]
    look_after(server, grant_id)
    ((status, trouble),) = server.rows("select status, trouble from grants where id = $1", grant_id)
    assert (status, json.loads(trouble)["reason"]) == ("invalid", "rotation_lost")
