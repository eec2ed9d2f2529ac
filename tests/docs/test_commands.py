"""The commands that the documents name exist, with their options, and docs/operating.md has all of them."""

import re

from tests.cli.test_usage import EXPECTED
from tests.docs.test_troubleshooting import ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("compose*.yaml")]
HELP = {
    name.removesuffix(" --help"): text
    for name, _, text in (
        part.partition("\n") for part in re.split(r"^\$ ", (EXPECTED / "help.txt").read_text(), flags=re.MULTILINE)[1:]
    )
}
# At the start of a line or of code, after a prompt, a pipe, `$(` or a folder; `og` is that of docs/deploying.md.
COMMAND = re.compile(r"(?:^|[`|(] ?|bin/|\$ |-- |\bopengrant )(?:opengrant|og) ((?:[a-z]|--)[^`|)#\n]*)", re.MULTILINE)
OF_ALL = {"--env-file", "--data-dir", "--log-format", "--help", "--version"}


def test_commands_and_their_options_exist() -> None:
    wrong, checked = [], 0
    for document in DOCUMENTS:
        for line in COMMAND.findall(document.read_text()):
            checked += 1
            if problem := what_is_wrong(line.split()):
                wrong.append(f"{document.relative_to(ROOT)}: {problem}: {line}")
    assert wrong == []
    assert checked > 150


def what_is_wrong(words: list[str]) -> str | None:
    command = "opengrant"
    while words and f"{command} {words[0]}" in HELP:
        command += f" {words.pop(0)}"
    if command == "opengrant" and not (words and words[0] in OF_ALL):
        return "no command"
    for option in re.findall(r"--[a-z][a-z-]*", " ".join(words)):
        if option not in OF_ALL and not re.search(rf"{option}(?![a-z-])", HELP[command]):
            return f"{command} has no {option}"
    return None


def test_the_page_for_operators_has_each_command() -> None:
    page = (ROOT / "docs/operating.md").read_text()
    section = page.split("## The command line\n")[1].split("\n## ")[0]
    commands = {name.split()[1] for name in HELP if name != "opengrant"}
    assert sorted(commands - set(re.findall(r"[a-z-]+", section))) == []
