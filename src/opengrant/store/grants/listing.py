"""Listings of grants: pages by filters, on indexes of both engines."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Literal, NamedTuple

from opengrant.model import GrantStatus, ListedGrant, Micros, ProviderName, fold
from opengrant.store.engine.arguments import Arguments
from opengrant.store.engine.port import Dialect, Statement, Steps
from opengrant.store.grants.grants import LISTED, has_address
from opengrant.store.grants.source_health import SOURCE


@dataclass(frozen=True, slots=True)
class GrantFilters:
    """Conditions of a listing; None means any. Times are inclusive."""

    email: str | None = None
    status: GrantStatus | None = None
    provider: str | None = None
    connector: str | None = None
    """A provider's name or a connector's internal id."""
    ip: str | None = None
    workspace_id: str | None = None
    since: Micros | None = None
    before: Micros | None = None
    email_prefix: str | None = None
    """The beginning of the address, in any case."""
    troubled: bool | None = None
    """Whether a grant is valid and has a trouble, its own or its source's."""


Order = Literal["created_at", "updated_at"]
_TROUBLED = "status = 'valid' and trouble is not null"
_MERGED = 20
"""Up to so many sources, each is looked up by itself."""
_LAST = "\U0010ffff"
"""The last Unicode character: no address continues with one behind it."""


def page(
    application_id: str,
    filters: GrantFilters,
    *,
    order: Order,
    descending: bool,
    limit: int,
    offset: int,
    dialect: Dialect,
    blamed: Sequence[str] = (),
) -> Steps[list[ListedGrant]]:
    """A page in a total order (ties broken by id), so that pages neither repeat nor skip a row.

    A page reads few grants, however many there are. If no single index serves, the matches of each filter are counted,
    up to FEW. If one filter has few, they are read by its index and sorted. If all have many, grants are read in the
    requested order until the page is full. SQLite has no statistics for this choice, and those of PostgreSQL do not
    show that two filters exclude each other.

    blamed  sources with an open circuit breaker or a pause; only for `troubled`
    """
    args = Arguments([application_id])
    if filters.troubled and blamed and (filters.provider or filters.connector):
        blamed = yield from _of_connector(application_id, blamed, filters, dialect)
    narrowing = _conditions(filters, args, blamed, dialect)
    direction = "desc" if descending else "asc"
    few, kept = None, [one.sql for one in narrowing]
    if filters.email is not None:
        few = narrowing[0]  # an address has one or two grants
    elif _must_count(narrowing, order):
        few = yield from _fewest(narrowing, args)
        if few is None and dialect is Dialect.SQLITE:
            kept = _for_walking(narrowing, order)

    where = " and ".join([*kept, *_others(filters, args, blamed, dialect)]) or "true"
    by = f"order by {order} {direction}, id {direction} limit ${len(args) + 1} offset ${len(args) + 2}"
    if few is not None:
        parts = (f"select * from grants where application_id = $1 and {part.sql}" for part in few.found_by)
        sql = f"with found as materialized ({' union all '.join(parts)}) select {LISTED} from found where {where} {by}"
    elif filters.email_prefix is not None and dialect is Dialect.POSTGRES:
        # `offset 0` keeps the conditions outside, so the planner does not use the index of addresses.
        walk = f"select * from grants where application_id = $1 order by {order} {direction}, id {direction} offset 0"
        sql = f"select {LISTED} from ({walk}) g where {where} {by}"
    else:
        sql = f"select {LISTED} from grants where application_id = $1 and {where} {by}"
    rows = yield Statement(sql, (*args, limit, offset))
    return [LISTED.read(row) for row in rows]


FEW = 2000
"""So many grants are cheap to sort. More matches are so dense that a page is soon full."""


class _Part(NamedTuple):
    """A condition with an index. bound: matches at least as much, and is counted in the index alone."""

    sql: str
    bound: str
    by: str = "created_at"


@dataclass(frozen=True, slots=True)
class _Condition:
    """A condition with an index, or with parts that have one each.

    by     the column that orders the matches in that index; "" if there is no such index
    parts  their matches do not overlap, and together are the matches of the condition
    """

    sql: str
    by: str = "created_at"
    parts: tuple[_Part, ...] = ()

    @property
    def found_by(self) -> tuple[_Part, ...]:
        return self.parts or (_Part(self.sql, self.sql, self.by),)


