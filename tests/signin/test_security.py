"""Who would steal a sign-in: by a frame, by a cookie, by a header, or by being quick."""

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import Page, expect
from pydantic import SecretStr

from opengrant.errors import CodeUsedTwice
from opengrant.signin.redeem import Redeemed
from tests.fakes.oauth import FakeOAuth
from tests.signin.application import WebApplication
from tests.signin.browsing import BACK, landed, post, redeem, registered, start, through, visiting
from tests.signin.test_flows import way_in
from tests.support import LiveServer, Tenant, data, problem

AT_ONCE = 20


# ── in a browser ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.asyncio(loop_scope="module")
async def test_a_page_of_another_origin_cannot_frame_ours(
    page: Page, site: Tenant, application: WebApplication
) -> None:
    site.connector("imap")
    ours = way_in(site, application, provider="imap")
    await page.goto(ours)
    await expect(page.get_by_label("Email address")).to_be_visible()
    assert await page.evaluate("document.cookie") == "", "a script could read whose sign-in it is"
    async with page.expect_console_message(lambda message: "frame-ancestors 'none'" in message.text):
        await page.goto(f"{application.url}/frame?{ours}")
    (frame,) = page.main_frame.child_frames
    await frame.wait_for_url(re.compile("^chrome-error:"))


# ── on the wire ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shop(tenant: Tenant) -> Tenant:
    """An application with a redirect URI, on either engine, whose Google is scripted."""
    tenant.connector("google")
    return registered(tenant)


@pytest.fixture
def visitor(server: LiveServer) -> Iterator[httpx.Client]:
    with visiting(server) as client:
        yield client


def attributes(answer: httpx.Response) -> tuple[str, set[str]]:
    """(name and value, attributes in lower case) of the one cookie that is set."""
    (told,) = answer.headers.get_list("set-cookie")
    first, *rest = (part.strip() for part in told.split(";"))
    return first, {part.lower() for part in rest}


def test_the_cookie_is_for_our_pages_and_for_no_script(shop: Tenant, visitor: httpx.Client) -> None:
    pair, told = attributes(start(visitor, shop))
    assert told == {"max-age=900", "path=/v3/connect", "httponly", "samesite=lax"}, "no Domain, as long as the sign-in"
    name, _, value = pair.partition("=")
    assert re.fullmatch("opengrant_browser_[0-9a-f]{8}", name)
    assert re.fullmatch(r"[\w-]{43}", value), "256 bits of chance"
    assert shop.application.id not in value


def test_over_https_the_cookie_stays_on_https(log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory) -> None:
    env = {"OPENGRANT_PUBLIC_URL": "https://grants.example.test"}
    with LiveServer(env, tmp_path_factory.mktemp("public"), log_stream) as live, visiting(live) as client:
        made = registered(live.tenant())
        made.connector("imap")
        began = start(client, made)
        pair, told = attributes(began)
        # What another host of the domain can plant is a cookie without the prefix, and that does not count.
        unprefixed = {"Cookie": pair.removeprefix("__Host-")}
        path = urlsplit(began.headers["location"]).path
        client.cookies.clear()
        assert [client.get(path, headers=one).status_code for one in ({"Cookie": pair}, unprefixed)] == [200, 400]
        made.http.close()
    assert told == {"max-age=900", "path=/", "httponly", "samesite=lax", "secure"}
    assert pair.startswith("__Host-opengrant_browser_")


def test_a_cookie_that_was_there_before_is_never_taken_over(shop: Tenant, visitor: httpx.Client) -> None:
    shop.connector("imap")
    planted = "x" * 43
    names = ("opengrant_browser", "opengrant_browser_00000000")
    visitor.headers["Cookie"] = "; ".join(f"{name}={planted}" for name in names)
    began = start(visitor, shop, provider="imap")
    name, _, value = attributes(began)[0].partition("=")
    path = urlsplit(began.headers["location"]).path
    assert value != planted
    del visitor.headers["Cookie"]
    visitor.cookies.clear()
    held = [*names, name]
    answers = [visitor.get(path, headers={"Cookie": f"{one}={planted}"}).status_code for one in held]
    assert answers == [400, 400, 400]
    assert visitor.get(path, headers={"Cookie": f"{name}={value}"}).status_code == 200


def test_two_sign_ins_of_one_browser_do_not_disturb_each_other(shop: Tenant, visitor: httpx.Client) -> None:
    shop.connector("imap")
    first, second = (start(visitor, shop, provider="imap") for _ in range(2))
    assert len({attributes(one)[0].partition("=")[2] for one in (first, second)}) == 2
    assert [visitor.get(one.headers["location"]).status_code for one in (first, second)] == [200, 200]


CONTROL = "a\r\nSet-Cookie: stolen=1\r\n\r\n<script>\x00"
AWKWARD = " é\u2028&code=x#<script>%0d%0a"


@pytest.mark.parametrize("char", ["\r\n", "\x00"])
@pytest.mark.parametrize(
    "name", ["client_id", "redirect_uri", "scope", "state", "login_hint", "credential_id", "code_challenge", "provider"]
)
def test_no_parameter_holds_a_control_character(shop: Tenant, name: str, char: str) -> None:
    asked = {"client_id": shop.application.id, "redirect_uri": BACK, "response_type": "code"}
    answer = shop.get("/v3/connect/auth", params=asked | {name: f"a{char}b"})
    assert problem(answer)[:2] == (400, "api.invalid_request_error")


