"""Opens what talks to other hosts: DNS, mail servers, OAuth providers, webhook receivers."""

import contextlib
from dataclasses import dataclass

from opengrant import metrics
from opengrant.model import Clock
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.mail_login import MailClient
from opengrant.net.provider_http import Http
from opengrant.net.webhook_http import Receivers
from opengrant.providers.imap.discovery import MailHosts
from opengrant.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """guard: checks every host that a request names."""

    resolver: Resolver
    guard: Guard
    mail: MailClient
    mail_hosts: MailHosts
    http: Http
    receivers: Receivers


def open_network(settings: Settings, clock: Clock, opened: contextlib.AsyncExitStack) -> Network:
    outbound = settings.outbound
    resolver = Resolver(outbound.dns_servers)
    opened.callback(resolver.close)
    guard = Guard(parse_networks(outbound.allowed_private_networks), resolver)
    mail = mail_client(settings, guard)
    receivers = Receivers(
        guard,
        timeout=settings.webhooks.timeout,
        connections_per_host=outbound.connections_per_host,
        ca_file=outbound.ca_file,
    )
    opened.push_async_callback(receivers.close)
    http = Http(
        timeout=outbound.timeout,
        connections_per_host=outbound.connections_per_host,
        ca_file=outbound.ca_file,
        clock=clock,
        observe=metrics.observe_provider_call,
    )
    opened.push_async_callback(http.close)
    return Network(
        resolver=resolver,
        guard=guard,
        mail=mail,
        mail_hosts=_mail_hosts(settings, guard, resolver, mail),
        http=http,
        receivers=receivers,
    )


def mail_client(settings: Settings, guard: Guard) -> MailClient:
    """A client of the mail servers that `guard` lets through."""
    outbound = settings.outbound
    return MailClient(
        guard,
        at_once=outbound.mail_threads,
        ca_file=outbound.ca_file,
        allow_plaintext=outbound.allow_plaintext,
        observe=metrics.observe_provider_call,
    )


def _mail_hosts(settings: Settings, guard: Guard, resolver: Resolver, mail: MailClient) -> MailHosts:
    imap = settings.imap
    return MailHosts(
        guard,
        resolver,
        mail,
        autoconfig_urls=comma_separated(imap.autoconfig_urls),
        ispdb_url=imap.ispdb_url,
        timeout=imap.detect_timeout,
    )


def comma_separated(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
