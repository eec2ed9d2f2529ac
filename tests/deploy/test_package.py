"""The wheel has all that a server needs, and the source distribution all that a wheel needs."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from deploy import release
from opengrant import __version__
from tests.deploy.conftest import ROOT


def test_a_server_of_the_wheel_has_its_pages_without_node(installed: Path, tmp_path: Path) -> None:
    """The health check of the image follows it."""
    command = [sys.executable, str(installed / "bin/opengrant")]
    # As in the image: every address is listened on.
    env = {"PYTHONPATH": str(installed), "OPENGRANT_HOST": "0.0.0.0"}

    def ready(url: str) -> subprocess.CompletedProcess[str]:
        asked = [*command, "ready", "--port", url.rpartition(":")[2]]
        return subprocess.run(asked, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)

    with release.serving([*command, "serve"], tmp_path, env) as url:
        release.answers(url)
        well = ready(url)
    assert (well.returncode, well.stdout, well.stderr) == (0, "", "")
    gone = ready(url)
    assert gone.returncode == 1
    assert gone.stderr.startswith("opengrant: No answer from 127.0.0.1 port ")


def test_the_wheel_carries_the_built_pages_and_not_what_builds_them(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    built = {name.removeprefix("opengrant/pages/built/") for name in names if "/pages/built/" in name}
    assert {"reference.html", "console.html", "reference.html.br", "console.html.gz"} <= built
    assert not [name for name in names if "node_modules" in name or name.endswith((".ts", ".tsx"))]


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    assert release.check(wheel, forbidden=[str(ROOT)]) == __version__
    release.dated(__version__, (ROOT / "CHANGELOG.md").read_text())


def test_the_changelog_names_the_latest_migration() -> None:
    latest = max(file.name[:4] for file in (ROOT / "src/opengrant/store/migrations").glob("[0-9]*.sql"))
    assert re.search(rf"\b{latest}\b", (ROOT / "CHANGELOG.md").read_text())


def test_a_path_of_the_machine_or_a_missing_page_stops_a_release(wheel: Path, tmp_path: Path) -> None:
    with pytest.raises(release.Refused, match="names /usr/bin, a path of this machine"):
        release.check(changed(wheel, tmp_path / "path.whl", add="#!/usr/bin/env x"), forbidden=["/usr/bin"])
    with pytest.raises(release.Refused, match=r"the wheel has no console\.html"):
        release.check(changed(wheel, tmp_path / "page.whl", leave_out="console.html"), forbidden=[])
    with pytest.raises(release.Refused, match="no section"):
        release.dated("0.2.0", "## 0.2.0 (unreleased)\n")


def changed(wheel: Path, into: Path, add: str = "", leave_out: str = "nothing") -> Path:
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(into, "w") as new:
        for name in old.namelist():
            if not name.endswith(leave_out):
                new.writestr(name, old.read(name))
        new.writestr("opengrant/added.txt", add)
    return into


def test_the_source_distribution_has_what_the_build_reads_and_nothing_built(archives: Path) -> None:
    [sdist] = archives.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert {"pyproject.toml", "LICENSE", "web/build_hook.py", "web/package-lock.json", "web/vite.config.ts"} <= names
    assert not [name for name in names if "node_modules" in name or "/built/" in name or name.startswith("tests")]
