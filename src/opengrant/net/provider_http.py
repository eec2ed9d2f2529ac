"""HTTP to provider endpoints that settings fix. Hosts from requests go through guard.py instead.

It uses pyreqwest. `_FAULTS` maps its errors to evidence that tells "never sent" from "sent, answer lost": a refresh
token that works only once depends on that. Redirects are not followed (a token must not be sent on), cookies are not
kept, compression is not requested (so 1 MiB is 1 MiB), and proxies from the environment are ignored: they are set for
other programs and would see every token.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import SecretStr
from pydantic_core import from_json
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import (
    BodyDecodeError,
    BuilderError,
    DecodeError,
    DetailedPyreqwestError,
    PyreqwestError,
    ReadError,
)
from pyreqwest.request import RequestBuilder

from opengrant import __version__
from opengrant.errors import Evidence, Leg, ProviderFailure, Step
from opengrant.model import Clock, Micros, now
from opengrant.net.deadline import running_time
from opengrant.net.observe import Observe

MAX_BODY = 1024 * 1024
"""Most bytes of an answer; a longer one is refused while it arrives."""
MAX_TEXT = 1024
"""Characters kept of a TLS error's text."""
CONNECT_TIMEOUT = 10.0
"""Seconds for DNS, TCP and TLS together; at most half the whole deadline."""
_NEVER = timedelta(days=365)
"""For pyreqwest's timers, which go on while the process is stopped; `running_time` replaces them then."""

