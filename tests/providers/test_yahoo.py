"""providers/yahoo/oauth.py, against the stand-in that refuses as Yahoo does."""

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
from opengrant.providers.yahoo.oauth import Yahoo
from tests.fakes.oauth import FakeOAuth, Reply
from tests.providers import support
from tests.providers.support import asked

CLIENT = ClientApp("client--", SecretStr("sEcReT-client"))
TOKEN = "AFxzsEcReT~refresh"
ALL = "openid email profile mail-w"
connect = partial(support.connect, client=CLIENT, token=TOKEN)
verdict_of = partial(support.verdict_of, client=CLIENT, token=TOKEN)


@pytest.fixture
def yahoo(http: Http, provider: FakeOAuth) -> Yahoo:
    return Yahoo(http, **provider.yahoo_urls())


# ---------------------------------------------------------------- refresh


async def test_it_can_what_the_protocols_ask(yahoo: Yahoo) -> None:
    assert isinstance(yahoo, Refreshes)
    assert isinstance(yahoo, Identifies)
    assert yahoo.rotates


async def test_the_client_is_named_in_the_header_and_the_form_has_the_redirect_uri(
    yahoo: Yahoo, provider: FakeOAuth
) -> None:
    provider.accepts(TOKEN, email="ana@yahoo.test", scope=ALL)
    await connect(yahoo)
    assert provider.requests[0].form == {
        "grant_type": "refresh_token",
        "refresh_token": TOKEN,
        "redirect_uri": "oob",
    }
    kind, encoded = provider.requests[0].headers["authorization"].split(" ")
    assert (kind, b64decode(encoded)) == ("Basic", b"client--:sEcReT-client")


async def test_a_client_with_a_colon_in_it_is_encoded_before_it_is_joined(yahoo: Yahoo, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="ana@yahoo.test", scope=ALL)
    await connect(yahoo, client=ClientApp("a:b", SecretStr("c d+é")))
    encoded = provider.requests[0].headers["authorization"].split(" ")[1]
    assert b64decode(encoded) == b"a%3Ab:c+d%2B%C3%A9"


@pytest.mark.parametrize("form", ["sEcReT-client", "Y2xpZW50LS06c0VjUmVULWNsaWVudA=="])
async def test_an_answer_that_quotes_the_client_secret_is_not_quoted(
    yahoo: Yahoo, provider: FakeOAuth, form: str
) -> None:
    provider.refuses(401, {"error": "INVALID_CLIENT_SECRET", "error_description": f"not good: {form}"})
    with pytest.raises(ProviderFailure) as caught:
        await connect(yahoo)
    assert form not in f"{caught.value.evidence!r} {caught.value.evidence.body}"
    assert "not good" in caught.value.evidence.text


async def test_the_refresh_token_comes_back_and_the_scopes_do_not(yahoo: Yahoo, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="ana@yahoo.test", scope=ALL)
    tokens, _ = await connect(yahoo)
    assert tokens.refresh_token == SecretStr(TOKEN)
    assert yahoo.granted_scope(tokens) is None
    assert yahoo.missing_scope(tokens, ("mail-r",)) == ()


async def test_a_refresh_token_that_was_replaced_is_kept(yahoo: Yahoo, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="ana@yahoo.test", scope=ALL, tokens={"refresh_token": "newer"})
    tokens, _ = await connect(yahoo)
    assert tokens.refresh_token == SecretStr("newer")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"error": "INVALID_REFRESH_TOKEN"}, ("reconnect", "token_revoked")),
        (401, {"error": "TOKEN_EXPIRED"}, ("reconnect", "token_expired")),
        (401, {"error": "invalid_grant"}, ("reconnect", "token_revoked")),
        (403, {"error": "ACCOUNT_NOT_AUTHORIZED"}, ("reconnect", "account_not_authorized")),
        (400, {"error": "INVALID_CLIENT"}, ("connector", "client_refused")),
        (401, {"error": "INVALID_CLIENT_SECRET"}, ("connector", "client_secret_refused")),
        (400, {"error": "INVALID_REDIRECT_URI"}, ("connector", "redirect_uri_refused")),
        (999, "Request denied", ("rate_limited", "throttled")),
        (503, "<html>busy</html>", ("provider_down", "provider_error")),
        (200, "", ("provider_down", "senseless_answer")),
    ],
)
async def test_refusals_of_the_token_endpoint(
    yahoo: Yahoo, provider: FakeOAuth, status: int, body: Any, expected: tuple[str, str]
) -> None:
    provider.refuses(status, body)
    assert await verdict_of(yahoo) == expected
    assert provider.count("token") == 1  # never retried


