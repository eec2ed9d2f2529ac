"""Builds the services of grants: connect, refresh, manage, detect."""

import contextlib
import random
from dataclasses import dataclass

from opengrant import metrics
from opengrant.assembly.base import Base
from opengrant.assembly.connect import ConnectRoom, build_connect
from opengrant.assembly.refresh import Limits, Meters, build_refresh
from opengrant.assembly.tools import Tools
from opengrant.grants.connect.detect import Detect
from opengrant.grants.connect.rotated_tokens import RotatedTokens
from opengrant.grants.manage import Grants
from opengrant.grants.refresh.circuit_breaker import Policy
from opengrant.grants.refresh.refresh import Refresh
from opengrant.grants.refresh.source_health import SourceHealth
from opengrant.grants.revocations import Revocations
from opengrant.grants.schedule import Schedule
from opengrant.grants.spool import Spool
from opengrant.model import SECOND
from opengrant.settings import Settings
from opengrant.store.grants.paces import Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantsRoom:
    schedule: Schedule
    connecting: ConnectRoom
    refresh: Refresh
    grants: Grants
    detect: Detect


def build_grants(settings: Settings, tools: Tools, base: Base, opened: contextlib.AsyncExitStack) -> GrantsRoom:
    schedule, spool = _schedule(settings), Spool(settings.data_dir / "unwritten")
    connecting = _connecting(settings, tools, base, schedule, spool)
    refresh = _refresh(settings, tools, base, schedule, connecting.rotated_tokens)
    # Exchanges end before the database closes: a token that is not stored is lost. The last callback runs first, so
    # refresh can still write what connect has spooled.
    opened.push_async_callback(refresh.drain)
    opened.push_async_callback(connecting.connect.exchange.drain)
    revocations = Revocations(db=tools.db, vault=tools.vault, providers=tools.providers.revokes)
    opened.push_async_callback(revocations.close)
    return GrantsRoom(
        schedule=schedule,
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


def _connecting(settings: Settings, tools: Tools, base: Base, schedule: Schedule, spool: Spool) -> ConnectRoom:
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


def rates(settings: Settings) -> Rates:
    """The budgets, which refreshes and imports share."""
    return Rates(source=settings.refresh.budget, provider=settings.refresh.provider_budget)


def _refresh(
    settings: Settings, tools: Tools, base: Base, schedule: Schedule, rotated_tokens: RotatedTokens
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
            rates=rates(settings),
        ),
        meters=Meters(observe=metrics.observe_refresh, late=metrics.observe_lateness, activity=base.activity),
    )
