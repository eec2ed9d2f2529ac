"""What release 0.1.0 left in a database is served, refreshed and resealed by the code of today, on both engines.

upgrade/0.1.0.json.gz was made once, by the code of that release (commit 9002bc1): a test there connected one grant of
each kind below through POST /v3/connect/custom, on SQLite, with the stand-ins of tests/api/conftest.py. The token of
one more was revoked, which its refreshes found out. The file holds every row of every table (bytes as base64), the
master key, the API key, and what the stand-ins accept. All secrets in it are fake: they open nothing elsewhere.
It is never made anew: a later release gets a file of its own beside it.
"""

import asyncio
import base64
import gzip
import json
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey

from opengrant.server.doctor.examine import examine
from opengrant.store.engine import migrate
from opengrant.store.engine.open import open_store
from opengrant.store.engine.port import Statement, Steps
from tests.api.conftest import Apple
from tests.fakes.ews import PASSWORD as EWS_PASSWORD
from tests.fakes.ews import USER as EWS_USER
from tests.fakes.ews import FakeExchange
from tests.fakes.oauth import Account, App, Employee, FakeOAuth, ServiceAccount
from tests.peers.dovecot import Dovecot
from tests.peers.postgres import Postgres
from tests.support import LiveServer, data, rounds, settings_from

OLD = json.loads(gzip.decompress((Path(__file__).parent / "upgrade" / "0.1.0.json.gz").read_bytes()))
GRANTS: dict[str, str] = OLD["grants"]
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


@pytest.fixture
def left_behind(
    every_provider: LiveServer, dovecot: Dovecot, exchange: FakeExchange, postgres: Postgres, tmp_path: Path
) -> dict[str, str]:
    """The environment of a server whose data directory and database are those of 0.1.0."""
    env = {**every_provider.env, "OPENGRANT_DATA_DIR": str(tmp_path / "data")}
    (tmp_path / "data").mkdir(mode=0o700)
    for name, text in OLD["keys"].items():
        (tmp_path / "data" / name).write_text(text)
        (tmp_path / "data" / name).chmod(0o600)
    if "OPENGRANT_DATABASE_URL" in env:
        env["OPENGRANT_DATABASE_URL"] = postgres.create_database()
    # Servers listen elsewhere in each run.
    ports = {"imaps": dovecot.imaps, "submissions": dovecot.submissions, "ews": exchange.port}
    asyncio.run(fill(env, {str(OLD["ports"][name]): str(port) for name, port in ports.items()}))
    return env


async def fill(env: dict[str, str], ports: dict[str, str]) -> None:
    """Bring an empty database to where 0.1.0 left one."""
    path = Path(env["OPENGRANT_DATA_DIR"]) / "opengrant.db"
    store = await open_store(database_url=env.get("OPENGRANT_DATABASE_URL"), sqlite_path=path)
    known = [one for one in migrate.load(store.dialect) if one.name in OLD["migrations"]]
    assert await migrate.run(store.write, store.dialect, known) == OLD["migrations"]

    def value(column: str, held: Any) -> Any:
        if column == "settings":
            return re.sub(r'(?<=_port":)\d+', lambda found: ports.get(found[0], found[0]), held)
        return base64.b64decode(held["base64"]) if isinstance(held, dict) else held

    def rows() -> Steps[None]:
        for table, content in OLD["tables"].items():
            columns = content["columns"]
            places = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
            for row in content["rows"]:
                args = tuple(value(*pair) for pair in zip(columns, row, strict=True))
                yield Statement(f"insert into {table} ({', '.join(columns)}) values ({places})", args)

    await store.write(rows())
    if "OPENGRANT_DATABASE_URL" in env:  # there `opengrant migrate` comes before the new servers
        await store.migrate()
    await store.close()


@pytest.fixture
def remotes(provider: FakeOAuth, apple: Apple) -> FakeOAuth:
    """The stand-ins accept what they accepted then."""
    del apple  # as usual
    provider.accounts |= {token: Account(**account) for token, account in OLD["accounts"].items()}
    provider.employees += [Employee(**employee) for employee in OLD["employees"]]
    provider.apps |= {id_: App(app["secret"], frozenset(app["roles"])) for id_, app in OLD["apps"].items()}
    for email, one in OLD["service_accounts"].items():
        key = RSAKey.import_key(one["pem"], {"kid": one["kid"]})
        provider.service_accounts[email] = ServiceAccount(key, one["domain"], frozenset(one["scope"]))
    return provider


