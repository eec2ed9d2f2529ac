"""/console: each action of an operator, in a browser at a live server; what came of it is looked at through the API."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, expect

from tests.announcing import subscribe
from tests.api.console import link_of, sign_in
from tests.fakes.dns import FakeDns
from tests.fakes.oauth import FakeOAuth
from tests.fakes.receiver import Hook
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, secret
from tests.web.conftest import Console, Watch, age, gmail, hold, refuse, violations

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def dns() -> Iterator[FakeDns]:
    """A name server on a loop of its own: the live server has another."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="dns", daemon=True)
    thread.start()
    fake = asyncio.run_coroutine_threadsafe(FakeDns().__aenter__(), loop).result(10)
    yield fake
    asyncio.run_coroutine_threadsafe(fake.__aexit__(None, None, None), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


@pytest.fixture(scope="module")
def site(
    fake_provider: FakeOAuth,
    dovecot: Dovecot,
    dns: FakeDns,
    log_stream: BytesIO,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[LiveServer]:
    """As for the reference, and with a name server that says what a test publishes."""
    env = {
        **fake_provider.settings(),
        **dovecot.settings(),
        "OPENGRANT_OUTBOUND__DNS_SERVERS": dns.address,
        "OPENGRANT_WEBHOOKS__EXPIRED_AFTER": "0",
        **{f"OPENGRANT_DOMAINS__{name}_HOST": "mail.example.net" for name in ("INBOUND", "SPF", "BOUNCE")},
    }
    with LiveServer(env, tmp_path_factory.mktemp("console"), log_stream) as live:
        yield live


@pytest.fixture
def stranger(site: LiveServer) -> Iterator[Tenant]:
    """Another application on the same server."""
    made = site.tenant()
    yield made
    made.http.close()


# ── Signing in ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_link_opens_a_session_once_and_is_nowhere_to_be_found_afterwards(
    console: Console, tenant: Tenant, browser: Browser, watch: Watch
) -> None:
    code = link_of(tenant.server, tenant.application)
    await console.page.goto(f"{console.url}#link={code}")
    await expect(console.title).to_have_text("Overview")
    await expect(console.page.get_by_role("region", name="Your session")).to_contain_text("Operator, by one-time link")
    await expect(console.page.get_by_role("region", name="Your session")).to_contain_text("Ends in")
    assert code not in console.page.url
    assert await console.page.evaluate("document.cookie + JSON.stringify({...localStorage, ...sessionStorage})") == "{}"
    await console.go("/grants")
    await console.page.go_back()
    await expect(console.title).to_have_text("Overview")
    assert code not in console.page.url

    used = console.page.get_by_text("This link did not open a session")
    await console.go("/grants")
    await console.go(f"link={code}")  # pasted a second time: who is signed in stays so, where they are
    await expect(used).to_contain_text("You are still signed in")
    await expect(console.title).to_have_text("Grants")
    assert code not in console.page.url
    await console.press("Go on")
    await expect(used).to_have_count(0)

    elsewhere = await browser.new_context()
    watch.over(elsewhere)
    page = await elsewhere.new_page()
    await page.goto(f"{console.url}#link={code}")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    await expect(page.get_by_text("This link did not open a session")).to_be_visible()
    assert code not in page.url
    await page.goto("about:blank")
    await page.goto(f"{console.url}#link=%zz")
    await expect(page.get_by_text("This link did not open a session")).to_be_visible()
    await elsewhere.close()


async def test_a_key_opens_the_page_that_was_asked_for_and_not_what_takes_an_operator(
    console: Console, tenant: Tenant
) -> None:
    await console.page.goto(f"{console.url}#/grants?state=invalid")
    await expect(console.title).to_have_text("Sign in")
    await console.page.get_by_label("API key").fill("nyk_v0_wrong")
    await console.press("Sign in")
    await expect(console.page.get_by_role("alert")).to_contain_text("Request")
    await console.page.get_by_label("API key").fill(tenant.api_key)
    await console.press("Sign in")
    await expect(console.title).to_have_text("Grants")
    await expect(console.page.get_by_role("button", name="Invalid")).to_have_attribute("aria-pressed", "true")
    assert tenant.api_key not in await console.page.content()
    for where, title in (("keys", "API keys"), ("domains", "Domains"), ("domains/some", "Domain")):
        await console.go(f"/{where}")
        await expect(console.title).to_have_text(title)
        await expect(console.page.locator("main")).to_contain_text(
            f"opengrant console --application {tenant.application.id}"
        )
    (cookie,) = await console.page.context.cookies(f"{tenant.server.url}/v3")
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    await console.press("Sign out")
    await expect(console.title).to_have_text("Sign in")
    await console.page.context.add_cookies(
        [{"name": cookie["name"], "value": cookie["value"], "url": f"{tenant.server.url}/v3/"}]
    )
    await console.page.reload()
    await expect(console.title).to_have_text("Sign in")


async def test_who_is_signed_out_meanwhile_comes_back_to_the_same_page(console: Console, tenant: Tenant) -> None:
    await console.enter_with_key(tenant, "/audit")
    tenant.server.rows("delete from console_sessions where application_id = $1 returning id", tenant.application.id)
    await console.go("/webhooks")
    await expect(console.page.get_by_text("Your session has ended")).to_be_visible()
    await console.page.get_by_label("API key").fill(tenant.api_key)
    await console.press("Sign in")
    await expect(console.title).to_have_text("Webhooks")
    await console.go("/connectors/google")
    await console.page.get_by_label("Client ID").fill("client")
    await console.page.get_by_label("Client secret").fill(secret("client"))
    tenant.server.rows("delete from console_sessions where application_id = $1 returning id", tenant.application.id)
    await console.press("Create connector")
    await console.page.get_by_label("API key").fill(tenant.api_key)
    await console.press("Sign in")
    await expect(console.page.get_by_text("Your entries are restored")).to_be_visible()
    await expect(console.page.get_by_label("Client ID")).to_have_value("client")
    await expect(console.page.get_by_label("Client secret")).to_have_value("")


async def test_what_was_typed_is_restored_whichever_call_finds_the_session_ended(
    console: Console, tenant: Tenant
) -> None:
    page = console.page
    await console.enter_with_key(tenant, "/connectors/google")
    await page.get_by_label("Client ID").fill("client")
    await page.get_by_label("Client secret").fill(secret("client"))
    tenant.server.rows("delete from console_sessions where application_id = $1 returning id", tenant.application.id)
    await page.keyboard.press("Control+k")
    await page.get_by_role("combobox", name="Search").fill("client")
    await page.get_by_label("API key").fill(tenant.api_key)
    await console.press("Sign in")
    await expect(page.get_by_text("Your entries are restored")).to_be_visible()
    await expect(page.get_by_label("Client ID")).to_have_value("client")
    await expect(page.get_by_label("Client secret")).to_have_value("")
    await page.get_by_label("Client secret").fill(secret("client"))
    await console.press("Create connector")
    await expect(page.get_by_role("button", name="Run test")).to_be_visible()
    await expect(page.get_by_text("Your entries are restored")).to_have_count(0)


async def test_a_stranger_sees_nothing_of_another_application(
    console: Console, tenant: Tenant, stranger: Tenant, provider: FakeOAuth, hook: Hook
) -> None:
    tenant.connector("google")
    grant = gmail(tenant, provider, "ann@example.com")
    webhook = subscribe(tenant, hook)
    await console.enter_with_key(stranger, "/grants")
    await expect(console.page.get_by_text("No grants yet")).to_be_visible()
    for where in (f"/grants/{grant['id']}", f"/webhooks/{webhook['id']}"):
        await console.go(where)
        refusal = console.page.get_by_role("alert").first
        await expect(refusal).to_contain_text("Request")
        await expect(console.page.locator("main")).not_to_contain_text("ann@example.com")
        await expect(console.page.locator("main")).not_to_contain_text(hook.url)
    one, hooked = f"/v3/grants/{grant['id']}", f"/v3/webhooks/{webhook['id']}"
    tries = [
        ("POST", f"{one}/check"),
        ("POST", f"{one}/invalidate"),
        ("GET", f"{one}/reconnect-link"),
        ("GET", f"{one}/timeline"),
        ("DELETE", one),
        ("GET", f"{hooked}/deliveries"),
        ("POST", f"{hooked}/deliveries/replay-failed"),
        ("PUT", f"{hooked}/rotate-secret"),
        ("DELETE", hooked),
        ("POST", "/v3/connectors/google/test"),
        ("DELETE", "/v3/connectors/google"),
        ("GET", f"/v3/admin/applications/{tenant.application.id}/api-keys"),
        ("GET", "/v3/admin/domains"),
        ("GET", "/v3/console/sessions"),
    ]
    statuses = await console.page.evaluate(
        """(tries) => Promise.all(tries.map(async ([method, path]) =>
            (await fetch(path, {method, headers: {"X-OpenGrant-Console": "1"}})).status))""",
        tries,
    )
    # Of a webhook that is not there the wire says 400; what takes an operator is refused before anything is looked for.
    assert statuses == [404] * 5 + [400] * 4 + [404] * 2 + [403] * 3
    titles = ("Overview", "Webhooks", "Connectors", "Audit trail", "API keys")
    for where, title in zip(("/", "/webhooks", "/connectors", "/audit", "/keys"), titles, strict=True):
        await console.go(where)
        await expect(console.title).to_have_text(title)
        await expect(console.page.locator("main .loading")).to_have_count(0)
        text = await console.page.locator("main").inner_text()
        assert "ann@example.com" not in text
        assert hook.url not in text
        assert tenant.application.id not in text


# ── What takes an operator ───────────────────────────────────────────────────────────────────────────────────


async def test_keys_are_made_shown_once_and_revoked_and_sessions_end(console: Console, tenant: Tenant) -> None:
    page = console.page
    other = sign_in(tenant.server, {"api_key": tenant.api_key})
    await console.enter(tenant, "/keys")
    await console.press("New key")
    await console.dialog.get_by_label("Name").fill("nightly sync")
    await console.dialog.get_by_label("Lifetime in days").fill("30")
    await console.dialog.get_by_label("grants.token").check()
    await console.press_there("Create key")
    for _ in range(2):  # a browser insists on the second
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("heading", name="The key “nightly sync” is created")).to_be_visible()
    key = await console.kept_secret("the key")
    with tenant.server.client(key) as made:
        assert made.get("/v3/grants").status_code == 200
        await expect(console.row("nightly sync")).to_contain_text("all, grants.token")
        await console.press("Revoke nightly sync")
        await console.confirm("Revoke the key", "nightly sync")
        await expect(console.row("nightly sync")).to_contain_text("Revoked")
        assert made.get("/v3/grants").status_code == 401

    await expect(console.row("This one")).to_contain_text("One-time link")
    by_key = console.row("End session").filter(has_text="API key")
    await by_key.get_by_role("button", name="End session").click()
    await expect(by_key).to_have_count(0)
    with tenant.server.client(None) as ended:
        headers = {"X-OpenGrant-Console": "1", "Cookie": other.headers["set-cookie"].partition(";")[0]}
        assert ended.get("/v3/console/sessions/current", headers=headers).status_code == 401
    await console.row("This one").get_by_role("button", name="Sign out").click()
    await expect(console.title).to_have_text("Sign in")


