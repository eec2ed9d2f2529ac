"""The body of a webhook: the envelope of a notification, and the signature over its bytes."""

import gzip
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr
from pydantic_core import to_json

from opengrant.model import SECOND, Micros

TEST_SECRET = SecretStr("mock-webhook-secret")
"""The public secret that signs test events, as on the wire."""
SIGNATURE = "X-Nylas-Signature"
_LATER = frozenset({"message.send_success", "message.send_failed"})
_BESIDE = ("grant_id", "reason", "error")


@dataclass(frozen=True, slots=True)
class Notification:
    """`object` is the event's payload, as JSON; `attempt` counts from 1."""

    id: str
    type: str
    source: str
    application_id: str
    time: Micros
    object: Mapping[str, Any]
    attempt: int = 1

    def envelope(self) -> dict[str, Any]:
        # The wire has some members of these beside the object; they stay in it, where receivers look for the grant.
        beside = _BESIDE if self.type in _LATER else ()
        return {
            "specversion": "1.0",
            "type": self.type,
            "source": self.source,
            "id": self.id,
            "time": self.time // SECOND,
            "webhook_delivery_attempt": self.attempt,
            "data": {
                "application_id": self.application_id,
                **{name: self.object[name] for name in beside if name in self.object},
                "object": self.object,
            },
        }


@dataclass(frozen=True, slots=True)
class Signed:
    """A body as it is sent, and its headers."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str]

    @property
    def signature(self) -> str:
        return self.headers[SIGNATURE]


def sign(notification: Notification, secret: SecretStr, *, compressed: bool) -> Signed:
    """The signature is lower-case hex of HMAC-SHA256 over the bytes that are sent, compressed or not."""
    body = to_json(notification.envelope())
    headers = headers_of(compressed=compressed)
    if compressed:
        body = gzip.compress(body, mtime=0)
    headers[SIGNATURE] = hmac.digest(secret.get_secret_value().encode(), body, "sha256").hex()
    return Signed(body, headers)


def headers_of(*, compressed: bool) -> dict[str, str]:
    """The headers of a notification, without its signature."""
    return {"Content-Type": "application/json", **({"Content-Encoding": "gzip"} if compressed else {})}
