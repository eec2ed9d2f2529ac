"""The repository itself: who may import whom, and what no file may say."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "opengrant"


def repository() -> list[Path]:
    """Every file that is, or is about to be, in the repository."""
    listed = subprocess.run(
        # Someone else may own the checkout, as in a container; it is only read here.
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def places(pattern: str, paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(text(path).splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_imports_go_downward_only() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_opens_by_saying_what_it_owns() -> None:
    rooms = {path.parent for path in PACKAGE.rglob("*.py")}
    silent = []
    for room in sorted(rooms):
        door = room / "__init__.py"
        if not door.exists() or not ast.get_docstring(ast.parse(text(door))):
            silent.append(str(door.relative_to(ROOT)))
    assert len(rooms) > 5
    assert silent == []


# Written in pieces, so that this file does not contain what it forbids.
@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r"(?<![\w.}*-])/(work|root)(/|\b(?!-))", id="a path of somebody's machine"),
        pytest.param(r"(?<![\w.}*-])/home/\w", id="somebody's home directory"),
        pytest.param(r"\b(pypi|pythonhosted)\.org\b", id="a Python registry host"),
        pytest.param(r"\bnpmjs\.(com|org)\b", id="a Node registry host"),
        pytest.param(r"\b(deb|security|snapshot|ftp)\.(\w+\.)?debian\.org\b", id="a Debian mirror"),
    ],
)
def test_no_file_names(pattern: str) -> None:
    assert places(pattern, repository()) == []


def test_neither_code_nor_documents_rely_on_a_fixed_temporary_path() -> None:
    shipped = [
        path for path in repository() if path.relative_to(ROOT).parts[0] in {"src", "docs"} or path.suffix == ".md"
    ]
    assert len(shipped) > 20
    assert places(r"(?<![\w.}*-])/(var/)?tmp\b", shipped) == []


def test_no_exception_is_swallowed_whole() -> None:
    swallowed = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in repository()
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, ast.ExceptHandler) and _catches_all(node) and all(map(_does_nothing, node.body))
    ]
    assert swallowed == []


def _catches_all(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(
        name is None or (isinstance(name, ast.Name) and name.id in {"Exception", "BaseException"}) for name in names
    )


def _does_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass | ast.Continue) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )
