"""`opengrant grants` and `opengrant status`: what an operator sees, and does about one grant."""

import json
from pathlib import Path

import httpx

from tests.cli.test_commands import bearer, opengrant, serving

KEY = "k" * 40


def test_grants_are_listed_in_pages(tmp_path: Path) -> None:
    env = {"OPENGRANT_BOOTSTRAP_API_KEY": KEY}
    names = [f"room-{number:03}" for number in range(205)]
    with serving(tmp_path, env) as served, httpx.Client(base_url=served.url, headers=bearer(KEY)) as http:
        http.post("/v3/connectors", json={"provider": "virtual-calendar"})
        for name in names:
            http.post("/v3/connect/custom", json={"provider": "virtual-calendar", "settings": {"email": name}})

    def listed(*options: str) -> list[str]:
        done = opengrant(tmp_path, "grants", "list", "--json", *options, env=env)
        assert done.returncode == 0, done.stderr
        return [grant["email"] for grant in json.loads(done.stdout)]

    assert listed("--limit", "203") == names[:1:-1]
    assert listed("--contains", "M-00", "--provider", "virtual-calendar") == names[9::-1]
    assert listed("--status", "invalid") == []


def test_a_grant_is_shown_checked_ended_and_deleted_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    env = {"OPENGRANT_BOOTSTRAP_API_KEY": KEY}
    with serving(tmp_path, env) as served, httpx.Client(base_url=served.url, headers=bearer(KEY)) as http:
        http.post("/v3/connectors", json={"provider": "virtual-calendar"})
        sent = {"provider": "virtual-calendar", "settings": {"email": "room"}}
        id_ = http.post("/v3/connect/custom", json=sent).json()["data"]["id"]

    def done(*args: str, status: int = 0) -> str:
        ran = opengrant(tmp_path, *args, env=env)
        assert ran.returncode == status, ran.stderr
        return ran.stdout + ran.stderr

    heading, row = done("grants", "list").splitlines()
    assert heading.split() == ["id", "email", "provider", "status", "trouble", "created_at"]
    assert row.startswith(f"{id_[:8]}  room ")
    assert "status       valid" in done("grants", "check", id_[:5])
    assert "nothing needs attention" in done("status")

    assert id_ in done("grants", "invalidate", id_[:8], "--reason", "left")
    shown = json.loads(done("grants", "show", "room", "--json"))
    assert (shown["id"], shown["grant_status"], shown["timeline"][0]["reason"]) == (id_, "invalid", "invalidated")
    told = done("grants", "show", id_[:12])
    assert "what to do" in told
    assert "left" in told
    assert "1 invalid: their owners must connect again" in done("status", status=1)
    assert "status       invalid" in done("grants", "check", id_, status=1)

    assert "Say --yes" in done("grants", "delete", id_[:8], status=1)
    assert done("grants", "delete", id_[:8], "--yes") == f"{id_} (room) is deleted.\n"
    assert "Grant not found" in done("grants", "show", id_[:8], status=1)
