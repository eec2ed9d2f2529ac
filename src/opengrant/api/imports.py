"""/v3/imports: many grants at once. The vendor's API has no such path."""

import asyncio
import contextlib
import gzip
import zlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from hashlib import sha256
from io import BytesIO

from pydantic_core import to_json

from opengrant.api.http.cursors import listed
from opengrant.api.http.request import Request
from opengrant.api.http.responses import Streamed
from opengrant.api.http.route_table import Cursor, FileBody, Key, One, Stream, route
from opengrant.api.import_rows import ROWS
from opengrant.api.wire import import_jobs as wire
from opengrant.api.wire import pagination as cursors
from opengrant.errors import InvalidPayload, InvalidRequest, NotFound, Overloaded, PayloadTooLarge
from opengrant.imports import result_file
from opengrant.imports.loading import Superseded
from opengrant.imports.rows import Refused
from opengrant.model.imports import Import

TAG = "Imports"
NDJSON = "application/x-ndjson"
_PIECE = 64 * 1024
"""Bytes that are read before other requests have their turn."""
_GZIP = b"\x1f\x8b"
_SEND_LESS = "Send several requests, or use `opengrant import`."
_MOST_REFUSED = 100
"""Refused lines that a dry run lists."""


@route(
    "GET",
    "/v3/imports",
    tag=TAG,
    query=cursors.Query,
    answers=Cursor(wire.ImportJob),
    errors=(InvalidRequest,),
    addition=True,
)
async def list_imports(request: Request) -> tuple[list[wire.ImportJob], str | None]:
    """List imports.

    Newest first. `next_cursor` is there while there are more.
    """
    asked = listed(request, cursors.Query, of=f"imports {request.application.id}")
    found = await request.services.imports.page(request.application, before=asked.after, limit=asked.query.size + 1)
    shown, cursor = asked.cut(found, lambda job: (job.created_at, job.id))
    return [wire.ImportJob.of(job) for job in shown], cursor


@route(
    "POST",
    "/v3/imports",
    tag=TAG,
    access=Key("grants.import"),
    query=wire.ImportOptions,
    body=wire.ImportBody,
    file=FileBody(NDJSON, wire.MOST_BYTES),
    answers=One(wire.ImportProgress, status=201),
    errors=(InvalidRequest, PayloadTooLarge, Overloaded),
    addition=True,
)
async def create_import(request: Request) -> wire.ImportProgress:
    """Create an import.

    Creates many grants, in the background, on any node. Each row is verified as POST /v3/connect/custom does it.

    The body is NDJSON (`application/x-ndjson`), CSV with a header (`text/csv`), either of them with gzip, or JSON with
    `rows`. A row is a body of POST /v3/connect/custom with your own `id` of the row. With `grant_id`, a UUID, the grant
    has that id. At most 16 MB, unpacked, and 100,000 rows; the command line has no limit.

    A row that cannot be imported is refused with its line and the reason, and the others go on. Sending the same body
    again, with the same options, returns the same import.
    """
    new, service = request.query(wire.ImportOptions).to_model(), request.services.import_loading
    content = await _content(request)
    try:
        loaded = await service.load(
            request.application,
            _pieces(content),
            new,
            ROWS,
            content=(await asyncio.to_thread(sha256, content)).digest(),
        )
    except Superseded as problem:
        raise Overloaded(str(problem), retry_after=2) from None
    return await _progress(request, loaded.job)


@route(
    "POST",
    "/v3/imports/dry-run",
    tag=TAG,
    query=wire.ImportOptions,
    body=wire.ImportBody,
    file=FileBody(NDJSON, wire.MOST_BYTES),
    answers=One(wire.ImportReport),
    errors=(InvalidRequest, PayloadTooLarge, Overloaded),
    addition=True,
)
async def check_import(request: Request) -> wire.ImportReport:
    """Check an import.

    Checks rows without importing them: their shape, duplicates, and what is stored. No provider is asked.
    """
    new, refused = request.query(wire.ImportOptions).to_model(), list[Refused]()

    def refuse(one: Refused) -> None:
        if len(refused) < _MOST_REFUSED:
            refused.append(one)

    report = await request.services.import_checking.check(
        request.application, _pieces(await _content(request)), new, ROWS, refuse=refuse
    )
    return wire.ImportReport.of(report, refused)


async def _content(request: Request) -> bytes:
    """The rows as a file. Raises InvalidPayload, InvalidRequest, PayloadTooLarge."""
    kind = (request.header(b"content-type") or "").lower()
    if not kind.startswith("application/json"):
        return await asyncio.to_thread(_unpacked, request.body)
    return b"".join(to_json(row) + b"\n" for row in request.read(wire.ImportBody).rows)


def _unpacked(body: bytes) -> bytes:
    """Within the limits, before anything of it is stored. Raises InvalidPayload, PayloadTooLarge."""
    content = body
    if body.startswith(_GZIP):
        try:
            with gzip.GzipFile(fileobj=BytesIO(body)) as file:
                content = file.read(wire.MOST_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            raise InvalidPayload("The body is packed with gzip, and is damaged or ends early. Pack it again.") from None
    if len(content) > wire.MOST_BYTES:
        raise PayloadTooLarge(f"The rows have more than {wire.MOST_BYTES} bytes when they are unpacked. {_SEND_LESS}")
    if content.count(b"\n") > wire.MOST_ROWS + 1:  # a table has a header
        raise PayloadTooLarge(f"The body has more than {wire.MOST_ROWS} lines. {_SEND_LESS}")
    return content


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), _PIECE):
        yield content[begin : begin + _PIECE]


