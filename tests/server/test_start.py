"""What a start does not load: each of these costs time before /healthz answers, or memory for good."""

import json
import subprocess
import sys

import pytest

LOAD = "import json, sys; import {module}; print(json.dumps(sorted(sys.modules)))"


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """The modules that a server has loaded before it opens its database."""
    command = LOAD.format(module="opengrant.cli.main, opengrant.server.process")
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, check=True, text=True, timeout=100)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "module",
    [
        pytest.param("cyclopts", id="a server parses no command line"),
        pytest.param("rich", id="nor does it print in colour, as structlog would"),
        pytest.param("asyncpg", id="SQLite needs no driver of PostgreSQL"),
        pytest.param("aiohttp", id="only the tests use it"),
        pytest.param("jinja2", id="pages come later"),
        pytest.param("prometheus_client", id="it must not be loaded before several workers are prepared"),
        pytest.param("opengrant.api.http.openapi", id="the description of the API is written when it is asked for"),
        pytest.param("spnego", id="NTLM"),
        pytest.param("icalendar", id="calendar files"),
        pytest.param("opentelemetry", id="traces are off"),
        pytest.param("requests", id="nor what sends them"),
    ],
)
def test_a_start_does_not_load(loaded: set[str], module: str) -> None:
    assert "opengrant.server.asgi" in loaded
    assert module not in loaded


def test_no_source_file_is_parsed() -> None:
    """As `use_attribute_docstrings` did with the file of each wire model."""
    command = (
        "import ast; parse = ast.parse; calls = []\n"
        "ast.parse = lambda *given, **more: (calls.append(given), parse(*given, **more))[1]\n"
        "import opengrant.server.process; print(len(calls))"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, check=True, text=True, timeout=100)
    assert done.stdout.strip() == "0"
