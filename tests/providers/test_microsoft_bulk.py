"""providers/microsoft/app_only.py, against the stand-in for Entra and Graph: tokens without rights included."""

from typing import Any

import pytest
from pydantic import SecretStr

from opengrant.errors import Evidence, InvalidRequest, ProviderFailure
from opengrant.model import Identity, now
from opengrant.net.provider_http import Http
from opengrant.providers.classify import classify
from opengrant.providers.microsoft.app_only import MicrosoftBulk
from tests.fakes.oauth import TENANT, FakeOAuth, Reply, entra_error, graph_error
from tests.logins import Minting
from tests.providers.support import asked

OID = "0e3b0c44-98fc-4c14-9afb-f4c8996fb924"
USER = "cy@contoso.test"
CREDENTIAL = {"client_id": "app", "client_secret": SecretStr("sEcReT-app"), "tenant": TENANT}
ROLES = "User.Read.All Mail.ReadWrite Calendars.Read MailboxSettings.Read"


@pytest.fixture
def bulk(http: Http, provider: FakeOAuth) -> Minting:
    provider.consents("app", "sEcReT-app", roles=ROLES)
    return Minting(MicrosoftBulk(http, **provider.microsoft_bulk_urls()))


async def refused(bulk: Minting, user: str = USER, *scope: str, **change: Any) -> Evidence:
    with pytest.raises(ProviderFailure) as caught:
        await bulk.mint(CREDENTIAL | change, user, scope)
    evidence = caught.value.evidence
    assert "sEcReT" not in repr(evidence)
    assert evidence.provider == "microsoft-bulk"
    return evidence


def judged(evidence: Evidence) -> tuple[str, str]:
    found = classify(evidence)
    return found.kind.value, found.reason


# ---------------------------------------------------------------- the way through


async def test_a_mailbox_is_proven_by_touching_it(bulk: Minting, provider: FakeOAuth) -> None:
    provider.employs(USER, subject=OID, name="Cy")
    minted = await bulk.mint(CREDENTIAL, USER, ())
    assert minted.identity == Identity(USER, subject=f"{TENANT}:{OID}", user_id=OID, name="Cy")
    assert minted.scope == ("https://graph.microsoft.com/.default",)
    assert minted.access_token.get_secret_value() in provider.issued
    assert 3500 < (minted.expires_at - now()) / 1_000_000 <= 3599
    assert asked(provider) == ["token", "users", "inbox"]
    assert "sEcReT" not in repr(minted)


async def test_the_token_request_names_the_app_and_all_it_was_granted(bulk: Minting, provider: FakeOAuth) -> None:
    provider.employs(USER)
    await bulk.mint(CREDENTIAL, USER, ())
    assert provider.requests[0].path == f"/{TENANT}/oauth2/v2.0/token"
    assert provider.requests[0].form == {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": "sEcReT-app",
        "scope": "https://graph.microsoft.com/.default",
    }


@pytest.mark.parametrize(
    ("graph", "scope"),
    [
        ("https://graph.microsoft.us/v1.0", "https://graph.microsoft.us/.default"),
        ("https://microsoftgraph.chinacloudapi.cn/v1.0", "https://microsoftgraph.chinacloudapi.cn/.default"),
        ("http://127.0.0.1:9/v1.0", "https://graph.microsoft.com/.default"),
    ],
)
async def test_the_scope_is_of_the_cloud_that_graph_is_in(
    http: Http, provider: FakeOAuth, graph: str, scope: str
) -> None:
    provider.refuses(400, entra_error("invalid_scope", 70011))
    await refused(Minting(MicrosoftBulk(http, **provider.microsoft_bulk_urls() | {"graph_url": graph})))
    assert provider.requests[0].form["scope"] == scope


async def test_a_tenant_named_by_its_domain_has_no_id_to_identify_by(bulk: Minting, provider: FakeOAuth) -> None:
    provider.employs(USER, subject=OID)
    minted = await bulk.mint(CREDENTIAL | {"tenant": "contoso.test"}, USER, ())
    assert (minted.identity.subject, minted.identity.user_id) == (None, OID)


