"""HTTP to provider endpoints that settings fix. Hosts from requests go through guard.py instead.

A failure tells "never sent" from "sent, answer lost": a refresh token that works only once depends on that.
"""

import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from pydantic import SecretStr
from pydantic_core import from_json

from opengrant import tracing
from opengrant.errors import Evidence, Leg, ProviderFailure
from opengrant.model import Clock, Micros, now
from opengrant.net.http_client import HttpClient, Place, header_lines, place_of
from opengrant.net.http_connection import Fault, Reply
from opengrant.net.mail_login import shared_tls_context
from opengrant.net.observe import Observe

CONNECT_TIMEOUT = 10.0
"""Seconds for DNS, TCP and TLS together; at most half the whole deadline."""
_REQUEST_INVALID = Fault("connect", "request_invalid", sent=False)
_ACCEPT = "accept: */*\r\n"
_SPECIAL = re.compile(r"[^A-Za-z0-9_.~-]")
_QUOTED = {chr(code): quote_plus(chr(code)) for code in range(128)}
_place = lru_cache(maxsize=64)(place_of)

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
        self._observe = observe
        self._clock = clock
        self._client = HttpClient(
            connections_per_host=connections_per_host,
            connect_within=min(CONNECT_TIMEOUT, timeout / 2),
            tls=_tls_context(ca_file),
        )

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
        form = encoded(fields)
        kind = f"{_ACCEPT}content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(form)}\r\n"

        opened = {name: _open(value) for name, value in (headers or {}).items()}

        def request(place: Place) -> str:
            return f"POST {place.target} HTTP/1.1\r\n{place.headers}{kind}{header_lines(opened)}\r\n{form}"

        return await self._ask(provider, leg, url, request, _secrets(fields, headers or {}))

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
        headers = {} if bearer is None else {"authorization": f"Bearer {bearer.get_secret_value()}"}

        def request(place: Place) -> str:
            target = place.target
            if query:  # not a part of `url`, which is kept: it may hold a secret
                target += f"{'&' if '?' in target else '?'}{encoded(query)}"
            return f"GET {target} HTTP/1.1\r\n{place.headers}{_ACCEPT}{header_lines(headers)}\r\n"

        secrets = _secrets(query or {}, {} if bearer is None else {"authorization": bearer})
        return await self._ask(provider, leg, url, request, secrets)

    async def close(self) -> None:
        """Close every connection. Calls under way fail."""
        self._client.close()

    async def _ask(
        self,
        provider: str,
        leg: Leg,
        url: str,
        request: Callable[[Place], str],
        secrets: tuple[SecretStr, ...],
    ) -> Answer:
        began, host = time.perf_counter(), ""
        sent_at = self._clock()
        outcome: Reply | Fault
        try:
            place = _place(url)
            host = place.host
            sent = request(place).encode("ascii")
        except ValueError:
            outcome = _REQUEST_INVALID
        else:
            outcome = await self._client.send(place, sent, within=self._timeout)
        seconds = time.perf_counter() - began
        if isinstance(outcome, Reply):
            self._note(provider, leg, f"{outcome.status // 100}xx", seconds, host)
            return Answer(
                provider,
                leg,
                outcome.status,
                _first_of_each(outcome.headers),
                outcome.body,
                *_json(outcome.body),
                sent_at,
                self._clock(),
                secrets,
            )
        self._note(provider, leg, outcome.code, seconds, host)
        evidence = Evidence(
            provider, leg, outcome.step, status=outcome.status, code=outcome.code, text=outcome.text, sent=outcome.sent
        )
        raise ProviderFailure(evidence)

    def _note(self, provider: str, leg: Leg, outcome: str, seconds: float, host: str) -> None:
        self._observe(provider, leg, outcome, seconds)
        if (spans := tracing.current()) is not None:
            spans.ended(provider, leg, outcome, seconds, host)


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return shared_tls_context(ca_file)
    except ssl.SSLError:
        raise ValueError(f"{ca_file} holds no certificates in PEM format") from None


def encoded(fields: Mapping[str, Field]) -> str:
    """application/x-www-form-urlencoded; what cannot be written in UTF-8 becomes a question mark."""
    return "&".join([f"{_quoted(name)}={_quoted(_open(value))}" for name, value in fields.items()])


def _quoted(text: str) -> str:
    """As `quote_plus`, which takes every character through Python once one of them is special: 15 µs for a token."""
    if not text.isascii():
        return quote_plus(text, errors="replace")
    return _SPECIAL.sub(lambda found: _QUOTED[found[0]], text)


def _first_of_each(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(headers)}


def _open(value: Field) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _secrets(*parts: Mapping[str, Field]) -> tuple[SecretStr, ...]:
    return tuple(value for part in parts for value in part.values() if isinstance(value, SecretStr))


def _json(body: bytes) -> tuple[Any, bool]:
    try:
        return from_json(body, allow_inf_nan=False), True
    except ValueError:
        return None, False
