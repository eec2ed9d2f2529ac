"""`opengrant requests`: what became of a request, by its id.

cli/commands.py names it by path: other commands do not load it.
"""

import contextlib
from typing import TYPE_CHECKING, Annotated, Any

import cyclopts
from cyclopts import Parameter
from cyclopts.types import PositiveInt

from opengrant.api.http.decoding import decode
from opengrant.api.wire.requests import AnsweredRequest, RequestQuery
from opengrant.cli.output import AsJson, Wide, out, print_json, print_rows, time_of
from opengrant.cli.run import Owner, application_of, run
from opengrant.errors import NotFound
from opengrant.operations.request_log import NO_APPLICATION, Entry

if TYPE_CHECKING:
    from opengrant.assembly.installation import Installation

_COLUMNS = ("at", "status", "method", "route", "error")

requests_app = cyclopts.App(name="requests", help="What became of a request, by its id.")


@requests_app.command(name="show")
def requests_show(request: str, /, *, json: AsJson = False) -> None:
    """Show a request of the last day, of any application, or one that was refused before its application was known.

    Parameters
    ----------
    request
        The request_id of an answer, or its header X-Request-Id.
    """

    async def find(installed: "Installation") -> tuple[str, Entry]:
        log = installed.services.requests
        for owner in await installed.services.applications.list_all():
            with contextlib.suppress(NotFound):
                return owner.id, await log.find(owner.id, request)
        return NO_APPLICATION, await log.find(NO_APPLICATION, request)

    owner, entry = run(find)
    shown = {**({"application_id": owner} if owner else {}), **_fields(entry)}
    if json:
        print_json(shown)
    else:
        width = max(map(len, shown))
        for name, value in shown.items():
            out.print(f"{name.ljust(width)}  {time_of(value) if name == 'at' else value}", markup=False)


@requests_app.command(name="list")
def requests_list(
    *,
    status: Annotated[str | None, Parameter(help="Only with this status: 404, 4xx or 5xx.")] = None,
    error: Annotated[str | None, Parameter(help="Only with an error of this type.")] = None,
    grant: Annotated[str | None, Parameter(help="Only of the grant with this id.")] = None,
    unknown: Annotated[
        bool, Parameter(negative="", help="Those without an application: refused keys and sign-in pages.")
    ] = False,
    limit: PositiveInt = 50,
    application: Owner = None,
    wide: Wide = False,
    json: AsJson = False,
) -> None:
    """List the latest requests that were answered with an error, newest first."""
    sent = {"status": status, "error": error, "grant_id": grant, "limit": limit}
    query = decode(RequestQuery, {name: value for name, value in sent.items() if value is not None})

    async def find(installed: "Installation") -> list[Entry]:
        owner = NO_APPLICATION if unknown else (await application_of(installed, application)).id
        return await installed.services.requests.failed(owner, query.to_model(), limit=query.size)

    rows = [_fields(entry) for entry in run(find)]
    if json:
        print_json(rows)
    else:
        # Ids of one minute begin alike, so they are whole or not there.
        names = (*_COLUMNS, "id") if wide else _COLUMNS
        found = [{name: row.get(name) for name in names} | {"at": time_of(row["at"])} for row in rows]
        print_rows(found, json=False, wide=wide, columns=names)


def _fields(entry: Entry) -> dict[str, Any]:
    shown: dict[str, Any] = AnsweredRequest.of(entry).model_dump(exclude_none=True)
    if (error := shown.pop("error", None)) is not None:
        shown |= {"error": error["type"], **({"meaning": error["meaning"]} if "meaning" in error else {})}
    return shown
