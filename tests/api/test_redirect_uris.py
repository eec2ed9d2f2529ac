"""/v3/applications/redirect-uris: where hosted sign-in may lead back to."""

import string
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as some

from opengrant.model import RedirectUri
from opengrant.tenants.redirect_uris import MOST
from tests.support import LiveServer, Tenant, data, problem

PATH = "/v3/applications/redirect-uris"
PATHS = [PATH, "/v3/applications/callback-uris"]
WEB = "https://app.example.com/callback"
JS = {"platform": "js", "settings": {"origin": "https://app.example.com"}}
IOS = {"platform": "ios", "settings": {"bundle_id": "com.example.app"}}
ANDROID = {"platform": "android", "settings": {"package_name": "com.example", "sha1_certificate_fingerprint": "AA:BB"}}


def register(tenant: Tenant, url: str = WEB, **more: Any) -> dict[str, Any]:
    answer = tenant.post(PATH, {"url": url, **more})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = data(answer)
    return made


def match(tenant: Tenant, url: str) -> RedirectUri | None:
    redirects = tenant.server.services.redirects
    found: RedirectUri | None = tenant.server.call(redirects.match(tenant.application, url))
    return found


def trail(tenant: Tenant) -> list[tuple[str, dict[str, Any]]]:
    """What the application's audit trail says of redirect URIs, oldest first."""
    entries = data(tenant.get("/v3/audit", params={"limit": 200}))
    return [(one["type"], one["detail"]) for one in reversed(entries) if one["type"].startswith("redirect_uri.")]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("change", ["PATCH", "PUT"])
def test_both_paths_and_both_verbs_do_the_same(tenant: Tenant, path: str, change: str) -> None:
    created = tenant.post(path, {"url": WEB})
    assert created.status_code == 200
    made = data(created)
    assert made == {"id": made["id"], "url": WEB, "platform": "web", "settings": {}}
    listed = tenant.get(path).json()
    assert listed == {"request_id": listed["request_id"], "success": True, "data": [made]}
    one = f"{path}/{made['id']}"
    assert data(tenant.get(one)) == made
    moved = tenant.http.request(change, one, json={"url": f"{WEB}/2"})
    assert (moved.status_code, data(moved)) == (200, {**made, "url": f"{WEB}/2"})
    gone = tenant.delete(one)
    assert (gone.status_code, set(gone.json())) == (200, {"request_id"})
    assert problem(tenant.get(one))[:2] == (404, "api.not_found_error")
    assert data(tenant.get(PATH)) == []


def test_a_strangers_redirect_uri_is_not_there(tenant: Tenant, stranger: Tenant) -> None:
    made = register(stranger)
    one = f"{PATH}/{made['id']}"
    for answer in (tenant.get(one), tenant.patch(one, {"url": f"{WEB}/2"}), tenant.delete(one)):
        assert problem(answer)[:2] == (404, "api.not_found_error")
    assert match(tenant, WEB) is None
    assert data(stranger.get(one)) == made


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_key_nobody_gets_in(server: LiveServer, method: str) -> None:
    with server.client(None) as http:
        assert problem(http.request(method, PATH, json={"url": WEB}))[0] == 401


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("https://app.example.com", {}),
        ("https://app.example.com:8443/a/b?x=1&y=%20", {}),
        ("http://localhost:3000/callback", {}),
        ("http://127.0.0.1/callback", {"platform": "desktop"}),
        ("myapp://callback", {"platform": "desktop"}),
        ("https://[2001:db8::1]/callback", {}),
        ("https://app.example.com/callback", JS),
        ("com.example.app://oauth/callback", IOS),
        ("myapp://callback", ANDROID),
        ("https://app.example.com/universal-link", IOS),
    ],
)
def test_what_a_platform_may_have_is_kept_as_it_was_sent(tenant: Tenant, url: str, more: dict[str, Any]) -> None:
    made = register(tenant, url, **more)
    assert made["url"] == url
    assert made["platform"] == more.get("platform", "web")
    assert made["settings"] == more.get("settings", {})
    assert match(tenant, url) is not None