async def test_a_domain_is_added_published_found_and_deleted(console: Console, tenant: Tenant, dns: FakeDns) -> None:
    page = console.page
    await console.enter(tenant, "/domains")
    await console.press("Add a domain")
    await console.dialog.get_by_label("Domain").fill("not a domain")
    await console.press_there("Add")
    await expect(console.dialog.get_by_role("alert")).to_contain_text("Request")
    await console.dialog.get_by_label("Domain").fill("agents.example.com")
    await console.press_there("Add")
    await expect(console.title).to_have_text("agents.example.com")
    records = page.locator(".record")
    await page.route("**/v3/admin/domains/*/info", refuse)
    await page.reload()
    await expect(page.get_by_role("alert")).to_contain_text("The database is busy.")
    await page.unroute("**/v3/admin/domains/*/info")
    await console.press("Try again")
    await expect(records).to_have_count(5)
    for record in await records.all():
        kind, host, value = await record.locator("code").all_inner_texts()
        name = "agents.example.com" if host == "@" else f"{host}.agents.example.com"
        pieces = (value[at : at + 250] for at in range(0, len(value), 250))
        value = f"{value}." if kind == "MX" else " ".join(f'"{piece}"' for piece in pieces)
        dns.records.setdefault((name, kind), []).append(value)
    ownership = dns.records[("agents.example.com", "TXT")].pop(0)
    await console.press("Check now: Ownership")
    await expect(records.first).to_contain_text("not there yet")
    await expect(records.first).to_contain_text(re.compile(r"Last checked \d\d:\d\d:\d\d"))
    dns.records[("agents.example.com", "TXT")].append(ownership)
    await console.press("Check all now")
    await expect(page.get_by_text("All five are there")).to_be_visible()
    await page.get_by_role("link", name="Domains").first.click()
    await expect(console.row("agents.example.com").get_by_text(" found", exact=False)).to_have_count(5)
    await page.get_by_role("link", name="agents.example.com").click()
    await console.press("Delete")
    await console.confirm("Delete the domain", "agents.example.com")
    await expect(page.get_by_text("No domains yet")).to_be_visible()


