"""`opengrant console`: from a shell on the server to a signed-in browser, and out again."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.test_commands import opengrant, serving

ENV = {"OPENGRANT_BOOTSTRAP_API_KEY": "k" * 40, "OPENGRANT_BOOTSTRAP_APPLICATION_ID": "acme"}
PAGE = {"X-OpenGrant-Console": "1"}


def link_from(printed: str) -> str:
    """The code in a printed link."""
    found = re.search(r"/console#link=([A-Za-z0-9_-]{43})\b", printed)
    assert found, printed
    return found[1]


def asked(directory: Path, *args: str, env: dict[str, str] | None = None) -> Any:
    done = opengrant(directory, *args, "--json", env={**ENV, **(env or {})})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_printed_link_signs_in_once_and_end_all_signs_everybody_out(tmp_path: Path) -> None:
    with serving(tmp_path, ENV) as served, httpx.Client(base_url=served.url, headers=PAGE) as http:
        printed = opengrant(tmp_path, "console", env=ENV).stdout
        assert "within 5 minutes" in printed
        begun = http.post("/v3/console/sessions", json={"link": link_from(printed)})
        session = begun.json()["data"]
        assert (begun.status_code, session["application_id"], session["operator"]) == (201, "acme", True)
        keys = http.get("/v3/admin/applications/acme/api-keys")
        assert [key["name"] for key in keys.json()["data"]] == ["first key"]

        unopened = link_from(asked(tmp_path, "console")["url"])
        assert asked(tmp_path, "console", "--end-all") == {"ended": 1}
        assert http.get("/v3/console/sessions/current").status_code == 401
        assert http.post("/v3/console/sessions", json={"link": unopened}).status_code == 401
        assert opengrant(tmp_path, "console", "--end-all", env=ENV).stdout.startswith("0 session(s) ended.")

    told = asked(tmp_path, "audit")
    console = [entry for entry in told if entry["type"].startswith("console_")]
    assert [entry["type"] for entry in console] == [
        "console_session.ended",
        "console_link.created",
        "console_session.created",
        "console_link.created",
    ]
    actors = [entry["actor"].partition(":")[0] for entry in console]
    assert actors == ["cli", "cli", "console", "cli"]
    records = [
        one for one in served.records() if one.get("route") == "/v3/admin/applications/{application_id}/api-keys"
    ]
    assert [(one["session_id"], one["application_id"]) for one in records] == [(session["id"], "acme")]


@pytest.mark.parametrize(
    ("env", "base"),
    [
        ({}, "http://127.0.0.1:0"),
        ({"OPENGRANT_HOST": "0.0.0.0", "OPENGRANT_PORT": "8081"}, "http://127.0.0.1:8081"),
        ({"OPENGRANT_HOST": "::", "OPENGRANT_PORT": "8081"}, "http://[::1]:8081"),
        ({"OPENGRANT_HOST": "grants.internal", "OPENGRANT_PORT": "80"}, "http://grants.internal:80"),
        ({"OPENGRANT_PUBLIC_URL": "https://grants.example.com/"}, "https://grants.example.com"),
    ],
)
def test_the_link_leads_to_where_the_server_is_reached(tmp_path: Path, env: dict[str, str], base: str) -> None:
    opengrant(tmp_path, "init", env=ENV)
    assert asked(tmp_path, "console", env=env)["url"].startswith(f"{base}/console#link=")


def test_of_several_applications_one_is_named(tmp_path: Path) -> None:
    opengrant(tmp_path, "init", env=ENV)
    other = asked(tmp_path, "apps", "create", "Other")["id"]
    refused = opengrant(tmp_path, "console", env=ENV)
    assert refused.returncode == 1
    assert "several applications" in refused.stderr
    with serving(tmp_path, ENV) as served, httpx.Client(base_url=served.url, headers=PAGE) as http:
        for owner in ("acme", other):
            code = link_from(asked(tmp_path, "console", "--application", owner)["url"])
            begun = http.post("/v3/console/sessions", json={"link": code}).json()["data"]
            assert begun["application_id"] == owner
        assert asked(tmp_path, "console", "--end-all", "--application", "acme") == {"ended": 1}
        assert http.get("/v3/console/sessions/current").status_code == 200
        assert asked(tmp_path, "console", "--end-all") == {"ended": 1}
        assert http.get("/v3/console/sessions/current").status_code == 401
    nobody = opengrant(tmp_path, "console", "--application", "nobody", env=ENV)
    assert nobody.returncode == 1
    assert nobody.stderr.startswith("opengrant: There is no application nobody.")