# ---------------------------------------------------------------- finding the user


@pytest.mark.parametrize("address", [USER, "CY@Contoso.test"])
async def test_the_principal_name_is_enough(bulk: Minting, provider: FakeOAuth, address: str) -> None:
    provider.employs(USER)
    minted = await bulk.mint(CREDENTIAL, address, ())
    assert minted.identity.email == address
    assert provider.count("users") == 1


@pytest.mark.parametrize(
    "address", ["o'neil@contoso.test", "$ales@contoso.test", "$o'neil@contoso.test", "a#b/c?d%e@contoso.test"]
)
async def test_odd_characters_stay_within_the_address(bulk: Minting, provider: FakeOAuth, address: str) -> None:
    provider.employs("other@contoso.test")
    provider.employs(address, subject=OID)
    minted = await bulk.mint(CREDENTIAL, address, ())
    assert minted.identity.user_id == OID
    assert provider.count("users") == 1


@pytest.mark.parametrize(
    ("address", "more"),
    [
        (USER, {"principal": "c.young@contoso.test"}),
        ("sales@contoso.test", {"aliases": ("sales@contoso.test",)}),
        ("o'neil@contoso.test", {"aliases": ("o'neil@contoso.test",)}),
    ],
)
async def test_an_address_that_is_no_principal_name_is_searched_for(
    bulk: Minting, provider: FakeOAuth, address: str, more: dict[str, Any]
) -> None:
    provider.employs("other@contoso.test")
    provider.employs(USER, subject=OID, **more)
    minted = await bulk.mint(CREDENTIAL, address, ())
    assert (minted.identity.email, minted.identity.user_id) == (address, OID)
    assert asked(provider) == ["token", "users", "users", "inbox"]
    literal = address.replace("'", "''")
    assert provider.requests[2].query["$filter"] == (
        f"mail eq '{literal}' or proxyAddresses/any(p:p eq 'smtp:{literal}')"
    )


@pytest.mark.parametrize("address", ["cy@contoso.test", "sales@contoso.test"])
async def test_a_directory_that_takes_only_one_condition_is_asked_twice(
    bulk: Minting, provider: FakeOAuth, address: str
) -> None:
    principal = "c.young@contoso.test"
    provider.employs(USER, subject=OID, principal=principal, aliases=("sales@contoso.test",))
    provider.answers("users", Reply(404, graph_error("Request_ResourceNotFound")), times=1)
    provider.answers("users", Reply(400, graph_error("Request_UnsupportedQuery")), times=1)
    minted = await bulk.mint(CREDENTIAL, address, ())
    assert minted.identity.user_id == OID
    assert [seen.query.get("$filter", "") for seen in provider.requests[3:5]] == [
        f"mail eq '{address}'",
        f"proxyAddresses/any(p:p eq 'smtp:{address}')",
    ]


async def test_nobody_of_that_address_is_an_unknown_user(bulk: Minting, provider: FakeOAuth) -> None:
    provider.employs("other@contoso.test")
    evidence = await refused(bulk)
    assert judged(evidence) == ("reconnect", "user_unknown")
    assert "email_address" in classify(evidence).remedy
    assert asked(provider) == ["token", "users", "users"]


async def test_two_of_that_address_are_not_guessed_between(bulk: Minting, provider: FakeOAuth) -> None:
    for number in (1, 2):
        provider.employs(f"{number}@contoso.test", aliases=("team@contoso.test",))
    assert judged(await refused(bulk, "team@contoso.test")) == ("bad_request", "address_ambiguous")


# ---------------------------------------------------------------- permissions


async def test_a_token_without_any_permission_proves_nothing(bulk: Minting, provider: FakeOAuth) -> None:
    provider.employs(USER)
    provider.consents("app", "sEcReT-app", roles="")
    evidence = await refused(bulk)
    assert provider.count("token") == 1
    assert provider.issued  # Entra gave a token all the same
    assert judged(evidence) == ("connector", "scopes_missing")
    assert "User.Read.All" in classify(evidence).remedy


