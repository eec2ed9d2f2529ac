"""The description of the API, without a key: /openapi.json, and in pieces for /reference."""

import asyncio
import functools
import gzip

from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from opengrant.api.http.openapi_pieces import Pieces
from opengrant.api.http.path_tree import Router
from opengrant.api.http.static import only_get, send_asset
from opengrant.errors import NotFound
from opengrant.pages import Asset

_HEADERS = [(b"cache-control", b"no-cache")]


class Whole:
    """GET /openapi.json."""

    def __init__(self, public_url: str | None) -> None:
        self.public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["opengrant.route"] = "/openapi.json"
        only_get(scope)
        described = await asyncio.to_thread(whole, self.public_url)
        await send_asset(scope, send, described, _HEADERS)


class Operations:
    """GET /reference/operations: all operations, without their parameters, bodies and answers."""

    def __init__(self, public_url: str | None) -> None:
        self.public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["opengrant.route"] = "/reference/operations"
        only_get(scope)
        pieces = await asyncio.to_thread(_pieces, self.public_url)
        await send_asset(scope, send, _asset(pieces.operations), _HEADERS)


class OneOperation:
    """GET /reference/operations/{id}: one operation, with the schemas that it refers to."""

    def __init__(self, public_url: str | None) -> None:
        self.public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["opengrant.route"] = "/reference/operations/{id}"
        only_get(scope)
        pieces = await asyncio.to_thread(_pieces, self.public_url)
        found = pieces.operation(scope["path_params"]["id"])
        if found is None:
            raise NotFound("This release has no such operation.")
        await send_asset(scope, send, _asset(found), _HEADERS)


@functools.cache
def whole(public_url: str | None) -> Asset:
    """/openapi.json, written once: that takes a third of a second."""
    from opengrant.api.http.openapi import document  # noqa: PLC0415 -- only this request needs it

    return _asset(to_json(document(public_url)))


@functools.cache
def _pieces(public_url: str | None) -> Pieces:
    return Pieces(whole(public_url).content)


def _asset(json: bytes) -> Asset:
    return Asset("openapi.json", json, "application/json", {"gzip": gzip.compress(json, 9, mtime=0)})


def add_to(router: Router, public_url: str | None) -> None:
    """Add the routes of the description."""
    router.add("/openapi.json", Whole(public_url))
    router.add("/reference/operations", Operations(public_url))
    router.add("/reference/operations/{id}", OneOperation(public_url))
