"""Google, as data. docs/providers/google.md says the same at length."""

from opengrant.model import ProviderName
from opengrant.providers.facts import Facts, Guide, Place, Scope, Setting, client_settings
from opengrant.providers.google.refusals import PROVEN, judge, judge_service_account
from opengrant.providers.google.scopes import abilities

_GOOGLE = "https://www.googleapis.com/auth/"

FACTS = Facts(
    name=ProviderName.GOOGLE,
    speaks_as="Google",
    judges={"google": judge, "google-bulk": judge_service_account},
    proven=PROVEN,
    holds="token",
    offered=True,
    abilities=abilities,
    endpoints=("token_url", "userinfo_url", "tokeninfo_url", "revoke_url", "gmail_url"),
    credential_types=frozenset({"connector", "serviceaccount"}),
    connector_settings=frozenset({"topic_name"}),
    idle_days=182,
    imap_host="imap.gmail.com",
    imap_password=True,
    mail_scope="https://mail.google.com/",
    identity_by_token=True,
    guide=Guide(
        "Google",
        register_at=Place("Google Cloud console, Clients", "https://console.cloud.google.com/auth/clients"),
        scopes=(
            Scope("openid", "tells whose token it is", required=True),
            Scope(f"{_GOOGLE}userinfo.email", "tells the address of the mailbox", required=True),
            Scope(f"{_GOOGLE}userinfo.profile", "tells the owner's name"),
            Scope(f"{_GOOGLE}gmail.modify", "read, change and send mail"),
            Scope(f"{_GOOGLE}calendar", "calendars and events"),
            Scope(f"{_GOOGLE}contacts", "contacts"),
        ),
        settings=(
            *client_settings("The client id, which ends in .apps.googleusercontent.com.", "The client secret."),
            Setting("topic_name", "A Pub/Sub topic for mail notifications.", required=False),
        ),
        steps=(
            "Create a project in the Google Cloud console and enable the APIs that you use: Gmail, Calendar, People.",
            (
                "Fill in the consent screen, list your scopes under Data access, and publish it: while it is in"
                " Testing, refresh tokens end after seven days."
            ),
            (
                "Under Clients, create a client of the type Web application and enter the redirect URI under Authorized"
                " redirect URIs."
            ),
            "Create the connector with the client id and secret, then test it.",
        ),
    ),
)
