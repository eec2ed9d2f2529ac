"""The command line, as a person or a script uses it: real processes, real signals."""

import contextlib
import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from tests import warm
from tests.peers.postgres import Postgres
from tests.peers.processes import free_ports
from tests.support import secret

OPENGRANT = str(Path(sys.executable).with_name("opengrant"))


def environment(directory: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("OPENGRANT_")}
    return {**kept, "OPENGRANT_DATA_DIR": str(directory / "data"), "OPENGRANT_PORT": "0", **(more or {})}


def opengrant(directory: Path, *args: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return warm.run(args, env=environment(directory, env), timeout=60)


@dataclass
class Served:
    process: "subprocess.Popen[bytes] | warm.Process"
    url: str
    printed: str
    log: Path

    def records(self) -> list[dict[str, object]]:
        """What it has written down. The last line may be on its way yet."""
        return [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]


@contextmanager
def serving(directory: Path, env: Mapping[str, str] | None = None, *args: str, cold: bool = False) -> Iterator[Served]:
    """`opengrant serve` until it can be reached, and its end. `cold`: the way a shell starts it."""
    # Several workers share their metrics, which is prepared before the first is loaded: a warm process is too late.
    cold = cold or int((env or {}).get("OPENGRANT_WORKERS", "1")) > 1
    log, printed = directory / "log", directory / "printed"
    process: subprocess.Popen[bytes] | warm.Process
    with log.open("ab") as stderr, printed.open("wb") as stdout:
        if cold:
            process = subprocess.Popen(
                [OPENGRANT, "serve", *args], env=environment(directory, env), stdout=stdout, stderr=stderr
            )
        else:
            process = warm.start(["serve", *args], env=environment(directory, env), stdout=stdout, stderr=stderr)
    try:
        deadline = time.monotonic() + 100
        while not (url := _url(log)):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the server did not come up"
            time.sleep(0.02)
        yield Served(process, url, printed.read_text(), log)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)


def _url(log: Path) -> str | None:
    for line in log.read_text().splitlines(keepends=True):
        assert line.startswith("{"), log.read_text()
        if line.endswith("\n") and (record := json.loads(line))["event"] == "serving":
            return str(record["url"])
    return None


def first_key(printed: str) -> str:
    found = re.search(r"nyk_v0_[A-Za-z0-9]{43}", printed)
    assert found, printed
    return found[0]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_the_first_start_prints_what_is_needed_once_and_the_second_does_not(tmp_path: Path) -> None:
    with serving(tmp_path, cold=True) as first:
        key = first_key(first.printed)
        assert first.url in first.printed
        assert re.search(r"application id\s+[0-9a-f-]{36}", first.printed)
        assert f"1. Send a credential, get a grant: {first.url}/reference#/operation/connect_custom" in first.printed
        assert httpx.get(f"{first.url}/v3/grants", headers=bearer(key)).status_code == 200
    (tmp_path / "log").unlink()
    with serving(tmp_path) as second:
        assert second.printed == ""
        assert httpx.get(f"{second.url}/v3/grants", headers=bearer(key)).status_code == 200
    for file in ("data/opengrant.db", "data/master.keys"):
        assert stat.S_IMODE((tmp_path / file).stat().st_mode) == 0o600


def test_a_script_can_choose_the_first_key_and_application(tmp_path: Path) -> None:
    chosen = {"OPENGRANT_BOOTSTRAP_API_KEY": "k" * 40, "OPENGRANT_BOOTSTRAP_APPLICATION_ID": "acme"}
    with serving(tmp_path, chosen, "--name", "Acme CRM") as served:
        assert httpx.get(f"{served.url}/v3/grants", headers=bearer("k" * 40)).status_code == 200
    listed = json.loads(opengrant(tmp_path, "apps", "list", "--json").stdout)
    assert [(one["id"], one["name"]) for one in listed] == [("acme", "Acme CRM")]


def test_a_short_bootstrap_key_is_refused_without_being_echoed(tmp_path: Path) -> None:
    chosen = "short-" + secret()[:10]
    done = opengrant(tmp_path, "serve", env={"OPENGRANT_BOOTSTRAP_API_KEY": chosen})
    assert done.returncode == 1
    assert "OPENGRANT_BOOTSTRAP_API_KEY" in done.stderr
    assert chosen not in done.stderr + done.stdout


