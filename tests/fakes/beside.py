"""Asynchronous stand-ins for tests that are not: a loop in a thread of its own, and ports that lead elsewhere."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Beside:
    """Context manager: what is entered runs until its end, on another loop than the server under test."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="beside", daemon=True)
        self._thread.start()
        self._entered = AsyncExitStack()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._entered.aclose())
        self._run(asyncio.sleep(0))  # aborted transports close their sockets in the loop's next round
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    def enter(self, fake: AbstractAsyncContextManager[T]) -> T:
        return self._run(self._entered.enter_async_context(fake))

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)


class Junction:
    """Async context manager: connections to `port` go on to port `leads_to` of this machine, or are closed at once.

    For servers whose address is a setting: a test says who stands there while OpenGrant runs.
    """

    def __init__(self, leads_to: int) -> None:
        self.usual = self.leads_to = leads_to
        self.port = 0
        self._joined: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for one in self._joined:
            one.cancel()
        await asyncio.gather(*self._joined, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        joined = asyncio.create_task(self._join(reader, writer))
        self._joined.add(joined)
        joined.add_done_callback(self._joined.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.ExitStack() as opened, contextlib.suppress(OSError):
            opened.callback(writer.transport.abort)
            there, back = await asyncio.open_connection("127.0.0.1", self.leads_to)
            opened.callback(back.transport.abort)
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()
