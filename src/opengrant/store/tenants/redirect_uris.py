"""Callback URIs of hosted sign-in, and origins of web pages that may call the API."""

from collections.abc import Iterable, Sequence

from opengrant.model import RedirectUri
from opengrant.store.engine.columns import Columns
from opengrant.store.engine.json_columns import OBJECT
from opengrant.store.engine.port import Statement, Steps

_COLUMNS = Columns(
    RedirectUri, ("id", "application_id", "url", "platform", "settings", "created_at", "updated_at"), settings=OBJECT
)


def add(uri: RedirectUri) -> Steps[bool]:
    """False if the application has that URL already."""
    rows = yield Statement(
        f"""insert into redirect_uris ({_COLUMNS}) values ({_COLUMNS.places})
            on conflict do nothing returning id""",
        _COLUMNS.write(uri),
    )
    return bool(rows)


def find(application_id: str, uri_id: str) -> Steps[RedirectUri | None]:
    rows = yield Statement(
        f"select {_COLUMNS} from redirect_uris where application_id = $1 and id = $2", (application_id, uri_id)
    )
    return _COLUMNS.read(rows[0]) if rows else None


def find_url(application_id: str, url: str) -> Steps[RedirectUri | None]:
    """The one with exactly that URL."""
    rows = yield Statement(
        f"select {_COLUMNS} from redirect_uris where application_id = $1 and url = $2", (application_id, url)
    )
    return _COLUMNS.read(rows[0]) if rows else None


def of_application(application_id: str) -> Steps[list[RedirectUri]]:
    """In order of creation."""
    rows = yield Statement(
        f"select {_COLUMNS} from redirect_uris where application_id = $1 order by created_at, id", (application_id,)
    )
    return [_COLUMNS.read(row) for row in rows]


def delete(application_id: str, ids: Sequence[str]) -> Steps[int]:
    """Returns the number of deleted rows."""
    gone = 0
    for uri_id in ids:
        rows = yield Statement(
            "delete from redirect_uris where application_id = $1 and id = $2 returning id", (application_id, uri_id)
        )
        gone += len(rows)
    return gone


def put_origins(application_id: str, wanted: Iterable[str]) -> Steps[None]:
    """Replace the origins of the application with these."""
    held, kept = (yield from origins(application_id)), frozenset(wanted)
    for origin in sorted(held - kept):
        yield Statement(
            "delete from browser_origins where application_id = $1 and origin = $2", (application_id, origin)
        )
    for origin in sorted(kept - held):
        yield Statement(
            "insert into browser_origins (application_id, origin) values ($1, $2)", (application_id, origin)
        )


def origins(application_id: str) -> Steps[frozenset[str]]:
    rows = yield Statement("select origin from browser_origins where application_id = $1", (application_id,))
    return frozenset(origin for (origin,) in rows)


def has_origin(origin: str, application_id: str | None) -> Steps[bool]:
    """Whether it is an origin of that application. None, as in a preflight request: of any application."""
    if application_id is None:
        return bool((yield Statement("select 1 from browser_origins where origin = $1 limit 1", (origin,))))
    return bool(
        (
            yield Statement(
                "select 1 from browser_origins where application_id = $1 and origin = $2", (application_id, origin)
            )
        )
    )
