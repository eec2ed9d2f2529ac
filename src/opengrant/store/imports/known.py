"""What is stored already of many rows at once, for a dry run.

`cross join` tells SQLite to begin with the list: it would read all grants, and the list for each of them.
"""

from collections.abc import Iterable, Mapping

from pydantic_core import to_json

from opengrant.model import ProviderName
from opengrant.model.basics import record
from opengrant.store.engine.port import Dialect, Statement, Steps

_LIST = {
    Dialect.SQLITE: "(select json_extract(value, '$[0]') as a, json_extract(value, '$[1]') as b from json_each($1)) v",
    Dialect.POSTGRES: "(select value ->> 0 as a, value ->> 1 as b from jsonb_array_elements($1::jsonb)) v",
}


@record
class Holder:
    """A grant that has an id, a mailbox or an external id."""

    grant_id: str
    application_id: str
    provider: str
    mailbox_key: str


_HOLDER = "g.id, g.application_id, g.provider, g.mailbox_key"


def mailboxes(
    application_id: str, keys: Iterable[tuple[ProviderName, str]], dialect: Dialect
) -> Steps[Mapping[tuple[str, str], Holder]]:
    """The grants of mailboxes, by provider and mailbox key."""
    rows = yield Statement(
        f"""select {_HOLDER} from {_LIST[dialect]}
            cross join grants g where g.application_id = $2 and g.provider = v.a and g.mailbox_key = v.b""",
        (_json(keys), application_id),
    )
    return {(row[2], row[3]): Holder(*row) for row in rows}


def grant_ids(ids: Iterable[str], dialect: Dialect) -> Steps[Mapping[str, Holder]]:
    """Grants of the whole installation, by id."""
    rows = yield Statement(
        f"select {_HOLDER} from {_LIST[dialect]} cross join grants g where g.id = v.a",
        (_json((one, None) for one in ids),),
    )
    return {row[0]: Holder(*row) for row in rows}


def external_ids(application_id: str, ids: Iterable[str], dialect: Dialect) -> Steps[Mapping[str, Holder]]:
    """Grants by external id."""
    rows = yield Statement(
        f"""select v.a, {_HOLDER} from {_LIST[dialect]}
            cross join grants g where g.application_id = $2 and g.external_id = v.a""",
        (_json((one, None) for one in ids), application_id),
    )
    return {row[0]: Holder(*row[1:]) for row in rows}


def spent(
    application_id: str, tokens: Iterable[tuple[ProviderName, str]], dialect: Dialect
) -> Steps[frozenset[tuple[str, str]]]:
    """Those of these providers and digests of refresh tokens that were spent here."""
    rows = yield Statement(
        f"""select v.a, v.b from {_LIST[dialect]}
            cross join rotations r where r.application_id = $2 and r.provider = v.a and r.spent = v.b""",
        (_json(tokens), application_id),
    )
    return frozenset((row[0], row[1]) for row in rows)


def credential_ids(application_id: str) -> Steps[frozenset[str]]:
    """Of all connectors of an application."""
    rows = yield Statement("select id from credentials where application_id = $1", (application_id,))
    return frozenset(str(id_) for (id_,) in rows)


def _json(values: Iterable[object]) -> str:
    return to_json(list(values)).decode()
