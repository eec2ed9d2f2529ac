"""`opengrant grants`: what only an operator may do with grants."""

import sqlite3
from pathlib import Path

import httpx

from tests.cli.test_commands import bearer, opengrant, serving

KEY = "k" * 40


def test_recount_corrects_numbers_that_are_wrong_while_the_server_runs(tmp_path: Path) -> None:
    env = {"OPENGRANT_BOOTSTRAP_API_KEY": KEY}
    with serving(tmp_path, env) as served, httpx.Client(base_url=served.url, headers=bearer(KEY)) as http:
        http.post("/v3/connectors", json={"provider": "virtual-calendar"})
        http.post("/v3/connect/custom", json={"provider": "virtual-calendar", "settings": {"email": "room-7"}})
        connection = sqlite3.connect(tmp_path / "data" / "opengrant.db")
        connection.execute("update grant_counts set grants = 5")
        connection.commit()
        connection.close()
        first, again = (opengrant(tmp_path, "grants", "recount", env=env) for _ in range(2))
        assert first.stdout.strip() == "Kept numbers that were wrong and are corrected: 1."
        assert again.stdout.strip() == "The kept numbers are right."
        (shown,) = http.get("/v3/overview").json()["data"]["grants"]
        assert shown["valid"] == 1
