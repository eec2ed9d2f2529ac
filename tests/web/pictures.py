"""The pictures of README.md, in both themes: python -m tests.web.pictures [DIRECTORY]"""

import asyncio
import math
import random
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Page

from opengrant.model import SECOND
from tests.api.console import link_of
from tests.fakes.oauth import FakeOAuth
from tests.fakes.receiver import Receiver
from tests.pages.site import chromium
from tests.support import LiveServer, Tenant, data, start_logging

DIRECTORY = Path(__file__).parents[2] / "docs" / "pictures"
_OWNERS = ("amelia", "bruno", "chiara", "dmitri", "elena", "farid", "greta", "hiro", "ines", "jonas", "kaya", "liam")
_HOUR = 3600
_REACHES_ITSELF = {"OPENGRANT_OUTBOUND__ALLOWED_PRIVATE_NETWORKS": "127.0.0.0/8"}


def populate(tenant: Tenant, fake: FakeOAuth, receiver: Receiver) -> None:
    """An application as it is after a month: grants at three providers, two of them in trouble, and their activity."""
    live, app_id = tenant.server, tenant.application.id
    live.rows("update applications set name = 'Northwind mail' where id = $1", app_id)
    for provider in ("google", "microsoft", "virtual-calendar"):
        tenant.connector(provider)
    hook = {"webhook_url": receiver.hook().url, "trigger_types": ["grant.expired"], "description": "Production"}
    data(tenant.post("/v3/webhooks", hook))
    grants = {}
    for number, owner in enumerate(_OWNERS):
        fake.accepts(f"token-{owner}", email=f"{owner}@northwind.example", scope="openid email profile User.Read")
        answer = tenant.connect("google" if number % 3 else "microsoft", {"refresh_token": f"token-{owner}"})
        grants[owner] = data(answer)["id"]
    tenant.connect("virtual-calendar", {"email": "room-lighthouse"})
    # Nothing is asked twice within seconds, so what was proven must be older.
    live.rows("update grants set proven_at = proven_at - $2 where application_id = $1", app_id, _HOUR * SECOND)
    fake.revokes("token-chiara")
    tenant.post(f"/v3/grants/{grants['chiara']}/check")
    tenant.post(f"/v3/grants/{grants['farid']}/invalidate", {"reason": "Left the company"})
    fake.refuses(503, {"error": "backend"}, times=2)
    tenant.post(f"/v3/grants/{grants['bruno']}/check")
    fake.behaves()
    dice, now = random.Random(4), int(time.time())
    for hours in range(1, 24):
        day = 1 + 0.6 * math.sin(hours / 24 * math.tau)
        for outcome, least, most in (("verified", 0, 4), ("refreshed", 60, 110), ("provider_down", 0, 3)):
            live.rows(
                "insert into activity (application_id, began_at, provider, outcome, times) values ($1, $2, $3, $4, $5)",
                *(
                    app_id,
                    (now - now % _HOUR - hours * _HOUR) * SECOND,
                    "google",
                    outcome,
                    int(dice.uniform(least, most) * day),
                ),
            )


async def page_of(browser: Browser, scheme: Literal["light", "dark"]) -> Page:
    """As wide as the layout needs for all its columns, and no wider: README.md shows it at 880 pixels."""
    view = await browser.new_context(
        viewport={"width": 1280, "height": 800}, device_scale_factor=1.5, color_scheme=scheme, reduced_motion="reduce"
    )
    return await view.new_page()


async def take(tenant: Tenant, directory: Path) -> None:
    async with chromium() as browser:
        for scheme in ("light", "dark"):
            page = await page_of(browser, scheme)
            await page.goto(f"{tenant.server.url}/console#link={link_of(tenant.server, tenant.application)}")
            await page.locator(".plot canvas").nth(2).wait_for()
            await page.wait_for_load_state("networkidle")
            await page.screenshot(path=directory / f"console-{scheme}.png")
            page = await page_of(browser, scheme)
            await page.goto(f"{tenant.server.url}/reference#/operation/connect_custom/imap")
            await page.get_by_role("heading", name="Create a grant").wait_for()
            await page.wait_for_load_state("networkidle")
            await page.screenshot(path=directory / f"reference-{scheme}.png")


if __name__ == "__main__":
    writer = start_logging(BytesIO())
    with (
        FakeOAuth() as fake,
        Receiver() as receiver,
        tempfile.TemporaryDirectory() as scratch,
        LiveServer({**fake.settings(), **_REACHES_ITSELF}, Path(scratch)) as live,
    ):
        tenant = live.tenant()
        populate(tenant, fake, receiver)
        asyncio.run(take(tenant, Path(sys.argv[1]) if len(sys.argv) > 1 else DIRECTORY))
        tenant.http.close()
    writer.close()
