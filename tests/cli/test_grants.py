"""`opengrant grants`: lists on the command line."""

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