@pytest.mark.parametrize(
    ("roles", "calls"),
    [
        ("User.Read.All Mail.Read", ["inbox"]),
        ("User.ReadBasic.All Mail.ReadBasic.All", ["inbox"]),
        ("User.Read.All Calendars.Read", ["inbox", "calendar"]),
        ("User.Read.All MailboxSettings.Read", ["inbox", "calendar", "mailboxSettings"]),
    ],
)
async def test_without_a_scope_any_way_into_the_mailbox_will_do(
    bulk: Minting, provider: FakeOAuth, roles: str, calls: list[str]
) -> None:
    provider.employs(USER)
    provider.consents("app", "sEcReT-app", roles=roles)
    await bulk.mint(CREDENTIAL, USER, ())
    assert asked(provider) == ["token", "users", *calls]


async def test_finding_users_alone_is_not_enough(bulk: Minting, provider: FakeOAuth) -> None:
    provider.employs(USER)
    provider.consents("app", "sEcReT-app", roles="User.Read.All Mail.Send")
    assert judged(await refused(bulk)) == ("connector", "scopes_missing")


@pytest.mark.parametrize(
    ("scope", "calls"),
    [
        (("Mail.ReadWrite", "Calendars.Read"), ["inbox", "calendar"]),
        (("https://graph.microsoft.com/Calendars.Read",), ["calendar"]),
        (("Mail.Send", "Calendars.Read"), ["calendar"]),
        (("https://graph.microsoft.com/.default",), ["inbox"]),
    ],
)
async def test_each_scope_that_was_named_is_tried(
    bulk: Minting, provider: FakeOAuth, scope: tuple[str, ...], calls: list[str]
) -> None:
    provider.employs(USER)
    minted = await bulk.mint(CREDENTIAL, USER, scope)
    assert minted.scope == scope
    assert asked(provider) == ["token", "users", *calls]


async def test_a_scope_that_was_named_and_does_not_work_is_refused(bulk: Minting, provider: FakeOAuth) -> None:
    provider.employs(USER)
    provider.consents("app", "sEcReT-app", roles="User.Read.All Calendars.Read")
    assert judged(await refused(bulk, USER, "Calendars.Read", "Mail.Read")) == ("connector", "scopes_missing")
    await bulk.mint(CREDENTIAL, USER, ("Calendars.Read",))


async def test_a_mailbox_that_a_policy_excludes_is_the_administrator_s_turn(bulk: Minting, provider: FakeOAuth) -> None:
    provider.employs(USER, excluded=True)
    evidence = await refused(bulk)
    assert judged(evidence) == ("connector", "mailbox_excluded")
    assert asked(provider) == ["token", "users", "inbox"]


async def test_a_user_without_a_mailbox_is_found_out(bulk: Minting, provider: FakeOAuth) -> None:
    provider.employs(USER, mailbox=False)
    assert judged(await refused(bulk)) == ("reconnect", "no_mailbox")


# ---------------------------------------------------------------- what can be told without asking


async def test_what_is_no_address_is_refused_before_anybody_is_asked(bulk: Minting, provider: FakeOAuth) -> None:
    with pytest.raises(InvalidRequest, match="email_address"):
        await bulk.mint(CREDENTIAL, "cy", ())
    assert provider.requests == []


