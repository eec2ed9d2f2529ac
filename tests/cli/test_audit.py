"""`opengrant audit`, and what commands themselves leave in the trail."""

import json
import os
import pwd
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.test_commands import bearer, opengrant, serving
from tests.peers.postgres import Postgres

ME = f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
KEY = "k" * 40


@pytest.fixture(params=["sqlite", "postgres"])
def env(request: pytest.FixtureRequest) -> dict[str, str]:
    chosen = {"OPENGRANT_BOOTSTRAP_API_KEY": KEY, "OPENGRANT_BOOTSTRAP_APPLICATION_ID": "acme"}
    if request.param == "postgres":
        peer: Postgres = request.getfixturevalue("postgres")
        chosen["OPENGRANT_DATABASE_URL"] = peer.create_database()
    return chosen


def audit(directory: Path, env: dict[str, str], *args: str) -> list[dict[str, Any]]:
    done = opengrant(directory, "audit", "--json", *args, env=env)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_requests_commands_and_the_first_start_are_told_apart(tmp_path: Path, env: dict[str, str]) -> None:
    with serving(tmp_path, env) as served, httpx.Client(base_url=served.url, headers=bearer(KEY)) as http:
        http.post("/v3/connectors", json={"provider": "virtual-calendar"})
        body = {"provider": "virtual-calendar", "settings": {"email": "room-7"}}
        made = http.post("/v3/connect/custom", json=body).json()
        grant_id = made["data"]["id"]
        assert opengrant(tmp_path, "grants", "block", grant_id, "--reason", "lost badge", env=env).returncode == 0
        assert opengrant(tmp_path, "service-accounts", "create", "ci", env=env).returncode == 0

        blocked, created = audit(tmp_path, env, "--grant", grant_id)
        assert (blocked["type"], blocked["actor"], blocked["detail"]) == ("grant.blocked", ME, {"reason": "lost badge"})
        assert (created["type"], created["grant_id"]) == ("grant.created", grant_id)
        assert created["actor"].startswith("key:")
        assert created["request_id"] == made["request_id"]
        refused = http.get(f"/v3/grants/{grant_id}x").json()["request_id"]

        everything = audit(tmp_path, env)
        assert [entry["at"] for entry in everything] == sorted((entry["at"] for entry in everything), reverse=True)
        assert [entry["type"] for entry in everything[:3]] == [
            "service_account.created",
            "grant.blocked",
            "grant.created",
        ]
        assert {entry["type"] for entry in audit(tmp_path, env, "--actor", "start")} == {
            "application.created",
            "api_key.created",
        }
        # As the table shows it.
        assert created in audit(tmp_path, env, "--actor", created["actor"][: len("key:") + 8])
        of_application = audit(tmp_path, env, "--application", "acme", "--since", "1h", "--limit", "2")
        assert of_application == everything[1:3]
        assert KEY not in json.dumps(everything)

        shown = opengrant(tmp_path, "audit", "--limit", "3", "--wide", env=env).stdout
        heading, *lines = shown.splitlines()
        assert heading.split() == ["at", "actor", "type", "grant", "detail"]
        assert len(lines) == 3
        row = rf"\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d +{re.escape(ME)} +grant\.blocked +{grant_id} +reason=lost badge"
        assert re.match(row, lines[1])

    # The server has stored its last requests when it stopped.
    request = json.loads(opengrant(tmp_path, "requests", "show", refused, "--json", env=env).stdout)
    assert (request["application_id"], request["route"]) == ("acme", "/v3/grants/{grant_id}")
    assert (request["status"], request["error"]) == (404, "grant.not_found")
    assert "no such grant" in opengrant(tmp_path, "requests", "show", refused, env=env).stdout
    listed = opengrant(tmp_path, "requests", "list", "--status", "404", env=env).stdout
    assert re.search(r"404 +GET +/v3/grants/\{grant_id\} +grant\.not_found", listed)


def test_nothing_is_an_answer_too(tmp_path: Path) -> None:
    opengrant(tmp_path, "init")
    assert opengrant(tmp_path, "audit", "--since", "2999-01-01").stdout == "none\n"
    refused = opengrant(tmp_path, "audit", "--application", "nobody")
    assert refused.returncode == 1
    assert refused.stderr.startswith("opengrant: There is no application nobody.")


def test_a_change_of_the_master_key_is_one_entry_of_the_installation(tmp_path: Path) -> None:
    old, new = "k1:" + "A" * 43 + "=", "k2:" + "B" * 42 + "A="
    opengrant(tmp_path, "init", env={"OPENGRANT_MASTER_KEYS": old})
    both = {"OPENGRANT_MASTER_KEYS": f"{new},{old}"}
    for _ in range(2):
        assert opengrant(tmp_path, "reseal", env=both).returncode == 0
    (entry,) = audit(tmp_path, both, "--type", "master_key.resealing")
    assert (entry["actor"], entry["application_id"]) == (ME, None)
    assert entry["detail"] == {"master_key_id": "k2", "secrets": 1}


def test_a_key_has_the_permissions_that_are_named_and_no_others(tmp_path: Path) -> None:
    opengrant(tmp_path, "init")
    chosen = ("--permission", "all", "--permission", "grants.token")
    made = json.loads(opengrant(tmp_path, "keys", "create", "--json", *chosen).stdout)
    assert made["permissions"] == ["all", "grants.token"]
    refused = opengrant(tmp_path, "keys", "create", "--permission", "grants.read")
    assert refused.returncode == 1
    assert "all, grants.token, grants.credential" in refused.stderr
    (entry,) = audit(tmp_path, {}, "--type", "api_key.created", "--actor", ME)
    assert entry["detail"]["api_key_id"] == made["id"]
    assert entry["detail"]["permissions"] == ["all", "grants.token"]
