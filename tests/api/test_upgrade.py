"""What release 0.1.0 left in a database is served, refreshed and resealed by the code of today, on both engines.

upgrade/0.1.0/ was made once, by the code of that release (commit 9002bc1) with upgrade/leave_behind.py: a data
directory with its SQLite file, and one with a dump of its PostgreSQL database. They have one grant of each
kind below, a grant whose token was revoked, and rows of everything else that a release keeps. `facts.json` has the ids,
and what the stand-ins accepted. All secrets in them are fake: they open nothing elsewhere. A later release gets a
folder of its own.
"""

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from opengrant.model import now
from opengrant.server.doctor.examine import examine
from opengrant.store.engine.open import open_store
from opengrant.store.engine.port import Statement, Steps
from tests.announcing import deliver
from tests.api.conftest import Apple
from tests.fakes.ews import PASSWORD as EWS_PASSWORD
from tests.fakes.ews import USER as EWS_USER
from tests.fakes.ews import FakeExchange
from tests.fakes.oauth import Account, App, Employee, FakeOAuth, ServiceAccount
from tests.fakes.receiver import Hook
from tests.peers.dovecot import Dovecot
from tests.peers.postgres import Postgres
from tests.support import LiveServer, data, rounds, settings_from, unpack

LEFT = Path(__file__).parent / "upgrade" / "0.1.0"
WITH_TOKENS = (
    "google override",
    "microsoft refresh",
    "yahoo override",
    "zoom refresh",
    "google bulk",
    "microsoft bulk",
)
WITH_PASSWORDS = ("imap", "icloud", "ews")
NEW_KEY = f"new:{base64.b64encode(bytes(range(32))).decode()}\n"


@dataclass(frozen=True)
class Left:
    """The environment of a server whose data directory and database are those of the release, and what it knew."""

    env: dict[str, str]
    directory: Path
    facts: dict[str, Any]

    @property
    def grants(self) -> dict[str, str]:
        """Their ids, by their kind."""
        found: dict[str, str] = self.facts["grants"]
        return found


@pytest.fixture
def left(
    every_provider: LiveServer, dovecot: Dovecot, exchange: FakeExchange, hook: Hook, postgres: Postgres, tmp_path: Path
) -> Left:
    env = {**every_provider.env, "OPENGRANT_DATA_DIR": str(tmp_path / "data")}
    on_postgres = "OPENGRANT_DATABASE_URL" in env
    unpack(LEFT / f"{'postgres' if on_postgres else 'sqlite'}.tar.gz", tmp_path / "data")
    (tmp_path / "data").chmod(0o700)
    if on_postgres:
        env["OPENGRANT_DATABASE_URL"] = postgres.create_empty_database()
        postgres.load(env["OPENGRANT_DATABASE_URL"], tmp_path / "data" / "dump.sql")
    found = Left(env, tmp_path, json.loads((tmp_path / "data" / "facts.json").read_text()))
    # Servers listen elsewhere in each run.
    ports = {"imaps": dovecot.imaps, "submissions": dovecot.submissions, "ews": exchange.port}
    asyncio.run(move(found, {str(found.facts["ports"][name]): str(port) for name, port in ports.items()}, hook))
    return found


async def move(left: Left, ports: dict[str, str], hook: Hook) -> None:
    """Change the addresses in the database, which is as the release left it."""
    path = left.directory / "data" / "opengrant.db"
    store = await open_store(database_url=left.env.get("OPENGRANT_DATABASE_URL"), sqlite_path=path)

    def moved() -> Steps[None]:
        for application, id_, settings in (yield Statement("select application_id, id, settings from grants", ())):
            current = re.sub(r'(?<=_port":)\d+', lambda found: ports.get(found[0], found[0]), settings)
            yield Statement(
                "update grants set settings = $3 where application_id = $1 and id = $2", (application, id_, current)
            )

        yield Statement("update webhooks set url = $1", (hook.url,))
        # These end some days after they began, and the release is older than that.
        yield Statement("update deliveries set created_at = $1, queued_at = $1", (now(),))
        yield Statement("update token_families set created_at = $1, used_at = $1", (now(),))

    await store.write(moved())
    if "OPENGRANT_DATABASE_URL" in left.env:  # there `opengrant migrate` comes before the new servers
        assert await store.migrate()
    await store.close()


@pytest.fixture
def remotes(provider: FakeOAuth, apple: Apple, left: Left) -> FakeOAuth:
    """The stand-ins accept what they accepted then."""
    del apple  # as usual
    known = left.facts
    provider.accounts |= {token: Account(**account) for token, account in known["accounts"].items()}
    provider.employees += [Employee(**employee) for employee in known["employees"]]
    provider.apps |= {id_: App(app["secret"], frozenset(app["roles"])) for id_, app in known["apps"].items()}
    for email, one in known["service_accounts"].items():
        key = RSAKey.import_key(one["pem"], {"kid": one["kid"]})
        provider.service_accounts[email] = ServiceAccount(key, one["domain"], frozenset(one["scope"]))
    return provider


@pytest.fixture
def upgraded(left: Left, remotes: FakeOAuth, log_stream: BytesIO, tmp_path: Path) -> Iterator[LiveServer]:
    del remotes
    with LiveServer(left.env, tmp_path, log_stream) as live:
        yield live


def key_for_tokens(live: LiveServer, left: Left) -> str:
    """What an operator gives to who reads tokens, beside the key that there was."""
    application = live.call(live.services.applications.get(left.facts["application"]))
    made = live.call(live.services.api_keys.create(application, "tokens", lifetime=None, permissions=("grants.token",)))
    return str(made.secret.get_secret_value())


