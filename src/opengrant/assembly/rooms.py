"""Builds each service once, room by room, and registers what has to end before its tools close."""

import contextlib
import random
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from opengrant import metrics
from opengrant.access.api_keys import ApiKeys
from opengrant.access.console_sessions import ConsoleSessions
from opengrant.access.idempotency import Idempotency
from opengrant.access.request_signatures import Signatures
from opengrant.access.service_accounts import ServiceAccounts
from opengrant.assembly.connect import ConnectRoom, build_connect
from opengrant.assembly.network import comma_separated
from opengrant.assembly.refresh import Limits, Meters, build_refresh
from opengrant.assembly.tools import Tools
from opengrant.calendars.expansion import Expansions
from opengrant.calendars.feeds import Feeds
from opengrant.calendars.hosted import HostedCalendars, HostedEvents
from opengrant.calendars.ics_store import IcsImport
from opengrant.calendars.rederiving import Rederiving
from opengrant.calendars.service import CalendarService
from opengrant.connectors.check import ConnectorCheck
from opengrant.connectors.connectors import Connectors
from opengrant.connectors.credentials import Credentials
from opengrant.domains.dns_records import NOWHERE, MailNames
from opengrant.domains.domains import Domains
from opengrant.domains.verification import DomainVerification
from opengrant.errors import StoreUnavailable
from opengrant.events.activity import Activity
from opengrant.events.audit import Audit
from opengrant.events.deliveries import Deliveries
from opengrant.events.sending import DeliverySender, DeliveryTerms
from opengrant.events.webhooks import Webhooks
from opengrant.grants.aliases import Aliases
from opengrant.grants.connect.detect import Detect
from opengrant.grants.connect.rotated_tokens import RotatedTokens
from opengrant.grants.history import Timeline
from opengrant.grants.manage import Grants
from opengrant.grants.refresh.circuit_breaker import Policy
from opengrant.grants.refresh.refresh import Refresh
from opengrant.grants.refresh.source_health import SourceHealth
from opengrant.grants.revocations import Revocations
from opengrant.grants.schedule import Schedule
from opengrant.grants.spool import Spool
from opengrant.model import SECOND
from opengrant.operations.clock_steps import ClockSteps
from opengrant.operations.overview import Overview
from opengrant.operations.readiness import Readiness
from opengrant.providers.registry import FACTS
from opengrant.services import Services
from opengrant.settings import Settings
from opengrant.signin.abuse_limits import AbuseLimits
from opengrant.signin.admin_consent import AdminConsent
from opengrant.signin.callback import Callback
from opengrant.signin.codes import LoginCodes
from opengrant.signin.consent import ConsentPages
from opengrant.signin.hosted import Hosted
from opengrant.signin.id_tokens import IdTokens
from opengrant.signin.login import LoginDigests, OpenLogins
from opengrant.signin.password_form import PasswordForm
from opengrant.signin.redeem import Redemption
from opengrant.signin.return_url import ReturnUrls
from opengrant.signin.start import SignInStart
from opengrant.signin.token_endpoint import TokenEndpoint
from opengrant.signin.token_reader import TokenReader
from opengrant.signin.tokens import AccessTokens
from opengrant.signin.visit import Visits
from opengrant.store.engine.port import Dialect
from opengrant.store.grants.refreshing import Rates
from opengrant.tenants.applications import Applications
from opengrant.tenants.grouping import Grouping
from opengrant.tenants.redirect_uris import RedirectUris
from opengrant.tenants.workspaces import Workspaces


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """The services that several rooms use."""

    api_keys: ApiKeys
    applications: Applications
    redirects: RedirectUris
    workspaces: Workspaces
    connectors: Connectors
    domains: Domains
    activity: Activity


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grants:
    connecting: ConnectRoom
    refresh: Refresh
    grants: Grants
    detect: Detect


@dataclass(frozen=True, slots=True, kw_only=True)
class _SignIn:
    hosted: Hosted
    tokens: AccessTokens
    token_reader: TokenReader
    exchange: TokenEndpoint


