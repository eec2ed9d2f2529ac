"""Which grants have mail here."""

from collections.abc import Mapping

from opengrant.errors import InvalidData, NotImplementedYet
from opengrant.model import Grant, ProviderName
from opengrant.providers.facts import MailPlace

_NOT_YET = (
    "The mail of this provider is not served here yet. POST /v3/grants/{grant_id}/token gives the live access token of"
    " a grant with OAuth: call the provider's own mail API with it. POST /v3/grants/{grant_id}/credential gives the"
    " login of a grant with a password."
)


def refuse_without_mail(places: Mapping[ProviderName, MailPlace], grant: Grant) -> None:
    """Raises InvalidData: the provider has no mail. NotImplementedYet."""
    match places[grant.provider]:
        case "none":
            raise InvalidData("grant_id: this provider has no mail.")
        case "elsewhere":
            raise NotImplementedYet(_NOT_YET)
