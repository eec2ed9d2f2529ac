"""providers/google/oauth.py, against the stand-in for what only Google's refusals show, and against emulate."""

from functools import partial
from typing import Any

import pytest
from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.model import ClientApp, Identity, Tokens, now
from opengrant.net.provider_http import Http
from opengrant.providers.base import Identifies, Refreshes
from opengrant.providers.classify import classify
from opengrant.providers.google.oauth import Google
from tests.fakes.oauth import HTML_403, FakeOAuth, Reply, google_api_error
from tests.peers.emulate import Emulate
from tests.providers import support
from tests.providers.support import asked

ROOT = "https://www.googleapis.com/auth/"
CLIENT = ClientApp("client", SecretStr("sEcReT-client"))
TOKEN = "1//sEcReT-refresh"
connect = partial(support.connect, client=CLIENT, token=TOKEN)
verdict_of = partial(support.verdict_of, client=CLIENT, token=TOKEN)


@pytest.fixture
def google(http: Http, provider: FakeOAuth) -> Google:
    return Google(http, **provider.google_urls())


# ---------------------------------------------------------------- refresh


async def test_it_can_what_the_protocols_ask(google: Google) -> None:
    assert isinstance(google, Refreshes)
    assert isinstance(google, Identifies)


async def test_the_client_is_named_in_the_body_and_no_scope_is_asked(google: Google, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="ana@example.com")
    tokens, _ = await connect(google)
    assert provider.requests[0].form == {
        "grant_type": "refresh_token",
        "refresh_token": TOKEN,
        "client_id": "client",
        "client_secret": "sEcReT-client",
    }
    assert "authorization" not in provider.requests[0].headers
    assert tokens.refresh_token is None
    assert 3500 < (tokens.expires_at - now()) / 1_000_000 <= 3599


async def test_a_refresh_token_that_comes_back_is_kept(google: Google, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="ana@example.com", tokens={"refresh_token": "1//newer"})
    tokens, _ = await connect(google)
    assert tokens.refresh_token is not None
    assert tokens.refresh_token.get_secret_value() == "1//newer"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"error": "invalid_grant", "error_description": "Bad Request"}, ("reconnect", "malformed_token")),
        (401, {"error": "invalid_client"}, ("connector", "client_refused")),
        (403, HTML_403, ("rate_limited", "throttled")),
        (503, "Service Unavailable", ("provider_down", "provider_error")),
        (302, "", ("provider_down", "redirected")),
        (200, "", ("provider_down", "senseless_answer")),
        (200, {"error": "invalid_grant"}, ("reconnect", "token_revoked")),
    ],
)
async def test_refusals_of_the_token_endpoint(
    google: Google, provider: FakeOAuth, status: int, body: Any, expected: tuple[str, str]
) -> None:
    provider.refuses(status, body)
    assert await verdict_of(google) == expected
    assert provider.count("token") == 1  # never retried


async def test_a_revoked_token_is_refused(google: Google, provider: FakeOAuth) -> None:
    assert await verdict_of(google) == ("reconnect", "token_revoked")


async def test_a_token_endpoint_that_vanishes_may_have_spent_the_token(google: Google, provider: FakeOAuth) -> None:
    provider.answers("token", Reply(fault="reset"))
    with pytest.raises(ProviderFailure) as caught:
        await connect(google)
    assert caught.value.evidence.sent
    assert provider.count("token") == 1


# ---------------------------------------------------------------- identify


async def test_the_id_token_says_who_it_is_without_another_call(google: Google, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="ana@example.com", subject="1122", name="Ana")
    _, identity = await connect(google)
    assert identity == Identity("ana@example.com", subject="1122", user_id="1122", name="Ana")
    assert asked(provider) == ["token"]


@pytest.mark.parametrize(
    "claims", [{"aud": "other"}, {"iss": "https://evil"}, {"exp": 1}, {"email": None}, {"email": "no address"}]
)
async def test_a_strange_id_token_falls_through_to_userinfo(
    google: Google, provider: FakeOAuth, claims: dict[str, Any]
) -> None:
    provider.accepts(TOKEN, email="ana@example.com", subject="1122", claims=claims)
    _, identity = await connect(google)
    assert (identity.email, identity.subject) == ("ana@example.com", "1122")
    assert asked(provider) == ["token", "userinfo"]


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"sub": None, "id": "1122", "email_verified": None, "verified_email": True},
        {"sub": "1122", "email_verified": "true"},
    ],
)
async def test_userinfo_is_read_in_every_spelling(google: Google, provider: FakeOAuth, user: dict[str, Any]) -> None:
    provider.accepts(TOKEN, email="ana@example.com", subject="1122", name="Ana", id_token=False, user=user)
    _, identity = await connect(google)
    assert identity == Identity("ana@example.com", subject="1122", user_id="1122", name="Ana")


