"""Listings of grants: pages by filters, on indexes of both engines.

Provider, standing, workspace and time of creation choose streams (store/grants/streams.py): their grants are read in
the order of the listing, and no other. The other filters narrow: each has an index, but in another order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from opengrant.model import GrantStatus, ListedGrant, Micros, ProviderName, fold
from opengrant.store.engine.arguments import Arguments
from opengrant.store.engine.port import Dialect, Row, Statement, Steps
from opengrant.store.grants import addresses, grants
from opengrant.store.grants.grants import LISTED, has_address
from opengrant.store.grants.source_health import SOURCE
from opengrant.store.grants.streams import STANDINGS, Order, Position, Streams

__all__ = ["GrantFilters", "Order", "Position", "Window", "page"]


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
    email_contains: str | None = None
    """A part of the address, in any case."""
    troubled: bool | None = None
    """Whether a grant is valid and has a trouble, its own or its source's."""
    trouble_class: str | None = None
    """Of the trouble, its own or its source's. An invalid grant has one too."""
    search: str | None = None
    """A part of the address, in any case, or the beginning of the id or of the external id."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a listing: up to `limit` grants behind a position, after `offset` others."""

    order: Order = "created_at"
    descending: bool = True
    limit: int = 50
    offset: int = 0
    after: Position | None = None


FEW, MANY = (2_000, 16_000), (16_000, 128_000)
"""Most matches that are sorted, where their rows must be read and where the index alone is: before the front of the
listing is looked through, and if that had too few."""
NEAR_FRONT, FRONT = 300, 4_000
"""Grants at the front of a listing that are looked through, at first and then."""
_NEAR = 200
"""Up to this offset, the grants that are skipped are read whole; further ones are skipped in the index."""
_MERGED = 20
"""Up to so many sources, each is looked up by itself."""
_LAST = "\U0010ffff"
"""The last Unicode character: no address continues with one behind it."""
# SQLite allows no JSON function in an index: see store/grants/source_health.py.
_KIND = """substr(trouble, instr(trouble, '"kind":"') + 8)"""
CLASS = {
    Dialect.SQLITE: f"""substr({_KIND}, 1, instr({_KIND}, '"') - 1)""",
    Dialect.POSTGRES: "(trouble::json ->> 'kind')",
}
"""The class of a grant's trouble, with the expression of its index."""


def page(
    application_id: str, filters: GrantFilters, window: Window, *, dialect: Dialect, blamed: Sequence[str] = ()
) -> Steps[list[ListedGrant]]:
    """A page in a total order (ties broken by id), so that pages neither repeat nor skip a row.

    blamed  sources with an open circuit breaker or a pause, for `troubled`; those of the class, for `trouble_class`
    """
    provider, possible = yield from _provider(application_id, filters)
    if (filters.troubled is not None or filters.trouble_class is not None) and blamed and provider is not None:
        blamed = yield from _of_connector(application_id, blamed, filters, dialect)
    standings = _standings(filters, blamed)
    if not possible or not standings:
        return []
    streams = Streams(
        order=window.order,
        descending=window.descending,
        provider=provider,
        standings=standings,
        workspace_id=filters.workspace_id,
        since=filters.since if window.order == "created_at" else None,
        before=filters.before if window.order == "created_at" else None,
        after=window.after,
    )
    args = Arguments([application_id])
    narrowing = _narrowing(filters, window.order, args, blamed, dialect)
    if filters.email_contains is not None:
        narrowing.append((yield from _containing(fold(filters.email_contains), args, dialect)))
    if filters.search is not None:
        narrowing.append((yield from _found(filters.search, args, dialect)))
    listing = _Listing(streams, window, dialect, narrowing, args)
    listing.add_others(filters, blamed)
    rows = yield from listing.rows(
        exact=filters.email is not None, dense=filters.email_contains is not None or filters.search is not None
    )
    return [LISTED.read(row) for row in rows]


class _Part(NamedTuple):
    """A condition with an index.

    counted  the tail of a select with at least as many rows, read in the index alone
    source   grants, or what leads to them
    """

    sql: str
    counted: str
    source: str = "grants"


def _counted(sql: str, by: str) -> str:
    # In the order of the index; otherwise PostgreSQL may read the table.
    return f"grants where application_id = $1 and {sql} order by {by}"


