"""The console's types are those of /openapi.json."""

import runpy
from pathlib import Path

from opengrant.api.http.openapi import document

WEB = Path(__file__).parents[2] / "web"


def test_the_committed_types_are_those_of_the_document() -> None:
    written = runpy.run_path(str(WEB / "wire.py"))["typescript"](document())
    assert (WEB / "src/console/core/wire.ts").read_text() == written, "./dev fix writes it anew"
