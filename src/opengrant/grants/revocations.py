"""Revocations: the token of a deleted grant is revoked at its provider. Best effort, in the background.

The deletion is committed first, and no request waits. A revocation that is not sent within a minute, or before this
process ends, is dropped: the credential is destroyed, and the owner can still remove the consent in the account.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from opengrant.grants import live_secrets, refusals
from opengrant.model import Grant, ProviderName, Sealed
from opengrant.model.secrets import OAuthSecret
from opengrant.providers.base import Revokes
from opengrant.providers.verdict import Kind
from opengrant.store.engine.port import Store
from opengrant.store.grants import grants
from opengrant.vault import Vault

log = structlog.get_logger()

_AT_MOST = 1000
"""Revocations that wait or run; more are dropped."""
_AT_ONCE = 4
"""Requests at a time: refreshes ask the same hosts and are more urgent."""
_DEADLINE = 60.0
"""Seconds from the deletion. The longer it takes, the likelier the mailbox is connected again."""
_GRACE = 2.0
"""Seconds that `close` waits for those that run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocations:
    """Built once, in assembly/rooms.py."""

    db: Store
    vault: Vault
    providers: Mapping[ProviderName, Revokes]
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _under_way: set["asyncio.Task[None]"] = field(default_factory=set)

    def begin(self, gone: Grant, live: Sealed | None) -> None:
        """Start to revoke the token of a deleted grant, if the token is alive and its provider can. Never raises.

        live  the grant's secret as it was when it was deleted
        """
        provider = self.providers.get(gone.provider)
        if live is None or provider is None or _is_dead(gone):
            return
        if len(self._under_way) >= _AT_MOST:
            log.warning("revocation_given_up", grant_id=gone.id, problem="too many at once")
            return
        task = asyncio.create_task(self._revoke(provider, gone, live))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def idle(self) -> None:
        """Wait until none runs."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def close(self) -> None:
        """Cancel those that do not end within `_GRACE`."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=_GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _revoke(self, provider: Revokes, gone: Grant, live: Sealed) -> None:
        try:
            async with asyncio.timeout(_DEADLINE), self._slots:
                secret = live_secrets.unseal(self.vault, gone, live)
                # Read as late as possible: the mailbox may have been connected again since the deletion.
                if not isinstance(secret, OAuthSecret) or await self.db.read(grants.account_in_use(gone)):
                    return
                done = await provider.revoke(secret.refresh_token)
        except Exception as problem:  # noqa: BLE001 -- no request waits for it, and the grant is gone
            log.warning("revocation_given_up", grant_id=gone.id, problem=type(problem).__name__)
            return
        log.info("revocation_sent", grant_id=gone.id, provider=gone.provider.value, done=done)


def _is_dead(gone: Grant) -> bool:
    """Whether its provider refused the credential for good. An end by request says nothing about the credential."""
    trouble = gone.trouble
    refused = trouble is not None and trouble.kind == Kind.RECONNECT and trouble.reason != refusals.INVALIDATED
    return gone.status == "invalid" and refused
