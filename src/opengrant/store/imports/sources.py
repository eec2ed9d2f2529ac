"""The sources of an import: which of them do not work now, and why."""

from opengrant.model import Micros, ProviderName
from opengrant.model.basics import record
from opengrant.store.engine.json_columns import get_object, put_object
from opengrant.store.engine.port import Statement, Steps
from opengrant.store.grants import circuit_breakers
from opengrant.store.grants.circuit_breakers import CircuitBreaker

_THIS = "application_id = $1 and import_id = $2 and source = $3"


@record
class Source:
    """A source of one import."""

    application_id: str
    import_id: str
    id: str
    provider: ProviderName


@record
class Trouble:
    """Why a source does not work. since: when it began."""

    class_: str
    reason: str
    remedy: str
    since: Micros


@record
class SourceState:
    """paused_until: None where it works. breaker: of the source, for refreshes too."""

    paused_until: Micros | None
    trouble: Trouble | None
    streak: int
    breaker: CircuitBreaker | None


def ids(application_id: str, import_id: str) -> Steps[list[str]]:
    """Of all sources of an import."""
    rows = yield Statement(
        "select source from import_sources where application_id = $1 and import_id = $2 order by source",
        (application_id, import_id),
    )
    return [str(row[0]) for row in rows]


def find(source: Source) -> Steps[SourceState]:
    rows = yield Statement(f"select paused_until, trouble, streak from import_sources where {_THIS}", _key(source))
    breaker = yield from circuit_breakers.find(source.application_id, source.id)
    if not rows:
        return SourceState(None, None, 0, breaker)
    paused_until, trouble, streak = rows[0]
    return SourceState(paused_until, None if trouble is None else read_trouble(trouble), streak, breaker)


def pause(source: Source, trouble: Trouble, *, until: Micros, streak: int) -> Steps[None]:
    """No row is verified before `until`; a longer pause stays. The trouble keeps the time when it began."""
    rows = yield Statement(f"select paused_until, trouble from import_sources where {_THIS}", _key(source))
    if rows and rows[0][1] is not None:
        before = read_trouble(rows[0][1])
        trouble = Trouble(trouble.class_, trouble.reason, trouble.remedy, min(before.since, trouble.since))
    text = put_object(
        {"class": trouble.class_, "reason": trouble.reason, "remedy": trouble.remedy, "since": trouble.since}
    )
    yield Statement(
        """insert into import_sources
               (application_id, import_id, source, provider, state, paused_until, trouble, streak)
           values ($1, $2, $3, $4, 'open', $5, $6, $7)
           on conflict (application_id, import_id, source) do update set
               paused_until = case when import_sources.paused_until > excluded.paused_until
                                   then import_sources.paused_until else excluded.paused_until end,
               trouble = excluded.trouble, streak = excluded.streak""",
        (*_key(source), source.provider, until, text, streak),
    )


def works(source: Source) -> Steps[None]:
    """It works again."""
    yield Statement(
        f"update import_sources set paused_until = null, trouble = null, streak = 0 where {_THIS} and streak > 0",
        _key(source),
    )


def take_turn(source: Source, *, at: Micros, until: Micros) -> Steps[bool]:
    """Whether the caller may verify one row of a source in trouble. If so, no other does before `until`."""
    rows = yield Statement(
        f"""update import_sources set paused_until = $5
            where {_THIS} and streak > 0 and paused_until <= $4 returning source""",
        (*_key(source), at, until),
    )
    return bool(rows)


def read_trouble(text: str) -> Trouble:
    held = get_object(text)
    return Trouble(held["class"], held["reason"], held["remedy"], held["since"])


def _key(source: Source) -> tuple[str, str, str]:
    return source.application_id, source.import_id, source.id
