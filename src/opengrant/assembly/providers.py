"""Builds every provider with its section of the settings."""

import contextlib

from opengrant import metrics
from opengrant import settings as settings_of
from opengrant.assembly.network import Network, mail_client
from opengrant.model import ProviderName
from opengrant.model.stored_logins import MailServer, MailServers
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.provider_http import Http
from opengrant.providers.base import OAuthProvider
from opengrant.providers.capabilities import Passwords, Providers
from opengrant.providers.ews.password import Ews
from opengrant.providers.google.oauth import Google
from opengrant.providers.google.service_account import GoogleBulk
from opengrant.providers.hosted.agent_account import AgentAccount
from opengrant.providers.hosted.virtual_calendar import VirtualCalendar
from opengrant.providers.icloud.password import ICloud
from opengrant.providers.imap.password import Imap
from opengrant.providers.microsoft.app_only import MicrosoftBulk
from opengrant.providers.microsoft.oauth import Microsoft
from opengrant.providers.yahoo.oauth import Yahoo
from opengrant.providers.zoom.oauth import Zoom
from opengrant.settings import Settings


def build_providers(settings: Settings, network: Network, opened: contextlib.AsyncExitStack) -> Providers:
    google, microsoft = _google(settings, network.http), _microsoft(settings, network.http)
    oauth: dict[ProviderName, OAuthProvider] = {
        ProviderName.GOOGLE: google,
        ProviderName.MICROSOFT: microsoft,
        ProviderName.YAHOO: _yahoo(settings, network.http),
        ProviderName.ZOOM: _zoom(settings, network.http),
    }
    icloud = _icloud(settings, network, opened)
    workspace, tenant = _google_workspace(settings, network.http), _microsoft_tenant(settings, network.http)
    return Providers(
        tokens=oauth,
        codes=oauth,
        passwords=Passwords(
            imap=Imap(network.mail, network.mail_hosts),
            icloud=icloud,
            ews=_ews(settings, network),
            agent_account=AgentAccount(),
            virtual_calendar=VirtualCalendar(),
        ),
        service_accounts={ProviderName.GOOGLE: workspace},
        tenant_clients={ProviderName.MICROSOFT: tenant},
        administrators={ProviderName.MICROSOFT: microsoft},
        tenants={ProviderName.MICROSOFT: tenant},
        clients=oauth,
        servers={ProviderName.ICLOUD: icloud},
        revokes={ProviderName.GOOGLE: google},
        aliases={ProviderName.GOOGLE: google, ProviderName.MICROSOFT: microsoft},
        mail_servers={
            ProviderName.GOOGLE: _servers(settings.google),
            ProviderName.MICROSOFT: _servers(settings.microsoft),
            ProviderName.YAHOO: _servers(settings.yahoo),
        },
    )


def _servers(section: settings_of.Google | settings_of.Microsoft | settings_of.Yahoo) -> MailServers:
    return MailServers(
        imap=MailServer(section.imap_host, section.imap_port), smtp=MailServer(section.smtp_host, section.smtp_port)
    )


def _google(settings: Settings, http: Http) -> Google:
    google = settings.google
    return Google(
        http,
        token_url=google.token_url,
        userinfo_url=google.userinfo_url,
        tokeninfo_url=google.tokeninfo_url,
        gmail_url=google.gmail_url,
        revoke_url=google.revoke_url,
        authorize_url=google.authorize_url,
    )


def _microsoft(settings: Settings, http: Http) -> Microsoft:
    microsoft = settings.microsoft
    return Microsoft(
        http,
        token_url=microsoft.token_url,
        graph_url=microsoft.graph_url,
        authorize_url=microsoft.authorize_url,
        adminconsent_url=microsoft.adminconsent_url,
    )


def _yahoo(settings: Settings, http: Http) -> Yahoo:
    yahoo = settings.yahoo
    return Yahoo(http, token_url=yahoo.token_url, userinfo_url=yahoo.userinfo_url, authorize_url=yahoo.authorize_url)


def _zoom(settings: Settings, http: Http) -> Zoom:
    zoom = settings.zoom
    return Zoom(http, token_url=zoom.token_url, api_url=zoom.api_url, authorize_url=zoom.authorize_url)


def _icloud(settings: Settings, network: Network, opened: contextlib.AsyncExitStack) -> ICloud:
    # The operator names Apple's hosts, a request cannot: no address is refused.
    trusted = Guard(parse_networks("0.0.0.0/0,::/0"), network.resolver)
    apple = settings.icloud
    return ICloud(
        mail_client(settings, trusted),
        trusted,
        imap_host=apple.imap_host,
        imap_port=apple.imap_port,
        smtp_host=apple.smtp_host,
        smtp_port=apple.smtp_port,
        caldav_url=apple.caldav_url,
        ca_file=settings.outbound.ca_file,
        observe=metrics.observe_provider_call,
    )


def _ews(settings: Settings, network: Network) -> Ews:
    return Ews(
        network.guard,
        network.resolver,
        timeout=settings.outbound.timeout,
        ca_file=settings.outbound.ca_file,
        observe=metrics.observe_provider_call,
    )


def _google_workspace(settings: Settings, http: Http) -> GoogleBulk:
    google = settings.google
    return GoogleBulk(http, token_url=google.token_url, userinfo_url=google.userinfo_url, gmail_url=google.gmail_url)


def _microsoft_tenant(settings: Settings, http: Http) -> MicrosoftBulk:
    microsoft = settings.microsoft
    return MicrosoftBulk(http, token_url=microsoft.token_url, graph_url=microsoft.graph_url)
