"""What to do for each provider before the first mailbox: where to register, which scopes, which settings.

One table, for people. docs/providers/ tells the same at length; tests/api/test_providers.py compares.
"""

from dataclasses import dataclass

from opengrant.model import ProviderName

_GOOGLE = "https://www.googleapis.com/auth/"


@dataclass(frozen=True, slots=True)
class Place:
    """A provider's own page."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Scope:
    """required: nobody can connect without it."""

    scope: str
    why: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of a connector's `settings`."""

    name: str
    why: str
    required: bool = True
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Guide:
    """register_at: where a client is made; None for providers that know none."""

    name: str
    register_at: Place | None = None
    scopes: tuple[Scope, ...] = ()
    settings: tuple[Setting, ...] = ()
    steps: tuple[str, ...] = ()

    @property
    def needs_client(self) -> bool:
        return self.register_at is not None


def _client(id_: str, secret: str) -> tuple[Setting, Setting]:
    return Setting("client_id", id_), Setting("client_secret", secret, secret=True)


GUIDES: dict[ProviderName, Guide] = {
    ProviderName.GOOGLE: Guide(
        "Google",
        Place("Google Cloud console, Clients", "https://console.cloud.google.com/auth/clients"),
        (
            Scope("openid", "tells whose token it is", required=True),
            Scope(f"{_GOOGLE}userinfo.email", "tells the address of the mailbox", required=True),
            Scope(f"{_GOOGLE}userinfo.profile", "tells the owner's name"),
            Scope(f"{_GOOGLE}gmail.modify", "read, change and send mail"),
            Scope(f"{_GOOGLE}calendar", "calendars and events"),
            Scope(f"{_GOOGLE}contacts", "contacts"),
        ),
        (
            *_client("The client id, which ends in .apps.googleusercontent.com.", "The client secret."),
            Setting("topic_name", "A Pub/Sub topic for mail notifications.", required=False),
        ),
        (
            "Make a project in the Google Cloud console and enable the APIs that you use: Gmail, Calendar, People.",
            (
                "Fill in the consent screen, list your scopes under Data access, and publish it: while it is in"
                " Testing, refresh tokens end after seven days."
            ),
            (
                "Under Clients, make a client of the type Web application and enter the redirect URI under Authorized"
                " redirect URIs."
            ),
            "Make the connector with the client id and secret, then test it.",
        ),
    ),
    ProviderName.MICROSOFT: Guide(
        "Microsoft",
        Place("Microsoft Entra admin center, App registrations", "https://entra.microsoft.com"),
        (
            Scope("offline_access", "without it there is no refresh token", required=True),
            Scope("User.Read", "tells whose token it is; openid, profile and email do as well", required=True),
            Scope("openid", "tells whose token it is"),
            Scope("Mail.ReadWrite", "read and change mail"),
            Scope("Mail.Send", "send mail"),
            Scope("Calendars.ReadWrite", "calendars and events"),
            Scope("Contacts.ReadWrite", "contacts"),
        ),
        (
            *_client("The Application (client) ID.", "The value of a client secret, not its id."),
            Setting(
                "tenant",
                "Who may sign in, as the app's supported account types say: common (the default), organizations,"
                " consumers, or one tenant's id or domain.",
                required=False,
            ),
        ),
        (
            "Under App registrations, register an app. Its supported account types decide the connector's tenant.",
            (
                "Under Authentication, add the platform Web with the redirect URI. Not Single-page application: its"
                " tokens end after a day."
            ),
            "Under API permissions, add the delegated permissions of Microsoft Graph that you need.",
            "Under Certificates & secrets, make a client secret and copy its value, not its id. Note when it expires.",
            "Make the connector with the application's id, the secret and the tenant, then test it.",
        ),
    ),
    ProviderName.YAHOO: Guide(
        "Yahoo",
        Place("Yahoo Developer, My Apps", "https://developer.yahoo.com/apps/"),
        (
            Scope("openid", "tells whose token it is", required=True),
            Scope("email", "tells the address of the mailbox", required=True),
            Scope("profile", "tells the owner's name"),
            Scope("mail-r", "read mail"),
            Scope("mail-w", "read and send mail"),
        ),
        _client("The Client ID (Consumer Key).", "The Client Secret (Consumer Secret)."),
        (
            (
                "Make an app of the type Confidential Client, with the API permissions OpenID Connect Permissions:"
                " Email and Profile."
            ),
            "Enter the redirect URI. Yahoo takes https only.",
            "Apply to Yahoo for the mail permissions: only apps that it has approved get them.",
            "Make the connector with the client id and secret, then test it.",
        ),
    ),
    ProviderName.ZOOM: Guide(
        "Zoom",
        Place("Zoom App Marketplace, Build App", "https://marketplace.zoom.us/develop/create"),
        (
            Scope("user:read:user", "tells whose token it is", required=True),
            Scope("meeting:write:meeting", "make meetings"),
            Scope("meeting:update:meeting", "change meetings"),
            Scope("meeting:delete:meeting", "delete meetings"),
        ),
        _client("The Client ID.", "The Client Secret."),
        (
            "Make a General app that is user-managed.",
            (
                "Enter the redirect URI as OAuth Redirect URL, and once more under OAuth Allow Lists. Zoom takes https"
                " only."
            ),
            "Under Scopes, add those listed here: at Zoom they are set in the app, not in the connector.",
            "Make the connector with the client id and secret, then test it.",
        ),
    ),
    ProviderName.IMAP: Guide(
        "IMAP",
        steps=(
            "Make the connector: it needs no settings.",
            (
                "Mailbox owners need the password of their mail server; at Gmail, Yahoo, AOL, iCloud and Fastmail an"
                " app password."
            ),
        ),
    ),
    ProviderName.ICLOUD: Guide(
        "iCloud",
        steps=(
            "Make the connector: it needs no settings. Nothing is registered at Apple.",
            (
                "Mailbox owners make an app-specific password at account.apple.com, under Sign-In and Security. The"
                " account's own password never works."
            ),
        ),
    ),
    ProviderName.EWS: Guide(
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
            "Make the connector: it needs no settings.",
            "Mailboxes at Microsoft 365 take no passwords: connect those with the provider microsoft.",
        ),
    ),
    ProviderName.VIRTUAL_CALENDAR: Guide(
        "Virtual calendar",
        steps=("Make the connector: it needs no settings. Nothing is registered anywhere.",),
    ),
    ProviderName.NYLAS: Guide(
        "Agent Accounts",
        steps=(
            "Register a domain: `opengrant domains add`, or POST /v3/admin/domains.",
            (
                "Publish the TXT record that it names, then verify: `opengrant domains verify`, or POST"
                " /v3/admin/domains/{domain_id}/verify."
            ),
            "Make the connector: it needs no settings.",
        ),
    ),
}
