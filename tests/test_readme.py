"""The README's own words, run as a stranger would: its blocks are pasted into a shell against a live server."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.peers.dovecot import ACCOUNTS, ELSEWHERE, Dovecot
from tests.support import Tenant, data

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_the_blocks_make_a_virtual_calendar_and_an_imap_grant(tenant: Tenant, dovecot: Dovecot) -> None:
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
    # The SDK is among the tests' own dependencies already.
    script = "\n".join(line for line in curls.splitlines() if "pip install" not in line)
    env = {**os.environ, **values}
    done = subprocess.run(["bash", "-euc", script], env=env, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.count('"grant_status":"valid"') == 2, done.stdout
    done = subprocess.run(
        [sys.executable, "-c", python], env=env, capture_output=True, text=True, timeout=60, check=True
    )
    ids = re.findall(r"[0-9a-f-]{36}", done.stdout)
    grants = {grant["email"]: grant["id"] for grant in data(tenant.get("/v3/grants"))}
    assert ids == [grants["room-8"], grants["alice@example.test"]]
    assert set(grants) == {"room-7", "room-8", "alice@example.test"}


def test_the_page_of_calendars_begins_with_five_lines_that_book_a_room(tenant: Tenant) -> None:
    page = (ROOT / "docs" / "calendars.md").read_text()
    script, *_ = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(script.splitlines()) == 5
    env = {**os.environ, "URL": tenant.server.url, "KEY": tenant.api_key}
    done = subprocess.run(["bash", "-euc", script], env=env, capture_output=True, text=True, timeout=60, check=True)
    *_, booked, listed = done.stdout.splitlines()
    assert json.loads(listed)["data"] == [json.loads(booked)["data"]]


def test_there_are_at_most_ten_lines_to_paste() -> None:
    _, _, curls, _ = blocks("sh")
    assert len(curls.splitlines()) <= 10


def test_it_opens_with_the_two_commands() -> None:
    first, *_, last = blocks("sh")
    assert (first, last) == ("./dev serve\n", "./dev check\n")
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("./dev check")


def test_every_link_leads_to_a_file() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
