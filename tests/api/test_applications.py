"""/v3/applications: what an application says about itself."""

import json
from typing import Any

import pytest

from tests.support import LiveServer, Tenant, data, problem

PATH = "/v3/applications"
WEB = "https://app.example.com/callback"
DATA_IMAGE = "data:image/png;base64,iVBORw0KGgo="


def patch(tenant: Tenant, **body: Any) -> dict[str, Any]:
    answer = tenant.patch(PATH, body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = data(answer)
    return found


def kept(tenant: Tenant) -> dict[str, Any]:
    """The additional settings, which the API does not tell."""
    applications = tenant.server.services.applications
    return dict(tenant.server.call(applications.profile(tenant.application)).additional_settings)


def trail(tenant: Tenant) -> list[tuple[str, Any]]:
    """Types of the newest entries with the names of what changed, oldest first."""
    entries = data(tenant.get("/v3/audit", params={"limit": 50}))
    return [(one["type"], one["detail"].get("changed")) for one in reversed(entries)]


def test_an_application_that_has_said_nothing_has_what_every_sdk_requires(tenant: Tenant) -> None:
    answer = tenant.get(PATH)
    assert set(answer.json()) == {"request_id", "data"}
    found = data(answer)
    assert found == {
        "application_id": tenant.application.id,
        "organization_id": found["organization_id"],
        "region": "us",
        "environment": "production",
        "default_workspace_id": data(tenant.get("/v3/workspaces"))[0]["workspace_id"],
        "branding": {"name": tenant.application.name},
        "hosted_authentication": {},
        "callback_uris": [],
        "created_at": found["created_at"],
        "updated_at": found["created_at"],
    }
    assert len(found["organization_id"]) == 36


def test_its_own_id_may_stand_in_the_path_and_no_other(tenant: Tenant, stranger: Tenant) -> None:
    own = f"{PATH}/{tenant.application.id}"
    assert data(tenant.get(own)) == data(tenant.get(PATH))
    changed = tenant.patch(own, {"branding": {"name": "Acme"}})
    assert (changed.status_code, data(changed)["branding"]) == (200, {"name": "Acme"})
    other = f"{PATH}/{stranger.application.id}"
    for answer in (tenant.get(other), tenant.patch(other, {"branding": {"name": "Mine"}}), tenant.get(f"{PATH}/none")):
        assert problem(answer)[:2] == (404, "api.not_found_error")
    assert data(stranger.get(PATH))["branding"] == {"name": stranger.application.name}


def test_what_is_sent_comes_back_and_the_answer_says_success(tenant: Tenant) -> None:
    body = {
        "branding": {
            "name": "Acme",
            "icon_url": DATA_IMAGE,
            "website_url": "http://example.com",
            "description": "Ünïcode \u2713",
        },
        "hosted_authentication": {
            "background_image_url": "https://cdn.example.com/background.png",
            "alignment": "right",
            "color_primary": "#0b57d0",
            "color_secondary": "#FFF",
            "title": "Connect your mailbox",
            "subtitle": "It takes a minute",
            "background_color": "#fff",
            "spacing": 5,
            "terms_of_service_url": "https://example.com/terms",
            "privacy_policy_url": "https://example.com/privacy",
        },
        "idp_settings": {
            "origins": "https://a.example.com, http://localhost:3000",
            "issuers": "https://id.example.com/",
        },
        "domain": "login.example.com",
        "callback_uris": [{"url": WEB}],
    }
    answer = tenant.patch(PATH, body)
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert answer.json()["request_id"]
    found = data(answer)
    (uri,) = found.pop("callback_uris")
    assert uri == {"id": uri["id"], "url": WEB, "platform": "web", "settings": {}}
    assert {name: found[name] for name in body if name != "callback_uris"} == {
        name: value for name, value in body.items() if name != "callback_uris"
    }
    assert data(tenant.get(PATH)) == {**found, "callback_uris": [uri]}


def test_a_part_is_replaced_as_a_whole_and_what_is_left_out_stays(tenant: Tenant) -> None:
    patch(tenant, branding={"name": "Acme", "description": "Old"}, hosted_authentication={"title": "Old", "spacing": 3})
    changed = patch(tenant, branding={"icon_url": DATA_IMAGE})
    assert changed["branding"] == {"name": tenant.application.name, "icon_url": DATA_IMAGE}
    assert changed["hosted_authentication"] == {"title": "Old", "spacing": 3}
    assert patch(tenant, hosted_authentication={"title": "", "alignment": ""})["hosted_authentication"] == {}
    assert patch(tenant, domain="a.example")["domain"] == "a.example"
    assert "domain" not in patch(tenant, domain="")


def test_what_is_not_the_applications_to_change_is_ignored(tenant: Tenant) -> None:
    before = data(tenant.get(PATH))
    ignored = {"application_id": "x", "organization_id": "x", "region": "eu", "environment": "staging"}
    assert patch(tenant, **ignored, default_workspace_id="x", branding=None) == before


def test_additional_settings_are_kept_and_never_told(tenant: Tenant) -> None:
    settings = {
        "login_url": "https://example.com/login",
        "logout_url": "https://example.com/logout",
        "refresh_token_expiration_absolute": 2_592_000,
        "refresh_token_expiration_idle": 0,
        "rotate_refresh_token": True,
        "allow_query_param_in_redirect_uri": False,
    }
    changed = patch(tenant, additional_settings=settings)
    assert "additional_settings" not in changed
    assert not set(settings) & set(json.dumps(data(tenant.get(PATH))).split('"'))
    assert kept(tenant) == settings
    patch(tenant, additional_settings={"rotate_refresh_token": False})
    assert kept(tenant) == {"rotate_refresh_token": False}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"branding": {"icon_url": "http://example.com/icon.png"}}, "branding.icon_url"),
        ({"branding": {"icon_url": "data:text/html;base64,PHNjcmlwdD4="}}, "branding.icon_url"),
        ({"branding": {"icon_url": "javascript:alert(1)"}}, "branding.icon_url"),
        ({"branding": {"icon_url": 'https://example.com/")url("'}}, "branding.icon_url"),
        ({"branding": {"website_url": "javascript:alert(1)"}}, "branding.website_url"),
        ({"branding": {"name": "a" * 257}}, "branding.name"),
        ({"branding": {"name": "a\nb"}}, "branding.name"),
        ({"branding": "Acme"}, "branding"),
        ({"hosted_authentication": {"alignment": "top"}}, "hosted_authentication.alignment"),
        ({"hosted_authentication": {"color_primary": "red"}}, "hosted_authentication.color_primary"),
        ({"hosted_authentication": {"color_primary": "#12345"}}, "hosted_authentication.color_primary"),
        ({"hosted_authentication": {"color_secondary": "#fff;}"}}, "hosted_authentication.color_secondary"),
        ({"hosted_authentication": {"background_color": "#fff\n"}}, "hosted_authentication.background_color"),
        ({"hosted_authentication": {"background_image_url": "//example.com/x"}}, "background_image_url"),
        ({"hosted_authentication": {"spacing": -1}}, "hosted_authentication.spacing"),
        ({"hosted_authentication": {"spacing": "5"}}, "hosted_authentication.spacing"),
        ({"hosted_authentication": {"title": "a" * 257}}, "hosted_authentication.title"),
        ({"hosted_authentication": {"privacy_policy_url": "data:text/html,x"}}, "privacy_policy_url"),
        ({"idp_settings": {"origins": "https://a.example.com,*"}}, "idp_settings.origins"),
        ({"idp_settings": {"origins": "http://a.example.com"}}, "idp_settings.origins"),
        ({"idp_settings": {"issuers": "http://id.example.com"}}, "idp_settings.issuers"),
        ({"additional_settings": {"rotate_refresh_token": "yes"}}, "additional_settings.rotate_refresh_token"),
        ({"additional_settings": {"refresh_token_expiration_idle": -1}}, "refresh_token_expiration_idle"),
        ({"additional_settings": {"login_url": "javascript:alert(1)"}}, "additional_settings.login_url"),
        ({"callback_uris": [{"platform": "web"}]}, "callback_uris.0.url"),
        ({"callback_uris": [{"url": "http://example.com/"}]}, "url"),
        ({"callback_uris": [{"url": WEB}, {"url": WEB}]}, "url"),
        ({"colour": "blue"}, "colour: is not supported here"),
        ({"branding": {"motto": "x"}}, "branding.motto: is not supported here"),
        ({"hosted_authentication": {"font": "x"}}, "hosted_authentication.font: is not supported here"),
        ({"additional_settings": {"mfa": True}}, "additional_settings.mfa: is not supported here"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_of_the_request_is_kept(
    tenant: Tenant, body: dict[str, Any], named: str
) -> None:
    before = data(tenant.get(PATH))
    status, type_, message = problem(tenant.patch(PATH, {"domain": "new.example.com", **body}))
    assert (status, type_) == (400, "api.invalid_request_error")
    assert named in message
    assert data(tenant.get(PATH)) == before


def test_callback_uris_come_as_the_vendors_clients_send_them(tenant: Tenant) -> None:
    """With ids of another server, as a list of URLs, and beside what a GET has shown."""
    unknown = {"id": "0556d035-6cb6-4262-a035-6b77e11cf8fc", "url": WEB, "platform": "web"}
    (made,) = patch(tenant, callback_uris=[unknown])["callback_uris"]
    assert (made["url"], made["id"] != unknown["id"]) == (WEB, True)
    assert patch(tenant, callback_uris=[unknown])["callback_uris"] == [made]
    again = patch(tenant, callback_uris=[WEB, f"{WEB}/2"])["callback_uris"]
    assert (again[0], again[1]["url"]) == (made, f"{WEB}/2")
    whole = data(tenant.get(PATH))
    assert patch(tenant, **whole)["callback_uris"] == again


def test_callback_uris_that_are_sent_stay_under_their_ids_and_the_others_go(tenant: Tenant) -> None:
    urls = [f"{WEB}/{name}" for name in "abc"]
    a, b, c = patch(tenant, callback_uris=[{"url": url} for url in urls])["callback_uris"]
    assert [uri["url"] for uri in (a, b, c)] == urls
    moved = patch(tenant, callback_uris=[{"id": a["id"], "url": b["url"]}, {"id": b["id"], "url": a["url"]}])
    by_id = {uri["id"]: uri["url"] for uri in moved["callback_uris"]}
    assert by_id == {a["id"]: b["url"], b["id"]: a["url"]}, "two may swap their URLs"
    again = patch(tenant, callback_uris=[{"url": a["url"]}, {"url": c["url"]}])["callback_uris"]
    assert again[0] == {**b, "url": a["url"]}, "without an id, its URL says which one it is"
    assert again[1]["id"] != c["id"], "a removed one does not come back"
    assert patch(tenant, branding={"name": "Acme"})["callback_uris"] == again
    assert patch(tenant, callback_uris=[])["callback_uris"] == []


def test_a_kept_callback_uri_keeps_platform_and_settings_that_are_left_out(tenant: Tenant) -> None:
    js = {"url": WEB, "platform": "js", "settings": {"origin": "https://app.example.com"}}
    (made,) = patch(tenant, callback_uris=[js])["callback_uris"]
    (still,) = patch(tenant, callback_uris=[{"id": made["id"], "url": f"{WEB}/2"}])["callback_uris"]
    assert still == {**made, "url": f"{WEB}/2"}


def test_another_applications_redirect_uri_cannot_be_named(tenant: Tenant, stranger: Tenant) -> None:
    (made,) = patch(stranger, callback_uris=[{"url": WEB}])["callback_uris"]
    (own,) = patch(tenant, callback_uris=[{"id": made["id"], "url": WEB}])["callback_uris"]
    assert own["id"] != made["id"]
    assert data(stranger.get(PATH))["callback_uris"] == [made]


def test_changes_leave_entries_that_name_fields_and_no_values(tenant: Tenant) -> None:
    before = len(trail(tenant))
    patch(tenant, branding={"name": "Acme"}, additional_settings={"login_url": "https://hidden.example/"})
    patch(tenant, branding={"name": "Acme"})
    patch(tenant, domain="a.example", callback_uris=[{"url": WEB}])
    patch(tenant, callback_uris=[])
    tenant.patch(PATH, {"branding": {"name": 7}})
    entries = trail(tenant)[before:]
    assert entries[0] == ("application.updated", ["branding", "additional_settings"])
    # What one transaction writes may bear one time; its order is then that of the ids.
    assert sorted(entries[1:3]) == [("application.updated", ["domain"]), ("redirect_uri.created", None)]
    assert entries[3:] == [("redirect_uri.deleted", None)]
    assert "hidden" not in tenant.get("/v3/audit").text


def test_an_application_is_found_by_its_id_or_not_at_all(tenant: Tenant, server: LiveServer) -> None:
    applications = server.services.applications
    assert server.call(applications.find(tenant.application.id)) == tenant.application
    for stranger in ("none", "", "a\x00b", "\udc80", "a" * 10_000):
        assert server.call(applications.find(stranger)) is None
