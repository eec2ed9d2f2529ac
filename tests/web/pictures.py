"""The picture of README.md, in both themes: python -m tests.web.pictures [DIRECTORY]"""

import asyncio
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser

from opengrant.model import SECOND
from tests.api.console import link_of
from tests.fakes.oauth import FakeOAuth
from tests.pages.pictures import DIRECTORY
from tests.pages.site import chromium
from tests.support import LiveServer, Tenant, data, start_logging

_MINUTE = 60 * SECOND
_MONTH = 34 * 24 * 60 * _MINUTE


def populate(tenant: Tenant, fake: FakeOAuth) -> str:
    """The id of a grant that worked for a month, until its owner withdrew the consent 12 minutes ago."""
    live, app_id = tenant.server, tenant.application.id
    live.rows("update applications set name = 'Northwind mail' where id = $1", app_id)
    tenant.connector("google")
    fake.accepts("token", email="chiara@northwind.example", scope="openid email profile")
    grant: str = data(tenant.connect("google", {"refresh_token": "token"}))["id"]
    live.rows("update grants set refreshes = 1012, created_at = created_at - $2 where id = $1", grant, _MONTH)
    live.rows("update events set created_at = created_at - $2 where grant_id = $1", grant, _MONTH)
    fake.revokes("token")
    live.call(live.services.refresh.checks.check(tenant.application, grant))
    return grant


async def take(browser: Browser, scheme: Literal["light", "dark"], tenant: Tenant, grant: str, directory: Path) -> None:
    """As narrow as the layout may be: README.md shows it at 830 pixels, and its text has to be readable there."""
    view = await browser.new_context(
        viewport={"width": 960, "height": 664}, device_scale_factor=2, color_scheme=scheme, reduced_motion="reduce"
    )
    page = await view.new_page()
    await page.clock.install()
    await page.goto(f"{tenant.server.url}/console#link={link_of(tenant.server, tenant.application)}")
    await page.get_by_role("heading", name="Overview").wait_for()
    await page.clock.fast_forward(12 * _MINUTE // SECOND * 1000)
    await page.goto(f"{tenant.server.url}/console#/grants/{grant}")
    await page.get_by_text("Connected and verified").wait_for()
    await page.wait_for_load_state("networkidle")
    await page.screenshot(path=directory / f"grant-{scheme}.png")
    await view.close()


async def take_all(tenant: Tenant, grant: str, directory: Path) -> None:
    # Otherwise each letter is moved to a whole pixel, and the spaces between letters differ.
    async with chromium("--font-render-hinting=none") as browser:
        await take(browser, "light", tenant, grant, directory)
        await take(browser, "dark", tenant, grant, directory)


if __name__ == "__main__":
    writer = start_logging(BytesIO())
    with (
        FakeOAuth() as fake,
        tempfile.TemporaryDirectory() as scratch,
        LiveServer(fake.settings(), Path(scratch)) as live,
    ):
        tenant = live.tenant()
        asyncio.run(take_all(tenant, populate(tenant, fake), Path(sys.argv[1]) if len(sys.argv) > 1 else DIRECTORY))
        tenant.http.close()
    writer.close()
