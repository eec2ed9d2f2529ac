"""Yahoo, as data. docs/providers/yahoo.md says the same at length."""

from collections.abc import Mapping

from opengrant.model import ProviderName
from opengrant.providers.facts import Ability, Facts, Guide, Place, Scope, client_settings
from opengrant.providers.yahoo.refusals import judge

_ABILITIES: Mapping[str, tuple[Ability, ...]] = {
    **dict.fromkeys(("openid", "email", "profile"), ("profile",)),
    "mail-r": ("mail_read",),
    "mail-w": ("mail_change", "mail_delete", "mail_send"),
}

FACTS = Facts(
    name=ProviderName.YAHOO,
    speaks_as="Yahoo",
    judges={"yahoo": judge},
    holds="token",
    offered=True,
    abilities=lambda scope: _ABILITIES.get(scope, ("other",)),
    endpoints=("token_url", "userinfo_url"),
    credential_types=frozenset({"connector"}),
    imap_host="imap.mail.yahoo.com",
    mail="imap",
    imap_password=True,
    mail_scope="mail-w",
    guide=Guide(
        "Yahoo",
        register_at=Place("Yahoo Developer, My Apps", "https://developer.yahoo.com/apps/"),
        scopes=(
            Scope("openid", "tells whose token it is", required=True),
            Scope("email", "tells the address of the mailbox", required=True),
            Scope("profile", "tells the owner's name"),
            Scope("mail-r", "read mail"),
            Scope("mail-w", "read and send mail"),
        ),
        settings=client_settings("The Client ID (Consumer Key).", "The Client Secret (Consumer Secret)."),
        steps=(
            (
                "Create an app of the type Confidential Client, with the API permissions OpenID Connect Permissions:"
                " Email and Profile."
            ),
            "Enter the redirect URI. Yahoo takes https only.",
            "Apply to Yahoo for the mail permissions: only apps that it has approved get them.",
            "Create the connector with the client id and secret, then test it.",
        ),
    ),
)
