"""The script ./dev: what it installs with."""

import base64
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_uv_asks_the_indexes_that_pip_is_set_up_with(tmp_path: Path) -> None:
    asked: dict[str, str | None] = {}

    class Index(BaseHTTPRequestHandler):
        """Has no package."""

        def do_GET(self) -> None:
            asked[self.path.split("/")[1]] = self.headers["Authorization"]
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    (tmp_path / "requirements").mkdir()
    for name in ("dev", "pyproject.toml", "requirements/install.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(sys.prefix)
    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        index = f"127.0.0.1:{server.server_port}"
        (tmp_path / "pip.conf").write_text(
            f"[global]\nindex-url = http://name:secret@{index}/first\n"
            f"extra-index-url =\n    http://{index}/second\n    http://{index}/third\n"
        )
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
        done = subprocess.run(
            [tmp_path / "dev", "lock"],
            env={**env, "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "UV_NO_CACHE": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        server.shutdown()
    assert done.returncode != 0
    assert set(asked) == {"first", "second", "third"}
    assert asked["first"] == f"Basic {base64.b64encode(b'name:secret').decode()}"
    assert "was not found in the package registry" in done.stderr
    assert "secret" not in done.stderr


def test_a_first_start_says_what_it_does_and_why_it_cannot_go_on(tmp_path: Path) -> None:
    """Without an index there is nothing to install from."""
    (tmp_path / "requirements").mkdir()
    for name in ("dev", "pyproject.toml", "requirements/install.txt"):
        shutil.copy(ROOT / name, tmp_path / name)
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    done = subprocess.run(
        [tmp_path / "dev", "serve"],
        env={**env, "PYTHON": sys.executable, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if line.startswith("── ")]
    assert said[0].startswith("── making .venv with Python 3")
    assert said[1] == "── fetching uv, which installs the rest"
    assert "ERROR: No matching distribution found for " in done.stderr, "pip's own words"
    assert done.stderr.splitlines()[-1].startswith("./dev: the packages could not be installed; the reason is above.")
