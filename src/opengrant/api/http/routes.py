"""The route table: one entry says how a call is authorised, decoded and answered, and how it is documented.

A handler is a plain function of a `Call` and, where the route has one, a decoded body or query:

    @route("GET", "/v3/things/{id}", answers=wire.Thing, errors=(NotFound,))
    async def get_thing(call: Call) -> wire.Thing: ...

Its summary and description in /openapi.json are its docstring.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qsl, unquote

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json
from starlette.types import ASGIApp, Receive, Scope, Send

from opengrant.access.console_sessions import ConsoleSession
from opengrant.access.request_signatures import SignatureClaim
from opengrant.api.http import responses as respond
from opengrant.errors import (
    AccessDenied,
    AuthenticationFailed,
    InvalidPayload,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    OpenGrantError,
    PayloadTooLarge,
    Unauthorized,
)
from opengrant.events.actor import Actor, act_as
from opengrant.model import Application, Caller, Permission
from opengrant.services import Services
from opengrant.signin.hosted import CALLBACK
from opengrant.signin.tokens import Holder

Q = TypeVar("Q", bound=BaseModel)
T = TypeVar("T")

BODY_WITHIN = 30.0
"""Seconds a client has to send its body; who is slower only holds a place."""


CONSOLE_COOKIE = "opengrant_console"
CONSOLE_HEADER = "X-OpenGrant-Console"
"""With the value 1. A page of another origin cannot send it without asking first (CORS), and is never allowed to."""

Auth = Literal["key", "signature", "session", "operator", "sign-in"]


class Disconnected(Exception):
    """The client hung up before its request was complete."""


_MARK = "\ufeff".encode()
_HEADER = CONSOLE_HEADER.lower().encode()
_WINS = frozenset({b"authorization", b"x-nylas-kid"})
"""Headers that say who calls; beside one of them the cookie counts for nothing."""


@dataclass(slots=True)
class Call:
    """One request, as far as a handler may know it. Its repr shows nothing that may be a secret."""

    services: Services
    request_id: str
    params: dict[str, str]
    query_string: bytes = field(repr=False)
    caller: Caller | None = None
    body: bytes = field(default=b"", repr=False)
    headers: Sequence[tuple[bytes, bytes]] = field(default=(), repr=False)
    holder: Holder | None = None
    """Whose access token came with the request; None with an API key."""
    session: ConsoleSession | None = None
    """Whose cookie came with the request, from the console."""
    organization: str | None = None
    answer_headers: list[tuple[bytes, bytes]] = field(default_factory=list, repr=False)
    """What the answer carries beside the usual headers."""

    @property
    def organization_id(self) -> str:
        """Of the service account that signed the request, or of the operator's session; only on signed routes."""
        if self.organization is None:
            raise RuntimeError("this route asks for no signature: nobody has been authenticated")
        return self.organization

    @property
    def own_session(self) -> ConsoleSession:
        """The session that the request comes with; only on routes that ask for one."""
        if self.session is None:
            raise RuntimeError("this route asks for no session: nobody has been authenticated")
        return self.session

    @property
    def application(self) -> Application:
        """The application of the API key, access token or session; only on routes that ask for one."""
        if self.session is not None:
            return self.session.application
        if self.holder is not None:
            return self.holder.application
        if self.caller is None:
            raise RuntimeError("this route is open: nobody has been authenticated")
        return self.caller.application

    def header(self, name: bytes) -> str | None:
        """A header by its lower-case name; None when it did not come."""
        return next((value.decode("latin-1") for key, value in self.headers if key == name), None)

    def query(self, shape: type[Q]) -> Q:
        """The query as `shape`. Empty values and the literal `undefined`, which an SDK sends, count as absent."""
        try:
            pairs = parse_qsl(self.query_string.decode("ascii"), errors="strict", max_num_fields=100)
        except (UnicodeDecodeError, ValueError):
            raise InvalidRequest("The query string is not valid: percent-encode it as UTF-8.") from None
        return decode(shape, {key: value for key, value in pairs if value not in {"", "undefined"}})

    def json_or_form(self) -> dict[str, Any]:
        """The body as an HTML form, if that is what its header says, else as JSON. Raises InvalidPayload."""
        if not (self.header(b"content-type") or "").lower().startswith("application/x-www-form-urlencoded"):
            return self.json()
        try:
            pairs = parse_qsl(self.body.decode("ascii"), errors="strict", keep_blank_values=True, max_num_fields=100)
        except (UnicodeDecodeError, ValueError):
            raise InvalidPayload("Invalid form: percent-encode it as UTF-8.") from None
        fields = dict(pairs)
        if len(fields) < len(pairs):
            raise InvalidPayload("Invalid form: a field was sent twice.")
        return fields

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises InvalidPayload."""
        try:
            # Some editors and tools put a mark before what they write.
            decoded = from_json(self.body.removeprefix(_MARK), allow_inf_nan=False)
        except ValueError:
            # The parser's own words may quote the body, and the body may hold a password.
            raise InvalidPayload("Invalid JSON payload format. Send one JSON object, encoded as UTF-8.") from None
        if not isinstance(decoded, dict):
            raise InvalidPayload("Invalid JSON payload format. The body must be a JSON object.")
        return decoded

    def read(self, shape: type[Q]) -> Q:
        """The body as `shape`."""
        return decode(shape, self.json())


def decode(shape: type[Q], value: object) -> Q:
    """Check a decoded body. Raises InvalidRequest that names every wrong field."""
    return checked(lambda: shape.model_validate(value))


def checked(validate: Callable[[], T]) -> T:
    """What `validate` returns; its ValidationError becomes InvalidRequest."""
    try:
        return validate()
    except ValidationError as problem:
        raise respond.explain(problem) from None


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb on one path.

    answers  the wire model inside `data`; None for an answer that is only an id
    listed   the answer is a page of such models
    body     the model of the request body, or a union of models: the documentation shows a oneOf
    query    the model of the query string
    errors   what the handler may raise, beside what every route may
    open     no API key is asked for
    auth     who may call
             key        the bearer of an API key, or a session
             signature  a service account that signs its requests, or an operator's session
             session    a session of the console
             operator   one that a link began
             sign-in    whoever has none yet, from the console's own pages
    permission  what the service account needs
    cursor   the answer is a list that a cursor continues, instead of a page with an offset
    needs    what the API key must be permitted
    by_token  an access token may call it too, for its own grant
    flat     the answer stands alone, without an envelope
    form     the body may be an HTML form too, and need not come
    idempotent  the header Idempotency-Key makes it safe to ask again
    says_success  the envelope of its answer says so once more, as the wire has it
    served  False: it answers whoever may call that there is no such thing yet; its path is none of ours
    """

    method: str
    path: str
    handler: Handler
    answers: Any
    listed: bool
    status: int
    body: Any
    query: type[BaseModel] | None
    errors: tuple[type[OpenGrantError], ...]
    tag: str
    open: bool = False
    alias_of: str | None = None
    auth: Auth = "key"
    permission: str = ""
    cursor: bool = False
    needs: Permission = "all"
    says_success: bool = False
    by_token: bool = False
    flat: bool = False
    form: bool = False
    idempotent: bool = False
    served: bool = True


