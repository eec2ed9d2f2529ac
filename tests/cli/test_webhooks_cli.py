"""`opengrant webhooks`, and a server that is killed between taking a delivery and writing down what became of it."""

import asyncio
import contextlib
import json
import signal
import sqlite3
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.cli.test_commands import opengrant, serving
from tests.fakes.receiver import Answer, Hook
from tests.peers.postgres import Postgres

KEY = "webhooks-of-a-process-of-its-own-0123456789"


@pytest.fixture(params=["sqlite", "postgres"])
def env(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of a server that may reach receivers on this machine."""
    settings = {
        "OPENGRANT_BOOTSTRAP_API_KEY": KEY,
        "OPENGRANT_OUTBOUND__ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8",
    }
    if request.param == "postgres":
        peer: Postgres = request.getfixturevalue("postgres")
        settings["OPENGRANT_DATABASE_URL"] = peer.create_database()
    return settings


def make_event(url: str, hook: Hook) -> dict[str, Any]:
    """A webhook, and a grant for it to be told of; returns the webhook."""
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False) as http:
        made = http.post("/v3/webhooks", json={"webhook_url": hook.url, "trigger_types": ["grant.created"]})
        assert made.status_code == 200, made.text
        http.post("/v3/connectors", json={"provider": "virtual-calendar"}).raise_for_status()
        ask = {"provider": "virtual-calendar", "settings": {"email": "room-7"}}
        http.post("/v3/connect/custom", json=ask).raise_for_status()
        webhook: dict[str, Any] = made.json()["data"]
        return webhook


def end_claims(directory: Path, env: dict[str, str]) -> None:
    """As if the time had passed for which a dead process holds its deliveries."""
    sql = "update deliveries set due_at = 0 where state = 'pending'"

    async def at_postgres(url: str) -> None:
        connection = await asyncpg.connect(url)
        await connection.execute(sql)
        await connection.close()

    if url := env.get("OPENGRANT_DATABASE_URL"):
        asyncio.run(at_postgres(url))
    else:
        with contextlib.closing(sqlite3.connect(directory / "data" / "opengrant.db")) as db, db:
            db.execute(sql)


def listed(directory: Path, env: dict[str, str], *args: str) -> Any:
    done = opengrant(directory, "webhooks", *args, "--json", env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("fault", "before"), [("delivery.leased", 0), ("delivery.sent", 1)])
def test_kill_9_between_event_and_delivery_loses_nothing_and_keeps_the_id(
    tmp_path: Path, env: dict[str, str], hook: Hook, fault: str, before: int
) -> None:
    with serving(tmp_path, {**env, "OPENGRANT_FAULT": fault}) as first:
        make_event(first.url, hook)
        assert first.process.wait(60) == -signal.SIGKILL
    assert len(hook.received) == before
    (tmp_path / "log").unlink()
    end_claims(tmp_path, env)
    with serving(tmp_path, env) as second:
        received = hook.wait_for(before + 1)
        assert len({one.envelope["id"] for one in received}) == 1
        assert received[-1].envelope["webhook_delivery_attempt"] == 2
        second.process.terminate()
        assert second.process.wait(60) == 0
    (delivery,) = listed(tmp_path, env, "deliveries")
    assert (delivery["state"], delivery["event_id"]) == ("delivered", received[0].envelope["id"])
    assert len(hook.received) == before + 1


@pytest.mark.parametrize("env", ["sqlite"], indirect=True)
def test_deliveries_are_listed_and_replayed(tmp_path: Path, env: dict[str, str], hook: Hook) -> None:
    hook.usual = Answer(404)
    with serving(tmp_path, env) as server:
        made = make_event(server.url, hook)
        hook.wait_for(1)
        server.process.terminate()
        server.process.wait(60)
    (webhook,) = listed(tmp_path, env, "list")
    assert (webhook["id"], webhook["status"]) == (made["id"], "active")
    assert "webhook_secret" not in webhook
    (failed,) = listed(tmp_path, env, "deliveries", made["id"], "--state", "failed")
    assert (failed["type"], failed["attempts"], failed["outcome"]) == ("grant.created", 1, "404")
    assert listed(tmp_path, env, "deliveries", "--state", "delivered") == []
    assert listed(tmp_path, env, "replay", str(failed["id"])) == {"replayed": 1}
    assert listed(tmp_path, env, "replay", "--failed", made["id"]) == {"replayed": 0}
    hook.usual = Answer(200)
    (tmp_path / "log").unlink()
    with serving(tmp_path, env) as server:
        first, second = hook.wait_for(2)
        server.process.terminate()
        server.process.wait(60)
    assert first.envelope["id"] == second.envelope["id"] == failed["event_id"]
    (delivered,) = listed(tmp_path, env, "deliveries")
    assert (delivered["state"], delivered["attempts"]) == ("delivered", 2)


def test_what_cannot_be_replayed_is_said(tmp_path: Path) -> None:
    opengrant(tmp_path, "init")
    for args, says in (
        (("999",), "no delivery 999"),
        (("--failed", "whk_missing"), "no webhook whk_missing"),
        ((), "Name deliveries"),
    ):
        done = opengrant(tmp_path, "webhooks", "replay", *args)
        assert done.returncode == 1
        assert says in done.stderr
