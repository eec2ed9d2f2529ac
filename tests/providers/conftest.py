"""What the tests of OAuth providers share."""

from collections.abc import AsyncIterator

import pytest

from opengrant.net.provider_http import Http


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    door = Http(timeout=10, connections_per_host=10)
    yield door
    await door.close()