@dataclass(frozen=True, slots=True)
class _Condition:
    """A condition with an index, or with parts that have one each.

    by       the column that orders the matches in that index; "" if there is no such index
    parts    their matches do not overlap, and together are the matches of the condition
    covered  the index has what listings need, so the rows are not read
    """

    sql: str
    by: str
    parts: tuple[_Part, ...] = ()
    covered: bool = False

    @property
    def hidden(self) -> str:
        """The condition without its index."""
        return f"({self.sql}) is true"

    @property
    def found_by(self) -> tuple[_Part, ...]:
        return self.parts or (_Part(self.sql, _counted(self.sql, self.by)),)


class _Listing:
    """The statements of one page.

    Without a condition that narrows, the page is read in the order of its streams. With one, either its matches are
    read by its index and sorted, or the streams are read until the page is full: the first is cheap if few match, the
    second if many do. So both are tried, with a small bound and then with a larger one. SQLite has no statistics for
    this choice, and those of PostgreSQL do not show that two filters exclude each other.
    """

    def __init__(
        self, streams: Streams, window: Window, dialect: Dialect, narrowing: list[_Condition], args: Arguments
    ) -> None:
        self._streams = streams
        self._window = window
        self._dialect = dialect
        self._narrowing = narrowing
        self._counted = tuple(args)
        self._args = args
        # A condition whose index has the order of the listing, if there is no other.
        self._ordered = streams.all_kinds and [one.by for one in narrowing] == [window.order]
        self._where = [one.sql if self._ordered else one.hidden for one in narrowing]

    def add_others(self, filters: GrantFilters, blamed: Sequence[str]) -> None:
        """Add the conditions that have no index."""
        if filters.trouble_class is not None:
            if len(blamed) > _MERGED:
                self._where.append(_of_class(filters.trouble_class, blamed, self._args, self._dialect).sql)
        elif blamed and (filters.troubled is False or (filters.troubled and len(blamed) > _MERGED)):
            places = [self._args.place(source) for source in blamed]
            troubled = _troubled(blamed, places, self._dialect).sql
            self._where.append(troubled if filters.troubled else f"not ({troubled})")

    def rows(self, *, exact: bool, dense: bool) -> Steps[Sequence[Row]]:
        """exact: the first condition has one or two matches. dense: to count many takes long."""
        if not self._narrowing or self._ordered:
            return (yield from self._in_order())
        fronts = [NEAR_FRONT, FRONT]
        rows: Sequence[Row] = ()
        while dense and fronts:
            rows = yield from self._at_the_front(fronts.pop(0))
            if len(rows) == self._window.limit:
                return rows
            # At this rate, the next front has a whole page.
            dense = len(rows) * FRONT >= self._window.limit * NEAR_FRONT
        few = self._narrowing[0] if exact else (yield from self._fewest(FEW))
        if few is None:
            for front in fronts:
                rows = yield from self._at_the_front(front)
                if len(rows) == self._window.limit:
                    return rows
            if (yield from self._is_short()):
                return rows
            few = yield from self._fewest(MANY)
        return (yield from (self._in_order() if few is None else self._sorted(few)))

    def _in_order(self) -> Steps[Sequence[Row]]:
        """Read the streams, or the index of the only condition, until the page is full."""
        args, window = Arguments(self._args), self._window
        if self._streams.single and not self._where and window.offset <= _NEAR:
            sql = self._streams.sql(
                args, self._dialect, columns=str(LISTED), where=(), limit=window.limit, offset=window.offset
            )
        else:
            picked = self._streams.sql(
                args, self._dialect, columns=self._keys, where=self._where, limit=window.limit, offset=window.offset
            )
            sql = self._looked_up(picked)
        return (yield Statement(sql, tuple(args)))

    def _at_the_front(self, front: int) -> Steps[Sequence[Row]]:
        """Look through the first grants of the streams."""
        args, window = Arguments(self._args), self._window
        first = self._streams.sql(args, self._dialect, columns=self._keys, where=(), limit=front, offset=0)
        # The limit comes before the conditions, so that no more are looked through.
        sql = f"""select {LISTED.of("g")} from ({first}) p {self._each} and {" and ".join(self._where)}
                  {self._by} limit {args.place(window.limit)} offset {args.place(window.offset)}"""
        return (yield Statement(sql, tuple(args)))

    def _is_short(self) -> Steps[bool]:
        """Whether the front is all there is."""
        args = Arguments(self._args[:1])
        all_ = self._streams.sql(args, self._dialect, columns=self._keys, where=(), limit=FRONT + 1, offset=0)
        rows = yield Statement(f"select count(*) from ({all_}) p", tuple(args))
        return bool(rows[0][0] <= FRONT)

    def _fewest(self, bounds: tuple[int, int]) -> Steps[_Condition | None]:
        """The condition with the fewest matches; None if each has more than its bound, as FEW has them."""
        counts = ", ".join(
            " + ".join(
                f"(select count(*) from (select 1 from {part.counted} limit {bounds[one.covered] + 1}) n)"
                for part in one.found_by
            )
            for one in self._narrowing
        )
        rows = yield Statement(f"select {counts}", self._counted)
        counted = zip(rows[0], self._narrowing, strict=True)
        within = [(found, one) for found, one in counted if found <= bounds[one.covered]]
        return min(within, key=itemgetter(0))[1] if within else None

    def _sorted(self, few: _Condition) -> Steps[Sequence[Row]]:
        """Read the matches of a condition by its index, and sort them."""
        args, window = Arguments(self._args), self._window
        others = [one for one in self._where if one != few.hidden]
        where = " and ".join(["application_id = $1", *others, *self._streams.conditions(args)])
        parts = (f"select {self._keys} from {part.source} where {part.sql} and {where}" for part in few.found_by)
        rest = f"limit {args.place(window.limit)} offset {args.place(window.offset)}"
        sql = f"""with found as materialized ({" union all ".join(parts)})
                  {self._looked_up(f"select * from found order by 1 {self._direction}, 2 {self._direction} {rest}")}"""
        return (yield Statement(sql, tuple(args)))

    def _looked_up(self, picked: str) -> str:
        """The rows of picked keys."""
        return f"select {LISTED.of('g')} from ({picked}) p {self._each} {self._by}"

    @property
    def _each(self) -> str:
        """The join of keys with their rows, each looked up by itself: the planners expect more keys than there are."""
        if self._dialect is Dialect.SQLITE:
            return "cross join grants g where g.application_id = $1 and g.id = p.key"
        return "cross join lateral (select * from grants where application_id = $1 and id = p.key limit 1) g where true"

    @property
    def _keys(self) -> str:
        return f"{self._window.order} as moment, id as key"

    @property
    def _by(self) -> str:
        return f"order by p.moment {self._direction}, p.key {self._direction}"

    @property
    def _direction(self) -> str:
        return "desc" if self._window.descending else "asc"