def test_keys_are_made_listed_and_revoked_while_the_server_runs(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        made = json.loads(opengrant(tmp_path, "keys", "create", "--name", "ci", "--days", "1", "--json").stdout)
        ask = lambda: httpx.get(f"{served.url}/v3/grants", headers=bearer(made["api_key"])).status_code  # noqa: E731
        assert ask() == 200
        listed = json.loads(opengrant(tmp_path, "keys", "list", "--json").stdout)
        assert {one["name"]: one["status"] for one in listed} == {"first key": "active", "ci": "active"}
        assert all("api_key" not in one for one in listed)
        assert opengrant(tmp_path, "keys", "revoke", made["id"]).returncode == 0
        assert ask() == 401
    assert "revoked" in opengrant(tmp_path, "keys", "list").stdout


def test_an_expired_key_no_longer_opens(tmp_path: Path) -> None:
    opengrant(tmp_path, "init")
    made = json.loads(opengrant(tmp_path, "keys", "create", "--days", "1", "--json").stdout)
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "opengrant.db")) as db, db:
        db.execute("update api_keys set expires_at = created_at where id = ?", (made["id"],))
    with serving(tmp_path) as served:
        assert httpx.get(f"{served.url}/v3/grants", headers=bearer(made["api_key"])).status_code == 401
    assert {one["status"] for one in json.loads(opengrant(tmp_path, "keys", "list", "--json").stdout)} == {
        "active",
        "expired",
    }


@pytest.mark.parametrize("days", ["0", "-1", "36501", "99999999999"])
def test_a_key_that_could_never_work_is_not_made(tmp_path: Path, days: str) -> None:
    done = opengrant(tmp_path, "keys", "create", f"--days={days}")
    assert (done.returncode, done.stdout) == (1, "")
    assert "write 1 to 36500, or --never-expires instead" in done.stderr


def test_a_wrong_setting_is_named_with_what_to_write(tmp_path: Path) -> None:
    done = opengrant(tmp_path, "serve", env={"OPENGRANT_PORT": "hunter2", "OPENGRANT_GOOGLE__TOKN_URL": "hunter2"})
    assert done.returncode == 1
    assert "OPENGRANT_PORT cannot be understood: write a whole number from 0 to 65535" in done.stderr
    assert "OPENGRANT_GOOGLE__TOKN_URL is no setting: did you mean OPENGRANT_GOOGLE__TOKEN_URL?" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_setting_that_does_not_exist_is_warned_of(tmp_path: Path) -> None:
    names = {"OPENGRANT_PUBIC_URL": "https://hunter2", "OPENGRANT_SERVICE_HOST": "10.0.0.1", "OPENGRANT_EXPLORE": "1"}
    with serving(tmp_path, names) as served:
        told = [record["detail"] for record in served.records() if record["event"] == "unknown_setting"]
    assert told == ["OPENGRANT_PUBIC_URL is no setting, and has no effect: did you mean OPENGRANT_PUBLIC_URL?"]


def test_applications_are_kept_apart(tmp_path: Path) -> None:
    opengrant(tmp_path, "init")
    made = json.loads(opengrant(tmp_path, "apps", "create", "Second", "--json").stdout)
    refused = opengrant(tmp_path, "keys", "create")
    assert refused.returncode == 1
    assert "several applications" in refused.stderr
    key = opengrant(tmp_path, "keys", "create", made["id"]).stdout.strip()
    with serving(tmp_path) as served:
        assert httpx.get(f"{served.url}/v3/grants", headers=bearer(key)).json()["data"] == []


