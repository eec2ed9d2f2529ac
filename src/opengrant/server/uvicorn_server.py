"""uvicorn as OpenGrant runs it: its configuration and its signals."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn

from opengrant.api.http.connection import Connection
from opengrant.api.http.connection_limits import Bounds
from opengrant.net.guard import parse_networks
from opengrant.settings import Settings

STOP = (signal.SIGTERM, signal.SIGINT)


class Server(uvicorn.Server):
    """Uvicorn raises the signal again after it has stopped serving. That would end the process with the database open
    and requests to providers unfinished, so this class handles the signals itself.

    listening  set once the server accepts connections
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._told_to_stop = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        """uvicorn's own wakes ten times a second. Only the date of the answers changes, once a second."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._told_to_stop.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._told_to_stop.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in STOP:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in STOP:
                loop.remove_signal_handler(number)


def config(settings: Settings, app: Callable[..., Any]) -> uvicorn.Config:
    # api/http/middleware.py logs each request; uvicorn must not log it a second time.
    logging.getLogger("uvicorn.access").propagate = False
    return uvicorn.Config(
        app,
        loop="uvloop",
        # uvicorn calls it like a class.
        http=cast(type[asyncio.Protocol], partial(Connection, bounds=_bounds(settings))),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # no code here reads the client's address from headers
        timeout_keep_alive=settings.keep_alive,  # type: ignore[arg-type] # uvicorn adds it to the loop's time, a float
        timeout_graceful_shutdown=round(settings.shutdown_grace),
    )


def _bounds(settings: Settings) -> Bounds:
    share = settings.max_connections_per_address
    return Bounds(
        connections=settings.max_connections,
        per_address=settings.max_connections // 2 if share is None else share,
        proxies=parse_networks(settings.proxies),
        head_within=settings.head_timeout,
    )
