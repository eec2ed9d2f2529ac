"""What an error means for a row: its final outcome, or who is to blame that it has none yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from opengrant.errors import (
    Blocked,
    GrantIdTaken,
    InvalidAuthentication,
    InvalidRequest,
    OpenGrantError,
    Overloaded,
    RateLimited,
    ReauthEmailInvalid,
    RefreshTokenInvalid,
    ScopesConflict,
)
from opengrant.model.imports import Outcome
from opengrant.providers.verdict import Kind

Blame = Literal["row", "connector", "rate", "source", "us"]
"""Who is to blame: the row, for good; the connector's client; too many requests; the provider; this installation."""

_SIGN_IN = (RefreshTokenInvalid, InvalidAuthentication, ScopesConflict, ReauthEmailInvalid)


@dataclass(frozen=True, slots=True)
class Reading:
    """An error, read for a row.

    outcome  final; None: the row is tried again
    seconds  to wait, where the provider says so
    """

    blame: Blame
    outcome: Outcome | None
    class_: str
    reason: str
    remedy: str | None
    seconds: float | None = None


def read(error: OpenGrantError) -> Reading:
    said: Mapping[str, Any] = (error.provider_error or {}).get("opengrant", {})
    remedy = str(said["remedy"]) if said.get("remedy") else None
    reason = error.message if remedy is None else error.message.removesuffix(remedy).strip()
    kind = said.get("class")
    if isinstance(error, RateLimited):
        wanted = None if error.evidence is None else error.evidence.retry_after
        return Reading("rate", None, Kind.RATE_LIMITED, reason, remedy, wanted)
    # A credential of a whole organisation is refused as a connector is, with the error of a password.
    if kind == Kind.CONNECTOR or error.type == "token.exchange_failed":
        return Reading("connector", None, Kind.CONNECTOR, reason, remedy)
    if isinstance(error, _SIGN_IN):
        return Reading("row", "sign_in", str(kind or Kind.RECONNECT), reason, remedy)
    if isinstance(error, GrantIdTaken):
        return Reading("row", "refused", "conflict", reason, remedy)
    if isinstance(error, Blocked):
        return Reading("row", "refused", "blocked", reason, remedy)
    if isinstance(error, InvalidRequest):
        return Reading("row", "refused", str(kind or Kind.BAD_REQUEST), reason, remedy)
    if isinstance(error, Overloaded):
        return Reading("us", None, "overloaded", reason, remedy)
    return Reading("source", None, str(kind or Kind.UNKNOWN), reason, remedy, error.retry_after)
