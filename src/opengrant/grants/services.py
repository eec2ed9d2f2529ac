"""What the doors are handed: every service, built once."""

from dataclasses import dataclass

from opengrant.grants.applications import Applications
from opengrant.grants.connect import Connect
from opengrant.grants.connectors import Connectors
from opengrant.grants.installation import ping
from opengrant.grants.records import Records
from opengrant.store.port import Store


@dataclass(frozen=True, slots=True)
class Services:
    """Built in app.py."""

    db: Store
    applications: Applications
    connectors: Connectors
    connect: Connect
    records: Records

    async def ready(self) -> list[str]:
        """What keeps this process from serving; empty when nothing does. Raises StoreUnavailable."""
        await self.db.read(ping())
        return [f"migration {name} has not run" for name in await self.db.pending()]