async def test_the_trail_is_filtered_and_read_on(console: Console, tenant: Tenant) -> None:
    page = console.page
    tenant.connector("virtual-calendar")
    grants = [data(tenant.connect("virtual-calendar", {"email": f"room-{number}"})) for number in range(55)]
    await console.enter(tenant, "/audit")
    await expect(page.get_by_role("row")).to_have_count(51)
    await console.press("Load more")
    await expect(page.get_by_role("row").filter(has_text="connector.created")).to_have_count(1)
    what = page.get_by_label("What")
    await what.fill("connector.created")
    await what.press("Enter")
    await expect(page.get_by_role("row")).to_have_count(2)
    await expect(what).to_be_focused()
    await page.locator("summary").click()
    await expect(page.get_by_role("row").last).to_contain_text("Connector ID")
    await console.press("Clear")
    latest = page.get_by_role("row").filter(has_text="grant.created").first
    await expect(latest).to_contain_text(re.compile(r"\d{4}, \d\d:\d\d:\d\d"))
    await expect(latest.get_by_role("link", name=grants[-1]["id"][:8])).to_have_attribute(
        "href", f"#/grants/{grants[-1]['id']}"
    )
    await expect(latest).to_contain_text("API key “")
    # The rest of one list is not put into another, which is asked for meanwhile.
    await page.route("**/v3/audit?*page_token=*", hold)
    await console.press("Load more")
    async with page.expect_event("requestfailed", lambda request: "page_token" in request.url):
        await page.get_by_role("link", name="grant.created").first.click()
    await expect(page.get_by_label("What")).to_have_value("grant.created")
    await page.unroute("**/v3/audit?*page_token=*")
    await console.press("Load more")
    await expect(page.get_by_role("row")).to_have_count(56)
    await console.go(f"/grants/{grants[0]['id']}")
    await page.get_by_role("link", name="In the audit trail").click()
    await expect(console.title).to_have_text("Audit trail")  # the page before has something of that label, too
    await expect(page.get_by_label("Grant")).to_have_value(grants[0]["id"])
    await expect(page.get_by_role("row")).to_have_count(2)