def build_rooms(settings: Settings, tools: Tools, opened: contextlib.AsyncExitStack) -> Services:
    db, clock = tools.db, tools.clock
    delivery_sender = _delivery_sender(settings, tools, opened)
    base = _base(tools, opened)
    grants = _grants(settings, tools, base, opened)
    sign_in = _sign_in(settings, tools, base, grants)
    rederiving = Rederiving(db=db)
    return Services(
        db=db,
        public_url=settings.public_url,
        applications=base.applications,
        api_keys=base.api_keys,
        redirects=base.redirects,
        workspaces=base.workspaces,
        grouping=_grouping(tools, base, opened),
        sessions=ConsoleSessions(db=db, api_keys=base.api_keys, digests=tools.digests, clock=clock),
        service_accounts=ServiceAccounts(db=db, clock=clock),
        signatures=Signatures(db=db, clock=clock),
        idempotency=Idempotency(db=db, digests=tools.digests, clock=clock),
        connectors=base.connectors,
        credentials=Credentials(db=db, vault=tools.vault, clock=clock),
        connector_check=_connector_check(tools, base, grants),
        domains=base.domains,
        domain_verification=_domain_verification(settings, tools, base),
        connect=grants.connecting.connect,
        rotated_tokens=grants.connecting.rotated_tokens,
        refresh=grants.refresh,
        grants=grants.grants,
        detect=grants.detect,
        aliases=Aliases(tokens=grants.refresh.tokens, providers=tools.providers.aliases),
        timeline=Timeline(db=db),
        calendars=_calendars(tools, grants.grants, rederiving),
        rederiving=rederiving,
        feeds=Feeds(db=db, digests=tools.digests, clock=clock),
        ics_import=IcsImport(db=db, clock=clock),
        hosted=sign_in.hosted,
        tokens=sign_in.tokens,
        token_reader=sign_in.token_reader,
        exchange=sign_in.exchange,
        activity=base.activity,
        audit=Audit(db=db, clock=clock, keep=timedelta(days=settings.audit_days)),
        webhooks=_webhooks(settings, tools),
        deliveries=_deliveries(settings, tools),
        delivery_sender=delivery_sender,
        overview=Overview(db=db, activity=base.activity, clock=clock, observe=metrics.set_health),
        readiness=_readiness(settings, tools, opened),
        ahead=ClockSteps(db=db, clock=clock),
    )


def _calendars(tools: Tools, grants: Grants, rederiving: Rederiving) -> CalendarService:
    hosted = HostedCalendars(db=tools.db, clock=tools.clock, rederiving=rederiving)
    return CalendarService(
        db=tools.db,
        clock=tools.clock,
        grants=grants,
        hosted_calendars=hosted,
        hosted_events=HostedEvents(db=tools.db, clock=tools.clock, calendars=hosted, expansions=Expansions()),
        places={name: facts.calendar for name, facts in FACTS.items()},
    )


def _base(tools: Tools, opened: contextlib.AsyncExitStack) -> _Base:
    db, clock = tools.db, tools.clock
    api_keys = ApiKeys(db=db, digests=tools.digests, clock=clock)
    base = _Base(
        api_keys=api_keys,
        applications=Applications(db=db, api_keys=api_keys, clock=clock),
        redirects=RedirectUris(db=db, clock=clock),
        workspaces=Workspaces(db=db, clock=clock),
        connectors=Connectors(db=db, vault=tools.vault, clock=clock),
        domains=Domains(db=db, clock=clock),
        activity=Activity(db=db, clock=clock),
    )
    opened.push_async_callback(_write_counts, base)
    return base


def _grouping(tools: Tools, base: _Base, opened: contextlib.AsyncExitStack) -> Grouping:
    grouping = Grouping(db=tools.db, workspaces=base.workspaces, clock=tools.clock)
    opened.push_async_callback(grouping.close)
    return grouping


async def _write_counts(base: _Base) -> None:
    for write in (base.api_keys.write_uses, base.activity.write):
        with contextlib.suppress(StoreUnavailable):
            await write()


def _domain_verification(settings: Settings, tools: Tools, base: _Base) -> DomainVerification:
    return DomainVerification(
        db=tools.db,
        vault=tools.vault,
        resolver=tools.network.resolver,
        hosts=_mail_names(settings),
        domains=base.domains,
        clock=tools.clock,
    )


def _mail_names(settings: Settings) -> MailNames:
    """Where DNS records of registered domains point; by default all at the host of PUBLIC_URL."""
    named = settings.domains
    here = MailNames.at(urlsplit(settings.public_url or "").hostname or NOWHERE)
    return MailNames(
        inbound=named.inbound_host or here.inbound,
        spf=named.spf_host or here.spf,
        bounce=named.bounce_host or here.bounce,
    )


