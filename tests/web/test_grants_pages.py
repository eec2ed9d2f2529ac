"""/console: overview, connectors and grants, in a browser at a live server."""

import csv
import json
import re
from io import StringIO
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.announcing import subscribe
from tests.api.test_grant_actions import blame, source
from tests.fakes.oauth import FakeOAuth
from tests.fakes.receiver import Hook
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, imap, secret
from tests.web.conftest import Console, Late, Watch, age, gmail, hold, refuse, violations

pytestmark = pytest.mark.asyncio(loop_scope="module")

BUDGET = 100_000
"""Compressed bytes of a first view, with the library that draws and what it asks of the API."""


# ── Overview ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_fresh_installation_is_led_to_its_first_grant(console: Console, tenant: Tenant) -> None:
    await console.enter(tenant)
    steps = console.page.get_by_role("region", name="Three steps to your first grant")
    await expect(steps.get_by_role("listitem")).to_have_count(3)
    await expect(steps.locator("code")).to_have_count(0)  # none works without a connector
    await steps.get_by_role("link", name="Choose a provider").click()
    await expect(console.title).to_have_text("Connectors")
    await console.page.go_back()
    await console.press("Create a virtual calendar connector")
    await expect(steps).to_contain_text("Create a connector (done)")
    await console.go("/connectors/virtual-calendar")
    await console.press("Run test")
    await expect(console.page.get_by_text("The connector works.")).to_be_visible()
    await console.go("/")
    line = await steps.locator("code").first.inner_text()
    body = json.loads(re.findall(r"-d '(.*)'", line)[0])
    assert f"{tenant.server.url}/v3/connect/custom" in line
    assert tenant.post("/v3/connect/custom", body).status_code == 201


async def test_the_overview_counts_links_and_charts(
    console: Console, tenant: Tenant, provider: FakeOAuth, hook: Hook, watch: Watch
) -> None:
    tenant.connector("google")
    tenant.connector("virtual-calendar")
    subscribe(tenant, hook, description="Production")
    grants = [gmail(tenant, provider, f"{name}@example.com") for name in ("ann", "bea", "cleo", "dan", "eve", "fay")]
    tenant.connect("virtual-calendar", {"email": "room"})
    tenant.post(f"/v3/grants/{grants[0]['id']}/invalidate", {})
    age(tenant)
    provider.refuses(401, {"error": "invalid_client", "error_description": "The OAuth client was not found."})
    for grant in grants[1:]:
        tenant.post(f"/v3/grants/{grant['id']}/check", {})
    provider.behaves()
    await console.enter(tenant)
    main = console.page.locator("main")
    await expect(main.locator("canvas")).to_have_count(3)
    loaded: Any = await console.page.evaluate(
        "performance.getEntriesByType('resource').map((one) => one.encodedBodySize)"
    )
    assert sum(loaded) < BUDGET
    await expect(main.get_by_role("link", name=re.compile(r"^Valid grants\s*6"))).to_be_visible()
    await expect(main.get_by_role("link", name=re.compile(r"^Must reconnect\s*1"))).to_be_visible()
    degraded = main.get_by_role("listitem").filter(has=console.page.get_by_role("link", name="Google"))
    await expect(degraded).to_contain_text("The provider refuses your client")
    await expect(degraded).to_contain_text("invalid_client")
    await degraded.get_by_role("link", name="Google").click()
    await expect(console.title).to_have_text("Google")
    await expect(main).to_contain_text("The provider refuses your client")
    await console.page.go_back()
    await expect(main.get_by_role("link", name="Production")).to_be_visible()
    await expect(main.get_by_text(hook.url)).to_be_visible()
    await console.page.get_by_text("The numbers as a table").click()
    numbers = console.page.get_by_role("region", name="Activity in numbers").get_by_role("row").nth(1)
    await expect(numbers).to_contain_text("The provider refuses your client (5)")
    for button, span in (("7 d", "7 days"), ("30 d", "30 days")):
        await console.press(button)
        await expect(console.page.get_by_text(f"Of the last {span}.")).to_be_visible()
    await console.page.emulate_media(color_scheme="dark")  # drawn again, and nothing breaks
    await console.page.get_by_label("Colours").select_option("light")
    await expect(main.locator("canvas")).to_have_count(3)
    await console.page.route("**/static/plot.*.js", lambda route: route.abort())
    await console.page.reload()
    await expect(main.get_by_text("The charts could not be loaded")).to_be_visible()
    await expect(numbers).to_be_visible()
    watch.broken.clear()  # the file that was kept from it
    await main.get_by_role("link", name="1 invalid of Google").click()
    await expect(console.title).to_have_text("Grants")
    await expect(console.page.get_by_role("row")).to_have_count(2)
    await expect(console.row("ann@example.com")).to_contain_text("Ended by an operator")


