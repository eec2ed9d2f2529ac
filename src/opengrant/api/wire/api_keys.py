"""API keys on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field

from opengrant.access.api_keys import members
from opengrant.api.wire.fields import Model, Name, OrNull, examples
from opengrant.model import PERMISSIONS, SECOND, Micros, Permission
from opengrant.model import ApiKey as ApiKeyNoun


class ApiKeyBody(Model):
    """Nothing is required, not even a body."""

    model_config = examples({"name": "ci", "expires_in": 30})
    name: Annotated[Name, OrNull] = "api-key"
    """For people."""
    expires_in: Annotated[int, Field(ge=1, le=36_500), OrNull] = 90
    """Days."""
    permissions: Annotated[list[Permission], OrNull] = Field(["all"], min_length=1, max_length=len(PERMISSIONS))
    """`grants.token`: read live access tokens. `grants.credential`: read stored passwords. `grants.proxy`: open
    mailboxes by the mail proxy. `grants.mail`: read mailboxes in the console. `grants.import`: import grants, and
    choose their ids. `all` includes none of them. Without `all`, a key may do nothing else."""


class ApiKey(Model):
    """An API key, without its secret."""

    id: str
    application_id: str
    name: str
    permissions: list[Permission]
    status: Literal["active", "expired", "revoked"]
    created_at: int
    updated_at: int
    expires_at: int | None = None
    """Absent when it does not expire."""
    expires_in: int | None = None
    """Seconds from its creation."""
    last_used_at: int | None = None
    """Unix seconds, some of them late; absent before its first use."""

    @classmethod
    def of(cls, key: ApiKeyNoun, *, now: Micros) -> "ApiKey":
        lifetime = None if key.expires_at is None else (key.expires_at - key.created_at) // SECOND
        shown: dict[str, Any] = {**members(key, now=now)}
        return cls.model_construct(**shown, expires_in=lifetime)


class NewApiKey(Model):
    """An API key with its secret, which is shown only once."""

    id: str
    api_key: str = Field(repr=False)
    """The secret. It is stored nowhere; save it now."""
    application_id: str
    name: str
    permissions: list[Permission]
    status: Literal["active", "expired", "revoked"]
    created_at: int
    updated_at: int
    expires_at: int | None = None
    """Absent when it does not expire."""

    @classmethod
    def of(cls, key: ApiKeyNoun, secret: str, *, now: Micros) -> "NewApiKey":
        shown: dict[str, Any] = {**members(key, now=now)}
        del shown["last_used_at"]
        return cls.model_construct(**shown, api_key=secret)
