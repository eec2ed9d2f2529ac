"""Builds every provider with its section of the settings."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from opengrant import metrics
from opengrant.assembly.network import Network, mail_client
from opengrant.model import ProviderName
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.provider_http import Http
from opengrant.providers.base import Mints
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Providers:
    """Every provider, by name; `bulk` has the ones with credentials of an organisation."""

    by_name: Mapping[ProviderName, object]
    bulk: Mapping[ProviderName, Mints]


def build_providers(settings: Settings, network: Network, opened: contextlib.AsyncExitStack) -> Providers:
    return Providers(
        by_name={
            ProviderName.GOOGLE: _google(settings, network.http),
            ProviderName.MICROSOFT: _microsoft(settings, network.http),
            ProviderName.YAHOO: _yahoo(settings, network.http),
            ProviderName.ZOOM: _zoom(settings, network.http),
            ProviderName.ICLOUD: _icloud(settings, network, opened),
            ProviderName.EWS: _ews(settings, network),
            ProviderName.IMAP: Imap(network.mail, network.mail_hosts),
            ProviderName.VIRTUAL_CALENDAR: VirtualCalendar(),
            ProviderName.NYLAS: AgentAccount(),
        },
        bulk=_bulk(settings, network.http),
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
        mail_client(settings, trusted, opened),
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


def _bulk(settings: Settings, http: Http) -> dict[ProviderName, Mints]:
    google, microsoft = settings.google, settings.microsoft
    return {
        ProviderName.GOOGLE: GoogleBulk(
            http, token_url=google.token_url, userinfo_url=google.userinfo_url, gmail_url=google.gmail_url
        ),
        ProviderName.MICROSOFT: MicrosoftBulk(http, token_url=microsoft.token_url, graph_url=microsoft.graph_url),
    }
