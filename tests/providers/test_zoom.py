"""providers/zoom/oauth.py, against the stand-in whose refresh tokens can be spent once, as Zoom's can."""

from base64 import b64decode
from functools import partial
from typing import Any

import pytest
from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.model import ClientApp, Identity, Tokens
from opengrant.net.provider_http import Http
from opengrant.providers.base import Identifies, Refreshes
from opengrant.providers.classify import classify
from opengrant.providers.zoom.oauth import Zoom, api_base
from tests.fakes.oauth import FakeOAuth, Reply
from tests.providers import support

CLIENT = ClientApp("client", SecretStr("sEcReT-client"))
TOKEN = "eyJzsEcReT.refresh"
MEETINGS = "meeting:write:meeting meeting:update:meeting meeting:delete:meeting"
ALL = f"{MEETINGS} user:read:user"
connect = partial(support.connect, client=CLIENT, token=TOKEN)
verdict_of = partial(support.verdict_of, client=CLIENT, token=TOKEN)


@pytest.fixture
def zoom(http: Http, provider: FakeOAuth) -> Zoom:
    return Zoom(http, **provider.zoom_urls())


# ---------------------------------------------------------------- refresh


async def test_it_can_what_the_protocols_ask(zoom: Zoom) -> None:
    assert isinstance(zoom, Refreshes)
    assert isinstance(zoom, Identifies)
    assert zoom.rotates


async def test_the_client_is_named_in_the_header_alone(zoom: Zoom, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="hal@example.com", scope=ALL)
    await connect(zoom)
    assert provider.requests[0].form == {"grant_type": "refresh_token", "refresh_token": TOKEN}
    kind, encoded = provider.requests[0].headers["authorization"].split(" ")
    assert (kind, b64decode(encoded)) == ("Basic", b"client:sEcReT-client")


async def test_a_refresh_token_is_spent_once_and_its_successor_works(zoom: Zoom, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="hal@example.com", scope=ALL)
    tokens, identity = await connect(zoom)
    assert provider.count("token") == 1  # identifying spends none
    assert await verdict_of(zoom) == ("reconnect", "token_revoked")
    assert tokens.refresh_token is not None
    again = await zoom.refresh(CLIENT, tokens.refresh_token)
    assert await zoom.identify(CLIENT, again) == identity


@pytest.mark.parametrize("scope", [ALL, ALL.replace(" ", ","), ALL.replace(" ", ", ")])
async def test_scopes_are_split_on_whitespace_or_commas(zoom: Zoom, provider: FakeOAuth, scope: str) -> None:
    provider.accepts(TOKEN, email="hal@example.com", scope=scope)
    tokens, _ = await connect(zoom)
    assert zoom.granted_scope(tokens) == tuple(ALL.split())


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"reason": "Invalid Token!", "error": "invalid_grant"}, ("reconnect", "token_revoked")),
        (401, {"error": "invalid_grant"}, ("reconnect", "token_revoked")),
        (400, {"reason": "Invalid client.", "error": "invalid_client"}, ("connector", "client_refused")),
        (400, {"code": 4702, "reason": "Invalid client."}, ("connector", "client_refused")),
        (400, {"code": 4711, "reason": "Scopes changed."}, ("bad_request", "scopes_missing")),
        (400, {"code": 4717, "reason": "The app is disabled."}, ("connector", "client_disabled")),
        (400, {"code": 4738, "reason": "Disabled by admin."}, ("reconnect", "account_disabled")),
        (404, "<html>Not Found</html>", ("connector", "endpoint_wrong")),
        (429, {"code": 429, "message": "Too many"}, ("rate_limited", "throttled")),
        (502, "Bad Gateway", ("provider_down", "provider_error")),
        (200, {"reason": "Invalid Token!", "error": "invalid_grant"}, ("reconnect", "token_revoked")),
    ],
)
async def test_refusals_of_the_token_endpoint(
    zoom: Zoom, provider: FakeOAuth, status: int, body: Any, expected: tuple[str, str]
) -> None:
    provider.refuses(status, body)
    assert await verdict_of(zoom) == expected
    assert provider.count("token") == 1  # never retried


