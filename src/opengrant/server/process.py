"""Processes: one server or several, or work alone; their start and graceful shutdown."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any

import structlog
import uvloop

from opengrant import __version__, logs, metrics, tracing
from opengrant.assembly.installation import Installation, installation
from opengrant.jobs.loop import run_jobs
from opengrant.server import jobs, warm_up
from opengrant.server.asgi import asgi, status_asgi
from opengrant.server.mail_ports import MailPorts, mail_ports, proxying
from opengrant.server.sockets import allow_open_files, listen, url_of
from opengrant.server.uvicorn_server import STOP, Server, config
from opengrant.server.workers import Workers, in_child
from opengrant.settings import Settings, say_unknown, unknown
from opengrant.tracing.start import traces

log = structlog.get_logger()


Announce = Callable[[Installation, str], None]
"""Called with the URL once the server accepts connections."""


def run(settings: Settings, *, work: bool, announce: Announce) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way.

    Raises sockets.CannotListen, mail_ports.CannotProxy.
    """
    allow_open_files()
    with listen(settings) as bound, mail_ports(settings) as mail:
        if settings.workers == 1:
            _run(settings, partial(_serve_first, settings, bound, mail, work=work, announce=announce))
        else:
            _in_several(settings, bound, mail, work=work, announce=announce)


def _run(settings: Settings, what: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it in an event loop, with the log and the traces of this process open."""
    writer = _log(settings)
    try:
        with traces(metrics.count_dropped_spans):
            if (spans := tracing.current()) is not None:
                writer.trace = spans.ids
            uvloop.run(what())
    finally:
        writer.close()


def _in_several(settings: Settings, bound: socket.socket, mail: MailPorts, *, work: bool, announce: Announce) -> None:
    """A child prepares the installation, so that the parent, which forks the workers, opens nothing."""

    async def prepare() -> None:
        _warn_of_unknown_settings()
        async with installation(settings) as installed:
            announce(installed, url_of(bound))

    def be_worker(parent: int) -> None:
        _run(settings, partial(serve, settings, bound, mail, work=work, parent=parent))

    in_child(partial(_run, settings, prepare))
    warm_up.load(settings.public_url)
    _settle_memory()
    _log(settings).close()  # the parent's few records are then written without a thread, which no fork would take along
    Workers(settings.workers, be_worker).run()


async def _serve_first(
    settings: Settings, bound: socket.socket, mail: MailPorts, *, work: bool, announce: Announce
) -> None:
    _warn_of_unknown_settings()
    await serve(settings, bound, mail, work=work, announce=announce)


async def serve(
    settings: Settings,
    bound: socket.socket,
    mail: MailPorts,
    *,
    work: bool,
    announce: Announce | None = None,
    parent: int | None = None,
) -> None:
    """Serve in this process and event loop.

    parent  a file descriptor that reads as ended when the parent process has ended: then this one stops too
    """
    async with _running(settings, work=work) as installed:
        if announce is not None:
            announce(installed, url_of(bound))
        if parent is not None:
            _stop_with(parent)
        server = Server(config(settings, asgi(installed)))
        async with proxying(installed, mail), _in_background(_warm_up(server, settings.public_url)):
            log.info("serving", url=url_of(bound), version=__version__)
            await server.serve(sockets=[bound])
            log.info("stopping")


def _stop_with(parent: int) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        loop.remove_reader(parent)
        signal.raise_signal(signal.SIGTERM)

    loop.add_reader(parent, stop)


async def _warm_up(server: Server, public_url: str | None) -> None:
    await server.listening.wait()
    try:
        await asyncio.to_thread(warm_up.load, public_url)
    except Exception:
        log.exception("warm_up_failed")  # what cannot be loaded fails again where it is used
    _settle_memory()


@contextlib.asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run it meanwhile, and cancel it at the end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


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
        own = jobs.of_server(installed.services)
        async with _in_background(run_jobs([*own, *(jobs.shared(installed.services) if work else [])])):
            yield installed


def run_work(settings: Settings, *, port: int | None) -> None:
    """The background work alone, until SIGTERM or SIGINT.

    port  of /healthz, /readyz and /metrics; None: they are not served
    Raises sockets.CannotListen.
    """
    with contextlib.nullcontext() if port is None else listen(settings.model_copy(update={"port": port})) as bound:
        _run(settings, partial(_work, settings, bound))


async def _work(settings: Settings, bound: socket.socket | None) -> None:
    _warn_of_unknown_settings()
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
    return logs.configure(settings.log_level, form=settings.log_format, on_drop=metrics.count_dropped_log_records)