@pytest.mark.parametrize(
    ("url", "more", "says"),
    [
        ("http://app.example.com/callback", {}, "use https"),
        ("http://localhost.example.com/callback", {}, "use https"),
        ("http://localhost./callback", {}, "host"),
        ("http://127.0.0.2/callback", {}, "use https"),
        ("http://localhost@evil.example/callback", {}, "host"),
        ("https://user:password@app.example.com/", {}, "host"),
        ("https:///callback", {}, "host"),
        ("https://app.example.com:99999/", {}, "port"),
        ("https://app%2eexample.com/", {}, "host"),
        ("https://app.example.com/callback#part", {}, "fragment"),
        ("https://app.example.com\\@evil.example/", {}, "percent-encoded"),
        ("https://bücher.example/callback", {}, "percent-encoded"),
        ("https://app.example.com/a b", {}, "percent-encoded"),
        ("https://app.example.com/?state=1", {}, "query"),
        ("https://app.example.com/?x=1;%63ode=1", {}, "query"),
        ("https://app.example.com/?tenant=evil", {}, "query"),
        ("/callback", {}, "https"),
        ("com.example.app://oauth", {}, "use https"),
        ("com.example.app://oauth", {"platform": "js", "settings": {"origin": "https://a.example"}}, "use https"),
        ("com.example.app://oauth", JS, "use https"),
        ("com.example.app:oauth", IOS, "com.example.app://path"),
        ("javascript://app/%0aalert(1)", IOS, "com.example.app://path"),
        ("DATA://text/html", ANDROID, "com.example.app://path"),
        ("file:///etc/passwd", IOS, "com.example.app://path"),
        ("http://app.example.com/", IOS, "use https"),
    ],
)
def test_a_url_that_could_lead_elsewhere_is_refused(tenant: Tenant, url: str, more: dict[str, Any], says: str) -> None:
    status, type_, message = problem(tenant.post(PATH, {"url": url, **more}))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert message.startswith("url: ")
    assert says in message
    assert "password" not in message
    assert data(tenant.get(PATH)) == []


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({}, "url"),
        ({"url": ""}, "url"),
        ({"url": "https://app.example.com/" + "a" * 2048}, "url"),
        ({"url": WEB, "platform": "mobile"}, "platform"),
        ({"url": WEB, "settings": {"origin": 7}}, "settings.origin"),
        ({"url": WEB, "platform": "js"}, "settings.origin"),
        ({"url": WEB, "platform": "js", "settings": {"origin": ""}}, "settings.origin"),
        ({"url": WEB, "platform": "js", "settings": {"origin": "https://app.example.com/page"}}, "settings.origin"),
        ({"url": WEB, "platform": "js", "settings": {"origin": "*"}}, "settings.origin"),
        ({"url": WEB, "platform": "js", "settings": {"origin": "null"}}, "settings.origin"),
        ({"url": WEB, "platform": "js", "settings": {"origin": "http://app.example.com"}}, "settings.origin"),
        ({"url": WEB, "platform": "ios", "settings": {"team_id": "T"}}, "settings.bundle_id"),
        ({"url": WEB, "platform": "android", "settings": {"package_name": "p"}}, "sha1_certificate_fingerprint"),
        ({"url": WEB, "platform": "android", "settings": {"sha1_certificate_fingerprint": "A"}}, "package_name"),
        ({"url": WEB, "platform": "ios", "settings": {"bundle_id": "b", "app_store_id": True}}, "app_store_id"),
    ],
)
def test_what_is_wrong_is_named(tenant: Tenant, body: dict[str, Any], named: str) -> None:
    status, type_, message = problem(tenant.post(PATH, body))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert named in message


def test_settings_are_read_in_every_spelling_and_kept_for_their_platform_only(tenant: Tenant) -> None:
    android = {"package_name": "com.example", "sha_1_certificate_fingerprint": "AA:BB", "origin": "not looked at"}
    made = register(tenant, platform="android", settings=android)
    assert made["settings"] == ANDROID["settings"]
    apple = {"bundle_id": "com.example.app", "app_store_id": 123456789, "team_id": ""}
    made = register(tenant, "https://app.example.com/ios", platform="ios", settings=apple)
    assert made["settings"] == {"bundle_id": "com.example.app", "app_store_id": "123456789"}
    assert register(tenant, "https://app.example.com/web", settings=android)["settings"] == {}


def test_an_update_changes_what_is_sent_and_settings_only_with_their_platform(tenant: Tenant) -> None:
    made = register(tenant, **JS)
    one = f"{PATH}/{made['id']}"
    other = {"origin": "https://other.example.com"}
    assert data(tenant.patch(one, {"url": f"{WEB}/2"})) == {**made, "url": f"{WEB}/2"}
    assert data(tenant.patch(one, {"settings": other}))["settings"] == JS["settings"]
    assert data(tenant.patch(one, {"platform": "js"}))["settings"] == JS["settings"]
    assert data(tenant.patch(one, {"platform": "js", "settings": other}))["settings"] == other
    assert problem(tenant.patch(one, {"platform": "ios"}))[0] == 400
    assert data(tenant.patch(one, {"platform": "web"}))["settings"] == {}
    assert problem(tenant.patch(one, {"url": "http://example.com/"}))[0] == 400
    assert data(tenant.get(one)) == {**made, "url": f"{WEB}/2", "platform": "web", "settings": {}}