OPERATIONS: list[Operation] = []


def route(
    method: str,
    path: str,
    *,
    tag: str,
    answers: Any = None,
    listed: bool = False,
    status: int = 200,
    body: Any = None,
    query: type[BaseModel] | None = None,
    errors: tuple[type[OpenGrantError], ...] = (),
    open: bool = False,  # noqa: A002 -- the word for a route without a key
    also: str | None = None,
    auth: Auth = "key",
    permission: str = "",
    cursor: bool = False,
    needs: Permission = "all",
    also_at: str | None = None,
    says_success: bool = False,
    by_token: bool = False,
    flat: bool = False,
    form: bool = False,
    idempotent: bool = False,
) -> Callable[[Handler], Handler]:
    """Enter a handler into the table. `also` names a second verb, `also_at` a second path that means the same."""
    first = (method, path)
    others = [(verb, at) for at in (path, also_at) for verb in (method, also) if verb and at and (verb, at) != first]

    def enter(handler: Handler) -> Handler:
        for verb, at in (first, *others):
            OPERATIONS.append(
                Operation(
                    verb,
                    at,
                    handler,
                    answers,
                    listed,
                    status,
                    body,
                    query,
                    errors,
                    tag,
                    open,
                    None if (verb, at) == first else method if at == path else f"{method} {path}",
                    auth,
                    permission,
                    cursor,
                    needs,
                    says_success,
                    by_token,
                    flat,
                    form,
                    idempotent,
                )
            )
        return handler

    return enter


