"""The units of deploy/systemd, as far as systemd judges them without starting them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.conftest import ROOT
from tests.support import settings_from

FOLDER = ROOT / "deploy/systemd"
UNITS = ("opengrant.service", "opengrant-work@.service")

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False)


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_the_unit_and_its_score_is_the_one_in_the_documents(unit: str, tmp_path: Path) -> None:
    text = (FOLDER / unit).read_text()
    # The program is not installed here.
    copy = tmp_path / unit.replace("@", "@9101")
    copy.write_text(text.replace("/opt/opengrant/bin/opengrant", "/bin/true"))
    verified = analyze("verify", str(copy))
    assert (verified.returncode, verified.stderr) == (0, "")
    judged = analyze("security", "--offline=true", "--threshold=15", str(copy))
    assert judged.returncode == 0, judged.stdout
    assert "exposure level for" in judged.stdout
    assert "1.2 OK" in judged.stdout
    assert "exposure level: 1.2" in (ROOT / "docs/deploying.md").read_text()

    copy.write_text(copy.read_text().replace("ProtectSystem=strict", "ProtectSystem=surely"))
    assert "protect system" in analyze("verify", str(copy)).stderr


def test_both_units_are_hardened_alike() -> None:
    one, other = (settings_of(FOLDER / unit) for unit in UNITS)
    differ = {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
    assert differ == {"Description", "ExecStart"}


def test_a_stop_takes_less_time_than_systemd_gives() -> None:
    [seconds] = settings_of(FOLDER / UNITS[0])["TimeoutStopSec"]
    assert int(seconds) >= 2 * settings_from({}).shutdown_grace


def test_the_example_of_settings_is_one_that_the_server_takes(tmp_path: Path) -> None:
    lines = [line.removeprefix("#") for line in (FOLDER / "opengrant.env").read_text().splitlines()]
    env = dict(line.split("=", 1) for line in lines if line.startswith("OPENGRANT_"))
    assert len(env) == 6
    del env["OPENGRANT_MASTER_KEYS"]  # the file has only its beginning
    settings = settings_from(env)
    assert str(settings.data_dir) == settings_of(FOLDER / UNITS[0])["WorkingDirectory"][0]


def settings_of(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found
