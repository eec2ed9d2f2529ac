"""iCloud, as data. docs/providers/icloud.md says the same at length."""

from opengrant.model import ProviderName
from opengrant.providers.facts import Facts, Form, Guide, Label
from opengrant.providers.icloud.refusals import judge

FACTS = Facts(
    name=ProviderName.ICLOUD,
    speaks_as="iCloud",
    judges={"icloud": judge},
    holds="password",
    label=Label("icloud", "iCloud", "Mail and calendars from Apple"),
    form=Form(
        fields=("email", "password"),
        needed=("email", "password"),
        wired={"email": "username", "password": "password"},
        service="iCloud",
        sentences={
            "app_password_required": (
                "password",
                (
                    "Your usual password does not work here. Make an app-specific password (xxxx-xxxx-xxxx-xxxx) at"
                    " account.apple.com, and enter that."
                ),
            ),
            "server_unavailable": ("", "iCloud does not answer just now. Try again in a few minutes."),
        },
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
                "Mailbox owners make an app-specific password at account.apple.com, under Sign-In and Security. The"
                " account's own password never works."
            ),
        ),
    ),
)
