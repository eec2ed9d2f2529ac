"""The pictures of docs/hosted-auth.md: python -m tests.pages.pictures [DIRECTORY]"""

import asyncio
import logging
import sys
from dataclasses import replace
from pathlib import Path

import structlog

from opengrant.pages.languages import words
from tests.pages.gallery import PAGES
from tests.pages.site import Site, chromium

DIRECTORY = Path(__file__).parents[2] / "docs" / "pictures"
SHOWN = ("choice", "choice-or-detect", "imap-address", "imap-gmail", "imap-refused", "icloud", "problem-unbranded")
"""Of the gallery."""


async def take(directory: Path) -> None:
    async with Site() as site, chromium("--font-render-hinting=none") as browser:
        view = await browser.new_context(
            viewport={"width": 520, "height": 400}, color_scheme="light", reduced_motion="reduce"
        )
        page = await view.new_page()
        for name in SHOWN:
            assert name in PAGES, name
            await page.goto(f"{site.url}/show/{name}")
            await page.screenshot(path=directory / f"{name}.png", full_page=True)
        await page.emulate_media(color_scheme="dark")
        await page.set_viewport_size({"width": 390, "height": 400})
        site.shows["choice"] = replace(PAGES["choice"], words=words("de"))
        await page.goto(f"{site.url}/show/choice")
        await page.screenshot(path=directory / "choice-dark-phone.png", full_page=True)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    asyncio.run(take(Path(sys.argv[1]) if len(sys.argv) > 1 else DIRECTORY))