def _provider(application_id: str, filters: GrantFilters) -> Steps[tuple[str | None, bool]]:
    """The provider of all grants in question, if they have one, and whether there may be any."""
    provider = filters.connector
    if provider is not None and provider not in set(ProviderName):
        rows = yield Statement(
            "select provider from connectors where application_id = $1 and id = $2", (application_id, provider)
        )
        provider = rows[0][0] if rows else None
    if provider is None or filters.provider is None:
        return provider or filters.provider, True
    return provider, provider == filters.provider


def _standings(filters: GrantFilters, blamed: Sequence[str]) -> tuple[str, ...]:
    """Empty if the filters exclude each other."""
    possible = set(STANDINGS)
    if filters.status is not None:
        possible &= {"invalid"} if filters.status == "invalid" else {"sound", "troubled"}
    if filters.trouble_class is not None:
        # What has the class is invalid, or in trouble.
        possible -= set() if filters.troubled is None else {"invalid"} if filters.troubled else {"sound", "troubled"}
        possible -= set() if blamed else {"sound"}
    elif filters.troubled is not None:
        possible -= {"troubled"} if not filters.troubled else {"invalid"} if blamed else {"invalid", "sound"}
    return tuple(one for one in STANDINGS if one in possible)


def _narrowing(
    filters: GrantFilters, order: Order, args: Arguments, blamed: Sequence[str], dialect: Dialect
) -> list[_Condition]:
    """The conditions whose index has another order, the most selective first. Adds to `args`."""
    found = list[_Condition]()
    if filters.email is not None:
        condition, keys = has_address(filters.email, first=len(args) + 1)
        args += keys
        found.append(_Condition(condition, by="email_key"))
    if filters.email_prefix is not None:
        # A range of the index: both engines order this column by bytes. A domain with letters beyond ASCII is only
        # found by the whole domain.
        beginning = fold(filters.email_prefix)
        first, last = args.place(beginning), args.place(beginning + _LAST)
        found.append(_Condition(f"email_key >= {first} and email_key < {last}", by="email_key", covered=True))
    found += (_Condition(one, by="created_at", covered=True) for one in args.given(("ip = {}", filters.ip)))
    if filters.connector is not None and filters.connector not in set(ProviderName):
        found.append(_Condition(f"connector_id = {args.place(filters.connector)}", by="status"))
    if order != "created_at" and (filters.since is not None or filters.before is not None):
        times = args.given(("created_at >= {}", filters.since), ("created_at <= {}", filters.before))
        found.append(_Condition(" and ".join(times), by="created_at"))
    if filters.trouble_class is not None:
        if len(blamed) <= _MERGED:
            found.append(_of_class(filters.trouble_class, blamed, args, dialect))
    elif filters.troubled and 0 < len(blamed) <= _MERGED:
        found.append(_troubled(blamed, [args.place(source) for source in blamed], dialect))
    return found


