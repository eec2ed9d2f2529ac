"""Hosted sign-in from end to end: Chromium, consent pages that others wrote, a mail server, and a code redeemed."""

import re
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.peers.dovecot import ACCOUNTS, ELSEWHERE, Dovecot
from tests.peers.emulate import Emulate
from tests.signin.application import WebApplication
from tests.support import Tenant, data

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALICE = "alice@example.test"
SCOPES = {
    "google": ["openid", "email", "profile"],
    "microsoft": ["openid", "email", "profile", "offline_access", "User.Read"],
}


@pytest.fixture
def site(site: Tenant, emulate: Emulate) -> Tenant:
    """An application with connectors for all that can be signed in to here."""
    for provider, scope in SCOPES.items():
        site.connector(provider, settings=dict(emulate.client), scope=scope)
    site.connector("imap")
    return site


def way_in(site: Tenant, application: WebApplication, **more: str) -> str:
    """The address that the application sends its user to."""
    asked = {"client_id": site.application.id, "redirect_uri": application.callback, "response_type": "code", **more}
    return f"{site.server.url}/v3/connect/auth?{urlencode(asked)}"


def redeem(site: Tenant, application: WebApplication, code: str) -> Any:
    """What the application gets for its code."""
    body = {
        "grant_type": "authorization_code",
        "client_id": site.application.id,
        "client_secret": site.api_key,
        "code": code,
        "redirect_uri": application.callback,
    }
    answer = httpx.post(f"{site.server.url}/v3/connect/token", json=body, trust_env=False, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def consent(page: Page, email: str) -> None:
    """On the emulator's page, be this user; then the browser is led back to the application."""
    await page.get_by_role("button", name=email).click()
    await expect(page).to_have_title("Connected")


@pytest.mark.parametrize(("provider", "button"), [("google", "Google"), ("microsoft", "Microsoft")])
async def test_a_user_picks_a_provider_consents_there_and_is_connected(
    page: Page, site: Tenant, application: WebApplication, provider: str, button: str
) -> None:
    await page.goto(way_in(site, application, state="s-1", access_type="offline"))
    await page.get_by_role("button", name=button).click()
    await consent(page, "bob@example.com")
    told = application.told()
    assert told.keys() == {"code", "state"}
    assert told["state"] == "s-1"
    assert site.grants() == 0, "nothing is a grant before its code is redeemed"
    tokens = redeem(site, application, told["code"])
    assert (tokens["email"], tokens["provider"]) == ("bob@example.com", provider)
    assert tokens["refresh_token"]
    made = data(site.get(f"/v3/grants/{tokens['grant_id']}"))
    assert (made["email"], made["grant_status"], made["state"]) == ("bob@example.com", "valid", "s-1")


async def test_the_address_leads_to_its_provider(page: Page, site: Tenant, application: WebApplication) -> None:
    await page.goto(way_in(site, application, prompt="detect"))
    await page.get_by_label("Email address").fill("erin@gmail.com")
    await page.get_by_role("button", name="Continue").click()
    await consent(page, "erin@gmail.com")
    tokens = redeem(site, application, application.told()["code"])
    assert (tokens["email"], tokens["provider"]) == ("erin@gmail.com", "google")


async def test_a_mailbox_is_connected_by_keyboard_alone_at_the_second_try(
    page: Page, site: Tenant, application: WebApplication, dovecot: Dovecot
) -> None:
    await page.goto(way_in(site, application, provider="imap"))
    await expect(page.get_by_label("Email address")).to_be_focused()
    await expect(page.locator("#password")).to_have_count(0)
    await page.keyboard.type(ALICE)
    await tab_to(page, page.get_by_text("Server settings").locator("xpath=ancestor::summary"))
    await page.keyboard.press("Enter")
    servers = {"imap_host": ELSEWHERE, "imap_port": dovecot.imaps, "smtp_host": ELSEWHERE}
    for field, value in {**servers, "smtp_port": dovecot.submissions}.items():
        await type_into(page, field, str(value))
    await page.keyboard.press("Enter")
    await expect(page.locator("#password")).to_be_focused()
    await expect(page.locator("#password")).to_have_accessible_description(
        re.compile(f"sent, encrypted, to: {ELSEWHERE}")
    )
    await page.keyboard.type("wrong")
    await page.keyboard.press("Enter")
    await expect(page.locator(".summary")).to_be_focused()
    await expect(page.locator(".summary")).to_contain_text("Password: The password was not accepted.")
    await expect(page.locator("#password")).to_have_accessible_description(re.compile("The password was not accepted"))
    await expect(page.get_by_text("The server said:")).to_be_hidden()
    await tab_to(page, page.get_by_text("Details"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("The server said:")).to_contain_text("AUTHENTICATIONFAILED")
    await expect(page.locator("#email")).to_have_value(ALICE)
    await expect(page.locator("#password")).to_have_value("")
    await type_into(page, "password", ACCOUNTS[ALICE])
    await page.keyboard.press("Enter")
    await expect(page).to_have_title("Connected")
    tokens = redeem(site, application, application.told()["code"])
    assert (tokens["email"], tokens["provider"]) == (ALICE, "imap")


async def tab_to(page: Page, element: Any) -> None:
    """Press Tab until the element has the focus."""
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await element.evaluate("element => element === document.activeElement"):
            return
    raise AssertionError("nobody gets there with the keyboard")


async def type_into(page: Page, field: str, text: str) -> None:
    await tab_to(page, page.locator(f"#{field}"))
    await page.keyboard.type(text)


@pytest.mark.parametrize("provider", ["google,microsoft", "imap"])
async def test_who_cancels_is_led_back_with_that(
    page: Page, site: Tenant, application: WebApplication, provider: str
) -> None:
    await page.goto(way_in(site, application, provider=provider, state="s-1"))
    ours = page.url
    await page.get_by_role("button", name="Cancel").click()
    await expect(page).to_have_title("Connected")
    told = application.told()
    assert (told["error"], told["state"]) == ("access_denied", "s-1")
    await page.goto(ours)
    await expect(page.get_by_role("main")).to_contain_text("This sign-in is over")


async def test_who_comes_too_late_is_told_to_start_again(page: Page, site: Tenant, application: WebApplication) -> None:
    await page.goto(way_in(site, application))
    site.server.rows("update logins set expires_at = 1 where application_id = $1", site.application.id)
    await page.get_by_role("button", name="Google").click()
    await expect(page.get_by_role("main")).to_contain_text("start it again")
    await page.goto(way_in(site, application))
    await page.get_by_role("button", name="Google").click()
    await expect(page).to_have_url(re.compile("/o/oauth2/v2/auth"))


async def test_a_consent_that_comes_too_late_connects_nothing(
    page: Page, site: Tenant, application: WebApplication
) -> None:
    await page.goto(way_in(site, application, provider="google"))
    site.server.rows("update logins set expires_at = 1 where application_id = $1", site.application.id)
    await page.get_by_role("button", name="bob@example.com").click()
    await expect(page.get_by_role("main")).to_contain_text("This sign-in is over")
    assert site.server.rows("select 1 from login_codes where application_id = $1", site.application.id) == []
