"""The pages on a real socket, answered as the hosted sign-in does, and a browser that shows them."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl

import uvicorn
from playwright.async_api import Browser, async_playwright
from starlette.types import Receive, Scope, Send

from opengrant import pages
from opengrant.api import respond, static
from opengrant.api.edge import Edge
from opengrant.api.routing import Router, read_body
from tests.pages.gallery import ACTION, PAGES

_CHROMIUM = "/usr/bin/chromium"


@dataclass
class Site:
    """Async context manager. `/show/{name}` is a page of `shows`; forms that come to the gallery's action are `sent`.

    Their answer waits for `answer` and is then the page `then`.
    """

    shows: dict[str, pages.Page] = field(default_factory=lambda: dict(PAGES))
    then: str = "problem"
    sent: list[dict[str, str]] = field(default_factory=list)
    answer: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def __aenter__(self) -> Self:
        router = Router()
        static.add_to(router)
        router.add("/show/{name}", self._show)
        router.add(ACTION, self._form)
        config = uvicorn.Config(
            Edge(router, max_requests=100), host="127.0.0.1", port=0, lifespan="off", log_config=None, loop="none"
        )
        bound = config.bind_socket()
        self.url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        self._server = uvicorn.Server(config)
        self._server.capture_signals = contextlib.nullcontext
        self._serving = asyncio.create_task(self._server.serve(sockets=[bound]))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.answer.set()
        self._server.should_exit = True
        await self._serving

    async def _show(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._page(scope, send, scope["path_params"]["name"])

    async def _form(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(scope, receive, 65536)
        self.sent.append(dict(parse_qsl(body.decode(), keep_blank_values=True)))
        await self.answer.wait()
        await self._page(scope, send, self.then)

    async def _page(self, scope: Scope, send: Send, name: str) -> None:
        document = pages.render(self.shows[name])
        answer = respond.Raw(200, document, b"text/html; charset=utf-8", [*static.PAGE_HEADERS])
        await respond.send_raw(send, scope["opengrant.request_id"], answer)


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The system's Chromium, without a window."""
    async with async_playwright() as playwright:
        # Its sandbox does not start for root.
        browser = await playwright.chromium.launch(executable_path=_CHROMIUM, chromium_sandbox=os.geteuid() != 0)
        try:
            yield browser
        finally:
            await browser.close()
