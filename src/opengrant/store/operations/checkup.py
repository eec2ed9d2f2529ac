"""Queries of `opengrant doctor` over all applications, and the time when background work last ran.

That time is a row of the table paces, under a name that no source and no provider has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opengrant.model import Micros
from opengrant.store.engine.json_columns import get_object
from opengrant.store.engine.port import Statement, Steps

MOST = 20
"""Most rows of a kind that are listed."""
_SAMPLE = 500
"""Latest grants of an application and provider whose hosts are read: all of them could take minutes."""
_WORK = "work loop"


@dataclass(frozen=True, slots=True)
class Source:
    """A degraded source. source: id of a connector or credential, followed by /host for a mail host."""

    application_id: str
    source: str
    reason: str
    since: Micros


@dataclass(frozen=True, slots=True)
class Destination:
    application_id: str
    id: str
    url: str
    status: str


@dataclass(frozen=True, slots=True)
class EndingKey:
    application_id: str
    id: str
    name: str
    expires_at: Micros


def worked(*, at: Micros) -> Steps[None]:
    """Record that background work runs."""
    yield Statement(
        """insert into paces (application_id, name, spent_until) values ('', $1, $2)
           on conflict (application_id, name) do update set spent_until = excluded.spent_until""",
        (_WORK, at),
    )


def last_worked() -> Steps[Micros | None]:
    rows = yield Statement("select spent_until from paces where application_id = '' and name = $1", (_WORK,))
    return rows[0][0] if rows else None


def providers() -> Steps[set[str]]:
    """Providers that have connectors."""
    return {provider for (provider,) in (yield Statement("select distinct provider from connectors"))}


def degraded() -> Steps[list[Source]]:
    """Longest first, up to MOST + 1."""
    rows = yield Statement(
        """select application_id, source, reason, degraded_at from brakes where degraded_at is not null
           order by degraded_at, source limit $1""",
        (MOST + 1,),
    )
    return [Source(*row) for row in rows]


def webhooks(*, limit: int) -> Steps[list[Destination]]:
    """Failing destinations first."""
    rows = yield Statement(
        """select application_id, id, url, status from webhooks where status <> 'deleted'
           order by case status when 'failed' then 0 when 'failing' then 1 when 'pause' then 2 else 3 end, created_at
           limit $1""",
        (limit,),
    )
    return [Destination(*row) for row in rows]


def keys_ending(*, after: Micros, before: Micros) -> Steps[list[EndingKey]]:
    """Soonest first, one more than MOST at most."""
    rows = yield Statement(
        """select application_id, id, name, expires_at from api_keys
           where revoked_at is null and expires_at > $1 and expires_at <= $2 order by expires_at, id limit $3""",
        (after, before, MOST + 1),
    )
    return [EndingKey(*row) for row in rows]


def settings_in_use(provider: str, *, applications: Sequence[str]) -> Steps[list[Mapping[str, object]]]:
    """The settings of the latest valid grants of each application, which name their hosts."""
    found: list[Mapping[str, object]] = []
    for application_id in applications:
        rows = yield Statement(
            """select settings, status from grants where application_id = $1 and provider = $2
               order by created_at desc, id desc limit $3""",
            (application_id, provider, _SAMPLE),
        )
        found += [get_object(settings) for settings, status in rows if status == "valid"]
    return found


def damage() -> Steps[str | None]:
    """The first damage of an SQLite file, or None. Reads the whole file."""
    answer = str((yield Statement("pragma quick_check(1)"))[0][0])
    return None if answer == "ok" else answer