async def test_a_dead_token_and_a_missing_secret_are_told_apart(yahoo: Yahoo, provider: FakeOAuth) -> None:
    assert await verdict_of(yahoo) == ("reconnect", "token_revoked")
    assert await verdict_of(yahoo, client=ClientApp("client", SecretStr(""))) == ("connector", "client_refused")


# ---------------------------------------------------------------- identify


@pytest.mark.parametrize("issuer", ["https://api.login.yahoo.com", "https://api.login.aol.com"])
async def test_the_id_token_says_who_it_is_without_another_call(yahoo: Yahoo, provider: FakeOAuth, issuer: str) -> None:
    provider.accepts(TOKEN, email="ana@yahoo.test", subject="GUID7", name="Ana", scope=ALL, claims={"iss": issuer})
    _, identity = await connect(yahoo)
    assert identity == Identity("ana@yahoo.test", subject="GUID7", user_id="GUID7", name="Ana")
    assert asked(provider) == ["token"]


@pytest.mark.parametrize("claims", [{"aud": "other"}, {"iss": "https://evil"}, {"exp": 1}, {"email": None}])
async def test_a_strange_id_token_falls_through_to_userinfo(
    yahoo: Yahoo, provider: FakeOAuth, claims: dict[str, Any]
) -> None:
    provider.accepts(TOKEN, email="ana@yahoo.test", subject="GUID7", name="Ana", scope=ALL, claims=claims)
    _, identity = await connect(yahoo)
    assert identity == Identity("ana@yahoo.test", subject="GUID7", user_id="GUID7", name="Ana")
    assert asked(provider) == ["token", "userinfo"]


@pytest.mark.parametrize("scope", ["mail-w", "openid", "openid profile"])
async def test_without_openid_and_email_nobody_can_say_whose_it_is(
    yahoo: Yahoo, provider: FakeOAuth, scope: str
) -> None:
    provider.accepts(TOKEN, email="ana@yahoo.test", scope=scope)
    tokens = await yahoo.refresh(CLIENT, SecretStr(TOKEN))
    with pytest.raises(ProviderFailure) as caught:
        await yahoo.identify(CLIENT, tokens)
    found = classify(caught.value.evidence)
    assert (found.kind.value, found.reason) == ("bad_request", "identity_scopes_missing")
    assert "openid and email" in found.remedy


@pytest.mark.parametrize("id_token", [True, False])
async def test_an_address_that_yahoo_did_not_verify_is_refused(
    yahoo: Yahoo, provider: FakeOAuth, id_token: bool
) -> None:
    provider.accepts(TOKEN, email="ana@bank.test", email_verified=False, id_token=id_token, scope=ALL)
    assert await verdict_of(yahoo) == ("bad_request", "email_not_verified")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(503, "no"), ("provider_down", "provider_error")),
        (Reply(429, ""), ("rate_limited", "throttled")),
        (Reply(403, "<html>blocked</html>"), ("provider_down", "not_the_provider")),
        (Reply(200, ""), ("provider_down", "senseless_answer")),
        (Reply(fault="close"), ("provider_down", "answer_lost")),
        (Reply(403, {"error": "insufficient_scope"}), ("bad_request", "identity_scopes_missing")),
    ],
)
async def test_a_userinfo_that_is_not_well_says_nothing_about_scopes(
    yahoo: Yahoo, provider: FakeOAuth, reply: Reply, expected: tuple[str, str]
) -> None:
    provider.accepts(TOKEN, email="ana@yahoo.test", id_token=False, scope=ALL)
    provider.answers("userinfo", reply)
    assert await verdict_of(yahoo) == expected


# ---------------------------------------------------------------- scopes


@pytest.mark.parametrize(
    ("granted", "wanted", "missing"),
    [
        (("openid", "mail-w"), ("openid", "mail-r", "mail-w"), ()),
        (("openid", "mail-r"), ("mail-r", "mail-w"), ("mail-w",)),
        ((), ("mail-w",), ()),
    ],
)
def test_writing_mail_includes_reading_it(
    yahoo: Yahoo, granted: tuple[str, ...], wanted: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    tokens = Tokens(SecretStr("at"), None, 0, granted or None)
    assert yahoo.missing_scope(tokens, wanted) == missing
    assert yahoo.granted_scope(tokens) == (granted or None)