async def test_without_userinfo_tokeninfo_is_asked(google: Google, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="ana@example.com", subject="1122", scope="email")
    provider.answers("userinfo", Reply(404, "Not Found"))
    _, identity = await connect(google)
    assert (identity.email, identity.user_id) == ("ana@example.com", "1122")
    assert asked(provider) == ["token", "userinfo", "tokeninfo"]


async def test_what_tokeninfo_says_of_another_client_s_token_is_not_used(google: Google, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="ana@example.com", scope="email", user={"aud": "other"})
    provider.answers("userinfo", Reply(404, "Not Found"))
    with pytest.raises(ProviderFailure):
        await connect(google)
    assert provider.count("tokeninfo") == 1


@pytest.mark.parametrize("scope", ["https://mail.google.com/", f"{ROOT}gmail.readonly", f"{ROOT}gmail.modify"])
async def test_with_a_mail_scope_alone_gmail_names_the_address(google: Google, provider: FakeOAuth, scope: str) -> None:
    provider.accepts(TOKEN, email="ana@example.com", scope=scope)
    _, identity = await connect(google)
    assert identity == Identity("ana@example.com")
    assert asked(provider) == ["token", "gmail"]  # the others cannot work


async def test_unknown_scopes_rule_no_source_out(google: Google, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="ana@example.com", scope=f"{ROOT}gmail.readonly", tokens={"scope": None})
    _, identity = await connect(google)
    assert identity.email == "ana@example.com"
    assert asked(provider) == ["token", "userinfo", "tokeninfo", "gmail"]


@pytest.mark.parametrize("scope", ["openid", f"{ROOT}calendar", f"openid {ROOT}userinfo.profile"])
async def test_scopes_that_name_no_address_are_refused_by_name(google: Google, provider: FakeOAuth, scope: str) -> None:
    provider.accepts(TOKEN, email="ana@example.com", scope=scope)
    tokens = await google.refresh(CLIENT, SecretStr(TOKEN))
    with pytest.raises(ProviderFailure) as caught:
        await google.identify(CLIENT, tokens)
    found = classify(caught.value.evidence)
    assert (found.kind.value, found.reason) == ("bad_request", "identity_scopes_missing")
    assert all(name in found.remedy for name in ("openid", "userinfo.email", "userinfo.profile"))
    assert f"{ROOT}userinfo.email" in caught.value.evidence.text


@pytest.mark.parametrize("id_token", [True, False])
async def test_an_address_that_google_did_not_verify_is_refused(
    google: Google, provider: FakeOAuth, id_token: bool
) -> None:
    provider.accepts(TOKEN, email="ana@example.com", email_verified=False, id_token=id_token)
    assert await verdict_of(google) == ("bad_request", "email_not_verified")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(503, "no"), ("provider_down", "provider_error")),
        (Reply(403, google_api_error(403, "rateLimitExceeded", "X")), ("rate_limited", "throttled")),
        (Reply(200, ""), ("provider_down", "senseless_answer")),
        (Reply(fault="close"), ("provider_down", "answer_lost")),
    ],
)
async def test_a_source_that_is_down_is_not_passed_over(
    google: Google, provider: FakeOAuth, reply: Reply, expected: tuple[str, str]
) -> None:
    provider.accepts(TOKEN, email="ana@example.com", id_token=False, scope=f"openid email {ROOT}gmail.readonly")
    provider.answers("userinfo", reply)
    assert await verdict_of(google) == expected
    assert asked(provider) == ["token", "userinfo"]


async def test_an_access_token_that_every_api_refuses_is_not_a_dead_grant(google: Google, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="ana@example.com", id_token=False)
    refused = Reply(401, google_api_error(401, "authError", "UNAUTHENTICATED"))
    provider.answers("userinfo", refused)
    provider.answers("tokeninfo", Reply(400, {"error": "invalid_token"}))
    assert await verdict_of(google) == ("unknown", "access_token_refused")


# ---------------------------------------------------------------- scopes, revocation


def tokens_with(*scope: str) -> Tokens:
    return Tokens(SecretStr("at"), None, 0, scope or None)


