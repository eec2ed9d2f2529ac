"""Errors that a caller can act on, as one tree; and what a remote answered, as data.

OpenGrantError
├── InvalidPayload           400  send well-formed JSON
├── PayloadTooLarge          413  send less
├── InvalidRequest           400  change the request
│   ├── InvalidData          400
│   ├── GrantIdTaken         400  leave the id out, or use the one that the message names
│   └── ExternalIdTaken      400  send another external id
├── ProviderRequired         400  name a provider
├── RefreshTokenInvalid      400  the mailbox owner must consent again
├── InvalidAuthentication    400  the password, or the bulk credential, was refused
├── ScopesConflict           400  the token lacks scopes that are needed
├── ReauthEmailInvalid       400  use the credential of the same mailbox
├── CallbackNotAllowed       400  register the redirect URI
├── LoginInvalid             400  start the sign-in again
├── ConnectorMisconfigured   400  change the connector's client id, secret or tenant
├── OAuthRefused             400  what its `error` asks for, in OAuth's own vocabulary
│   └── CodeUsedTwice        400  start the sign-in again
├── Unauthorized             401  change the API key
├── GrantExpired             401  the mailbox owner must connect again
├── AuthenticationFailed     401  sign the request as a service account that is known
├── Forbidden                403  give the service account the permission
├── AccessDenied             403  use an API key that has the permission
├── WebhookNotFound          400  change the webhook's id
├── WebhookRefused           400  change the webhook, or make its receiver answer
├── NotFound                 404  change the id
│   ├── GrantNotFound        404
│   └── DataNotFound         404
├── MethodNotAllowed         405  change the verb
├── RequestTimeout           408  send the request's head faster
├── RequestHeadTooLarge      431  send fewer or shorter headers
├── SlotTaken                409  choose another time
├── InvalidIdempotencyKey    400  send a shorter key
├── InvalidIdempotentRequest 409  use a new key for another body
├── ConcurrentIdempotentRequest 409  wait for the first request to end
├── Blocked                  423  an operator blocked this grant
├── RateLimited              429  slow down, then try again
├── Internal                 500  our bug: report it with the request id
├── NotImplementedYet        501  use what the message names instead
├── Overloaded               503  we are at a limit of ours; try again
├── RefusalDoubted           503  the provider is asked once more; try again
├── MailDeferred             503  the mail server refuses a message for now; try later
├── StoreUnavailable         503  our database cannot serve; try again
├── ProviderUnavailable      504  the provider does not answer; try later
└── MaySent                  504  look whether the message was sent before it is sent again

ProviderFailure is outside the tree: providers raise it with the evidence, and grants/ turns it into one of the above.
It never reaches a caller. The docstring of an error is its description in /openapi.json.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal


class OpenGrantError(Exception):
    """Its message reaches API callers: no secret, no SQL, no stack.

    provider_error  the provider's answer without anything token-like; an object or None
    retry_after     whole seconds for a Retry-After header, or None
    replayed        it is the stored answer to a request that was repeated
    evidence        the answer that led to this error, for sign-in pages; never on the wire
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api.internal_error"
    retryable: ClassVar[bool] = False
    replayed = False

    def __init__(
        self,
        message: str,
        *,
        provider_error: Mapping[str, Any] | None = None,
        retry_after: int | None = None,
        evidence: "Evidence | None" = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.evidence = evidence
        self.provider_error = provider_error
        self.retry_after = retry_after


class InvalidPayload(OpenGrantError):
    """The body is not a JSON object: send one, encoded as UTF-8."""

    status, type = 400, "api.invalid_request_payload"


class RequestHeadTooLarge(OpenGrantError):
    """Request line and headers are over the limit: send fewer or shorter ones."""

    status, type = 431, "request_header_fields_too_large"


class RequestTimeout(OpenGrantError):
    """The head of a request did not arrive in time: send it at once."""

    status, type = 408, "request_timeout"


class PayloadTooLarge(OpenGrantError):
    """The body is over the limit: send less."""

    status, type = 413, "payload_too_large"


class InvalidRequest(OpenGrantError):
    """A field, a query value or their combination is wrong: change what the message names."""

    status, type = 400, "api.invalid_request_error"


class InvalidData(InvalidRequest):
    """A field or parameter is wrong: the message names it and says what to send."""

    type = "invalid_request_error"


class GrantIdTaken(InvalidRequest):
    """`grant_id` is another mailbox's, or the mailbox has another one: leave it out, or send the mailbox's own."""


class ExternalIdTaken(InvalidRequest):
    """`external_id` is another grant's: send another one, or remove it from that grant."""


class ProviderRequired(OpenGrantError):
    """The body names no provider: add `provider`, one of the nine names."""

    status, type = 400, "grant.provider_required"


class RefreshTokenInvalid(OpenGrantError):
    """The provider refused the refresh token: have its owner sign in again, and send the new one."""

    status, type = 400, "grant.refresh_token_invalid"


class InvalidAuthentication(OpenGrantError):
    """The provider refused the password, or the bulk credential: check it, or ask its owner for a new one."""

    status, type = 400, "grant.invalid_authentication"


class ScopesConflict(OpenGrantError):
    """The token works, but lacks scopes: have its owner consent to those that the message names."""

    status, type = 400, "grant.scopes_conflict"


class ReauthEmailInvalid(OpenGrantError):
    """The credential works, but for another mailbox than the grant's: send one of the same mailbox."""

    status, type = 400, "grant.reauth_email_invalid"


class CallbackNotAllowed(OpenGrantError):
    """The application has not registered this redirect URI, so no user is sent there: register it first."""

    status, type = 400, "grant.callback_uri_not_allowed"


class LoginInvalid(OpenGrantError):
    """This sign-in is over, unknown, or another browser's: start it again."""

    status, type = 400, "grant.login_id_invalid"


class ConnectorMisconfigured(OpenGrantError):
    """The provider refused the connector's client, not the user: correct client id, secret or tenant.

    `POST /v3/connectors/{provider}/test` tells when it is right.
    """

    status, type = 400, "token.exchange_failed"


OAUTH_URI = "https://datatracker.ietf.org/doc/html/rfc6749#section-5.2"
"""A page that explains OAuth errors."""
PKCE_FAILED = 45004
"""The number that SDKs expect for a wrong PKCE verifier."""


class OAuthRefused(OpenGrantError):
    """A token, a code or a client was refused, `error` says which: correct that, or sign in again for a new one.

    error       invalid_request, invalid_client, invalid_grant, invalid_token, unsupported_grant_type, access_denied, …
    error_code  a number for programs; 400 where none is known
    uri         a page about the error
    """

    status, type = 400, "token.exchange_failed"

    def __init__(self, error: str, description: str, *, code: int = 400, uri: str = OAUTH_URI) -> None:
        super().__init__(description)
        self.error, self.error_code, self.uri = error, code, uri

    @property
    def description(self) -> str:
        return self.message


class CodeUsedTwice(OAuthRefused):
    """The code may have been stolen: its tokens must not be trusted any more."""

    def __init__(self, code_id: str) -> None:
        super().__init__("invalid_grant", "The code was used before. Start the sign-in again.")
        self.code_id = code_id


class Unauthorized(OpenGrantError):
    """No API key, token or console session, or one that has ended: send `Authorization: Bearer <API key>`."""

    status, type = 401, "token.unauthorized_access"


class GrantExpired(OpenGrantError):
    """The stored credential is refused for good, so the grant is invalid: have its owner connect again."""

    status, type = 401, "grant.refresh_token_invalid"


class AuthenticationFailed(OpenGrantError):
    """The signature is missing, wrong, stale or used before: sign again, with a new nonce and the current time.

    Callers are not told which; the server's log says it.
    """

    status, type = 401, "api.authentication_error"


class Forbidden(OpenGrantError):
    """The signature is good, but its service account may not do this: have an operator permit it."""

    status, type = 403, "api.authentication_error"


class AccessDenied(OpenGrantError):
    """The key, token or console session is good, but not for this: use one with what the message names."""

    status, type = 403, "grant.access_denied"


class WebhookNotFound(OpenGrantError):
    """The application has no such webhook: take an id from the list of webhooks.

    The wire says 400 here, and a number.
    """

    status, type = 400, "70000"


class WebhookRefused(OpenGrantError):
    """A field is wrong, or the receiver did not answer as it must: correct what the message names."""

    status, type = 400, "70005"


class NotFound(OpenGrantError):
    """The application has no such thing, whatever others have: check the ids in the path."""

    status, type = 404, "api.not_found_error"


class GrantNotFound(NotFound):
    """The application has no such grant: check the id, or list its grants."""

    status, type = 404, "grant.not_found"


class DataNotFound(NotFound):
    """The grant has no such object: use the id of one that it has."""

    type = "not_found_error"


class SlotTaken(OpenGrantError):
    """The calendar is taken at that time, and If-Available was sent: choose another time."""

    status, type = 409, "slot_taken"


class MethodNotAllowed(OpenGrantError):
    """The path exists, the verb does not: use one of those in the header `Allow`."""

    status, type = 405, "api.invalid_request_error"

    def __init__(self, message: str, *, allow: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allow = allow


class InvalidIdempotencyKey(OpenGrantError):
    """The Idempotency-Key is empty, too long or not printable: send 1 to 256 printable characters."""

    status, type = 400, "api.invalid_idempotency_key"


class InvalidIdempotentRequest(OpenGrantError):
    """The Idempotency-Key came with another body before: use a new key for a new request."""

    status, type = 409, "api.invalid_idempotent_request"


class ConcurrentIdempotentRequest(OpenGrantError):
    """The first request with this Idempotency-Key is still under way: wait, then send it again."""

    status, type, retryable = 409, "api.concurrent_idempotent_request", True


class Blocked(OpenGrantError):
    """An operator blocked the grant: ask them; `opengrant grants unblock` lifts it."""

    status, type = 423, "api.resource_blocked"


class RateLimited(OpenGrantError):
    """The provider asks us to slow down: wait as long as Retry-After says, then try again."""

    status, type, retryable = 429, "api.rate_limit_error", True


class Internal(OpenGrantError):
    """A bug of ours: report it with the request id, under which the log has the story."""

    status, type = 500, "api.internal_error"


class NotImplementedYet(OpenGrantError):
    """The vendor's API has this path and this server does not serve it yet: use what the message names instead."""

    status, type = 501, "api.not_implemented"


class Overloaded(OpenGrantError):
    """A limit of this server is reached: wait as long as Retry-After says, then try again."""

    status, type, retryable = 503, "service_unavailable", True


class RefusalDoubted(OpenGrantError):
    """The provider refused the credential once, and is asked again before that counts: wait as Retry-After says."""

    status, type, retryable = 503, "service_unavailable", True


class StoreUnavailable(OpenGrantError):
    """The database is not reachable, full, locked by another process, or over its queue bound.

    detail  for the log and for commands; API callers do not see it
    """

    status, type, retryable = 503, "service_unavailable", True

    def __init__(self, detail: str) -> None:
        super().__init__("The database cannot serve just now. Try again in a moment.", retry_after=1)
        self.detail = detail

    def __str__(self) -> str:
        return self.detail


class ProviderUnavailable(OpenGrantError):
    """The provider gave no answer, or none that anybody understands: try again later. Nothing has changed."""

    status, type, retryable = 504, "api.provider_error", True


MAY_BE_SENT = (
    "The message was handed to the mail server, and whether it was sent is not known. Look in the folder for sent mail"
    " and at the recipients before you send it again."
)


class MailDeferred(OpenGrantError):
    """The mail server does not take the message now: send it again later. It was not sent."""

    status, type, retryable = 503, "provider_error", True


class MaySent(OpenGrantError):
    """The mail server has the message, and its answer was lost: look in the folder for sent mail, then decide."""

    status, type = 504, "provider_error"

    def __init__(self, message: str = MAY_BE_SENT, **more: Any) -> None:
        super().__init__(message, **more)


Leg = Literal["token", "api", "imap", "smtp", "detect", "caldav", "ews", "webhook"]
Step = Literal["dns", "connect", "tls", "greeting", "auth", "command", "http", "reply"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The answer of a remote, before providers/classify.py judges it. Holds no credential.

    provider     "google", "microsoft", "imap", …
    leg          the kind of conversation: an OAuth token endpoint, a provider API, IMAP, SMTP, host detection,
                 CalDAV, Exchange Web Services (Autodiscover included)
    step         how far it got. "http": a whole HTTP answer came. "reply": a 2xx that makes no sense.
    status       HTTP status or SMTP reply code
    code         the remote's error code: OAuth `error`, IMAP response code ("AUTHENTICATIONFAILED"),
                 SMTP enhanced code ("5.7.8"), TLS reason, or our name for a network fault
    subcodes     more detailed codes: AADSTS numbers as text, `error_subtype`, `suberror`, API `reason`s
    text         the remote's sentence, at most 1 KiB, secrets removed
    body         the remote's JSON error object minus anything token-like; None when there was none
    is_json      the body was JSON
    sent         the request may have reached the remote (matters for single-use tokens)
    retry_after  seconds the remote asked us to wait
    host         the mail server's name; "" on other legs
    """

    provider: str
    leg: Leg
    step: Step
    status: int | None = None
    code: str = ""
    subcodes: tuple[str, ...] = ()
    text: str = ""
    body: Mapping[str, Any] | None = field(default=None, compare=False)
    is_json: bool = False
    sent: bool = True
    retry_after: float | None = None
    host: str = ""


class ProviderFailure(Exception):
    """A provider refused, or did not answer. providers/classify.py judges the evidence."""

    def __init__(self, evidence: Evidence) -> None:
        super().__init__(
            f"{evidence.provider} {evidence.leg} failed at {evidence.step}: {evidence.code or evidence.status}"
        )
        self.evidence = evidence
