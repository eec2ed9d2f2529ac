"""POST /v3/providers/detect on the wire."""

from typing import Annotated

from opengrant.api.wire.fields import Model, trimmed
from opengrant.grants.connect.detect import Detected
from opengrant.model import ProviderName


class DetectQuery(Model):
    email: Annotated[str, trimmed(320)]
    """The address."""
    all_provider_types: bool = False
    """Also providers for which the application has no connector."""


class Detection(Model):
    """How the address can be connected, if anybody can tell."""

    email_address: str
    """As sent."""
    detected: bool
    provider: ProviderName | None = None
    type: str | None = None
    """With provider `imap`: the service behind it, where it has a name."""

    @classmethod
    def of(cls, email: str, found: Detected | None) -> "Detection":
        if found is None:
            return cls.model_construct(email_address=email, detected=False)
        return cls.model_construct(email_address=email, detected=True, provider=found.provider, type=found.service)
