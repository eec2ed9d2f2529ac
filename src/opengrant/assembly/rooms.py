"""Builds each service once, room by room, and registers what has to end before its tools close."""

import contextlib
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

from opengrant import metrics
from opengrant.access.console_sessions import ConsoleSessions
from opengrant.access.idempotency import Idempotency
from opengrant.access.request_signatures import Signatures
from opengrant.access.service_accounts import ServiceAccounts
from opengrant.assembly.base import Base, build_base
from opengrant.assembly.calendars import build_calendars
from opengrant.assembly.events import build_deliveries, build_delivery_sender, build_webhooks
from opengrant.assembly.grants import GrantsRoom, build_grants
from opengrant.assembly.imports import (
    build_exporting,
    build_import_checking,
    build_import_loading,
    build_import_work,
    build_remaining,
    build_restoring,
)
from opengrant.assembly.mail import (
    MAIL_PLACES,
    build_mail,
    build_mail_logins,
    build_scheduled_sender,
    build_schedules,
    build_scheduling,
    build_sending,
)
from opengrant.assembly.proxy import build_proxy
from opengrant.assembly.signin import build_sign_in
from opengrant.assembly.tools import Tools
from opengrant.assembly.watching import build_watching
from opengrant.calendars.feeds import Feeds
from opengrant.calendars.ics_store import IcsImport
from opengrant.calendars.rederiving import Rederiving
from opengrant.connectors.check import ConnectorCheck
from opengrant.connectors.credentials import Credentials
from opengrant.domains.dns_records import NOWHERE, MailNames
from opengrant.domains.verification import DomainVerification
from opengrant.errors import StoreUnavailable
from opengrant.events.audit import Audit
from opengrant.grants.aliases import Aliases
from opengrant.grants.handover import Handover
from opengrant.grants.history import Timeline
from opengrant.grants.key_and_grant import KeyAndGrant
from opengrant.grants.refresh.state import States
from opengrant.imports.imports import Imports
from opengrant.mail.contacts import Contacts
from opengrant.mail.drafts import Drafts
from opengrant.mail.metadata import MessageMetadata
from opengrant.mail.readings import MailReadings
from opengrant.mail.signatures import Signatures as MailSignatures
from opengrant.mail.watching.contents import MessageContents
from opengrant.operations.about import About
from opengrant.operations.address_index import AddressIndex
from opengrant.operations.clock_steps import ClockSteps
from opengrant.operations.grant_counts import GrantCounts
from opengrant.operations.overview import Overview
from opengrant.operations.readiness import Readiness
from opengrant.operations.request_log import RequestLog
from opengrant.services import Services
from opengrant.settings import Settings, in_force
from opengrant.store.engine.port import Dialect
from opengrant.tenants.grouping import Grouping


