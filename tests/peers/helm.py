"""Helm itself, as the library in the package helm-python-sdk.

It runs in a process of its own, because the runtime of Go would take signals and threads of the tests for itself. As a
program it reads {function: arguments} and writes what the function returns.
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
NAME = "opengrant"


def rendered(chart: Path, releases: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What Helm says of a chart.

    releases  each has a name, a namespace and values.
    Returns   {"releases": for each {"files": {path: text}, as `helm template`, "manifest" and "notes" as
              `helm install --dry-run=client`: that is without hooks} or {"error": text};
              "archive": the first again, from what `helm package` made; "lint": what `helm lint` says of it}.
    """
    answer: dict[str, Any] = _ask("inspect", {"chart": str(chart), "releases": list(releases)})
    return answer


def released(chart: Path, kubeconfig: str, steps: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    """Take the release opengrant in the namespace opengrant through steps of `helm`.

    steps    (install, upgrade, test or uninstall; the values, for the first two).
    Returns  for each what went wrong, or nothing. A step that waits takes at most two minutes.
    """
    answer: list[str] = _ask("steps", {"chart": str(chart), "kubeconfig": kubeconfig, "steps": list(steps)})
    return answer


def _ask(function: str, arguments: dict[str, Any]) -> Any:
    command, asked = [sys.executable, "-m", "tests.peers.helm"], json.dumps({function: arguments})
    done = subprocess.run(command, cwd=ROOT, input=asked, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


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


def _inspect(helm_python: Any, chart: str, releases: Sequence[dict[str, Any]]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        [archive] = _rendered(helm_python, helm_python.package(chart, destination=folder), releases[:1])
    lint = helm_python.lint(chart, releases[0]["values"], strict=True)
    return {"releases": _rendered(helm_python, chart, releases), "archive": archive, "lint": lint}


def _steps(helm_python: Any, chart: str, kubeconfig: str, steps: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
    wrong = []
    waits = {"wait": "watcher", "timeout": 120}
    # Releases are kept in memory: their Secrets would be written in a binary form.
    with helm_python.Config(namespace=NAME, kubeconfig_content=kubeconfig, storage_driver="memory") as config:
        for step, values in steps:
            try:
                match step:
                    case "install":
                        config.install(chart, NAME, values, **waits)
                    case "upgrade":
                        config.upgrade(chart, NAME, values, **waits)
                    case "test":
                        config.test(NAME, timeout=120)
                    case "uninstall":
                        config.uninstall(NAME)
            except helm_python.HelmError as error:
                wrong.append(str(error))
            else:
                wrong.append("")
    return wrong


def _main() -> None:
    helm_python = importlib.import_module("helm_python")  # loads the library
    [(function, arguments)] = json.load(sys.stdin).items()
    json.dump({"inspect": _inspect, "steps": _steps}[function](helm_python, **arguments), sys.stdout)


if __name__ == "__main__":
    _main()