def test_scopes_are_spelled_as_google_spells_them(google: Google) -> None:
    granted = google.granted_scope(tokens_with("openid", "email", f"{ROOT}userinfo.email", f"{ROOT}calendar"))
    assert granted == ("openid", f"{ROOT}userinfo.email", f"{ROOT}calendar")
    assert google.granted_scope(tokens_with()) is None


def test_a_scope_is_missing_only_where_the_answer_proves_it(google: Google) -> None:
    wanted = ("openid", "email", f"{ROOT}gmail.send")
    assert google.missing_scope(tokens_with("openid", f"{ROOT}userinfo.email"), wanted) == (f"{ROOT}gmail.send",)
    assert google.missing_scope(tokens_with(), wanted) == ()


MAIL = "https://mail.google.com/"


@pytest.mark.parametrize(
    ("granted", "covered", "missing"),
    [
        (MAIL, "gmail.modify gmail.readonly gmail.send gmail.compose gmail.metadata", "gmail.settings.basic calendar"),
        ("gmail.modify", "gmail.readonly gmail.send gmail.labels gmail.compose", f"{MAIL} gmail.settings.sharing"),
        ("gmail.compose", "gmail.send", "gmail.readonly"),
        ("gmail.readonly", "gmail.metadata", "gmail.modify gmail.send"),
        ("calendar", "calendar.readonly calendar.events calendar.events.readonly calendar.freebusy", "contacts"),
        ("calendar.events", "calendar.events.readonly", "calendar calendar.readonly"),
        ("calendar.readonly", "calendar.events.readonly", "calendar.events"),
        ("drive", "drive.readonly drive.file drive.metadata.readonly documents", "drive.appdata"),
        ("contacts", "contacts.readonly", "contacts.other.readonly directory.readonly"),
        ("tasks", "tasks.readonly", "calendar"),
    ],
)
def test_a_scope_that_another_covers_is_not_missing(google: Google, granted: str, covered: str, missing: str) -> None:
    def whole(names: str) -> tuple[str, ...]:
        return tuple(name if name == MAIL else f"{ROOT}{name}" for name in names.split())

    wanted = (*whole(covered), *whole(missing))
    assert google.missing_scope(tokens_with(*whole(granted)), wanted) == whole(missing)


async def test_revoking_succeeds_also_for_a_token_that_is_dead(google: Google, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="ana@example.com")
    assert await google.revoke(SecretStr(TOKEN))
    assert await google.revoke(SecretStr(TOKEN))
    assert [seen.form for seen in provider.requests] == [{"token": TOKEN}] * 2
    assert await verdict_of(google) == ("reconnect", "token_revoked")


@pytest.mark.parametrize("reply", [Reply(503), Reply(400, {"error": "invalid_request"}), Reply(fault="reset")])
async def test_revoking_is_best_effort(google: Google, provider: FakeOAuth, reply: Reply) -> None:
    provider.answers("revoke", reply)
    assert not await google.revoke(SecretStr(TOKEN))


# ---------------------------------------------------------------- emulate


async def test_an_emulated_account_is_connected(http: Http, emulate: Emulate) -> None:
    google = Google(http, **emulate.google_urls())
    client = ClientApp(emulate.client["client_id"], SecretStr(emulate.client["client_secret"]))
    token = SecretStr(emulate.refresh_token("google", "bob@example.com"))
    for _ in range(2):  # Google's refresh tokens live on
        tokens = await google.refresh(client, token)
        identity = await google.identify(client, tokens)
        assert (identity.email, identity.name) == ("bob@example.com", "Bob")
        assert identity.subject == identity.user_id is not None
    assert google.granted_scope(tokens) == ("openid", f"{ROOT}userinfo.email", f"{ROOT}userinfo.profile")


async def test_emulated_refusals_are_understood(http: Http, emulate: Emulate) -> None:
    google = Google(http, **emulate.google_urls())
    client = ClientApp(emulate.client["client_id"], SecretStr(emulate.client["client_secret"]))
    stranger = ClientApp(emulate.client["client_id"], SecretStr("sEcReT-wrong"))
    token = SecretStr(emulate.refresh_token("google", "alice@example.com"))
    found = []
    for who, what in ((client, SecretStr("1//dead")), (stranger, token)):
        with pytest.raises(ProviderFailure) as caught:
            await google.refresh(who, what)
        assert "sEcReT" not in repr(caught.value.evidence)
        found.append(classify(caught.value.evidence).kind.value)
    assert found == ["reconnect", "connector"]
