"""Carries a request from the socket to its handler and the answer back: authenticate, read, call, encode."""

from collections.abc import Sequence

from starlette.types import Receive, Scope, Send

from opengrant.access.request_signatures import SignatureClaim
from opengrant.api.http import responses
from opengrant.api.http.authentication import Authentication
from opengrant.api.http.large_bodies import LargeBodies
from opengrant.api.http.path_tree import Router
from opengrant.api.http.request import Request, read_body
from opengrant.api.http.route_table import OPERATIONS, One, Operation, Redirect, Signed, Stream
from opengrant.errors import MethodNotAllowed, NotFound
from opengrant.services import Services


class Endpoint:
    """All verbs of one path, as an ASGI application."""

    def __init__(
        self,
        path: str,
        operations: dict[str, Operation],
        *,
        authentication: Authentication,
        services: Services,
        max_body: int,
        large_bodies: LargeBodies,
    ) -> None:
        self.large_bodies = large_bodies
        self.path = path
        self.operations = operations
        self.authentication = authentication
        self.services = services
        self.max_body = max_body
        self.allow = tuple(sorted(verb for verb, operation in operations.items() if operation.served))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["opengrant.route"] = self.path
        operation = self._operation(scope["method"])
        access = operation.access
        params: dict[str, str] = scope["path_params"]
        request = Request(self.services, scope["opengrant.request_id"], params, scope["query_string"], scope["headers"])
        strange = any("\x00" in value or "\ufffd" in value for value in params.values())
        # A body may take long to arrive, and the grant may change meanwhile.
        named = None if strange or operation.body is not None else params.get("grant_id")
        claim = await self.authentication.admit(access, request, scope, named=named)
        if strange:
            raise NotFound("Not found: the path holds characters that no id has.")
        largest = operation.file.largest if operation.file else self.max_body
        if largest <= self.max_body:
            await self._answer(request, operation, claim, scope, receive, send, largest=largest)
            return
        async with self.large_bodies.turn(scope["headers"], usual=self.max_body):
            await self._answer(request, operation, claim, scope, receive, send, largest=largest)

    async def _answer(
        self,
        request: Request,
        operation: Operation,
        claim: SignatureClaim | None,
        scope: Scope,
        receive: Receive,
        send: Send,
        *,
        largest: int,
    ) -> None:
        access, answers = operation.access, operation.answers
        if operation.body is not None:
            request.body = await read_body(scope, receive, largest)
        if claim is not None and isinstance(access, Signed):
            await self.authentication.verify(claim, access, request, scope)
        answer = await operation.handler(request)
        if isinstance(answers, Redirect):
            await responses.send_raw(send, request.id, answer)
            return
        if isinstance(answers, Stream):
            await responses.send_streamed(send, request.id, answer, bodiless=scope["method"] == "HEAD")
            return
        body = answers.encode(request.id, answer)
        status = answers.status_of(answer) if isinstance(answers, One) else answers.status
        await responses.send_json(send, status, request.id, body, extra=request.answer_headers)

    def _operation(self, method: str) -> Operation:
        """Raises MethodNotAllowed."""
        operation = self.operations.get("GET" if method == "HEAD" else method)
        if operation is None and not self.allow:
            operation = next(iter(self.operations.values()))  # none of the verbs is served: all answer alike
        if operation is None:
            raise MethodNotAllowed(f"{method} is not possible here; try {' or '.join(self.allow)}.", allow=self.allow)
        return operation


def build_router(
    services: Services, *, max_body: int, tag: str | None = None, unserved: Sequence[Operation] = ()
) -> Router:
    """A router of every operation of the table, or of those under one tag. A path that leads nowhere raises NotFound.

    max_body  bytes
    unserved  operations beside the table; a row of the table wins over them
    """
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in (*unserved, *OPERATIONS):
        if tag not in (None, operation.tag):
            continue
        by_path.setdefault(operation.path, {})[operation.method] = operation
    authentication = Authentication(
        api_keys=services.api_keys,
        tokens=services.token_reader,
        sessions=services.sessions,
        signatures=services.signatures,
        service_accounts=services.service_accounts,
        key_and_grant=services.key_and_grant,
    )
    router, large_bodies = Router(), LargeBodies()
    for path, operations in by_path.items():
        endpoint = Endpoint(
            path,
            operations,
            authentication=authentication,
            services=services,
            max_body=max_body,
            large_bodies=large_bodies,
        )
        router.add(path, endpoint)
    return router
