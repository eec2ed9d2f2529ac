"""One request as a handler sees it, and the reading of its body."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from starlette.types import Receive, Scope

from opengrant.access.console_sessions import ConsoleSession
from opengrant.api.http.decoding import Shape, decode, read_form, read_json, read_query
from opengrant.errors import InvalidPayload, PayloadTooLarge
from opengrant.model import Application, Caller, Grant
from opengrant.services import Services
from opengrant.signin.login import CALLBACK
from opengrant.signin.token_reader import Holder

Headers = Sequence[tuple[bytes, bytes]]


class Disconnected(Exception):
    """The client hung up before its request was complete."""


class LookedUp(NamedTuple):
    """What a look-up has found. grant: None if there is no such grant."""

    grant: Grant | None


@dataclass(slots=True)
class Request:
    """One request. Its repr shows nothing that may be a secret.

    caller           the API key that authenticated it
    holder           the access token that authenticated it
    session          the console session that authenticated it
    looked_up        the grant that the path names, if it was looked up with the API key
    organization     of the service account that signed it, or of the operator's session
    answer_headers   headers of the answer, beside the usual ones
    """

    services: Services
    id: str
    params: dict[str, str]
    query_string: bytes = field(repr=False)
    headers: Headers = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    caller: Caller | None = None
    holder: Holder | None = None
    session: ConsoleSession | None = None
    organization: str | None = None
    looked_up: LookedUp | None = None
    answer_headers: list[tuple[bytes, bytes]] = field(default_factory=list, repr=False)

    @property
    def organization_id(self) -> str:
        """The organization that the request acts for; only on routes that are `Signed`."""
        if self.organization is None:
            raise RuntimeError("this route asks for no signature: the request is not authenticated")
        return self.organization

    @property
    def own_session(self) -> ConsoleSession:
        """The console session that the request comes with; only on routes that need one."""
        if self.session is None:
            raise RuntimeError("this route asks for no session: the request is not authenticated")
        return self.session

    @property
    def application(self) -> Application:
        """The application of the API key, access token or session; only on routes that need one of them."""
        if self.session is not None:
            return self.session.application
        if self.holder is not None:
            return self.holder.application
        if self.caller is None:
            raise RuntimeError("this route is open: the request is not authenticated")
        return self.caller.application

    @property
    def origin(self) -> str:
        """Our own origin as the client sees it."""
        return origin(self.headers, self.services.public_url)

    async def grant(self) -> Grant:
        """The grant that the path names, for an access token its own. Raises GrantNotFound, AccessDenied."""
        name = self.params["grant_id"]
        if self.holder is not None:
            return await self.services.grants.own(self.application, name, self.holder.grant_id)
        if self.looked_up is not None:
            return self.services.grants.found(name, self.looked_up.grant)
        return await self.services.grants.get(self.application, name)

    def header(self, name: bytes) -> str | None:
        """A header by its lower-case name; None when it was not sent."""
        return header(self.headers, name)

    def query(self, shape: type[Shape]) -> Shape:
        """The query as `shape`. Raises InvalidRequest."""
        return decode(shape, read_query(self.query_string) if self.query_string else {})

    def read(self, shape: type[Shape]) -> Shape:
        """The JSON body as `shape`. Raises InvalidPayload, InvalidRequest."""
        return decode(shape, self.json())

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises InvalidPayload."""
        return read_json(self.body)

    def json_or_form(self) -> dict[str, Any]:
        """The body as an HTML form if its content type says so, else as JSON. Raises InvalidPayload."""
        if (self.header(b"content-type") or "").lower().startswith("application/x-www-form-urlencoded"):
            return read_form(self.body)
        return self.json()


def header(headers: Headers, name: bytes) -> str | None:
    """The first header of that lower-case name; None when it was not sent."""
    return next((value.decode("latin-1") for key, value in headers if key == name), None)


def origin(headers: Headers, public_url: str | None) -> str:
    """Our own origin as the client sees it: PUBLIC_URL, or the request's Host."""
    if public_url:
        return public_url.rstrip("/")
    host = header(headers, b"host")
    return f"http://{'localhost' if host is None else host}"


def callback_uri(request: Request) -> str:
    """The redirect URI to register at providers."""
    return request.origin + CALLBACK


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Read the whole body.

    limit   most bytes
    Raises  PayloadTooLarge as soon as the size is known to be over the limit, without reading the rest;
            InvalidPayload when the connection says that the body does not arrive in time; Disconnected.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise too_large(limit)
    chunks, size, more = [], 0, True
    while more:
        try:
            message = await receive()
        except TimeoutError:
            raise InvalidPayload("The request body was announced and did not arrive in time.") from None
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The request body is larger than {limit} bytes.")
