"""`opengrant export`, and what comes back from it in an empty installation."""

import asyncio
import json
import os
import pty
import stat
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pyrage
import pytest

from opengrant.api.wire.connect import custom_variant
from opengrant.cli.import_input import Input
from opengrant.errors import InvalidRequest
from opengrant.imports import age_files
from opengrant.imports.age_files import CannotOpen
from opengrant.model import Application, ProviderName
from opengrant.model.secrets import decode, encode
from opengrant.store.grants.grants import COLUMNS
from tests import warm
from tests.cli.test_commands import OPENGRANT, environment
from tests.fakes.oauth import Account, FakeOAuth
from tests.imports.restored import Line, grants_in, lines_of, opened, secrets_of
from tests.peers.dovecot import ACCOUNTS
from tests.peers.postgres import Postgres
from tests.support import MARK, LiveServer, rounds, unpack

LEFT = Path(__file__).parents[1] / "api" / "upgrade" / "0.1.0"
"""A grant of each of the ten variants and one that has ended, with their secrets: see tests/api/test_upgrade.py."""
WITH_REFRESH_TOKENS = ("google override", "microsoft refresh", "yahoo override", "zoom refresh")
LOCAL = frozenset({"version", "generation", "asked", "due_at", "refreshes"})
"""Columns of a grant whose value is of its installation."""


@dataclass(frozen=True)
class Old:
    """The installation that is left. It does not run."""

    directory: Path
    env: dict[str, str]
    facts: dict[str, Any]

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        return warm.run(args, env=environment(self.directory, self.env), timeout=60)


@pytest.fixture
def old(engine_env: dict[str, str], fake_provider: FakeOAuth, postgres: Postgres, tmp_path: Path) -> Old:
    env = fake_provider.settings()
    directory = tmp_path / "old"
    unpack(LEFT / f"{'postgres' if engine_env else 'sqlite'}.tar.gz", directory / "data")
    (directory / "data").chmod(0o700)
    if engine_env:
        env["OPENGRANT_DATABASE_URL"] = postgres.create_empty_database()
        postgres.load(env["OPENGRANT_DATABASE_URL"], directory / "data" / "dump.sql")
    left = Old(directory, env, json.loads((directory / "data" / "facts.json").read_text()))
    assert left.run("migrate").returncode == 0
    return left


@pytest.fixture
def new(old: Old, engine_env: dict[str, str], postgres: Postgres, log_stream: BytesIO) -> Iterator[LiveServer]:
    """Another installation, with master keys of its own."""
    env = old.env | ({"OPENGRANT_DATABASE_URL": postgres.create_database()} if engine_env else {})
    with LiveServer(env, old.directory.parent / "new", log_stream) as live:
        yield live


@pytest.fixture
def identity() -> Any:
    return pyrage.x25519.Identity.generate()


def stored_grants(live: LiveServer, app: Application) -> dict[str, dict[str, Any]]:
    """The rows of grants by id, without what is of the installation."""
    names = [name for name in (*COLUMNS.names, "email_key", "standing") if name not in LOCAL | {"application_id"}]
    rows = live.rows(f"select {', '.join(names)} from grants where application_id = $1", app.id)
    return {row[names.index("id")]: dict(zip(names, row, strict=True)) for row in rows}


def in_todays_form(kind: str, _: str, __: str, content: bytes) -> bytes:
    """Release 0.1.0 wrote no kind into a secret; today's bytes say the same."""
    held = json.loads(content)
    service_account, tenant = "private_key" in held, "tenant" in held
    told = "serviceaccount" if service_account else "adminconsent" if tenant else "connector"
    return encode(decode(content, kind=told if kind == "credential" else None))


def test_a_whole_application_moves_to_an_empty_installation(
    old: Old, new: LiveServer, provider: FakeOAuth, identity: Any, log_stream: BytesIO, tmp_path: Path
) -> None:
    grants: dict[str, str] = old.facts["grants"]
    file, recipient = tmp_path / "grants.ndjson.age", str(identity.to_public())
    named = ("--application", old.facts["application"])
    done = old.run("export", *named, "--recipient", recipient, "--output", str(file))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert f"{len(grants)} grant(s)" in done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir() if "ndjson" in one.name] == [file.name]
    lines = lines_of(new.call(opened(file.read_bytes(), str(identity))))
    describes_each_grant(lines, grants)

    [(application_id,)] = new.rows("select id from applications")
    app = new.call(new.services.applications.get(application_id))
    key = tmp_path / "key.txt"
    key.write_text(f"# created: today\n{identity}\n")
    assert imported(new, file, key) == {"created": len(grants)}
    with LiveServer(old.env, old.directory, log_stream) as source:
        was = source.call(source.services.applications.get(old.facts["application"]))
        assert stored_grants(new, app) == stored_grants(source, was)
        assert secrets_of(new, app) == {
            owner: in_todays_form(*owner, one) for owner, one in secrets_of(source, was).items()
        }
        for table in ("connectors", "credentials", "workspaces"):
            sql = f"select * from {table} where application_id = $1 order by id"
            assert [row[1:] for row in new.rows(sql, app.id)] == [row[1:] for row in source.rows(sql, was.id)], table
        sql = "select actor, detail from events where type = 'application.exported' and application_id = $1"
        [(actor, detail)] = source.rows(sql, was.id)
    assert actor.startswith("cli:")
    assert recipient in detail
    for hidden in (MARK, "PRIVATE KEY", *ACCOUNTS.values()):
        assert hidden.encode() not in file.read_bytes()
        assert hidden not in done.stderr + detail

    events = new.rows("select count(*) from events where type not like 'import.%'")
    before = (stored_grants(new, app), secrets_of(new, app))
    assert imported(new, file, key, "--again") == {"unchanged": len(grants)}
    assert (stored_grants(new, app), secrets_of(new, app)) == before
    assert new.rows("select count(*) from events where type not like 'import.%'") == events
    work_here(new, provider, old.facts)


