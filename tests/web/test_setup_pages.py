"""/console: branding, redirect URIs, workspaces, settings, the search and the keys, in a browser at a live server."""

import asyncio
import re
from typing import Any, Literal

import pytest
from playwright.async_api import BrowserContext, FilePayload, Page, Route, expect

from opengrant import __version__
from tests.api.test_workspaces import eventually_in
from tests.fakes.oauth import FakeOAuth
from tests.support import Tenant, data
from tests.web.conftest import Console, Late, Watch, hold, refuse, violations

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLBACK = "https://app.example.com/callback"


def gmail(tenant: Tenant, fake: FakeOAuth, email: str) -> Any:
    fake.accepts(email, email=email)
    return data(tenant.connect("google", {"refresh_token": email}))


async def one_after_the_other(page: Page, keys: str) -> None:
    """Within the second and a half that the first one waits for the next, however busy the machine is."""
    await page.evaluate(
        """(keys) => {
            for (const key of keys) document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        }""",
        keys,
    )


async def fits(page: Page) -> bool:
    """Nothing is wider than the window."""
    wide: int = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return wide <= 0


# ── Branding ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_branding_is_previewed_checked_saved_and_discarded(console: Console, tenant: Tenant) -> None:
    tenant.connector("google")
    tenant.patch("/v3/applications", {"hosted_authentication": {"subtitle": "Kept", "spacing": 12}})
    await console.enter_with_key(tenant, "/branding")
    page = console.page
    await expect(console.title).to_have_text("Branding")
    preview = page.frame_locator("iframe[title=Preview]").last
    await expect(preview.get_by_text("Kept")).to_be_attached()
    await expect(preview.locator("button[value=google]")).to_have_count(1)
    save, status = page.get_by_role("button", name="Save"), page.locator(".save-bar").get_by_role("status")
    await expect(status).to_have_text("No changes.")
    await expect(save).to_be_disabled()

    await page.get_by_role("textbox", name="Title", exact=True).fill("Welcome to Acme <b>")
    await expect(preview.locator("h1")).to_have_text("Welcome to Acme <b>")
    await page.get_by_role("textbox", name="Primary colour", exact=True).fill("#ffee0")
    await expect(page.get_by_text("Write a colour as #2f55d4")).to_be_visible()
    await expect(save).to_be_disabled()
    await page.get_by_role("textbox", name="Primary colour", exact=True).fill("#ffee00")
    await expect(page.get_by_text("Buttons get black text")).to_be_visible()
    await page.get_by_role("button", name="Password").click()
    button = preview.locator("button.primary")
    await expect(button).to_have_css("background-color", "rgb(255, 238, 0)")
    card = preview.locator("main.card")
    await expect(card).to_have_css("background-color", "rgb(255, 255, 255)")
    await page.get_by_role("button", name="Dark").click()
    await expect(card).not_to_have_css("background-color", "rgb(255, 255, 255)")

    await console.go("/workspaces")  # a look at another page loses nothing
    await expect(console.title).to_have_text("Workspaces")
    await page.go_back()
    await expect(page.get_by_role("textbox", name="Title", exact=True)).to_have_value("Welcome to Acme <b>")
    assert "title" not in data(tenant.get("/v3/applications"))["hosted_authentication"]
    await save.click()
    await expect(status).to_have_text("Saved. Sign-in pages show it from now on.")
    assert data(tenant.get("/v3/applications"))["hosted_authentication"] == {
        "title": "Welcome to Acme <b>",
        "subtitle": "Kept",
        "spacing": 12,
        "color_primary": "#ffee00",
    }
    await page.get_by_label("Subtitle").fill("")
    await page.get_by_role("button", name="Discard").click()
    await expect(page.get_by_label("Subtitle")).to_have_value("Kept")
    await expect(status).to_have_text("No changes.")


