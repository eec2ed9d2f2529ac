"""The programs of docs/quickstarts.md and the receivers of docs/webhooks.md, run as they stand."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.announcing import deliver, room
from tests.peers.nodejs import NODE
from tests.support import Tenant, data

DOCS = Path(__file__).parents[2] / "docs"
PROGRAMS = {
    "sh": ["bash", "-eu", "quickstart.sh"],
    "python": [sys.executable, "quickstart.py"],
    "js": [str(NODE), "quickstart.mjs"],
    "go": ["go", "run", "quickstart.go"],
    "ruby": ["ruby", "quickstart.rb"],
    "java": ["java", "Quickstart.java"],
    "php": ["php", "quickstart.php"],
}
RECEIVERS = {"python": [sys.executable, "receiver.py"], "js": [str(NODE), "receiver.mjs"]}


def last_block(page: str, language: str) -> str:
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    return found[-1]


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_quickstart_creates_a_grant_and_lists_it(language: str, tenant: Tenant, tmp_path: Path) -> None:
    command = PROGRAMS[language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed; the page says that this program has not been run")
    if language != "sh":
        tenant.connector("virtual-calendar")
    (tmp_path / command[-1]).write_text(last_block("quickstarts.md", language))
    env = {**os.environ, "URL": tenant.server.url, "KEY": tenant.api_key}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (grant,) = data(tenant.get("/v3/grants"))
    assert grant["email"].startswith("room-")
    assert grant["id"] in done.stdout
    assert done.stdout.rindex(grant["email"]) > done.stdout.index(grant["id"]), "the list comes after the grant"


@contextlib.contextmanager
def running(command: list[str], folder: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The address of a receiver that listens, and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env: Mapping[str, str] = {**os.environ, "PORT": str(port)}
    with subprocess.Popen(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            while process.poll() is None:
                with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                    break
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "compressed"])
@pytest.mark.parametrize("language", RECEIVERS)
def test_a_receiver_takes_what_is_signed_with_its_secret(
    language: str, compressed: bool, tenant: Tenant, tmp_path: Path
) -> None:
    command = RECEIVERS[language]
    (tmp_path / command[-1]).write_text(last_block("webhooks.md", language))
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
        assert process.stdout is not None
        line = process.stdout.readline()
    deliveries = data(tenant.get(f"/v3/webhooks/{data(made)['id']}/deliveries"))
    assert line.split()[1:] == ["grant.created", grant["id"]]
    assert sorted(one["state"] for one in deliveries) == ["delivered", "failed"]
