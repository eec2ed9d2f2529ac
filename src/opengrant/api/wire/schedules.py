"""The shapes of messages that are sent later."""

from typing import Literal

from pydantic import RootModel

from opengrant.api.wire.fields import Answer, Model
from opengrant.mail.schedules.schedules import Outgoing
from opengrant.model import SECOND


class ScheduleStatus(Model):
    """What became of a message."""

    code: Literal["pending", "success", "failed", "cancelled"]
    description: str
    """In words, with what the mail server said last."""


class Schedule(Model):
    """A message that was sent with `send_at`."""

    schedule_id: str
    status: ScheduleStatus
    send_at: int
    """When it is to be sent, in seconds since 1970."""
    close_time: int | None = None
    """When it was sent, failed or was cancelled."""


class Schedules(RootModel[list[Schedule]]):
    """Messages that were sent with `send_at`."""


class Cancelled(Model):
    """The message is not sent."""

    message: str


_SAID = {
    "pending": "Waits until it is sent.",
    "success": "The mail server took the message.",
    "failed": "The message was not sent.",
    "cancelled": "Cancelled.",
}


def schedule(one: Outgoing) -> Answer:
    found: dict[str, object] = {
        "schedule_id": one.id,
        "status": {"code": one.state, "description": one.outcome or _SAID[one.state]},
        "send_at": one.send_at // SECOND,
    }
    if one.closed_at is not None:
        found["close_time"] = one.closed_at // SECOND
    return found
