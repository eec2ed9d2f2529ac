"""Makes what test_upgrade.py begins with: the data directory and the database of a release, on both engines.

Run once for each release, in a checkout of it, by the release's own code, its tests' fixtures and its packages:

    cp leave_behind.py <checkout>/tests/api/test_leave_behind.py
    LEAVE_IN=<this folder>/<version> pytest tests/api/test_leave_behind.py

All secrets are fake: they open nothing elsewhere. The files are never made anew; each release gets files of its own.
"""

import contextlib
import dataclasses
import gzip
import io
import json
import os
import re
import sqlite3
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from tests.announcing import subscribe
from tests.api.conftest import Ask
from tests.api.console import link_of, sign_in
from tests.api.tokens import signed_in
from tests.fakes.ews import FakeExchange
from tests.fakes.oauth import FakeOAuth
from tests.fakes.receiver import Hook
from tests.peers.dovecot import Dovecot
from tests.support import LiveServer, Tenant, data, secret

INTO = Path(os.environ["LEAVE_IN"])
KINDS = (
    *("google override", "microsoft refresh", "yahoo override", "zoom refresh", "google bulk", "microsoft bulk"),
    *("imap", "icloud", "ews", "virtual-calendar", "nylas"),
)
TABLES = (
    *("applications", "api_keys", "connectors", "credentials", "grants", "master_keys", "secrets", "events"),
    *("domains", "workspaces", "idempotency", "webhooks", "deliveries", "redirect_uris", "browser_origins"),
    *("token_families", "tokens", "logins", "console_sessions", "console_links"),
)
"""Those that have a row."""


@pytest.fixture(scope="module")
def server(every_provider: LiveServer) -> LiveServer:
    return every_provider


def test_leave(
    tenant: Tenant, ask: Ask, provider: FakeOAuth, dovecot: Dovecot, exchange: FakeExchange, hook: Hook
) -> None:
    live = tenant.server
    webhook = subscribe(tenant, hook, "grant.created", "grant.expired")
    grants: dict[str, str] = {}
    for kind in KINDS:
        answer = tenant.http.post("/v3/connect/custom", json=ask(kind), headers={"Idempotency-Key": f"once {kind}"})
        assert answer.status_code == 201, f"{kind}: {answer.text}"
        grants[kind] = data(answer)["id"]
    assert len(set(grants.values())) == len(KINDS)
    revoked = secret("refresh")
    provider.accepts(revoked, email="revoked@example.com")
    grants["revoked"] = data(tenant.connect("google", {"refresh_token": revoked}))["id"]
    del provider.accounts[revoked]
    live.call(live.services.refresh.check(tenant.application, grants["revoked"]))

    room = data(tenant.get(f"/v3/grants/{grants['virtual-calendar']}"))
    tokens = signed_in(tenant, room)
    address = {"url": "https://app.example.com/callback", "platform": "web"}
    origin = {"platform": "js", "url": "https://app.example.com", "settings": {"origin": "https://app.example.com"}}
    for body in (address, origin):
        answer = tenant.post("/v3/applications/redirect-uris", body)
        assert answer.is_success, answer.text
    answer = tenant.post("/v3/workspaces", {"name": "Sales", "domain": "example.com", "auto_group": True})
    assert answer.is_success, answer.text
    assert sign_in(live, {"link": link_of(live, tenant.application)}).is_success
    assert sign_in(live, {"api_key": tenant.api_key}).is_success
    link_of(live, tenant.application)  # never used
    asked = {"client_id": tenant.application.id, "redirect_uri": address["url"], "response_type": "code"}
    begun = tenant.http.get("/v3/connect/auth", params={**asked, "provider": "google"}, follow_redirects=False)
    assert "state=" in begun.headers["location"], begun.text
    assert "error" not in begun.headers["location"]

    facts = {
        "application": tenant.application.id,
        "api_key": tenant.api_key,
        "grants": grants,
        "webhook": {"id": webhook["id"], "secret": webhook["webhook_secret"], "url": hook.url},
        "refresh_token": tokens["refresh_token"],
        "redirect_uri": address["url"],
        "ports": {"imaps": dovecot.imaps, "submissions": dovecot.submissions, "ews": exchange.port},
        "accounts": {token: dataclasses.asdict(account) for token, account in provider.accounts.items()},
        "employees": [dataclasses.asdict(one) for one in provider.employees],
        "apps": {id_: {"secret": app.secret, "roles": sorted(app.roles)} for id_, app in provider.apps.items()},
        "service_accounts": {
            email: {
                "pem": one.key.as_pem(private=True).decode(),
                "kid": one.key.kid,
                "domain": one.domain,
                "scope": sorted(one.scope),
            }
            for email, one in provider.service_accounts.items()
        },
    }
    for table in TABLES:
        assert live.rows(f"select count(*) from {table}")[0][0] > 0, table
    states = dict(live.rows("select id, status from grants where application_id = $1", tenant.application.id))
    assert [kind for kind, id_ in grants.items() if states[id_] != "valid"] == ["revoked"]
    save(live, facts)


def save(live: LiveServer, facts: dict[str, Any]) -> None:
    """The data directory, and the database beside it as one file; with what the stand-ins accepted."""
    directory = live.directory / "data"
    url = live.env.get("OPENGRANT_DATABASE_URL")
    files = {
        "facts.json": json.dumps(facts, indent=1).encode(),
        "master.keys": (directory / "master.keys").read_bytes(),
    }
    if url is None:
        copy = directory.parent / "copy.db"
        with contextlib.closing(sqlite3.connect(directory / "opengrant.db")) as connection:
            connection.execute("vacuum into ?", (str(copy),))
        files["opengrant.db"] = copy.read_bytes()
    else:
        dump = ["pg_dump", "--no-owner", "--no-privileges", "--inserts", url]
        text = subprocess.run(dump, check=True, capture_output=True, timeout=60, text=True).stdout
        # Lines of a newer psql, which an older one does not know.
        files["dump.sql"] = re.sub(r"^\\(un)?restrict .*\n", "", text, flags=re.MULTILINE).encode()
    pack(files, INTO / f"{'sqlite' if url is None else 'postgres'}.tar.gz")


def pack(files: dict[str, bytes], into: Path) -> None:
    into.parent.mkdir(parents=True, exist_ok=True)
    with gzip.GzipFile(into, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
