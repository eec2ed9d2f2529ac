"""Answers: the success envelope, the error envelope, and the headers that every answer carries."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails, to_json
from starlette.types import Send

from opengrant.errors import InvalidRequest, MethodNotAllowed, OpenGrantError

JSON = b"application/json"
"""Exactly this, without a charset: one official SDK compares the whole header."""


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


def success(request_id: str, data: Mapping[str, Any] | None) -> bytes:
    """{request_id, data}; without data just the id, never an empty body."""
    envelope: dict[str, Any] = {"request_id": request_id}
    if data is not None:
        envelope["data"] = data
    return to_json(envelope, exclude_none=True)


def page(request_id: str, rows: Sequence[Mapping[str, Any]], *, limit: int, offset: int) -> bytes:
    """No cursor: a client that found one would follow it for ever."""
    return to_json({"request_id": request_id, "data": rows, "limit": limit, "offset": offset}, exclude_none=True)


def error(request_id: str, problem: OpenGrantError) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    """Status, body and extra headers of a failure. The only place where an error becomes an answer."""
    detail: dict[str, Any] = {"type": problem.type, "message": problem.message}
    if problem.provider_error is not None:
        detail["provider_error"] = dict(problem.provider_error)
    extra = []
    if problem.retry_after is not None:
        extra.append((b"retry-after", str(problem.retry_after).encode()))
    if isinstance(problem, MethodNotAllowed):
        extra.append((b"allow", ", ".join(problem.allow).encode()))
    return problem.status, to_json({"request_id": request_id, "error": detail}), extra


_SHOWN = 5


def explain(problem: ValidationError) -> InvalidRequest:
    """All that is wrong with a body or query, each with its path; never the value that was sent."""
    details = problem.errors(include_url=False, include_context=False, include_input=False)
    lines = [_line(detail) for detail in details[:_SHOWN]]
    if len(details) > _SHOWN:
        lines.append(f"and {len(details) - _SHOWN} more")
    return InvalidRequest("; ".join(lines) + ".")


def _line(detail: ErrorDetails) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    what = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "missing":
        what = "is required"
    elif detail["type"] == "string_pattern_mismatch":
        what = "has characters that are not allowed here"
    else:
        what = what[:1].lower() + what[1:]
    return f"{where}: {what}" if where else what
