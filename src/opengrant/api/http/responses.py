"""Answers: the success envelope, the error envelope, and the headers that every answer carries."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic_core import to_json
from starlette.types import Send

from opengrant.errors import MethodNotAllowed, OAuthRefused, OpenGrantError

JSON = b"application/json"
"""Exactly this, without a charset: one official SDK compares the whole header."""


REPLAYED = (b"idempotent-response", b"true")
"""A header of answers that were given to the same request before."""


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer without an envelope: a redirect, or a page. `headers` beside the content type."""

    status: int
    body: bytes = b""
    content_type: bytes = b""
    headers: Sequence[tuple[bytes, bytes]] = ()


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer of bytes whose length is not known before they are read.

    whole  `first` is all of it
    """

    content_type: bytes
    headers: Sequence[tuple[bytes, bytes]]
    first: bytes
    whole: bool
    rest: AsyncIterator[bytes]


class CutOff(Exception):
    """An answer that had begun could not be finished: its connection is closed, so that its client notices."""

    def __init__(self, problem: OpenGrantError) -> None:
        super().__init__(problem.type)
        self.problem = problem


async def send_streamed(
    send: Send, request_id: str, opened: AbstractAsyncContextManager[Streamed], *, bodiless: bool
) -> None:
    """Raises what opening raises, before anything is sent; CutOff and ClientGone afterwards. bodiless: to HEAD."""
    async with opened as answer:
        headers = [(b"x-request-id", request_id.encode()), *answer.headers]
        if answer.whole:
            await send_bytes(send, 200, answer.content_type, answer.first, extra=headers)
            return
        headers = [(b"content-type", answer.content_type), (b"cache-control", b"no-store"), *headers]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            if not bodiless:
                await send({"type": "http.response.body", "body": answer.first, "more_body": True})
                async for piece in answer.rest:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        except OpenGrantError as problem:
            raise CutOff(problem) from problem


async def send_raw(send: Send, request_id: str, answer: Raw) -> None:
    kind = [(b"content-type", answer.content_type)] if answer.content_type else []
    headers = [
        *kind,
        (b"content-length", str(len(answer.body)).encode()),
        (b"x-request-id", request_id.encode()),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def send_json(
    send: Send, status: int, request_id: str, body: bytes, *, extra: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    await send_bytes(send, status, JSON, body, extra=[(b"x-request-id", request_id.encode()), *extra])


async def send_bytes(
    send: Send, status: int, content_type: bytes, body: bytes, *, extra: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def success(
    request_id: str,
    data: Mapping[str, Any] | None,
    *,
    says_success: bool = False,
    more: Mapping[str, Any] | None = None,
) -> bytes:
    """{request_id, data}; without data just the id, never an empty body. Some calls add `success`, or more."""
    envelope: dict[str, Any] = {"request_id": request_id, **({"success": True} if says_success else {}), **(more or {})}
    if data is not None:
        envelope["data"] = data
    return encode(envelope)


def encode(answer: Mapping[str, Any]) -> bytes:
    """JSON, as Pydantic writes it. orjson takes a third of the time; Pydantic writes what orjson has no type for."""
    try:
        return orjson.dumps(answer, option=_AS_PYDANTIC)
    except TypeError:
        return to_json(answer, exclude_none=True)


_AS_PYDANTIC = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
"""Types that the two write differently are left to Pydantic."""


def flat(answer: Mapping[str, Any]) -> bytes:
    """Without an envelope, as OAuth clients expect it; the request id is in the header only."""
    return encode(answer)


def page(
    request_id: str, rows: Sequence[Mapping[str, Any]], next_cursor: str | None = None, *, limit: int, offset: int
) -> bytes:
    """{request_id, data, limit, offset}, and next_cursor unless it is None."""
    more = {} if next_cursor is None else {"next_cursor": next_cursor}
    return encode({"request_id": request_id, "data": rows, "limit": limit, "offset": offset, **more})


def cursor(request_id: str, rows: Sequence[Mapping[str, Any]], next_cursor: str | None) -> bytes:
    """{request_id, data, next_cursor}; no `next_cursor` on the last page."""
    more = {} if next_cursor is None else {"next_cursor": next_cursor}
    return encode({"request_id": request_id, "data": rows, **more})


OAUTH_PATHS = frozenset({"/v3/connect/token", "/v3/connect/revoke", "/v3/connect/tokeninfo"})
"""Here every error has the body of OAuth."""
_OAUTH_WORDS: Mapping[int, str] = {401: "invalid_client", 403: "access_denied", 429: "temporarily_unavailable"}


def error(request_id: str, problem: OpenGrantError, path: str) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    """Status, body and extra headers of an error. The only place where an error becomes an answer."""
    if path.rstrip("/") in OAUTH_PATHS:
        body = oauth_error(request_id, problem)
    else:
        detail: dict[str, Any] = {"type": problem.type, "message": problem.message}
        if problem.provider_error is not None:
            detail["provider_error"] = dict(problem.provider_error)
        body = {"request_id": request_id, "error": detail}
    extra = []
    if problem.retry_after is not None:
        extra.append((b"retry-after", str(problem.retry_after).encode()))
    if problem.replayed:
        extra.append(REPLAYED)
    if isinstance(problem, MethodNotAllowed):
        extra.append((b"allow", ", ".join(problem.allow).encode()))
    return problem.status, to_json(body), extra


def oauth_error(request_id: str, problem: OpenGrantError) -> dict[str, Any]:
    """The body of an OAuth error. All four members, always: clients do not recognise an error that lacks one."""
    refusal = problem if isinstance(problem, OAuthRefused) else _in_oauth(problem)
    return {
        "error": refusal.error,
        "error_description": refusal.message,
        "error_uri": refusal.uri,
        "error_code": refusal.error_code,
        "request_id": request_id,
    }


def _in_oauth(problem: OpenGrantError) -> OAuthRefused:
    if problem.status >= 500:
        word = "temporarily_unavailable" if problem.retryable else "server_error"
    else:
        word = _OAUTH_WORDS.get(problem.status, "invalid_request")
    return OAuthRefused(word, problem.message, code=problem.status)