@pytest.mark.parametrize("tenant", ["common", "Organizations", "consumers", "", " ", None])
async def test_a_token_without_a_user_is_for_one_tenant(bulk: Minting, provider: FakeOAuth, tenant: str | None) -> None:
    assert judged(await refused(bulk, tenant=tenant)) == ("connector", "tenant_required")
    assert provider.requests == []


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"tenant": "fabrikam.test"}, ("connector", "tenant_unknown")),
        ({"client_id": "other"}, ("connector", "client_unknown")),
        ({"client_secret": SecretStr("sEcReT-wrong")}, ("connector", "client_secret_refused")),
    ],
)
async def test_entra_s_refusals_of_the_credential(
    bulk: Minting, change: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert judged(await refused(bulk, **change)) == expected


@pytest.mark.parametrize(
    ("error", "number", "expected"),
    [
        ("invalid_client", 7000222, ("connector", "client_secret_expired")),
        ("invalid_client", 7000218, ("connector", "client_secret_missing")),
        ("invalid_client", 7000229, ("connector", "admin_consent_required")),
        ("invalid_client", 700027, ("connector", "assertion_refused")),
        ("unauthorized_client", 7000112, ("connector", "client_disabled")),
        ("invalid_scope", 70011, ("bad_request", "scope_invalid")),
        # A user's turn elsewhere: here there is none.
        ("invalid_grant", 65001, ("connector", "admin_consent_required")),
        ("invalid_grant", 90094, ("connector", "admin_consent_required")),
        ("invalid_grant", 50105, ("connector", "admin_consent_required")),
        ("invalid_grant", 53003, ("connector", "admin_policy")),
        ("access_denied", 53003, ("connector", "admin_policy")),
        ("invalid_grant", 700082, ("connector", "client_refused")),
        ("invalid_grant", None, ("connector", "client_refused")),
        ("invalid_grant", 50196, ("rate_limited", "loop_detected")),
        ("temporarily_unavailable", 90033, ("provider_down", "provider_error")),
        ("nobody_knows_this", None, ("unknown", "unknown_answer")),
    ],
)
async def test_every_word_of_the_token_endpoint_is_read_as_an_app_s(
    bulk: Minting, provider: FakeOAuth, error: str, number: int | None, expected: tuple[str, str]
) -> None:
    provider.refuses(400, entra_error(error, number))
    assert judged(await refused(bulk)) == expected
    assert provider.count("token") == 1  # never retried


@pytest.mark.parametrize("endpoint", ["users", "inbox"])
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(401, graph_error("InvalidAuthenticationToken")), ("unknown", "access_token_refused")),
        (Reply(403, graph_error("activityLimitReached")), ("rate_limited", "throttled")),
        (Reply(429, "Too Many Requests"), ("rate_limited", "throttled")),
        (Reply(503, graph_error("serviceNotAvailable")), ("provider_down", "provider_error")),
        (Reply(404, "<html>Not Found</html>"), ("provider_down", "not_the_provider")),
        (Reply(fault="reset"), ("provider_down", "answer_lost")),
    ],
)
async def test_a_graph_that_is_not_well_blames_nobody(
    bulk: Minting, provider: FakeOAuth, endpoint: Any, reply: Reply, expected: tuple[str, str]
) -> None:
    provider.employs(USER)
    provider.answers(endpoint, reply)
    assert judged(await refused(bulk)) == expected


@pytest.mark.parametrize("reply", [Reply(200, ""), Reply(200, {"displayName": "nobody"}), Reply(200, [])])
async def test_a_user_without_an_id_is_no_user(bulk: Minting, provider: FakeOAuth, reply: Reply) -> None:
    provider.answers("users", reply)
    assert judged(await refused(bulk)) == ("provider_down", "senseless_answer")


@pytest.mark.parametrize("reply", [Reply(200, ""), Reply(200, {"value": None}), Reply(200, [])])
async def test_a_list_without_users_is_no_empty_list(bulk: Minting, provider: FakeOAuth, reply: Reply) -> None:
    provider.answers("users", Reply(404, graph_error("Request_ResourceNotFound")), times=1)
    provider.answers("users", reply)
    assert judged(await refused(bulk)) == ("provider_down", "senseless_answer")


@pytest.mark.parametrize("code", ["ResourceNotFound", "ErrorInvalidUser", "MailboxNotEnabledForRESTAPI"])
async def test_exchange_has_several_words_for_no_mailbox(bulk: Minting, provider: FakeOAuth, code: str) -> None:
    provider.employs(USER)
    provider.answers("inbox", Reply(404, graph_error(code)))
    assert judged(await refused(bulk)) == ("reconnect", "no_mailbox")


async def test_a_tenant_without_exchange_online_is_told_from_a_token_that_ran_out(
    bulk: Minting, provider: FakeOAuth
) -> None:
    provider.employs(USER)
    provider.answers("inbox", Reply(401, graph_error("OrganizationFromTenantGuidNotFound")))
    evidence = await refused(bulk)
    assert judged(evidence) == ("connector", "no_exchange_online")
