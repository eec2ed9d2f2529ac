"""/console#/imports: how far an import is, and what became of its rows, in a browser at a live server."""

import asyncio

import pytest
from playwright.async_api import FilePayload, expect

from tests.api.test_imports import importing, stored, worked
from tests.fakes.oauth import FakeOAuth
from tests.nodes.node import consent
from tests.support import Tenant, data
from tests.web.conftest import Console, Late, a_round_trip, hold, violations

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_import_is_followed_paused_and_cancelled(console: Console, tenant: Tenant, axe: str) -> None:
    await console.page.add_init_script(axe)
    import_id = stored(tenant)
    await console.enter_with_key(tenant, "/imports")
    page = console.page
    await expect(console.title).to_have_text("Imports")
    await page.get_by_role("link", name="users.ndjson").click()
    await expect(page.get_by_text("5 of 8 rows")).to_be_visible()
    await expect(page.get_by_text("Zoom is paused")).to_be_visible()
    await expect(page.get_by_text("Correct it.")).to_be_visible()
    rows = page.get_by_role("table").last.get_by_role("row")
    await expect(rows).to_have_count(9)
    await page.get_by_role("button", name="Must sign in").click()
    await expect(rows).to_have_count(2)
    await expect(rows.nth(1)).to_contain_text("Google")
    assert await violations(page) == []
    async with page.expect_download() as download:
        await page.get_by_role("button", name="Download CSV").click()
    file = await (await download.value).path()
    assert len((await asyncio.to_thread(file.read_text)).splitlines()) == 2  # as filtered

    state = page.locator(".lead")  # a source of it is paused, too
    await console.press("Pause")
    await expect(state).to_have_text("Paused")
    assert data(tenant.get(f"/v3/imports/{import_id}"))["status"] == "paused"
    await console.press("Resume")
    await console.press("Cancel…")
    await expect(console.dialog).to_contain_text("3 rows are not verified")
    await console.dialog.get_by_role("button", name="Cancel the import").click()
    await expect(state).to_have_text("Cancelled")
    assert data(tenant.get(f"/v3/imports/{import_id}"))["counts"]["cancelled"] == 3

    # A phone has no room for a bar in each source.
    await page.set_viewport_size({"width": 390, "height": 844})
    await expect(page.locator("td.import-bar-column").first).to_be_hidden()


async def test_a_file_is_checked_and_then_imported(console: Console, tenant: Tenant, axe: str) -> None:
    page = console.page
    await page.add_init_script(axe)
    tenant.connector("virtual-calendar")
    await console.enter_with_key(importing(tenant), "/imports")
    await expect(page.get_by_text("opengrant import users.ndjson --dry-run")).to_be_visible()
    await console.press("Import a file…")
    table = b"id,provider,email\n1,virtual-calendar,room-1\n2,virtual-calendar,room-1\n3,virtual-calendar,room-3\n"
    file = FilePayload(name="rooms.csv", mimeType="text/csv", buffer=table)
    await page.get_by_label("File", exact=True).set_input_files(file)
    await console.press_there("Check the file")
    await expect(console.dialog).to_contain_text("4 lines: 2 new")
    await expect(console.dialog.get_by_role("row")).to_have_count(2)
    assert await violations(page) == []
    assert data(tenant.get("/v3/imports")) == []
    await console.press_there("Import 2 rows")
    await expect(console.title).to_have_text("rooms.csv")
    (job,) = data(tenant.get("/v3/imports"))
    assert worked(tenant, job["id"])["counts"]["created"] == 2
    await page.reload()
    await expect(page.get_by_text("3 of 3 rows")).to_be_visible()


async def test_an_answer_from_before_a_pause_does_not_undo_it(console: Console, tenant: Tenant) -> None:
    page = console.page
    import_id = stored(tenant)
    await console.enter_with_key(tenant, f"/imports/{import_id}")
    pause, resume = (page.get_by_role("button", name=name, exact=True) for name in ("Pause", "Resume"))
    await expect(pause).to_be_visible()
    late = Late()
    await page.route(f"**/v3/imports/{import_id}", hold)  # later ones would tell the present state
    await page.route(f"**/v3/imports/{import_id}", late.answer, times=1)
    await late.given.wait()  # the page looks every two seconds
    await pause.click()
    await expect(resume).to_be_visible()
    late.let_go.set()
    await a_round_trip(page)
    await expect(resume).to_be_visible()
    await expect(pause).to_have_count(0)


async def test_what_was_found_in_one_file_is_not_said_of_another(console: Console, tenant: Tenant) -> None:
    page = console.page
    tenant.connector("virtual-calendar")
    await console.enter_with_key(importing(tenant), "/imports")
    await console.press("Import a file…")
    late = Late("POST")
    await page.route("**/v3/imports/dry-run?*", late.answer, times=1)
    for name, rooms in (("two", ("room-1", "room-2")), ("one", ("room-3",))):
        table = "".join(f"{room},virtual-calendar,{room}\n" for room in rooms)
        file = FilePayload(name=f"{name}.csv", mimeType="text/csv", buffer=f"id,provider,email\n{table}".encode())
        await page.get_by_label("File", exact=True).set_input_files(file)
        if name == "two":
            await console.press_there("Check the file")
            await late.given.wait()
    late.let_go.set()
    await console.press_there("Check the file")
    await expect(console.dialog).to_contain_text("2 lines: 1 new")
    await expect(console.dialog.get_by_role("button", name="Import 1 row")).to_be_enabled()


async def test_a_session_that_may_not_import_is_told_how_to_get_one(console: Console, tenant: Tenant) -> None:
    await console.enter_with_key(tenant, "/imports")
    await console.press("Import a file…")
    await expect(console.dialog).to_contain_text("--permission all --permission grants.import")


async def test_grants_that_a_finished_import_holds_back_are_released(
    console: Console, tenant: Tenant, provider: FakeOAuth
) -> None:
    importing(tenant).connector("google")
    rows = [{"provider": "google", "settings": {"refresh_token": consent(provider, "google", "ana@example.com")}}]
    import_id = data(tenant.post("/v3/imports", {"rows": rows}, params={"hold_refresh": "true"}))["id"]
    assert "cut_over_done_at" not in worked(tenant, import_id)
    await console.enter_with_key(tenant, f"/imports/{import_id}")
    await expect(console.page.get_by_text("not refreshed before the cut-over")).to_be_visible()
    await console.press("Cut over…")
    await expect(console.dialog).not_to_contain_text("0 refresh tokens")
    await console.press_there("Refresh the grants")
    await expect(console.page.get_by_text("not refreshed before the cut-over")).to_be_hidden()
    assert data(tenant.get(f"/v3/imports/{import_id}"))["cut_over_done_at"] > 0