def imported(live: LiveServer, file: Path, key: Path, *more: str) -> dict[str, int]:
    """What became of the rows, by their outcome."""
    args = ["import", str(file), "--identity", str(key), "--json", *more]
    done = warm.run(args, env=environment(live.directory, live.env), timeout=60)
    assert done.returncode == 0, done.stderr
    for hidden in (MARK, str(key.read_text().splitlines()[-1])):
        assert hidden not in done.stdout + done.stderr
    return {name: number for name, number in json.loads(done.stdout)["counts"].items() if number}


def describes_each_grant(lines: list[Line], grants: Mapping[str, str]) -> None:
    """For readers that are not OpenGrant: the body that connects each mailbox elsewhere."""
    assert lines[0]["kind"] == "export"
    assert lines[-1] == {"opengrant": 1, "kind": "end", "end": {"grants": len(grants), "unreadable": 0}}
    bodies = {kind: grants_in(lines)[id_]["connect"] for kind, id_ in grants.items()}
    for body in bodies.values():
        custom_variant(ProviderName(body["provider"]), body["settings"]).model_validate(body)
    assert MARK in bodies["zoom refresh"]["settings"]["refresh_token"]
    assert set(bodies["zoom refresh"]["settings"]) == {"refresh_token"}
    assert set(bodies["google override"]["settings"]) == {"refresh_token", "credential_id"}
    assert bodies["google bulk"]["settings"]["email_address"] == "di@contoso.test"
    assert bodies["imap"]["settings"]["imap_password"] in ACCOUNTS.values()
    assert bodies["virtual-calendar"]["settings"] == {"email": "room-7"}


def work_here(new: LiveServer, provider: FakeOAuth, facts: Mapping[str, Any]) -> None:
    """The new installation refreshes what it got, and leaves alone what had ended."""
    provider.accounts |= {token: Account(**account) for token, account in facts["accounts"].items()}
    ids = facts["grants"]
    before = dict(new.rows("select id, proven_at from grants"))
    assert all(
        due is not None
        for (due,) in new.rows("select due_at from grants where token_expires_at is not null and status = 'valid'")
    )
    for kind in (*WITH_REFRESH_TOKENS, "revoked"):
        new.rows("update grants set due_at = 1, token_expires_at = 1 where due_at is not null and id = $1", ids[kind])
    new.rows("update grants set due_at = null where due_at > 1")  # their servers do not run in this test
    new.call(rounds(new))
    after = {row[0]: row[1:] for row in new.rows("select id, status, trouble, proven_at from grants")}
    for kind in WITH_REFRESH_TOKENS:
        status, trouble, proven_at = after[ids[kind]]
        assert (status, trouble, proven_at > before[ids[kind]]) == ("valid", None, True), kind
    status, trouble, proven_at = after[ids["revoked"]]
    assert (status, trouble is None, proven_at) == ("invalid", False, before[ids["revoked"]])


def test_in_the_clear_only_on_demand_and_never_to_a_terminal(
    sqlite_server: LiveServer, identity: Any, tmp_path: Path
) -> None:
    env = environment(sqlite_server.directory, sqlite_server.env)
    named = ("--application", sqlite_server.tenant().application.id)

    def export(*args: str) -> subprocess.CompletedProcess[str]:
        return warm.run(["export", *named, *args], env=env, timeout=60)

    refused = export()
    assert refused.returncode == 1
    assert "--recipient" in refused.stderr
    done = export("--insecure-plaintext")
    assert done.returncode == 0, done.stderr
    assert "Warning: the export is not encrypted" in done.stderr
    assert lines_of(done.stdout.encode())[-1]["kind"] == "end"

    file = tmp_path / "there"
    file.write_text("mine")
    assert "exists already" in export("--insecure-plaintext", "--output", str(file)).stderr
    assert file.read_text() == "mine"

    swapped = export("--recipient", str(identity))
    assert "a secret key, and not a recipient" in swapped.stderr
    assert str(identity)[:30] not in swapped.stderr
    file.write_text("# nothing yet\n")
    assert "has no recipient" in export("--recipients-file", str(file)).stderr

    master, slave = pty.openpty()
    command = [OPENGRANT, "export", *named, "--insecure-plaintext"]
    shown = subprocess.run(command, stdout=slave, stderr=subprocess.PIPE, env=env, timeout=60, text=True, check=False)
    os.close(slave)
    os.close(master)
    assert (shown.returncode, "not shown in a terminal" in shown.stderr) == (1, True)


