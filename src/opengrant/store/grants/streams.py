"""Grants in the order of an index: one stream for each provider and standing, merged.

A stream is a range of an index with the provider, the standing and perhaps the workspace in front and the order behind,
so it needs no sort, and no grant of another kind is read. SQLite merges the streams of a `union all` row by row.
PostgreSQL takes a page of each stream and merges those.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from opengrant.model import Micros, ProviderName
from opengrant.store.engine.arguments import Arguments
from opengrant.store.engine.port import Dialect

Order = Literal["created_at", "updated_at"]
STANDINGS = ("invalid", "sound", "troubled")
"""The column `standing`: invalid, or valid without or with a trouble of its own."""


class Position(NamedTuple):
    """The position of a grant in a listing: the time that orders it, then its id."""

    at: Micros
    id: str


@dataclass(frozen=True, slots=True)
class Streams:
    """Which grants, and in which order.

    provider       None: all
    since, before  bounds of created_at, inclusive
    after          only grants behind this position
    """

    order: Order
    descending: bool
    provider: str | None = None
    standings: tuple[str, ...] = STANDINGS
    workspace_id: str | None = None
    since: Micros | None = None
    before: Micros | None = None
    after: Position | None = None

    @property
    def single(self) -> bool:
        """Whether one range of one index has them all."""
        return self.all_kinds or (self.provider is not None and len(self.standings) == 1)

    @property
    def all_kinds(self) -> bool:
        return self.provider is None and self.workspace_id is None and self.standings == STANDINGS

    @property
    def direction(self) -> str:
        return "desc" if self.descending else "asc"

    @property
    def by(self) -> str:
        return f"order by {self.order} {self.direction}, id {self.direction}"

    def sql(
        self, args: Arguments, dialect: Dialect, *, columns: str, where: Sequence[str], limit: int, offset: int
    ) -> str:
        """A select of `columns` from up to `limit` grants after the first `offset`, in order. Adds to `args`.

        columns  the columns of the order first, then others
        where    further conditions
        """
        given = [*self._bounds(args), *where]
        if self.workspace_id is not None:
            given.insert(0, f"workspace_id = {args.place(self.workspace_id)}")
        rest = f"limit {args.place(limit)} offset {args.place(offset)}"
        if self.all_kinds:
            return f"select {columns} from grants where {_all('application_id = $1', *given)} {self.by} {rest}"
        kinds = [(args.place(one), args.place(two)) for one, two in self._kinds()]
        if dialect is Dialect.SQLITE or len(kinds) == 1:
            # The order counts columns: a compound select has no other names.
            arms = [
                f"select {columns} from grants where {_all('application_id = $1', *kind, *given)}"
                for kind in ((f"provider = {one}", f"standing = {two}") for one, two in kinds)
            ]
            by = self.by if len(arms) == 1 else f"order by 1 {self.direction}, 2 {self.direction}"
            return f"{' union all '.join(arms)} {by} {rest}"
        values = ", ".join(f"({one}::text, {two}::text)" for one, two in kinds)
        kind = ("provider = kind.provider", "standing = kind.standing")
        inner = f"""select {columns} from grants where {_all("application_id = $1", *kind, *given)}
                    {self.by} limit {args.place(limit + offset)}"""
        return f"""select one.* from (values {values}) kind (provider, standing)
                   cross join lateral ({inner}) one order by 1 {self.direction}, 2 {self.direction} {rest}"""

    def _kinds(self) -> list[tuple[str, str]]:
        providers = tuple(ProviderName) if self.provider is None else (self.provider,)
        return [(provider, standing) for provider in providers for standing in self.standings]

    def _bounds(self, args: Arguments) -> list[str]:
        sign = "<" if self.descending else ">"
        since, before, after = self.since, self.before, self.after
        if after is not None and self.order == "created_at":
            # SQLite uses one bound at each end of a range: the position, unless it was forged and lies outside.
            if self.descending and (before is None or after.at <= before):
                before = None
            elif not self.descending and (since is None or after.at >= since):
                since = None
            else:
                after = None
        bounds = args.given(("created_at >= {}", since), ("created_at <= {}", before))
        if after is not None:
            bounds.append(f"({self.order}, id) {sign} ({args.place(after.at)}, {args.place(after.id)})")
        return bounds

    def conditions(self, args: Arguments) -> list[str]:
        """The same as conditions that no index serves. Adds to `args`."""
        found = args.given(("workspace_id = {}", self.workspace_id), ("provider = {}", self.provider))
        if self.standings != STANDINGS:
            found.append(f"standing in ({', '.join(map(args.place, self.standings))})")
        return [f"({one}) is true" for one in [*found, *self._bounds(args)]]


def _all(*conditions: str) -> str:
    return " and ".join(conditions)