# ── For everybody ────────────────────────────────────────────────────────────────────────────────────────────


@pytest_asyncio.fixture(loop_scope="module")
async def furnished(tenant: Tenant, provider: FakeOAuth, hook: Hook) -> AsyncIterator[list[str]]:
    """An application with something of everything; the places to look at."""
    for name in ("google", "virtual-calendar"):
        tenant.connector(name)
    good, bad = (gmail(tenant, provider, f"{name}@example.com") for name in ("ann", "bea"))
    provider.revokes("bea@example.com")
    age(tenant)
    tenant.post(f"/v3/grants/{bad['id']}/check", {})
    webhook = subscribe(tenant, hook)
    organization = tenant.server.call(tenant.server.services.service_accounts.organization()).id
    domain = tenant.server.call(
        tenant.server.services.domains.create(organization, f"{tenant.application.id}.example.com", "Mail")
    )
    yield [
        "/",
        "/grants",
        f"/grants/{good['id']}",
        f"/grants/{bad['id']}",
        "/connectors",
        "/connectors/google",
        "/connectors/microsoft",
        "/webhooks",
        f"/webhooks/{webhook['id']}",
        "/keys",
        "/domains",
        f"/domains/{domain.id}",
        "/audit",
        "/requests",
        "/nowhere",
    ]


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")], ids=["phone", "desktop"])
async def test_no_page_has_an_accessibility_violation_or_scrolls_sideways(
    browser: Browser,
    watch: Watch,
    site: LiveServer,
    tenant: Tenant,
    furnished: list[str],
    axe: str,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    """Each size has one scheme: what a size changes knows no colours."""
    view = await browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    watch.over(view)
    await view.add_init_script(axe)
    console = Console(await view.new_page(), site)

    async def look(where: str) -> None:
        await expect(console.page.locator(".loading")).to_have_count(0)
        await console.page.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true })")
        assert await violations(console.page) == [], where
        assert await console.page.evaluate("document.documentElement.scrollWidth") <= width, f"{where} scrolls sideways"

    await console.page.goto(console.url)
    await expect(console.title).to_have_text("Sign in")
    await look("sign-in")
    await console.enter(tenant)
    for where in furnished:
        await console.go(where)
        await expect(console.title).to_be_visible()
        await look(where)
    for where, button in (
        (furnished[2], "Reconnect"),
        ("/grants", "Connect a mailbox"),
        (furnished[2], "Delete"),
        ("/webhooks", "New webhook"),
        ("/keys", "New key"),
        ("/connectors/google", "Add a credential"),
    ):
        await console.go(where)
        await console.press(button)
        await expect(console.dialog).to_be_visible()
        await look(f"{where} {button}")
        await console.page.keyboard.press("Escape")
        await expect(console.dialog).to_have_count(0)
    await view.close()
    assert watch.broken == []


