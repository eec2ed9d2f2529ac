"""/v3/imports: many grants at once. The vendor's API has no such path."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from opengrant.api.http.cursors import listed
from opengrant.api.http.request import Request
from opengrant.api.http.responses import Streamed
from opengrant.api.http.route_table import Cursor, One, Stream, route
from opengrant.api.wire import import_jobs as wire
from opengrant.api.wire import pagination as cursors
from opengrant.errors import InvalidRequest, NotFound
from opengrant.imports import result_file

TAG = "Imports"


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
    return await _progress(request, job.id)


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
    return await _progress(request, job.id)


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
    return await _progress(request, job.id)


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
    return await _progress(request, job.id)


async def _progress(request: Request, import_id: str) -> wire.ImportProgress:
    service, app = request.services.imports, request.application
    job = await service.get(app, import_id)
    step, spans = await service.speed(app, job)
    return wire.ImportProgress.shown(await service.progress(app, job), spans, step)
