"""The index of parts of addresses, brought up to date by the clock."""

from dataclasses import dataclass

from opengrant.store.engine.port import Dialect, Store
from opengrant.store.grants import addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressIndex:
    """Built once, in assembly/."""

    db: Store

    async def run(self) -> bool:
        """Add a batch of new addresses. True: there may be more."""
        if self.db.dialect is Dialect.POSTGRES or not await self.db.read(addresses.is_behind()):
            return False
        return await self.db.write(addresses.index())
