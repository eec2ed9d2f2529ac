"""/console: webhooks, their deliveries, and the look-up of requests."""

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
import pytest_asyncio
from nylas import Client
from playwright.async_api import Page, expect

from tests.announcing import deliver, make_due, room, subscribe
from tests.fakes.receiver import Answer, Hook
from tests.support import LiveServer, Tenant, data
from tests.web.conftest import Console, violations

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOTS = os.environ.get("OPENGRANT_TEST_SHOTS")
"""A directory for pictures of what these tests see."""


@pytest.fixture(scope="module")
def site(log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of its own, so that deliveries are sent by `deliver` alone."""
    env = {"OPENGRANT_OUTBOUND__ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8"}
    with LiveServer(env, tmp_path_factory.mktemp("webhooks"), log_stream) as live:
        yield live


@pytest_asyncio.fixture(loop_scope="module")
async def console(page: Page, site: LiveServer, axe: str) -> Console:
    await page.add_init_script(axe)
    return Console(page, site)


async def look(page: Page, name: str) -> None:
    """What is shown is accessible and fits, wide in light colours and narrow in dark ones."""
    for width, height, scheme in ((390, 844, "dark"), (1440, 900, "light")):
        await page.set_viewport_size({"width": width, "height": height})
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert await violations(page) == [], f"{name} {scheme}"
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} scrolls sideways"
        if SHOTS:
            for other in ("light", "dark"):
                await page.emulate_media(color_scheme="dark" if other == "dark" else "light")
                await page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{other}.png", full_page=width > 1000)


async def test_a_webhook_is_made_changed_tried_and_deleted(console: Console, tenant: Tenant, hook: Hook) -> None:
    page, dialog = console.page, console.dialog
    await console.enter(tenant, "/webhooks")
    await console.press("New webhook")
    hook.challenge = lambda _: Answer(status=500)
    await dialog.get_by_label("Destination").fill(hook.url)
    await dialog.get_by_label("grant.updated").uncheck()
    await dialog.get_by_text("Connectors 0 of 2").click()
    await expect(dialog.get_by_label("connector.degraded")).not_to_be_checked()
    await expect(dialog.get_by_text("Only OpenGrant sends these")).to_be_visible()
    await dialog.get_by_text("Calendars 0 of 6").click()
    await dialog.get_by_role("button", name="Select all: Calendars").click()
    await expect(dialog.get_by_text("6 of 6")).to_be_visible()
    await dialog.get_by_role("button", name="Clear all: Calendars").click()
    await look(page, "form")
    await page.set_viewport_size({"width": 1280, "height": 700})
    end = await dialog.get_by_role("button", name="Challenge and create").bounding_box()
    assert end is not None
    assert end["y"] + end["height"] <= 700
    await console.press_there("Challenge and create")
    refusal = dialog.get_by_role("alert")
    await expect(refusal).to_contain_text("Request")
    async with page.context.expect_page() as opened:
        await refusal.get_by_role("link", name="Look up").click()
    other = await opened.value
    await expect(other.get_by_role("heading", level=1)).to_have_text("POST /v3/webhooks")
    await expect(other.get_by_role("main")).to_contain_text("70005")
    await other.close()
    hook.challenge = lambda text: Answer(body=text.encode())
    await console.press_there("Challenge and create")
    await expect(page.get_by_role("heading", name="The webhook is created")).to_be_visible()
    shown = await console.kept_secret("the secret")
    (made,) = data(tenant.get("/v3/webhooks"))
    assert sorted(made["trigger_types"]) == ["grant.created", "grant.deleted", "grant.expired"]
    assert "opengrant" not in made, "events that SDKs do not know are chosen by hand"

    await console.press("Send a test event")
    await expect(page.get_by_text("The receiver took the test event.")).to_be_visible()
    assert hook.wait_for(1)[0].envelope["type"] == "grant.created"
    await console.press("Pause")
    await expect(page.get_by_text("Paused by you.")).to_be_visible()
    await console.press("Activate")
    await expect(page.get_by_role("button", name="Pause")).to_be_visible()
    await console.press("Change")
    await dialog.get_by_label("Description").fill("Production")
    await dialog.get_by_label("Compress with gzip").check()
    await dialog.get_by_text("Connectors 0 of 2").click()
    await dialog.get_by_label("connector.degraded").check()
    await console.press_there("Save")
    await expect(page.locator("main")).to_contain_text("Production")
    await expect(page.locator("main")).to_contain_text("connector.degraded")
    (listed,) = Client(api_key=tenant.api_key, api_uri=tenant.server.url).webhooks.list().data
    assert sorted(listed.trigger_types) == ["grant.created", "grant.deleted", "grant.expired"]
    await console.press("Rotate secret")
    await console.press_there("Replace it")
    await expect(page.get_by_role("heading", name="The new signing secret")).to_be_visible()
    assert await console.kept_secret("the secret") != shown
    (changed,) = data(tenant.get("/v3/webhooks"))
    assert (changed["description"], changed["compressed_delivery"]) == ("Production", True)
    await console.press("Delete")
    await console.confirm("Delete the webhook")
    await expect(page.get_by_text("No webhooks yet")).to_be_visible()
    assert data(tenant.get("/v3/webhooks")) == []


async def test_a_failing_receiver_is_seen_and_each_attempt_is_looked_at(
    console: Console, tenant: Tenant, hook: Hook
) -> None:
    page, site = console.page, tenant.server
    webhook = subscribe(tenant, hook, "grant.created")
    markup = b"<script>document.title = 'owned'</script> the database is down"
    hook.usual = Answer(500, {"Content-Type": "text/html", "Set-Cookie": "session=hidden"}, markup)
    for name in ("room-1", "room-2"):
        room(tenant, name)
    deliver(site)
    await console.enter(tenant, "/")
    await expect(page.get_by_text("Answered 500", exact=False).first).to_be_visible()
    await console.go("/webhooks")
    row = console.row(hook.url)
    await expect(row.locator(".badge.warn")).to_have_text("Failing")
    await expect(row).to_contain_text("Answered 500")
    await look(page, "list")
    await row.get_by_role("link").click()
    await expect(page.locator(".notice.warn")).to_contain_text("attempts failed: Answered 500.")
    waiting = console.row("grant.created").filter(has_text="Will be retried")
    await expect(waiting).to_have_count(2)
    await look(page, "webhook")

    hook.plan.append(Answer(0))
    make_due(tenant)
    deliver(site)
    await waiting.first.get_by_role("link", name="grant.created").click()
    await expect(console.title).to_have_text("grant.created")
    attempts = page.locator(".attempts > li")
    await expect(attempts).to_have_count(2)
    await attempts.last.locator("summary").click()
    await expect(attempts.last).to_contain_text("<script>document.title = 'owned'</script> the database is down")
    await expect(attempts.last).to_contain_text("set-cookie: ***")
    signatures = {one.headers["x-nylas-signature"] for one in hook.received}
    assert await page.locator(".sent-headers dd").nth(1).inner_text() != ""
    text = await page.locator("main").inner_text()
    assert any(signature in text for signature in signatures)
    assert webhook["webhook_secret"] not in await page.content()
    await expect(page.locator(".json")).to_contain_text('"webhook_delivery_attempt": 2')
    await expect(page.get_by_text("Next attempt:")).to_be_visible()
    await look(page, "delivery")

    hook.usual = Answer(410)
    make_due(tenant)
    deliver(site)
    await console.go(f"/webhooks/{webhook['id']}")
    await expect(page.locator(".notice.wrong")).to_contain_text("Answered 410: the receiver wants no more events.")
    hook.usual = Answer()
    await console.press("Activate")
    await expect(page.locator(".lead .badge.good")).to_have_text("Active")
    await console.press("Send all failed again")
    await expect(page.get_by_text("delivery is sent again.")).to_be_visible()
    make_due(tenant)
    deliver(site)
    await console.press("Refresh")
    done = console.row("grant.created").filter(has_text="Delivered")
    await expect(done).to_have_count(2)
    await done.first.get_by_role("button", name="Send again").click()
    await expect(done).to_have_count(1)


async def test_a_request_is_looked_up_and_failures_are_filtered(console: Console, tenant: Tenant) -> None:
    page = console.page
    grant = room(tenant, "room-1")
    tenant.delete(f"/v3/grants/{grant['id']}")
    lost = tenant.get(f"/v3/grants/{grant['id']}").json()["request_id"]
    tenant.get("/v3/webhooks/none")
    well = tenant.get("/v3/grants").json()["request_id"]
    await console.enter(tenant, "/requests")
    await expect(page.get_by_role("row")).to_have_count(3)
    await page.get_by_label("Request ID").fill(f" {well} ")
    await page.keyboard.press("Enter")
    await expect(console.title).to_have_text("GET /v3/grants")
    await expect(page.locator(".lead .badge.good")).to_have_text("200")
    await page.go_back()
    await page.get_by_role("link", name="grant.not_found").click()
    await expect(page.get_by_role("row")).to_have_count(2)
    await expect(page.get_by_label("Error")).to_have_value("grant.not_found")
    await look(page, "requests")
    await console.row(lost).get_by_role("link", name="GET").click()
    await expect(page.locator(".notice")).to_contain_text("The application has no such grant")
    await expect(page.get_by_role("link", name=grant["id"])).to_be_visible()
    await look(page, "request")
    await console.go("/requests/nothing")
    await expect(page.get_by_text("There is no such request here")).to_be_visible()
    await console.go("/requests?status=5xx")
    await expect(page.get_by_text("No matching requests")).to_be_visible()
    await page.get_by_role("button", name="Show all failures").click()
    await expect(page.get_by_role("row")).to_have_count(4)  # with the look-up of nothing
