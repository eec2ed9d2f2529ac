"""GET /v3/console/grants.csv: a list of grants as a file. The vendor's API has no such path."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime

from opengrant.api.console import TAG
from opengrant.api.grants import filters_of
from opengrant.api.http.request import Request
from opengrant.api.http.responses import Streamed
from opengrant.api.http.route_table import InConsole, Stream, route
from opengrant.api.wire import grants as wire
from opengrant.errors import InvalidRequest
from opengrant.grants.manage import GrantFilters, Position, Window
from opengrant.grants.refresh.source_health import Shown
from opengrant.model import SECOND, Micros
from opengrant.model.spreadsheets import table

COLUMNS = (
    *("id", "email", "provider", "grant_status", "trouble_class", "trouble_reason", "name", "state"),
    *("workspace_id", "provider_user_id", "ip", "created_at", "updated_at", "proven_at", "next_check_at"),
)
_AT_ONCE = 500
"""Grants that one query reads."""


@route(
    "GET",
    "/v3/console/grants.csv",
    tag=TAG,
    access=InConsole(needs="all"),
    query=wire.GrantConditions,
    answers=Stream("text/csv"),
    errors=(InvalidRequest,),
)
async def download_grants(request: Request) -> AbstractAsyncContextManager[Streamed]:
    """Download grants as CSV.

    The filters and the order are those of GET /v3/grants. It comes while it is read, so the file may be of any size.
    Times are in UTC. It has no secret.
    """
    query = request.query(wire.GrantConditions)
    window = Window(order=query.sort_by, descending=query.order_by == "desc", limit=_AT_ONCE)
    return _streamed(request, filters_of(query), window)


@contextlib.asynccontextmanager
async def _streamed(request: Request, filters: GrantFilters, window: Window) -> AsyncIterator[Streamed]:
    pages = _pages(request, filters, window)
    first = await anext(pages)  # a refusal comes before the answer begins
    headers = [(b"content-disposition", b"attachment; filename=grants.csv"), (b"x-content-type-options", b"nosniff")]
    async with contextlib.aclosing(pages):
        yield Streamed(b"text/csv; charset=utf-8", headers, first, False, pages)


async def _pages(request: Request, filters: GrantFilters, window: Window) -> AsyncGenerator[bytes]:
    head: list[tuple[str, ...]] = [COLUMNS]
    while True:
        found = await request.services.grants.page(request.application, filters, window)
        yield table([*head, *map(_row, found)])
        if len(found) < window.limit:
            return
        head, last = [], found[-1].grant
        window = replace(window, after=Position(getattr(last, window.order), last.id))


def _row(shown: Shown) -> tuple[str, ...]:
    grant, trouble = shown.grant, shown.inherited or shown.grant.trouble
    return (  # in the order of COLUMNS
        *(grant.id, grant.email, grant.provider.value, grant.status),
        *(("", "") if trouble is None else (trouble.kind, trouble.reason)),
        *(grant.name or "", grant.state or "", grant.workspace_id or "", grant.user_id or "", grant.ip or ""),
        *map(_time, (grant.created_at, grant.updated_at, grant.proven_at, grant.due_at)),
    )


def _time(at: Micros | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