@pytest.mark.parametrize("state", ["AA.x.y", "YQ.%00.y", "YQ.%0d%0a.y"])
def test_no_made_up_address_does_harm(visitor: httpx.Client, state: str) -> None:
    """The first is an application whose id is a NUL."""
    cookie = {"Cookie": f"opengrant_browser_00000000={'x' * 43}"}
    assert visitor.get(f"/v3/connect/callback?state={state}&code=c", headers=cookie).status_code == 400
    assert visitor.get(f"/v3/connect/login/{state.rpartition('.')[0]}", headers=cookie).status_code == 400


def test_a_state_comes_back_unchanged(shop: Tenant, visitor: httpx.Client, provider: FakeOAuth) -> None:
    provider.signs_in("ana@example.com")
    answer = through(visitor, start(visitor, shop, provider="google", state=AWKWARD))
    assert landed(answer)["state"] == AWKWARD
    assert_one_address(answer)
    tokens = redeem(shop, landed(answer)["code"]).json()
    assert data(shop.get(f"/v3/grants/{tokens['grant_id']}"))["state"] == AWKWARD


def test_what_a_provider_says_of_a_refusal_ends_no_header(
    shop: Tenant, visitor: httpx.Client, provider: FakeOAuth
) -> None:
    provider.declines("access_denied", CONTROL)
    answer = through(visitor, start(visitor, shop, provider="google", state=AWKWARD))
    assert landed(answer)["state"] == AWKWARD
    assert landed(answer)["error_description"].isprintable()
    assert_one_address(answer)


def test_a_page_that_leads_on_carries_the_state_unchanged(shop: Tenant, visitor: httpx.Client) -> None:
    shop.connector("imap")
    page = through(visitor, start(visitor, shop, provider="imap", state=AWKWARD))
    answer = post(visitor, page, cancel="1")
    assert landed(answer)["state"] == AWKWARD
    assert "<script>" not in answer.text


def assert_one_address(answer: httpx.Response) -> None:
    """Nothing of what it carries became a header, a fragment or a second parameter."""
    assert "set-cookie" not in answer.headers
    assert re.fullmatch(r"https://[\x21\x24-\x7e]+", answer.headers["location"])
    names = re.findall(r"[?&](\w+)=", answer.headers["location"])
    assert len(names) == len(set(names))


# ── all at once ───────────────────────────────────────────────────────────────────────────────────────────────


def at_once(ask: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """The answers to as many requests, none of which waits for another."""
    ready = Barrier(AT_ONCE, timeout=60)

    def one() -> httpx.Response:
        ready.wait()
        return ask()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [asked.result() for asked in [pool.submit(one) for _ in range(AT_ONCE)]]


def code_of(shop: Tenant, visitor: httpx.Client, provider: FakeOAuth) -> str:
    provider.signs_in("ana@example.com")
    return landed(through(visitor, start(visitor, shop, provider="google")))["code"]


def test_of_many_that_redeem_a_code_one_gets_its_grant(
    shop: Tenant, visitor: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    code = SecretStr(code_of(shop, visitor, provider))
    redemption = server.services.hosted.redemption

    async def together() -> list[Any]:
        asked = [
            redemption.redeem(shop.application, code, redirect_uri=BACK, verifier=None, authenticated=True)
            for _ in range(AT_ONCE)
        ]
        return await asyncio.gather(*asked, return_exceptions=True)

    came = server.call(together())
    kinds = sorted(type(one).__name__ for one in came)
    assert kinds == [CodeUsedTwice.__name__] * (AT_ONCE - 1) + [Redeemed.__name__]
    assert shop.grants() == 1


def test_a_code_that_many_send_leaves_no_token_alive(shop: Tenant, visitor: httpx.Client, provider: FakeOAuth) -> None:
    """Two have it, and one of them should not: whichever was first, and even if it was not answered yet."""
    code = code_of(shop, visitor, provider)
    answers = at_once(lambda: redeem(shop, code))
    good = [answer.json() for answer in answers if answer.status_code == 200]
    bad = [answer for answer in answers if answer.status_code != 200]
    assert len(good) <= 1
    assert {(answer.status_code, answer.json()["error"]) for answer in bad} == {(400, "invalid_grant")}
    assert shop.grants() == 1
    for tokens in good:
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert visitor.get("/v3/grants/me", headers=bearer).status_code == 401


def test_of_many_callbacks_one_leads_on(
    shop: Tenant, visitor: httpx.Client, provider: FakeOAuth, server: LiveServer
) -> None:
    provider.signs_in("ana@example.com")
    began = start(visitor, shop, provider="google")
    callback = visitor.get(began.headers["location"]).headers["location"]
    cookie = {"Cookie": attributes(began)[0]}

    def ask() -> httpx.Response:
        with visiting(server) as client:
            return client.get(callback, headers=cookie)

    answers = at_once(ask)
    (good,) = (answer for answer in answers if answer.is_redirect)
    assert {answer.status_code for answer in answers if answer is not good} == {400}
    assert provider.count("token") == 1, "the provider's code was spent once"
    assert redeem(shop, landed(good)["code"]).status_code == 200
