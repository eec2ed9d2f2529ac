"""docs/hosted-auth.md says what is so: its examples are programs, its parameters all there are."""

import ast
import inspect
import re
import subprocess
from pathlib import Path

import pytest
from nylas import Client
from nylas.models.auth import CodeExchangeResponse

from opengrant.api.wire.hosted import AuthQuery
from opengrant.model import SECOND
from opengrant.signin.codes import CODE_LASTS
from opengrant.signin.login import CALLBACK, LOGIN_LASTS
from tests.pages.pictures import DIRECTORY
from tests.peers.nodejs import NODE

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "hosted-auth.md").read_text()
_LARGEST = 400_000
"""Bytes of a picture. Those of the README have the pixels of a fine screen."""


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return str(found)


def section(title: str) -> str:
    return GUIDE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def variables(text: str) -> set[str]:
    return set(re.findall(r"\b(URL|APPLICATION|KEY|CALLBACK|SESSION_SECRET)\b", text))


def test_the_flask_example_calls_what_the_sdk_has() -> None:
    example = ast.parse(block("python"))
    called = {
        node.func.attr
        for node in ast.walk(example)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) == "nylas.auth"
    }
    assert called == {"url_for_oauth2", "exchange_code_for_token"}
    auth = Client(api_key="key").auth
    assert all(inspect.ismethod(getattr(auth, name)) for name in called)
    read = {
        node.attr
        for node in ast.walk(example)
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "grant"
    }
    assert read
    assert read <= CodeExchangeResponse.__dataclass_fields__.keys()


def test_the_express_example_is_a_program(workdir: Path) -> None:
    file = workdir / "app.mjs"
    file.write_text(block("js"))
    done = subprocess.run([NODE, "--check", file], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("language", ["python", "js"])
def test_an_example_reads_the_variables_that_are_explained(language: str) -> None:
    explained = variables("".join(re.findall(r"^\| (`[A-Z_`, ]+) \|", section("Express"), re.MULTILINE)))
    assert variables(block(language)) == explained
    assert len(explained) == 5


def test_every_parameter_is_explained() -> None:
    rows = re.findall(r"^\| (`[a-z_`, ]+) \|", section("GET /v3/connect/auth"), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([a-z_]+)`", row)]
    assert sorted(named) == sorted(AuthQuery.model_fields)


def test_the_lifetimes_and_the_callback_are_those_of_the_code() -> None:
    minutes = [lasts // (60 * SECOND) for lasts in (LOGIN_LASTS, CODE_LASTS)]
    assert "The user has **{} minutes**, and your server another **{}**".format(*minutes) in " ".join(GUIDE.split())
    assert f"https://grants.example.com{CALLBACK}\n" in GUIDE


def test_every_link_leads_to_a_file_and_every_picture_is_shown_and_small() -> None:
    linked = re.findall(r"\]\(([^)#]+)\)", GUIDE)
    assert all((DOCS / target).exists() for target in linked)
    taken = {f"pictures/{file.name}" for file in DIRECTORY.iterdir()}
    readme = re.findall(r'(?:="|\]\()docs/(pictures/[^")]+)', (DOCS.parent / "README.md").read_text())
    assert {target for target in [*linked, *readme] if target.startswith("pictures/")} == taken
    assert all(file.stat().st_size < _LARGEST for file in DIRECTORY.iterdir())
