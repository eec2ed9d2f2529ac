"""Actions on one grant on the wire."""

from typing import Annotated, Any

from pydantic import Field

from opengrant.api.wire.fields import Answer, Model, RedirectUrl, examples, text
from opengrant.grants import history as timeline
from opengrant.model import SECOND


class Invalidation(Model):
    """May be left out."""

    model_config = examples({"reason": "The customer has left."})
    reason: Annotated[str, text(200, shortest=0)] | None = None
    """In your words, for the audit trail; put no secret into it."""


class ReconnectQuery(Model):
    """Where to come back to."""

    redirect_uri: RedirectUrl | None = None
    """A registered redirect URI, byte for byte; without it, the first that was registered."""


class ReconnectLink(Model):
    """Where the owner of the mailbox signs in again."""

    url: str


class Moment(Model):
    """Something that happened to a grant."""

    id: str
    at: int
    """Unix seconds."""
    type: str
    """verified (for the first time), imported (from an export), reauthenticated, refreshed, failing, recovered,
    expired, invalidated, restored, updated, blocked, unblocked, checked, token_read, or token_issued and the like for
    OpenGrant's own access tokens."""
    actor: str | None = None
    """Who did it, as in the audit trail; absent where the server did it by itself."""
    request_id: str | None = None
    """The request that asked for it, as in the log."""
    class_: Annotated[str | None, Field(alias="class")] = None
    """Of trouble: reconnect, connector, provider_down, rate_limited, bad_request or unknown."""
    reason: str | None = None
    """Of trouble, a stable word; of an action by a person, the reason that they gave, if any."""
    provider_code: str | None = None
    """The provider's own word."""
    remedy: str | None = None
    """What to do next, and who."""
    refreshes: int | None = None
    """Of refreshed: how often so far. Else: how often in a row before this ended the run."""
    detail: dict[str, Any] | None = None
    """What else the audit trail knows, such as `changed`, the names of fields, or `note`. Never a secret."""

    @staticmethod
    def of(moment: timeline.Moment) -> Answer:
        detail = dict(moment.detail)
        detail.pop("provider", None)  # the same in all entries
        answer: Answer = {"id": moment.id, "at": moment.at // SECOND, "type": moment.type}
        if moment.actor is not None:
            answer["actor"] = moment.actor
        for name in ("request_id", "class", "reason", "provider_code", "remedy", "refreshes"):
            if name in detail:
                answer[name] = detail.pop(name)
        if detail:
            answer["detail"] = detail
        return answer