def _containing(text: str, args: Arguments, dialect: Dialect) -> Steps[_Condition]:
    if len(text) < addresses.SHORTEST:
        contains = {Dialect.SQLITE: "instr", Dialect.POSTGRES: "strpos"}[dialect]
        return _Condition(f"{contains}(email_key, {args.place(text)}) > 0", by="email_key")
    parts = yield from addresses.rarest(str(args[0]), text)
    search = addresses.search(text, parts, args, dialect)
    # Each found grant is looked up by itself, as in `_Listing._each`.
    each = {
        Dialect.SQLITE: "cross join grants",
        Dialect.POSTGRES: """cross join lateral
            (select * from grants where application_id = $1 and id = f.grant_id limit 1) grants""",
    }
    found = _Part(f"id = f.grant_id and {search.condition}", search.counted, f"({search.found}) f {each[dialect]}")
    return _Condition(search.condition, by="", parts=(found,))


def _found(text: str, args: Arguments, dialect: Dialect) -> Steps[_Condition]:
    """A part of the address, or the beginning of an id. The parts exclude each other."""
    address = yield from _containing(fold(text), args, dialect)
    # A range of its index, as for the beginning of an address.
    first, last = args.place(text), args.place(text + _LAST)
    others = [(f"external_id >= {first} and external_id < {last}", "external_id")]
    bounds = grants.ids_beginning(text.lower())
    if bounds is not None:
        others.append((f"id >= {args.place(bounds[0])} and id <= {args.place(bounds[1])}", "id"))
    parts, passed = list(address.found_by), [address.sql]
    for sql, by in others:
        rest = " and ".join(f"({one}) is not true" for one in passed)
        parts.append(_Part(f"{sql} and {rest}", _counted(sql, by)))
        passed.append(sql)
    return _Condition(" or ".join(f"({one})" for one in passed), by="", parts=tuple(parts))


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


def _of_class(class_: str, blamed: Sequence[str], args: Arguments, dialect: Dialect) -> _Condition:
    """Grants whose trouble has this class, and valid ones without a trouble whose source has one of it."""
    own = f"trouble is not null and {CLASS[dialect]} = {args.place(class_)}"
    parts, either = [_Part(own, _counted(own, "created_at"))], [own]
    source = SOURCE[dialect]
    places = [args.place(name) for name in blamed]
    for place in places:
        of_source = f"{source} = {place} and status = 'valid'"
        parts.append(_Part(f"{of_source} and trouble is null", _counted(of_source, "created_at")))
    if places:
        # `|| ''`: as in `_troubled`.
        either.append(f"status = 'valid' and trouble is null and {source} || '' in ({', '.join(places)})")
    return _Condition(" or ".join(f"({one})" for one in either), by="", parts=tuple(parts))


def _troubled(blamed: Sequence[str], places: Sequence[str], dialect: Dialect) -> _Condition:
    """Valid grants that have a trouble, or whose source has one. places: parameters of the names in `blamed`."""
    source = SOURCE[dialect]
    # `|| ''`: for an `or` of two indexes SQLite would sort the matches.
    either = f"status = 'valid' and (trouble is not null or {source} || '' in ({', '.join(places)}))"
    own = "status = 'valid' and trouble is not null"
    parts = [_Part(own, _counted(own, "created_at"))]
    for place in places:
        of_source = f"{source} = {place} and status = 'valid'"
        parts.append(_Part(f"{of_source} and trouble is null", _counted(of_source, "created_at")))
    return _Condition(either, by="", parts=tuple(parts))
