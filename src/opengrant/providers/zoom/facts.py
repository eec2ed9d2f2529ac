"""Zoom, as data. docs/providers/zoom.md says the same at length."""

from opengrant.model import ProviderName
from opengrant.providers.facts import Facts, Guide, Place, Scope, client_settings
from opengrant.providers.zoom.refusals import judge
from opengrant.providers.zoom.scopes import abilities

FACTS = Facts(
    name=ProviderName.ZOOM,
    speaks_as="Zoom",
    judges={"zoom": judge},
    holds="token",
    offered=True,
    abilities=abilities,
    endpoints=("token_url", "api_url"),
    credential_types=frozenset({"connector"}),
    idle_days=90,
    mail="none",
    guide=Guide(
        "Zoom",
        register_at=Place("Zoom App Marketplace, Build App", "https://marketplace.zoom.us/develop/create"),
        scopes=(
            Scope("user:read:user", "tells whose token it is", required=True),
            Scope("meeting:write:meeting", "make meetings"),
            Scope("meeting:update:meeting", "change meetings"),
            Scope("meeting:delete:meeting", "delete meetings"),
        ),
        settings=client_settings("The Client ID.", "The Client Secret."),
        steps=(
            "Create a General app that is user-managed.",
            (
                "Enter the redirect URI as OAuth Redirect URL, and once more under OAuth Allow Lists. Zoom takes https"
                " only."
            ),
            "Under Scopes, add those listed here: at Zoom they are set in the app, not in the connector.",
            "Create the connector with the client id and secret, then test it.",
        ),
    ),
)