async def test_the_overview_looks_again_while_somebody_is_there(console: Console, tenant: Tenant) -> None:
    page = console.page
    await page.clock.install()
    await console.enter(tenant)
    await expect(page.get_by_role("region", name="Three steps to your first grant")).to_be_visible()
    async with page.expect_response(lambda answer: "/v3/overview" in answer.url):
        await page.clock.fast_forward(31_000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(3):
        await page.clock.fast_forward(11 * 60_000)
    assert asked == []
    await page.mouse.move(300, 300)
    async with page.expect_response(lambda answer: "/v3/overview" in answer.url):
        await page.clock.fast_forward(31_000)


async def test_what_the_overview_adds_is_not_missed_where_it_cannot_be_read(
    console: Console, tenant: Tenant, hook: Hook
) -> None:
    page = console.page
    tenant.connector("google")
    await console.enter(tenant)
    subscribe(tenant, hook)
    await console.go("/webhooks")
    await expect(page.locator("td.number")).to_have_text(["0", "0"])  # not counted yet
    await page.route("**/v3/overview?*", refuse)
    # One that is older than what could have been counted.
    tenant.server.rows(
        "update webhooks set created_at = created_at - 3600000000 where application_id = $1 returning id",
        tenant.application.id,
    )
    await page.reload()
    await expect(page.locator("td.number").get_by_text("could not be read")).to_have_count(2)
    await console.go("/connectors")
    await expect(page.get_by_text("The database is busy.")).to_be_visible()
    await page.get_by_role("link", name="Google").click()
    await expect(page.get_by_label("Client ID")).to_be_visible()


# ── Connectors ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_connector_is_set_up_tested_mended_and_deleted(
    console: Console, tenant: Tenant, provider: FakeOAuth
) -> None:
    page = console.page
    await console.enter(tenant, "/connectors")
    await expect(page.get_by_role("listitem").filter(has_text="Not set up")).to_have_count(9)
    await page.get_by_role("link", name="Google").click()
    await expect(page.locator(".copy-line code")).to_have_text(f"{tenant.server.url}/v3/connect/callback")
    await expect(page.get_by_text("userinfo.email")).to_be_visible()
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await console.press("Copy the redirect URI")
    await expect(page.get_by_role("button", name="Copy the redirect URI")).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == f"{tenant.server.url}/v3/connect/callback"
    await page.get_by_label("Client ID").fill("client")
    await page.get_by_label("Client secret").fill(secret("wrong"))
    await page.get_by_label("Default scopes").fill("openid\nhttps://www.googleapis.com/auth/userinfo.email")
    await console.press("Create connector")
    await expect(page.get_by_label("Client ID")).to_have_value("client")
    await expect(page.get_by_label("Client secret")).to_have_value("")
    assert secret("wrong") not in await page.content()
    assert data(tenant.get("/v3/connectors/google"))["scope"] == [
        "openid",
        "https://www.googleapis.com/auth/userinfo.email",
    ]

    provider.refuses(401, {"error": "invalid_client", "error_description": "Unauthorized"})
    await console.press("Run test")
    refused = page.get_by_role("listitem").filter(has_text="Client accepted")
    await expect(refused).to_contain_text("Failed")
    await expect(refused).to_contain_text("What to do:")
    provider.behaves()
    await page.get_by_label("Client secret").fill(secret("client"))
    await console.press("Save")
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await expect(page.get_by_label("Client secret")).to_have_value("")
    await expect(refused).to_have_count(0)  # it was about what was stored before
    await console.press("Run test")
    await expect(page.get_by_text("The connector works.")).to_be_visible()

    await console.press("Add a credential")
    await console.dialog.get_by_label("Name").fill("EU app")
    await console.dialog.get_by_label("Client ID").fill("client")
    await console.dialog.get_by_label("Client secret").fill(secret("client"))
    await console.press_there("Add")
    await console.row("EU app").get_by_role("button", name="Make active").click()
    await expect(console.row("EU app")).to_contain_text("Active")
    other = await page.get_by_role("row").filter(has_not_text="EU app").nth(1).get_by_role("rowheader").inner_text()
    await console.row(other).get_by_role("button", name="Make active").click()
    await expect(console.row(other)).to_contain_text("Active")
    await console.row("EU app").get_by_role("button", name="Delete").click()
    await console.confirm("Delete the credential", "EU app")
    await expect(console.row("EU app")).to_have_count(0)

    gmail(tenant, provider, "ann@example.com")
    await page.locator(".page-head").get_by_role("button", name="Delete").click()
    await expect(console.dialog).to_contain_text("1 valid grant ends at once.")
    await console.confirm("Delete the connector", "google")
    await expect(console.title).to_have_text("Connectors")
    assert data(tenant.get("/v3/connectors")) == []
    assert data(tenant.get("/v3/grants"))[0]["grant_status"] == "invalid"