async def test_by_keyboard_alone_one_skips_goes_and_is_told_where_one_is(
    console: Console, tenant: Tenant, provider: FakeOAuth
) -> None:
    page = console.page
    tenant.connector("google")
    gmail(tenant, provider, "ann@example.com")
    await console.enter(tenant)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Skip to the page")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await page.get_by_role("link", name="Grants", exact=True).focus()
    await page.keyboard.press("Enter")
    await expect(console.title).to_be_focused()
    await expect(page).to_have_title("Grants · OpenGrant console")
    await expect(page.get_by_role("link", name="Grants", exact=True)).to_have_attribute("aria-current", "page")
    await page.get_by_role("link", name="ann@example.com").focus()
    await page.keyboard.press("Enter")
    await expect(page).to_have_title("ann@example.com · OpenGrant console")
    await expect(console.title).to_be_focused()  # a page takes the focus once, after it is drawn
    delete = page.get_by_role("button", name="Delete", exact=True)
    await delete.focus()
    for leave in ("Escape", "Cancel"):
        await page.keyboard.press("Enter")
        await expect(console.dialog).to_be_visible()
        if leave == "Cancel":
            await console.dialog.get_by_role("button", name="Cancel").focus()
        await page.keyboard.press("Enter" if leave == "Cancel" else "Escape")
        await expect(console.dialog).to_have_count(0)
        await expect(delete).to_be_focused()


async def test_on_a_phone_the_places_are_behind_a_button(
    view: BrowserContext, site: LiveServer, tenant: Tenant
) -> None:
    console = Console(await view.new_page(), site)
    await console.page.set_viewport_size({"width": 360, "height": 740})
    await console.enter(tenant)
    menu = console.page.get_by_role("button", name="Menu")
    await expect(menu).to_have_attribute("aria-expanded", "false")
    await expect(console.page.get_by_role("navigation", name="Console")).to_be_hidden()
    await menu.click()
    await console.page.get_by_role("link", name="Audit trail").click()
    await expect(console.title).to_have_text("Audit trail")
    await expect(console.page.get_by_role("navigation", name="Console")).to_be_hidden()
    await menu.click()
    await console.page.get_by_role("link", name="Audit trail").click()  # where one is already
    await expect(console.page.get_by_role("navigation", name="Console")).to_be_hidden()
