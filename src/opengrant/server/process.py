"""Processes: one server or several, or work alone; their start and graceful shutdown."""

import asyncio
import contextlib
import gc
import os
import socket
from collections.abc import AsyncIterator, Callable
from functools import partial

import structlog
import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from opengrant import __version__, logs, metrics
from opengrant.assembly.installation import Installation, installation
from opengrant.jobs.loop import run_jobs
from opengrant.server import jobs
from opengrant.server.asgi import asgi, status_asgi
from opengrant.server.sockets import allow_open_files, listen, url_of
from opengrant.server.uvicorn_server import STOP, Server, config
from opengrant.settings import Settings, say_unknown, unknown

log = structlog.get_logger()


Announce = Callable[[Installation, str], None]
"""Called with the URL once the server accepts connections."""


def run(settings: Settings, *, work: bool, announce: Announce) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way. Raises sockets.CannotListen."""
    allow_open_files()
    with listen(settings) as bound:
        if settings.workers == 1:
            _in_this_process(settings, bound, work=work, announce=announce)
        else:
            _in_several(settings, bound, work=work, announce=announce)


def _in_several(settings: Settings, bound: socket.socket, *, work: bool, announce: Announce) -> None:
    """The parent process prepares the installation, then only restarts workers that end."""
    from uvicorn.supervisors import Multiprocess  # noqa: PLC0415 - a single process does not need it

    async def prepare() -> None:
        async with installation(settings) as installed:
            announce(installed, url_of(bound))

    writer = _log(settings)
    _warn_of_unknown_settings()
    uvloop.run(prepare())
    several = config(settings, partial(_Worker, settings, url_of(bound), work=work))
    several.factory, several.lifespan, several.workers = True, "on", settings.workers
    try:
        Multiprocess(several, sockets=[bound]).run()
    finally:
        writer.close()


class _Worker:
    """The ASGI application of one of several server processes; it opens the installation when its process starts."""

    def __init__(self, settings: Settings, url: str, *, work: bool) -> None:
        from starlette.routing import Router  # noqa: PLC0415 - a single process does not need it

        self.settings, self.url, self.work = settings, url, work
        self.app: ASGIApp | None = None
        self.lifespan = Router(lifespan=self._open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self.app is None:
            await self.lifespan(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    @contextlib.asynccontextmanager
    async def _open(self, _: object) -> AsyncIterator[None]:
        writer = _log(self.settings)
        try:
            async with _running(self.settings, work=self.work) as installed:
                self.app = asgi(installed)
                log.info("serving", url=self.url, version=__version__)
                yield
        finally:
            writer.close()


def _in_this_process(settings: Settings, bound: socket.socket, *, work: bool, announce: Announce) -> None:
    writer = _log(settings)
    _warn_of_unknown_settings()
    try:
        uvloop.run(serve(settings, bound, work=work, announce=announce))
    finally:
        writer.close()


async def serve(settings: Settings, bound: socket.socket, *, work: bool, announce: Announce) -> None:
    """Serve in this process and event loop."""
    async with _running(settings, work=work) as installed:
        announce(installed, url_of(bound))
        log.info("serving", url=url_of(bound), version=__version__)
        await Server(config(settings, asgi(installed))).serve(sockets=[bound])
        log.info("stopping")


def _settle_memory() -> None:
    """Exclude what the start has loaded from garbage collection, begin with it, and collect less often.

    A request leaves few cycles, so a threshold of 20,000 objects is enough instead of 700.
    """
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 20)


@contextlib.asynccontextmanager
async def _running(settings: Settings, *, work: bool) -> AsyncIterator[Installation]:
    """An open installation with its jobs running."""
    async with installation(settings) as installed:
        _settle_memory()
        clock = asyncio.create_task(
            run_jobs([*jobs.of_server(installed.services), *(jobs.shared(installed.services) if work else [])])
        )
        try:
            yield installed
        finally:
            clock.cancel()
            await asyncio.wait([clock])


def run_work(settings: Settings, *, port: int | None) -> None:
    """The background work alone, until SIGTERM or SIGINT.

    port  of /healthz, /readyz and /metrics; None: they are not served
    Raises sockets.CannotListen.
    """
    with contextlib.nullcontext() if port is None else listen(settings.model_copy(update={"port": port})) as bound:
        writer = _log(settings)
        _warn_of_unknown_settings()
        try:
            uvloop.run(_work(settings, bound))
        finally:
            writer.close()


async def _work(settings: Settings, bound: socket.socket | None) -> None:
    stop = asyncio.Event()
    for number in STOP:
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with installation(settings) as installed:
        _settle_memory()
        clock = asyncio.create_task(run_jobs([*jobs.of_worker(installed.services), *jobs.shared(installed.services)]))
        until = [clock, asyncio.create_task(stop.wait())]
        shown = {}
        if bound is not None:
            # The server replaces the signal handlers: it ends first, and this function with it.
            until.append(asyncio.create_task(Server(config(settings, status_asgi(installed))).serve(sockets=[bound])))
            shown = {"url": url_of(bound)}
        log.info("working", version=__version__, **shown)
        await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
        clock.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await clock


def _warn_of_unknown_settings() -> None:
    for name, nearest in unknown(os.environ):
        log.warning("unknown_setting", detail=say_unknown(name, nearest))


def _log(settings: Settings) -> logs.LogWriter:
    return logs.configure(settings.log_level, on_drop=metrics.count_dropped_log_records)
