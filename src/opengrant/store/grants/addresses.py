"""Addresses by their parts of three characters, for `email_contains`.

Triggers keep the table `grant_addresses` in the transaction of each write. On PostgreSQL its index has the parts at
once. SQLite's index of parts (FTS5) cannot be written by triggers, and costs less in batches: a job adds the addresses
whose number is above the last one in the index. Until then a search reads those one by one, so it misses none.
"""

from collections.abc import Sequence
from typing import NamedTuple

from opengrant.store.engine.arguments import Arguments
from opengrant.store.engine.port import Dialect, Statement, Steps

SHORTEST = 3
"""Characters of the shortest text that the index knows."""
_MOST = 16
"""Parts of a text that are considered."""
_USED = 4
"""Parts of a text that are looked for; what is found is compared with the whole text. Each costs as many steps as
addresses have it, so the rarest are taken: "gmail.com" has seven parts that a million addresses have."""
_SAMPLE = 100
"""Addresses that tell which parts are rare."""
BATCH = 200
"""Addresses that one script adds to SQLite's index: other writes wait for it."""

_INDEXED = "(select last from numbers where name = 'addresses')"


class Search(NamedTuple):
    """How to find grants by a part of their address.

    condition  on grants
    found      a select of ids that include all matches
    counted    the tail of a select with at least as many rows
    """

    condition: str
    found: str
    counted: str


def rarest(application_id: str, text: str) -> Steps[list[str]]:
    """Parts of a text that few addresses have, as far as the latest grants tell."""
    rows = yield Statement(
        f"""select email_key from grants where application_id = $1
            order by created_at desc, id desc limit {_SAMPLE}""",
        (application_id,),
    )
    last = len(text) - SHORTEST
    parts = dict.fromkeys(text[start : start + SHORTEST] for start in (last * n // (_MOST - 1) for n in range(_MOST)))
    return sorted(parts, key=lambda part: sum(part in address for (address,) in rows))[:_USED]


def search(text: str, parts: Sequence[str], args: Arguments, dialect: Dialect) -> Search:
    """How to find grants whose address contains a text. Adds to `args`. parts: one or more of the text."""
    if dialect is Dialect.POSTGRES:
        # One parameter for all: PostgreSQL refuses those that a statement has but does not name.
        packed = f"{args.place(''.join(parts) + text)}::text"
        first, *starts = range(SHORTEST * len(parts) + 1, 0, -SHORTEST)
        hashed = " || ".join(f"address_parts($1, substr({packed}, {start}, {SHORTEST}))" for start in starts)
        having = f"grant_addresses where parts @> ({hashed})"
        return Search(f"strpos(email_key, substr({packed}, {first})) > 0", f"select grant_id from {having}", having)
    place = args.place(text)
    match = args.place(_match(parts))
    # The limit is more than a caller counts. Without it and the `+`, SQLite could begin with all addresses of the
    # application.
    some = f"select rowid from address_parts where address_parts match {match} limit 200000"
    found = f"""select a.grant_id from ({some}) s cross join grant_addresses a
                where a.number = s.rowid and a.application_id = $1
                union all select grant_id from grant_addresses where number > {_INDEXED} and +application_id = $1"""
    return Search(f"instr(email_key, {place}) > 0", found, f"address_parts where address_parts match {match}")


def _match(parts: Sequence[str]) -> str:
    """The parts as a query of FTS5."""
    return " AND ".join('"{}"'.format(part.replace('"', '""')) for part in parts)


def is_behind() -> Steps[bool]:
    """Whether `index` has something to do."""
    rows = yield Statement(
        f"""select exists (select 1 from grant_addresses where number > {_INDEXED})
                or exists (select 1 from forgotten_addresses)"""
    )
    return bool(rows[0][0])


def index(batch: int = BATCH) -> Steps[bool]:
    """Bring SQLite's index up to date by a batch. True: there may be more."""
    gone = yield Statement("select number, email_key from forgotten_addresses order by number limit $1", (batch,))
    if gone:
        upto = gone[-1][0]
        yield Statement(
            f"""insert into address_parts (address_parts, rowid, email_key)
                select 'delete', number, email_key from forgotten_addresses
                where number <= $1 and number <= {_INDEXED}""",
            (upto,),
        )
        yield Statement("delete from forgotten_addresses where number <= $1", (upto,))
    rows = yield Statement(
        f"""select max(number), count(*) from (select number from grant_addresses where number > {_INDEXED}
                                               order by number limit $1) n""",
        (batch,),
    )
    upto, added = rows[0]
    if added:
        yield Statement(
            f"""insert into address_parts (rowid, email_key)
                select number, email_key from grant_addresses where number > {_INDEXED} and number <= $1""",
            (upto,),
        )
        yield Statement("update numbers set last = $1 where name = 'addresses'", (upto,))
    return len(gone) == batch or added == batch
