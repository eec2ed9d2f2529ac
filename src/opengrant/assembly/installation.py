"""Builds each thing once and hands it down: an installation, without its doors (server/doors.py)."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from opengrant import metrics
from opengrant.access.api_keys import ApiKeys, NewKey
from opengrant.access.console_sessions import ConsoleSessions
from opengrant.access.idempotency import Idempotency
from opengrant.access.request_signatures import Signatures
from opengrant.access.service_accounts import ServiceAccounts
from opengrant.connectors.connectors import Connectors
from opengrant.connectors.credentials import Credentials
from opengrant.domains.domains import NOWHERE, Domains, MailNames
from opengrant.errors import StoreUnavailable
from opengrant.events.activity import Activity
from opengrant.events.actor import START, acting
from opengrant.events.audit import Audit
from opengrant.events.deliveries import Deliveries, Terms
from opengrant.events.webhooks import Webhooks
from opengrant.grants.aliases import Aliases
from opengrant.grants.connect.connect import Connect
from opengrant.grants.connect.detect import Detect
from opengrant.grants.connector_check import ConnectorCheck
from opengrant.grants.history import Timeline
from opengrant.grants.manage import Grants
from opengrant.grants.refresh.circuit_breaker import Policy
from opengrant.grants.refresh.refresh import Refresh
from opengrant.grants.refresh.source_health import Blame
from opengrant.grants.revocations import Revocations
from opengrant.grants.schedule import Schedule
from opengrant.grants.spool import Spool
from opengrant.model import SECOND, Application, Clock, ProviderName
from opengrant.net.dns import Resolver
from opengrant.net.guard import Guard, parse_networks
from opengrant.net.mail_login import MailClient
from opengrant.net.provider_http import Http
from opengrant.net.webhook_http import Receivers
from opengrant.operations.clock_steps import Ahead
from opengrant.operations.master_keys import Readiness, Reseal, check_master_keys, open_digests
from opengrant.operations.overview import Overview
from opengrant.providers.base import OAuthProvider
from opengrant.providers.capabilities import Providers
from opengrant.providers.ews.password import Ews
from opengrant.providers.google.oauth import Google
from opengrant.providers.google.service_account import GoogleBulk
from opengrant.providers.hosted.agent_account import AgentAccount
from opengrant.providers.hosted.virtual_calendar import VirtualCalendar
from opengrant.providers.icloud.password import ICloud
from opengrant.providers.imap.discovery import MailHosts
from opengrant.providers.imap.password import Imap
from opengrant.providers.microsoft.app_only import MicrosoftBulk
from opengrant.providers.microsoft.oauth import Microsoft
from opengrant.providers.yahoo.oauth import Yahoo
from opengrant.providers.zoom.oauth import Zoom
from opengrant.services import Services
from opengrant.settings import Settings
from opengrant.signin.abuse_limits import Strangers
from opengrant.signin.hosted import Hosted
from opengrant.signin.id_tokens import Signing
from opengrant.signin.token_endpoint import Exchange
from opengrant.signin.tokens import Tokens
from opengrant.store.engine.clock import agreed_clock
from opengrant.store.engine.migrate import MigrationError
from opengrant.store.engine.open import open_store
from opengrant.store.engine.port import Dialect, Store
from opengrant.store.engine.wakeup import NotifyingStore
from opengrant.store.grants.refreshing import Rates
from opengrant.tenants.applications import Applications
from opengrant.tenants.redirect_uris import Redirects
from opengrant.tenants.workspaces import Workspaces
from opengrant.vault import Keyring, Vault


def expect_database(settings: Settings) -> None:
    """Whoever runs a command in another directory than the server's must not be given a new, empty installation.

    Raises MigrationError. PostgreSQL can be asked only when it is connected to: see installation.
    """
    file = settings.data_dir.absolute() / "opengrant.db"
    if settings.database_url is None and not file.exists():
        raise _nothing(f"in {file.parent}")


def _nothing(where: str) -> MigrationError:
    return MigrationError(
        f"There is no installation {where}. Set OPENGRANT_DATA_DIR or OPENGRANT_DATABASE_URL as the server has it;"
        " `opengrant init` makes a new one."
    )


@dataclass(frozen=True, slots=True)
class Installation:
    """A running OpenGrant without its doors."""

    settings: Settings
    services: Services
    reseal: Reseal
    first: tuple[Application, NewKey] | None
    """The default application and its first API key, if this start made them."""


def keyring(settings: Settings) -> Keyring:
    """The master keys from the environment, or from the file in the data directory, made on first use."""
    if settings.master_keys is not None:
        return Keyring.parse(settings.master_keys.get_secret_value(), source="OPENGRANT_MASTER_KEYS")
    return Keyring.from_file(settings.data_dir / "master.keys")


async def connect_store(settings: Settings) -> Store:
    """The configured database; its schema may be anything yet."""
    url = settings.database_url
    if url is None:
        try:
            settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as problem:
            raise StoreUnavailable(
                f"The data directory {settings.data_dir.absolute()} cannot be made: {problem.strerror}."
                " Set OPENGRANT_DATA_DIR to one that this user may make."
            ) from None
    try:
        return await open_store(
            database_url=None if url is None else url.get_secret_value(),
            sqlite_path=settings.data_dir / "opengrant.db",
            pool=settings.database_pool,
        )
    except ValueError as problem:
        raise StoreUnavailable(f"OPENGRANT_DATABASE_URL: {problem}") from None


@contextlib.asynccontextmanager
async def installation(settings: Settings, *, make: bool = True) -> AsyncIterator[Installation]:
    """Open everything, check it, and close it again.

    SQLite is migrated here, PostgreSQL only when it is empty: its other nodes may still run the release before.
    make    what a first start makes; without it, a place where nothing is stays as it is

    Raises StoreUnavailable, MigrationError, MasterKeyError.
    """
    async with contextlib.AsyncExitStack() as opened:
        if not make:
            expect_database(settings)
        plain = await connect_store(settings)
        opened.push_async_callback(plain.close)
        wakeup = asyncio.Event()
        db = NotifyingStore(plain, wakeup)
        await _prepare_schema(settings, db, make=make)
        now = await opened.enter_async_context(agreed_clock(plain))
        vault = Vault(keyring(settings))
        await check_master_keys(db, vault, now)
        digests = await open_digests(db, vault, now)
        api_keys = ApiKeys(db=db, digests=digests, clock=now)
        applications = Applications(db=db, api_keys=api_keys, clock=now)
        with acting(START):
            first = await applications.bootstrap(
                application_id=settings.bootstrap_application_id, secret=settings.bootstrap_api_key
            )
        resolver = Resolver(settings.outbound.dns_servers)
        opened.callback(resolver.close)
        guard, door, hosts = _mail(settings, resolver, opened)
        webhooks, deliveries = _webhooks_of(settings, plain, vault, guard, now, opened, wakeup)
        http = Http(
            timeout=settings.outbound.timeout,
            connections_per_host=settings.outbound.connections_per_host,
            ca_file=settings.outbound.ca_file,
            clock=now,
            observe=metrics.observe_provider_call,
        )
        opened.push_async_callback(http.close)
        providers = _providers(
            settings, http, Imap(door, hosts), *_apple_and_exchange(settings, resolver, guard, opened)
        )
        domains = Domains(db, vault, resolver, _mail_names(settings), now)
        workspaces = Workspaces(db, now)
        opened.push_async_callback(workspaces.close)
        connectors = Connectors(db, vault, now)
        schedule = _schedule(settings)
        activity = Activity(db, now)
        spool = Spool(settings.data_dir / "unwritten")
        connect = Connect(
            db,
            vault,
            digests,
            connectors,
            providers,
            domains,
            workspaces,
            schedule,
            now,
            metrics.observe_verification,
            activity,
            spool,
            settings.outbound.max_verifications,
            settings.outbound.timeout,
        )
        refresh = Refresh(
            db,
            vault,
            digests,
            connectors,
            providers,
            schedule,
            Policy(settings.refresh.brake_after, int(settings.refresh.probe_degraded * SECOND)),
            Rates(settings.refresh.budget, settings.refresh.provider_budget),
            spool,
            now,
            metrics.observe_refresh,
            metrics.observe_lateness,
            activity,
            settings.outbound.timeout,
            settings.refresh.concurrency,
            settings.outbound.mail_threads,
        )
        # Closed in the opposite order: no exchange may lose a token because the database has gone.
        opened.push_async_callback(_write_counts, api_keys, activity)
        opened.push_async_callback(refresh.drain)
        opened.push_async_callback(connect.drain)  # first: what it spools, refresh tries once more to write
        redirects = Redirects(db, now)
        detect = Detect(db, domains, resolver, hosts, now)
        hosted = Hosted(
            db,
            vault,
            digests,
            applications,
            redirects,
            connect,
            detect,
            Strangers(db, now, threads=settings.outbound.mail_threads),
            now,
            settings.hosted.secretless_web,
        )
        tokens = Tokens(db, digests, applications, Signing(db, vault, now), now)
        revocations = Revocations(db, vault, providers.revokes)
        opened.push_async_callback(revocations.close)
        grants = Grants(db, connect, workspaces, now, revocations, Blame(db, now))
        readiness = Readiness(plain, settings.data_dir if plain.dialect is Dialect.SQLITE else None)
        opened.push_async_callback(readiness.close)
        services = Services(
            db,
            applications,
            api_keys,
            connectors,
            connect,
            refresh,
            grants,
            ServiceAccounts(db=db, clock=now),
            Signatures(db=db, clock=now),
            domains,
            workspaces,
            detect,
            Credentials(db, vault, now),
            Aliases(refresh, providers.aliases),
            Idempotency(db, digests, now),
            Audit(db, now, timedelta(days=settings.audit_days)),
            webhooks,
            deliveries,
            redirects,
            hosted,
            tokens,
            Exchange(applications=applications, api_keys=api_keys, codes=hosted, tokens=tokens, grants=grants),
            ConsoleSessions(db=db, api_keys=api_keys, digests=digests, clock=now),
            activity,
            Overview(db, activity, now, metrics.set_health),
            Timeline(db),
            ConnectorCheck(db, connectors, providers, connect, domains, now),
            readiness,
            settings.public_url,
            Ahead(db, now),
        )
        yield Installation(settings, services, Reseal(db, vault, now), first)


def _schedule(settings: Settings) -> Schedule:
    refresh = settings.refresh
    # Jitter needs no cryptographic randomness.
    return Schedule(
        ahead=int(refresh.ahead * SECOND),
        idle_after=int(refresh.idle_after * SECOND),
        probe_every=int(refresh.probe_every * SECOND),
        confirm_after=int(refresh.confirm_after * SECOND),
        dice=random.random,
        attention_after=int(refresh.attention_after * SECOND),
    )


def _mail_names(settings: Settings) -> MailNames:
    """Where DNS records of registered domains point: one machine for everything, the one of PUBLIC_URL."""
    named = settings.domains
    here = MailNames.at(urlsplit(settings.public_url or "").hostname or NOWHERE)
    return MailNames(named.inbound_host or here.inbound, named.spf_host or here.spf, named.bounce_host or here.bounce)


async def _write_counts(api_keys: ApiKeys, activity: Activity) -> None:
    for write in (api_keys.write_uses, activity.write):
        with contextlib.suppress(StoreUnavailable):
            await write()


async def _prepare_schema(settings: Settings, db: Store, *, make: bool) -> None:
    pending = await db.pending()
    empty = bool(pending) and pending[0].split("_")[0] == "0001"
    if empty and not make:
        raise _nothing("in this database")
    if pending and settings.database_url is not None and not empty:
        raise MigrationError(
            f"The database lacks {len(pending)} migration(s): {', '.join(pending)}. Run `opengrant migrate` first."
        )
    if pending:
        await db.migrate()


def _mail(
    settings: Settings, resolver: Resolver, opened: contextlib.AsyncExitStack
) -> tuple[Guard, MailClient, MailHosts]:
    """The guard of hosts that requests name, the door to mail servers and the search for them."""
    outbound = settings.outbound
    guard = Guard(parse_networks(outbound.allowed_private_networks), resolver)
    door = MailClient(
        guard,
        threads=outbound.mail_threads,
        ca_file=outbound.ca_file,
        allow_plaintext=outbound.allow_plaintext,
        observe=metrics.observe_provider_call,
    )
    opened.callback(door.close)
    hosts = MailHosts(
        guard,
        resolver,
        door,
        autoconfig_urls=_list(settings.imap.autoconfig_urls),
        ispdb_url=settings.imap.ispdb_url,
        timeout=settings.imap.detect_timeout,
    )
    return guard, door, hosts


def _providers(settings: Settings, http: Http, imap: Imap, icloud: ICloud, ews: Ews) -> Providers:
    google = Google(
        http,
        token_url=settings.google.token_url,
        userinfo_url=settings.google.userinfo_url,
        tokeninfo_url=settings.google.tokeninfo_url,
        gmail_url=settings.google.gmail_url,
        revoke_url=settings.google.revoke_url,
        authorize_url=settings.google.authorize_url,
    )
    microsoft = Microsoft(
        http,
        token_url=settings.microsoft.token_url,
        graph_url=settings.microsoft.graph_url,
        authorize_url=settings.microsoft.authorize_url,
        adminconsent_url=settings.microsoft.adminconsent_url,
    )
    yahoo = Yahoo(
        http,
        token_url=settings.yahoo.token_url,
        userinfo_url=settings.yahoo.userinfo_url,
        authorize_url=settings.yahoo.authorize_url,
    )
    zoom = Zoom(
        http,
        token_url=settings.zoom.token_url,
        api_url=settings.zoom.api_url,
        authorize_url=settings.zoom.authorize_url,
    )
    workspace = GoogleBulk(
        http,
        token_url=settings.google.token_url,
        userinfo_url=settings.google.userinfo_url,
        gmail_url=settings.google.gmail_url,
    )
    tenant = MicrosoftBulk(http, token_url=settings.microsoft.token_url, graph_url=settings.microsoft.graph_url)
    oauth: dict[ProviderName, OAuthProvider] = {
        ProviderName.GOOGLE: google,
        ProviderName.MICROSOFT: microsoft,
        ProviderName.YAHOO: yahoo,
        ProviderName.ZOOM: zoom,
    }
    return Providers(
        tokens=oauth,
        codes=oauth,
        passwords={
            ProviderName.IMAP: imap,
            ProviderName.ICLOUD: icloud,
            ProviderName.EWS: ews,
            ProviderName.VIRTUAL_CALENDAR: VirtualCalendar(),
            ProviderName.NYLAS: AgentAccount(),
        },
        mints={ProviderName.GOOGLE: workspace, ProviderName.MICROSOFT: tenant},
        administrators={ProviderName.MICROSOFT: microsoft},
        tenants={ProviderName.MICROSOFT: tenant},
        clients=oauth,
        servers={ProviderName.ICLOUD: icloud},
        revokes={ProviderName.GOOGLE: google},
        aliases={ProviderName.GOOGLE: google, ProviderName.MICROSOFT: microsoft},
    )


def _apple_and_exchange(
    settings: Settings, resolver: Resolver, guard: Guard, opened: contextlib.AsyncExitStack
) -> tuple[ICloud, Ews]:
    outbound, apple = settings.outbound, settings.icloud
    # Apple's hosts are the operator's to name, not a request's: nothing is refused about them.
    trusted = Guard(parse_networks("0.0.0.0/0,::/0"), resolver)
    door = MailClient(
        trusted,
        threads=outbound.mail_threads,
        ca_file=outbound.ca_file,
        allow_plaintext=outbound.allow_plaintext,
        observe=metrics.observe_provider_call,
    )
    opened.callback(door.close)
    return (
        ICloud(
            door,
            trusted,
            imap_host=apple.imap_host,
            imap_port=apple.imap_port,
            smtp_host=apple.smtp_host,
            smtp_port=apple.smtp_port,
            caldav_url=apple.caldav_url,
            ca_file=outbound.ca_file,
            observe=metrics.observe_provider_call,
        ),
        Ews(
            guard,
            resolver,
            timeout=outbound.timeout,
            ca_file=outbound.ca_file,
            observe=metrics.observe_provider_call,
        ),
    )


def _webhooks_of(
    settings: Settings,
    db: Store,
    vault: Vault,
    guard: Guard,
    now: Clock,
    opened: contextlib.AsyncExitStack,
    wakeup: asyncio.Event,
) -> tuple[Webhooks, Deliveries]:
    named = settings.webhooks
    receivers = Receivers(
        guard,
        timeout=named.timeout,
        connections_per_host=settings.outbound.connections_per_host,
        ca_file=settings.outbound.ca_file,
    )
    opened.push_async_callback(receivers.close)
    terms = Terms(
        source=named.source,
        hold=int(named.expired_after * SECOND),
        retry_for=int(named.retry_for * SECOND),
        keep=int(named.keep * SECOND),
        concurrency=named.concurrency,
    )
    # Its own writes must not wake it.
    deliveries = Deliveries(
        db, vault, receivers, terms, now, wakeup, metrics.count_delivery, metrics.set_oldest_delivery
    )
    opened.push_async_callback(deliveries.drain)
    webhooks = Webhooks(
        db,
        vault,
        receivers,
        now,
        source=named.source,
        allow_http=named.allow_http,
        addresses=_list(named.ip_addresses),
    )
    return webhooks, deliveries


def _list(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