def build_rooms(settings: Settings, tools: Tools, opened: contextlib.AsyncExitStack) -> Services:
    db, clock = tools.db, tools.clock
    base = build_base(tools, opened)
    grants = build_grants(settings, tools, base, opened)
    sessions = ConsoleSessions(db=db, api_keys=base.api_keys, digests=tools.digests, clock=clock)
    sign_in = build_sign_in(settings, tools, base, grants, sessions)
    rederiving = Rederiving(db=db)
    mail_logins = build_mail_logins(tools, grants.refresh)
    proxy = build_proxy(settings, tools, base.api_keys, mail_logins)
    mail = build_mail(settings, tools, mail_logins, opened)
    contents = MessageContents(db=tools.silent, mail=mail)
    signatures = MailSignatures(db=db, clock=clock, places=MAIL_PLACES)
    idempotency = Idempotency(db=db, digests=tools.digests, clock=clock)
    aliases = Aliases(tokens=grants.refresh.tokens, providers=tools.providers.aliases)
    sending = build_sending(tools, mail, signatures, aliases, idempotency)
    schedules = build_schedules(tools)
    restoring = build_restoring(tools, grants.schedule)
    requests = _request_log(settings, tools, opened)
    import_work = build_import_work(settings, tools, grants, restoring, requests, opened)
    return Services(
        db=db,
        public_url=settings.public_url,
        applications=base.applications,
        api_keys=base.api_keys,
        redirects=base.redirects,
        workspaces=base.workspaces,
        grouping=_grouping(tools, base, opened),
        sessions=sessions,
        service_accounts=ServiceAccounts(db=db, clock=clock),
        signatures=Signatures(db=db, clock=clock),
        idempotency=idempotency,
        connectors=base.connectors,
        credentials=Credentials(db=db, vault=tools.vault, clock=clock),
        connector_check=_connector_check(tools, base, grants),
        domains=base.domains,
        domain_verification=_domain_verification(settings, tools, base),
        connect=grants.connecting.connect,
        rotated_tokens=grants.connecting.rotated_tokens,
        refresh=grants.refresh,
        grants=grants.grants,
        key_and_grant=KeyAndGrant(db=db, api_keys=base.api_keys),
        detect=grants.detect,
        aliases=aliases,
        handover=Handover(
            db=db, clock=clock, states=States(db=db, vault=tools.vault), passwords=tools.providers.passwords
        ),
        timeline=Timeline(db=db),
        import_loading=build_import_loading(tools, import_work),
        exporting=build_exporting(tools),
        restoring=restoring,
        import_work=import_work,
        import_checking=build_import_checking(settings, tools),
        import_remaining=build_remaining(tools),
        calendars=build_calendars(tools, grants.grants, rederiving),
        rederiving=rederiving,
        feeds=Feeds(db=db, digests=tools.digests, clock=clock),
        ics_import=IcsImport(db=db, clock=clock),
        mail=mail,
        sending=sending,
        drafts=Drafts(sending=sending),
        mail_readings=MailReadings(db=db, clock=clock),
        watching=build_watching(settings, tools, mail, contents, opened),
        mail_signatures=signatures,
        schedules=schedules,
        scheduling=build_scheduling(tools, sending, schedules),
        scheduled_sender=build_scheduled_sender(tools, sending, opened),
        mail_metadata=MessageMetadata(db=db, clock=clock),
        contacts=Contacts(mail=mail, clock=clock),
        proxy_tokens=proxy.tokens,
        proxy_logins=proxy,
        hosted=sign_in.hosted,
        tokens=sign_in.tokens,
        token_reader=sign_in.token_reader,
        exchange=sign_in.exchange,
        activity=base.activity,
        audit=Audit(db=db, clock=clock, keep=timedelta(days=settings.audit_days)),
        webhooks=build_webhooks(settings, tools),
        deliveries=build_deliveries(settings, tools),
        delivery_sender=build_delivery_sender(settings, tools, contents, opened),
        imports=Imports(db=db, clock=clock, started=import_work.wakeup.set),
        about=About(db=tools.silent, clock=clock, settings=partial(in_force, settings)),
        overview=Overview(
            db=db,
            activity=base.activity,
            clock=clock,
            observe=metrics.set_health,
            observe_grants=metrics.set_grants,
        ),
        grant_counts=GrantCounts(db=db),
        address_index=AddressIndex(db=db),
        requests=requests,
        readiness=_readiness(settings, tools, opened),
        ahead=ClockSteps(db=db, clock=clock),
    )


def _grouping(tools: Tools, base: Base, opened: contextlib.AsyncExitStack) -> Grouping:
    grouping = Grouping(db=tools.db, workspaces=base.workspaces, clock=tools.clock)
    opened.push_async_callback(grouping.close)
    return grouping


def _domain_verification(settings: Settings, tools: Tools, base: Base) -> DomainVerification:
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


def _connector_check(tools: Tools, base: Base, grants: GrantsRoom) -> ConnectorCheck:
    return ConnectorCheck(
        db=tools.db,
        connectors=base.connectors,
        providers=tools.providers,
        limit=grants.connecting.limit,
        domains=base.domains,
        clock=tools.clock,
    )


def _request_log(settings: Settings, tools: Tools, opened: contextlib.AsyncExitStack) -> RequestLog:
    log = RequestLog(
        db=tools.silent,
        clock=tools.clock,
        keep=timedelta(seconds=settings.requests.keep),
        most=settings.requests.max_bytes,
        dropped=metrics.count_dropped_request_records,
    )

    async def write() -> None:
        with contextlib.suppress(StoreUnavailable):
            await log.write()

    opened.push_async_callback(write)
    return log


def _readiness(settings: Settings, tools: Tools, opened: contextlib.AsyncExitStack) -> Readiness:
    sqlite = tools.silent.dialect is Dialect.SQLITE
    readiness = Readiness(db=tools.silent, directory=settings.data_dir if sqlite else None)
    opened.push_async_callback(readiness.close)
    return readiness
