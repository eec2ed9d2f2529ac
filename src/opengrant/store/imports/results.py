"""What has become of an import: counts by source, the speed, and the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from opengrant.model import Micros, ProviderName
from opengrant.model.basics import record
from opengrant.model.imports import OUTCOMES, Outcome
from opengrant.store.engine.port import Statement, Steps

_COUNTED = ("created", "renewed", "unchanged", "sign_in", "refused", "failed")
"""Outcomes that a batch counts; the rest of its rows are waiting, staged or cancelled, as the batch is."""
_SUMS = ", ".join(f"sum(b.{name})" for name in _COUNTED)
_DONE = " + ".join(_COUNTED)


@dataclass(frozen=True, slots=True)
class SourceProgress:
    """The rows of one source.

    state    open, staged or done
    trouble  class, reason, remedy and since, while the source does not work
    """

    source: str
    provider: ProviderName
    state: str
    rows: int
    counts: Mapping[Outcome, int]
    paused_until: Micros | None
    trouble: Mapping[str, Any] | None


@record
class ImportedRow:
    """A line of the input and what became of it. provider: None where the line could not be read."""

    line: int
    key: str | None
    provider: ProviderName | None
    grant_id: str | None
    outcome: Outcome
    class_: str | None
    reason: str | None
    remedy: str | None
    attempts: int
    at: Micros | None


def sources(application_id: str, import_id: str, *, cancelled: bool) -> Steps[list[SourceProgress]]:
    """All sources, those with the most rows first. cancelled: rows that still wait are counted so."""
    rows = yield Statement(
        f"""select s.source, s.provider, s.state, s.paused_until, s.trouble, sum(b.rows),
                   sum(case when b.state = 'staged' then b.rows - ({_DONE}) else 0 end), {_SUMS}
            from import_sources s
            join import_batches b
              on b.application_id = s.application_id and b.import_id = s.import_id and b.source = s.source
            where s.application_id = $1 and s.import_id = $2
            group by s.source, s.provider, s.state, s.paused_until, s.trouble
            order by sum(b.rows) desc, s.source""",
        (application_id, import_id),
    )
    return [_source(*row, cancelled=cancelled) for row in rows]


def _source(
    source: str,
    provider: str,
    state: str,
    paused_until: Micros | None,
    trouble: str | None,
    all_rows: int,
    staged: int,
    *sums: int,
    cancelled: bool,
) -> SourceProgress:
    counts: dict[Outcome, int] = dict.fromkeys(OUTCOMES, 0)
    for name, number in zip(_COUNTED, sums, strict=True):
        counts[name] = int(number)  # type: ignore[index] # they are outcomes
    left = int(all_rows) - sum(counts.values())
    if cancelled:
        counts["cancelled"] = left
    else:
        counts["staged"], counts["waiting"] = int(staged), left - int(staged)
    return SourceProgress(
        source,
        ProviderName(provider),
        state,
        int(all_rows),
        counts,
        paused_until,
        None if trouble is None else from_json(trouble),
    )


def unread(application_id: str, import_id: str) -> Steps[int]:
    """How many lines were refused as they were read."""
    rows = yield Statement(
        "select count(*) from import_rows where application_id = $1 and import_id = $2 and batch = 0",
        (application_id, import_id),
    )
    return int(rows[0][0])


def done_since(application_id: str, import_id: str, *, since: Micros) -> Steps[int]:
    """How many rows of batches have got their outcome since then."""
    # Batches first: their rows are found by the index, and only few batches have changed. A cut-over changes all, and
    # no row of them is done.
    rows = yield Statement(
        f"""select count(*) from import_batches b
            join import_rows r
              on r.application_id = b.application_id and r.import_id = b.import_id and r.batch = b.number
            where b.application_id = $1 and b.import_id = $2 and b.updated_at >= $3 and {_DONE} > 0 and r.at >= $3
              and r.outcome not in ('waiting', 'staged')""",
        (application_id, import_id, since),
    )
    return int(rows[0][0])


def speed(application_id: str, import_id: str, *, step: Micros) -> Steps[list[tuple[Micros, int]]]:
    """How many rows the batches that ended in each span of time have; the spans' beginnings, in order."""
    rows = yield Statement(
        f"""select (updated_at / $3) * $3, sum({_DONE}) from import_batches
            where application_id = $1 and import_id = $2 and {_DONE} > 0 group by 1 order by 1""",
        (application_id, import_id, step),
    )
    return [(int(at), int(number)) for at, number in rows]


def rows_after(
    application_id: str, import_id: str, *, line: int, limit: int, outcomes: Sequence[Outcome] = ()
) -> Steps[list[ImportedRow]]:
    """The rows after a line, in order. outcomes: only these; () means all."""
    chosen = ""
    if outcomes:
        chosen = f"and outcome in ({', '.join(f'${n}' for n in range(5, len(outcomes) + 5))})"
    rows = yield Statement(
        f"""select line, key, provider, grant_id, outcome, class, reason, remedy, attempts, at from import_rows
            where application_id = $1 and import_id = $2 and line > $3 {chosen} order by line limit $4""",
        (application_id, import_id, line, limit, *outcomes),
    )
    return [
        ImportedRow(number, key, None if provider is None else ProviderName(provider), *rest)
        for number, key, provider, *rest in rows
    ]
