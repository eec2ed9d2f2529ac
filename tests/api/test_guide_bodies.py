"""The bodies of the vendor's guide, sent as they stand there: connectors, credentials and applications.

Those of connect/custom and of a grant's change: test_ten_ways.py; of webhooks: test_webhooks.py.
"""

import pytest

from tests.api.conftest import SCOPE
from tests.fakes.oauth import TENANT, FakeOAuth
from tests.support import LiveServer, Tenant, data, secret

GMAIL = "https://www.googleapis.com/auth/gmail.readonly"


@pytest.fixture(scope="module")
def server(sqlite_server: LiveServer) -> LiveServer:
    """How a body is read knows no engine."""
    return sqlite_server


def test_connectors_and_their_credentials(tenant: Tenant, provider: FakeOAuth) -> None:
    client = {"client_id": "client", "client_secret": secret("client")}
    for body in (
        {"name": "google", "provider": "google", "settings": {**client, "topic_name": "projects/p/topics/t"},
         "scope": [GMAIL]},
        {"provider": "microsoft", "settings": {**client, "tenant": "common"}, "scope": "Mail.Read offline_access"},
        {"provider": "yahoo", "settings": client, "scope": ["email", "profile", "mail-w"]},
        {"provider": "zoom", "settings": client},
        {"provider": "ews", "settings": {}, "scopes": "ews.messages"},
        {"provider": "imap", "settings": {"imap_host": "imap.example.com", "imap_port": 993}},
        {"provider": "virtual-calendar"},
    ):  # fmt: skip
        made = tenant.post("/v3/connectors", body)
        assert made.status_code == 201, made.text
    assert data(tenant.get("/v3/connectors/ews"))["scope"] == ["ews.messages"]
    for change in ({"settings": {"tenant": TENANT}}, {"scope": "Mail.Read,User.Read"}, {"name": "Ours"}):
        assert tenant.patch("/v3/connectors/microsoft", change).status_code == 200
    file = provider.delegates(scope=SCOPE, domain="contoso.test") | {
        "type": "service_account",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "auth_provider_x_509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
    }
    for name, body in (
        ("google", {"name": "Other", "credential_type": "connector", "credential_data": client}),
        ("google", {"name": "Account", "credential_type": "serviceaccount", "credential_data": file}),
        ("microsoft", {"name": "Tenant", "credential_type": "adminconsent", "credential_data": {"tenant": TENANT}}),
        ("microsoft", {"name": "Any", "credential_type": "adminconsent", "credential_data": client}),
    ):
        made = tenant.post(f"/v3/connectors/{name}/creds", body)
        assert made.status_code == 201, made.text
        again = {"name": f"{body['name']} 2", "credential_data": body["credential_data"]}
        assert tenant.patch(f"/v3/connectors/{name}/creds/{data(made)['id']}", again).status_code == 200


def test_the_application(tenant: Tenant) -> None:
    body = {
        "application_id": "ad410018-d306-43f9-8361-fa5d7b2172e0",
        "organization_id": "f5db4482-dbbe-4b32-b347-61c260d803ce",
        "region": "us",
        "environment": "production",
        "branding": {"name": "My application", "icon_url": "https://www.example.com/icon.png",
                     "website_url": "https://www.example.com", "description": "Online banking."},
        "hosted_authentication": {"background_image_url": "https://www.example.com/back.png", "alignment": "left",
                                  "color_primary": "#dc0000", "color_secondary": "#000056", "title": "string",
                                  "subtitle": "string", "background_color": "#003400", "spacing": 5},
        "callback_uris": [{"id": "0556d035-6cb6-4262-a035-6b77e11cf8fc", "url": "http://localhost/abc",
                           "platform": "web"},
                          {"id": "", "url": "myapp://callback", "platform": "desktop", "settings": {}}],
    }  # fmt: skip
    changed = tenant.patch("/v3/applications", body)
    assert changed.status_code == 200, changed.text
    assert [one["url"] for one in data(changed)["callback_uris"]] == ["http://localhost/abc", "myapp://callback"]
    texts = {"callback_uris": ["http://localhost/abc", "https://app.example.com/callback"]}
    assert len(data(tenant.patch("/v3/applications", texts))["callback_uris"]) == 2
