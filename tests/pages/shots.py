"""Pictures of every page, in both schemes and at two widths.

python -m tests.pages.shots DIRECTORY [LANGUAGE [NAME…]]
"""

import asyncio
import logging
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import structlog

from opengrant.pages.languages import words
from tests.pages.gallery import PAGES
from tests.pages.site import Site, chromium

WIDTHS = {"phone": 390, "desktop": 1440}
SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")


async def shoot(directory: Path, language: str, names: list[str]) -> None:
    async with Site() as site, chromium() as browser:
        site.shows = {name: replace(page, words=words(language)) for name, page in PAGES.items()}
        for device, width in WIDTHS.items():
            for scheme in SCHEMES:
                view = await browser.new_context(
                    viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
                )
                page = await view.new_page()
                for name in names:
                    await page.goto(f"{site.url}/show/{name}")
                    await page.screenshot(path=directory / f"{name}-{language}-{device}-{scheme}.png", full_page=True)
                await view.close()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    asyncio.run(shoot(Path(sys.argv[1]), (sys.argv[2:] or ["en"])[0], sys.argv[3:] or list(PAGES)))
