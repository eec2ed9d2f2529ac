"""Exchange on premises, as data. docs/providers/ews.md says the same at length."""

from opengrant.model import ProviderName
from opengrant.providers.ews.refusals import judge
from opengrant.providers.facts import Facts, Form, Guide, Scope

FACTS = Facts(
    name=ProviderName.EWS,
    speaks_as="The Exchange server",
    judges={"ews": judge},
    holds="password",
    offered=True,
    form=Form(
        fields=("email", "username", "password", "host"),
        needed=("email", "username", "password"),
        wired={"username": "ews_username", "password": "ews_password", "host": "ews_host"},
    ),
    tokenless=(
        "An Exchange (EWS) grant has a password and no token. POST /v3/grants/{grant_id}/credential gives its login to"
        " API keys with the permission grants.credential."
    ),
    clientless="Exchange servers have no OAuth client. Each mailbox is verified when it is connected.",
    claimed_address=True,
    guide=Guide(
        "Exchange on premises",
        scopes=(
            Scope("ews.messages", "a label of your own: Exchange knows no scopes"),
            Scope("ews.calendars", "likewise"),
            Scope("ews.contacts", "likewise"),
        ),
        steps=(
            (
                "Let OpenGrant reach /EWS/Exchange.asmx over https, with NTLM, Negotiate or Basic. A server in a"
                " private network must be allowed: OPENGRANT_OUTBOUND__ALLOWED_PRIVATE_NETWORKS."
            ),
            "Create the connector: it needs no settings.",
            "Mailboxes at Microsoft 365 accept no passwords: connect those with the provider microsoft.",
        ),
    ),
)