def _conditions(filters: GrantFilters, args: Arguments, blamed: Sequence[str], dialect: Dialect) -> list[_Condition]:
    """The conditions that have an index, the most selective first. Adds to `args`."""
    narrowing = list[_Condition]()
    if filters.email is not None:
        condition, keys = has_address(filters.email, first=len(args) + 1)
        args += keys
        narrowing.append(_Condition(condition, by="id"))
    if filters.email_prefix is not None:
        # A range of the index: both engines order this column by bytes. A domain with letters beyond ASCII is only
        # found by the whole domain.
        beginning = fold(filters.email_prefix)
        first, last = args.place(beginning), args.place(beginning + _LAST)
        narrowing.append(_Condition(f"email_key >= {first} and email_key < {last}", by="email_key"))
    narrowing += map(_Condition, args.given(("ip = {}", filters.ip)))
    if filters.troubled and len(blamed) <= _MERGED:
        narrowing.append(_troubled(blamed, [args.place(source) for source in blamed], dialect))
    of_provider = filters.connector in set(ProviderName)
    if filters.connector is not None and not of_provider:
        narrowing.append(_Condition(f"connector_id = {args.place(filters.connector)}", by="status"))
    columns = args.given(
        ("provider = {}", filters.provider),
        ("provider = {}", filters.connector if of_provider else None),
        ("workspace_id = {}", filters.workspace_id),
        ("status = {}", filters.status),
    )
    narrowing += map(_Condition, columns)
    if times := args.given(("created_at >= {}", filters.since), ("created_at <= {}", filters.before)):
        narrowing.append(_Condition(" and ".join(times)))
    return narrowing


def _others(filters: GrantFilters, args: Arguments, blamed: Sequence[str], dialect: Dialect) -> list[str]:
    """The conditions that have no index. Adds to `args`."""
    if filters.troubled is None or (filters.troubled and len(blamed) <= _MERGED):
        return []
    troubled = _troubled(blamed, [args.place(source) for source in blamed], dialect).sql
    return [troubled if filters.troubled else f"not ({troubled})"]


def _must_count(narrowing: list[_Condition], order: Order) -> bool:
    """False if one index holds all matches in the requested order."""
    return len(narrowing) > 1 or any(one.by != order for one in narrowing)


def _fewest(conditions: list[_Condition], args: Arguments) -> Steps[_Condition | None]:
    """The condition with the fewest matches; None if each has more than FEW."""
    # In the order of the index; otherwise PostgreSQL may read the table.
    counts = ", ".join(
        " + ".join(
            f"""(select count(*) from (select 1 from grants where application_id = $1 and {part.bound}
                                       order by {part.by} limit {FEW + 1}) n)"""
            for part in one.found_by
        )
        for one in conditions
    )
    rows = yield Statement(f"select {counts}", tuple(args))
    found, fewest = min(zip(rows[0], conditions, strict=True), key=itemgetter(0))
    return fewest if found <= FEW else None


def _for_walking(narrowing: list[_Condition], order: Order) -> list[str]:
    """The conditions, with every index hidden from SQLite except the one in the requested order.

    A `+` before a condition hides its index.
    """
    seen = next((one for one in narrowing if one.by == order), None)
    return [one.sql if one is seen else f"+({one.sql})" for one in narrowing]


def _of_connector(
    application_id: str, blamed: Sequence[str], filters: GrantFilters, dialect: Dialect
) -> Steps[list[str]]:
    """The sources whose grants have the requested provider and connector: a source belongs to one connector.

    Otherwise all grants of a troubled source are read for a connector that has none of them.
    """
    firsts = " union all ".join(
        f"""select * from (select ${n} as source, provider, connector_id from grants
                           where application_id = $1 and {SOURCE[dialect]} = ${n} and status = 'valid' limit 1) s{n}"""
        for n in range(2, len(blamed) + 2)
    )
    rows = yield Statement(firsts, (application_id, *blamed))
    return [
        source
        for source, provider, connector in rows
        if filters.provider in (None, provider) and filters.connector in (None, provider, connector)
    ]


def _troubled(blamed: Sequence[str], places: Sequence[str], dialect: Dialect) -> _Condition:
    """Valid grants that have a trouble, or whose source has one. places: parameters of the names in `blamed`."""
    if not blamed:
        return _Condition(_TROUBLED)
    source = SOURCE[dialect]
    # `|| ''`: for an `or` of two indexes SQLite would sort the matches.
    either = f"status = 'valid' and (trouble is not null or {source} || '' in ({', '.join(places)}))"
    parts = [_Part(_TROUBLED, _TROUBLED)]
    for place in places:
        of_source = f"{source} = {place} and status = 'valid'"
        parts.append(_Part(f"{of_source} and trouble is null", of_source))
    return _Condition(either, by="", parts=tuple(parts))
