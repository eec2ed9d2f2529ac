"""`opengrant import`: a file becomes grants, on a machine where no server runs; what it says, and how it goes on."""

import csv
import gzip
import json
import signal
import stat
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pyrage
import pytest
from pydantic_core import to_json

from opengrant.model.imports import OUTCOMES
from tests.cli.test_commands import OPENGRANT, bearer, environment, opengrant, serving
from tests.fakes.oauth import FakeOAuth
from tests.nodes.node import consent
from tests.support import secret

KEY = "k" * 40
KEPT = "1f2e3d4c-0000-4000-8000-00000000c002"


@dataclass(frozen=True)
class Home:
    """An installation with connectors, of which no server runs."""

    directory: Path
    env: Mapping[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return opengrant(self.directory, "import", *arguments, env=self.env)

    def jobs(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(self.run("list", "--json").stdout)
        return found


@pytest.fixture(scope="module")
def home(fake_provider: FakeOAuth, tmp_path_factory: pytest.TempPathFactory) -> Home:
    directory = tmp_path_factory.mktemp("imports")
    env = {"OPENGRANT_BOOTSTRAP_API_KEY": KEY, **fake_provider.settings()}
    with serving(directory, env) as served, httpx.Client(base_url=served.url, headers=bearer(KEY)) as http:
        client = {"client_id": "client", "client_secret": secret("client")}
        for name, settings in (("google", client), ("zoom", client), ("virtual-calendar", {})):
            body = {"provider": name, "settings": settings}
            assert http.post("/v3/connectors", json=body).status_code == 201
    return Home(directory, env)


def results(path: Path) -> dict[int, tuple[str, str, str]]:
    """line → (id, grant_id, outcome)"""
    with path.open() as file:
        return {int(row["line"]): (row["id"], row["grant_id"], row["outcome"]) for row in csv.DictReader(file)}


def test_a_file_becomes_grants_and_the_failed_rows_are_imported_again(
    home: Home, provider: FakeOAuth, tmp_path: Path
) -> None:
    token = consent(provider, "google", "ada@example.com")
    rows = [
        {"provider": "google", "id": "u-1", "grant_id": KEPT, "settings": {"refresh_token": token}},
        {"provider": "google", "id": "u-2", "settings": {"refresh_token": secret("dead")}},
        {"provider": "virtual-calendar", "id": "u-3", "grant_id": KEPT, "settings": {"email": "room"}},
        {"provider": "virtual-calendar", "id": "u-4", "external_id": "x", "settings": {"email": "room-4"}},
        {"provider": "virtual-calendar", "id": "u-5", "workspace_id": "nonsense", "settings": {"email": "room-5"}},
        {"provider": "virtual-calendar", "id": "u-6", "settings": {"emial": "room-6"}},
    ]
    file = tmp_path / "users.ndjson.gz"
    file.write_bytes(gzip.compress(b"".join(to_json(row) + b"\n" for row in rows)))
    results_file, failed_file = tmp_path / "results.csv", tmp_path / "failed.ndjson"

    dry = home.run(str(file), "--dry-run", "--json")
    report = json.loads(dry.stdout)
    assert (dry.returncode, report["rows"], report["refused"]) == (1, 4, {"duplicate": 1, "bad_request": 1})
    assert provider.requests == []

    done = home.run(str(file), "--results", str(results_file), "--failed", str(failed_file))
    assert done.returncode == 1, done.stderr
    found = results(results_file)
    assert [found[line][0] for line in range(1, 7)] == [row["id"] for row in rows]
    assert [found[line][2] for line in range(1, 7)] == [
        *("created", "sign_in", "refused", "created", "refused", "refused")
    ]
    assert found[1][1] == KEPT
    assert "must sign in again" in done.stdout
    assert "chmod 600" in done.stderr
    for said in (done.stdout, done.stderr, dry.stdout, dry.stderr, results_file.read_text()):
        assert token not in said
    assert stat.S_IMODE(failed_file.stat().st_mode) == 0o600
    # Two rows are to be corrected. One repeats another, and is named.
    failed = [json.loads(line) for line in failed_file.read_text().splitlines()]
    assert [row["id"] for row in failed] == ["u-5", "u-6"]
    assert (
        "1 line(s) that could not be read, or repeat an earlier one. Correct them in your file: line 3." in done.stderr
    )

    again = home.run(str(file), "--json")
    assert json.loads(again.stdout)["counts"] == {
        **dict.fromkeys(OUTCOMES, 0),
        "created": 2,
        "sign_in": 1,
        "refused": 3,
    }
    assert "--again imports it once more" in again.stderr

    del failed[0]["workspace_id"]
    failed[1]["settings"] = {"email": failed[1]["settings"]["emial"]}
    piped = subprocess.run(
        [OPENGRANT, "import", "-", "--name", "fixed", "--results", str(tmp_path / "fixed.ndjson")],
        input=b"".join(to_json(row) + b"\n" for row in failed),
        env=environment(home.directory, home.env),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert piped.returncode == 0, piped.stderr
    fixed = [json.loads(line) for line in (tmp_path / "fixed.ndjson").read_text().splitlines()]
    assert [(row["id"], row["outcome"]) for row in fixed] == [("u-5", "created"), ("u-6", "created")]
    job = home.jobs()[0]["id"]
    nothing = home.run("failed", job, str(tmp_path / "nothing.ndjson"))
    assert (nothing.returncode, "is not written" in nothing.stdout) == (0, True)
    assert not (tmp_path / "nothing.ndjson").exists()
    assert [(job["name"], job["status"]) for job in home.jobs()[:2]] == [
        ("fixed", "finished"),
        (file.name, "finished"),
    ]


def test_tokens_that_end_with_their_use_wait_for_the_cut_over(home: Home, provider: FakeOAuth, tmp_path: Path) -> None:
    file = tmp_path / "users.csv"
    token = consent(provider, "zoom", "zoe@example.com")
    file.write_text(f"id,provider,refresh_token,email\n1,zoom,{token},\n2,virtual-calendar,,room\n")
    done = home.run(str(file), "--cut-over", "--hold-refresh")
    assert done.returncode == 0, done.stderr
    assert provider.requests == []
    job = home.jobs()[0]["id"]
    assert f"opengrant import cut-over {job}" in done.stdout

    assert "is paused" in home.run("pause", job[:8]).stdout
    assert "goes on" in home.run("resume", job[:8]).stdout
    waits = json.loads(home.run("show", job[:8], "--json").stdout)["sources"]
    (source,) = [one["id"] for one in waits if one["provider"] == "zoom"]
    assert "no such source" in home.run("cut-over", job[:8], "--source", "other").stderr
    assert "is cut over" in home.run("cut-over", job[:8], "--source", source[:8]).stdout  # as a table shows it
    worked = home.run("work", job[:8], "--json")
    assert worked.returncode == 0, worked.stderr
    assert json.loads(worked.stdout)["counts"]["created"] == 2
    shown = home.run("show", job[:8]).stdout
    assert "2  created" in shown
    assert "virtual-calendar" in shown
    lines = home.run("results", job[:8], "--outcome", "created").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["1", "2"]
    assert "cancelled" in home.run("cancel", job[:8]).stderr


def test_a_stream_that_is_interrupted_leaves_nothing_and_says_how_to_go_on(home: Home) -> None:
    process = subprocess.Popen(
        # A shell starts what it runs in the background without this signal, and its children inherit that.
        ["env", "--default-signal=INT", OPENGRANT, "import", "-"],
        env=environment(home.directory, home.env),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    row = {"provider": "virtual-calendar", "settings": {"email": "room"}}
    process.stdin.write(to_json(row) + b"\n")
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while all(job["name"] != "standard input" for job in home.jobs()):
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, b"")
    assert b"nothing of it is kept: start again" in err
    assert all(job["name"] != "standard input" for job in home.jobs())


def test_a_file_that_changed_before_it_was_read_to_its_end_is_another_import(home: Home, tmp_path: Path) -> None:
    rows = [{"provider": "virtual-calendar", "settings": {"email": f"changed-{number}"}} for number in range(4000)]
    file = tmp_path / "changing.ndjson"
    content = b"".join(to_json(row) + b"\n" for row in rows)
    file.write_bytes(content + b'{"provider": "yahoo", "settings": {"refresh_token": "t"}}\n')
    stopped = home.run(str(file))
    assert "Line 4001: this application has no yahoo connector" in stopped.stderr
    (first,) = [job["id"] for job in home.jobs() if job["name"] == "changing.ndjson"]

    file.write_bytes(content)
    told = home.run(str(file), "--detach")
    assert f"To remove them now: opengrant import cancel {first}" in told.stderr, told.stderr
    assert "is cancelled" in home.run("cancel", first).stdout
    second = next(job["id"] for job in home.jobs() if job["name"] == "changing.ndjson")
    home.run("cancel", second)


def test_an_encrypted_input_that_was_cut_off_is_imported_up_to_there(home: Home, tmp_path: Path) -> None:
    key = pyrage.x25519.Identity.generate()
    identity = tmp_path / "key.txt"
    identity.write_text(str(key))
    rows = [{"provider": "virtual-calendar", "settings": {"email": f"cut-{number}"}} for number in range(3000)]
    whole = pyrage.encrypt(b"".join(to_json(row) + b"\n" for row in rows), [key.to_public()])
    file = tmp_path / "rows.age"
    file.write_bytes(whole[: len(whole) // 2])
    dry = home.run(str(file), "--identity", str(identity), "--dry-run", "--json")
    assert json.loads(dry.stdout)["refused"] == {"unreadable": 2}
    done = home.run(str(file), "--identity", str(identity), "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["status"], report["counts"]["refused"]) == (1, "finished", 2), done.stderr
    assert report["counts"]["created"] >= 500
    assert "Warning: The encrypted input was cut off" in done.stderr
    again = home.run(str(file), "--identity", str(identity), "--json")
    assert json.loads(again.stdout)["id"] == report["id"]

    file.write_bytes(whole)
    complete = home.run(str(file), "--identity", str(identity), "--json")
    assert json.loads(complete.stdout)["counts"]["created"] == 3000 - report["counts"]["created"]


def test_an_input_that_cannot_be_used_is_one_sentence(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "rows"
    for content, options, told in (
        (b'[{"provider": "google"}]\n', (), "jq -c"),
        ('{"provider": "google"}\n'.encode("utf-16"), (), "iconv -f UTF-16"),
        (b"provider,refresh_tokn\ngoogle,x\n", (), "did you mean 'refresh_token'?"),
        (b'{"provider": "yahoo", "settings": {"refresh_token": "t"}}\n', (), "no yahoo connector"),
        (b"", (), "The input has no rows."),
        (b"id,provider,email\n", ("--dry-run",), "The input has no rows."),
        (b"{}\n", ("--map", "refresh_tokn=x"), "did you mean 'refresh_token'?"),
        (b"{}\n", ("--results", "out.txt"), "name it .ndjson or .csv"),
        (b"{}\n", ("--cut-over-at", "2020-01-01"), "the time has passed"),
    ):
        file.write_bytes(content)
        done = home.run(str(file), *options)
        assert done.returncode == 1
        assert told in done.stderr
        assert "Traceback" not in done.stderr
