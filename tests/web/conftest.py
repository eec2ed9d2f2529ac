"""A browser at /reference and /console of a live server, on SQLite: what the pages call is tested on both engines."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    Route,
    expect,
)

from tests.api.console import link_of
from tests.fakes.oauth import FakeOAuth
from tests.pages.site import chromium
from tests.peers.dovecot import Dovecot
from tests.peers.nodejs import install
from tests.support import LiveServer, Tenant, data

_REFUSALS = "Failed to load resource: the server responded with a status of"
"""Chromium says so of every answer from 400 up, also of those that a page asks for and understands."""


@pytest.fixture(scope="module")
def site(
    fake_provider: FakeOAuth, dovecot: Dovecot, log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """OpenGrant, with the scriptable stand-in as Google and Microsoft, and Dovecot as the mail server."""
    env = {**fake_provider.settings(), **dovecot.settings()}
    with LiveServer(env, tmp_path_factory.mktemp("web"), log_stream) as live:
        yield live


@pytest.fixture
def tenant(site: LiveServer) -> Iterator[Tenant]:
    """An application of this test's own on that server, with a key."""
    made = site.tenant()
    yield made
    made.http.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@dataclass
class Watch:
    """What pages of a context did that they must never do."""

    origin: str
    broken: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.on("console", self._said)
        context.on("weberror", lambda error: self.broken.append(f"error: {error.error}"))
        context.on("request", self._asked)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        # Breaches of the Content-Security-Policy are told here too.
        if message.type in {"error", "warning"} and not message.text.startswith(_REFUSALS):
            self.broken.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.origin + "/", "data:image/")):
            self.broken.append(f"asked another origin: {request.url}")

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # a page that is left
            self.broken.append(f"failed: {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and not response.url.startswith(f"{self.origin}/v3/"):
            self.broken.append(f"{response.status}: {response.url}")


@pytest.fixture
def watch(site: LiveServer) -> Watch:
    """Watches the contexts of this test; a test with contexts of its own hands them to `over`."""
    return Watch(site.url)


@pytest_asyncio.fixture(loop_scope="module")
async def view(browser: Browser, watch: Watch) -> AsyncIterator[BrowserContext]:
    """A browser's profile on a desktop, without cookies at first. At the end nothing must have been broken."""
    opened = await browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    watch.over(opened)
    yield opened
    await opened.close()
    assert watch.broken == []


@pytest_asyncio.fixture(loop_scope="module")
async def page(view: BrowserContext) -> Page:
    return await view.new_page()


async def follow(page: Page, where: str) -> None:
    """Go to an address within the page. What was shown before is gone then; what comes may still be loaded."""
    await page.evaluate(
        """(where) => new Promise((done) => {
            const before = location.href;
            window.addEventListener("hashchange", () => done(), { once: true });
            location.hash = where;
            if (location.href === before) done();
        })""",
        where,
    )


class Console:
    """The page, as somebody uses it."""

    def __init__(self, page: Page, site: LiveServer) -> None:
        self.page = page
        self.url = f"{site.url}/console"
        self.title = page.get_by_role("heading", level=1)
        self.dialog = page.get_by_role("dialog")

    async def enter(self, tenant: Tenant, where: str = "/") -> None:
        """By a link, as an operator."""
        await self.page.goto("about:blank")
        await self.page.goto(f"{self.url}#link={link_of(tenant.server, tenant.application)}")
        await expect(self.title).to_have_text("Overview")
        if where != "/":
            await self.go(where)

    async def enter_with_key(self, tenant: Tenant, where: str = "/") -> None:
        await self.page.goto(f"{self.url}#{where}")
        await self.page.get_by_label("API key").fill(tenant.api_key)
        await self.press("Sign in")
        await expect(self.page.locator(".shell")).to_be_visible()

    async def go(self, where: str) -> None:
        """Within the page, as a link leads."""
        await follow(self.page, where)

    async def press(self, name: str) -> None:
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def press_there(self, name: str) -> None:
        """In the dialog that is open."""
        await self.dialog.get_by_role("button", name=name, exact=True).click()

    async def confirm(self, name: str, typed: str | None = None) -> None:
        """Press the button of an open question, which does nothing before the right word is typed."""
        button = self.dialog.get_by_role("button", name=name, exact=True)
        if typed is not None:
            await expect(button).to_be_disabled()
            await self.dialog.get_by_role("textbox").fill(typed)
        await button.click()
        await expect(self.dialog).to_have_count(0)

    async def kept_secret(self, what: str) -> str:
        """What a dialog shows this once."""
        shown = await self.dialog.locator("code").inner_text()
        await self.press_there("I have saved it")
        await expect(self.dialog).to_have_count(0)
        assert shown not in await self.page.content(), f"{what} is still there"
        return shown

    def row(self, text: str) -> Locator:
        return self.page.get_by_role("row").filter(has_text=text)


@pytest_asyncio.fixture(loop_scope="module")
async def console(page: Page, site: LiveServer) -> Console:
    return Console(page, site)


async def refuse(route: Route) -> None:
    """Answer as a server that is overloaded."""
    error = {"type": "api.service_unavailable", "message": "The database is busy."}
    await route.fulfill(status=503, json={"request_id": "r-1", "error": error})


async def hold(_: Route) -> None:
    """Let the page wait, for as long as it likes."""


async def a_round_trip(page: Page) -> None:
    """What the page began before has been told by now."""
    await page.evaluate("() => fetch('/healthz').then((answer) => answer.text())")


class Late:
    """Give its `answer` to `route`: answers that the server has given, and that the page gets when they are let go."""

    def __init__(self, method: str = "GET") -> None:
        self.given = asyncio.Event()
        self.let_go = asyncio.Event()
        self._method = method

    async def answer(self, route: Route) -> None:
        if route.request.method != self._method:
            await route.fallback()
            return
        found = await route.fetch()
        self.given.set()
        await self.let_go.wait()
        await route.fulfill(response=found)


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core, to be added to a context before its pages."""
    return (install("axe") / "node_modules" / "axe-core" / "axe.min.js").read_text()


async def violations(page: Page, *rules: str) -> list[str]:
    """What axe finds, by all rules or by these: which rule, how bad, where. Give the context `axe` first."""
    # What is stale is faded, and stays so until a transition has ended that begins a tenth of a second late.
    await expect(page.locator(".shown[aria-busy=true]")).to_have_count(0)
    # Without preload: our policy does not let it fetch the stylesheets a second time. Without frames.
    found: Any = await page.evaluate(
        """async (rules) => {
            const ends = document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime < Infinity);
            await Promise.allSettled(ends.map((one) => one.finished));
            return axe.run(document, {
                resultTypes: ["violations"], preload: false, iframes: false, ...(rules.length && { runOnly: rules }),
            });
        }""",
        list(rules),
    )
    return [
        f"{one['id']} ({one['impact']}) {page.url}: {[node['html'][:160] for node in one['nodes']]}"
        for one in found["violations"]
    ]


def gmail(tenant: Tenant, fake: FakeOAuth, email: str, **more: Any) -> Any:
    """A Google grant whose refresh token is the address."""
    fake.accepts(email, email=email)
    return data(tenant.connect("google", {"refresh_token": email}, **more))


def age(tenant: Tenant) -> None:
    """Let the time pass in which a proof counts as fresh."""
    tenant.server.rows(
        "update grants set asked_at = asked_at - 3600000000, proven_at = proven_at - 3600000000"
        " where application_id = $1 returning id",
        tenant.application.id,
    )