def tokens(live: LiveServer, left: Left) -> None:
    """Each grant that has tokens hands one out."""
    headers = {"Authorization": f"Bearer {key_for_tokens(live, left)}"}
    with httpx.Client(base_url=live.url, headers=headers, trust_env=False, verify=False) as http:
        for kind in WITH_TOKENS:
            answer = http.post(f"/v3/grants/{left.grants[kind]}/token", json={})
            assert answer.status_code == 200, f"{kind}: {answer.text}"


def ask(live: LiveServer, left: Left, method: str, path: str, **more: Any) -> httpx.Response:
    with live.client(left.facts["api_key"]) as http:
        return http.request(method, path, **more)


def test_everything_works_as_before(upgraded: LiveServer, left: Left, exchange: FakeExchange) -> None:
    assert upgraded.call(upgraded.services.db.pending()) == []

    listed = {grant["id"]: grant for grant in data(ask(upgraded, left, "GET", "/v3/grants?limit=100"))}
    assert set(listed) == set(left.grants.values())
    for kind, id_ in left.grants.items():
        assert data(ask(upgraded, left, "GET", f"/v3/grants/{id_}")) == listed[id_]
        assert listed[id_]["grant_status"] == ("invalid" if kind == "revoked" else "valid"), kind

    # Where Exchange listened is sealed with the password, and it listens elsewhere now.
    moved = {"email": EWS_USER, "ews_username": EWS_USER, "ews_password": EWS_PASSWORD}
    moved |= {"ews_host": "localhost", "ews_port": exchange.port}
    answer = ask(upgraded, left, "PATCH", f"/v3/grants/{left.grants['ews']}", json={"settings": moved})
    assert answer.status_code == 200, answer.text

    before = dict(upgraded.rows("select id, proven_at from grants"))
    upgraded.rows("update grants set due_at = 1 where due_at is not null")
    upgraded.call(rounds(upgraded))
    after = {row[0]: row[1:] for row in upgraded.rows("select id, proven_at, status, trouble from grants")}
    for kind in (*WITH_TOKENS, *WITH_PASSWORDS):
        proven_at, *state = after[left.grants[kind]]
        assert state == ["valid", None], kind
        assert proven_at > before[left.grants[kind]], kind

    tokens(upgraded, left)
    for kind, id_ in left.grants.items():
        if kind != "revoked":
            checked = data(ask(upgraded, left, "POST", f"/v3/grants/{id_}/check"))
            assert (checked["grant_status"], checked["opengrant"].get("trouble")) == ("valid", None), kind
        changed = ask(upgraded, left, "PATCH", f"/v3/grants/{id_}", json={"name": "Renamed"})
        assert (changed.status_code, data(changed)["name"]) == (200, "Renamed"), kind

    findings = upgraded.call(examine(settings_from(left.env)))
    assert [finding for finding in findings if finding.state == "failed"] == []


def test_what_is_not_a_grant_is_there_too(upgraded: LiveServer, left: Left, hook: Hook) -> None:
    facts = left.facts
    [webhook] = data(ask(upgraded, left, "GET", "/v3/webhooks"))
    assert (webhook["id"], webhook["status"]) == (facts["webhook"]["id"], "active")
    # What the release had not delivered yet, signed with the secret that the receiver knows.
    upgraded.rows("update deliveries set due_at = 0 where state = 'pending'")
    deliver(upgraded)
    told = {one.object["grant_id"] for one in hook.received if one.envelope["type"] == "grant.created"}
    assert told == {id_ for kind, id_ in left.grants.items()}
    assert all(one.is_signed_with(facts["webhook"]["secret"]) for one in hook.received)

    uris = data(ask(upgraded, left, "GET", "/v3/applications/redirect-uris"))
    assert [uri["url"] for uri in uris if uri["platform"] == "web"] == [facts["redirect_uri"]]
    assert "Sales" in {one["name"] for one in data(ask(upgraded, left, "GET", "/v3/workspaces"))}
    # A token that an application had stored.
    client = {"client_id": facts["application"], "client_secret": facts["api_key"]}
    body = {**client, "grant_type": "refresh_token", "refresh_token": facts["refresh_token"]}
    answer = ask(upgraded, left, "POST", "/v3/connect/token", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["grant_id"] == left.grants["virtual-calendar"]


def test_every_secret_moves_under_a_new_master_key(
    left: Left, remotes: FakeOAuth, log_stream: BytesIO, tmp_path: Path
) -> None:
    keys = tmp_path / "data" / "master.keys"
    keys.write_text(NEW_KEY + keys.read_text())

    async def all_of_it(live: LiveServer) -> None:
        async for _ in live.installed.reseal.run():
            pass

    with LiveServer(left.env, tmp_path, log_stream) as live:
        assert {row[0] for row in live.rows("select key_id from secrets")} != {"new"}
        live.call(all_of_it(live))
        assert {row[0] for row in live.rows("select key_id from secrets")} == {"new"}

    keys.write_text(NEW_KEY)
    with LiveServer(left.env, tmp_path, log_stream) as live:
        live.rows("update grants set token_expires_at = 1, due_at = 1 where due_at is not null")
        tokens(live, left)
        live.call(rounds(live))
        for kind in ("imap", "icloud"):
            [(status, trouble)] = live.rows("select status, trouble from grants where id = $1", left.grants[kind])
            assert (status, trouble) == ("valid", None), kind
    assert remotes.requests
