"""Equal nodes on one database: real `opengrant serve` processes that a test starts together and kills one by one.

The server in the test's own process (tests/support.py) has no clock: it prepares what they find, and looks at what
they leave.
"""

import asyncio
import contextlib
import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from pydantic_core import to_json

from opengrant.model import SECOND
from opengrant.store.grants.grants import COLUMNS
from opengrant.vault import Owner
from tests import warm
from tests.fakes.oauth import FakeOAuth
from tests.support import LiveServer, Tenant, data, rounds, secret

_DEADLINE = 90.0


@dataclass
class Node:
    """One process. Its log is a file, since a full pipe would stop it."""

    process: warm.Process
    log: Path
    http: httpx.Client = field(init=False)

    def wait_until_it_serves(self) -> None:
        until(lambda: self._url() or self.process.poll() is not None, "a node did not come up")
        assert self.process.poll() is None, self.log.read_text()
        limits = httpx.Limits(max_connections=None)
        self.http = httpx.Client(
            base_url=self._url() or "", timeout=_DEADLINE, limits=limits, trust_env=False, verify=False
        )

    def _url(self) -> str | None:
        for line in self.log.read_text().splitlines(keepends=True):
            if line.endswith("\n") and (record := json.loads(line))["event"] == "serving":
                return str(record["url"])
        return None

    def post(self, key: str, path: str, body: Any) -> httpx.Response:
        return self.http.post(path, json=body, headers={"Authorization": f"Bearer {key}"})

    def token(self, key: str, grant_id: str, **body: Any) -> httpx.Response:
        return self.post(key, f"/v3/grants/{grant_id}/token", body)

    def dies(self) -> None:
        """Wait for the death that it was started for."""
        assert self.process.wait(_DEADLINE) == -signal.SIGKILL, self.log.read_text()

    def stop(self) -> None:
        """It stands still, as a paused container does."""
        self.process.send_signal(signal.SIGSTOP)
        until(lambda: self._state() == "T", "a node does not stop")

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def _state(self) -> str:
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2][0]

    def end(self) -> None:
        self.process.kill()
        self.process.wait(_DEADLINE)


@contextmanager
def nodes(live: LiveServer, *each: Mapping[str, str], work: bool = True) -> Iterator[list[Node]]:
    """As many nodes beside `live` as there are environments in `each`, all serving; none of them at the end."""
    started: list[Node] = []
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OPENGRANT_")}
    here = {"OPENGRANT_PORT": "0", "OPENGRANT_DATA_DIR": str(live.directory / "data"), **live.env}
    with contextlib.ExitStack() as ending:
        for more in each:
            log = live.directory / f"node-{len(list(live.directory.glob('node-*')))}.log"
            with log.open("wb") as stderr:
                process = warm.start(
                    ["serve", *([] if work else ["--no-work"])],
                    env={**kept, **here, **more},
                    stdout=stderr,
                    stderr=stderr,
                )
            started.append(Node(process, log))
            ending.callback(started[-1].end)
        for node in started:
            node.wait_until_it_serves()
            ending.callback(node.http.close)
        yield started


def until(true: Callable[[], Any], otherwise: str) -> None:
    """Wait for something that other processes do. Raises AssertionError after a minute and a half."""
    deadline = time.monotonic() + _DEADLINE
    while not true():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


def reader(tenant: Tenant) -> str:
    """An API key that may read live tokens."""
    live = tenant.server
    made = live.call(
        live.services.api_keys.create(tenant.application, "reader", lifetime=None, permissions=("all", "grants.token"))
    )
    return str(made.secret.get_secret_value())


SCOPES = {"zoom": "user:read:user", "microsoft": "User.Read offline_access", "google": "openid email"}


def consent(provider: FakeOAuth, name: str, email: str) -> str:
    """A refresh token of this user."""
    token = secret("refresh")
    provider.accepts(token, email=email, scope=SCOPES[name])
    return token


def connected(tenant: Tenant, provider: FakeOAuth, name: str, email: str) -> str:
    """The id of a new grant that is due: its token has run out, as if it were more than an hour old."""
    answer = tenant.connect(name, {"refresh_token": consent(provider, name, email)})
    assert answer.status_code == 201, answer.text
    grant_id = str(data(answer)["id"])
    age(tenant.server, grant_id)
    return grant_id


def multiply(tenant: Tenant, provider: FakeOAuth, grant_id: str, number: int) -> dict[str, str]:
    """So many more grants like this one, each of a user of its own: id → refresh token. Straight into PostgreSQL."""
    live, app_id = tenant.server, tenant.application.id
    vault = live.services.rotated_tokens.vault
    names = [*COLUMNS.names, "email_key"]
    (like,) = live.rows(f"select {', '.join(names)} from grants where id = $1", grant_id)
    made, rows, sealed = dict[str, str](), [], []
    for count in range(number):
        token, email, id_ = secret("refresh"), f"{uuid.uuid4().hex}@example.com", str(uuid.uuid4())
        provider.accepts(token, email=email, scope="User.Read user:read:user")
        own = {"id": id_, "mailbox_key": email, "email": email, "email_key": email, "subject": f"{count}"}
        rows.append(tuple({**dict(zip(names, like, strict=True)), **own}.values()))
        live_secret = vault.seal(
            to_json({"refresh_token": token, "access_token": secret("access")}), Owner(app_id, "grant", id_, "live")
        )
        sealed.append((app_id, "grant", id_, "live", live_secret.key_id, live_secret.data, 0))
        made[id_] = token
    columns = ["application_id", "owner_kind", "owner_id", "purpose", "key_id", "sealed", "updated_at"]

    async def fill() -> None:
        connection = await asyncpg.connect(live.env["OPENGRANT_DATABASE_URL"])
        await connection.copy_records_to_table("grants", records=rows, columns=names)
        await connection.copy_records_to_table("secrets", records=sealed, columns=columns)
        await connection.close()

    asyncio.run(fill())
    return made


def age(live: LiveServer, grant_id: str) -> None:
    live.rows(
        """update grants set token_expires_at = token_expires_at - $2, due_at = due_at - $2, proven_at = proven_at - $2,
                             updated_at = updated_at - $2
           where id = $1""",
        grant_id,
        4000 * SECOND,
    )


def look_after(live: LiveServer, grant_id: str) -> None:
    """What the clock does when a grant is due, here in the test's own process."""
    live.rows("update grants set due_at = 1 where id = $1", grant_id)
    live.call(rounds(live))


def leases(live: LiveServer, application_id: str) -> list[str]:
    """Subjects that somebody works on, or died working on."""
    rows = live.rows("select subject from leases where application_id = $1", application_id)
    return [row[0] for row in rows]
