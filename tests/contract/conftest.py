"""The Python SDK, with nothing changed but the base URL."""

import pytest
from nylas import Client

from tests.support import Tenant


@pytest.fixture
def nylas(tenant: Tenant) -> Client:
    return Client(api_key=tenant.api_key, api_uri=tenant.server.url)
