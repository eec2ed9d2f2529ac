"""A mailbox in the console: what an operator sees of real mail, and what hostile mail cannot do there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.fakes.oauth import FakeOAuth
from tests.mail.mailbox import OWNER, Owner, mail, owner_of
from tests.mail.test_showing import HOSTILE
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, imap
from tests.web.conftest import Watch, a_round_trip, violations
from tests.web.test_console import Console, gmail

pytestmark = pytest.mark.asyncio(loop_scope="module")

LETTER = (
    '<table><tr><td style="color: #b3261e; background-image: url(https://evil.example/bg.png)">The harbour</td></tr>'
    '</table><p>opens on <a href="https://example.com/monday">Monday</a>.</p><img src="https://evil.example/p.gif">'
    '<img alt="A dot" src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7">'
)


@pytest.fixture(scope="module")
def owner(dovecot: Dovecot) -> Iterator[Owner]:
    with owner_of(dovecot) as owner:
        owner.make("Work")
        for number in range(1, 31):
            owner.put(mail(number), after=number, flags="\\Seen")
        owner.put(mail(31, subject="Letter", html=LETTER, files=[("plan.pdf", b"x" * 3000)]), after=31)
        owner.put(mail(32, subject="Hostile", html=f"<p>begin</p>{''.join(HOSTILE)}"), after=32, flags="\\Flagged")
        owner.put(mail(33, subject="Elsewhere", html=None), folder="Work", after=33)
        yield owner


@dataclass
class Inbox:
    """Of a grant of this test's own application, with a key that may read it."""

    tenant: Tenant
    grant: str
    key: str

    async def enter(self, console: Console, query: str = "") -> None:
        """With the key."""
        await console.page.goto(f"{console.url}#/grants/{self.grant}/mail{query}")
        await console.page.get_by_label("API key").fill(self.key)
        await console.press("Sign in")


@pytest.fixture
def inbox(tenant: Tenant, dovecot: Dovecot, owner: Owner) -> Inbox:
    del owner
    tenant.connector("imap")
    grant = data(tenant.connect("imap", imap(dovecot, OWNER)))["id"]
    made = tenant.server.call(
        tenant.server.services.api_keys.create(
            tenant.application, "reader", lifetime=None, permissions=("all", "grants.mail")
        )
    )
    return Inbox(tenant, grant, made.secret.get_secret_value())


@pytest_asyncio.fixture(loop_scope="module")
async def console(page: Page, site: LiveServer) -> Console:
    return Console(page, site)


async def test_folders_messages_and_one_of_them(console: Console, inbox: Inbox) -> None:
    page = console.page
    await inbox.enter(console)
    folders, rows = page.get_by_role("navigation", name="Folders"), page.get_by_role("list", name="Messages")
    await expect(folders.get_by_role("link", name="Inbox 2 unread")).to_have_attribute("aria-current", "page")
    await expect(rows.get_by_role("listitem")).to_have_count(25)
    newest = rows.get_by_role("listitem").first
    await expect(newest.get_by_role("link", name="Unread: Hostile")).to_be_visible()
    await expect(newest).to_contain_text("Starred")
    await expect(rows.get_by_role("listitem").nth(1)).to_contain_text("1 attachment")
    await console.press("Load more")
    await expect(rows.get_by_role("listitem")).to_have_count(32)

    await page.get_by_label("Show", exact=True).select_option("Unread")
    await expect(rows.get_by_role("listitem")).to_have_count(2)
    await page.get_by_role("searchbox", name="Search messages").fill("harbour")
    await page.keyboard.press("Enter")
    await expect(rows.get_by_role("listitem")).to_have_count(1)
    await rows.get_by_role("link", name="Letter").click()
    await expect(console.title).to_have_text("Letter")
    await expect(page.get_by_text("Ana Müller <ana@example.com>")).to_be_visible()
    await expect(page.get_by_role("listitem").filter(has_text="plan.pdf")).to_contain_text("4.1 KB")
    await expect(page.get_by_text("opens on Monday.")).to_be_visible()
    await expect(page.locator("iframe")).to_have_count(0)
    await page.get_by_role("link", name="Mailbox").click()
    await expect(page.get_by_role("searchbox", name="Search messages")).to_have_value("harbour")
    await expect(rows.get_by_role("listitem")).to_have_count(1)

    await folders.get_by_role("link", name="Work").click()
    await expect(rows.get_by_role("link")).to_have_text(["Unread: Elsewhere"])
    await rows.get_by_role("link", name="Elsewhere").click()
    await expect(page.get_by_text("Hello Bob, this is message 33.")).to_be_visible()
    await expect(page.get_by_role("group", name="Shown as")).to_have_count(0)

    await console.go(f"/audit?grant_id={inbox.grant}&type=grant.mail_read")
    await expect(console.row("<33@example.com>")).to_contain_text("API key")
    await console.go(f"/grants/{inbox.grant}")
    await expect(page.locator(".timeline > li")).to_have_count(2)  # the views are one line, the connection another
    await expect(page.get_by_text(re.compile(r"Mail read in the console \d+ times"))).to_be_visible()


