"""The route table: one row says who may call, what comes in, what comes back, and how that is documented.

    @route("GET", "/v3/things/{id}", tag="Things", access=Key("things.read"), answers=One(wire.Thing))
    async def get_thing(request: Request) -> wire.Thing: ...

In /openapi.json the first line of the handler's docstring is the operation's name, as in "Create a grant"; what follows
is its description.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypedDict, Unpack

from pydantic import BaseModel

from opengrant.api.http import responses
from opengrant.api.http.request import Request
from opengrant.errors import OpenGrantError
from opengrant.model import Permission

# ── who may call ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Key:
    """An API key or a console session that has the permission.

    by_token    an access token may call it too, for its own grant
    by_session  False: no console session may
    """

    needs: Permission = "all"
    by_token: bool = False
    by_session: bool = True


@dataclass(frozen=True, slots=True)
class Signed:
    """A service account that has the permission and signs its requests, or an operator's console session."""

    permission: str


@dataclass(frozen=True, slots=True)
class InConsole:
    """A console session.

    operator  one that a link began
    needs     with this permission
    """

    operator: bool = False
    needs: Permission | None = None


@dataclass(frozen=True, slots=True)
class SignIn:
    """A page of the console, before it has a session."""


@dataclass(frozen=True, slots=True)
class Open:
    """Every client; no credential is read."""


Access = Key | Signed | InConsole | SignIn | Open

# ── what comes back ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Done:
    """`{request_id}`; the handler returns None."""

    status: ClassVar[int] = 200

    def encode(self, request_id: str, _: None) -> bytes:
        return responses.success(request_id, None)


@dataclass(frozen=True, slots=True)
class One:
    """`{request_id, data}`.

    says_success  the envelope has `success: true` too, as a few calls of the wire have it
    says_grant    the envelope has the answer's `grant_id` too
    put_off       members of an answer that says what will be done later: with them the status is 202, and the envelope
                  has them too
    """

    shape: Any
    status: int = 200
    says_success: bool = False
    says_grant: bool = False
    put_off: tuple[str, ...] = ()

    def status_of(self, answer: Any) -> int:
        return 202 if self.put_off and self.put_off[0] in answer else self.status

    def encode(self, request_id: str, answer: Any) -> bytes:
        repeated = (*(("grant_id",) if self.says_grant else ()), *self.put_off)
        more = {name: answer[name] for name in repeated if name in answer}
        return responses.success(request_id, answer, says_success=self.says_success, more=more)


@dataclass(frozen=True, slots=True)
class Page:
    """`{request_id, data: [...], limit, offset}`; the handler returns (rows, paging).

    by_cursor  `next_cursor`, too; the handler returns (rows, paging, cursor or None)
    """

    shape: Any
    by_cursor: bool = False
    status: ClassVar[int] = 200

    def encode(self, request_id: str, answer: Any) -> bytes:
        rows, paging, *cursor = answer
        return responses.page(request_id, rows, *cursor, limit=paging.size, offset=paging.offset)


@dataclass(frozen=True, slots=True)
class Cursor:
    """`{request_id, data: [...], next_cursor}`; the handler returns (rows, cursor or None)."""

    shape: Any
    status: ClassVar[int] = 200

    def encode(self, request_id: str, answer: Any) -> bytes:
        rows, cursor = answer
        return responses.cursor(request_id, rows, cursor)


@dataclass(frozen=True, slots=True)
class Flat:
    """The answer alone, without an envelope."""

    shape: Any
    status: ClassVar[int] = 200

    def encode(self, _: str, answer: Any) -> bytes:
        return responses.flat(answer)


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect, or a page in its place; the handler returns `responses.Raw`."""

    status: ClassVar[int] = 302


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes; the handler returns a context manager that opens a `responses.Streamed`."""

    media: str = "application/octet-stream"
    status: ClassVar[int] = 200


Answers = Done | One | Page | Cursor | Flat | Redirect | Stream

# ── the table ─────────────────────────────────────────────────────────────────────────────────────────────────────

Handler = Callable[[Request], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class FileBody:
    """A body that may be a file itself, or JSON of which the only member holds it.

    media    of the file
    largest  bytes of either, whatever the setting says of other bodies
    """

    media: str
    largest: int


@dataclass(frozen=True, slots=True)
class MultipartBody:
    """A body that may be multipart/form-data: the part of this name is the JSON, every other one is a file.

    largest  bytes of either form, whatever the setting says of other bodies
    """

    name: str
    largest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One verb on one path.

    body        the model of the request body, or a union of models: the documentation shows a oneOf; with
                None, the body may be absent
    query       the model of the query string
    errors      what the handler may raise, beside what every route may
    form        the body may be an HTML form too, and may be absent
    file        the body may be a file, or have files beside it
    reads       headers that mean something here: Idempotency-Key, If-Available
    alias_of    the verb, or verb and path, of the operation that this one repeats
    served      False: it authenticates and then answers 501; its path is not in the table
    addition    the vendor's API has no such call; a call of the console needs no mark
    limit       how often it may be called, in words
    """

    method: str
    path: str
    handler: Handler
    tag: str
    access: Access = Key()
    answers: Answers = Done()
    body: Any = None
    query: type[BaseModel] | None = None
    errors: tuple[type[OpenGrantError], ...] = ()
    form: bool = False
    file: FileBody | MultipartBody | None = None
    reads: tuple[str, ...] = ()
    alias_of: str | None = None
    served: bool = True
    addition: bool = False
    limit: str | None = None


class Rarely(TypedDict, total=False):
    """What few rows say; the meanings are those of Operation."""

    form: bool
    file: FileBody | MultipartBody | None
    reads: tuple[str, ...]
    addition: bool
    limit: str


OPERATIONS: list[Operation] = []


def route(
    method: str,
    path: str,
    *,
    tag: str,
    access: Access = Key(),
    answers: Answers = Done(),
    body: Any = None,
    query: type[BaseModel] | None = None,
    errors: tuple[type[OpenGrantError], ...] = (),
    also: str | None = None,
    also_at: str | None = None,
    **rarely: Unpack[Rarely],
) -> Callable[[Handler], Handler]:
    """Enter a handler into the table. `also` is a second verb, `also_at` a second path with the same meaning."""
    others = [(verb, at) for at in (path, also_at) for verb in (method, also) if verb and at][1:]

    def enter(handler: Handler) -> Handler:
        first = Operation(
            method=method,
            path=path,
            handler=handler,
            tag=tag,
            access=access,
            answers=answers,
            body=body,
            query=query,
            errors=errors,
            **rarely,
        )
        OPERATIONS.append(first)
        for verb, at in others:
            alias_of = method if at == path else f"{method} {path}"
            OPERATIONS.append(replace(first, method=verb, path=at, alias_of=alias_of))
        return handler

    return enter
