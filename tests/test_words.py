"""What people read says things in the usual words: the README, docs/, the console and the help of commands."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
UNUSUAL = {
    r"\bmend(?:s|ed)?\b": "fix",
    r"\blooks? again\b": "update, refresh",
    r"\bwhoever\b": "the caller, the user",
    r"\bwhose turn\b": "who must act",
    r"\bfail alike\b": "fail the same way",
    r"\bis to blame\b": "is the cause",
    r"\bshown this once\b": "shown only once",
    r"\bkeep it now\b": "save it now",
}
"""Words that had to be read twice, and what is usual. A remark made twice becomes a line here."""


def pages() -> list[Path]:
    return [
        *(ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"),
        *sorted((ROOT / "docs").glob("*.md")),
        *sorted((ROOT / "docs/providers").glob("*.md")),
        *sorted((ROOT / "web/src/console").rglob("*.tsx")),
        ROOT / "web/src/console/core/words.ts",
        *sorted((ROOT / "tests/cli/expected").glob("*.txt")),
    ]


def test_no_word_that_has_to_be_read_twice() -> None:
    found = [
        f"{page.relative_to(ROOT)}: {match[0]!r}, usually: {usual}"
        for page in pages()
        for text in [page.read_text(encoding="utf-8")]
        for pattern, usual in UNUSUAL.items()
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]
    assert found == []
