"""providers/microsoft/oauth.py, against the stand-in for Entra's and Graph's own manners, and against emulate."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from pydantic import SecretStr

from opengrant.errors import ProviderFailure
from opengrant.model import ClientApp, Identity, Tokens
from opengrant.net.provider_http import Http
from opengrant.providers.base import Identifies, Refreshes
from opengrant.providers.classify import classify
from opengrant.providers.microsoft.oauth import PERSONAL_TENANT, Microsoft
from tests.fakes.oauth import TENANT, FakeOAuth, Reply, entra_error, graph_error
from tests.peers.emulate import Emulate
from tests.providers import support
from tests.providers.support import asked

CLIENT = ClientApp("client", SecretStr("sEcReT-client"))
TOKEN = "0.AXoA-sEcReT-refresh"
OID = "0e3b0c44-98fc-4c14-9afb-f4c8996fb924"
OUTLOOK = "https://outlook.office.com/IMAP.AccessAsUser.All"
connect = partial(support.connect, client=CLIENT, token=TOKEN)
verdict_of = partial(support.verdict_of, client=CLIENT, token=TOKEN)


@pytest.fixture
def microsoft(http: Http, provider: FakeOAuth) -> Microsoft:
    return Microsoft(http, **provider.microsoft_urls())


# ---------------------------------------------------------------- refresh


async def test_it_can_what_the_protocols_ask(microsoft: Microsoft) -> None:
    assert isinstance(microsoft, Refreshes)
    assert isinstance(microsoft, Identifies)
    assert microsoft.rotates


async def test_the_client_is_named_in_the_body_and_no_scope_is_asked(microsoft: Microsoft, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="bo@contoso.test")
    await connect(microsoft)
    assert provider.requests[0].path == "/common/oauth2/v2.0/token"
    assert provider.requests[0].form == {
        "grant_type": "refresh_token",
        "refresh_token": TOKEN,
        "client_id": "client",
        "client_secret": "sEcReT-client",
    }


async def test_a_public_client_sends_no_secret(microsoft: Microsoft, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="bo@contoso.test")
    await connect(microsoft, client=replace(CLIENT, client_secret=SecretStr("")))
    assert "client_secret" not in provider.requests[0].form


@pytest.mark.parametrize(
    ("tenant", "path"),
    [
        (TENANT, f"/{TENANT}/oauth2/v2.0/token"),
        ("contoso.test", "/contoso.test/oauth2/v2.0/token"),
        ("../evil?x=", "/..%2Fevil%3Fx%3D/oauth2/v2.0/token"),
    ],
)
async def test_the_tenant_is_one_segment_of_the_url(
    microsoft: Microsoft, provider: FakeOAuth, tenant: str, path: str
) -> None:
    provider.accepts(TOKEN, email="bo@contoso.test")
    await connect(microsoft, client=replace(CLIENT, tenant=tenant))
    assert provider.requests[0].path == path


async def test_a_token_url_without_tenant_is_used_as_it_is(http: Http, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="bo@contoso.test")
    await connect(Microsoft(http, **provider.microsoft_urls() | {"token_url": f"{provider.url}/fixed/token"}))
    assert provider.requests[0].path == "/fixed/token"


async def test_each_refresh_brings_a_new_refresh_token_and_identifying_spends_none(
    microsoft: Microsoft, provider: FakeOAuth
) -> None:
    provider.accepts(TOKEN, email="bo@contoso.test", single_use=True)
    tokens, _ = await connect(microsoft)
    assert tokens.refresh_token is not None
    assert provider.count("token") == 1
    assert TOKEN not in provider.accounts
    assert tokens.refresh_token.get_secret_value() in provider.accounts


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, entra_error("invalid_grant", 700082), ("reconnect", "token_expired")),
        (400, entra_error("invalid_grant", 9002313), ("reconnect", "malformed_token")),
        (400, entra_error("interaction_required", 50076), ("reconnect", "second_factor_required")),
        (401, entra_error("invalid_client", 7000222), ("connector", "client_secret_expired")),
        (400, entra_error("invalid_grant", 50196), ("rate_limited", "loop_detected")),
        (429, "Too Many Requests", ("rate_limited", "throttled")),
        (503, entra_error("temporarily_unavailable", 90033), ("provider_down", "provider_error")),
    ],
)
async def test_refusals_of_the_token_endpoint(
    microsoft: Microsoft, provider: FakeOAuth, status: int, body: Any, expected: tuple[str, str]
) -> None:
    provider.refuses(status, body)
    assert await verdict_of(microsoft) == expected
    assert provider.count("token") == 1  # never retried


# ---------------------------------------------------------------- identify


async def test_graph_and_the_id_token_together_say_who_it_is(microsoft: Microsoft, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="bo@contoso.test", subject=OID, name="Bo")
    _, identity = await connect(microsoft)
    assert identity == Identity("bo@contoso.test", subject=f"{TENANT}:{OID}", user_id=OID, name="Bo")
    assert provider.requests[1].query == {"$select": "id,displayName,mail,userPrincipalName"}


@pytest.mark.parametrize(
    ("user", "claims", "email"),
    [
        ({"mail": "Mail@contoso.test"}, {}, "Mail@contoso.test"),
        ({"mail": None, "userPrincipalName": "upn@contoso.test"}, {"email": "c@contoso.test"}, "upn@contoso.test"),
        ({"mail": None, "userPrincipalName": "no address"}, {"email": "c@contoso.test"}, "c@contoso.test"),
        # A guest: the principal name only looks like an address.
        (
            {"mail": None, "userPrincipalName": "ana_home.test#EXT#@contoso.test"},
            {"email": "ana@home.test"},
            "ana@home.test",
        ),
        ({"mail": "ana@home.test", "userPrincipalName": "ana_home.test#EXT#@contoso.test"}, {}, "ana@home.test"),
        ({"mail": None, "userPrincipalName": None}, {"preferred_username": "p@contoso.test"}, "p@contoso.test"),
        # Nobody verified whose domain it is.
        (
            {"mail": None, "userPrincipalName": None},
            {"email": "victim@bank.test", "xms_edov": False, "preferred_username": "p@contoso.test"},
            "p@contoso.test",
        ),
    ],
)
async def test_the_address_is_the_most_trustworthy_one(
    microsoft: Microsoft, provider: FakeOAuth, user: dict[str, Any], claims: dict[str, Any], email: str
) -> None:
    provider.accepts(TOKEN, email="other@contoso.test", subject=OID, user=user, claims=claims)
    _, identity = await connect(microsoft)
    assert identity.email == email


@pytest.mark.parametrize(
    ("tenant", "user", "claims", "vouched"),
    [
        # Any tenant's administrator may write any address into `mail`.
        ("common", {"mail": "ceo@bank.test"}, {}, False),
        ("organizations", {"mail": "ceo@bank.test"}, {"email": "ceo@bank.test", "xms_edov": False}, False),
        ("common", {"mail": "ceo@bank.test"}, {"email": "ceo@bank.test"}, False),
        ("common", {"mail": "ceo@bank.test"}, {"email": "eve@evil.test", "xms_edov": True}, False),
        ("common", {"mail": "CEO@bank.test"}, {"email": "ceo@bank.test", "xms_edov": "1"}, True),
        ("common", {"mail": "Bo@contoso.test"}, {}, True),  # the principal name
        ("common", {"mail": "eve@bank.test", "userPrincipalName": "eve_bank.test#EXT#@evil.test"}, {}, False),
        (TENANT, {"mail": "ceo@bank.test"}, {}, True),  # a connector of one tenant trusts that tenant
    ],
)
async def test_an_address_is_vouched_for_only_where_its_domain_is_the_tenants(
    microsoft: Microsoft,
    provider: FakeOAuth,
    tenant: str,
    user: dict[str, Any],
    claims: dict[str, Any],
    vouched: bool,
) -> None:
    provider.accepts(TOKEN, email="bo@contoso.test", subject=OID, user=user, claims=claims)
    _, identity = await connect(microsoft, client=replace(CLIENT, tenant=tenant))
    assert (identity.email, identity.vouched) == (user["mail"], vouched)


async def test_an_account_without_any_address_is_refused(microsoft: Microsoft, provider: FakeOAuth) -> None:
    user = {"mail": None, "userPrincipalName": "ana_home.test#EXT#@contoso.test"}
    provider.accepts(TOKEN, email="x@contoso.test", user=user, claims={"preferred_username": "x"})
    assert await verdict_of(microsoft) == ("bad_request", "address_unknown")


@pytest.mark.parametrize("scope", ["Mail.Read openid profile", f"{OUTLOOK} openid profile"])
async def test_a_token_that_graph_does_not_take_is_identified_by_its_id_token(
    microsoft: Microsoft, provider: FakeOAuth, scope: str
) -> None:
    provider.accepts(TOKEN, email="bo@contoso.test", subject=OID, name="Bo", scope=scope)
    _, identity = await connect(microsoft)
    assert identity == Identity("bo@contoso.test", subject=f"{TENANT}:{OID}", user_id=OID, name="Bo", vouched=False), (
        "an id_token alone does not tell the principal name"
    )


async def test_graph_is_not_asked_with_a_token_of_another_resource(microsoft: Microsoft, provider: FakeOAuth) -> None:
    provider.accepts(TOKEN, email="bo@contoso.test", scope=f"{OUTLOOK} openid profile")
    await connect(microsoft)
    assert asked(provider) == ["token"]


async def test_a_wrong_audience_that_the_scopes_do_not_show_falls_back_too(
    microsoft: Microsoft, provider: FakeOAuth
) -> None:
    provider.accepts(TOKEN, email="bo@contoso.test", scope=f"{OUTLOOK} openid profile", tokens={"scope": None})
    _, identity = await connect(microsoft)
    assert identity.email == "bo@contoso.test"
    assert asked(provider) == ["token", "me"]


@pytest.mark.parametrize("scope", ["Mail.Read", OUTLOOK, f"{OUTLOOK} offline_access"])
async def test_without_graph_and_id_token_the_missing_scopes_are_named(
    microsoft: Microsoft, provider: FakeOAuth, scope: str
) -> None:
    provider.accepts(TOKEN, email="bo@contoso.test", scope=scope)
    tokens = await microsoft.refresh(CLIENT, SecretStr(TOKEN))
    with pytest.raises(ProviderFailure) as caught:
        await microsoft.identify(CLIENT, tokens)
    found = classify(caught.value.evidence)
    assert (found.kind.value, found.reason) == ("bad_request", "identity_scopes_missing")
    assert "User.Read" in found.remedy


@pytest.mark.parametrize(
    "claims", [{"aud": "other"}, {"iss": "https://evil"}, {"tid": "evil"}, {"tid": None}, {"exp": 1}]
)
async def test_a_strange_id_token_is_ignored(microsoft: Microsoft, provider: FakeOAuth, claims: dict[str, Any]) -> None:
    provider.accepts(TOKEN, email="bo@contoso.test", subject=OID, claims=claims)
    _, identity = await connect(microsoft)
    assert (identity.email, identity.user_id, identity.subject) == ("bo@contoso.test", OID, None)


async def test_an_id_token_of_somebody_else_is_not_mixed_in(microsoft: Microsoft, provider: FakeOAuth) -> None:
    claims = {"oid": "11111111-1111-1111-1111-111111111111", "email": "evil@example.com"}
    provider.accepts(TOKEN, email="bo@contoso.test", subject=OID, claims=claims, user={"mail": None})
    _, identity = await connect(microsoft)
    assert (identity.email, identity.subject) == ("bo@contoso.test", None)


@pytest.mark.parametrize(
    ("tenant", "subject"), [(TENANT.upper(), f"{TENANT}:{OID}"), ("contoso.test", None), ("common", None)]
)
async def test_without_id_token_the_tenant_is_the_connector_s_if_it_is_one(
    microsoft: Microsoft, provider: FakeOAuth, tenant: str, subject: str | None
) -> None:
    provider.accepts(TOKEN, email="bo@contoso.test", subject=OID.upper(), id_token=False)
    _, identity = await connect(microsoft, client=replace(CLIENT, tenant=tenant))
    assert identity.subject == subject


@pytest.mark.parametrize("id_token", [True, False])
async def test_a_personal_account_has_one_subject_however_its_id_is_spelled(
    microsoft: Microsoft, provider: FakeOAuth, id_token: bool
) -> None:
    oid = "00000000-0000-0000-4a1b-00c0ffee1234"
    claims = {"oid": oid, "tid": PERSONAL_TENANT, "iss": f"https://login.microsoftonline.com/{PERSONAL_TENANT}/v2.0"}
    provider.accepts(TOKEN, email="eve@outlook.test", subject="4A1B00C0FFEE1234", claims=claims, id_token=id_token)
    _, identity = await connect(microsoft)
    assert identity.subject == f"{PERSONAL_TENANT}:{oid}"
    assert identity.user_id == "4A1B00C0FFEE1234"
    assert identity.vouched


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(200, ""), ("provider_down", "senseless_answer")),
        (Reply(200, {"displayName": "nobody"}), ("provider_down", "senseless_answer")),
        (Reply(503, graph_error("serviceNotAvailable")), ("provider_down", "provider_error")),
        (Reply(429, graph_error("TooManyRequests"), {"Retry-After": "5"}), ("rate_limited", "throttled")),
        (Reply(404, graph_error("Request_ResourceNotFound")), ("reconnect", "user_unknown")),
        (Reply(fault="reset"), ("provider_down", "answer_lost")),
    ],
)
async def test_a_graph_that_is_not_well_is_not_replaced_by_the_id_token(
    microsoft: Microsoft, provider: FakeOAuth, reply: Reply, expected: tuple[str, str]
) -> None:
    provider.accepts(TOKEN, email="bo@contoso.test")
    provider.answers("me", reply)
    assert await verdict_of(microsoft) == expected


# ---------------------------------------------------------------- scopes


def tokens_with(*scope: str) -> Tokens:
    return Tokens(SecretStr("at"), None, 0, scope or None)


@pytest.mark.parametrize(
    "root",
    [
        "https://graph.microsoft.com/",
        "https://graph.microsoft.us/",
        "https://dod-graph.microsoft.us/",
        "https://microsoftgraph.chinacloudapi.cn/",
        "HTTPS://Graph.Microsoft.com/",
    ],
)
def test_graph_scopes_are_short_on_the_wire_in_every_cloud(microsoft: Microsoft, root: str) -> None:
    assert microsoft.granted_scope(tokens_with(f"{root}Mail.Read", "Mail.Read", "openid")) == ("Mail.Read", "openid")


def test_offline_access_is_kept_only_where_it_stands(microsoft: Microsoft) -> None:
    assert microsoft.granted_scope(tokens_with("Mail.Read", "offline_access")) == ("Mail.Read", "offline_access")
    assert microsoft.granted_scope(tokens_with("Mail.Read")) == ("Mail.Read",)
    assert microsoft.granted_scope(tokens_with(OUTLOOK)) == (OUTLOOK,)
    assert microsoft.granted_scope(tokens_with()) is None


@pytest.mark.parametrize(
    ("granted", "wanted", "missing"),
    [
        (("Mail.Read",), ("https://graph.microsoft.com/mail.read",), ()),
        (("Mail.Read",), ("Mail.Read", "Mail.Send"), ("Mail.Send",)),
        (("https://graph.microsoft.us/Mail.Read",), ("Mail.Read", "Mail.Send"), ("Mail.Send",)),
        (("openid", "profile"), ("Mail.Read",), ("Mail.Read",)),
        # Never in an answer, or of a resource that the answer is not about.
        (("Mail.Read",), ("openid", "offline_access", "https://graph.microsoft.com/.default", ".default"), ()),
        (("Mail.Read",), (OUTLOOK,), ()),
        ((OUTLOOK,), ("Mail.Read",), ()),
        ((OUTLOOK,), ("https://outlook.office.com/SMTP.Send",), ("https://outlook.office.com/SMTP.Send",)),
        ((), ("Mail.Read",), ()),
        # What is greater covers what is less, in every spelling.
        (("Mail.ReadWrite",), ("mail.read", "https://graph.microsoft.com/Mail.ReadBasic", "Mail.Send"), ("Mail.Send",)),
        (("https://Graph.microsoft.com/MAIL.READWRITE",), ("Mail.Read", "Mail.Read.Shared"), ("Mail.Read.Shared",)),
        (("Mail.ReadWrite.Shared",), ("Mail.Read", "Mail.ReadWrite", "Mail.Read.Shared"), ()),
        (("Calendars.ReadWrite",), ("Calendars.Read", "Calendars.ReadBasic", "Contacts.Read"), ("Contacts.Read",)),
        (("Calendars.Read.Shared",), ("Calendars.Read", "Calendars.ReadWrite"), ("Calendars.ReadWrite",)),
        (("Contacts.ReadWrite",), ("Contacts.Read",), ()),
        (
            ("Files.ReadWrite.All",),
            ("Files.Read", "Files.ReadWrite", "Files.Read.All", "Files.ReadWrite.AppFolder"),
            (),
        ),
        (("Files.ReadWrite",), ("Files.Read", "Files.Read.All"), ("Files.Read.All",)),
        (("User.ReadWrite",), ("User.Read", "User.ReadBasic.All"), ("User.ReadBasic.All",)),
        (("User.Read.All",), ("User.Read", "User.ReadBasic.All", "User.ReadWrite"), ("User.ReadWrite",)),
        (("Mail.Send.Shared",), ("Mail.Send",), ()),
        ((".default",), ("Mail.Read",), ()),
        (("https://graph.microsoft.com/.default",), ("Mail.Read",), ()),
    ],
)
def test_a_scope_is_missing_only_where_the_answer_proves_it(
    microsoft: Microsoft, granted: tuple[str, ...], wanted: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    assert microsoft.missing_scope(tokens_with(*granted), wanted) == missing


# ---------------------------------------------------------------- emulate


async def test_an_emulated_account_is_connected_and_its_tokens_rotate(http: Http, emulate: Emulate) -> None:
    microsoft = Microsoft(http, **emulate.microsoft_urls())
    client = ClientApp(emulate.client["client_id"], SecretStr(emulate.client["client_secret"]))
    scopes = ("openid", "profile", "email", "offline_access", "User.Read")
    first = SecretStr(emulate.refresh_token("microsoft", "dan@contoso.test", scopes))
    tokens = await microsoft.refresh(client, first)
    identity = await microsoft.identify(client, tokens)
    assert (identity.email, identity.name) == ("dan@contoso.test", "Dan")
    assert identity.subject == f"{PERSONAL_TENANT}:{identity.user_id}"  # emulate's tenant, unless seeded
    assert tokens.refresh_token not in (None, first)
    with pytest.raises(ProviderFailure) as caught:
        await microsoft.refresh(client, first)
    assert classify(caught.value.evidence).kind.value == "reconnect"
    assert tokens.refresh_token is not None
    again = await microsoft.refresh(client, tokens.refresh_token)
    assert await microsoft.identify(client, again) == identity
