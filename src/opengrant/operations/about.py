"""What runs here: version, processes, database, migrations, and the settings in force."""

import os
import platform
import socket
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from opengrant import __version__
from opengrant.model import SECOND, Clock, Micros
from opengrant.model.installation import SettingInForce
from opengrant.store.engine.port import Store
from opengrant.store.operations import nodes
from opengrant.store.operations.nodes import Node

__all__ = ["About", "Facts", "Node"]

_RUNS: Micros = 90 * SECOND
"""A process that was not seen for as long has ended: each is seen twice a minute."""


@dataclass(frozen=True, slots=True)
class Facts:
    """nodes: with this one. database_bytes: what the database takes on its disk. pending: migrations still to run."""

    version: str
    python: str
    system: str
    engine: str
    engine_version: str
    database_bytes: int
    this: Node
    nodes: Sequence[Node]
    migrations: Sequence[tuple[str, Micros]]
    pending: Sequence[str]
    settings: Sequence[SettingInForce]


@dataclass(slots=True, kw_only=True)
class About:
    """Built once, in assembly/.

    db        the one that does not wake background work
    settings  reads the settings in force; secrets are masked there
    """

    db: Store
    clock: Clock
    settings: Callable[[], Sequence[SettingInForce]]
    _id: str = field(default_factory=lambda: str(uuid.uuid4()))
    _started_at: Micros = 0

    def __post_init__(self) -> None:
        self._started_at = self.clock()

    async def facts(self) -> Facts:
        this = self._this()
        engine_version, size = await self.db.read(nodes.database(self.db.dialect))
        others = [
            node
            for node in await self.db.read(nodes.seen(since=this.seen_at - _RUNS))
            if node.id != this.id  # its row is older than what is known here
        ]
        return Facts(
            version=__version__,
            python=platform.python_version(),
            system=f"{platform.system()} {platform.machine()}",
            engine=self.db.dialect.value,
            engine_version=engine_version,
            database_bytes=size,
            this=this,
            nodes=sorted([this, *others], key=lambda node: (node.started_at, node.id)),
            migrations=await self.db.read(nodes.migrations()),
            pending=await self.db.pending(),
            settings=self.settings(),
        )

    async def seen(self) -> None:
        """Record that this process runs."""
        await self.db.write(nodes.see(self._this()))

    async def sweep(self) -> None:
        """Forget processes that have ended."""
        await self.db.write(nodes.forget(before=self.clock() - 40 * _RUNS))

    def _this(self) -> Node:
        return Node(self._id, socket.gethostname(), os.getpid(), __version__, self._started_at, self.clock())
