"""Errors on the wire."""

from typing import Any

from opengrant.api.wire.fields import Model


class ErrorDetail(Model):
    type: str
    """Stable; decide by it and by the status."""
    message: str
    """For people: what is wrong and what to do next."""
    provider_error: dict[str, Any] | None = None
    """What the provider said; `opengrant` inside it gives class, reason and remedy."""


class Error(Model):
    """Every answer that is not a success."""

    request_id: str
    error: ErrorDetail


class OAuthError(Model):
    """Every answer of the token endpoints that is not a success."""

    error: str
    """OAuth's word for it, as in RFC 6749; decide by it."""
    error_description: str
    """For people: what is wrong and what to do next."""
    error_uri: str
    error_code: int
    request_id: str
