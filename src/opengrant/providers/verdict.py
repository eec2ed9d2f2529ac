"""What a refusal means, as data: the answer of classify.py and mail_answers.py to one piece of evidence."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Whose turn it is. Only RECONNECT may ever end a grant."""

    RECONNECT = "reconnect"
    """The mailbox owner must give a new credential."""
    CONNECTOR = "connector"
    """Whoever runs the application must mend the connector or credential."""
    PROVIDER_DOWN = "provider_down"
    """Nobody did wrong; the same call may work later."""
    RATE_LIMITED = "rate_limited"
    """The provider wants fewer calls."""
    BAD_REQUEST = "bad_request"
    """What was sent cannot work: wrong host, missing scopes, malformed value."""
    UNKNOWN = "unknown"
    """Nobody here knows these words. Nothing may be concluded from them."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One judged failure.

    reason       stable slug for logs, metrics and tests: "token_revoked", "app_password_required"
    remedy       one plain sentence: what to do next, and who
    retryable    the same call may succeed later without anybody changing anything. On RECONNECT: good credentials
                 are known to meet this answer too, so ask once more after `retry_after` before ending a grant
    retry_after  seconds to wait first; None when no time was named
    own          it is about this one credential: many refusals alike are no sign that the client or server is at fault
    """

    kind: Kind
    reason: str
    remedy: str
    retryable: bool = False
    retry_after: float | None = None
    own: bool = False
