"""The docs site as `./dev docs` builds it: every link leads somewhere, and a browser can read and search it."""

import functools
import re
import runpy
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urldefrag

import pytest
from playwright.async_api import expect

from tests.pages.site import chromium
from tests.peers.nodejs import install
from tests.web.conftest import violations

BUILD = Path(__file__).parents[2] / "docs/site/build.py"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002  # the name of the parent's


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site: Path = runpy.run_path(str(BUILD))["build"](tmp_path_factory.mktemp("docs"))
    return site


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_every_link_of_the_site_leads_to_a_page_and_a_heading(folder: Path) -> None:
    texts = {page: page.read_text() for page in folder.rglob("*.html") if page.name != "404.html"}
    anchors = {page: set(re.findall(r'\bid="([^"]+)"', text)) for page, text in texts.items()}
    wrong, checked = [], 0
    for page, text in texts.items():
        for link in re.findall(r'(?:href|src|srcset)="([^"]*)"', text):
            path, anchor = urldefrag(link)
            if re.match(r"[a-z]+:", link):
                continue
            checked += 1
            target = (page.parent / unquote(path)).resolve() if path else page
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file() or (anchor and unquote(anchor) not in anchors.get(target, ())):
                wrong.append(f"{page.relative_to(folder)}: {link}")
    assert checked > 1000
    assert sorted(wrong) == []


def test_each_page_is_in_the_navigation_or_in_an_index(folder: Path) -> None:
    start, decisions = (folder / "index.html").read_text(), (folder / "decisions/index.html").read_text()
    pages = {str(page.parent.relative_to(folder)) for page in folder.rglob("index.html")} - {".", "bench/peers"}
    assert len(pages) > 60
    listed = {f"decisions/{name}" for name in re.findall(r'href="(?:\./)?([^"./]+)/"', decisions)}
    (navigation,) = re.findall(r'<nav class="md-nav md-nav--primary.*?(?=<div class="md-content")', start, re.DOTALL)
    listed |= set(re.findall(r'href="(?:\./)?([^"]+)/"', navigation))
    assert sorted(pages - listed) == []


def test_each_column_of_a_table_has_a_heading(folder: Path) -> None:
    """A screen reader says it with each cell."""
    pages = {str(page.parent.relative_to(folder)): page.read_text() for page in folder.rglob("index.html")}
    assert [page for page, text in pages.items() if re.search(r"<th[^>]*>\s*</th>", text)] == []


def test_code_between_the_steps_of_a_list_does_not_end_the_list(folder: Path) -> None:
    """Python's Markdown counts spaces that GitHub does not."""
    (steps,) = re.findall(r"<ol>.*?</ol>", (folder / "postgresql/index.html").read_text(), re.DOTALL)
    assert (steps.count("<li>"), steps.count("<pre>")) == (3, 2)


@pytest.mark.parametrize(
    ("width", "scheme", "drawn"), [(390, "dark", "slate"), (1440, "light", "default")], ids=["phone", "desktop"]
)
async def test_it_asks_no_other_host_and_is_accessible_in_both_themes(
    url: str, width: int, scheme: Literal["light", "dark"], drawn: str
) -> None:
    axe = (install("axe") / "node_modules/axe-core/axe.min.js").read_text()
    async with chromium() as browser:
        page = await browser.new_page(viewport={"width": width, "height": 850}, reduced_motion="reduce")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for path in ("/", "/operating/", "/benchmarks/"):
            await page.goto(url + path, wait_until="networkidle")
            assert [one for one in asked if not one.startswith((url, "data:", "blob:" + url))] == []
            await page.evaluate(axe)
            await page.emulate_media(color_scheme=scheme)
            await expect(page.locator("body")).to_have_attribute("data-md-color-scheme", drawn)
            assert await violations(page) == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_search_finds_a_heading(url: str) -> None:
    async with chromium() as browser:
        page = await browser.new_page()
        await page.goto(url)
        await page.get_by_role("button", name="Search").first.click()
        field = page.get_by_role("combobox", name="Search")
        await field.fill("rotate the master key")
        await expect(page.get_by_role("listbox")).to_contain_text("Rotate the master key")
        await field.press("Enter")
        await expect(page).to_have_url(re.compile(r"/operating/.*#rotate-the-master-key"))
