"""Stories that take long, since leases must run out: they begin with the first test and go on beside the others."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

import pytest

from tests.nodes.stories import Case, Slow, Spooled, answer_without_a_database, ask_slowly, crash
from tests.peers.postgres import Postgres


@dataclass
class Stories:
    """crashes: by engine."""

    crashes: dict[str, "Future[list[Case]]"]
    spooled: "Future[Spooled]"
    slow: "Future[Slow]"


@pytest.fixture(scope="session")
def stories(postgres: Postgres, log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stories]:
    one, other, third = (postgres.create_database() for _ in range(3))
    envs = {"sqlite": dict[str, str](), "postgres": {"OPENGRANT_DATABASE_URL": one}}
    with ThreadPoolExecutor(4) as pool:
        yield Stories(
            {name: pool.submit(crash, env, tmp_path_factory.mktemp(name), log_stream) for name, env in envs.items()},
            pool.submit(answer_without_a_database, postgres, other, tmp_path_factory.mktemp("away"), log_stream),
            pool.submit(ask_slowly, third, tmp_path_factory.mktemp("slow"), log_stream),
        )