async def test_a_secret_that_is_typed_while_another_is_saved_stays(console: Console, tenant: Tenant) -> None:
    page, late = console.page, Late("PATCH")
    tenant.connector("google")
    await console.enter(tenant, "/connectors/google")
    field, second = page.get_by_label("Client secret"), secret("second")
    await field.fill(secret("first"))
    await page.route("**/v3/connectors/google", late.answer)
    await console.press("Save")
    await late.given.wait()
    await field.fill(second)
    late.let_go.set()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await expect(field).to_have_value(second)
    await console.press("Save")
    await expect(field).to_have_value("")


# ── Grants ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_grants_are_found_by_address_provider_and_state(
    console: Console, tenant: Tenant, provider: FakeOAuth, dovecot: Dovecot
) -> None:
    for name in ("google", "imap", "virtual-calendar"):
        tenant.connector(name)
    gmail(tenant, provider, "ann@example.com")
    tenant.connect("imap", imap(dovecot, "alice@example.test"))
    for number in range(52):
        tenant.connect("virtual-calendar", {"email": f"room-{number:02}"})
    page = console.page
    await console.enter(tenant, "/grants")
    await expect(page.get_by_role("row")).to_have_count(51)  # with the heading
    await console.press("Load more")
    await expect(page.get_by_role("row")).to_have_count(55)
    await expect(page.get_by_role("button", name="Load more")).to_have_count(0)
    totals = page.get_by_role("group", name="State")
    await expect(totals.get_by_role("button", name="All 54")).to_have_attribute("aria-pressed", "true")
    search = page.get_by_role("searchbox", name="Part of an address, or the beginning of an ID")
    await search.fill("@EXAMPLE")
    await expect(page.get_by_role("row")).to_have_count(3)
    await expect(console.row("ann@example.com")).to_contain_text("Google")
    await expect(page).to_have_url(re.compile("search=%40EXAMPLE"))
    await page.get_by_label("Provider").select_option("imap")
    await expect(page.get_by_role("row")).to_have_count(2)
    await page.reload()  # the address holds the filter
    await expect(page.get_by_role("row")).to_have_count(2)
    await totals.get_by_role("button", name="In trouble").click()
    await expect(page.get_by_text("No matching grants")).to_be_visible()
    await console.press("Show all grants")
    await expect(page.get_by_role("row")).to_have_count(51)
    await expect(search).to_have_value("")
    # A key that comes just as what was typed before is put into the address.
    await search.evaluate(
        """(field) => {
            const replace = history.replaceState;
            history.replaceState = (...all) => {
                history.replaceState = replace;
                history.replaceState(...all);
                field.value = "ann@";
                field.dispatchEvent(new Event("input", { bubbles: true }));
            };
        }"""
    )
    await search.fill("ann")
    await page.wait_for_url("**search=ann%40*")
    await expect(search).to_have_value("ann@")
    await search.fill("al")
    await page.get_by_label("Provider").select_option("imap")  # at once: neither undoes the other
    await expect(console.row("alice@example.test")).to_have_count(1)
    await expect(page.get_by_label("Provider")).to_have_value("imap")
    await expect(page).to_have_url(re.compile("search=al&provider=imap"))

    # What is shown answers what is asked: the last answer only while the next is awaited, and seen to be that.
    await page.route("**/v3/grants?*", hold)
    await totals.get_by_role("button", name="Invalid").click()
    await expect(page.locator("[aria-busy=true]")).to_contain_text("alice@example.test")
    await page.unroute("**/v3/grants?*")
    await page.route("**/v3/grants?*", refuse)
    await totals.get_by_role("button", name="In trouble").click()
    await expect(page.get_by_role("alert")).to_contain_text("The database is busy.")
    await expect(page.get_by_role("row")).to_have_count(0)
    await page.unroute("**/v3/grants?*")
    await console.press("Try again")
    await expect(page.get_by_text("No matching grants")).to_be_visible()