def _grants(settings: Settings, tools: Tools, base: _Base, opened: contextlib.AsyncExitStack) -> _Grants:
    schedule, spool = _schedule(settings), Spool(settings.data_dir / "unwritten")
    connecting = _connecting(settings, tools, base, schedule, spool)
    refresh = _refresh(settings, tools, base, schedule, connecting.rotated_tokens)
    # Exchanges end before the database closes: a token that is not stored is lost. The last callback runs first, so
    # refresh can still write what connect has spooled.
    opened.push_async_callback(refresh.drain)
    opened.push_async_callback(connecting.connect.exchange.drain)
    revocations = Revocations(db=tools.db, vault=tools.vault, providers=tools.providers.revokes)
    opened.push_async_callback(revocations.close)
    return _Grants(
        connecting=connecting,
        refresh=refresh,
        grants=Grants(
            db=tools.db,
            connect=connecting.connect,
            workspaces=base.workspaces,
            clock=tools.clock,
            revocations=revocations,
            health=SourceHealth(db=tools.db, clock=tools.clock),
            stored=connecting.stored,
        ),
        detect=Detect(
            db=tools.db,
            domains=base.domains,
            resolver=tools.network.resolver,
            hosts=tools.network.mail_hosts,
            clock=tools.clock,
        ),
    )


def _schedule(settings: Settings) -> Schedule:
    refresh = settings.refresh
    return Schedule(
        ahead=int(refresh.ahead * SECOND),
        idle_after=int(refresh.idle_after * SECOND),
        probe_every=int(refresh.probe_every * SECOND),
        confirm_after=int(refresh.confirm_after * SECOND),
        dice=random.random,  # jitter needs no cryptographic randomness
        attention_after=int(refresh.attention_after * SECOND),
    )


def _connecting(settings: Settings, tools: Tools, base: _Base, schedule: Schedule, spool: Spool) -> ConnectRoom:
    return build_connect(
        db=tools.db,
        vault=tools.vault,
        digests=tools.digests,
        clock=tools.clock,
        connectors=base.connectors,
        providers=tools.providers,
        domains=base.domains,
        workspaces=base.workspaces,
        activity=base.activity,
        schedule=schedule,
        rotated_tokens=RotatedTokens(
            db=tools.db, vault=tools.vault, digests=tools.digests, spool=spool, clock=tools.clock
        ),
        observe=metrics.observe_verification,
        limit=settings.outbound.max_verifications,
        timeout=settings.outbound.timeout,
    )


def _refresh(
    settings: Settings, tools: Tools, base: _Base, schedule: Schedule, rotated_tokens: RotatedTokens
) -> Refresh:
    refresh = settings.refresh
    return build_refresh(
        db=tools.db,
        clock=tools.clock,
        vault=tools.vault,
        digests=tools.digests,
        connectors=base.connectors,
        providers=tools.providers,
        schedule=schedule,
        spool=rotated_tokens.spool,
        rotated_tokens=rotated_tokens,
        limits=Limits(
            timeout=settings.outbound.timeout,
            concurrency=refresh.concurrency,
            proofs=settings.outbound.mail_threads,
            policy=Policy(after=refresh.brake_after, probe_every=int(refresh.probe_degraded * SECOND)),
            rates=Rates(source=refresh.budget, provider=refresh.provider_budget),
        ),
        meters=Meters(observe=metrics.observe_refresh, late=metrics.observe_lateness, activity=base.activity),
    )


def _connector_check(tools: Tools, base: _Base, grants: _Grants) -> ConnectorCheck:
    return ConnectorCheck(
        db=tools.db,
        connectors=base.connectors,
        providers=tools.providers,
        limit=grants.connecting.limit,
        domains=base.domains,
        clock=tools.clock,
    )


