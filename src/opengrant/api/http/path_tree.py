"""Finds the endpoint of a path in a tree of segments."""

from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from opengrant.errors import NotFound


class Router:
    """Finds the endpoint of a path segment by segment, in the path as sent.

    An encoded slash stays inside its segment; frameworks that decode first lose it. The time does not grow with the
    number of routes. A literal segment wins over a parameter.
    """

    def __init__(self) -> None:
        self._root = _Node()

    def add(self, path: str, endpoint: ASGIApp) -> None:
        """Enter an endpoint. `{name}` in its path matches one segment."""
        node = self._root
        for segment in _segments(path):
            if segment.startswith("{"):
                node.name = segment[1:-1]
                node.any = node = node.any or _Node()
            else:
                node = node.literal.setdefault(segment, _Node())
        node.endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        params: dict[str, str] = {}
        node = self._root
        for segment in _segments(raw_path(scope)):
            if segment in node.literal:
                node = node.literal[segment]
            elif node.any is not None and segment:
                params[node.name] = unquote(segment) if "%" in segment else segment
                node = node.any
            else:
                raise _nothing_here(scope)
        if node.endpoint is None:
            raise _nothing_here(scope)
        scope["path_params"] = params
        await node.endpoint(scope, receive, send)


class _Node:
    """The segments that may follow a prefix of a path."""

    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.name = ""
        self.endpoint: ASGIApp | None = None


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/")


def raw_path(scope: Scope) -> str:
    """The path as sent, without its query."""
    sent: bytes = scope.get("raw_path") or scope["path"].encode()
    return sent.partition(b"?")[0].decode("utf-8", "replace")


def _nothing_here(scope: Scope) -> NotFound:
    return NotFound(f"There is no {scope['path']} here. GET /openapi.json lists what there is.")
