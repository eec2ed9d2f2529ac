"""Examples of errors for /openapi.json: the texts that the server sends.

Where a function makes the error, it makes the example too. Other texts stand here a second time; a test looks for each
of them in the code that raises it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_core import from_json

from opengrant import errors
from opengrant.access import idempotency
from opengrant.api.http import openapi_examples as cast
from opengrant.api.http import responses
from opengrant.api.http.authentication import bearer_of, lacking
from opengrant.api.http.decoding import decode, read_json
from opengrant.api.http.request import too_large
from opengrant.api.http.route_table import Key, Operation, Signed
from opengrant.errors import OpenGrantError
from opengrant.grants.refusal_samples import at_connect_samples
from opengrant.grants.refusals import at_use
from opengrant.model import SECOND, GrantStatus, Permission, ProviderName, Trouble

_AT = 1_772_438_400 * SECOND
_USUAL_MOST = 1 << 20
"""Bytes of a body by default."""

AS_RAISED: Mapping[type[OpenGrantError], str] = {
    errors.ProviderRequired: f"provider: is required. One of {', '.join(ProviderName)}.",
    errors.ScopesConflict: (
        "scope: the user did not grant https://www.googleapis.com/auth/calendar. Ask for consent again with these"
        " scopes, or leave them out of the request."
    ),
    errors.ReauthEmailInvalid: (
        "These credentials are of another mailbox than this grant's (ana@example.com)."
        " Send them to POST /v3/connect/custom to make a grant of their own."
    ),
    errors.CallbackNotAllowed: (
        "redirect_uri: this address is not registered. Register it exactly as it is sent:"
        " POST /v3/applications/redirect-uris."
    ),
    errors.AuthenticationFailed: "Unauthorized",
    errors.Forbidden: "This service account lacks the permission domain.create.",
    errors.WebhookNotFound: "destination.id.not.found : record not found",
    errors.WebhookRefused: "webhook_url: send an https URL, without a user name.",
    errors.GrantNotFound: "Grant not found",
    errors.SlotTaken: "The calendar is taken at that time. Nothing was created; choose another time.",
    errors.InvalidIdempotentRequest: "This Idempotency-Key came with another body before. Use a new key.",
    errors.ConcurrentIdempotentRequest: (
        "The first request with this Idempotency-Key is still under way. Ask again in a moment."
    ),
    errors.Blocked: "Resource blocked, contact administrator. (`opengrant grants unblock` lifts it.)",
    errors.Overloaded: "The server is at its limit of requests under way. Try again.",
    errors.Internal: (f"Something went wrong here. The log has the details under request id {cast.REQUEST_ID}."),
    errors.NotImplementedYet: (
        "The mail of this provider is not served here yet. POST /v3/grants/{grant_id}/token gives the live access token"
        " of a grant with OAuth: call the provider's own mail API with it. POST /v3/grants/{grant_id}/credential gives"
        " the login of a grant with a password."
    ),
    errors.MailDeferred: (
        "The mail server does not take the message now. It was not sent to any recipient."
        " The mail server said: 4.2.1 Try again later"
    ),
}


def example(
    kind: type[OpenGrantError], operation: Operation, bodies: Sequence[tuple[type[BaseModel], Any]]
) -> tuple[str, OpenGrantError]:
    """What tells it from other examples of the kind, and an error as the operation answers with it.

    bodies  (model, example) of the operation's body
    """
    match operation.access:
        case Key(needs) if kind is errors.AccessDenied:
            held: tuple[Permission, ...] = ("grants.mail",) if needs == "all" else ("all",)
            return needs, lacking(needs, "This API key", cast.APPLICATION, held)
        case Signed(permission) if kind is errors.Forbidden:
            return permission, errors.Forbidden(f"This service account lacks the permission {permission}.")
    if issubclass(kind, errors.InvalidRequest) and (wrong := _wrong(operation, bodies)) is not None:
        return operation.handler.__name__, kind(wrong)
    if kind in _MADE:
        return "", _MADE[kind]()
    return "", _AS_OAUTH if kind is errors.OAuthRefused else kind(AS_RAISED.get(kind) or _sentence(kind))


def answer(problem: OpenGrantError, path: str) -> Any:
    """The body of the answer, by the code that makes it."""
    _, body, _ = responses.error(cast.REQUEST_ID, problem, path)
    return from_json(body)


def _sentence(kind: type[OpenGrantError]) -> str:
    """The description of an error, in place of a text that differs from call to call."""
    return " ".join((kind.__doc__ or "").partition("\n\n")[0].split())


def _wrong(operation: Operation, bodies: Sequence[tuple[type[BaseModel], Any]]) -> str | None:
    """What the decoder says of a body or a query with a mistake; None if it takes both."""
    mistakes: list[tuple[type[BaseModel], dict[str, Any]]] = []
    for model, body in bodies[:1]:
        emptied = {name: {} if isinstance(value, dict) else value for name, value in body.items()}
        mistakes += [(model, emptied), (model, {})]
    if operation.query is not None:
        mistakes += [(operation.query, {}), (operation.query, {"limit": "0"})]
    for model, sent in mistakes:
        try:
            decode(model, sent)
        except errors.InvalidRequest as problem:
            return problem.message
    return None


def _raised(call: Callable[[], object]) -> OpenGrantError:
    try:
        call()
    except OpenGrantError as problem:
        return problem
    raise AssertionError("it raises")


def _in_use(
    kind: str, reason: str, code: str, remedy: str, *, status: GrantStatus = "valid", **more: Any
) -> OpenGrantError:
    """As a call is answered whose grant does not work."""
    trouble = Trouble(kind, reason, code, remedy, _AT, _AT, **more)
    return at_use(trouble, provider=ProviderName.IMAP, status=status, at=_AT)


_REFUSED = ("reconnect", "password_refused", "AUTHENTICATIONFAILED", "The mailbox owner must connect again.")
_LATER = _AT + 30 * SECOND
_AS_OAUTH = errors.OAuthRefused("invalid_grant", "The code was used before. Start the sign-in again.")
_MADE: Mapping[type[OpenGrantError], Callable[[], OpenGrantError]] = {
    errors.InvalidPayload: lambda: _raised(lambda: read_json(b"[")),
    errors.PayloadTooLarge: lambda: too_large(_USUAL_MOST),
    errors.Unauthorized: lambda: _raised(lambda: bearer_of([(b"authorization", b"Basic")])),
    errors.InvalidIdempotencyKey: lambda: _raised(lambda: idempotency.check("")),
    errors.GrantExpired: lambda: _in_use(*_REFUSED, status="invalid"),
    errors.RefusalDoubted: lambda: _in_use(*_REFUSED, suspected=True, retry_at=_LATER),
    errors.ProviderUnavailable: lambda: _in_use(
        "provider_down", "server_unavailable", "UNAVAILABLE", "The mail server is not available: try again later."
    ),
    errors.RateLimited: lambda: _in_use(
        "rate_limited", "throttled", "LIMIT", "Wait as long as Retry-After says.", retry_at=_LATER
    ),
    errors.RefreshTokenInvalid: lambda: at_connect_samples()[errors.RefreshTokenInvalid],
    errors.InvalidAuthentication: lambda: at_connect_samples()[errors.InvalidAuthentication],
    errors.ConnectorMisconfigured: lambda: at_connect_samples()[errors.ConnectorMisconfigured],
    errors.MaySent: errors.MaySent,
}
