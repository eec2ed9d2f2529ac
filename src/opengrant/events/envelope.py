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
        return {
            "specversion": "1.0",
            "type": self.type,
            "source": self.source,
            "id": self.id,
            "time": self.time // SECOND,
            "webhook_delivery_attempt": self.attempt,
            "data": {"application_id": self.application_id, "object": self.object},
        }


@dataclass(frozen=True, slots=True)
class Signed:
    """A body as it is sent, and its headers."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str]


def sign(notification: Notification, secret: SecretStr, *, compressed: bool) -> Signed:
    """The signature is lower-case hex of HMAC-SHA256 over the bytes that are sent, compressed or not."""
    body = to_json(notification.envelope())
    headers = {"Content-Type": "application/json"}
    if compressed:
        body = gzip.compress(body, mtime=0)
        headers["Content-Encoding"] = "gzip"
    headers["X-Nylas-Signature"] = hmac.digest(secret.get_secret_value().encode(), body, "sha256").hex()
    return Signed(body, headers)
