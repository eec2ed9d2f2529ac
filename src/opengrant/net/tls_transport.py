"""TLS in memory buffers, between a transport and a protocol that already have each other.

The event loop's own TLS cannot resume a session, and reads the certificate into a dict with each handshake, for
which nothing here asks: docs/decisions/0015-outbound-http.md.
"""

import asyncio
import ssl
from typing import Any

_PIECE = 64 * 1024
"""Most bytes that are decrypted at once."""


class TlsTransport(asyncio.Transport, asyncio.Protocol):
    """To the protocol above a transport, to the transport below a protocol. `shake_hands` comes first.

    Above, `eof_received` is called for a close_notify alone. An end without one is a lost connection.
    """

    def __init__(
        self,
        below: asyncio.Transport,
        above: asyncio.Protocol,
        context: ssl.SSLContext,
        host: str,
        resume: ssl.SSLSession | None,
    ) -> None:
        super().__init__()
        self._below, self._above = below, above
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host, session=resume)
        self._shaken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._failure: OSError | None = None

    async def shake_hands(self) -> None:
        """Raises OSError: ssl.SSLError, or ConnectionResetError for a connection that ended."""
        self._below.set_protocol(self)
        self._go_on()
        await self._shaken

    # ── to the protocol above ─────────────────────────────────────────────────────────────────────────────────

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._tls if name == "ssl_object" else self._below.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._below.is_closing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        left = memoryview(data)
        try:
            while left:
                left = left[self._tls.write(left) :]
        except ssl.SSLError as error:
            self._fail(error)
        self._flush()

    def close(self) -> None:
        self._below.close()

    def abort(self) -> None:
        self._below.abort()

    # ── to the transport below ────────────────────────────────────────────────────────────────────────────────

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        failure = self._failure or exc
        if not self._shaken.done():
            self._shaken.set_exception(failure if isinstance(failure, OSError) else ConnectionResetError())
        self._above.connection_lost(failure)
        del self._above  # it holds this object

    def _go_on(self) -> None:
        """Shake hands and decrypt, as far as the received bytes go; send what TLS wants to say."""
        try:
            if not self._shaken.done():
                self._tls.do_handshake()
                self._shaken.set_result(None)
            while not self._below.is_closing():
                if data := self._tls.read(_PIECE):
                    self._above.data_received(data)
                else:
                    self._above.eof_received()
                    self._below.close()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self._fail(error)
        self._flush()

    def _fail(self, error: ssl.SSLError) -> None:
        if self._shaken.done():
            self._failure = error
            self._below.abort()
        else:
            self._shaken.set_exception(error)  # the one who waits closes, after the alert

    def _flush(self) -> None:
        if self._outgoing.pending and not self._below.is_closing():  # uvloop raises RuntimeError then
            self._below.write(self._outgoing.read())
