"""What people read says things in the usual words: the documents, the pages and the help of commands.

Spelling is checked by cspell, a step of `./dev check`; here is what is spelt well and still has to be read twice.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from opengrant.api.http.openapi import document
from opengrant.server import asgi  # noqa: F401 -- loads every route

ROOT = Path(__file__).parents[1]
UNUSUAL = {
    r"\bmend(?:s|ed)?\b": "fix",
    r"\blooks? again\b": "update, refresh",
    r"\blooks again by itself\b": "updates automatically",
    r"\bwhoever\b": "the caller, the user",
    r"\bwhose turn\b": "who must act",
    r"\bfail alike\b": "fail the same way",
    r"\bis to blame\b": "is the cause",
    r"\bshown this once\b": "shown only once",
    r"\bkeep it now\b": "save it now",
    r"\bmail and calendars you\b": "you read mail and calendars …",
    r"(?-i:(?:^#* ?|[>\"])(?:Telling|Made|May)(?:[<\"]|$))": "as labels: Webhooks, Created, Permissions",
    r"\b(?:somebody|no one)\b": "name the thing or the role",
    r"\b(?:un)?vouch(?:e[sd])?\b": "verify, confirm",
    r"\balike\b": "the same way, both",
    r"\banew\b": "again",
    r"\bunticks?\b": "deselect",
    r"\bwork nodes?\b": "worker, a node that runs only background work",
    r"\b(?:on|over|off) the wire\b": "sent; in the API",
}
"""Words that had to be read twice, and what is usual. A remark made twice becomes a line here."""


def documents() -> list[Path]:
    return [
        *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
        *sorted((ROOT / "docs").glob("*.md")),
        *sorted((ROOT / "docs/providers").glob("*.md")),
    ]


def pages() -> list[Path]:
    return [
        *documents(),
        *sorted((ROOT / "web/src").rglob("*.tsx")),
        ROOT / "web/src/console/core/words.ts",
        *sorted((ROOT / "src/opengrant/pages/templates").rglob("*.html")),
        ROOT / "src/opengrant/pages/catalogues/en.toml",
        *sorted((ROOT / "tests/cli/expected").glob("*.txt")),
    ]


def unusual(text: str) -> list[str]:
    return [
        f"{match[0]!r}, usually: {usual}"
        for pattern, usual in UNUSUAL.items()
        for match in re.finditer(pattern, text, re.IGNORECASE | re.MULTILINE)
    ]


def test_no_word_that_has_to_be_read_twice() -> None:
    found = [f"{page.relative_to(ROOT)}: {one}" for page in pages() for one in unusual(page.read_text("utf-8"))]
    assert found == []


def test_the_description_of_the_api_has_none_either() -> None:
    """It is what /reference shows."""
    texts: list[str] = []

    def collect(part: Any) -> None:
        if isinstance(part, dict):
            texts.extend(text for name in ("summary", "description") if isinstance(text := part.get(name), str))
            part = list(part.values())
        if isinstance(part, list):
            for one in part:
                collect(one)

    collect(document())
    assert len(texts) > 1000
    assert [f"{one}: {text}" for text in texts for one in unusual(text)] == []


@pytest.mark.parametrize(
    "before",
    [
        "<th>Made</th>",
        '<Button label="Look again" />',
        'heading: "May"',
        "## How to mend it\n",
        "It looks again by itself.",
        "<h2>Telling</h2>",
        "Mail and calendars you read at the provider.",
        "Start a work node.",
    ],
)
def test_what_had_to_be_read_twice_is_found(before: str) -> None:
    assert unusual(before)


def test_each_link_of_the_documents_leads_to_a_file_and_a_heading() -> None:
    lost = []
    for page in (*documents(), *sorted((ROOT / "docs/decisions").glob("*.md"))):
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, heading = target.partition("#")
            file = page.parent / name if name else page
            if not file.exists() or (heading and heading not in headings(file)):
                lost.append(f"{page.relative_to(ROOT)}: {target}")
    assert lost == []


@cache
def headings(file: Path) -> set[str]:
    """As GitHub names them in links."""
    text = re.sub(r"^```.*?^```", "", file.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {
        re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
        for title in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE)
    }


def test_the_terms_of_the_spell_check_are_sorted_and_each_is_used() -> None:
    config = (ROOT / "cspell.json").read_text("utf-8")
    words = json.loads(re.sub(r"^\s*//.*$", "", config, flags=re.MULTILINE))["words"]
    assert words == sorted(set(words), key=str.lower)
    files = [
        *documents(),
        *(ROOT / "docs/decisions").glob("*.md"),
        *(ROOT / "tests/cli/expected").glob("*.txt"),
        *(ROOT / "web").glob("*.html"),
        *(file for file in (ROOT / "web/src").rglob("*.ts*")),
        *(ROOT / "src/opengrant/pages").rglob("*.html"),
        ROOT / "src/opengrant/pages/catalogues/en.toml",
        *(ROOT / "src/opengrant").rglob("*.py"),
    ]
    text = "\n".join(file.read_text("utf-8") for file in files).lower()
    assert [word for word in words if word.lower() not in text] == []