async def test_a_grant_of_a_degraded_connector_never_looks_well(
    console: Console, tenant: Tenant, provider: FakeOAuth, axe: str
) -> None:
    page = console.page
    await page.add_init_script(axe)
    tenant.connector("google")
    grant = gmail(tenant, provider, "ann@example.com")
    blame(tenant, source(tenant.server, grant))
    age(tenant)
    await console.enter(tenant, "/grants?state=troubled")
    row = console.row("ann@example.com")
    await expect(row).to_contain_text("Held")
    await expect(row).to_contain_text("Its connector is degraded")
    await row.get_by_role("link").click()
    held = page.get_by_role("heading", name="It is held: many grants fail the same way, because of its connector")
    await expect(held).to_be_visible()
    await expect(page.get_by_text("Check the client.")).to_be_visible()
    await expect(page.get_by_role("heading", name="Calendars")).to_have_count(0)  # Google keeps them
    await console.press("Check now")
    await expect(page.get_by_text("Not checked just now")).to_be_visible()
    await expect(held).to_be_visible()
    await page.reload()
    await expect(held).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("link", name="The Google connector").click()
    await expect(console.title).to_have_text("Google")

    # A check that could not be made says nothing good.
    tenant.server.rows("delete from brakes where application_id = $1", tenant.application.id)
    tenant.server.services.grants.health.forget()
    await console.go(f"/grants/{grant['id']}")
    await expect(page.get_by_role("heading", name="It works")).to_be_visible()
    await page.route("**/check", refuse)
    await console.press("Check now")
    await expect(page.get_by_role("alert")).to_contain_text("The database is busy.")
    await expect(page.get_by_role("heading", name="It works")).to_have_count(0)
    await expect(page.get_by_role("heading", name="It worked at the last check")).to_be_visible()
    await page.unroute("**/check")


async def test_a_grants_page_tells_its_story_and_does_all_that_can_be_done(
    console: Console, tenant: Tenant, provider: FakeOAuth
) -> None:
    page = console.page
    tenant.connector("google", scope=["https://www.googleapis.com/auth/gmail.send"])
    grant = gmail(tenant, provider, "ann@example.com")
    await console.enter(tenant, "/grants")
    await page.get_by_role("link", name="ann@example.com").click()
    await expect(console.title).to_have_text("ann@example.com")
    await expect(page.get_by_role("heading", name="It works")).to_be_visible()
    await expect(page.get_by_role("heading", name="One scope was not granted")).to_be_visible()
    await expect(page.locator("main")).to_contain_text("auth/gmail.send")
    moments = page.locator(".timeline").get_by_role("listitem")
    await expect(moments).to_have_count(1)
    await expect(moments).to_contain_text("Connected and verified")

    age(tenant)
    provider.refuses(503, {"error": "backendError"})
    await console.press("Check now")
    await expect(page.get_by_text("Checked just now.")).to_be_visible()
    await expect(page.get_by_role("heading", name="It is valid, but: the provider does not answer")).to_be_visible()
    await expect(page.get_by_text("No action needed: it is retried automatically.")).to_be_visible()
    await expect(page.locator(".timeline")).to_contain_text("Failed: the provider does not answer")
    provider.behaves()

    await console.press("Reconnect")
    link = await console.dialog.locator(".copy-line code").inner_text()
    assert link.startswith(f"{tenant.server.url}/v3/connect/link/")
    await expect(console.dialog).to_contain_text("works for 7 days")
    await page.keyboard.press("Escape")
    await expect(console.dialog).to_have_count(0)

    await console.press("Invalidate")
    await console.dialog.get_by_label("Reason").fill("Left the company")
    await console.confirm("Invalidate")
    await expect(page.get_by_role("heading", name="It no longer works")).to_be_visible()
    await expect(page.locator(".timeline")).to_contain_text("Left the company")
    await expect(page.get_by_role("button", name="Invalidate")).to_be_disabled()
    assert data(tenant.get(f"/v3/grants/{grant['id']}"))["grant_status"] == "invalid"

    await console.press("Delete")
    await console.confirm("Delete the grant", "ann@example.com")
    await expect(console.title).to_have_text("Grants")
    await expect(page.get_by_text("No grants yet")).to_be_visible()
    assert tenant.get(f"/v3/grants/{grant['id']}").status_code == 404


