"""The repository itself: who may import whom, and what no file may say."""

import ast
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from opengrant.grants.schedule import IDLE_EVERY
from opengrant.model import ProviderName
from opengrant.providers.registry import FACTS

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


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


@cache
def parsed(path: Path) -> ast.Module:
    """A module of the package, which several tests look at."""
    return ast.parse(text(path))


def places(pattern: str, paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(text(path).splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_no_group_of_a_pattern_is_repeated_possessively() -> None:
    """Python before 3.11.5, which Debian 12 has, then misses matches. `(?>(?:…)*)` says the same as `(?:…)*+`."""
    assert not places(r"\)(?:[*+?]|\{[\d,]+\})\+(?!,)", [*PACKAGE.rglob("*.py")])


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
        # Most files name nothing that catches all, and need not be parsed.
        if path.suffix == ".py" and re.search(r"\bexcept\s*:|Exception\b", text(path))
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


CLASS_LINES, FUNCTION_LINES, DEPENDENCIES = 200, 40, 7
EXCEPTIONS = {
    "assembly/rooms.py:build_rooms has lines": "one line for each service, none of which depends on another",
    "services.py:Services has dependencies": "the one record of all services; it has no behaviour of its own",
}


def test_classes_functions_and_constructors_stay_within_bounds() -> None:
    """Lines are counted from `class` or `def` to the end, without docstring.

    A dependency is a parameter of `__init__`, or a dataclass field without default, whose annotation names a class
    of this package.
    """
    trees = {path: parsed(path) for path in PACKAGE.rglob("*.py")}
    definitions = {path: list(_definitions(tree)) for path, tree in trees.items()}
    classes = {node.name for those in definitions.values() for _, node in those if isinstance(node, ast.ClassDef)}
    found: set[str] = set()
    for path, those in definitions.items():
        for name, node in those:
            where = f"{path.relative_to(PACKAGE)}:{name} has "
            if _lines(node) > (CLASS_LINES if isinstance(node, ast.ClassDef) else FUNCTION_LINES):
                found.add(where + "lines")
            if isinstance(node, ast.ClassDef) and len(_dependencies(node, classes)) > DEPENDENCIES:
                found.add(where + "dependencies")
    assert sorted(found - EXCEPTIONS.keys()) == [], "too large"
    assert sorted(EXCEPTIONS.keys() - found) == [], "within bounds: no exception is needed"


_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _definitions(within: ast.AST, outer: str = "") -> Iterator[tuple[str, _Definition]]:
    for node in ast.iter_child_nodes(within):
        if isinstance(node, ast.expr):
            continue  # none is in an expression, and most of a tree is
        name = outer
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield outer + node.name, node
            name = f"{outer}{node.name}."
        yield from _definitions(node, name)


def _lines(node: _Definition) -> int:
    last = node.body[-1].end_lineno or node.lineno
    docstring = node.body[0] if ast.get_docstring(node) else None
    return last - node.lineno + 1 - (0 if docstring is None else (docstring.end_lineno or 0) - docstring.lineno + 1)


def _dependencies(node: ast.ClassDef, classes: set[str]) -> list[str]:
    init = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"]
    if init:
        taken = init[0].args
        annotations = [part.annotation for part in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
    else:
        annotations = [part.annotation for part in node.body if isinstance(part, ast.AnnAssign) and part.value is None]
    names = [{part.id for part in ast.walk(it) if isinstance(part, ast.Name)} for it in annotations if it is not None]
    return [name for found in names for name in sorted(found & classes)[:1]]


def test_comments_speak_of_things_rather_than_persons() -> None:
    """Of api/ and errors.py the comments alone: their docstrings are descriptions in /openapi.json."""
    person = re.compile(r"\b(whoever|nobody|somebody|no one)\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, said in _prose(path, docstrings=path.relative_to(PACKAGE).parts[0] not in {"api", "errors.py"})
        if person.search(said)
    ]
    assert found == []


def _prose(path: Path, *, docstrings: bool) -> Iterator[tuple[int, str]]:
    with path.open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    for node in ast.walk(parsed(path)) if docstrings else ():
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


BELOW_OR_PROVIDERS = {"errors.py", "failpoints.py", "model", "net", "store", "providers", "vault"}
NAMED = {
    "api/wire/": "the shape of each provider's body is a class",
    "assembly/providers.py": "each provider is built here with its own arguments",
    "grants/connect/detect.py": "any mail server is the last way in, and that is IMAP",
    "server/doctor/hosts.py": "the hosts of iCloud are settings of their own, met without a credential",
}
"""Modules above providers/ that may choose by a provider's name, and why. Others read facts (providers/facts.py)."""


def test_no_module_above_providers_branches_on_a_providers_name() -> None:
    found = {
        f"{where.as_posix()}:{line}"
        for path in PACKAGE.rglob("*.py")
        if (where := path.relative_to(PACKAGE)).parts[0] not in BELOW_OR_PROVIDERS
        for line in _branches(parsed(path))
    }
    assert sorted(place for place in found if not place.startswith(tuple(NAMED))) == []
    assert [allowed for allowed in NAMED if not any(place.startswith(allowed) for place in found)] == []


def test_a_branch_on_a_providers_name_is_recognised() -> None:
    source = """
if grant.provider is ProviderName.ZOOM: ...
if "zoom" == name: ...
if name in (ProviderName.EWS.value, "other"): ...
match name:
    case ProviderName.IMAP | "icloud": ...
TABLE = {ProviderName.ZOOM: 1}
found = read(ProviderName.ZOOM)
"""
    assert sorted(set(_branches(ast.parse(source)))) == [2, 3, 4, 6, 7]


def _branches(tree: ast.AST) -> Iterator[int]:
    """Lines of comparisons, cases and tables that name a provider."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=right) if any(map(_names_provider, (left, *right))):
                yield node.lineno
            case ast.MatchValue(value=value) if _names_provider(value):
                yield value.lineno
            case ast.Dict(keys=keys) if any(isinstance(key, ast.Attribute) and _names_provider(key) for key in keys):
                yield node.lineno


def _names_provider(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=str(word)):
            return word in set(ProviderName)
        case ast.Attribute(value=ast.Name(id="ProviderName"), attr=attr):
            return attr.isupper()
        case ast.Attribute(value=inner, attr="value"):
            return _names_provider(inner)
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return any(map(_names_provider, parts))
        case _:
            return False


def test_an_idle_refresh_token_is_used_long_before_any_provider_forgets_it() -> None:
    named = [facts.idle_days for facts in FACTS.values() if facts.idle_days is not None]
    assert timedelta(microseconds=IDLE_EVERY) * 2 < timedelta(days=min(named))