async def test_a_missing_secret_is_the_connector_s_fault(zoom: Zoom, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="hal@example.com", scope=ALL)
    assert await verdict_of(zoom, client=ClientApp("client", SecretStr(""))) == ("connector", "client_refused")


async def test_a_token_endpoint_that_vanishes_may_have_spent_the_token(zoom: Zoom, provider: FakeOAuth) -> None:
    provider.answers("token", Reply(fault="reset"))
    with pytest.raises(ProviderFailure) as caught:
        await connect(zoom)
    assert caught.value.evidence.sent


# ---------------------------------------------------------------- identify


async def test_the_user_api_says_who_it_is(zoom: Zoom, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="hal@example.com", subject="KdYKjnimT4KPd8FFgQt9FQ", name="Hal", scope=ALL)
    _, identity = await connect(zoom)
    subject = "KdYKjnimT4KPd8FFgQt9FQ"
    assert identity == Identity("hal@example.com", subject=subject, user_id=subject, name="Hal Doe")
    assert provider.requests[1].path == "/zoom/v2/users/me"


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ({"display_name": None}, "Hal Doe"),
        ({"display_name": None, "last_name": ""}, "Hal"),
        ({"display_name": None, "first_name": None, "last_name": None}, None),
    ],
)
async def test_the_name_is_put_together_where_there_is_no_display_name(
    zoom: Zoom, provider: FakeOAuth, user: dict[str, Any], name: str | None
) -> None:
    provider.accepts(TOKEN, email="hal@example.com", name="Hal", scope=ALL, user=user)
    _, identity = await connect(zoom)
    assert identity.name == name


@pytest.mark.parametrize("scope", ["user:read:user", "user:read", "user:read:admin", "user:read:user:admin"])
async def test_each_spelling_of_the_user_scope_will_do(zoom: Zoom, provider: FakeOAuth, scope: str) -> None:
    provider.accepts(TOKEN, email="hal@example.com", scope=f"{MEETINGS} {scope}")
    _, identity = await connect(zoom)
    assert identity.email == "hal@example.com"


async def test_the_meeting_scopes_alone_do_not_tell_whose_it_is(zoom: Zoom, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="hal@example.com", scope=MEETINGS)
    tokens = await zoom.refresh(CLIENT, SecretStr(TOKEN))
    with pytest.raises(ProviderFailure) as caught:
        await zoom.identify(CLIENT, tokens)
    found = classify(caught.value.evidence)
    assert (found.kind.value, found.reason) == ("bad_request", "identity_scopes_missing")
    assert "user:read:user" in found.remedy
    assert "does not contain scopes" in caught.value.evidence.text


async def test_an_account_without_an_address_is_refused(zoom: Zoom, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="hal@example.com", scope=ALL, user={"email": None})
    assert await verdict_of(zoom) == ("bad_request", "address_unknown")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(401, {"code": 124, "message": "Invalid access token."}), ("unknown", "access_token_refused")),
        (Reply(404, {"code": 1001, "message": "User does not exist"}), ("reconnect", "user_unknown")),
        (Reply(429, {"code": 429}, {"Retry-After": "5"}), ("rate_limited", "throttled")),
        (Reply(500, {"code": 300}), ("provider_down", "provider_error")),
        (Reply(200, {"email": "hal@example.com"}), ("provider_down", "senseless_answer")),
        (Reply(fault="reset"), ("provider_down", "answer_lost")),
    ],
)
async def test_refusals_of_the_user_api(
    zoom: Zoom, provider: FakeOAuth, reply: Reply, expected: tuple[str, str]
) -> None:
    provider.accepts(TOKEN, email="hal@example.com", scope=ALL)
    provider.answers("me", reply)
    assert await verdict_of(zoom) == expected


# ---------------------------------------------------------------- where the API is


@pytest.mark.parametrize(
    "api_url", [None, "", 7, "https://evil.test", "http://127.0.0.1:9/zoom", "https://api.zoom.us"]
)
async def test_a_token_goes_nowhere_else(zoom: Zoom, provider: FakeOAuth, api_url: Any) -> None:
    provider.accepts(TOKEN, email="hal@example.com", scope=ALL, tokens={"api_url": api_url})
    await connect(zoom)
    assert provider.requests[1].path == "/zoom/v2/users/me"


@pytest.mark.parametrize("suffix", ["/", "/v2", "/v2/"])
async def test_the_configured_api_may_end_in_its_version(http: Http, provider: FakeOAuth, suffix: str) -> None:
    urls = provider.zoom_urls()
    provider.accepts(TOKEN, email="hal@example.com", scope=ALL, tokens={"api_url": None})
    await connect(Zoom(http, **urls | {"api_url": urls["api_url"] + suffix}))
    assert provider.requests[1].path == "/zoom/v2/users/me"


@pytest.mark.parametrize(
    ("configured", "named", "expected"),
    [
        ("https://api.zoom.us", "https://api-eu.zoom.us", "https://api-eu.zoom.us"),
        ("https://api.zoom.us", "https://api-eu.zoom.us:443/v2/", "https://api-eu.zoom.us:443"),
        ("https://api.zoom.us", "https://API.ZoomGov.com", "https://API.ZoomGov.com"),
        # Not over TLS, not Zoom's, or only at first sight.
        ("https://api.zoom.us", "http://api-eu.zoom.us", "https://api.zoom.us"),
        ("https://api.zoom.us", "https://evilzoom.us", "https://api.zoom.us"),
        ("https://api.zoom.us", "https://api.zoom.us.evil.test", "https://api.zoom.us"),
        ("https://api.zoom.us", "https://api.zoom.us@evil.test", "https://api.zoom.us"),
        ("https://api.zoom.us", "https://evil.test#.zoom.us", "https://api.zoom.us"),
        ("https://api.zoom.us", "https://evil.test\\.zoom.us", "https://api.zoom.us"),
        ("https://api.zoom.us", "https://api.zoom.us:8443", "https://api.zoom.us"),
        ("https://api.zoom.us", "https://api-eu.zoom.us?x=", "https://api.zoom.us"),
        ("https://api.zoom.us", "https://[", "https://api.zoom.us"),
        ("https://api.zoom.us", "api.zoom.us", "https://api.zoom.us"),
        # An operator's own host is the only one.
        ("https://zoom.internal.test", "https://api.zoom.us", "https://zoom.internal.test"),
    ],
)
def test_only_zoom_s_own_hosts_are_believed(configured: str, named: str, expected: str) -> None:
    assert api_base(named, configured) == expected


# ---------------------------------------------------------------- scopes


@pytest.mark.parametrize(
    ("granted", "wanted", "missing"),
    [
        (MEETINGS, MEETINGS, ""),
        ("meeting:write:meeting", MEETINGS, "meeting:update:meeting meeting:delete:meeting"),
        # The classic spelling stands for all three, for oneself and for others.
        ("meeting:write", MEETINGS, ""),
        ("meeting:write:admin", MEETINGS, ""),
        ("meeting:write:meeting:admin meeting:update:meeting:master", MEETINGS, "meeting:delete:meeting"),
        ("meeting:read", MEETINGS, MEETINGS),
        ("user:write", "meeting:write:meeting", "meeting:write:meeting"),
        ("meeting:read", "meeting:read:meeting", ""),
        # And the other way round.
        (MEETINGS, "meeting:write", ""),
        ("meeting:write:meeting", "meeting:write", "meeting:write"),
        ("user:read:user", "user:read", ""),
        # Nobody else's meetings with a scope for one's own.
        ("meeting:write", "meeting:write:admin", "meeting:write:admin"),
        ("meeting:write:meeting", "meeting:write:meeting:admin", "meeting:write:meeting:admin"),
        ("meeting:write:meeting:master", "meeting:write:meeting:admin", ""),
        ("phone", "phone imchat:bot", "imchat:bot"),
        ("", MEETINGS, ""),
    ],
)
def test_a_scope_is_missing_only_where_neither_spelling_covers_it(
    zoom: Zoom, granted: str, wanted: str, missing: str
) -> None:
    tokens = Tokens(SecretStr("at"), None, 0, tuple(granted.split()) or None)
    assert zoom.missing_scope(tokens, tuple(wanted.split())) == tuple(missing.split())