class Endpoint:
    """All verbs of one path, as an ASGI application."""

    def __init__(self, path: str, operations: dict[str, Operation], services: Services, max_body: int) -> None:
        self.path = path
        self.operations = operations
        self.services = services
        self.max_body = max_body
        self.allow = tuple(sorted(verb for verb, operation in operations.items() if operation.served))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["opengrant.route"] = self.path
        method = scope["method"]
        operation = self.operations.get("GET" if method == "HEAD" else method)
        if operation is None and not self.allow:
            operation = next(iter(self.operations.values()))  # no verb is served: each is answered alike
        if operation is None:
            raise MethodNotAllowed(f"{method} is not possible here; try {' or '.join(self.allow)}.", allow=self.allow)
        params: dict[str, str] = scope["path_params"]
        call = Call(self.services, scope["opengrant.request_id"], params, scope["query_string"])
        call.headers = scope["headers"]
        claim = await self._admit(operation, call, scope)
        if any("\x00" in value or "\ufffd" in value for value in params.values()):
            raise NotFound("Not found: the path holds characters that no id has.")
        if operation.body is not None:
            call.body = await read_body(scope, receive, self.max_body)
        if claim is not None:
            call.body = await self.services.signatures.verify(
                claim, method=method, path=_signed_path(scope), body=call.body, permission=operation.permission
            )
            call.organization = claim.account.organization_id
            act_as(Actor.service_account(claim.account.id, call.request_id))
        answer = await operation.handler(call)
        if isinstance(answer, respond.Raw):
            await respond.send_raw(send, call.request_id, answer)
            return
        if operation.listed:
            rows, paging = answer
            body = respond.page(call.request_id, rows, limit=paging.size, offset=paging.offset)
        elif operation.cursor:
            rows, cursor = answer
            more = {} if cursor is None else {"next_cursor": cursor}
            body = to_json({"request_id": call.request_id, "data": rows, **more}, exclude_none=True)
        elif operation.flat:
            body = respond.flat(answer)
        else:
            body = respond.success(call.request_id, answer, says_success=operation.says_success)
        await respond.send_json(send, operation.status, call.request_id, body, extra=call.answer_headers)

    async def _admit(self, operation: Operation, call: Call, scope: Scope) -> SignatureClaim | None:
        """Find out who calls. Returns what a signature claims, which has to be verified with the body.

        Raises Unauthorized, AccessDenied, AuthenticationFailed.
        """
        headers = scope["headers"]
        if operation.open:
            act_as(Actor.anonymous(call.request_id))
        elif operation.auth == "sign-in":
            if not from_console(headers):
                raise AccessDenied(f"Only pages of this server may do this, with the header {CONSOLE_HEADER}: 1.")
            act_as(Actor.anonymous(call.request_id))
        elif (cookie := session_cookie(headers)) is not None:
            await self._enter(operation, call, scope, cookie)
        elif operation.auth == "signature":
            return await self.services.signatures.claim(headers)
        elif operation.auth == "key":
            await self._authenticate(operation, call, scope)
        else:
            raise Unauthorized("This needs a session of the console. Sign in first.")
        return None

    async def _enter(self, operation: Operation, call: Call, scope: Scope, cookie: str) -> None:
        """Raises Unauthorized, AccessDenied."""
        session = call.session = scope["opengrant.session"] = await self.services.sessions.authenticate(cookie)
        if operation.auth == "key":
            require(operation.needs, session)
        elif operation.auth != "session" and not session.operator:
            raise AccessDenied(
                "This is for operators, and you are signed in with an API key."
                f" Run on the server: opengrant console --application {session.application.id}"
            )
        if operation.auth == "signature":
            call.organization = (await self.services.service_accounts.organization()).id
        act_as(
            Actor.console(session.id, call.request_id)
            if session.key_id is None
            else Actor.key(session.key_id, call.request_id)
        )

    async def _authenticate(self, operation: Operation, call: Call, scope: Scope) -> None:
        """Raises Unauthorized, AccessDenied."""
        bearer = bearer_of(scope["headers"])
        holder = None if bearer is None else await self.services.tokens.bearer(bearer)
        if holder is None:
            call.caller = scope["opengrant.caller"] = await self.services.api_keys.authenticate(bearer)
            require(operation.needs, call.caller)
            act_as(Actor.key(call.caller.key_id, call.request_id))
            return
        if not operation.by_token:
            raise AccessDenied("An access token shows its own grant, GET /v3/grants/me. This needs an API key.")
        call.holder = scope["opengrant.holder"] = holder
        act_as(Actor.holder(holder.grant_id, call.request_id))


