"""The pages in Chromium: accessible, by keyboard alone, without a script, and without a word to anybody else."""

import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from opengrant import pages
from opengrant.model import ProviderName
from opengrant.pages import languages
from tests.pages.gallery import ACTION, CSRF, PAGES, PLAIN
from tests.pages.site import Site, chromium
from tests.peers.nodejs import install

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE, DESKTOP = 360, 1280
_PICTURE = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
LOUD = pages.Brand.read(
    {"name": "Sunny " * 12, "icon_url": _PICTURE},
    {"color_primary": "#ffe600", "color_secondary": "#767676", "background_color": "#777", "alignment": "right"},
)
"""Colours that nobody can read, and a name that does not fit."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_site() -> AsyncIterator[Site]:
    async with Site() as running:
        yield running


@pytest.fixture
def site(running_site: Site) -> Site:
    """The site, forgetful of earlier tests, and answering at once."""
    running_site.reset()
    running_site.answer.set()
    return running_site


@pytest_asyncio.fixture(loop_scope="module")
async def view(browser: Browser) -> AsyncIterator[BrowserContext]:
    opened = await browser.new_context()
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(view: BrowserContext) -> Page:
    return await view.new_page()


@pytest.fixture(scope="module")
def axe() -> str:
    return (install("axe") / "node_modules" / "axe-core" / "axe.min.js").read_text()


async def violations(page: Page, *rules: str) -> list[str]:
    """All that axe finds, of all rules unless some are named: which rule, how bad, where."""
    # Without preload: our policy does not let it fetch the stylesheets a second time.
    options = {"resultTypes": ["violations"], "preload": False} | ({"runOnly": rules} if rules else {})
    found: Any = await page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{page.url} {one['id']} ({one['impact']}): {[node['html'][:120] for node in one['nodes']]}"
        for one in found["violations"]
    ]


@pytest.mark.parametrize("width", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_no_page_has_an_accessibility_violation_in_either_scheme(
    browser: Browser, site: Site, axe: str, width: int
) -> None:
    view = await browser.new_context(viewport={"width": width, "height": 800}, reduced_motion="reduce")
    await view.add_init_script(axe)
    page = await view.new_page()
    loud = {f"{name}-loud": replace(PAGES[name], brand=LOUD) for name in ("choice-or-detect", "imap-wrong", "problem")}
    site.shows |= loud
    for name in [*PAGES, *loud]:
        await page.emulate_media(color_scheme="light")
        await page.goto(f"{site.url}/show/{name}")
        await page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true })")
        assert await violations(page) == []
        if width == DESKTOP:  # the other scheme differs in its colours alone, and they do not depend on the width
            await page.emulate_media(color_scheme="dark")
            assert await violations(page, "color-contrast", "link-in-text-block") == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} scrolls sideways"
    await view.close()


async def test_no_language_and_no_direction_makes_a_page_scroll_sideways(browser: Browser, site: Site) -> None:
    """German has the longest words. No catalogue is written from right to left yet; the layout is ready for one."""
    view = await browser.new_context(viewport={"width": 320, "height": 700})
    page = await view.new_page()
    for tag in ("de", "ja", "fr"):
        site.shows = {name: replace(shown, words=languages.words(tag)) for name, shown in PAGES.items()}
        for name in PAGES:
            await page.goto(f"{site.url}/show/{name}")
            await page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true })")
            for direction in ("ltr", "rtl"):
                await page.evaluate("dir => { document.documentElement.dir = dir }", direction)
                width = await page.evaluate("document.documentElement.scrollWidth")
                assert width <= 320, f"{name} in {tag}, {direction}"
    await page.goto(f"{site.url}/show/choice")
    await page.evaluate("document.documentElement.dir = 'rtl'")
    mark, chevron = page.locator(".provider .mark").first, page.locator(".provider .chevron").first
    boxes = [await one.bounding_box() for one in (mark, chevron)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["x"] > boxes[1]["x"], "the mark is where a line begins"
    await view.close()


@pytest.mark.parametrize("name", ["choice", "imap-refused", "problem"])
async def test_the_first_view_is_small(page: Page, site: Site, name: str) -> None:
    """Files as they are sent, and the document compressed. It is sent as it is, because it holds a secret."""
    await page.goto(f"{site.url}/show/{name}", wait_until="networkidle")
    files: Any = await page.evaluate("performance.getEntriesByType('resource').map((one) => one.encodedBodySize)")
    assert len(files) >= 4
    assert all(files)
    document = gzip.compress((await page.content()).encode())
    assert sum(files) + len(document) < 30_000


async def test_no_page_asks_another_origin_or_breaks_its_policy(view: BrowserContext, site: Site) -> None:
    page = await view.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    foreign = pages.Brand.read(
        {"name": "Acme", "icon_url": "https://cdn.example/logo.png"},
        {"background_image_url": "https://cdn.example/sea.jpg", "background_color": "url(https://cdn.example)"},
    )
    site.shows["foreign"] = replace(PAGES["imap"], brand=foreign)
    for name in site.shows:
        await page.goto(f"{site.url}/show/{name}", wait_until="load")
    assert len(asked) > len(site.shows)
    assert [url for url in asked if not url.startswith((site.url, "data:"))] == []
    assert said == []


async def test_the_policy_lets_nothing_run_that_we_did_not_send(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/show/imap")
    directives = ["img-src", "style-src-elem", "frame-src", "base-uri", "form-action"]
    broken: Any = await page.evaluate(
        """async (directives) => {
            const broken = [];
            document.addEventListener("securitypolicyviolation", (event) => broken.push(event.effectiveDirective));
            const add = (tag, attributes) => {
                const made = document.createElement(tag);
                for (const [name, value] of Object.entries(attributes)) {
                    try { made.setAttribute(name, value); } catch (refused) { broken.push(refused.name); }
                }
                document.body.append(made);
                return made;
            };
            add("script", {src: "https://elsewhere.example/x.js"});
            add("b", {onclick: "alert(1)"});
            add("img", {src: "https://elsewhere.example/x.png"});
            add("link", {rel: "stylesheet", href: "https://elsewhere.example/x.css"});
            add("iframe", {src: "https://elsewhere.example/"});
            add("base", {href: "https://elsewhere.example/"});
            try { document.body.innerHTML = "<b>x</b>"; } catch (refused) { broken.push(refused.name); }
            add("form", {action: "https://elsewhere.example/", method: "post"}).submit();
            const due = Date.now() + 30_000;
            while (directives.some((one) => !broken.includes(one)) && Date.now() < due) {
                await new Promise((done) => setTimeout(done, 10));
            }
            return broken;
        }""",
        directives,
    )
    assert set(directives) <= set(broken)
    assert broken.count("TypeError") == 3  # trusted types: text becomes neither the address of a script nor markup


_HERE = """() => {
    const at = document.activeElement;
    if (at === document.body) return null;
    const style = getComputedStyle(at);
    if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return `no ring: ${at.outerHTML}`;
    return at.id || at.value || at.getAttribute("aria-label") || at.textContent.trim();
}"""


async def stops(page: Page) -> list[str]:
    """What has the focus at first, and what the tab key visits then."""
    for first in await page.locator("[autofocus]").all():
        await expect(first).to_be_focused()
    visited: list[Any] = [await page.evaluate(_HERE)]
    while len(visited) < 40:
        await page.keyboard.press("Tab")
        here = await page.evaluate(_HERE)
        if here is None:
            break
        visited.append(here)
    return [here for here in visited if here is not None]


async def test_the_keyboard_visits_a_form_from_top_to_bottom_with_a_ring(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/show/imap")
    await expect(page.locator("#email")).to_be_focused()  # by the browser, which does it when it draws the page
    assert await stops(page) == [
        "email",
        "password",
        "Show: Password",
        "Which password do I need?",
        "Server settings",
        "Connect",
        "Choose another account",
        "1",  # the value of Cancel
        "Terms of service",
        "Privacy policy",
    ]


_CONTROLS = """() => {
    window.controls = [...document.querySelectorAll("a[href], button, input, summary")].filter(
        (one) => one.type !== "hidden" && one.checkVisibility());
    window.controls[0]?.focus();
    return window.controls.length;
}"""


async def test_the_keyboard_reaches_every_control_of_every_page_with_a_ring(page: Page, site: Site) -> None:
    for name in PAGES:
        await page.goto(f"{site.url}/show/{name}")
        await page.keyboard.press("Tab")  # from now on the browser shows where the focus is
        count: Any = await page.evaluate(_CONTROLS)
        assert count > 0
        for position in range(count):
            here = await page.evaluate(_HERE)
            assert not str(here).startswith("no ring"), f"{name}: {here}"
            at = await page.evaluate("window.controls.indexOf(document.activeElement)")
            assert at == position, f"{name}: {here}"
            await page.keyboard.press("Tab")


async def test_the_keyboard_visits_the_providers_in_their_order(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/show/choice")
    assert (await stops(page))[:7] == [provider.value for provider in pages.OFFERED]


async def test_a_form_is_filled_and_sent_by_keyboard_alone(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/show/icloud")
    await expect(page.locator("#password")).to_be_focused()  # the address is known
    await page.keyboard.type("abcd-efgh-ijkl-mnop")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("This link has expired")
    assert [(sent["email"], sent["password"]) for sent in site.sent] == [("jane@icloud.com", "abcd-efgh-ijkl-mnop")]
    assert site.asked == [("POST", ACTION, "")]


async def test_a_provider_is_chosen_by_its_button(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/show/choice")
    await page.get_by_role("button", name="Sign in with Microsoft").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("This link has expired")
    assert site.sent == [{"csrf": CSRF, "provider": "microsoft"}]


@pytest.mark.parametrize("name", ["choice", "detect", "imap", "ews"])
async def test_giving_up_needs_no_field(page: Page, site: Site, name: str) -> None:
    await page.goto(f"{site.url}/show/{name}")
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("This link has expired")
    assert site.sent == [{"csrf": CSRF, "cancel": "1"}]


async def test_what_went_wrong_has_the_focus_and_leads_to_the_field(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/show/imap-wrong")
    summary = page.get_by_role("group", name="The mail server refused this password.")
    await expect(summary).to_be_focused()
    await expect(page).to_have_title("Error: Connect your mail account · Northwind")
    await page.locator("summary", has_text="Server settings").click()  # folds the field that is wrong
    await page.get_by_role("link", name="Outgoing server").click()
    field = page.get_by_role("textbox", name="Outgoing server (SMTP)")
    await expect(field).to_be_focused()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_have_accessible_description("Error: Name the outgoing server.")


async def test_a_form_that_is_under_way_says_so_hides_the_password_and_is_sent_once(page: Page, site: Site) -> None:
    site.answer.clear()
    seen: list[dict[str, Any]] = []

    def tell(what: dict[str, Any]) -> None:
        seen.append(what)
        site.answer.set()

    await page.expose_function("tell", tell)
    await page.goto(f"{site.url}/show/imap")
    await page.fill("#email", "jane@example.com")
    await page.fill("#password", "hunter2")
    await page.get_by_role("button", name="Show: Password").click()
    await expect(page.locator("#password")).to_have_attribute("type", "text")
    await expect(page.get_by_role("button", name="Hide: Password")).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_role("status")).to_have_text("")
    # The page itself looks, and sends again: the browser's automation waits as long as a navigation is under way.
    await page.evaluate(
        """() => {
            const form = document.getElementById("email").form;
            const look = () => {
                const button = form.querySelector("button.primary");
                button.click();
                form.requestSubmit();
                tell({
                    status: form.querySelector("[role=status]").textContent,
                    disabled: button.getAttribute("aria-disabled"),
                    spinner: getComputedStyle(button.querySelector(".spinner")).display,
                    password: document.getElementById("password").type,
                });
            };
            form.addEventListener("submit", () => setTimeout(look, 1), { once: true });
        }"""
    )
    await page.get_by_role("button", name="Connect", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("This link has expired")
    assert seen == [
        {
            "status": "Checking with the mail server. This can take half a minute…",
            "disabled": "true",
            "spinner": "block",
            "password": "password",
        }
    ]
    assert [sent["password"] for sent in site.sent] == ["hunter2"]


@pytest.mark.parametrize(
    ("name", "typed", "says"),
    [
        (
            "imap",
            {"imap_host": "mail.example.com"},
            "Still signing in to mail.example.com… We stop after half a minute.",
        ),
        (
            "imap",
            {},
            "Still signing in to imap.example.com and smtp.example.com… We stop after half a minute.",
        ),
        ("imap-address", {}, "Still looking for the mail servers of example.com…"),
        ("detect", {}, "Still looking for the mail service of example.com…"),
    ],
)
async def test_a_form_that_takes_ten_seconds_says_what_is_tried(
    page: Page, site: Site, name: str, typed: dict[str, str], says: str
) -> None:
    site.answer.clear()
    seen: list[str] = []

    def tell(what: str) -> None:
        seen.append(what)
        site.answer.set()

    await page.expose_function("tell", tell)
    # The ten seconds are over at once, and the page itself looks: see above.
    await page.add_init_script(
        """const later = window.setTimeout;
        window.setTimeout = (act, ms) => {
            if (ms === 10_000) later(() => { act(); tell(document.querySelector(".status:not(:empty)").textContent); });
            else later(act, ms);
        };"""
    )
    await page.goto(f"{site.url}/show/{name}")
    for field, text in ({"email": "jane@example.com"} | typed).items():
        await page.evaluate("([id, text]) => { document.getElementById(id).value = text }", [field, text])
    await page.evaluate("document.querySelectorAll('[type=password]').forEach((field) => { field.value = 'x' })")
    await page.locator("button.primary").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("This link has expired")
    assert seen == [says]


async def test_help_follows_the_address(page: Page, site: Site) -> None:
    await page.goto(f"{site.url}/show/imap")
    await expect(page.get_by_text("Gmail needs an app password")).to_be_hidden()
    await page.fill("#email", "jane@gmail.com")
    await page.locator("#password").focus()
    await expect(page.get_by_text("Gmail needs an app password")).to_be_visible()
    await expect(page.get_by_text("Yahoo needs an app password")).to_be_hidden()
    await page.fill("#email", "jane@example.com")
    await page.locator("#password").focus()
    await expect(page.get_by_text("Yahoo needs an app password")).to_be_visible()


async def test_everything_works_without_a_script(browser: Browser, site: Site) -> None:
    view = await browser.new_context(java_script_enabled=False)
    page = await view.new_page()
    await page.goto(f"{site.url}/show/imap-wrong")
    await expect(page.get_by_role("group", name="The mail server refused this password.")).to_be_focused()
    await expect(page.get_by_role("button", name="Show: Password")).to_be_hidden()
    await expect(page.get_by_text("This can take half a minute")).to_be_visible()
    await page.fill("#password", "hunter2")
    await page.fill("#smtp_host", "smtp.example.com")
    await page.get_by_role("button", name="Connect").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("This link has expired")
    assert site.sent[0].keys() == {"csrf", "servers", *pages.FIELDS[ProviderName.IMAP]}
    await page.goto(f"{site.url}/show/choice")
    await page.get_by_role("button", name="Sign in with Google").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("This link has expired")
    assert site.sent[1] == {"csrf": CSRF, "provider": "google"}
    await view.close()


async def test_a_form_leads_on_to_another_origin_that_redirects_as_it_likes(page: Page, site: Site) -> None:
    async with Site() as application:
        onward = f"{application.url}/redirect?code=c-1&state=a%26b"
        site.shows["onward"] = pages.Onward(PLAIN, onward, "Acme Calendar")
        site.then = "onward"
        await page.goto(f"{site.url}/show/detect")
        await page.fill("#email", "jane@example.com")
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{application.url}/show/problem")
        assert application.asked[0] == ("GET", "/redirect", "code=c-1&state=a%26b")
        assert application.referrers == [None]
        history: Any = await page.evaluate("history.length")
        await page.go_back()
        assert "code=" not in page.url
        assert history <= 3, "the page that only leads on is not in the history"


async def test_files_are_kept_for_ever_and_pages_never(page: Page, site: Site) -> None:
    answer = await page.goto(f"{site.url}/show/choice")
    assert answer is not None
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "unsafe" not in answer.headers["content-security-policy"]
    named: Any = await page.evaluate("[...document.querySelectorAll('link, script')].map((one) => one.href || one.src)")
    assert len(named) == 5
    for url in named:
        file = await page.request.get(url)
        assert (file.status, file.headers["x-content-type-options"]) == (200, "nosniff")
        assert "immutable" in file.headers["cache-control"]
    missing = await page.request.get(f"{site.url}/static/pages.000000000000.css")
    assert missing.status == 404
