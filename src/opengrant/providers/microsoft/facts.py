"""Microsoft, as data. docs/providers/microsoft.md says the same at length."""

from opengrant.model import ProviderName
from opengrant.providers.facts import Facts, Guide, Place, Scope, Setting, client_settings
from opengrant.providers.microsoft.refusals import judge, judge_app_only
from opengrant.providers.microsoft.scopes import abilities

FACTS = Facts(
    name=ProviderName.MICROSOFT,
    speaks_as="Microsoft",
    judges={"microsoft": judge, "microsoft-bulk": judge_app_only},
    holds="token",
    offered=True,
    abilities=abilities,
    endpoints=("token_url", "graph_url"),
    credential_types=frozenset({"connector", "adminconsent"}),
    connector_settings=frozenset({"tenant"}),
    idle_days=90,
    # This server accepts no passwords, so IMAP is no way around a missing connector.
    imap_host="outlook.office365.com",
    mail_scope="https://outlook.office.com/IMAP.AccessAsUser.All and https://outlook.office.com/SMTP.Send",
    # A connector's scopes are those of users' consents; a tenant grants whole roles instead.
    tenant_scope=True,
    guide=Guide(
        "Microsoft",
        register_at=Place("Microsoft Entra admin center, App registrations", "https://entra.microsoft.com"),
        scopes=(
            Scope("offline_access", "without it there is no refresh token", required=True),
            Scope("User.Read", "tells whose token it is; openid, profile and email do as well", required=True),
            Scope("openid", "tells whose token it is"),
            Scope("Mail.ReadWrite", "read and change mail"),
            Scope("Mail.Send", "send mail"),
            Scope("Calendars.ReadWrite", "calendars and events"),
            Scope("Contacts.ReadWrite", "contacts"),
        ),
        settings=(
            *client_settings("The Application (client) ID.", "The value of a client secret, not its id."),
            Setting(
                "tenant",
                "Who may sign in, as the app's supported account types say: common (the default), organizations,"
                " consumers, or one tenant's id or domain.",
                required=False,
            ),
        ),
        steps=(
            "Under App registrations, register an app. Its supported account types decide the connector's tenant.",
            (
                "Under Authentication, add the platform Web with the redirect URI. Not Single-page application: its"
                " tokens end after a day."
            ),
            "Under API permissions, add the delegated permissions of Microsoft Graph that you need.",
            (
                "Under Certificates & secrets, create a client secret and copy its value, not its id."
                " Note when it expires."
            ),
            "Create the connector with the application's id, the secret and the tenant, then test it.",
        ),
    ),
)
