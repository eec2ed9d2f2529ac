"""The description of the API, without a key: /openapi.json, and in pieces for /reference."""

import asyncio
import functools
import gzip
from collections.abc import Callable, Mapping

from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from opengrant.api.http.openapi_pieces import Pieces
from opengrant.api.http.path_tree import Router
from opengrant.api.http.static import only_get, send_asset
from opengrant.errors import NotFound
from opengrant.pages import Asset

_HEADERS = [(b"cache-control", b"no-cache")]


class Described:
    """GET of the description or a piece of it. `find` gets the parameters of the path; it returns None for no piece."""

    def __init__(self, route: str, find: Callable[[Mapping[str, str]], Asset | None]) -> None:
        self._route = route
        self._find = find

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["opengrant.route"] = self._route
        only_get(scope)
        found = await asyncio.to_thread(self._find, scope["path_params"])
        if found is None:
            raise NotFound("This release has no such operation.")
        await send_asset(scope, send, found, _HEADERS)


@functools.cache
def whole(public_url: str | None) -> Asset:
    """/openapi.json, written once: that takes a third of a second."""
    from opengrant.api.http.openapi import document  # noqa: PLC0415 -- only this request needs it

    return _asset(to_json(document(public_url)))


@functools.cache
def _pieces(public_url: str | None) -> Pieces:
    return Pieces(whole(public_url).content)


@functools.cache
def _operations(public_url: str | None) -> Asset:
    """All operations, without their parameters, bodies and answers."""
    return _asset(_pieces(public_url).operations)


@functools.lru_cache(maxsize=1024)  # more than there are operations; strangers can ask for any id
def _operation(public_url: str | None, id_: str) -> Asset | None:
    """One operation, with the schemas that it refers to."""
    found = _pieces(public_url).operation(id_)
    return None if found is None else _asset(found)


def _asset(json: bytes) -> Asset:
    return Asset("openapi.json", json, "application/json", {"gzip": gzip.compress(json, 9, mtime=0)})


def add_to(router: Router, public_url: str | None) -> None:
    """Add the routes of the description."""
    pieces = {
        "/openapi.json": lambda _: whole(public_url),
        "/reference/operations": lambda _: _operations(public_url),
        "/reference/operations/{id}": lambda path: _operation(public_url, path["id"]),
    }
    for route, find in pieces.items():
        router.add(route, Described(route, find))
