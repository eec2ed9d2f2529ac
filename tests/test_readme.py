"""The README's own words, run as a stranger would: its blocks are pasted into a shell against a live server."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from opengrant import __version__
from tests.peers.dovecot import ACCOUNTS, ELSEWHERE, Dovecot
from tests.support import Tenant, data

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_blocks_create_grants_and_may_be_pasted_twice(tenant: Tenant, dovecot: Dovecot, tmp_path: Path) -> None:
    _, exports, curls, _ = blocks("sh")
    (python,) = blocks("python")
    values = {
        "URL": tenant.server.url,
        "KEY": tenant.api_key,
        "IMAP_USERNAME": "alice@example.test",
        "IMAP_PASSWORD": ACCOUNTS["alice@example.test"],
        "IMAP_HOST": ELSEWHERE,
        "IMAP_PORT": str(dovecot.imaps),
    }
    assert all(f"{name}=" in exports for name in values)
    env = {**os.environ, **values}
    first, again = (run(["bash", "-euc", curls], env) for _ in range(2))
    assert (first.count('"grant_status":"valid"'), first.count('"error"')) == (2, 0), first
    assert len(first.splitlines()) == 4
    assert len(again.splitlines()) == 2
    assert ids(again) == ids("\n".join(first.splitlines()[1::2]))

    # The SDK is among the tests' own dependencies already.
    (tmp_path / "grants.py").write_text(python)
    printed, emails = run([sys.executable, "grants.py"], env, tmp_path).splitlines()
    grants = {grant["email"]: grant["id"] for grant in data(tenant.get("/v3/grants"))}
    assert ids(printed) == [grants["room-8"], grants["alice@example.test"]]
    assert emails.replace("alice@example.test", "you@example.com") in README


def run(command: list[str], env: dict[str, str], folder: Path = ROOT) -> str:
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=True).stdout


def ids(text: str) -> list[str]:
    """Those of grants, which are the first of each line to stand under `id`, or stand bare."""
    return re.findall(r'(?:"id":"|^| )([0-9a-f-]{36})', text, re.MULTILINE)


def test_the_page_of_calendars_begins_with_five_lines_that_book_a_room(tenant: Tenant) -> None:
    page = (ROOT / "docs" / "calendars.md").read_text()
    script, *_ = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(script.splitlines()) == 5
    env = {**os.environ, "URL": tenant.server.url, "KEY": tenant.api_key}
    *_, booked, listed = run(["bash", "-euc", script], env).splitlines()
    assert json.loads(listed)["data"] == [json.loads(booked)["data"]]


def test_there_are_at_most_ten_lines_to_paste() -> None:
    _, _, curls, _ = blocks("sh")
    assert len(curls.splitlines()) <= 10


def test_the_package_that_it_starts_is_that_of_this_version() -> None:
    assert set(re.findall(r"\./dist/(\S+)", README)) == {f"opengrant-{__version__}-py3-none-any.whl"}


def test_it_opens_with_the_two_commands() -> None:
    first, *_, last = blocks("sh")
    assert (first, last) == ("./dev serve\n", "./dev check\n")
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("./dev check")
