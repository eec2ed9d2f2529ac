"""Imports on the wire: the job, its progress and its results."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, cast

from pydantic import BeforeValidator, Field, WithJsonSchema

from opengrant.api.wire import pagination as cursors
from opengrant.api.wire.fields import Maybe, Model, Name, examples, split_scopes, text
from opengrant.imports import imports
from opengrant.imports.checking import Report
from opengrant.imports.loading import NewImport
from opengrant.imports.rows import Refused
from opengrant.model import SECOND, Micros, ProviderName
from opengrant.model.imports import OUTCOMES, Import, ImportState, Outcome

_ONE = f"({'|'.join(OUTCOMES)})"
_Outcomes = Annotated[
    list[Outcome],
    BeforeValidator(lambda value: split_scopes(value) if isinstance(value, str) else value),
    Field(max_length=len(OUTCOMES)),
    WithJsonSchema({"type": "string", "pattern": f"^{_ONE}(,{_ONE})*$", "maxLength": 200}),
]


_SourceState = Literal["open", "paused", "staged", "done"]


MOST_BYTES = 16 * 1024 * 1024
MOST_ROWS = 100_000
"""Bytes and rows of one request."""


class ImportOptions(Model):
    """How rows are imported."""

    name: Maybe[Name] = None
    """Shown in lists."""
    cut_over: bool = False
    """Verify rows whose refresh token ends with its use only after the cut-over; others are verified at once."""
    cut_over_at: Annotated[int, Field(ge=0, le=253_402_300_799)] | None = None
    """When the cut-over comes by itself, in Unix seconds. It implies `cut_over`."""
    hold_refresh: bool = False
    """Do not refresh the grants of this import before its cut-over."""
    again: bool = False
    """Import rows that were imported before as another import. Without it, the same rows are the same import."""

    def to_model(self) -> NewImport:
        return NewImport(
            name=self.name or "API",
            cut_over=self.cut_over or self.cut_over_at is not None,
            cut_over_at=None if self.cut_over_at is None else self.cut_over_at * SECOND,
            hold_refresh=self.hold_refresh,
            again=self.again,
        )


class ImportBody(Model):
    """Rows as JSON."""

    model_config = examples(
        {
            "rows": [
                {
                    "id": "customer-42",
                    "grant_id": "1f2e3d4c-0000-4000-8000-0000000000d1",
                    "provider": "google",
                    "settings": {"refresh_token": "1//0example-refresh-token"},
                }
            ]
        }
    )
    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_ROWS)]
    """Each is a body of POST /v3/connect/custom, with `id`: your own id of the row."""


class CutOverBody(Model):
    """Which rows are used from now on."""

    model_config = examples({}, {"source": "1f2e3d4c-0000-4000-8000-0000000000c0"})
    source: Maybe[Annotated[str, text(512)]] = None
    """The `id` of one source; without it, all sources."""


class RefusedLine(Model):
    """A row that an import would refuse."""

    line: int
    """In the input, from 1."""
    id: str | None = None
    """Your own id of the row."""
    provider: str | None = None
    """Absent where the line could not be read."""
    class_: str = Field(alias="class")
    """Why, in a word: `bad_request`, `duplicate` or `conflict`."""
    reason: str
    """What is wrong with it."""
    remedy: str | None = None
    """What helps."""

    @classmethod
    def of(cls, one: Refused) -> "RefusedLine":
        return cls.model_construct(
            line=one.line, id=one.key, provider=one.provider, class_=one.class_, reason=one.reason, remedy=one.remedy
        )


class ImportReport(Model):
    """What an import of these rows would do."""

    lines: int
    """Lines of the input."""
    new: int
    """Rows whose mailbox has no grant yet."""
    known: int
    """Rows whose mailbox has a grant, which gets the new credential."""
    unknown: int
    """Rows whose mailbox only the provider knows."""
    refused: int
    """Rows that would be refused."""
    refused_lines: list[RefusedLine]
    """The first 100 of them."""
    providers: dict[str, int]
    """Rows that can be imported, by provider."""
    missing_connectors: dict[str, int]
    """Rows of providers without a connector here. Create it first."""
    forecast_seconds: int
    """How long the import takes at the limits of this server, if providers answer."""

    @classmethod
    def of(cls, report: Report, refused: Sequence[Refused]) -> "ImportReport":
        return cls.model_construct(
            lines=report.lines,
            new=report.rows["new"],
            known=report.rows["known"],
            unknown=report.rows["unknown"],
            refused=report.refused.total(),
            refused_lines=[RefusedLine.of(one) for one in refused],
            providers={provider.value: rows for provider, rows in report.providers.items()},
            missing_connectors={provider.value: rows for provider, rows in report.missing.items()},
            forecast_seconds=math.ceil(report.seconds),
        )


class ImportCounts(Model):
    """Rows by what became of them."""

    staged: int
    """They wait for the cut-over."""
    waiting: int
    """They are still to be verified, or to be tried again."""
    created: int
    """A grant was created."""
    renewed: int
    """The mailbox had a grant, which has the new credential now."""
    unchanged: int
    """The grant is there already, as it is in the row."""
    sign_in: int
    """The owner of the mailbox has to sign in again."""
    refused: int
    """The row is wrong, or contradicts what is stored."""
    failed: int
    """It could not be verified: the provider, or the connector, did not work."""
    cancelled: int
    """The import was cancelled first."""


class ImportTrouble(Model):
    """Why a source does not work. The import asks it now and then, and goes on by itself when it works again."""

    class_: str = Field(alias="class")
    """Whose fault it is: `connector`, `provider_down`, `rate_limited` or `unknown`."""
    reason: str
    """A short name of it."""
    remedy: str | None = None
    """What helps."""
    since: int
    """Unix seconds."""


class ImportSource(Model):
    """A credential, a connector or a mail host that rows are verified at."""

    id: str
    """Of the credential or connector; for a mail host, `<connector id>/<host>`."""
    provider: ProviderName
    """Which provider the mailboxes are at."""
    state: _SourceState
    """`staged`: its rows wait for the cut-over. `paused`: it does not work at the moment."""
    rows: int
    """How many there are."""
    counts: ImportCounts
    """Of them, by outcome."""
    paused_until: int | None = None
    """When it is asked again, in Unix seconds."""
    trouble: ImportTrouble | None = None
    """Why it is paused."""

    @classmethod
    def of(cls, source: imports.SourceProgress) -> "ImportSource":
        trouble = source.trouble
        return cls.model_construct(
            id=source.source,
            provider=source.provider,
            state="paused" if source.state == "open" and trouble is not None else cast(_SourceState, source.state),
            rows=source.rows,
            counts=_counts(source.counts),
            paused_until=_seconds(source.paused_until),
            trouble=None
            if trouble is None
            else ImportTrouble.model_construct(**{**trouble, "since": _seconds(trouble["since"])}),
        )


class ImportSpan(Model):
    """A span of time and the rows that were done in it."""

    at: int
    """Its begin, in Unix seconds."""
    rows: int
    """Rows of batches that ended in it, or were last worked on."""


class ImportJob(Model):
    """An import, as lists show it."""

    id: str
    name: str
    """What the caller named it, or the name of the file."""
    status: ImportState
    """`loading`: rows are being stored. `running`: they are verified, or wait for the cut-over. `finished`: no row
    waits."""
    cut_over: bool
    """Whether rows whose refresh token ends with its use wait for the cut-over."""
    cut_over_at: int | None = None
    """When the cut-over comes by itself, in Unix seconds."""
    cut_over_done_at: int | None = None
    """When the last of it was cut over, in Unix seconds."""
    hold_refresh: bool
    """Whether its grants are not refreshed before the cut-over, also after the import has finished."""
    created_at: int
    """Unix seconds."""
    started_at: int | None = None
    """When all rows were stored, in Unix seconds."""
    finished_at: int | None = None
    """When it was finished or cancelled, in Unix seconds."""

    @classmethod
    def of(cls, job: Import) -> "ImportJob":
        return cls.model_construct(**_members(job))


class ImportProgress(ImportJob):
    """An import and how far it is."""

    rows: int
    """Lines that are stored so far."""
    counts: ImportCounts
    """Rows by outcome."""
    rows_per_second: float | None = None
    """Over the last minute; absent while no row is verified."""
    ends_at: int | None = None
    """When it will be done at this speed, in Unix seconds; absent where that is not known."""
    sources: list[ImportSource]
    """Those that do not work first, then those with most rows that wait; at most 100."""
    all_sources: int
    """How many sources there are."""
    span_seconds: int
    """The length of a span."""
    spans: list[ImportSpan]
    """Rows done over time. Spans without rows are left out."""

    @classmethod
    def shown(cls, progress: imports.Progress, spans: list[tuple[Micros, int]], step: Micros) -> "ImportProgress":
        return cls.model_construct(
            **_members(progress.job),
            rows=progress.rows,
            counts=_counts(progress.counts),
            rows_per_second=None if progress.rate is None else round(progress.rate, 1),
            ends_at=_seconds(progress.ends_at),
            sources=[ImportSource.of(source) for source in progress.sources],
            all_sources=progress.all_sources,
            span_seconds=step // SECOND,
            spans=[ImportSpan.model_construct(at=at // SECOND, rows=rows) for at, rows in spans],
        )


class ResultFilter(Model):
    """Which rows."""

    outcome: _Outcomes | None = None
    """Only rows with these outcomes, separated by commas."""


class ResultQuery(cursors.Query, ResultFilter):
    """Which rows, and which part of the list."""


class ImportResult(Model):
    """A line of the input, and what became of it."""

    line: int
    """In the input, from 1."""
    id: str | None = None
    """Your own id of the row."""
    provider: ProviderName | None = None
    """Absent where the line could not be read."""
    grant_id: str | None = None
    """The grant of the row, or the id that the row asks for."""
    outcome: Outcome
    """What became of it."""
    class_: str | None = Field(default=None, alias="class")
    """Whose fault it is, where it did not work."""
    reason: str | None = None
    """Why."""
    remedy: str | None = None
    """What helps."""
    attempts: int
    """How often it was tried."""
    at: int | None = None
    """When it got its outcome, in Unix seconds."""

    @classmethod
    def of(cls, row: imports.ImportedRow) -> "ImportResult":
        return cls.model_construct(
            line=row.line,
            id=row.key,
            provider=row.provider,
            grant_id=row.grant_id,
            outcome=row.outcome,
            class_=row.class_,
            reason=row.reason,
            remedy=row.remedy,
            attempts=row.attempts,
            at=_seconds(row.at),
        )


def _counts(counts: Mapping[Outcome, int]) -> ImportCounts:
    members: dict[str, Any] = {str(outcome): number for outcome, number in counts.items()}
    return ImportCounts.model_construct(**members)


def _members(job: Import) -> dict[str, Any]:
    return {
        "id": job.id,
        "name": job.name,
        "status": job.state,
        "cut_over": job.cut_over,
        "cut_over_at": _seconds(job.cut_over_at),
        "cut_over_done_at": _seconds(job.cut_at),
        "hold_refresh": job.hold_refresh,
        "created_at": _seconds(job.created_at),
        "started_at": _seconds(job.started_at),
        "finished_at": _seconds(job.finished_at),
    }


def _seconds(at: Micros | None) -> int | None:
    return None if at is None else at // SECOND
