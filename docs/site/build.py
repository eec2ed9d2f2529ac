"""Build the docs site from docs/ and the documents beside it: `./dev docs`, or `./dev docs --serve`.

The pages are written for GitHub, where links are paths in the repository. They are copied to build/docs/pages with
their places on the site (docs/ becomes the root, README.md the start page), and each link is changed to fit. A link to
a file that does not exist ends the build.
"""

import argparse
import functools
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FONTS = ROOT / "web/node_modules/.fonts"  # the build of the pages makes them
BESIDE = ("README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/peers.md")

_FENCE = re.compile(r"^(?:```.*?^```[^\n]*$|<!--.*?-->)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(\]\(|\b(?:src|srcset|href)=\")(?!https?:|mailto:|#)([^)\s\"#]+)")


def build(out: Path) -> Path:
    """Write the site to `out`/site, and return that folder."""
    pages = out / "pages"
    shutil.rmtree(out, ignore_errors=True)
    linked = {target for source in documents() for target in copy(source, pages)}
    for file in [*linked, *(DOCS / "site" / name for name in ("site.css", "site.js", "icon.svg"))]:
        if file.suffix != ".md":
            place = pages / on_site(file)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
    for font in FONTS.glob("*.woff2"):
        shutil.copyfile(font, pages / "site" / font.name)
    shutil.copyfile(DOCS / "site/zensical.toml", out / "zensical.toml")
    subprocess.run(
        [Path(sys.executable).parent / "zensical", "build", "--clean", "--strict"],
        cwd=out,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return out / "site"


def documents() -> list[Path]:
    return [*(ROOT / name for name in BESIDE), *sorted(DOCS.rglob("*.md"))]


def copy(source: Path, pages: Path) -> set[Path]:
    """Copy a page with its links changed, and return the files that it links to."""
    place, linked = on_site(source), set()

    def moved(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(source.parent / link[2]))
        if not target.is_file():
            raise SystemExit(f"{source.relative_to(ROOT)} links to {link[2]}, which does not exist.")
        linked.add(target)
        return link[1] + os.path.relpath(on_site(target), place.parent)

    text, end, parts = source.read_text(), 0, []
    if source == DOCS / "decisions/README.md":  # GitHub lists the files of the folder
        text += "\n" + "".join(f"- [{title(one)}]({one.name})\n" for one in sorted(source.parent.glob("0*.md")))
    for fence in _FENCE.finditer(text):
        parts += [_LINK.sub(moved, text[end : fence.start()]), fence[0]]
        end = fence.end()
    parts.append(_LINK.sub(moved, text[end:]))
    (pages / place).parent.mkdir(parents=True, exist_ok=True)
    (pages / place).write_text(indented("".join(parts)))
    return linked


def indented(text: str) -> str:
    """The same with four spaces for each level of a list, which Python's Markdown needs; GitHub takes two or three."""
    lines, fence, shift = [], "", 0
    for line in text.splitlines():
        bare = line.lstrip(" ")
        depth = len(line) - len(bare)
        if not fence:
            shift = ((depth + 2) // 3) * 4 - depth if bare else 0
        if bare.startswith("```"):
            fence = "" if fence else "```"
        lines.append(" " * shift + line if bare else "")
    return "\n".join(lines) + "\n"


def title(page: Path) -> str:
    return page.read_text().splitlines()[0].removeprefix("# ")


def on_site(file: Path) -> Path:
    path = file.relative_to(DOCS if file.is_relative_to(DOCS) else ROOT)
    return path.with_name("index.md") if path.name == "README.md" else path


def serve(site: Path, out: Path) -> None:
    """Show the site, and build it again when a page has changed."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 8000), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stderr.write("http://127.0.0.1:8000\n")
        seen = _changed()
        while True:
            time.sleep(1)
            if seen != (seen := _changed()):
                build(out)


def _changed() -> list[float]:
    return [file.stat().st_mtime for file in [*documents(), *sorted((DOCS / "site").iterdir())]]


if __name__ == "__main__":
    command = argparse.ArgumentParser(prog="./dev docs", description="Build the docs site in build/docs/site.")
    command.add_argument("--serve", action="store_true", help="show it at http://127.0.0.1:8000, and follow changes")
    arguments = command.parse_args()
    made = build(ROOT / "build/docs")
    sys.stderr.write(f"{made.relative_to(ROOT)}/index.html\n")
    if arguments.serve:
        serve(made, ROOT / "build/docs")
