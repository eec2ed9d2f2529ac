"""The pages on a real socket, answered as the hosted sign-in does, and a browser that shows them."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl

import uvicorn
from playwright.async_api import Browser, async_playwright, expect
from starlette.types import Receive, Scope, Send

from opengrant import pages
from opengrant.api.http import responses as respond
from opengrant.api.http import static
from opengrant.api.http.middleware import Middleware
from opengrant.api.http.path_tree import Router
from opengrant.api.http.request import read_body
from tests.pages.gallery import ACTION, PAGES

_SHELL, _WHOLE = "/usr/bin/chromium-headless-shell", "/usr/bin/chromium"

# What a page shows late says how busy the machine is.
expect.set_options(timeout=30_000)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are for whoever runs the loop."""
        yield


@dataclass
class Site:
    """Async context manager. `/show/{name}` is a page of `shows`; forms that come to the gallery's action are `sent`.

    Their answer waits for `answer` and is then the page `then`. `/redirect` is an application that redirects once more.

    asked      (method, path, query) of what was not `/show` or a file
    referrers  what Referer said at /redirect
    """

    shows: dict[str, pages.Page] = field(default_factory=lambda: dict(PAGES))
    then: str = "problem"
    sent: list[dict[str, str]] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    referrers: list[str | None] = field(default_factory=list)
    answer: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    def reset(self) -> None:
        self.shows, self.then = dict(PAGES), "problem"
        self.sent.clear()
        self.asked.clear()
        self.answer.clear()

    async def __aenter__(self) -> Self:
        router = Router()
        static.add_to(router)
        router.add("/show/{name}", self._show)
        router.add(ACTION, self._form)
        router.add("/redirect", self._redirect)
        config = uvicorn.Config(
            Middleware(router, max_requests=100), host="127.0.0.1", port=0, lifespan="off", log_config=None, loop="none"
        )
        bound = config.bind_socket()
        self.url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve(sockets=[bound]))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.answer.set()
        self._server.should_exit = True
        await self._serving

    async def _show(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._page(scope, send, scope["path_params"]["name"])

    async def _form(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._note(scope)
        body = await read_body(scope, receive, 65536)
        self.sent.append(dict(parse_qsl(body.decode(), keep_blank_values=True)))
        await self.answer.wait()
        await self._page(scope, send, self.then)

    async def _redirect(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._note(scope)
        self.referrers.append(dict(scope["headers"]).get(b"referer"))
        answer = respond.Raw(302, headers=[(b"location", b"/show/problem")])
        await respond.send_raw(send, scope["opengrant.request_id"], answer)

    def _note(self, scope: Scope) -> None:
        self.asked.append((scope["method"], scope["path"], scope["query_string"].decode()))

    async def _page(self, scope: Scope, send: Send, name: str) -> None:
        document = pages.render(self.shows[name])
        answer = respond.Raw(200, document, b"text/html; charset=utf-8", static.PAGE_HEADERS)
        await respond.send_raw(send, scope["opengrant.request_id"], answer)


@contextlib.asynccontextmanager
async def chromium(*arguments: str) -> AsyncIterator[Browser]:
    """The system's Chromium, without a window: the build that has none needs half the time."""
    program = _SHELL if os.access(_SHELL, os.X_OK) else _WHOLE
    async with async_playwright() as playwright:
        # Its sandbox does not start for root.
        browser = await playwright.chromium.launch(
            executable_path=program, args=list(arguments), chromium_sandbox=os.geteuid() != 0
        )
        try:
            yield browser
        finally:
            await browser.close()