@pytest.mark.parametrize("args", [("keys", "revoke", "nope"), ("keys", "create", "nope"), ("keys", "list", "nope")])
def test_an_unknown_id_is_one_sentence_and_a_failure(tmp_path: Path, args: tuple[str, ...]) -> None:
    done = opengrant(tmp_path, *args)
    assert done.returncode == 1
    assert done.stderr.startswith("opengrant: There is no ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("args", [("keys", "list"), ("doctor",), ("migrate",), ("reseal",), ("console",), ("audit",)])
def test_a_command_in_another_place_than_the_servers_makes_nothing_there(tmp_path: Path, args: tuple[str, ...]) -> None:
    done = opengrant(tmp_path, *args)
    assert done.returncode == 1
    assert f"There is no installation in {tmp_path / 'data'}" in done.stdout + done.stderr
    assert not (tmp_path / "data").exists()


def test_a_command_at_an_empty_postgres_makes_nothing_there(tmp_path: Path, postgres: Postgres) -> None:
    env = {"OPENGRANT_DATABASE_URL": postgres.create_empty_database()}
    for _ in range(2):
        done = opengrant(tmp_path, "keys", "list", env=env)
        assert (done.returncode, "There is no installation in this database" in done.stderr) == (1, True)
    assert first_key(opengrant(tmp_path, "init", env=env).stdout)
    assert "first key" in opengrant(tmp_path, "keys", "list", env=env).stdout


def test_init_prints_a_key_once_and_lists_show_whole_ids_where_asked(tmp_path: Path) -> None:
    key = first_key(opengrant(tmp_path, "init").stdout)
    again = opengrant(tmp_path, "init")
    assert (again.returncode, again.stdout) == (0, "The installation is there already.\n")
    (listed,) = json.loads(opengrant(tmp_path, "keys", "list", "--json").stdout)
    assert listed["id"] in opengrant(tmp_path, "keys", "list", "--wide").stdout
    with serving(tmp_path) as served:
        assert served.printed == ""
        assert httpx.get(f"{served.url}/v3/grants", headers=bearer(key)).status_code == 200


def test_help_is_there_for_every_command(tmp_path: Path) -> None:
    cold = subprocess.run([OPENGRANT, "--help"], env=environment(tmp_path), capture_output=True, text=True, check=True)
    overview = opengrant(tmp_path, "--help").stdout
    assert overview == cold.stdout
    for command in ("serve", "work", "migrate", "keys", "apps", "doctor", "reseal"):
        assert command in overview
        assert opengrant(tmp_path, command, "--help").returncode == 0


def test_a_taken_port_is_explained(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = opengrant(tmp_path, "serve", env={"OPENGRANT_PORT": str(taken.getsockname()[1])})
    assert done.returncode == 1
    assert "OPENGRANT_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_start_without_the_key_that_sealed_names_it(tmp_path: Path) -> None:
    opengrant(tmp_path, "init")
    keys = tmp_path / "data" / "master.keys"
    sealing = re.findall(r"^(\d+):", keys.read_text(), re.MULTILINE)[0]
    keys.unlink()
    done = opengrant(tmp_path, "apps", "list")
    assert done.returncode == 1
    assert f"'{sealing}'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_file_that_others_may_read_is_not_served_with(tmp_path: Path) -> None:
    opengrant(tmp_path, "init")
    keys = tmp_path / "data" / "master.keys"
    keys.chmod(0o644)
    done = opengrant(tmp_path, "serve")
    assert (done.returncode, f"chmod 600 {keys}" in done.stderr) == (1, True)
    keys.unlink()
    keys.mkdir()
    done = opengrant(tmp_path, "serve")
    assert (done.returncode, f"{keys} is a directory" in done.stderr) == (1, True)
    keys.rmdir()
    keys.write_bytes(b"\xff\xfe\x00")
    keys.chmod(0o600)
    done = opengrant(tmp_path, "serve")
    assert (done.returncode, "is not a master key file" in done.stderr) == (1, True)


def test_a_data_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    done = opengrant(tmp_path, "serve")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert f"The data directory {tmp_path / 'data'} cannot be made" in done.stderr


def test_a_server_that_cannot_write_is_not_ready_until_it_can_again(tmp_path: Path) -> None:
    def ready(*, until: int) -> httpx.Response:
        deadline = time.monotonic() + 60
        while (answer := httpx.get(f"{served.url}/readyz")).status_code != until and time.monotonic() < deadline:
            time.sleep(0.05)
        return answer

    with serving(tmp_path) as served:
        assert ready(until=200).status_code == 200
        process = psutil.Process(served.process.pid)
        before = process.rlimit(psutil.RLIMIT_FSIZE)
        # No file of this process may grow any more: what a full disk says, SQLite hears too.
        process.rlimit(psutil.RLIMIT_FSIZE, (1024, before[1]))
        refused = ready(until=503)
        assert refused.status_code == 503
        assert "cannot be written" in refused.json()["error"]["message"]
        assert httpx.get(f"{served.url}/healthz").status_code == 200
        process.rlimit(psutil.RLIMIT_FSIZE, before)
        assert ready(until=200).status_code == 200


def test_another_key_under_the_same_name_is_noticed(tmp_path: Path) -> None:
    one = {"OPENGRANT_MASTER_KEYS": "k1:" + "A" * 43 + "="}
    other = {"OPENGRANT_MASTER_KEYS": "k1:" + "B" * 42 + "A="}
    assert opengrant(tmp_path, "init", env=one).returncode == 0
    done = opengrant(tmp_path, "apps", "list", env=other)
    assert done.returncode == 1
    assert "'k1' is not the one" in done.stderr


def test_master_keys_are_rotated_while_the_server_runs(tmp_path: Path) -> None:
    old, new = "k1:" + "A" * 43 + "=", "k2:" + "B" * 42 + "A="
    with serving(tmp_path, {"OPENGRANT_MASTER_KEYS": old}) as served:
        key = first_key(served.printed)
        made = httpx.post(
            f"{served.url}/v3/connectors",
            headers=bearer(key),
            json={"provider": "google", "settings": {"client_id": "id", "client_secret": secret()}},
        )
        assert made.status_code == 201
        done = opengrant(tmp_path, "reseal", env={"OPENGRANT_MASTER_KEYS": f"{new},{old}"})
        assert done.stdout.startswith("2 secret(s) moved"), done
    done = opengrant(tmp_path, "reseal", env={"OPENGRANT_MASTER_KEYS": f"{new},{old}"})
    assert done.stdout.startswith("0 secret(s) moved")
    assert opengrant(tmp_path, "apps", "list", env={"OPENGRANT_MASTER_KEYS": new}).returncode == 0
    assert opengrant(tmp_path, "apps", "list", env={"OPENGRANT_MASTER_KEYS": old}).returncode == 1


def test_doctor_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    opengrant(tmp_path, "init")
    healthy = opengrant(tmp_path, "doctor", "--json")
    assert healthy.returncode == 0
    states = {one["name"]: one["state"] for one in json.loads(healthy.stdout)}
    assert {states[name] for name in ("database", "database file", "master keys", "data directory")} == {"ok"}
    (tmp_path / "data" / "master.keys").chmod(0o644)
    ill = opengrant(tmp_path, "doctor")
    assert ill.returncode == 1
    assert "chmod 600" in ill.stdout


def test_doctor_finds_a_damaged_database_file(tmp_path: Path) -> None:
    opengrant(tmp_path, "init")
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "opengrant.db")) as db:
        (size,) = db.execute("pragma page_size").fetchone()
        (page,) = db.execute("select rootpage from sqlite_master where name = 'deliveries'").fetchone()
    with (tmp_path / "data" / "opengrant.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    done = opengrant(tmp_path, "doctor", "--json")
    assert done.returncode == 1
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert (found["database"]["state"], found["database file"]["state"]) == ("ok", "failed")
    assert "backup" in found["database file"]["text"]


def test_doctor_reaches_the_providers_that_connectors_exist_for(tmp_path: Path) -> None:
    (dead,) = free_ports(1)
    env = {"OPENGRANT_GOOGLE__TOKEN_URL": f"http://127.0.0.1:{dead}/token"}
    with serving(tmp_path, env) as served:
        settings = {"client_id": "id", "client_secret": secret()}
        body = {"provider": "google", "settings": settings}
        httpx.post(f"{served.url}/v3/connectors", headers=bearer(first_key(served.printed)), json=body)
        done = opengrant(tmp_path, "doctor", "--json", env=env)
        assert done.returncode == 1
        found = {one["name"]: one for one in json.loads(done.stdout)}
        assert found["google"]["state"] == "failed"
        assert "firewall" in found["google"]["text"]


def test_an_unreachable_database_is_one_sentence(tmp_path: Path) -> None:
    done = opengrant(tmp_path, "apps", "list", env={"OPENGRANT_DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:9/x"})
    assert done.returncode == 1
    assert "database" in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_under_way_is_finished_when_the_server_is_told_to_stop(tmp_path: Path) -> None:
    """A request whose body is still coming when SIGTERM arrives gets its answer."""
    with serving(tmp_path) as served:
        key = first_key(served.printed)
        host, port = httpx.URL(served.url).host, httpx.URL(served.url).port
        body = b'{"provider": "virtual-calendar"}'
        with socket.create_connection((host, port or 0), timeout=60) as line:
            head = f"POST /v3/connectors HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
            line.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:5])
            httpx.get(f"{served.url}/healthz")
            served.process.send_signal(signal.SIGTERM)
            _until_refused(host, port or 0)
            line.sendall(body[5:])
            assert line.recv(4096).startswith(b"HTTP/1.1 201")
        assert served.process.wait(60) == 0
    assert [record["event"] for record in served.records()][-1] == "stopping"


