"""What runs here, on the wire."""

from typing import Literal, cast

from opengrant.api.wire.fields import Model
from opengrant.model import SECOND
from opengrant.model.installation import SettingValue
from opengrant.operations import about


class Process(Model):
    """A process of the installation."""

    id: str
    host: str
    """Name of its machine or container."""
    pid: int
    version: str
    started_at: int
    """Unix seconds."""
    seen_at: int
    """When it last said that it runs, which it does twice a minute."""
    this: bool
    """It wrote this answer."""

    @classmethod
    def of(cls, node: about.Node, this: about.Node) -> "Process":
        return cls.model_construct(
            id=node.id,
            host=node.host,
            pid=node.pid,
            version=node.version,
            started_at=node.started_at // SECOND,
            seen_at=node.seen_at // SECOND,
            this=node.id == this.id,
        )


class Database(Model):
    """The database of the installation."""

    engine: Literal["sqlite", "postgres"]
    version: str
    bytes: int
    """What it takes on its disk."""


class Migration(Model):
    """A change of the database's schema that has run."""

    name: str
    applied_at: int
    """Unix seconds."""


class Setting(Model):
    """A setting in force."""

    name: str
    """The environment variable."""
    value: SettingValue = None
    """Masked, if it is a secret that is set. Absent without one."""
    default: SettingValue = None
    """Absent without one."""
    source: str
    """`default`, `the environment`, or the file or option that it came from."""
    secret: bool
    meaning: str
    """As in docs/settings.md."""


class Installation(Model):
    """What runs here."""

    version: str
    python: str
    system: str
    started_at: int
    """When this process started, in Unix seconds."""
    database: Database
    nodes: list[Process]
    """Processes that were seen in the last 90 seconds, at most 200, those that run longest first."""
    migrations: list[Migration]
    """In the order in which they run."""
    pending_migrations: list[str]
    """Those that have not run."""
    settings: list[Setting]
    """In the order of docs/settings.md. Processes that were started with others have others."""

    @classmethod
    def of(cls, facts: about.Facts) -> "Installation":
        return cls.model_construct(
            version=facts.version,
            python=facts.python,
            system=facts.system,
            started_at=facts.this.started_at // SECOND,
            database=Database.model_construct(
                engine=cast(Literal["sqlite", "postgres"], facts.engine),
                version=facts.engine_version,
                bytes=facts.database_bytes,
            ),
            nodes=[Process.of(node, facts.this) for node in facts.nodes],
            migrations=[Migration.model_construct(name=name, applied_at=at // SECOND) for name, at in facts.migrations],
            pending_migrations=list(facts.pending),
            settings=[Setting.model_construct(**one._asdict()) for one in facts.settings],
        )
