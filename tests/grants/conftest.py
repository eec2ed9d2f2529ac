"""A house on each engine, with a loop of its own that state machines can step."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.grants.house import House, SlowOAuth, house
from tests.peers.postgres import Postgres


@pytest.fixture(scope="module")
def slow_provider() -> Iterator[SlowOAuth]:
    with SlowOAuth() as fake:
        yield fake


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner() as runner:
        yield runner.get_loop()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def built(
    request: pytest.FixtureRequest,
    loop: asyncio.AbstractEventLoop,
    slow_provider: SlowOAuth,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """For synchronous tests, which run coroutines on `loop`."""
    url = None
    if request.param == "postgres":
        peer: Postgres = request.getfixturevalue("postgres")
        url = peer.create_database()
    opened = house(url, tmp_path_factory.mktemp("house"), slow_provider)
    yield loop.run_until_complete(opened.__aenter__())
    loop.run_until_complete(opened.__aexit__(None, None, None))