async def test_grants_are_narrowed_sorted_and_taken_along(
    console: Console, tenant: Tenant, provider: FakeOAuth
) -> None:
    for name in ("google", "virtual-calendar"):
        tenant.connector(name)
    ann, bea = (gmail(tenant, provider, f"{name}@example.com") for name in ("ann", "bea"))
    tenant.connect("virtual-calendar", {"email": "=room"}, external_id="hotel-7")
    tenant.server.rows("update grants set created_at = created_at - 86400000000 where id = $1 returning id", ann["id"])
    tenant.post(f"/v3/grants/{bea['id']}/invalidate", {})
    page = console.page
    await console.enter(tenant, "/grants")
    emails = page.locator("table.grants tbody th")
    await expect(emails).to_have_text(["=room", "bea@example.comBea", "ann@example.comAnn"])
    for width in (800, 1024):
        await page.set_viewport_size({"width": width, "height": 900})
        lines = await emails.locator("a").evaluate_all("(links) => links.map((one) => one.getClientRects().length)")
        assert lines == [1, 1, 1], f"an address is broken at a width of {width}"
        wider = "(table) => table.getBoundingClientRect().right - table.parentElement.getBoundingClientRect().right"
        assert width < 1024 or await page.locator("table.grants").evaluate(wider) <= 0
    await page.set_viewport_size({"width": 1280, "height": 900})
    heading = page.get_by_role("columnheader", name="Created")
    await heading.get_by_role("button").click()
    await expect(emails.first).to_contain_text("ann@example.com")
    await expect(heading).to_have_attribute("aria-sort", "ascending")
    await page.get_by_role("searchbox").fill("hotel")
    await expect(emails).to_have_text(["=room"])
    await page.get_by_role("searchbox").fill(bea["id"][:8])
    await expect(emails).to_have_text(["bea@example.comBea"])
    await console.press("Clear")
    await page.get_by_role("button", name="Filters").click()
    await page.get_by_label("Trouble").select_option("reconnect")
    await expect(emails).to_have_text(["bea@example.comBea"])
    await page.get_by_label("Connector").select_option("virtual-calendar")
    await expect(page.get_by_text("No matching grants")).to_be_visible()
    await expect(page.get_by_role("button", name="Filters (2)")).to_be_visible()
    await console.press("Show all grants")
    await page.get_by_label("Created until").fill("2020-01-01T00:00")
    await expect(page.get_by_text("No matching grants")).to_be_visible()
    await page.get_by_label("Created until").fill("")
    await expect(emails).to_have_count(3)

    await page.get_by_role("checkbox", name="Select all loaded grants").check()
    await page.get_by_role("checkbox", name="Select ann@example.com").uncheck()
    selected = page.get_by_role("region", name="Selected grants")
    await expect(selected).to_contain_text("2 grants selected")
    await selected.get_by_role("button", name="Copy reconnect links").click()
    await expect(console.dialog).to_contain_text("They work for 7 days.")
    links = console.dialog.get_by_label("Links")
    assert re.fullmatch(r"bea@example\.com\n\S+/v3/connect/link/\S+", await links.input_value())
    await console.dialog.get_by_label("Format").select_option("csv")
    rows = list(csv.DictReader(StringIO(await links.input_value())))
    assert [row["address"] for row in rows] == ["bea@example.com"]
    await console.dialog.get_by_text("1 grant without a link").click()
    await expect(console.dialog).to_contain_text("=room")
    await console.press_there("Close")

    async with page.expect_download() as downloaded:
        await console.press("Download CSV")
    found = await (await downloaded.value).path()
    assert {row["email"] for row in csv.DictReader(StringIO(found.read_text()))} == {
        "ann@example.com",
        "bea@example.com",
        "'=room",
    }