@route(
    "GET",
    "/v3/imports/{import_id}",
    tag=TAG,
    answers=One(wire.ImportProgress),
    errors=(NotFound,),
    addition=True,
)
async def get_import(request: Request) -> wire.ImportProgress:
    """Get an import.

    How far it is: rows by outcome, the speed, the sources that do not work, and when it will be done.
    """
    job = await request.services.imports.get(request.application, request.params["import_id"])
    return await _progress(request, job)


@route(
    "GET",
    "/v3/imports/{import_id}/results",
    tag=TAG,
    query=wire.ResultQuery,
    answers=Cursor(wire.ImportResult),
    errors=(InvalidRequest, NotFound),
    addition=True,
)
async def list_import_results(request: Request) -> tuple[list[wire.ImportResult], str | None]:
    """List import results.

    One entry for each line of the input, in its order; rows that still wait are there, too.
    """
    import_id = request.params["import_id"]
    asked = listed(request, wire.ResultQuery, of=f"results {request.application.id} {import_id}")
    service = request.services.imports
    job = await service.get(request.application, import_id)
    after = 0 if asked.after is None else asked.after[0]
    found = await service.results(
        request.application, job, after=after, limit=asked.query.size + 1, outcomes=asked.query.outcome or ()
    )
    shown, cursor = asked.cut(found, lambda row: (row.line, ""))
    return [wire.ImportResult.of(row) for row in shown], cursor


@route(
    "GET",
    "/v3/imports/{import_id}/results.ndjson",
    tag=TAG,
    query=wire.ResultFilter,
    answers=Stream("application/x-ndjson"),
    errors=(InvalidRequest, NotFound),
    addition=True,
)
async def download_import_results(request: Request) -> AbstractAsyncContextManager[Streamed]:
    """Download import results.

    One JSON object a line for each line of the input, in its order: `line`, `id`, `provider`, `grant_id`, `outcome`,
    `class`, `reason` and `remedy`. It is complete at any time: rows that still wait are in it. It comes while it is
    read, so it may be of any size, and has no secret.
    """
    return _streamed(request, "ndjson", b"application/x-ndjson")


@route(
    "GET",
    "/v3/imports/{import_id}/results.csv",
    tag=TAG,
    query=wire.ResultFilter,
    answers=Stream("text/csv"),
    errors=(InvalidRequest, NotFound),
    addition=True,
)
async def download_import_results_csv(request: Request) -> AbstractAsyncContextManager[Streamed]:
    """Download import results as CSV.

    The columns are the members of the NDJSON file.
    """
    return _streamed(request, "csv", b"text/csv; charset=utf-8")


@contextlib.asynccontextmanager
async def _streamed(request: Request, form: result_file.Form, media: bytes) -> AsyncIterator[Streamed]:
    query, service = request.query(wire.ResultFilter), request.services.imports
    job = await service.get(request.application, request.params["import_id"])
    pages = result_file.pages(service, request.application, job, form, outcomes=query.outcome or ())
    first = await anext(pages, b"")
    name = f"attachment; filename=import-results.{form}".encode()
    headers = [(b"content-disposition", name), (b"x-content-type-options", b"nosniff")]
    async with contextlib.aclosing(pages):
        yield Streamed(media, headers, first, False, pages)


@route(
    "POST",
    "/v3/imports/{import_id}/pause",
    tag=TAG,
    answers=One(wire.ImportProgress),
    errors=(InvalidRequest, NotFound),
    addition=True,
)
async def pause_import(request: Request) -> wire.ImportProgress:
    """Pause an import.

    No other row is begun, on any node. Rows that are being verified are finished.
    """
    job = await request.services.imports.pause(request.application, request.params["import_id"])
    return await _progress(request, job)


@route(
    "POST",
    "/v3/imports/{import_id}/resume",
    tag=TAG,
    answers=One(wire.ImportProgress),
    errors=(InvalidRequest, NotFound),
    addition=True,
)
async def resume_import(request: Request) -> wire.ImportProgress:
    """Resume an import.

    A paused one goes on where it stopped.
    """
    job = await request.services.imports.resume(request.application, request.params["import_id"])
    return await _progress(request, job)


@route(
    "POST",
    "/v3/imports/{import_id}/cut-over",
    tag=TAG,
    access=Key("grants.import"),
    body=wire.CutOverBody,
    answers=One(wire.ImportProgress),
    errors=(InvalidRequest, NotFound),
    addition=True,
)
async def start_cut_over(request: Request) -> wire.ImportProgress:
    """Start the cut-over of an import.

    Rows that waited for it are verified from now on, which uses their refresh tokens: stop the other side from
    refreshing first. Grants that were held back are refreshed again.
    """
    body = request.read(wire.CutOverBody) if request.body else wire.CutOverBody()
    job = await request.services.imports.cut_over(request.application, request.params["import_id"], source=body.source)
    return await _progress(request, job)


@route(
    "POST",
    "/v3/imports/{import_id}/cancel",
    tag=TAG,
    answers=One(wire.ImportProgress),
    errors=(InvalidRequest, NotFound),
    addition=True,
)
async def cancel_import(request: Request) -> wire.ImportProgress:
    """Cancel an import.

    No other row is verified, and the credentials of rows that still wait are destroyed. Grants that exist stay.
    """
    job = await request.services.imports.cancel(request.application, request.params["import_id"])
    return await _progress(request, job)


async def _progress(request: Request, job: Import) -> wire.ImportProgress:
    service, app = request.services.imports, request.application
    step, spans = await service.speed(app, job)
    return wire.ImportProgress.shown(await service.progress(app, job), spans, step)