def _sign_in(settings: Settings, tools: Tools, base: _Base, grants: _Grants) -> _SignIn:
    hosted = _hosted(settings, tools, base, grants)
    id_tokens = IdTokens(db=tools.db, vault=tools.vault, clock=tools.clock)
    tokens = AccessTokens(
        db=tools.db,
        digests=tools.digests,
        applications=base.applications,
        signing=id_tokens,
        clock=tools.clock,
    )
    return _SignIn(
        hosted=hosted,
        tokens=tokens,
        token_reader=TokenReader(db=tools.db, digests=tools.digests, id_tokens=id_tokens, clock=tools.clock),
        exchange=TokenEndpoint(
            applications=base.applications,
            api_keys=base.api_keys,
            codes=hosted.redemption,
            tokens=tokens,
            grants=grants.grants,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _SignInParts:
    """The parts that several services of hosted sign-in use."""

    limits: AbuseLimits
    logins: OpenLogins
    returns: ReturnUrls
    consent: ConsentPages
    admin_consent: AdminConsent
    codes: LoginCodes


def _hosted(settings: Settings, tools: Tools, base: _Base, grants: _Grants) -> Hosted:
    parts = _sign_in_parts(settings, tools, base)
    return Hosted(
        start=SignInStart(
            db=tools.db,
            applications=base.applications,
            digests=parts.logins.digests,
            consent=parts.consent,
            admin_consent=parts.admin_consent,
            returns=parts.returns,
            clock=tools.clock,
        ),
        visits=Visits(
            db=tools.db,
            applications=base.applications,
            logins=parts.logins,
            consent=parts.consent,
            detect=grants.detect,
            limits=parts.limits,
            returns=parts.returns,
        ),
        password_form=PasswordForm(
            logins=parts.logins,
            connect=grants.connecting.connect,
            limits=parts.limits,
            codes=parts.codes,
            returns=parts.returns,
        ),
        callback=_callback(base, grants, parts),
        codes=parts.codes,
        redemption=Redemption(
            codes=parts.codes,
            redirects=base.redirects,
            connect=grants.connecting.connect,
            secretless_web=settings.hosted.secretless_web,
        ),
        limits=parts.limits,
    )


def _sign_in_parts(settings: Settings, tools: Tools, base: _Base) -> _SignInParts:
    db, connectors, providers = tools.db, base.connectors, tools.providers
    digests, returns = LoginDigests(digests=tools.digests), ReturnUrls(redirects=base.redirects)
    return _SignInParts(
        limits=AbuseLimits(db=db, clock=tools.clock, threads=settings.outbound.mail_threads),
        logins=OpenLogins(db=db, digests=digests, clock=tools.clock),
        returns=returns,
        consent=ConsentPages(db=db, connectors=connectors, providers=providers, digests=digests),
        admin_consent=AdminConsent(db=db, connectors=connectors, providers=providers, digests=digests),
        codes=LoginCodes(db=db, vault=tools.vault, digests=tools.digests, returns=returns, clock=tools.clock),
    )


def _callback(base: _Base, grants: _Grants, parts: _SignInParts) -> Callback:
    return Callback(
        applications=base.applications,
        logins=parts.logins,
        admin_consent=parts.admin_consent,
        connect=grants.connecting.connect,
        codes=parts.codes,
        returns=parts.returns,
    )


def _deliveries(settings: Settings, tools: Tools) -> Deliveries:
    return Deliveries(
        db=tools.silent,
        clock=tools.clock,
        keep=int(settings.webhooks.keep * SECOND),
        wakeup=tools.wakeup,
        age=metrics.set_oldest_delivery,
    )


def _delivery_sender(settings: Settings, tools: Tools, opened: contextlib.AsyncExitStack) -> DeliverySender:
    named = settings.webhooks
    sender = DeliverySender(
        db=tools.silent,
        vault=tools.vault,
        receivers=tools.network.receivers,
        terms=DeliveryTerms(
            source=named.source,
            hold=int(named.expired_after * SECOND),
            retry_for=int(named.retry_for * SECOND),
            concurrency=named.concurrency,
        ),
        clock=tools.clock,
        wakeup=tools.wakeup,
        observe=metrics.count_delivery,
    )
    opened.push_async_callback(sender.drain)
    return sender


def _webhooks(settings: Settings, tools: Tools) -> Webhooks:
    named = settings.webhooks
    return Webhooks(
        db=tools.silent,
        vault=tools.vault,
        receivers=tools.network.receivers,
        clock=tools.clock,
        source=named.source,
        allow_http=named.allow_http,
        addresses=comma_separated(named.ip_addresses),
    )


def _readiness(settings: Settings, tools: Tools, opened: contextlib.AsyncExitStack) -> Readiness:
    sqlite = tools.silent.dialect is Dialect.SQLITE
    readiness = Readiness(db=tools.silent, directory=settings.data_dir if sqlite else None)
    opened.push_async_callback(readiness.close)
    return readiness
