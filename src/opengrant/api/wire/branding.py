"""The preview of a sign-in page on the wire."""

from collections.abc import Sequence
from typing import Literal

from opengrant.api.wire.applications import Branding, HostedAuthentication
from opengrant.api.wire.fields import Model, examples
from opengrant.pages.remarks import Remark


class PreviewBody(Model):
    """Branding that is not saved."""

    model_config = examples(
        {"branding": {"name": "Acme"}, "hosted_authentication": {"color_primary": "#0b57d0"}, "page": "choice"}
    )
    branding: Branding = Branding()
    """As in `PATCH /v3/applications`."""
    hosted_authentication: HostedAuthentication = HostedAuthentication()
    """As there."""
    page: Literal["choice", "login"] = "choice"
    """The choice of providers, or the form for a password."""


class BrandingRemark(Model):
    """What a page changes of the branding, so that it can be read."""

    field: str
    """As `hosted_authentication.color_primary`."""
    message: str


class Preview(Model):
    """A sign-in page as it would be."""

    html: str
    """The document, without its script: to be shown in a sandboxed frame."""
    remarks: list[BrandingRemark]

    @classmethod
    def of(cls, html: str, remarks: Sequence[Remark]) -> "Preview":
        return cls.model_construct(
            html=html,
            remarks=[BrandingRemark.model_construct(field=one.field, message=one.message) for one in remarks],
        )
