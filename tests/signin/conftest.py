"""A browser, an application that it comes from, and an OpenGrant whose Google and Microsoft have consent pages."""

from collections.abc import AsyncIterator, Iterator
from io import BytesIO

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from tests.pages.site import chromium
from tests.peers.dovecot import Dovecot
from tests.peers.emulate import Emulate
from tests.signin.application import WebApplication
from tests.support import LiveServer, Tenant, data


@pytest.fixture(scope="module")
def consenting(
    emulate: Emulate, dovecot: Dovecot, log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """OpenGrant on the port that the emulator leads back to. On SQLite only: tests/api/test_hosted.py runs on both."""
    env = {**emulate.settings(), **dovecot.settings(), "OPENGRANT_PORT": str(emulate.callback_port)}
    with LiveServer(env, tmp_path_factory.mktemp("consenting"), log_stream) as live:
        yield live


@pytest.fixture
def application() -> Iterator[WebApplication]:
    with WebApplication() as running:
        yield running


@pytest.fixture
def site(consenting: LiveServer, application: WebApplication) -> Iterator[Tenant]:
    """The application's API key, with its callback registered."""
    made = consenting.tenant()
    data(made.post("/v3/applications/redirect-uris", {"url": application.callback}))
    yield made
    made.http.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def view(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser's profile, without cookies at first."""
    opened = await browser.new_context()
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(view: BrowserContext) -> Page:
    return await view.new_page()
