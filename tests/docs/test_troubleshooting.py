"""docs/troubleshooting.md: it has every error of the API, and quotes messages as the program says them."""

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from opengrant.errors import OpenGrantError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/troubleshooting.md").read_text()


def rows(heading: str) -> list[list[str]]:
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in section.splitlines() if line[:1] == "|"
    ]
    assert len(cells) > 3
    return cells[2:]


def errors(of: type[OpenGrantError]) -> Iterator[type[OpenGrantError]]:
    yield of
    for one in of.__subclasses__():
        yield from errors(one)


def test_every_error_of_the_api_is_there_with_its_statuses() -> None:
    statuses = defaultdict(set)
    for error in errors(OpenGrantError):
        statuses[error.type].add(str(error.status))
    listed = {
        name: set(status.split(", "))
        for types, status, _ in rows("Errors of the API")
        for name in re.findall(r"`([^`]+)`", types)
    }
    assert listed == statuses


def test_messages_of_the_start_are_what_the_program_says() -> None:
    # Literals that continue on the next line are one message.
    source = "".join(file.read_text() for file in sorted((ROOT / "src/opengrant").rglob("*.py")))
    source = re.sub(r'"\n\s*f?"', "", source)
    for message, _ in rows("The server does not start"):
        for piece in message.strip("`").split("…"):
            # "PostgreSQL cannot serve: " and the reason are put together.
            for part in piece.split(": ", 1):
                assert part.strip() in source, message