async def test_html_on_demand_loads_nothing(console: Console, inbox: Inbox) -> None:
    page = console.page
    await inbox.enter(console, "?message=%3C31%40example.com%3E")
    await console.press("HTML")
    await expect(page.get_by_text("1 image is left out")).to_be_visible()
    frame = page.frame_locator("iframe")
    harbour = frame.get_by_text("The harbour")
    await expect(harbour).to_have_css("color", "rgb(179, 38, 30)")
    await expect(frame.get_by_role("img", name="A dot")).to_have_js_property("naturalWidth", 1)
    monday = frame.get_by_role("link", name="Monday")
    await expect(monday).to_have_attribute("href", "https://example.com/monday")
    assert await page.locator("iframe").get_attribute("sandbox") == ""
    await console.press("Text")
    await expect(page.locator("iframe")).to_have_count(0)


async def test_hostile_html_sends_nothing_and_runs_nothing(console: Console, inbox: Inbox, site: LiveServer) -> None:
    """`watch` of this page ends the test if anything asked another origin or broke the policy."""
    page, asked = console.page, list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    await inbox.enter(console, "?message=%3C32%40example.com%3E&html=true")
    frame = page.frame_locator("iframe")
    await expect(frame.get_by_text("begin")).to_be_visible()
    await expect(frame.get_by_text("Logo")).to_be_visible()
    assert await frame.locator("script, form, iframe, svg, style, link, base, input").count() == 0
    await frame.get_by_text("h", exact=True).click()
    await a_round_trip(page)
    assert [url for url in asked if not url.startswith(f"{site.url}/")] == []
    assert len(page.context.pages) == 1


async def test_what_the_sanitiser_let_through_the_frame_would_stop(
    browser: Browser, inbox: Inbox, site: LiveServer
) -> None:
    """The second wall on its own: the document comes as the sender wrote it."""
    context = await browser.new_context()
    page, sent = await context.new_page(), list[str]()

    async def note(route: Route) -> None:
        sent.append(route.request.url)
        await route.abort()

    # Told of what is sent. Of what the policy blocked, Chromium may tell as a request, too.
    await context.route(re.compile("evil.example"), note)
    page.on("dialog", lambda dialog: sent.append(dialog.message))
    console = Console(page, site)
    raw = f"<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\"><p>begin</p>{''.join(HOSTILE[:13])}"
    shown = {"message": {"subject": "Raw"}, "has_html": True, "html": raw, "images_left_out": 0, "is_cut": False}
    await page.route("**/v3/console/grants/*/messages/*", lambda route: route.fulfill(json={"data": shown}))
    await inbox.enter(console, "?message=x&html=true")
    await expect(page.frame_locator("iframe").get_by_text("begin")).to_be_visible()
    await a_round_trip(page)
    assert sent == []
    await context.close()


async def test_without_the_permission_the_page_says_what_to_do(console: Console, inbox: Inbox) -> None:
    page, asked = console.page, list[str]()
    page.on("request", lambda request: asked.append(request.url))
    await console.enter(inbox.tenant, f"/grants/{inbox.grant}")
    await page.get_by_role("link", name="Mailbox", exact=True).click()
    await expect(page.get_by_role("heading", name="Reading mail needs the permission grants.mail")).to_be_visible()
    wanted = f"opengrant keys create {inbox.tenant.application.id} --permission all --permission grants.mail"
    await expect(page.get_by_text(wanted)).to_be_visible()
    assert not [url for url in asked if "/v3/console/grants/" in url]


async def test_what_the_mail_server_refuses_is_told(
    console: Console, inbox: Inbox, provider: FakeOAuth, dovecot: Dovecot
) -> None:
    page = console.page
    inbox.tenant.connector("google")
    elsewhere = gmail(inbox.tenant, provider, "ann@example.com")["id"]
    await inbox.enter(console, "?message=%3Cgone%40example.com%3E")
    await expect(page.get_by_role("alert")).to_contain_text("The mailbox has no message '<gone@example.com>'.")
    await console.go(f"/grants/{elsewhere}/mail")
    await expect(page.get_by_role("alert").first).to_contain_text("The mail of this provider is not served here yet.")
    await expect(console.title).to_have_text("Mailbox")


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
async def test_no_accessibility_violation_and_nothing_scrolls_sideways(
    browser: Browser,
    watch: Watch,
    site: LiveServer,
    inbox: Inbox,
    axe: str,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    view = await browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    watch.over(view)
    await view.add_init_script(axe)
    console = Console(await view.new_page(), site)
    page = console.page
    await inbox.enter(console)
    await expect(page.get_by_role("list", name="Messages")).to_be_visible()
    for query in (
        "",
        "?q=nothing-has-this",
        "?message=%3C31%40example.com%3E",
        "?message=%3C31%40example.com%3E&html=true",
    ):
        await console.go(f"/grants/{inbox.grant}/mail{query}")
        await expect(
            page.get_by_text("No message found" if "q=" in query else "plan.pdf" if query else "Letter")
        ).to_be_visible()
        # The two forms of a message share all the words above, so the one before may still be there.
        await expect(page.locator("iframe")).to_have_count(int("html=" in query))
        await expect(page.locator(".loading, [aria-busy=true]")).to_have_count(0)
        await expect(page.locator(".shown > *").last).to_have_css("opacity", "1")
        assert await violations(page) == [], query
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, query
    await view.close()
    assert watch.broken == []
