"""iCloud, as data. docs/providers/icloud.md says the same at length."""

from opengrant.model import ProviderName
from opengrant.providers.facts import Facts, Form, Guide
from opengrant.providers.icloud.refusals import judge

FACTS = Facts(
    name=ProviderName.ICLOUD,
    speaks_as="iCloud",
    judges={"icloud": judge},
    holds="password",
    offered=True,
    form=Form(
        fields=("email", "password"),
        needed=("email", "password"),
        wired={"email": "username", "password": "password"},
        service="iCloud",
        reasons={"app_password_required": "password", "server_unavailable": ""},
    ),
    imap_host="imap.mail.me.com",
    mail="imap",
    imap_password=True,
    tokenless=(
        "An iCloud grant has an app password and no token. POST /v3/grants/{grant_id}/credential gives its login to"
        " API keys with the permission grants.credential."
    ),
    guide=Guide(
        "iCloud",
        steps=(
            "Create the connector: it needs no settings. Nothing is registered at Apple.",
            (
                "Mailbox owners create an app-specific password at account.apple.com, under Sign-In and Security. The"
                " account's own password never works."
            ),
        ),
    ),
)