async def test_what_is_typed_while_the_branding_is_saved_stays(console: Console, tenant: Tenant) -> None:
    await console.enter_with_key(tenant, "/branding")
    page, late = console.page, Late("PATCH")
    await page.route("**/v3/applications", late.answer)
    title, subtitle = page.get_by_role("textbox", name="Title", exact=True), page.get_by_label("Subtitle")
    await title.fill(" Welcome ")
    await page.get_by_role("button", name="Save").click()
    await late.given.wait()
    await subtitle.fill("To the harbour")
    late.let_go.set()
    await expect(title).to_have_value("Welcome")  # as it was stored
    await expect(page.get_by_text("Your changes are not saved.")).to_be_visible()
    await expect(subtitle).to_have_value("To the harbour")
    assert data(tenant.get("/v3/applications"))["hosted_authentication"] == {"title": "Welcome"}
    await page.get_by_role("button", name="Discard").click()


async def test_a_picture_is_uploaded_made_small_and_shown(console: Console, tenant: Tenant) -> None:
    await console.enter_with_key(tenant, "/branding")
    page = console.page
    await expect(console.title).to_have_text("Branding")
    await page.locator("label.upload input").first.wait_for(state="attached")
    # Noise, which does not compress: more than may be stored.
    await page.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(600, 400);
            const pixels = new ImageData(600, 400);
            for (let at = 0; at < pixels.data.length; at += 65536) {
                crypto.getRandomValues(pixels.data.subarray(at, at + 65536));
            }
            canvas.getContext("2d").putImageData(pixels, 0, 0);
            const files = new DataTransfer();
            files.items.add(new File([await canvas.convertToBlob()], "noise.png", { type: "image/png" }));
            const input = [...document.querySelectorAll("label.upload input")][0];
            input.files = files.files;
            input.dispatchEvent(new Event("change", { bubbles: true }));
        }"""
    )
    shown = page.frame_locator("iframe[title=Preview]").last.locator("img.logo")
    await expect(shown).to_have_attribute("src", re.compile("^data:image/"))
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Saved. Sign-in pages show it")).to_be_visible()
    icon = data(tenant.get("/v3/applications"))["branding"]["icon_url"]
    assert icon.startswith("data:image/")
    assert 10_000 < len(icon) <= 100_000
    not_one: FilePayload = {"name": "x.png", "mimeType": "application/pdf", "buffer": b"%PDF"}
    await page.get_by_label("Background picture", exact=True).set_input_files(not_one)
    await expect(page.get_by_text("This file is not a picture that the browser can read.")).to_be_visible()


async def test_what_the_server_refuses_is_said_at_its_field(console: Console, tenant: Tenant) -> None:
    await console.enter_with_key(tenant, "/branding")
    page = console.page
    error = {"type": "invalid_request", "message": "hosted_authentication.title: is not liked"}

    async def dislike(route: Route) -> None:
        if route.request.method == "PATCH":
            await route.fulfill(status=400, json={"request_id": "r-1", "error": error})
        else:
            await route.continue_()

    await page.route("**/v3/applications", dislike)
    await page.get_by_role("textbox", name="Title", exact=True).fill("Hello")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("textbox", name="Title", exact=True)).to_have_accessible_description("is not liked")
    await expect(page.get_by_role("textbox", name="Title", exact=True)).to_have_attribute("aria-invalid", "true")
    await page.get_by_role("textbox", name="Title", exact=True).fill("Hello there")
    await expect(page.get_by_text("is not liked")).to_have_count(0)
    await page.get_by_role("button", name="Discard").click()


# ── Redirect URIs ────────────────────────────────────────────────────────────────────────────────────────────


async def test_redirect_uris_are_checked_added_edited_and_deleted(console: Console, tenant: Tenant) -> None:
    await console.enter_with_key(tenant, "/redirects")
    await expect(console.page.get_by_text("No redirect URIs yet")).to_be_visible()
    await console.press("Add a redirect URI")
    url, add = console.dialog.get_by_label("URL"), console.dialog.get_by_role("button", name="Add", exact=True)
    for text, said in (
        ("app.example.com", "Write the whole address"),
        ("http://app.example.com/", "Use https."),
        ("https://app.example.com/#a", "Remove the part from #"),
        ("https://user@app.example.com/", "Remove the user name"),
        ("https://app.example.com/?state=1", "Its query cannot contain “state”"),
        ("com.example.app://callback", "Use https. Only apps"),
    ):
        await url.fill(text)
        await expect(url).to_have_accessible_description(re.compile(re.escape(said)))
        await expect(add).to_be_disabled()
        refused = tenant.post("/v3/applications/redirect-uris", {"url": text})
        assert refused.status_code == 400, text  # the page and the server agree
    await console.dialog.get_by_label("Platform").select_option("ios")
    await expect(add).to_be_disabled()  # the bundle ID is missing
    await console.dialog.get_by_label("Bundle ID").fill("com.example.app")
    await add.click()
    await expect(console.dialog).to_have_count(0)
    await expect(console.row("com.example.app://callback")).to_contain_text("iOS")

    await console.page.get_by_role("button", name="Edit com.example.app://callback").click()
    await console.dialog.get_by_label("Platform").select_option("web")
    await url.fill(CALLBACK)
    await console.press_there("Save")
    await expect(console.row(CALLBACK)).to_contain_text("Web")
    (kept,) = data(tenant.get("/v3/applications/redirect-uris"))
    assert (kept["url"], kept["platform"], kept["settings"]) == (CALLBACK, "web", {})
    await console.press("Add a redirect URI")
    await url.fill(CALLBACK)
    await expect(url).to_have_accessible_description(re.compile("has this URL already"))
    await console.page.keyboard.press("Escape")
    await console.page.get_by_role("button", name=f"Delete {CALLBACK}").click()
    await expect(console.dialog).to_contain_text("It is the only one")
    await console.confirm("Delete the redirect URI")
    await expect(console.page.get_by_text("No redirect URIs yet")).to_be_visible()
    assert data(tenant.get("/v3/applications/redirect-uris")) == []


# ── Workspaces ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_workspaces_are_created_counted_grouped_and_deleted(
    console: Console, tenant: Tenant, provider: FakeOAuth
) -> None:
    tenant.connector("google")
    grant = gmail(tenant, provider, "ann@example.com")
    await console.enter_with_key(tenant, "/workspaces")
    await expect(console.page.get_by_role("link", name="1 grants of Default")).to_be_visible()
    await console.press("New workspace")
    await console.dialog.get_by_label("Name").fill("Example")
    await console.dialog.get_by_label("Email domain").fill("me@example.com")
    await expect(console.dialog).to_contain_text("Write the domain alone")
    await console.dialog.get_by_label("Email domain").fill("example.com")
    await console.press_there("Create")
    await expect(console.row("example.com")).to_contain_text("Join")
    await console.press("Group by domain")
    await console.press_there("Group")
    await expect(console.page.get_by_text("Grants are being grouped")).to_be_visible()
    (example,) = (one for one in data(tenant.get("/v3/workspaces")) if one["name"] == "Example")
    await asyncio.to_thread(eventually_in, tenant, grant["id"], example["workspace_id"])
    await console.press("Refresh")
    await expect(console.page.get_by_role("link", name="1 grants of Example")).to_be_visible()
    await console.page.get_by_role("button", name="Edit Example").click()
    await console.dialog.get_by_label("Name").fill("Example Ltd")
    await console.dialog.get_by_label("New grants of this domain join").uncheck()
    await console.press_there("Save")
    await expect(console.row("Example Ltd")).to_contain_text("Do not join")
    await console.page.get_by_role("link", name="1 grants of Example Ltd").click()
    await expect(console.title).to_have_text("Grants")
    await expect(console.row("ann@example.com")).to_be_visible()
    await console.page.go_back()
    await console.page.get_by_role("button", name="Delete Example Ltd").click()
    await console.confirm("Delete the workspace", "Example Ltd")
    await expect(console.page.get_by_role("link", name="1 grants of Default")).to_be_visible()
    assert [one["name"] for one in data(tenant.get("/v3/workspaces"))] == ["Default"]


# ── Settings ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_settings_are_for_operators_and_are_searched(console: Console, tenant: Tenant) -> None:
    await console.enter_with_key(tenant, "/settings")
    await expect(console.page.get_by_text("This needs an operator")).to_be_visible()
    await console.press("Sign out")
    await console.enter(tenant, "/settings")
    main = console.page.locator("main")
    await expect(main).to_contain_text(f"OpenGrant {__version__}")
    await expect(main).to_contain_text("Answers you")
    await expect(console.row("OPENGRANT_MASTER_KEYS")).to_have_count(1)
    await console.page.get_by_label("Search settings").fill("request bytes")
    await expect(console.row("OPENGRANT_MAX_BODY")).to_contain_text("1048576")
    await expect(console.row("OPENGRANT_MASTER_KEYS")).to_have_count(0)
    await expect(console.page).to_have_url(re.compile("q=request"))


# ── Search and keys ──────────────────────────────────────────────────────────────────────────────────────────


async def test_the_search_finds_everything_by_keyboard(console: Console, tenant: Tenant, provider: FakeOAuth) -> None:
    tenant.connector("google")
    grant = gmail(tenant, provider, "zoe@example.com")
    (key,) = tenant.server.rows("select name from api_keys where application_id = $1", tenant.application.id)
    request_id = tenant.post("/v3/applications/redirect-uris", {"url": CALLBACK}).json()["request_id"]
    await console.enter(tenant)
    page, box = console.page, console.page.get_by_role("combobox", name="Search")
    opener = page.get_by_role("button", name=re.compile("^Search"))
    await opener.focus()
    await page.keyboard.press("Control+k")
    await expect(box).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(console.dialog).to_have_count(0)
    await expect(opener).to_be_focused()

    async def find(text: str, name: str | re.Pattern[str]) -> None:
        await expect(console.dialog).to_have_count(0)  # while it closes, the keys mean nothing
        await page.keyboard.press("Control+k")
        await box.fill(text)
        option = console.dialog.get_by_role("option", name=name)
        await expect(option.first).to_be_visible()
        # An answer that comes now could put other hits before it.
        await expect(console.dialog.get_by_role("status")).not_to_contain_text("Searching")
        while await option.first.get_attribute("aria-selected") != "true":
            await page.keyboard.press("ArrowDown")
        await expect(box).to_have_attribute("aria-activedescendant", await option.first.get_attribute("id") or "")
        await page.keyboard.press("Enter")
        await expect(console.dialog.filter(has=box)).to_have_count(0)

    await find("zoe@", "zoe@example.com")
    await expect(console.title).to_have_text("zoe@example.com")
    await find(grant["id"], re.compile("zoe@example.com"))
    await find(request_id, re.compile("Look up this request"))
    await expect(page).to_have_url(re.compile(f"#/requests/{request_id}"))
    await find("goo", "Google Connector")
    await expect(console.title).to_have_text("Google")
    await find("callback", f"{CALLBACK} web")
    await expect(console.title).to_have_text("Redirect URIs")
    await find(key[0], re.compile(f"^{key[0]} active"))
    await expect(console.title).to_have_text("API keys")
    await find("creat key", "Create an API key")  # the dialog opens on the page that is open
    await expect(console.dialog).to_contain_text("Lifetime in days")
    await page.keyboard.press("Control+k")  # what was typed in a dialog is not lost
    await expect(box).to_have_count(0)
    await page.keyboard.press("Escape")
    await find("dark", "Use the dark theme")
    await expect(page.get_by_label("Colours")).to_have_value("dark")
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("group", name="Recent").get_by_role("option").first).to_contain_text("dark theme")
    await box.fill("POST /v3/webhooks")
    await expect(console.dialog.get_by_role("option").filter(has_text="POST /v3/webhooks").first).to_be_visible()
    await box.fill("wqxz")
    await expect(console.dialog).to_contain_text("Nothing found for “wqxz”.")
    await box.fill("sign out")
    await console.dialog.get_by_role("option", name="Sign out").click()
    await expect(console.title).to_have_text("Sign in")


async def test_what_is_typed_before_the_search_is_loaded_is_searched_for(console: Console, tenant: Tenant) -> None:
    await console.enter_with_key(tenant)
    page, late = console.page, Late()
    await page.route("**/static/search.*.js", late.answer)
    await page.keyboard.press("Control+k")
    await late.given.wait()
    await page.keyboard.type("graph")  # G and R alone would go to another page
    for key in ("Backspace", "Backspace", "n", "t"):
        await page.keyboard.press(key)
    late.let_go.set()
    box = page.get_by_role("combobox", name="Search")
    await expect(box).to_have_value("grant")
    await page.keyboard.type("s")
    await expect(box).to_have_value("grants")
    await expect(console.title).to_have_text("Overview")
    # Closed as by Escape, and opened before the browser tells that it was closed.
    await page.evaluate(
        """async () => {
            document.querySelector("dialog").requestClose();
            for (let turn = 0; turn < 10; turn++) await null;
            window.dispatchEvent(new KeyboardEvent("keydown", { key: "k", ctrlKey: true }));
        }"""
    )
    await expect(box).to_have_value("")


async def test_where_the_search_cannot_be_loaded_the_keys_still_go_to_pages(
    console: Console, tenant: Tenant, watch: Watch
) -> None:
    await console.enter_with_key(tenant)
    page = console.page
    await page.route("**/static/search.*.js", lambda route: route.abort())
    await page.keyboard.press("Control+k")
    await expect(page.get_by_text("This part of the console could not be loaded.")).to_be_visible()
    await one_after_the_other(page, "gw")
    await expect(console.title).to_have_text("Webhooks")
    watch.broken.clear()  # the file that was kept from it


async def test_an_old_answer_does_not_take_the_place_of_a_new_one_and_a_failed_source_is_named(
    console: Console, tenant: Tenant, provider: FakeOAuth
) -> None:
    tenant.connector("google")
    gmail(tenant, provider, "zoe@example.com")
    await console.enter_with_key(tenant)
    page = console.page
    await page.route("**/v3/grants?*search=zo&*", hold)
    await page.route("**/v3/webhooks", refuse)
    await page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Search")
    await box.fill("zo")
    await expect(console.dialog.get_by_role("status")).to_contain_text("Could not be searched: Webhooks")
    await box.fill("zoe")
    await expect(console.dialog.get_by_role("option", name="zoe@example.com")).to_be_visible()
    await expect(console.dialog.get_by_role("option")).to_have_count(1)


async def test_keys_go_to_pages_and_can_be_turned_off(console: Console, tenant: Tenant) -> None:
    await console.enter_with_key(tenant)
    page = console.page
    await one_after_the_other(page, "gw")
    await expect(console.title).to_have_text("Webhooks")
    await page.keyboard.press("?")
    await expect(console.dialog).to_contain_text("Go to Grants")
    await page.get_by_label("Shortcuts of single letters").uncheck()
    await expect(console.dialog).not_to_contain_text("Go to Grants")
    await console.press_there("Close")
    await one_after_the_other(page, "gg/")
    await expect(console.title).to_have_text("Webhooks")
    await expect(console.dialog).to_have_count(0)
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("combobox", name="Search")).to_be_visible()


# ── All of them ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_pages_and_their_dialogs_fit_and_can_be_used_by_all(
    console: Console, tenant: Tenant, view: BrowserContext, axe: str
) -> None:
    await view.add_init_script(axe)
    page = console.page
    tenant.post("/v3/applications/redirect-uris", {"url": CALLBACK + "/a" * 60})
    await console.enter(tenant)
    themes: tuple[tuple[Literal["light", "dark"], int, int], ...] = (("light", 1440, 900), ("dark", 390, 700))
    for theme, width, height in themes:
        await page.emulate_media(color_scheme=theme)
        await page.set_viewport_size({"width": width, "height": height})
        for where, opener in (
            ("branding", None),
            ("redirects", "Add a redirect URI"),
            ("workspaces", "New workspace"),
            ("settings?q=proxy", None),  # axe takes long over all of them
            ("keys", "New key"),
        ):
            await console.go(f"/{where}")
            await expect(page.locator("main h2, main table, .empty-title").first).to_be_visible()
            await expect(page.locator(".loading")).to_have_count(0)
            if opener:
                await console.press(opener)
                box = await console.dialog.bounding_box()
                assert box
                assert box["y"] >= 0
                assert box["y"] + box["height"] <= height
                # The actions are in sight, however long the form is.
                await expect(console.dialog.get_by_role("button").last).to_be_in_viewport(ratio=1)
            assert await violations(page) == [], (where, theme)
            assert await fits(page), (where, width)
            if opener:
                await page.keyboard.press("Escape")
                await expect(page.get_by_role("button", name=opener, exact=True)).to_be_focused()
        await page.keyboard.press("Control+k")
        await expect(page.get_by_role("combobox", name="Search")).to_be_focused()
        assert await violations(page) == [], theme
        await page.keyboard.press("Escape")