def _until_refused(host: str, port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            return
        time.sleep(0.02)
    raise AssertionError("the server still listens")


def test_an_acknowledged_grant_survives_kill_9(tmp_path: Path, postgres: Postgres) -> None:
    for env in ({}, {"OPENGRANT_DATABASE_URL": postgres.create_database()}):
        directory = tmp_path / ("postgres" if env else "sqlite")
        directory.mkdir()
        keys = {"OPENGRANT_BOOTSTRAP_API_KEY": "k" * 40, **env}
        acknowledged: list[str] = []
        for round_ in range(3):
            (directory / "log").write_text("")
            with (
                serving(directory, keys) as served,
                httpx.Client(base_url=served.url, headers=bearer("k" * 40)) as http,
            ):
                http.post("/v3/connectors", json={"provider": "virtual-calendar"})
                for one in acknowledged:
                    assert http.get(f"/v3/grants/{one}").status_code == 200
                for number in range(20):
                    body = {"provider": "virtual-calendar", "settings": {"email": f"room-{round_}-{number}"}}
                    acknowledged.append(http.post("/v3/connect/custom", json=body).json()["data"]["id"])
                served.process.kill()
        assert len(set(acknowledged)) == 60


def test_several_workers_serve_one_database(tmp_path: Path, postgres: Postgres) -> None:
    env = {
        "OPENGRANT_WORKERS": "2",
        "OPENGRANT_DATABASE_URL": postgres.create_database(),
        "OPENGRANT_BOOTSTRAP_API_KEY": "k" * 40,
    }
    # Several start their workers by themselves.
    with serving(tmp_path, env, cold=True) as served:
        url = served.url
        body = {"provider": "virtual-calendar"}
        assert httpx.post(f"{url}/v3/connectors", headers=bearer("k" * 40), json=body, timeout=60).status_code == 201
        for _ in range(20):
            assert httpx.get(f"{url}/v3/connectors", headers=bearer("k" * 40), verify=False).json()["data"]
        assert "opengrant_http_requests_total" in httpx.get(f"{url}/metrics").text
        served.process.terminate()
        assert served.process.wait(60) == 0


def test_an_old_schema_on_postgres_waits_for_migrate(tmp_path: Path, postgres: Postgres) -> None:
    env = {"OPENGRANT_DATABASE_URL": postgres.create_empty_database()}
    assert "0001_initial" in opengrant(tmp_path, "migrate", env=env).stdout
    assert opengrant(tmp_path, "migrate", env=env).stdout == "The schema is up to date.\n"
    assert opengrant(tmp_path, "apps", "list", env=env).returncode == 0


def test_work_runs_alone_and_stops_when_told(tmp_path: Path) -> None:
    opengrant(tmp_path, "init")
    process = subprocess.Popen([OPENGRANT, "work"], env=environment(tmp_path), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        assert json.loads(process.stderr.readline())["event"] == "working"
    finally:
        process.terminate()
        assert process.wait(60) == 0
        process.stderr.close()


def test_work_shows_how_it_is_doing_where_it_is_told_to_and_nothing_else(tmp_path: Path) -> None:
    opengrant(tmp_path, "init")
    command = [OPENGRANT, "work", "--port", "0"]
    process = subprocess.Popen(command, env=environment(tmp_path), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        url = json.loads(process.stderr.readline())["url"]
        assert [httpx.get(url + path, timeout=60).status_code for path in ("/healthz", "/readyz")] == [200, 200]
        assert "opengrant_grants_overdue 0.0" in httpx.get(f"{url}/metrics", timeout=60).text
        for path in ("/v3/grants", "/openapi.json", "/console", "/"):
            assert httpx.get(url + path, timeout=60).status_code == 404
        taken = opengrant(tmp_path, "work", "--port", url.rpartition(":")[2])
        assert taken.returncode == 1
        assert "--port" in taken.stderr
    finally:
        process.terminate()
        assert process.wait(60) == 0
        process.stderr.close()