def test_a_link_into_an_app_does_not_become_a_web_page(tenant: Tenant) -> None:
    made = register(tenant, "com.example.app://oauth", **IOS)
    status, _, message = problem(tenant.patch(f"{PATH}/{made['id']}", {"platform": "web"}))
    assert (status, message.startswith("url: ")) == (400, True)


def test_a_url_is_registered_once(tenant: Tenant, stranger: Tenant) -> None:
    register(tenant)
    register(stranger)
    second = register(tenant, f"{WEB}/2")
    for answer in (tenant.post(PATH, {"url": WEB, **JS}), tenant.patch(f"{PATH}/{second['id']}", {"url": WEB})):
        status, type_, message = problem(answer)
        assert (status, type_) == (400, "api.invalid_request_error")
        assert WEB in message
    assert len(data(tenant.get(PATH))) == 2


def test_of_many_that_register_the_same_url_at_once_one_does(tenant: Tenant) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: tenant.post(PATH, {"url": WEB}).status_code, range(8)))
    assert sorted(answers) == [200] + [400] * 7


def test_an_application_has_so_many_and_no_more(tenant: Tenant) -> None:
    uris = [{"url": f"https://app.example.com/{number}"} for number in range(MOST)]
    assert tenant.patch("/v3/applications", {"callback_uris": uris}).status_code == 200
    status, _, message = problem(tenant.post(PATH, {"url": WEB}))
    assert (status, str(MOST) in message) == (400, True)
    assert [one["url"] for one in data(tenant.get(PATH))] == [one["url"] for one in uris]


def test_every_change_leaves_one_entry_and_a_refusal_none(tenant: Tenant) -> None:
    made = register(tenant)
    one = f"{PATH}/{made['id']}"
    tenant.post(PATH, {"url": WEB})
    tenant.patch(one, {"url": WEB})
    tenant.patch(one, {"url": f"{WEB}/2"})
    tenant.patch(one, JS)
    tenant.delete(one)
    tenant.delete(one)
    same = {"redirect_uri_id": made["id"]}
    assert trail(tenant) == [
        ("redirect_uri.created", {**same, "url": WEB, "platform": "web"}),
        ("redirect_uri.updated", {**same, "url": f"{WEB}/2", "platform": "web", "changed": ["url"]}),
        ("redirect_uri.updated", {**same, "url": f"{WEB}/2", "platform": "js", "changed": ["platform", "settings"]}),
        ("redirect_uri.deleted", {**same, "url": f"{WEB}/2", "platform": "js"}),
    ]


# ── Exact matching ───────────────────────────────────────────────────────────────────────────────────────────

REGISTERED = "https://app.example.com/a/callback"


@pytest.mark.parametrize(
    "other",
    [
        "https://app.example.com/a/callback/",
        "https://app.example.com/a/Callback",
        "HTTPS://app.example.com/a/callback",
        "https://APP.example.com/a/callback",
        "https://app.example.com./a/callback",
        "https://app.example.com:443/a/callback",
        "https://app.example.com:444/a/callback",
        "https://user@app.example.com/a/callback",
        "https://app.example.com@evil.example/a/callback",
        "https://app.example.com.evil.example/a/callback",
        "https://evil.example/https://app.example.com/a/callback",
        "https://app.example.com/a/%63allback",
        "https://app.example.com/a/./callback",
        "https://app.example.com/a/b/../callback",
        "https://app.example.com//a/callback",
        "https://app.example.com/a/callback?",
        "https://app.example.com/a/callback?x=1",
        "https://app.example.com/a/callback#",
        "https://app.example.com/a/callback%00",
        "https://app.example.com/a/callback\x00",
        "https://app.example.com/a/callback\n",
        " https://app.example.com/a/callback",
        "https:\\\\app.example.com/a/callback",
        "https://app.example.com/a/callb\u0430ck",
        "http://app.example.com/a/callback",
        "//app.example.com/a/callback",
        "https://app.example.com/a/callbac",
        "https://app.example.com/a/callback\udc80",
        "",
    ],
)
def test_what_a_browser_might_take_for_the_same_is_another(tenant: Tenant, other: str) -> None:
    register(tenant, REGISTERED)
    assert match(tenant, REGISTERED) is not None
    assert match(tenant, other) is None