def test_an_import_says_why_an_export_does_not_open(sqlite_server: LiveServer, identity: Any, tmp_path: Path) -> None:
    tenant = sqlite_server.tenant()
    env, named = environment(sqlite_server.directory, sqlite_server.env), ("--application", tenant.application.id)
    key, other, whole, part = (tmp_path / name for name in ("key", "other", "grants.age", "part.age"))
    key.write_text(str(identity))
    other.write_text(str(pyrage.x25519.Identity.generate()))

    def run(*args: str) -> tuple[int, str]:
        done = warm.run([*args, *named], env=env, timeout=60)
        return done.returncode, done.stderr

    tenant.connector("virtual-calendar")
    assert tenant.connect("virtual-calendar", {"email": "room-7"}).status_code == 201
    tenant.http.close()
    assert run("export", "--recipient", str(identity.to_public()), "--output", str(whole))[0] == 0
    part.write_bytes(whole.read_bytes()[:-1])
    for args, said in (
        ((str(whole), "--identity", str(other)), "encrypted to other recipients"),
        ((str(part), "--identity", str(key)), "cut or changed"),
    ):
        status, told = run("import", *args)
        assert (status, said in told) == (1, True), told

    content = b"".join(asyncio.run(opened(whole.read_bytes(), str(identity))).splitlines(keepends=True)[:-1])
    part.write_bytes(content)
    status, told = run("import", str(part))
    assert (status, "the export was cut off" in told) == (0, True), told


@pytest.mark.parametrize("encrypted", [True, False])
async def test_an_input_from_a_pipe(encrypted: bool, identity: Any, tmp_path: Path) -> None:
    content = os.urandom(300_000)
    sent = pyrage.encrypt(content, [identity.to_public()]) if encrypted else content
    key = tmp_path / "key.txt"
    key.write_text(str(identity))
    end, begin = os.pipe()
    with ThreadPoolExecutor() as beside, os.fdopen(end, "rb") as file:
        beside.submit(_write_all, begin, sent)
        source = Input("standard input", file, None)
        assert source.is_encrypted == encrypted
        pieces = source.decrypted(key, None) if encrypted else source.pieces(None)
        assert b"".join([piece async for piece in pieces]) == content


def _write_all(pipe: int, data: bytes) -> None:
    with os.fdopen(pipe, "wb") as file:
        file.write(data)


async def test_a_file_that_does_not_open_says_why() -> None:
    identity, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    content = os.urandom(3_000_000)

    async def pieces() -> Any:
        for start in range(0, len(content), 70_001):
            yield content[start : start + 70_001]

    out = BytesIO()
    await age_files.encrypt(
        pieces(), out, [identity.to_public(), pyrage.x25519.Recipient.from_str(str(other.to_public()))]
    )
    file = out.getvalue()
    assert await opened(file, f"# created: today\n{identity}\n") == content
    assert await opened(file, str(other)) == content

    with pytest.raises(CannotOpen, match="encrypted to other recipients"):
        await opened(file, str(pyrage.x25519.Identity.generate()))
    changed = bytearray(file)
    changed[1_500_000] ^= 1
    for broken in (file[:2_000_000], file[:-1], bytes(changed)):
        with pytest.raises(CannotOpen, match="cut or changed"):
            await opened(broken, str(identity))
    with pytest.raises(InvalidRequest, match="is not a recipient"):
        age_files.recipients(["age1nonsense"])
    with pytest.raises(InvalidRequest, match="is encrypted itself"):
        age_files.identities(file[:200].decode("latin-1"))
    for broken in (b"", b"age-encryption.org/v1\n", file[:100]):
        with pytest.raises(CannotOpen, match="not a complete file"):
            await opened(broken, str(identity))


async def test_what_fails_at_the_source_or_the_target_is_what_the_caller_sees() -> None:
    recipient = pyrage.x25519.Identity.generate().to_public()

    async def fails() -> Any:
        yield b"x"
        raise ZeroDivisionError

    async def endless() -> Any:
        while True:
            yield b"x" * 100_000

    class Full(BytesIO):
        def write(self, data: Any, /) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(ZeroDivisionError):
        await age_files.encrypt(fails(), BytesIO(), [recipient])
    with pytest.raises(OSError, match="No space left"):
        await age_files.encrypt(endless(), Full(), [recipient])
