"""What the command line says of itself: help, tables and errors at 80 columns, and where its settings come from."""

import io
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cyclopts
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from opengrant.cli import output
from opengrant.cli.commands import app
from opengrant.cli.run import whole_id
from opengrant.cli.serving import Failure
from tests.cli.test_commands import OPENGRANT, environment, opengrant

EXPECTED = Path(__file__).parent / "expected"
WIDTH = 80


def _commands(group: cyclopts.App, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name in group:
        if not name.startswith("-"):
            yield from _commands(group[name], (*path, name))


def _help(path: tuple[str, ...], *, terminal: bool) -> str:
    console = Console(
        file=io.StringIO(), width=WIDTH, force_terminal=terminal, color_system="standard" if terminal else None
    )
    app.help_print(list(path), console=console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_help_of_each_command_is_as_expected() -> None:
    """After a change: look at the difference, and write the file anew with `python -m tests.cli.test_usage`."""
    assert _all_help() == (EXPECTED / "help.txt").read_text(encoding="utf-8")


def _all_help() -> str:
    pages = [f"$ {' '.join(('opengrant', *path))} --help\n{_help(path, terminal=False)}" for path in _commands(app)]
    return "\n".join(line.rstrip() for line in "\n".join(pages).splitlines()) + "\n"


def test_help_fits_80_columns_with_colours_too() -> None:
    plain = _help(("keys", "create"), terminal=False)
    assert max(map(len, plain.splitlines())) <= WIDTH
    assert "\x1b[" not in plain
    assert "\x1b[" in _help(("keys", "create"), terminal=True)


@pytest.mark.parametrize(
    ("line", "status", "says"),
    [
        ("serv", 2, 'Unknown command "serv". Did you mean "serve"?'),
        ("keys create --dys 3", 2, "Unknown option: --dys. Did you mean --days? `opengrant keys create --help`"),
        ("serve --port 99999", 2, "--port"),
        ("--env-file missing.env config", 1, "missing.env cannot be read: No such file or directory."),
        ("keys list --data-dir", 1, "--data-dir: a value is missing."),
        ("audit --since someday", 1, "--since 'someday' is not a time: write 2026-01-31"),
        (
            "webhooks create https://example.com grant.expird",
            1,
            "grant.expird is no event: did you mean grant.expired?",
        ),
    ],
)
def test_each_mistake_is_one_line_of_one_style(tmp_path: Path, line: str, status: int, says: str) -> None:
    done = opengrant(tmp_path, *line.split())
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith("opengrant: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


def test_settings_come_from_a_file_the_environment_and_options_in_this_order(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "\ufeff# ours\nOPENGRANT_PORT=1\nexport OPENGRANT_HOST='::1'\nOPENGRANT_WORKERS=2\nOTHER=$x\n"
        "OPENGRANT_MASTER_KEYS=secret-$word\n"
    )
    env = environment(tmp_path, {"OPENGRANT_PORT": "2", "OPENGRANT_WROKERS": "3"})
    command = [OPENGRANT, "config", "--data-dir", "elsewhere"]
    shown = subprocess.run([*command, "--json"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    rows = {row["name"]: (row["value"], row["source"]) for row in json.loads(shown.stdout)}
    assert rows["OPENGRANT_PORT"] == (2, "the environment")
    assert rows["OPENGRANT_HOST"] == ("::1", ".env")
    assert rows["OPENGRANT_WORKERS"] == (2, ".env")
    assert rows["OPENGRANT_DATA_DIR"] == ("elsewhere", "--data-dir")
    assert rows["OPENGRANT_MASTER_KEYS"] == ("********", ".env")
    assert rows["OPENGRANT_GOOGLE__IMAP_PORT"] == (993, "default")

    listed = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout
    assert "OPENGRANT_PORT=2  # from the environment\n" in listed
    assert "did you mean OPENGRANT_WORKERS?" in listed
    assert "secret-" not in listed


def test_what_config_prints_is_a_file_of_the_same_settings(tmp_path: Path) -> None:
    chosen = {"OPENGRANT_WEBHOOKS__SOURCE": "/a b#c", "OPENGRANT_OUTBOUND__TIMEOUT": "7.5", "OPENGRANT_PORT": "4"}
    first = opengrant(tmp_path, "config", env=chosen).stdout
    (tmp_path / "again.env").write_text(first)
    again = opengrant(tmp_path, "config", "--json", "--env-file", str(tmp_path / "again.env")).stdout
    rows = {row["name"]: row["value"] for row in json.loads(again)}
    assert rows["OPENGRANT_WEBHOOKS__SOURCE"] == "/a b#c"
    assert rows["OPENGRANT_OUTBOUND__TIMEOUT"] == 7.5


def test_a_file_with_a_line_that_is_no_setting_is_refused_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "wrong.env").write_text("OPENGRANT_PORT=1\n\nOPENGRANT_HOST\n")
    done = opengrant(tmp_path, "config", "--env-file", str(tmp_path / "wrong.env"))
    assert (done.returncode, done.stderr) == (
        1,
        f"opengrant: {tmp_path / 'wrong.env'}, line 3: write NAME=value.\n",
    )


def test_a_key_is_printed_bare_to_a_pipe_and_with_what_is_known_of_it_on_a_terminal(tmp_path: Path) -> None:
    opengrant(tmp_path, "init")
    piped = opengrant(tmp_path, "keys", "create", "--name", "ci").stdout
    assert piped.startswith("nyk_v0_")
    assert piped.count("\n") == 1

    shown = on_a_terminal(tmp_path, "keys", "create", "--name", "people", "--permission", "grants.token")
    assert "people, id " in shown
    assert "grants.token; expires " in shown
    assert "nyk_v0_" in shown

    listed = opengrant(tmp_path, "keys", "list").stdout.splitlines()
    short = next(line.split()[0] for line in listed if " ci " in line)
    assert opengrant(tmp_path, "keys", "revoke", short).stdout.endswith("(ci) is revoked.\n")


def on_a_terminal(directory: Path, *args: str) -> str:
    """What the command shows there, of output and errors, in 80 columns."""
    master, slave = pty.openpty()
    env = environment(directory) | {"COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    with os.fdopen(master, "rb", buffering=0) as screen:
        subprocess.run([OPENGRANT, *args], env=env, stdout=slave, stderr=slave, check=False)
        os.close(slave)
        return screen.read(65_536).decode().replace("\r\n", "\n")


TABLES = (
    "apps redirects list",
    "keys list",
    "audit --type api_key.created",
    "keys revoke ffff",
    "audit --since someday",
)


def _tables(directory: Path) -> str:
    """With fixed ids and times."""
    opengrant(directory, "init", "--name", "Example")
    opengrant(directory, "apps", "redirects", "add", f"https://app.example.com/{'long-' * 12}callback")
    piped = {line: opengrant(directory, *line.split()) for line in TABLES}
    shown = "\n".join(f"$ opengrant {line}\n{done.stdout}{done.stderr}" for line, done in piped.items())
    shown = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(?=Z)", "2026-01-31 12:00", shown)
    shown = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "2026-01-31 12:00:00 ", shown)
    return re.sub(r"\b[0-9a-f]{8}\b", "1f2e3d4c", shown)


def test_tables_and_errors_are_as_expected_in_80_columns(tmp_path: Path) -> None:
    """After a change: look at the difference, and write the file anew with `python -m tests.cli.test_usage`."""
    shown = _tables(tmp_path)
    assert shown == (EXPECTED / "tables.txt").read_text(encoding="utf-8")
    tables = [line for line in shown.splitlines() if not line.startswith("opengrant: ")]
    assert max(map(len, tables)) <= WIDTH
    for line in ("keys list", "keys revoke ffff"):
        piped = opengrant(tmp_path, *line.split())
        assert on_a_terminal(tmp_path, *line.split()) == piped.stdout + piped.stderr


@given(st.lists(st.lists(st.text(st.characters(codec="ascii", categories="L"), max_size=90), min_size=4, max_size=4)))
def test_a_table_fits_80_columns_and_loses_no_row(rows: list[list[str]]) -> None:
    headings = ["id", "email", "state", "created_at"]
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    shown = output._fitting(widths, [len(name) for name in headings])
    assert sum(shown) + 2 * 3 <= WIDTH
    assert all(new <= old for new, old in zip(shown, widths, strict=True))
    if sum(widths) + 2 * 3 <= WIDTH:
        assert shown == widths


def test_the_beginning_of_an_id_names_it_where_no_other_begins_so() -> None:
    ids = ["abcd1234", "abcd5678", "ffff0000"]
    assert whole_id("ffff", ids) == "ffff0000"
    assert whole_id("abcd1234", ids) == "abcd1234"
    assert whole_id("fff", ids) == "fff"
    with pytest.raises(Failure, match="2 ids begin with abcd"):
        whole_id("abcd", ids)


if __name__ == "__main__":
    (EXPECTED / "help.txt").write_text(_all_help(), encoding="utf-8")
    sys.stdout.write(_all_help())
    with tempfile.TemporaryDirectory() as scratch:
        (EXPECTED / "tables.txt").write_text(_tables(Path(scratch)), encoding="utf-8")
