"""/reference: made from /openapi.json, with an editor that knows each body, and a place to try every operation."""

import ast
import inspect
import json
import operator
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import nylas
import pytest
import tree_sitter_go
import tree_sitter_java
import tree_sitter_php
import tree_sitter_ruby
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect
from tree_sitter import Language, Parser

from tests.peers.dovecot import Dovecot
from tests.peers.nodejs import NODE, install
from tests.support import LiveServer, Tenant, data, imap, secret
from tests.web.conftest import Late, Watch, follow, hold, violations

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIRST_VIEW = 100_000
"""Compressed bytes of all that a page loads before it is used."""
WITH_EDITOR = 260_000

LANGUAGES = ("curl", "Python", "Node", "Go", "Ruby", "Java", "PHP")
GRAMMARS = {
    "Go": tree_sitter_go.language(),
    "Ruby": tree_sitter_ruby.language(),
    "Java": tree_sitter_java.language(),
    "PHP": tree_sitter_php.language_php(),
}
"""Of the languages that the tests cannot run."""


@pytest.fixture(scope="module")
def openapi(site: LiveServer) -> Any:
    return httpx.get(f"{site.url}/openapi.json", trust_env=False).json()


def resolved(openapi: Any, schema: Any) -> Any:
    while "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def variants(openapi: Any) -> list[Any]:
    """The schemas of connect/custom."""
    body = openapi["paths"]["/v3/connect/custom"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return [resolved(openapi, one) for one in body["oneOf"]]


def slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


class Reference:
    """The page, as somebody uses it."""

    def __init__(self, page: Page, site: LiveServer) -> None:
        self.page = page
        self._url = f"{site.url}/reference"

    async def open(self, where: str = "/", *, key: str = "", trying: bool = True) -> None:
        """`trying`: show the form in place of code."""
        await self.page.goto(f"{self._url}#{where}")
        # While the page loads its list, it has a heading too.
        await expect(self.page.locator("main:not(.alone) h1").first).to_be_visible()
        if key:
            await self.page.get_by_label("API key", exact=True).fill(key)
        if trying and where.startswith("/operation"):
            await self.choose("Try it")

    async def choose(self, tab: str) -> None:
        await self.page.get_by_role("tab", name=tab, exact=True).click()

    async def go(self, where: str) -> None:
        """Within the page, as a link leads."""
        await follow(self.page, where)

    def editor(self, variant: str = "") -> Locator:
        return self.page.locator(".cm-content").and_(self.page.get_by_label(f"Request body, JSON, {variant}"))

    async def write(self, text: str, *, left: int = 0, variant: str = "") -> None:
        """Replace the body, then go `left` characters back."""
        await self.editor(variant).focus()
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.insert_text(text)
        for _ in range(left):
            await self.page.keyboard.press("ArrowLeft")

    async def suggestions(self) -> list[str]:
        await self.page.keyboard.press("Control+Space")
        await expect(self.page.locator(".cm-tooltip-autocomplete")).to_be_visible()
        return await self.page.locator(".cm-completionLabel").all_inner_texts()

    async def send(self) -> Locator:
        """Returns the panel of the answer."""
        await self.choose("Try it")
        await self.page.get_by_role("button", name="Send", exact=True).click()
        answer = self.page.get_by_role("region", name="Answer", exact=True)
        await expect(answer).to_be_visible()
        return answer

    async def code(self, language: str) -> str:
        await self.choose("Code")
        await self.choose(language)
        return await self.page.locator("[data-code] pre").text_content() or ""


@pytest.fixture
def reference(page: Page, site: LiveServer) -> Reference:
    return Reference(page, site)


async def test_it_makes_a_grant_for_a_virtual_calendar(reference: Reference, tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    await reference.open("/operation/connect_custom/virtual-calendar", key=tenant.api_key)
    await expect(reference.editor("Virtual calendar")).to_be_visible()
    answer = await reference.send()
    await expect(answer).to_contain_text("201 Created")
    await expect(answer).to_contain_text(re.compile(r"\d+ ms|\d\.\d s"))
    (grant,) = data(tenant.get("/v3/grants"))
    assert grant["email"] == "room-7"
    await expect(answer).to_contain_text(grant["id"])
    await answer.get_by_text("headers").click()
    await expect(answer.locator("dl")).to_contain_text("x-request-id")
    fold = answer.locator("summary", has_text='"data"')
    await fold.click()
    await expect(answer.get_by_text(grant["id"])).to_be_hidden()


async def test_it_makes_a_grant_for_an_imap_account(reference: Reference, tenant: Tenant, dovecot: Dovecot) -> None:
    tenant.connector("imap")
    await reference.open("/operation/connect_custom/imap", key=tenant.api_key)
    settings = imap(dovecot, "alice@example.test")
    await reference.write(json.dumps({"provider": "imap", "settings": settings}), variant="IMAP")
    answer = await reference.send()
    await expect(answer).to_contain_text("201 Created")
    (grant,) = data(tenant.get("/v3/grants"))
    assert (grant["provider"], grant["email"]) == ("imap", "alice@example.test")
    await reference.write(json.dumps({"provider": "imap", "settings": {**settings, "imap_password": "wrong"}}))
    await reference.page.keyboard.press("Control+Enter")
    await expect(answer).to_contain_text("400 Bad request")
    await expect(answer).to_contain_text("grant.invalid_authentication")


async def test_suggestions_are_exactly_the_keys_of_the_schema_in_each_of_the_ten_variants(
    reference: Reference, openapi: Any
) -> None:
    shapes = variants(openapi)
    assert len(shapes) == 10
    await reference.open("/operation/connect_custom")
    for shape in shapes:
        title, members = shape["title"], shape["properties"]
        await reference.go(f"/operation/connect_custom/{slug(title)}")
        await reference.write("{}", left=1, variant=title)
        offered = await reference.suggestions()
        assert sorted(offered) == sorted(members), title
        assert set(offered[: len(shape["required"])]) == set(shape["required"]), "the required ones come first"
        await reference.page.keyboard.press("Escape")
        provider = members["provider"].get("const") or members["provider"]["enum"][0]
        await reference.write(f'{{"provider": "{provider}", "settings": {{}}}}', left=2)
        inner = resolved(openapi, members["settings"])["properties"]
        assert sorted(await reference.suggestions()) == sorted(inner), title
        await reference.page.keyboard.press("Escape")


async def test_suggestions_leave_out_what_is_there_and_know_values(reference: Reference, openapi: Any) -> None:
    await reference.open("/operation/connect_custom/refresh-token")
    await reference.write('{"provider": , "settings": {}}', left=17, variant="Refresh token")
    shape = next(one for one in variants(openapi) if one["title"] == "Refresh token")
    assert sorted(await reference.suggestions()) == sorted(shape["properties"]["provider"]["enum"])
    await reference.page.keyboard.press("Enter")
    await expect(reference.editor()).to_contain_text(re.compile(r'"provider": "(google|microsoft|yahoo)"'))
    await reference.write('{"provider": "google", "settings": {}, }', left=1)
    assert set(await reference.suggestions()) == set(shape["properties"]) - {"provider", "settings"}
    await reference.page.keyboard.press("Escape")
    # Within quotes, filtered by what is typed; with a value to fill in.
    await reference.write('{"provider": "google", }', left=1)
    await reference.page.keyboard.type('"sta')
    await expect(reference.page.locator(".cm-completionLabel").first).to_have_text("state")
    await reference.page.keyboard.press("Enter")
    await reference.page.keyboard.type("s-1")
    await expect(reference.editor()).to_have_text('{"provider": "google", "state": "s-1"}')


async def test_what_is_wrong_is_underlined_and_said_plainly(reference: Reference) -> None:
    await reference.open("/operation/connect_custom/imap")
    page = reference.page
    settings = {"imap_username": "eve@example.com", "imap_password": "p", "imap_port": ["993"]}
    await reference.write(json.dumps({"provider": "imap", "settings": settings}), variant="IMAP")
    wrong = page.locator(".cm-lintRange-error")
    await expect(wrong).to_have_text(['["993"]'])
    sentence = "imap_port must be a whole number (1 to 65535) or a string of digits."
    await expect(page.locator(".finding")).to_have_text([f"Line 1{sentence}"])
    decoration: Any = await wrong.evaluate("(one) => getComputedStyle(one).textDecorationLine")
    assert decoration == "underline"
    await wrong.hover()
    await expect(page.locator(".cm-tooltip")).to_contain_text(sentence.replace("imap_port", "`imap_port`"))
    for text, said in {
        '{"provider": "imap", "settings": {"imap_username": "eve@example.com"}}': "settings needs imap_password.",
        '{"provider": "google", "settings": {"imap_username": "e", "imap_password": "p"}}': 'provider must be "imap".',
        '{"provider": "imap", "settings": {"imap_username": "e", "imap_password": "p"},}': "JSON has no comma after the"
        " last entry. Take it out.",
        '{"provider": "imap", "settings": {"imap_username": "e", "imap_password": "p", "imap_prot": 1}}': "imap_prot is"
        " not a field of this request; the server ignores it.",
    }.items():
        await reference.write(text)
        await expect(page.locator(".finding")).to_have_text([f"Line 1{said}"])
    await page.locator(".cm-content").get_by_text("imap_password").hover()
    await expect(page.locator(".cm-tooltip .card")).to_contain_text("Password, or app password")


async def test_each_variant_keeps_what_was_written_and_begins_as_its_example(
    reference: Reference, openapi: Any
) -> None:
    await reference.open("/operation/connect_custom/icloud")
    await expect(reference.editor("iCloud")).to_contain_text('"icloud"')
    await reference.write('{"provider": "icloud"}', variant="iCloud")
    await reference.page.get_by_role("link", name=re.compile("^EWS")).click()
    await expect(reference.editor("EWS")).to_contain_text('"ews_username"')
    await reference.page.get_by_role("link", name=re.compile("^iCloud")).click()
    await expect(reference.editor("iCloud")).to_have_text('{"provider": "icloud"}')
    await reference.page.get_by_role("button", name="Reset").click()
    await expect(reference.editor("iCloud")).to_contain_text('"password"')


async def test_the_keyboard_alone_makes_a_grant(reference: Reference, tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    await reference.open("/")
    page = reference.page
    press, write = page.keyboard.press, page.keyboard.type

    async def until(name: str, key: str = "Tab", most: int = 60) -> None:
        """Press the key until what has this name has the focus; it must be seen to."""
        for _ in range(most):
            await press(key)
            here: Any = await page.evaluate(
                """async () => {
                    let at = document.activeElement;
                    while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
                    const ring = at.closest(".cm-editor") ?? at;
                    const named = at.getAttribute("aria-label") ?? at.labels?.[0]?.textContent ?? at.textContent;
                    const due = Date.now() + 2000; // the editor draws its own a moment later
                    while (getComputedStyle(ring).outlineStyle === "none" && ring !== at && Date.now() < due) {
                        await new Promise(requestAnimationFrame);
                    }
                    return [named.trim(), getComputedStyle(ring).outlineStyle];
                }"""
            )
            if here[0].startswith(name):
                assert here[1] != "none", f"{name} shows no focus"
                return
        raise AssertionError(f"{name} was not reached")

    await press("/")
    await expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    await write("connect custom")
    await expect(page.locator(".hit").first).to_have_attribute("aria-selected", "true")
    await press("Enter")
    await expect(page.locator("main")).to_be_focused()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page).to_have_title("Create a grant · OpenGrant API")
    await expect(page.locator(".picker")).to_be_visible()  # loaded with the operation; without it, Tab leaves the page
    await until("Virtual calendar")
    await press("Enter")
    await expect(page.locator(".picker [aria-current]")).to_contain_text("Virtual calendar")
    await until("Code")
    await press("ArrowRight")
    await expect(reference.editor("Virtual calendar")).to_be_visible()
    await until("Enter an API key")
    await press("Enter")
    await write(tenant.api_key)
    await until("Request body, JSON, Virtual calendar", most=300)
    await press("Control+a")
    await write('{"prov')
    await expect(page.locator(".cm-completionLabel")).to_have_text(["provider"])
    await press("Enter")
    await write(', "set')
    await expect(page.locator(".cm-completionLabel")).to_have_text(["settings"])
    await press("Enter")
    await expect(page.locator(".cm-completionLabel")).to_have_text(["email"])
    await press("Enter")
    await write("room-by-keyboard")
    await expect(page.locator(".finding")).to_have_count(0)
    await press("Tab")  # leaves the editor
    await expect(reference.editor()).not_to_be_focused()
    await expect(page.get_by_role("button", name="Send", exact=True)).to_be_focused()
    await press("Enter")
    answer = page.get_by_role("region", name="Answer", exact=True)
    await expect(answer).to_contain_text("201 Created")
    assert [grant["email"] for grant in data(tenant.get("/v3/grants"))] == ["room-by-keyboard"]


async def test_secrets_are_hidden_until_asked_for_and_the_key_is_kept_nowhere(
    reference: Reference, tenant: Tenant, view: BrowserContext
) -> None:
    page, password = reference.page, secret("imap")
    await view.grant_permissions(["clipboard-read", "clipboard-write"])
    await reference.open("/operation/connect_custom/imap", key=tenant.api_key)
    settings = {"imap_username": "eve@example.com", "imap_password": password}
    await reference.write(json.dumps({"provider": "imap", "settings": settings}), variant="IMAP")
    for language in LANGUAGES:
        code = await reference.code(language)
        assert "eve@example.com" in code
        assert password not in code
        assert tenant.api_key not in code
        assert {"OPENGRANT_API_KEY", "IMAP_PASSWORD"} <= set(re.findall(r"[A-Z_]{8,}", code))
    await reference.choose("curl")
    copy = page.get_by_role("button", name="Copy curl code")
    await copy.click()
    await expect(copy).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == await reference.code("curl")
    await page.get_by_role("button", name="Show secrets").click()
    for language in LANGUAGES:
        assert password in await reference.code(language)
        assert tenant.api_key in await reference.code(language)
    kept: Any = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert tenant.api_key not in kept
    assert tenant.api_key not in page.url
    await page.reload()
    await expect(page.get_by_label("API key", exact=True)).to_have_value("")
    await expect(page.get_by_role("tab", name="PHP")).to_have_attribute("aria-selected", "true")
    await reference.choose("Try it")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Enter an API key first")
    await expect(page.get_by_label("API key", exact=True)).to_be_focused()
    await page.keyboard.type("n")
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_parameters_are_filled_in_and_a_deletion_is_asked_about(reference: Reference, tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    grant = data(tenant.connect("virtual-calendar", {"email": "room-7"}))
    page = reference.page
    await reference.open("/operation/list_grants", key=tenant.api_key)
    await page.get_by_text("optional parameters").click()
    await page.get_by_label(re.compile("^sort_by")).select_option("updated_at")
    await page.get_by_label(re.compile("^limit")).fill("5")
    assert "/v3/grants?sort_by=updated_at&limit=5" in await reference.code("curl")
    await expect(await reference.send()).to_contain_text(grant["id"])
    await expect(page.get_by_text("acts on the application of the API key")).to_be_visible()
    await reference.go("/operation/delete_grant")
    send = page.get_by_role("button", name="Send", exact=True)
    await send.click()
    await expect(page.get_by_text("Fill in grant_id")).to_be_visible()
    await expect(page.get_by_label(re.compile("^grant_id"))).to_be_focused()
    await page.keyboard.insert_text(f" {grant['id']} ")  # as it is pasted
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text(f"DELETE /v3/grants/{grant['id']}")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    assert tenant.grants() == 1
    await page.get_by_label(re.compile("^grant_id")).press("Control+Enter")
    await dialog.get_by_role("button", name="Send DELETE").click()
    await expect(page.get_by_role("region", name="Answer", exact=True)).to_contain_text("200 OK")
    assert data(tenant.get("/v3/grants")) == []


async def test_what_cannot_be_tried_with_a_key_says_why(reference: Reference, tenant: Tenant) -> None:
    page = reference.page
    await reference.open("/operation/create_api_key", key=tenant.api_key)
    await expect(page.get_by_text("signed by a service account.")).to_be_visible()
    await expect(page.get_by_role("button", name="Send", exact=True)).to_have_count(0)
    await reference.go("/operation/begin")
    await page.get_by_label(re.compile("^client_id")).fill(tenant.application.id)
    await page.get_by_label(re.compile("^redirect_uri")).fill("https://app.example/cb")
    await page.get_by_label(re.compile("^response_type")).select_option("code")
    link = page.get_by_role("link", name="Open in a new tab")
    address = f"/v3/connect/auth?client_id={tenant.application.id}&redirect_uri=https%3A%2F%2Fapp"
    await expect(link).to_have_attribute("href", re.compile(f"^{re.escape(address)}"))


async def test_an_answer_stays_with_the_body_that_it_is_about(reference: Reference, tenant: Tenant) -> None:
    page = reference.page
    outcome = page.locator(".outcome")
    await page.route("**/v3/connect/custom", hold)
    await reference.open("/operation/connect_custom/virtual-calendar", key=tenant.api_key)
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(outcome).to_contain_text("Waiting")
    await reference.go("/operation/connect_custom/imap")
    await expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible()
    await expect(outcome).to_be_empty()
    await reference.go("/operation/connect_custom/virtual-calendar")
    await page.get_by_role("button", name="Give up").click()
    await expect(outcome).to_contain_text("You gave up waiting.")
    # What is wrong is told in each of the ways in which it is said, and nothing where nothing is.
    await reference.go("/operation/exchange_token")
    await expect(await reference.send()).to_contain_text("400 Bad request")
    description = await outcome.locator(".notice.wrong p").first.inner_text()
    assert description in await outcome.locator(".answer-body").inner_text()
    await page.route("**/v3/connect/token", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(outcome).to_contain_text("502")
    await expect(outcome.locator(".notice")).to_have_count(0)


async def test_an_example_does_not_replace_what_was_written_unasked(reference: Reference) -> None:
    await reference.open("/operation/connect_custom/refresh-token")
    examples = reference.page.get_by_label("Example", exact=True)
    await examples.select_option(index=1)
    await expect(reference.editor("Refresh token")).to_contain_text("microsoft")
    await reference.go("/operation/connect_custom/imap")
    await reference.go("/operation/connect_custom/refresh-token")
    await expect(examples).to_have_value("1")
    await reference.write('{"provider": "yahoo"}', variant="Refresh token")
    for answer, text in (("Keep mine", "yahoo"), ("Replace", "google")):
        await expect(examples).to_have_value("-1")
        await examples.select_option("0")
        await reference.page.get_by_role("dialog").get_by_role("button", name=answer).click()
        await expect(reference.editor()).to_contain_text(text)
    await expect(examples).to_have_value("0")


async def test_a_field_tells_its_bounds_and_not_those_of_the_database(reference: Reference) -> None:
    await reference.open("/operation/list_events")
    article = reference.page.locator("article")
    await expect(article.get_by_text("at least 1", exact=True)).to_be_visible()  # of limit
    await expect(article.get_by_text(str(2**40))).to_have_count(0)
    await expect(article.locator("[data-field^='501.']")).to_contain_text("501 Not implemented")


async def test_the_search_finds_operations_fields_errors_and_words_of_descriptions(reference: Reference) -> None:
    await reference.open("/")
    page = reference.page
    assert not any("find" in name for name in await loaded(page)), "the index is loaded with the first search"
    await page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search")
    await expect(field).to_be_focused()
    first = page.locator(".hit").first
    for words, group, href in (
        ("imap_port", "Fields", "#/operation/connect_custom/imap?field=body.settings.imap_port"),
        ("IMAP port", "Fields", "#/operation/connect_custom/imap?field=body.settings.imap_port"),
        ("429", "Errors", None),
        ("refresh", None, None),
        ("Bring Your Own Authentication", "Operations", "#/operation/connect_custom"),
        ("/v3/connect/tokeninfo", "Operations", "#/operation/get_token_info"),
        ("webhok", None, None),  # misspelt
        ("next_cursor", None, None),
        ("idempotency", None, None),
    ):
        await field.fill(words)
        if group is not None:
            await expect(page.get_by_role("group").first).to_have_accessible_name(group)
        if href is not None:
            await expect(first).to_have_attribute("data-href", href)
        await expect(page.get_by_role("listbox").locator("mark").first, words).to_be_visible()
    await field.fill("list_connectors")  # an id, which is not shown
    await expect(first).to_have_attribute("data-href", "#/operation/list_connectors")
    await field.fill("teapot")
    await expect(page.get_by_text("Nothing found for “teapot”")).to_be_visible()
    await field.fill("grant")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowUp")
    second = page.locator(".hit").nth(1)
    await expect(second).to_have_attribute("aria-selected", "true")
    await expect(field).to_have_attribute("aria-activedescendant", await second.get_attribute("id") or "")
    there = await second.get_attribute("data-href") or ""
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page).to_have_url(re.compile(f"{re.escape(there)}$"))
    await page.keyboard.press("/")
    await expect(field).to_have_value("")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await reference.go("/operation/gone")
    await expect(page.get_by_text("no operation “gone”")).to_be_visible()


async def test_every_field_has_an_address_that_opens_and_marks_it(reference: Reference) -> None:
    page = reference.page
    await reference.open("/operation/connect_custom/imap?field=body.settings.imap_port", trying=False)
    row = page.locator("[data-field='body.settings.imap_port']")
    await expect(row).to_be_focused()
    await expect(row).to_have_class("marked")
    await expect(row).to_be_in_viewport()
    await expect(row).to_contain_text("Example 993")
    other = page.locator("[data-field='body.settings.smtp_port']")
    await other.hover()
    await other.get_by_role("link", name="Link to smtp_port").click()
    await expect(other).to_have_class("marked")
    await expect(row).not_to_have_class("marked")
    await expect(page).to_have_url(re.compile(r"#/operation/connect_custom/imap\?field=body\.settings\.smtp_port$"))
    await reference.go("/operation/list_events?field=200.data.when.start_time")
    await expect(page.locator("[data-field='200.data.when.start_time']")).to_be_focused()
    await reference.go("/operation/connect_custom?field=400.grant.provider_required")
    await expect(page.locator("[data-field='400.grant.provider_required']")).to_be_focused()


async def test_an_example_answer_is_beside_each_request_by_status(reference: Reference, openapi: Any) -> None:
    page = reference.page
    await reference.open("/operation/connect_custom/imap", trying=False)
    answer = page.locator("[data-status]")
    await expect(answer.locator(".json")).to_contain_text('"grant_status": "valid"')
    await expect(answer.locator(".json")).to_contain_text('"provider": "imap"')
    described = openapi["paths"]["/v3/connect/custom"]["post"]["responses"]
    statuses = page.get_by_role("tablist", name="Status of the answer")
    await expect(statuses.get_by_role("tab")).to_have_text(sorted(described))
    await statuses.get_by_role("tab", name="201").press("ArrowRight")
    await expect(answer).to_have_attribute("data-status", "400")
    types = await answer.get_by_label("Error").locator("option").all_inner_texts()
    assert "grant.provider_required" in types
    await answer.get_by_label("Error").select_option(label="grant.provider_required")
    await expect(answer.locator(".json")).to_contain_text('"type": "grant.provider_required"')


async def test_the_session_of_the_console_counts_until_a_key_is_typed(reference: Reference, tenant: Tenant) -> None:
    tenant.connector("virtual-calendar")
    page = reference.page
    await reference.open("/operation/connect_custom/virtual-calendar")
    await expect(page.get_by_text("Enter an API key at the top of the page, or sign in")).to_be_visible()
    proof = {"X-OpenGrant-Console": "1"}
    body = {"api_key": tenant.api_key}
    begun = await page.context.request.post(f"{tenant.server.url}/v3/console/sessions", data=body, headers=proof)
    assert begun.status == 201
    application = (await begun.json())["data"]["application_name"]
    await page.reload()
    await reference.choose("Try it")
    await expect(page.get_by_text("It acts on the application")).to_contain_text(application)
    answer = await reference.send()
    await expect(answer).to_contain_text("201 Created")
    assert tenant.grants() == 1
    code = await reference.code("curl")
    assert "OPENGRANT_API_KEY" in code
    assert "Console" not in code
    await page.get_by_label("API key", exact=True).fill("nyk_v0_wrong")
    await expect(await reference.send()).to_contain_text("401 Unauthorized")
    await page.get_by_label("API key", exact=True).fill("")
    await reference.go("/operation/list_console_sessions")
    await expect(page.get_by_text("sign in to the console", exact=False).last).to_be_visible()
    ended = await page.context.request.delete(f"{tenant.server.url}/v3/console/sessions/current", headers=proof)
    assert ended.ok
    await reference.go("/operation/list_grants")
    await expect(await reference.send()).to_contain_text("401 Unauthorized")
    await expect(page.get_by_text("Enter an API key at the top of the page, or sign in")).to_be_visible()


async def test_who_is_found_to_be_signed_in_is_not_asked_for_a_key_any_longer(
    reference: Reference, tenant: Tenant
) -> None:
    page, late = reference.page, Late()
    proof = {"X-OpenGrant-Console": "1"}
    body = {"api_key": tenant.api_key}
    await page.context.request.post(f"{tenant.server.url}/v3/console/sessions", data=body, headers=proof)
    await page.route("**/v3/console/sessions/current", late.answer)
    await reference.open("/operation/list_grants")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Enter an API key first")
    late.let_go.set()
    await expect(page.get_by_text("It acts on the application")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)


@pytest.fixture
def sdk(workdir: Path) -> Path:
    """A directory in which Node finds the official SDK."""
    (workdir / "node_modules").symlink_to(install("node_sdk") / "node_modules")
    return workdir


def run(command: list[str], directory: Path, given: str = "", **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=directory, input=given, env=env, capture_output=True, text=True, timeout=90, check=False
    )


async def test_the_code_for_connect_custom_runs_as_it_stands(reference: Reference, tenant: Tenant, sdk: Path) -> None:
    tenant.connector("virtual-calendar")
    await reference.open("/operation/connect_custom/virtual-calendar", key=tenant.api_key)
    await reference.write(
        json.dumps({"provider": "virtual-calendar", "settings": {"email": 'o\'brien "room" $HOME 7'}}),
        variant="Virtual calendar",
    )
    env = {"OPENGRANT_API_KEY": tenant.api_key, "PATH": os.environ["PATH"]}
    (sdk / "sample.mjs").write_text(await reference.code("Node"))
    ran = [
        run(["bash", "-s"], sdk, await reference.code("curl"), **env),
        run([sys.executable, "-"], sdk, await reference.code("Python"), **env),
        run([str(NODE), "sample.mjs"], sdk, **env),
    ]
    (grant,) = data(tenant.get("/v3/grants"))
    assert grant["email"] == 'o\'brien "room" $HOME 7'
    for one in ran:
        assert one.returncode == 0, one.stderr
        assert grant["id"] in one.stdout


_COLLECT = """async (wanted) => {
    const found = [];
    for (const { id, method, path, slug, title } of wanted) {
        await new Promise((done) => {
            window.addEventListener("hashchange", done, { once: true });
            location.hash = `/operation/${id}${slug ? `/${slug}` : ""}`;
        });
        const due = Date.now() + 30_000;
        const isThere = () => {
            const header = document.querySelector("article.operation header")?.textContent ?? "";
            const verb = method === "DELETE" ? /DEL/ : new RegExp(method);
            const chosen = document.querySelector(".picker [aria-current] strong")?.textContent ?? title;
            const code = document.querySelector("[data-code] pre");
            return code && header.includes(path) && verb.test(header) && (!slug || chosen === title);
        };
        while (!isThere() && Date.now() < due) {
            await new Promise((done) => setTimeout(done, 1));
        }
        const code = {};
        for (const tab of document.querySelectorAll("[aria-label=Language] [role=tab]")) {
            tab.click();
            await Promise.resolve();
            while (document.querySelector("[data-code]").dataset.code !== tab.dataset.tab && Date.now() < due) {
                await new Promise((done) => setTimeout(done, 0));
            }
            code[tab.textContent] = document.querySelector("[data-code] pre").textContent;
        }
        found.push({ id, there: Boolean(isThere()), code });
    }
    return found;
}"""

_PARSE = """
import vm from "node:vm";
import { readFileSync } from "node:fs";
import Nylas from "nylas";
const bad = [];
for (const { id, code: { Node: node } } of JSON.parse(readFileSync(0, "utf8"))) {
    try { new vm.SourceTextModule(node); } catch (problem) { bad.push(`${id}: ${problem.message}`); }
    for (const [, chain] of node.matchAll(/await nylas\\.([\\w.]+)\\(/g)) {
        const client = new Nylas({ apiKey: "x" });
        const call = chain.split(".").reduce((at, name) => at?.[name], client);
        if (typeof call !== "function") bad.push(`${id}: the SDK has no ${chain}`);
    }
}
process.stdout.write(JSON.stringify(bad));
"""


def wanted(openapi: Any) -> Iterator[dict[str, str]]:
    """Every operation, and every variant of those that have some."""
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            about = {"id": operation["operationId"], "method": method.upper(), "path": path, "slug": "", "title": ""}
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            for one in body.get("oneOf", [{}]):
                title = resolved(openapi, one).get("title", "") if one else ""
                yield {**about, "slug": slug(title), "title": title}


async def test_every_operation_is_there_with_code_that_is_valid(reference: Reference, openapi: Any, sdk: Path) -> None:
    await reference.open("/")
    found: Any = await reference.page.evaluate(_COLLECT, list(wanted(openapi)))
    assert [one["id"] for one in found if not one["there"]] == []
    client = nylas.Client(api_key="x", api_uri="http://localhost")
    parsers = {name: Parser(Language(grammar)) for name, grammar in GRAMMARS.items()}
    misfits: list[str] = []
    for one in found:
        code = one["code"]
        assert tuple(code) == LANGUAGES
        for node in ast.walk(ast.parse(code["Python"], one["id"])):
            if isinstance(node, ast.Call) and (name := ast.unparse(node.func)).startswith("nylas."):
                call = operator.attrgetter(name.removeprefix("nylas."))(client)
                signature = inspect.signature(call)
                given = {str(keyword.arg): keyword.value for keyword in node.keywords}
                try:
                    signature.bind(*node.args, **given)
                except TypeError as problem:
                    misfits.append(f"{name}: {problem}")
        for name, parser in parsers.items():
            assert not parser.parse(code[name].encode()).root_node.has_error, code[name]
    assert misfits == []
    shells = "\n".join(one["code"]["curl"] for one in found)
    shell = run(["bash", "-n"], sdk, shells)
    assert (shell.returncode, shell.stderr) == (0, "")
    (sdk / "parse.mjs").write_text(_PARSE)
    parsed = run([str(NODE), "--no-warnings", "--experimental-vm-modules", "parse.mjs"], sdk, json.dumps(found))
    assert (parsed.returncode, parsed.stdout) == (0, "[]"), parsed.stderr


async def loaded(page: Page) -> dict[str, int]:
    """Bytes over the wire by file, without headers."""
    # A file is listed once it is complete.
    await page.wait_for_load_state("networkidle")
    found: Any = await page.evaluate(
        """[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
            .map((one) => [new URL(one.name).pathname, one.encodedBodySize])"""
    )
    return dict(found)


async def test_the_first_view_is_small_and_the_editor_comes_on_demand(reference: Reference) -> None:
    for where in ("/", "/operation/connect_custom/imap", "/operation/create_event"):
        await reference.page.goto("about:blank")
        await reference.open(where, trying=False)
        await expect(reference.page.locator(".side pre, .intro pre").first).to_be_visible()
        first = await loaded(reference.page)
        assert "/reference/operations" in first
        assert "/openapi.json" not in first
        assert any(name.endswith(".woff2") for name in first)
        assert not any("mount" in name for name in first)
        assert 30_000 < sum(first.values()) < FIRST_VIEW, first
    await reference.choose("Try it")
    await expect(reference.editor()).to_be_visible()
    then = await loaded(reference.page)
    assert any("mount" in name for name in then)
    assert sum(then.values()) < WITH_EDITOR


async def test_the_policy_is_strict_and_the_document_has_nothing_inline(page: Page, site: LiveServer) -> None:
    answer = await page.goto(f"{site.url}/reference")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    document = await answer.text()
    scripts = re.findall(r"<script[^>]*>[^<]*", document)
    assert scripts
    assert all(" src=" in one and one.endswith(">") for one in scripts)
    assert not re.search(r"<style|\son\w+=|\sstyle=", document)


async def test_without_the_editor_a_plain_field_does(
    reference: Reference, tenant: Tenant, view: BrowserContext, watch: Watch
) -> None:
    tenant.connector("virtual-calendar")
    await view.route("**/static/mount.*.js", lambda route: route.abort())
    await reference.open("/operation/connect_custom/virtual-calendar", key=tenant.api_key)
    page = reference.page
    await expect(page.get_by_role("alert")).to_contain_text("The editor could not be loaded")
    plain = page.get_by_role("textbox", name="Request body, JSON, Virtual calendar")
    await plain.fill('{"provider": "virtual-calendar", "settings": {"email": "room-8"}}')
    await expect(await reference.send()).to_contain_text("201 Created")
    await view.unroute("**/static/mount.*.js")
    await page.get_by_role("button", name="Try again").click()
    await expect(reference.editor("Virtual calendar")).to_contain_text("room-8")
    await reference.go("/operation/connect_custom/imap")
    await expect(reference.editor("IMAP")).to_be_visible()
    watch.broken.clear()  # the file that was kept from it


async def test_writing_goes_on_in_the_same_place_when_the_editor_takes_over(
    reference: Reference, view: BrowserContext
) -> None:
    page, late = reference.page, Late()
    await view.route("**/static/mount.*.js", late.answer)
    await reference.open("/operation/connect_custom/imap")
    await page.get_by_role("textbox", name="Request body, JSON, IMAP").fill('{"provider": }')
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.type('"im')
    late.let_go.set()
    await expect(reference.editor("IMAP")).to_be_focused()
    await page.keyboard.type("ap")
    await expect(reference.editor("IMAP")).to_have_text('{"provider": "imap}')


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1440, "light")], ids=["phone", "desktop"])
async def test_nothing_is_inaccessible_or_too_wide(
    browser: Browser,
    site: LiveServer,
    tenant: Tenant,
    axe: str,
    watch: Watch,
    width: int,
    scheme: Literal["light", "dark"],
) -> None:
    """Each size has one scheme: what a size changes knows no colours."""
    tenant.connector("virtual-calendar")
    view = await browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    watch.over(view)
    await view.add_init_script(axe)
    page = await view.new_page()
    reference = Reference(page, site)

    async def look() -> None:
        await expect(page.locator(".loading")).to_have_count(0)
        assert await violations(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, page.url

    await reference.open("/", key=tenant.api_key)
    await look()
    await page.keyboard.press("Control+k")
    await page.get_by_role("combobox", name="Search").fill("grant")
    await expect(page.locator(".hit").first).to_be_visible()
    await look()
    await page.keyboard.press("Escape")
    if width < 800:
        menu = page.get_by_role("button", name="All operations")
        await menu.click()
        await look()
        await page.get_by_role("link", name="Introduction").click()  # where one is already
        await expect(menu).to_have_attribute("aria-expanded", "false")
    await reference.go("/operation/connect_custom/virtual-calendar")
    if width < 800:
        await expect(page.locator(".panel.open")).to_have_count(0)
        await page.get_by_role("button", name="Example answer", exact=True).click()
        await page.get_by_role("button", name="Code and try it").click()
    await look()
    await reference.choose("Try it")
    await reference.write('{"provider": "virtual-calendar", "settings": {"email": 5}, }', left=1)
    await expect(page.locator(".finding")).not_to_have_count(0)
    await reference.suggestions()
    await look()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Reset").click()
    await expect(page.locator(".finding")).to_have_count(0)
    await reference.send()
    await look()
    await reference.go("/operation/get_grant")
    await page.get_by_label(re.compile("^grant_id")).fill("nobody")
    await reference.send()
    await look()
    await reference.go("/operation/delete_domain")
    await expect(page.get_by_text("signed by a service account.")).to_be_visible()
    await look()
    await view.close()
    assert watch.broken == []
