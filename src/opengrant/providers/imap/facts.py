"""Mail servers with IMAP, as data. docs/providers/imap.md says the same at length."""

from opengrant.model import ProviderName
from opengrant.providers.facts import Facts, Form, Guide

FACTS = Facts(
    name=ProviderName.IMAP,
    speaks_as="The mail server",
    holds="password",
    offered=True,
    form=Form(
        fields=(
            "email",
            "password",
            "imap_host",
            "imap_port",
            "smtp_host",
            "smtp_port",
            "smtp_username",
            "smtp_password",
        ),
        needed=("email", "password"),
        wired={"email": "imap_username", "password": "imap_password"},
        any_service=True,
    ),
    tokenless=(
        "An IMAP grant has a password and no token. POST /v3/grants/{grant_id}/credential gives its login to"
        " API keys with the permission grants.credential."
    ),
    clientless="Mail servers have no OAuth client. Each mailbox is verified when it is connected.",
    claimed_address=True,
    calendar="none",
    mail="imap",
    guide=Guide(
        "IMAP",
        steps=(
            "Create the connector: it needs no settings.",
            (
                "Mailbox owners need the password of their mail server; at Gmail, Yahoo, AOL, iCloud and Fastmail an"
                " app password."
            ),
        ),
    ),
)
