"""The programs of docs/quickstarts.md and the receivers of docs/webhooks.md, run as they stand."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.announcing import deliver, room
from tests.peers.languages import interpreter
from tests.peers.nodejs import NODE
from tests.peers.processes import free_ports
from tests.support import LiveServer, Tenant, data

DOCS = Path(__file__).parents[2] / "docs"
PROGRAMS = {
    "sh": "quickstart.sh",
    "python": "quickstart.py",
    "js": "quickstart.mjs",
    "go": "quickstart.go",
    "ruby": "quickstart.rb",
    "java": "Quickstart.java",
    "php": "quickstart.php",
}
RECEIVERS = {"python": [sys.executable, "receiver.py"], "js": [str(NODE), "receiver.mjs"]}


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def tenant(sqlite_server: LiveServer) -> Iterator[Tenant]:
    """The programs cannot see which database the server has."""
    made = sqlite_server.tenant()
    yield made
    made.http.close()


def command(language: str) -> tuple[list[str], Mapping[str, str]]:
    """How the page says to run the program, and what that needs in its environment here."""
    if language in ("sh", "python", "js"):
        return {"sh": ["bash", "-eu"], "python": [sys.executable], "js": [str(NODE)]}[language], {}
    program, needs = interpreter(language)
    return [program, "run"] if language == "go" else [program], needs


@pytest.fixture(scope="module")
def started(
    sqlite_server: LiveServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, tuple[Tenant, "subprocess.Popen[str]"]]]:
    """All programs at once, each with an application of its own: most of their time is the start of a compiler."""
    _, connector, _ = blocks("quickstarts.md", "sh")
    with contextlib.ExitStack() as stack:
        running = {}
        for language, file in PROGRAMS.items():
            (program, *arguments), needs = command(language)
            if not program:
                continue
            folder, tenant = tmp_path_factory.mktemp(language), sqlite_server.tenant()
            stack.callback(tenant.http.close)
            env = {**os.environ, "URL": sqlite_server.url, "KEY": tenant.api_key, **needs}
            subprocess.run(["bash", "-euc", connector], env=env, stdout=subprocess.DEVNULL, check=True)
            (folder / file).write_text(blocks("quickstarts.md", language)[-1])
            process = subprocess.Popen(
                [program, *arguments, file],
                cwd=folder,
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            running[language] = tenant, process
        yield running


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_quickstart_creates_a_grant_and_lists_it(
    language: str, started: dict[str, tuple[Tenant, "subprocess.Popen[str]"]]
) -> None:
    if language not in started:
        pytest.skip(f"there is no {language} here: `./dev check` fetches it on Debian")
    tenant, process = started[language]
    printed, complaints = process.communicate(timeout=300)
    assert process.returncode == 0, complaints
    (grant,) = data(tenant.get("/v3/grants"))
    assert grant["email"].startswith("room-")
    assert grant["id"] in printed
    assert printed.rindex(grant["email"]) > printed.index(grant["id"]), "the list comes after the grant"


@contextlib.contextmanager
def running(command: list[str], folder: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The address of a receiver that listens, and its process."""
    (port,) = free_ports(1)
    env: Mapping[str, str] = {**os.environ, "PORT": str(port)}
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while process.poll() is None:
                with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                    break
                assert time.monotonic() < deadline, "the receiver does not listen"
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
@pytest.mark.parametrize("language", RECEIVERS)
def test_a_receiver_takes_what_is_signed_with_its_secret(
    language: str, compressed: bool, tenant: Tenant, tmp_path: Path
) -> None:
    command = RECEIVERS[language]
    (tmp_path / command[-1]).write_text(blocks("webhooks.md", language)[-1])
    with running(command, tmp_path) as (url, process):
        asked = {"webhook_url": url, "trigger_types": ["grant.created"], "compressed_delivery": compressed}
        made = tenant.post("/v3/webhooks", asked)
        assert made.status_code == 200, made.text
        (tmp_path / "webhook-secret").write_text("another secret")
        room(tenant, "refused")
        deliver(tenant.server)
        (tmp_path / "webhook-secret").write_text(data(made)["webhook_secret"] + "\n")
        grant = room(tenant, "taken")
        deliver(tenant.server)
        deliveries = data(tenant.get(f"/v3/webhooks/{data(made)['id']}/deliveries"))
        assert sorted(one["state"] for one in deliveries) == ["delivered", "failed"]
        assert process.stdout is not None
        line = process.stdout.readline()  # it comes, since the delivery was taken
    assert line.split()[1:] == ["grant.created", grant["id"]]
