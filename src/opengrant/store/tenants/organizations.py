"""Organizations, which service accounts administer. An installation has one."""

from dataclasses import dataclass
from typing import Literal

from opengrant.model import Micros
from opengrant.store.engine.columns import Columns
from opengrant.store.engine.port import Statement, Steps

Region = Literal["us", "eu"]

_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Organization:
    """The owner of service accounts and domains. `region` has no meaning here; the wire requires it."""

    id: str
    region: Region
    created_at: Micros


_COLUMNS = Columns(Organization, ("id", "region", "created_at"))


def find_default() -> Steps[Organization | None]:
    rows = yield Statement(f"select {_COLUMNS} from organizations where name = $1", (_DEFAULT,))
    return _COLUMNS.read(rows[0]) if rows else None


def add_default(organization: Organization) -> Steps[Organization]:
    """Returns the stored one: after two concurrent first uses both get the same."""
    yield Statement(
        f"""insert into organizations ({_COLUMNS}, name) values ({_COLUMNS.places}, $4)
           on conflict (name) do nothing""",
        (*_COLUMNS.write(organization), _DEFAULT),
    )
    found = yield from find_default()
    if found is None:
        raise RuntimeError("the default organization was written and is not there")
    return found
