"""Tokens for the mail proxy on the wire."""

from typing import Annotated

from pydantic import Field

from opengrant.api.wire.fields import Answer, Model, OrNull, examples
from opengrant.model import SECOND
from opengrant.proxy import tokens


class ProxyTokenBody(Model):
    """What the token is needed for, and for how long."""

    model_config = examples({"reason": "import of old mail", "expires_in": 3600})
    reason: Annotated[str, Field(min_length=1, max_length=200)]
    """For the audit trail."""
    expires_in: Annotated[int, Field(ge=60, le=tokens.LONGEST), OrNull] = tokens.LASTS
    """Seconds."""


class ProxyToken(Model):
    """A user name and a password for a mail program. The token is shown once."""

    username: str
    """The grant's id; its address will do as well."""
    proxy_token: str = Field(repr=False)
    """The password."""
    expires_at: int
    """Unix seconds. Sessions that are open then are closed within a minute."""

    @staticmethod
    def of(made: tokens.ProxyToken, grant_id: str) -> Answer:
        return {
            "username": grant_id,
            "proxy_token": made.token.get_secret_value(),
            "expires_at": made.expires_at // SECOND,
        }