def require(needed: Permission, caller: Caller | ConsoleSession) -> None:
    """Raises AccessDenied, which says how to make a key that may."""
    if needed not in caller.permissions:
        lacking = "A session by link" if isinstance(caller, ConsoleSession) and caller.operator else "This API key"
        raise AccessDenied(
            f"{lacking} lacks the permission {needed}. Make a key that has it: opengrant keys create"
            f" {caller.application.id} {' '.join(f'--permission {name}' for name in (*caller.permissions, needed))}"
        )


def from_console(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Whether a page of ours sent it: the header is there, and a browser that says whose page it was says ours."""
    named = dict(headers)
    # `none`: it was no page at all, but the user.
    return named.get(_HEADER) == b"1" and named.get(b"sec-fetch-site", b"none") in {b"same-origin", b"none"}


def session_cookie(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """The console's cookie, where it counts: from a page of ours, and with no other way of saying who calls."""
    if not from_console(headers) or any(name in _WINS for name, _ in headers):
        return None
    found = cookies(headers, CONSOLE_COOKIE)
    # A second one was put there by somebody else, say by another host of the domain: which is whose, nobody knows.
    return found[0] if len(found) == 1 else None


def cookies(headers: Sequence[tuple[bytes, bytes]], name: str) -> list[str]:
    """The values of all cookies of that name, whatever else there may be between them."""
    pairs = (pair.strip().partition(b"=") for key, value in headers if key == b"cookie" for pair in value.split(b";"))
    return [value.decode("latin-1") for key, _, value in pairs if key == name.encode()]


def origin(headers: Sequence[tuple[bytes, bytes]], services: Services) -> str:
    """Our own origin as the caller sees it: PUBLIC_URL, or the request's."""
    if services.public_url:
        return services.public_url.rstrip("/")
    return f"http://{next((value.decode('latin-1') for name, value in headers if name == b'host'), 'localhost')}"


def callback_uri(call: Call) -> str:
    """What must be registered at providers as redirect URI."""
    return origin(call.headers, call.services) + CALLBACK


def bearer_of(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    """The token of an Authorization header; None without one. Raises Unauthorized when it is of another scheme."""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.partition(b" ")
            if scheme.lower() != b"bearer":
                raise Unauthorized("Bearer token invalid")
            return str(token.strip().decode("latin-1"))
    return None


def _signed_path(scope: Scope) -> str:
    """The path as on the wire, which is what the caller signed. Raises AuthenticationFailed."""
    sent: bytes = scope.get("raw_path") or scope["path"].encode()
    try:
        return sent.partition(b"?")[0].decode()
    except UnicodeDecodeError:
        raise AuthenticationFailed("Unauthorized") from None


async def read_body(scope: Scope, receive: Receive, limit: int, *, within: float = BODY_WITHIN) -> bytes:
    """The whole body.

    Raises PayloadTooLarge as soon as it is known to be, without reading the rest; InvalidPayload when it has
    not come after `within` seconds; Disconnected.
    """
    too_large = PayloadTooLarge(f"The request body is larger than {limit} bytes.")
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise too_large
    chunks, size = [], 0
    try:
        async with asyncio.timeout(within):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Disconnected
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > limit:
                    raise too_large
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
    except TimeoutError:
        raise InvalidPayload(f"The request body was announced and did not arrive within {within:g} s.") from None


class Router:
    """Finds the endpoint of a path, segment by segment, as the path was on the wire.

    An encoded slash stays inside its segment, which frameworks that decode first lose; and the time it takes does
    not grow with the number of routes. A literal segment wins over a parameter.
    """

    def __init__(self) -> None:
        self._root = _Node()

    def add(self, path: str, endpoint: ASGIApp) -> None:
        """`{name}` in a path stands for one segment."""
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
                params[node.name] = unquote(segment)
                node = node.any
            else:
                raise _nothing_here(scope)
        if node.endpoint is None:
            raise _nothing_here(scope)
        scope["path_params"] = params
        await node.endpoint(scope, receive, send)


class _Node:
    """What may follow a beginning of a path."""

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


def build_router(
    services: Services, *, max_body: int, tag: str | None = None, unserved: Sequence[Operation] = ()
) -> Router:
    """Every operation of the table, or those under one tag. A path that leads nowhere raises NotFound.

    unserved  operations beside the table, which wins over them
    """
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in (*unserved, *OPERATIONS):
        if tag not in (None, operation.tag):
            continue
        by_path.setdefault(operation.path, {})[operation.method] = operation
    router = Router()
    for path, operations in by_path.items():
        router.add(path, Endpoint(path, operations, services, max_body))
    return router
