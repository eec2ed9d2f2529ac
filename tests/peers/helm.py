"""Helm itself, as the library in the package helm-python-sdk: its engine, its schema check, its lint and its archive.

It runs in a process of its own, because the runtime of Go would take signals and threads of the tests for itself. As a
program it reads {"chart": path, "releases": [{"name", "namespace", "values"}]} and writes what rendered() returns.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

THERE = importlib.util.find_spec("helm_python") is not None
"""There are packages for Linux on x86-64 only (pyproject.toml)."""
ROOT = Path(__file__).parents[2]


def rendered(chart: Path, releases: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What Helm says of a chart.

    releases  each has a name, a namespace and values.
    Returns   {"releases": for each {"files": {path: text}, as `helm template`, "manifest" and "notes" as
              `helm install --dry-run=client`: that is without hooks} or {"error": text};
              "archive": the first again, from what `helm package` made; "lint": what `helm lint` says of it}.
    """
    asked = json.dumps({"chart": str(chart), "releases": list(releases)})
    command = [sys.executable, "-m", "tests.peers.helm"]
    done = subprocess.run(command, cwd=ROOT, input=asked, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _rendered(helm_python: Any, path: str, releases: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    with helm_python.Chart.load(path) as chart:
        for release in releases:
            name, namespace, values = release["name"], release["namespace"], release["values"]
            try:
                files = chart.render(values, name=name, namespace=namespace)
                with helm_python.Config(namespace=namespace, storage_driver="memory") as config:
                    installed = config.install(chart, name, values, namespace=namespace, dry_run="client")
            except helm_python.HelmError as error:
                made.append({"error": str(error)})
            else:
                made.append({"files": files, "manifest": installed["manifest"], "notes": installed["notes"]})
    return made


def _main() -> None:
    helm_python = importlib.import_module("helm_python")  # loads the library
    asked = json.load(sys.stdin)
    chart, releases = asked["chart"], asked["releases"]
    with tempfile.TemporaryDirectory() as folder:
        [archive] = _rendered(helm_python, helm_python.package(chart, destination=folder), releases[:1])
    lint = helm_python.lint(chart, releases[0]["values"], strict=True)
    json.dump({"releases": _rendered(helm_python, chart, releases), "archive": archive, "lint": lint}, sys.stdout)


if __name__ == "__main__":
    _main()
