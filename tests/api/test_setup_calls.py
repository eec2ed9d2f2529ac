"""The calls of the console's pages for branding, workspaces and settings."""

import time

from opengrant import __version__
from tests.api.console import with_key, with_link
from tests.support import LiveServer, Tenant, data

INSTALLATION = "/v3/console/installation"
PREVIEW = "/v3/console/branding-preview"
COUNTS = "/v3/console/workspace-grants"


def test_an_operator_sees_what_runs_and_no_secret(server: LiveServer, tenant: Tenant) -> None:
    shown = with_link(tenant).get(INSTALLATION)
    found = data(shown)
    assert found["version"] == __version__
    assert abs(found["started_at"] - time.time()) < 3600
    assert [node["this"] for node in found["nodes"]].count(True) == 1
    assert found["database"]["bytes"] > 100_000
    assert found["database"]["engine"] in {"sqlite", "postgres"}
    assert found["migrations"][0]["name"] == "0001_initial"
    assert found["pending_migrations"] == []
    settings = {one["name"]: one for one in found["settings"]}
    assert settings["OPENGRANT_PORT"] | {"value": 0, "source": ""} == {
        "name": "OPENGRANT_PORT",
        "value": 0,
        "default": 8080,
        "source": "",
        "secret": False,
        "meaning": "Port to listen on; 0 takes a free one and prints it.",
    }
    masked = {name for name, one in settings.items() if one["secret"]}
    assert masked == {"OPENGRANT_DATABASE_URL", "OPENGRANT_BOOTSTRAP_API_KEY", "OPENGRANT_MASTER_KEYS"}
    assert {settings[name].get("value", "********") for name in masked} == {"********"}


def test_processes_are_listed_while_they_run(server: LiveServer, tenant: Tenant) -> None:
    server.call(server.services.about.seen())
    operator = with_link(tenant)
    (mine,) = server.rows("select id, seen_at from nodes order by seen_at desc limit 1")
    assert [node["id"] for node in data(operator.get(INSTALLATION))["nodes"] if node["this"]] == [mine[0]]
    for name, age in (("runs", 60), ("ended", 120)):
        server.rows(
            "insert into nodes (id, host, pid, version, started_at, seen_at) values ($1, 'b', 7, '0.1', 1, $2)",
            f"{name} {tenant.application.id}",
            mine[1] - age * 1_000_000,
        )
    found = {node["id"]: node for node in data(operator.get(INSTALLATION))["nodes"]}
    assert found[f"runs {tenant.application.id}"]["version"] == "0.1"
    assert f"ended {tenant.application.id}" not in found
    server.rows("update nodes set seen_at = 1 where host = 'b'")
    server.call(server.services.about.sweep())
    assert server.rows("select count(*) from nodes where host = 'b'")[0][0] == 0


def test_what_runs_is_not_for_keys(tenant: Tenant) -> None:
    assert tenant.get(INSTALLATION).status_code == 401
    refused = with_key(tenant).get(INSTALLATION)
    assert refused.status_code == 403
    assert f"opengrant console --application {tenant.application.id}" in refused.text


def test_a_preview_is_the_sign_in_page_and_changes_nothing(tenant: Tenant) -> None:
    tenant.connector("imap")
    before = data(tenant.get("/v3/applications"))
    browser = with_key(tenant)
    body = {
        "branding": {"name": 'Acme <b>"&', "icon_url": "https://example.com/icon.png"},
        "hosted_authentication": {"title": "Welcome aboard", "color_primary": "#ffee00"},
    }
    shown = data(browser.ask("POST", PREVIEW, body))
    assert "Welcome aboard" in shown["html"]
    assert "Acme &lt;b&gt;" in shown["html"]
    assert "<script" not in shown["html"]
    assert "theme-ffee00-ffee00-none" in shown["html"]
    said = {(one["field"].partition(".")[2], one["message"].partition(":")[0]) for one in shown["remarks"]}
    assert ("icon_url", "Not shown") in said
    assert ("color_primary", "Buttons get black text") in said
    form = data(browser.ask("POST", PREVIEW, {**body, "page": "login"}))["html"]
    assert 'type="password"' in form
    assert data(browser.ask("POST", PREVIEW, {}))["remarks"] == []
    assert browser.ask("POST", PREVIEW, {"branding": {"name": 7}}).status_code == 400
    assert data(tenant.get("/v3/applications")) == before


def test_grants_of_workspaces_are_counted_for_their_own_application(tenant: Tenant, stranger: Tenant) -> None:
    (default,) = data(tenant.get("/v3/workspaces"))
    made = data(tenant.post("/v3/workspaces", {"name": "Sales"}))
    tenant.connector("virtual-calendar")
    for name in ("one", "two"):
        data(tenant.connect("virtual-calendar", {"email": name}))
    ids = f"{default['workspace_id']},{made['workspace_id']}"
    asked = f"{COUNTS}?workspace_ids={ids}"
    counted = {default["workspace_id"]: 2, made["workspace_id"]: 0}
    assert data(with_key(tenant).get(asked)) == counted
    assert data(with_key(stranger).get(asked)) == dict.fromkeys(counted, 0)
    many = ",".join(["x"] * 51)
    assert with_key(tenant).get(f"{COUNTS}?workspace_ids={many}").status_code == 400
