"""`opengrant signing-keys`: what id_tokens are signed with."""

import json
from pathlib import Path
from typing import Any

from tests.cli.test_commands import opengrant


def signing_keys(directory: Path, command: str) -> Any:
    done = opengrant(directory, "signing-keys", command, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_rotation_puts_a_new_key_before_the_present_one_and_not_twice_within_the_hour(tmp_path: Path) -> None:
    opengrant(tmp_path, "init")
    (first,) = signing_keys(tmp_path, "list")
    assert first["signs"] is True
    made = signing_keys(tmp_path, "rotate")["id"]
    assert [(key["id"], key["signs"]) for key in signing_keys(tmp_path, "list")] == [(made, True), (first["id"], False)]
    again = opengrant(tmp_path, "signing-keys", "rotate")
    assert again.returncode == 1
    assert "less than an hour" in again.stderr
    assert [key["id"] for key in signing_keys(tmp_path, "list")] == [made, first["id"]]
    entries = json.loads(opengrant(tmp_path, "audit", "--json", "--type", "signing_key.rotated").stdout)
    assert [entry["detail"] for entry in entries] == [{"signing_key_id": made}]