_HOSTS = some.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8}){1,2}", fullmatch=True)
_SEGMENTS = some.lists(some.text(string.ascii_letters + string.digits + "-._~", min_size=1, max_size=6), max_size=3)


@some.composite
def _urls(draw: some.DrawFn) -> str:
    """A URL that may be registered."""
    port = draw(some.sampled_from(["", ":443", ":8443"]))
    query = draw(some.sampled_from(["", "?", "?a=1", "?a=1&b=%20"]))
    return f"https://{draw(_HOSTS)}{port}/{'/'.join(draw(_SEGMENTS))}{query}"


@some.composite
def _neighbours(draw: some.DrawFn) -> tuple[str, str]:
    """A URL, and one that differs in a way that parsers, proxies and browsers are known to overlook."""
    url = draw(_urls())
    place = draw(some.integers(0, len(url) - 1))
    before, here, after = url[:place], url[place], url[place + 1 :]
    host = url.removeprefix("https://").partition("/")[0].partition(":")[0]
    other = draw(
        some.sampled_from(
            [
                before + here.swapcase() + after,
                before + f"%{ord(here):02x}" + after,
                before + f"%{ord(here):02X}" + after,
                before + here + here + after,
                before + after,
                before + draw(some.characters()) + after,
                url.replace(host, f"{host}.", 1),
                url.replace(host, f"user@{host}", 1),
                url.replace(f"{host}/", f"{host}:443/", 1),
                url.replace(":443/", "/", 1),
                url.replace(f"{host}/", f"{host}/./", 1),
                url.replace(f"{host}/", f"{host}/x/../", 1),
                f"{url}/",
                f"{url}?",
                f"{url}#",
                f"{url} ",
            ]
        )
    )
    return url, other


@effort(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pair=_neighbours())
def test_only_the_same_bytes_match(tenant: Tenant, pair: tuple[str, str]) -> None:
    url, other = pair
    made = data(tenant.post(PATH, {"url": url}))
    found = match(tenant, url)
    assert found is not None
    assert (found.id, found.url) == (made["id"], url)
    assert (match(tenant, other) is not None) == (other == url)
    assert tenant.delete(f"{PATH}/{made['id']}").status_code == 200


@pytest.fixture
def relaxed(tenant: Tenant) -> Tenant:
    """An application that lets the query of its redirect URIs differ."""
    settings = {"additional_settings": {"allow_query_param_in_redirect_uri": True}}
    assert tenant.patch("/v3/applications", settings).status_code == 200
    return tenant


@pytest.mark.parametrize("registered", [WEB, f"{WEB}?a=1"])
@pytest.mark.parametrize("query", ["", "?", "?a=2", "?next=https://elsewhere.example/?x"])
def test_the_query_may_differ_where_the_application_says_so(relaxed: Tenant, registered: str, query: str) -> None:
    register(relaxed, registered)
    found = match(relaxed, f"{WEB}{query}")
    assert found is not None
    assert found.url == registered


@pytest.mark.parametrize(
    "other",
    [
        f"{WEB}/?a=1",
        f"{WEB}?a=1#part",
        f"{WEB}?a= 1",
        f"{WEB}?a=\u00e9",
        f"{WEB}?code=mine",
        f"{WEB}?a=1&st%61te=mine",
        f"{WEB}?a=1;error=mine",
        f"{WEB}?tenant=mine",
        "https://app.example.com?a=/callback",
        "https://app.example.com:443/callback?a=1",
    ],
)
def test_nothing_but_the_query_may_differ_and_it_holds_none_of_our_names(relaxed: Tenant, other: str) -> None:
    register(relaxed)
    assert match(relaxed, other) is None


def test_among_those_that_differ_in_their_query_the_exact_one_is_meant(relaxed: Tenant) -> None:
    register(relaxed, f"{WEB}?a=1")
    exact = register(relaxed, f"{WEB}?a=2")
    found = match(relaxed, f"{WEB}?a=2")
    assert found is not None
    assert found.id == exact["id"]


def test_an_id_that_is_none_is_not_found(tenant: Tenant) -> None:
    for id_ in (str(uuid.uuid4()), "none", "%00", "a" * 3000):
        assert problem(tenant.get(f"{PATH}/{id_}"))[0] == 404
