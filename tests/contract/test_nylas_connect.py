"""The official library for web pages, unchanged, in Chromium: PKCE, no secret, and a server of another origin."""

import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.fakes.oauth import FakeOAuth
from tests.pages.site import chromium
from tests.peers import nodejs
from tests.support import Tenant, data

# On SQLite only: what a browser may read does not depend on the engine, and tests/api runs on both.
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("engine_env", ["sqlite"], indirect=True, scope="session"),
]

ANA = "ana@example.com"
_FILES = Path(nodejs.__file__).parent / "nylas_connect"


class WebPage:
    """tests/peers/nylas_connect/page.html, served on loopback. Start and stop with `with`.

    origin    what browsers say that its calls come from
    settings  what it starts the library with
    """

    def __init__(self) -> None:
        library = nodejs.install("nylas_connect") / "node_modules" / "@nylas" / "connect" / "dist" / "index.js"
        self._server = _Server(("127.0.0.1", 0), _Handler)
        page = ("text/html; charset=utf-8", (_FILES / "page.html").read_bytes())
        self._server.files = {
            "/": page,
            "/callback": page,
            "/page.mjs": ("text/javascript", (_FILES / "page.mjs").read_bytes()),
            "/connect.mjs": ("text/javascript", library.read_bytes()),
        }
        self.origin = f"http://localhost:{self._server.server_address[1]}"
        self.callback = f"{self.origin}/callback"

    def begins_with(self, settings: Mapping[str, str]) -> None:
        self._server.files["/settings.json"] = ("application/json", json.dumps(settings).encode())

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(30)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    files: dict[str, tuple[str, bytes]]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        found = self.server.files.get(self.path.partition("?")[0])
        if found is None:
            self.send_error(404)
            return
        kind, body = found
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class's name
        """Nothing: the browser's side is what tests look at."""


@pytest.fixture
def web() -> Iterator[WebPage]:
    with WebPage() as running:
        yield running


@pytest.fixture
def site(tenant: Tenant, web: WebPage) -> Tenant:
    """The application, whose page may be led back to and may call."""
    register(tenant, web, origin=web.origin)
    tenant.connector("google")
    return tenant


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    view = await browser.new_context()
    yield await view.new_page()
    await view.close()


def register(tenant: Tenant, web: WebPage, *, origin: str) -> None:
    body = {"url": web.callback, "platform": "js", "settings": {"origin": origin}}
    data(tenant.post("/v3/applications/redirect-uris", body))
    web.begins_with({"clientId": tenant.application.id, "redirectUri": web.callback, "apiUrl": tenant.server.url})


async def shown(page: Page) -> dict[str, Any]:
    """What the page says of its user, once it says something."""
    output = page.locator("output")
    await expect(output).not_to_be_empty()
    found: dict[str, Any] = json.loads(await output.inner_text())
    return found


async def connected_here(page: Page, web: WebPage) -> dict[str, Any]:
    """What the page says after a sign-in that took its place."""
    await shown(page)  # its buttons work from now on
    await page.get_by_role("button", name="Connect here").click()
    await page.wait_for_url(f"{web.callback}**")
    return await shown(page)


async def test_a_page_connects_its_user_by_itself(site: Tenant, web: WebPage, page: Page, provider: FakeOAuth) -> None:
    provider.signs_in(ANA, scope="openid email")
    await page.goto(web.origin)
    assert await shown(page) == {"session": None, "status": "not_connected"}
    found = await connected_here(page, web)
    assert found["status"] == "connected", "tokeninfo is read across origins too"
    session = found["session"]
    grant = data(site.get(f"/v3/grants/{session['grantId']}"))
    assert (grant["email"], grant["grant_status"]) == (ANA, "valid")
    info = session["grantInfo"]
    assert (info["id"], info["email"], info["provider"]) == (grant["id"], ANA, "google")
    assert set(session["scope"].split()) == {"openid", "https://www.googleapis.com/auth/userinfo.email"}
    await expect(page).to_have_url(web.callback)  # the code has left the address
    await page.reload()
    assert (await shown(page))["session"] == session


async def test_a_window_of_its_own_passes_our_pages_and_tells_its_opener(
    site: Tenant, web: WebPage, page: Page, provider: FakeOAuth
) -> None:
    """Were its opener cut off by a page of ours, the library would wait for ever."""
    site.connector("microsoft")
    provider.signs_in(ANA)
    await page.goto(web.origin)
    await shown(page)
    async with page.expect_popup() as opened:
        await page.get_by_role("button", name="Connect in a window").click()
    window = await opened.value
    async with window.expect_event("close"):
        await window.get_by_role("button", name="Sign in with Microsoft").click(no_wait_after=True)
    await expect(page.locator("output")).to_contain_text('"status":"connected"')
    found = await shown(page)
    assert (found["status"], found["session"]["grantInfo"]["provider"]) == ("connected", "microsoft")
    assert site.grants() == 1


async def test_who_declines_is_an_error_to_the_page(
    site: Tenant, web: WebPage, page: Page, provider: FakeOAuth
) -> None:
    provider.declines()
    await page.goto(web.origin)
    assert (await connected_here(page, web))["error"] == "OAuthAccessDeniedError"
    assert site.grants() == 0


async def test_a_page_of_an_origin_that_nobody_named_reads_no_token(
    tenant: Tenant, web: WebPage, page: Page, provider: FakeOAuth
) -> None:
    register(tenant, web, origin="https://other.example.test")
    tenant.connector("google")
    provider.signs_in(ANA)
    await page.goto(web.origin)
    assert (await connected_here(page, web))["error"] == "NetworkError"
    assert tenant.grants() == 0, "the browser asks first, and then does not send"