Field = str | SecretStr


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole HTTP answer.

    headers      lower-case names; the first of a repeated header
    body         at most MAX_BODY bytes
    json         the decoded body, by its content and not its content type; None if it is not JSON
    is_json      tells the body `null` from a body that is not JSON
    sent_at      before the request was sent: lifetimes count from here
    secrets      of the request; they must not be quoted
    """

    provider: str
    leg: Leg
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    json: Any = field(repr=False)
    is_json: bool
    sent_at: Micros
    received_at: Micros
    secrets: tuple[SecretStr, ...] = ()

    @property
    def text(self) -> str:
        """The body as sent; do not show it."""
        return self.body.decode("utf-8", "replace")

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status < 300


class Http:
    """The HTTP client of all providers; built once. Safe for any number of tasks of one event loop."""

    def __init__(
        self,
        *,
        timeout: float,
        connections_per_host: int,
        ca_file: Path | None = None,
        observe: Observe = lambda provider, leg, outcome, seconds: None,
        clock: Clock = now,
    ) -> None:
        """timeout: seconds for a whole answer, including the wait for a free connection.

        ca_file  PEM; trusted beside the system's certificates, which SSL_CERT_FILE and SSL_CERT_DIR may replace
        Raises   OSError, ValueError if ca_file cannot be read
        """
        self._timeout = timeout
        self._connections_per_host = connections_per_host
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._observe = observe
        self._clock = clock
        self._client = _client(timeout, ca_file)

    async def form(
        self,
        provider: str,
        leg: Leg,
        url: str,
        fields: Mapping[str, Field],
        *,
        headers: Mapping[str, Field] | None = None,
    ) -> Answer:
        """POST a form. Raises ProviderFailure if no whole answer came.

        Forms carry tokens that work only once, and the answer may be the only copy of the new one. So time in which
        this process is stopped does not count.
        """
        form = urlencode({name: _open(value) for name, value in fields.items()}, errors="replace")
        secrets = _secrets(fields, headers or {})

        def build(client: Client) -> RequestBuilder:
            request = client.post(url).header("content-type", "application/x-www-form-urlencoded").body_text(form)
            return _with_headers(request, headers or {})

        return await self._ask(provider, leg, url, build, secrets, spends=True)

    async def get(
        self,
        provider: str,
        leg: Leg,
        url: str,
        *,
        bearer: SecretStr | None = None,
        query: Mapping[str, Field] | None = None,
    ) -> Answer:
        """GET. bearer: an access token. Raises ProviderFailure if no whole answer came."""
        headers = {} if bearer is None else {"authorization": SecretStr(f"Bearer {bearer.get_secret_value()}")}
        asked = {name: _open(value) for name, value in (query or {}).items()}
        secrets = _secrets(query or {}, {} if bearer is None else {"authorization": bearer})

        def build(client: Client) -> RequestBuilder:
            return _with_headers(client.get(url).query(asked), headers)

        return await self._ask(provider, leg, url, build, secrets)

    async def close(self) -> None:
        """Close every connection. Calls under way fail."""
        await self._client.close()

    async def _ask(
        self,
        provider: str,
        leg: Leg,
        url: str,
        build: Callable[[Client], RequestBuilder],
        secrets: tuple[SecretStr, ...],
        *,
        spends: bool = False,
    ) -> Answer:
        began = time.perf_counter()
        sent_at = self._clock()
        outcome: Answer | Fault
        try:
            status, headers, body = await self._send(url, build, began, spends=spends)
            outcome = Answer(provider, leg, status, headers, body, *_json(body), sent_at, self._clock(), secrets)
        except _TooLarge as error:
            outcome = Fault("reply", "answer_too_large", sent=True, status=error.status)
        except _NoFreeConnection:
            outcome = Fault("connect", "no_free_connection", sent=False)
        except (PyreqwestError, TimeoutError, ValueError) as error:
            outcome = fault(error)
        seconds = time.perf_counter() - began
        if isinstance(outcome, Answer):
            self._observe(provider, leg, f"{outcome.status // 100}xx", seconds)
            return outcome
        self._observe(provider, leg, outcome.code, seconds)
        # Raised outside the handler: the library's exception, which names the whole URL, must not be its context.
        evidence = Evidence(
            provider, leg, outcome.step, status=outcome.status, code=outcome.code, text=outcome.text, sent=outcome.sent
        )
        raise ProviderFailure(evidence)

    async def _send(
        self, url: str, build: Callable[[Client], RequestBuilder], began: float, *, spends: bool
    ) -> tuple[int, Mapping[str, str], bytes]:
        host = urlsplit(url).netloc
        if (slot := self._slots.get(host)) is None:
            slot = self._slots[host] = asyncio.Semaphore(self._connections_per_host)
        if slot.locked():
            try:
                async with asyncio.timeout(self._timeout):
                    await slot.acquire()
            except TimeoutError:
                raise _NoFreeConnection from None
        else:
            await slot.acquire()  # without a wait: a deadline would cost more than the slot
        try:
            left = max(0.001, self._timeout - (time.perf_counter() - began))
            if spends:
                async with running_time(left):
                    return await self._whole(build(self._client).timeout(_NEVER))
            return await self._whole(build(self._client).timeout(timedelta(seconds=left)))
        finally:
            slot.release()

    @staticmethod
    async def _whole(request: RequestBuilder) -> tuple[int, Mapping[str, str], bytes]:
        async with request.build_streamed() as response:
            headers: dict[str, str] = {}
            for name, value in response.headers.items():
                headers.setdefault(name.lower(), value)
            body = bytearray()
            while (chunk := await response.body_reader.read_chunk()) is not None:
                body += chunk
                if len(body) > MAX_BODY:
                    raise _TooLarge(response.status)
            return response.status, headers, bytes(body)


class Fault(NamedTuple):
    """Why no whole answer came. sent: the request may have reached the remote."""

    step: Step
    code: str
    sent: bool
    status: int | None = None
    text: str = ""


# The first match counts. The words come from the HTTP stack's causes; tests/net/test_http.py provokes each of them.
_NOT_CONNECTED = (
    ("temporary failure in name resolution", Fault("dns", "name_lookup_failed", sent=False)),
    ("dns error", Fault("dns", "name_not_found", sent=False)),
    ("certificate", Fault("tls", "certificate_refused", sent=False)),
    ("connection refused", Fault("connect", "refused", sent=False)),
    ("timed out", Fault("connect", "timeout", sent=False)),
    ("deadline has elapsed", Fault("connect", "timeout", sent=False)),
    ("tcp connect error", Fault("connect", "unreachable", sent=False)),
    ("", Fault("tls", "handshake_failed", sent=False)),
)
_FAULTS: tuple[tuple[type[Exception], Fault], ...] = (
    (BuilderError, Fault("connect", "request_invalid", sent=False)),
    (TimeoutError, Fault("http", "timeout", sent=True)),
    (BodyDecodeError, Fault("http", "answer_cut_off", sent=True)),
    (ReadError, Fault("http", "answer_cut_off", sent=True)),
    (DecodeError, Fault("http", "not_http", sent=True)),
    (PyreqwestError, Fault("http", "connection_lost", sent=True)),
    (ValueError, Fault("connect", "request_invalid", sent=False)),
)


def fault(error: Exception) -> Fault:
    """The fault of an error below HTTP. If it is not certain that the request was never sent, it counts as sent.

    The causes come before the class: pyreqwest raises ConnectError for a reset after the whole request, and
    ConnectTimeoutError for a silent server.
    """
    details = error.details["causes"] if isinstance(error, DetailedPyreqwestError) else None
    causes = [cause["message"] for cause in details or ()]
    if "client error (Connect)" in causes:
        reason = causes[-1]
        words = " / ".join(causes[causes.index("client error (Connect)") + 1 :]).lower()
        found = next(row for word, row in _NOT_CONNECTED if word in words)
        # Only a certificate's fault is quoted: its text names the fault and the server, nothing of ours.
        return found._replace(text=reason[:MAX_TEXT]) if found.step == "tls" else found
    return next(row for kind, row in _FAULTS if isinstance(error, kind))


class _TooLarge(Exception):
    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status


class _NoFreeConnection(Exception):
    pass


def _client(timeout: float, ca_file: Path | None) -> Client:
    builder = (
        ClientBuilder()
        .user_agent(f"OpenGrant/{__version__}")
        .timeout(timedelta(seconds=timeout))
        .connect_timeout(timedelta(seconds=min(CONNECT_TIMEOUT, timeout / 2)))
        # Load balancers close idle connections after a minute. A request on a connection that is being closed would
        # count as sent with its answer lost.
        .pool_idle_timeout(timedelta(seconds=30))
        .follow_redirects(enable=False)
        .default_cookie_store(enable=False)
        .no_proxy()
        .referer(enable=False)
        .gzip(enable=False)
        .brotli(enable=False)
        .zstd(enable=False)
        .deflate(enable=False)
    )
    if ca_file is not None:
        for certificate in x509.load_pem_x509_certificates(ca_file.read_bytes()):
            builder = builder.add_root_certificate_der(certificate.public_bytes(Encoding.DER))
    return builder.build()


def _with_headers(request: RequestBuilder, headers: Mapping[str, Field]) -> RequestBuilder:
    for name, value in headers.items():
        request = request.header(name, _open(value), is_sensitive=isinstance(value, SecretStr))
    return request


def _open(value: Field) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _secrets(*parts: Mapping[str, Field]) -> tuple[SecretStr, ...]:
    return tuple(value for part in parts for value in part.values() if isinstance(value, SecretStr))


def _json(body: bytes) -> tuple[Any, bool]:
    try:
        return from_json(body, allow_inf_nan=False), True
    except ValueError:
        return None, False
