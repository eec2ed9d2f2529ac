"""Opens the tools that the rooms share: database, clock, vault, network, providers."""

import asyncio
import contextlib
from dataclasses import dataclass

from opengrant.assembly.database import open_database
from opengrant.assembly.network import Network, open_network
from opengrant.assembly.providers import build_providers
from opengrant.model import Clock
from opengrant.operations.master_keys import check_master_keys, open_digests
from opengrant.providers.capabilities import Providers
from opengrant.settings import Settings
from opengrant.store.engine.clock import agreed_clock
from opengrant.store.engine.port import Store
from opengrant.store.engine.wakeup import NotifyingStore
from opengrant.vault import Keyring, Vault
from opengrant.vault.digests import Digests


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What every room may be built with.

    db       sets `wakeup` after each write
    silent   the same database without that: for the reader of `wakeup`, whose own writes must not wake it
    """

    db: Store
    silent: Store
    wakeup: asyncio.Event
    clock: Clock
    vault: Vault
    digests: Digests
    network: Network
    providers: Providers


async def open_tools(settings: Settings, opened: contextlib.AsyncExitStack, *, make: bool) -> Tools:
    """Raises StoreUnavailable, MigrationError, MasterKeyError."""
    silent = await open_database(settings, opened, make=make)
    wakeup = asyncio.Event()
    db = NotifyingStore(silent, wakeup)
    clock = await opened.enter_async_context(agreed_clock(silent))
    vault = Vault(keyring(settings))
    await check_master_keys(db, vault, clock)
    digests = await open_digests(db, vault, clock)
    network = open_network(settings, clock, opened)
    return Tools(
        db=db,
        silent=silent,
        wakeup=wakeup,
        clock=clock,
        vault=vault,
        digests=digests,
        network=network,
        providers=build_providers(settings, network, opened),
    )


def keyring(settings: Settings) -> Keyring:
    """The master keys from the environment, or from the file in the data directory, made on first use."""
    if settings.master_keys is not None:
        return Keyring.parse(settings.master_keys.get_secret_value(), source="OPENGRANT_MASTER_KEYS")
    return Keyring.from_file(settings.data_dir / "master.keys")
