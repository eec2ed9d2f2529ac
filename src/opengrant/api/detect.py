"""POST /v3/providers/detect: which provider an address belongs to."""

from typing import Annotated

from opengrant.api.http.request import Request
from opengrant.api.http.route_table import One, route
from opengrant.api.wire.fields import Model, trimmed
from opengrant.errors import InvalidRequest, ProviderUnavailable, RateLimited
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


@route(
    "POST",
    "/v3/providers/detect",
    tag="Connect",
    query=DetectQuery,
    answers=One(Detection),
    errors=(InvalidRequest, RateLimited, ProviderUnavailable),
)
async def detect_provider(request: Request) -> Detection:
    """Detect the provider of an address, by its domain.

    The parameters are in the query; there is no body. 20 times a minute.
    """
    query = request.query(DetectQuery)
    found = await request.services.detect.provider(
        request.application, query.email, any_provider=query.all_provider_types
    )
    return Detection.of(query.email, found)
