"""HTTP to webhook receivers: any host that the guard admits; one connection pool for all."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from opengrant import tracing
from opengrant.net.guard import Guard
from opengrant.net.guarded_http import Conversation, Page
from opengrant.net.http_client import HttpClient
from opengrant.net.login_attempt import Attempt
from opengrant.net.mail_login import shared_tls_context

_PROVIDER = "webhook"
_ENOUGH = 4096
"""Bytes read of an answer."""


class Receivers:
    """Built once, in a running event loop. timeout: seconds for each whole answer."""

    def __init__(self, guard: Guard, *, timeout: float, connections_per_host: int, ca_file: Path | None) -> None:
        self.timeout = timeout
        self._client = HttpClient(
            connections_per_host=connections_per_host,
            connect_within=timeout / 2,
            tls=shared_tls_context(ca_file),
            look_up=guard.look_up(provider=_PROVIDER, leg="webhook"),
        )

    async def get(self, url: str) -> Page:
        """The beginning of an answer; a redirect is an answer. Raises ProviderFailure."""
        return await self._conversation().ask("GET", url, enough=_ENOUGH)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Page:
        """As `get`."""
        if (spans := tracing.current()) is not None:
            headers = {**headers, **spans.traceparent()}
        return await self._conversation().ask("POST", url, headers=headers, body=body, enough=_ENOUGH)

    async def close(self) -> None:
        self._client.close()

    def _conversation(self) -> Conversation:
        return Conversation(self._client, Attempt(_PROVIDER, "webhook", "", SecretStr("")), self.timeout)
