"""What an attempt to send means: sent, tried again at a time, or given up."""

from typing import Any, Literal

from opengrant.errors import (
    AccessDenied,
    InvalidRequest,
    MaySent,
    NotFound,
    NotImplementedYet,
    OpenGrantError,
    ProviderUnavailable,
)
from opengrant.events import payloads
from opengrant.events.contents import LIVE
from opengrant.model import SECOND, Micros
from opengrant.model.basics import record
from opengrant.store.events.events import Event
from opengrant.store.mail.outgoing import Outgoing

Kind = Literal["sent", "retried", "failed", "unknown"]

_WAITS = (60, 300, 900, 1800, 3600)
"""Seconds before the second, third, … attempt; the last one repeats."""
GIVE_UP: Micros = 24 * 3600 * SECOND
"""After the time at which it was to be sent."""
_FOR_GOOD = (InvalidRequest, NotFound, AccessDenied, NotImplementedYet)
"""Errors that another attempt would meet again. A refused credential is not one: the owner may connect again."""

TOO_SLOW = ProviderUnavailable("The mail server took too long.")
TOO_LATE = ProviderUnavailable("It could not be sent within 24 hours of its time.")


@record
class Result:
    """outcome: in words. run_at: when it is tried again; None: it is closed.

    doubtful  it may have been sent: the next attempt looks for it in the mailbox, and sends nothing
    error     None: it was sent
    """

    kind: Kind
    outcome: str
    run_at: Micros | None = None
    doubtful: bool = False
    error: OpenGrantError | None = None


SENT = Result("sent", "The mail server took the message.")
UNKNOWN = Result("unknown", MaySent().message, error=MaySent())
STALE = Result("failed", TOO_LATE.message, error=TOO_LATE)


def is_stale(one: Outgoing, *, at: Micros) -> bool:
    return at >= one.send_at + GIVE_UP


def of_error(one: Outgoing, error: OpenGrantError, *, doubtful: bool, at: Micros, chance: float) -> Result:
    """doubtful: the message may have been sent. chance: 0 to 1."""
    wait = _WAITS[min(one.attempts, len(_WAITS)) - 1] * (1 + chance / 10)
    run_at = at + int(max(wait, error.retry_after or 0) * SECOND)
    if not isinstance(error, _FOR_GOOD) and run_at < one.send_at + GIVE_UP:
        said = "It may have been sent; that is looked up." if doubtful else "It is tried again."
        return Result("retried", f"Attempt {one.attempts}: {error.message} {said}", run_at, doubtful, error)
    return UNKNOWN if doubtful else Result("failed", error.message, error=error)


def event(one: Outgoing, result: Result, *, at: Micros) -> Event:
    """Of a message that is closed. The outbox has no contents: those of a sent message are added when it is told."""
    about: dict[str, Any] = {
        "object": "message",
        "id": one.message_id,
        "grant_id": one.grant_id,
        "schedule_id": one.id,
        "send_at": one.send_at // SECOND,
    }
    if result.error is None:
        sent = {**about, LIVE: True}
        return payloads.of_object("message.send_success", one.application_id, one.grant_id, sent, at=at)
    error: dict[str, Any] = {
        "type": result.error.type,
        "message": result.error.message,
        "status_code": result.error.status,
    }
    if result.error.provider_error is not None:
        error["provider_error"] = dict(result.error.provider_error)
    failed = {**about, "reason": result.error.message, "error": error}
    return payloads.of_object("message.send_failed", one.application_id, one.grant_id, failed, at=at)