# ── Connect a mailbox ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_mailbox_is_connected_in_a_window_of_its_own(
    browser: Browser, site: LiveServer, tenant: Tenant, provider: FakeOAuth, axe: str
) -> None:
    for name in ("google", "imap"):
        tenant.connector(name)
    provider.signs_in("ana@example.com")
    # Not watched: the sign-in leads to the provider, which is another origin.
    view = await browser.new_context(ignore_https_errors=True, reduced_motion="reduce")
    await view.add_init_script(axe)
    console = Console(await view.new_page(), site)
    await console.enter(tenant)
    await console.press("Connect a mailbox")
    await expect(console.dialog.get_by_label("Provider").get_by_role("option")).to_have_text(
        ["Ask at sign-in", "Google", "IMAP"]
    )
    await console.dialog.get_by_label("Provider").select_option("google")
    await console.dialog.get_by_label("Email address").fill("ana@example.com")
    assert await violations(console.page) == []
    async with view.expect_page() as opened:
        await console.press_there("Open sign-in")
    window = await opened.value
    await expect(console.title).to_have_text("ana@example.com")
    await expect(console.dialog).to_have_count(0)
    if not window.is_closed():
        await window.wait_for_event("close")
    (grant,) = data(tenant.get("/v3/grants"))
    await expect(console.page).to_have_url(re.compile(f"#/grants/{grant['id']}$"))

    # The sign-in is refused: the page says why, and the sign-in can be opened again.
    provider.signs_in("bea@example.com")
    tenant.post(f"/v3/grants/{grant['id']}/invalidate", {})
    await console.press("Reconnect")
    await console.press_there("Sign in here")
    await expect(console.dialog).to_contain_text("You signed in to another account")
    provider.signs_in("ana@example.com")
    await console.press_there("Sign in here")
    await expect(console.dialog).to_have_count(0)
    await expect(console.page.get_by_role("heading", name="It works")).to_be_visible()
    await view.close()


async def test_the_window_of_a_sign_in_closes_also_when_the_console_is_slow_to_take_it(
    browser: Browser, site: LiveServer, tenant: Tenant, provider: FakeOAuth
) -> None:
    tenant.connector("google")
    provider.signs_in("ana@example.com")
    view = await browser.new_context(ignore_https_errors=True, reduced_motion="reduce")
    console = Console(await view.new_page(), site)
    await console.enter(tenant)
    # The page that waits answers when it is let go, as if it had been busy.
    await console.page.evaluate(
        """() => {
            const { postMessage, close } = BroadcastChannel.prototype;
            BroadcastChannel.prototype.postMessage = function (message) {
                window.letGo = () => {
                    postMessage.call(this, message);
                    close.call(this);
                };
            };
            BroadcastChannel.prototype.close = () => {};
        }"""
    )
    await console.press("Connect a mailbox")
    async with view.expect_page() as opened:
        await console.press_there("Open sign-in")
    window = await opened.value
    await expect(window.get_by_text("The mailbox is connected.")).to_be_visible()
    await expect(console.title).to_have_text("ana@example.com")
    async with window.expect_event("close"):
        await console.page.evaluate("window.letGo()")
    await view.close()


async def test_where_windows_are_blocked_the_sign_in_takes_the_same_tab(
    browser: Browser, site: LiveServer, tenant: Tenant, provider: FakeOAuth
) -> None:
    tenant.connector("google")
    provider.signs_in("ana@example.com")
    view = await browser.new_context(ignore_https_errors=True, reduced_motion="reduce")
    await view.add_init_script("window.open = () => null")
    console = Console(await view.new_page(), site)
    await console.enter(tenant, "/grants")
    await console.press("Connect a mailbox")
    await console.press_there("Open sign-in")
    await expect(console.title).to_have_text("ana@example.com")
    # What somebody else writes into such an address is not shown.
    await console.page.goto("about:blank")
    await console.page.goto(f"{console.url}#/connected?state=x&error=server_error&error_description=Call+555")
    await expect(console.page.get_by_text("No mailbox was connected.")).to_be_visible()
    await expect(console.page.get_by_text("555")).to_have_count(0)
    await view.close()
