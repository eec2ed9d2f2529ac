"""POST /v3/connect/custom: bring your own credentials."""

from opengrant.api.http.authentication import require
from opengrant.api.http.decoding import decode
from opengrant.api.http.request import Request
from opengrant.api.http.route_table import One, route
from opengrant.api.wire import connect as wire
from opengrant.api.wire.fields import Answer
from opengrant.api.wire.grants import Grant
from opengrant.errors import (
    Blocked,
    ConcurrentIdempotentRequest,
    ConnectorMisconfigured,
    InvalidAuthentication,
    InvalidIdempotencyKey,
    InvalidIdempotentRequest,
    InvalidRequest,
    Overloaded,
    ProviderRequired,
    ProviderUnavailable,
    RateLimited,
    RefreshTokenInvalid,
    ScopesConflict,
)
from opengrant.model import ProviderName

_PROVIDERS = {name.value: name for name in ProviderName}
"""A call of the enum takes longer, and imports have many rows."""

VERIFICATION_ERRORS = (
    InvalidRequest,
    RefreshTokenInvalid,
    InvalidAuthentication,
    ScopesConflict,
    ConnectorMisconfigured,
    RateLimited,
    Overloaded,
    ProviderUnavailable,
)


@route(
    "POST",
    "/v3/connect/custom",
    tag="Connect",
    body=wire.CustomVariant,
    answers=One(Grant, status=201),
    errors=(
        ProviderRequired,
        *VERIFICATION_ERRORS,
        Blocked,
        InvalidIdempotencyKey,
        InvalidIdempotentRequest,
        ConcurrentIdempotentRequest,
    ),
    reads=("Idempotency-Key",),
)
async def connect_custom(request: Request) -> Answer:
    """Create a grant.

    Bring Your Own Authentication: turns credentials that you hold into a grant, without hosted sign-in. There are ten
    ways, by provider and by what you hold: a refresh token, a password, or a credential of a whole organisation.

    The provider is asked whether the credentials work before anything is stored. The same mailbox keeps its grant id:
    sending credentials for it again renews the grant. The answer has the status 201 then, too.

    With an `Idempotency-Key` header (at most 256 characters), the same key and body within 24 hours gets the first
    success as its answer. Another body with that key is refused.
    """
    sent = request.json()
    provider = provider_of(sent, ProviderRequired)
    settings = sent.get("settings")
    if isinstance(settings, dict) and settings.get("credential_id") is None:
        # One SDK sends it beside the settings instead of inside.
        settings["credential_id"] = sent.get("credential_id")
    shape = wire.custom_variant(provider, settings if isinstance(settings, dict) else {})
    ask = decode(shape, sent).to_model()
    who = request.session or request.caller
    if ask.grant_id is not None and who is not None:
        require("grants.import", who)

    async def connect() -> Answer:
        return Grant.of(await request.services.connect.custom(request.application, ask))

    key = request.header(b"idempotency-key")
    if key is None:
        return await connect()
    return dict(await request.services.idempotency.once(request.application, key, request.body, connect))


def provider_of(
    sent: dict[str, object], absent: type[ProviderRequired] | type[InvalidRequest] = InvalidRequest
) -> ProviderName:
    """Which provider a body is about, so that it is checked against that one's shape alone."""
    name = sent.get("provider")
    if name is None or name == "":
        raise absent(f"provider: is required. One of {', '.join(ProviderName)}.")
    if not isinstance(name, str) or name not in _PROVIDERS:
        raise InvalidRequest(f"provider: must be one of {', '.join(ProviderName)}.")
    return _PROVIDERS[name]