@pytest.fixture
def upgraded(
    left_behind: dict[str, str], remotes: FakeOAuth, log_stream: BytesIO, tmp_path: Path
) -> Iterator[LiveServer]:
    del remotes
    with LiveServer(left_behind, tmp_path, log_stream) as live:
        yield live


def key_for_tokens(live: LiveServer) -> str:
    """What an operator gives to who reads tokens, beside the key that there was."""
    application = live.call(live.services.applications.get(OLD["application"]))
    made = live.call(live.services.api_keys.create(application, "tokens", lifetime=None, permissions=("grants.token",)))
    return str(made.secret.get_secret_value())


def tokens(live: LiveServer) -> None:
    """Each grant that has tokens hands one out."""
    headers = {"Authorization": f"Bearer {key_for_tokens(live)}"}
    with httpx.Client(base_url=live.url, headers=headers, trust_env=False, verify=False) as http:
        for kind in WITH_TOKENS:
            answer = http.post(f"/v3/grants/{GRANTS[kind]}/token", json={})
            assert answer.status_code == 200, f"{kind}: {answer.text}"


def ask(live: LiveServer, method: str, path: str, **more: Any) -> httpx.Response:
    with live.client(OLD["api_key"]) as http:
        return http.request(method, path, **more)


def test_everything_works_as_before(upgraded: LiveServer, left_behind: dict[str, str], exchange: FakeExchange) -> None:
    assert upgraded.call(upgraded.services.db.pending()) == []

    listed = {grant["id"]: grant for grant in data(ask(upgraded, "GET", "/v3/grants?limit=100"))}
    assert set(listed) == set(GRANTS.values())
    for kind, id_ in GRANTS.items():
        assert data(ask(upgraded, "GET", f"/v3/grants/{id_}")) == listed[id_]
        assert listed[id_]["grant_status"] == ("invalid" if kind == "revoked" else "valid"), kind

    # Where Exchange listened is sealed with the password, and it listens elsewhere now.
    moved = {"email": EWS_USER, "ews_username": EWS_USER, "ews_password": EWS_PASSWORD}
    moved |= {"ews_host": "localhost", "ews_port": exchange.port}
    answer = ask(upgraded, "PATCH", f"/v3/grants/{GRANTS['ews']}", json={"settings": moved})
    assert answer.status_code == 200, answer.text

    before = dict(upgraded.rows("select id, proven_at from grants"))
    upgraded.rows("update grants set due_at = 1 where due_at is not null")
    upgraded.call(rounds(upgraded))
    after = {row[0]: row[1:] for row in upgraded.rows("select id, proven_at, status, trouble from grants")}
    for kind in (*WITH_TOKENS, *WITH_PASSWORDS):
        proven_at, *state = after[GRANTS[kind]]
        assert state == ["valid", None], kind
        assert proven_at > before[GRANTS[kind]], kind

    tokens(upgraded)
    for kind, id_ in GRANTS.items():
        if kind != "revoked":
            checked = data(ask(upgraded, "POST", f"/v3/grants/{id_}/check"))
            assert (checked["grant_status"], checked["opengrant"].get("trouble")) == ("valid", None), kind
        changed = ask(upgraded, "PATCH", f"/v3/grants/{id_}", json={"name": "Renamed"})
        assert (changed.status_code, data(changed)["name"]) == (200, "Renamed"), kind

    findings = upgraded.call(examine(settings_from(left_behind)))
    assert [finding for finding in findings if finding.state == "failed"] == []


def test_every_secret_moves_under_a_new_master_key(
    left_behind: dict[str, str], remotes: FakeOAuth, log_stream: BytesIO, tmp_path: Path
) -> None:
    keys = tmp_path / "data" / "master.keys"
    keys.write_text(NEW_KEY + keys.read_text())

    async def all_of_it(live: LiveServer) -> None:
        async for _ in live.installed.reseal.run():
            pass

    with LiveServer(left_behind, tmp_path, log_stream) as live:
        assert {row[0] for row in live.rows("select key_id from secrets")} != {"new"}
        live.call(all_of_it(live))
        assert {row[0] for row in live.rows("select key_id from secrets")} == {"new"}

    keys.write_text(NEW_KEY)
    with LiveServer(left_behind, tmp_path, log_stream) as live:
        live.rows("update grants set token_expires_at = 1, due_at = 1 where due_at is not null")
        tokens(live)
        live.call(rounds(live))
        for kind in ("imap", "icloud"):
            [(status, trouble)] = live.rows("select status, trouble from grants where id = $1", GRANTS[kind])
            assert (status, trouble) == ("valid", None), kind
    assert remotes.requests
