"""What an error means for a row: its final outcome, or who is to blame that it has none yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opengrant.errors import (
    Blocked,
    ConnectorMisconfigured,
    ExternalIdTaken,
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
    kind = str(said.get("class", ""))
    if isinstance(error, RateLimited):
        blame, outcome, class_ = _RATE
    # A credential of a whole organisation is refused as a connector is, with the error of a password.
    elif kind == Kind.CONNECTOR or isinstance(error, ConnectorMisconfigured):
        blame, outcome, class_ = _CONNECTOR
    else:
        blame, outcome, class_ = next((meaning for type_, meaning in _BY_TYPE if isinstance(error, type_)), _SOURCE)
    if outcome == "refused" and remedy is None:
        remedy = _CORRECT
    wanted = None if error.evidence is None else error.evidence.retry_after
    return Reading(blame, outcome, kind or class_, reason, remedy, wanted)


_CORRECT = "Correct the row, and import it again."
_Meaning = tuple[Blame, Outcome | None, str]
_RATE: _Meaning = ("rate", None, Kind.RATE_LIMITED)
_CONNECTOR: _Meaning = ("connector", None, Kind.CONNECTOR)
_SOURCE: _Meaning = ("source", None, Kind.UNKNOWN)
_SIGN_IN: _Meaning = ("row", "sign_in", Kind.RECONNECT)
_BY_TYPE: Sequence[tuple[type[OpenGrantError], _Meaning]] = (
    (RefreshTokenInvalid, _SIGN_IN),
    (InvalidAuthentication, _SIGN_IN),
    (ScopesConflict, _SIGN_IN),
    (ReauthEmailInvalid, _SIGN_IN),
    (GrantIdTaken, ("row", "refused", "conflict")),
    (ExternalIdTaken, ("row", "refused", "conflict")),
    (Blocked, ("row", "refused", "blocked")),
    (InvalidRequest, ("row", "refused", Kind.BAD_REQUEST)),
    (Overloaded, ("us", None, "overloaded")),
)
"""The first that fits. An error of another type is the provider's."""
