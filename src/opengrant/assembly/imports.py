"""Builds the services of imports: the way in, and the way out."""

import contextlib
from datetime import timedelta

from opengrant import metrics
from opengrant.assembly.grants import GrantsRoom, rates
from opengrant.assembly.tools import Tools
from opengrant.grants.schedule import Schedule
from opengrant.imports.checking import Checking, Speeds
from opengrant.imports.exporting import Exporting
from opengrant.imports.lag import Lag
from opengrant.imports.loading import Loading
from opengrant.imports.pacing import RESERVE, Limits, Pacing
from opengrant.imports.placing import Placing
from opengrant.imports.remaining import Remaining
from opengrant.imports.restoring import Restoring
from opengrant.imports.verifying import Verifying
from opengrant.imports.working import ImportWork
from opengrant.model import SECOND, ProviderName
from opengrant.operations.request_log import RequestLog
from opengrant.settings import Settings

_LOGIN_SECONDS = 1.0
"""What the login of a password takes at most mail hosts, for forecasts."""
_ROWS_A_SECOND = 1000.0
"""Rows that one process can verify, for forecasts: docs/benchmarks.md."""


def build_import_work(
    settings: Settings,
    tools: Tools,
    grants: GrantsRoom,
    restoring: Restoring,
    requests: RequestLog,
    opened: contextlib.AsyncExitStack,
) -> ImportWork:
    pacing = Pacing(
        lag=Lag(settings.imports.concurrency, lambda: requests.answered),
        db=tools.db,
        clock=tools.clock,
        limits=Limits(
            concurrency=settings.imports.concurrency,
            proofs=settings.outbound.mail_threads,
            rates=rates(settings),
            probe_every=int(settings.refresh.probe_degraded * SECOND),
        ),
    )
    verifying = Verifying(
        db=tools.db,
        vault=tools.vault,
        clock=tools.clock,
        connect=grants.connecting.connect,
        pacing=pacing,
        restore=restoring.restore,
        done=metrics.count_import_row,
    )
    work = ImportWork(
        db=tools.db,
        clock=tools.clock,
        verifying=verifying,
        schedule=grants.schedule,
        keep=timedelta(days=settings.imports.keep),
    )
    # Before the exchanges end: rows under way are written first.
    opened.push_async_callback(work.drain)
    return work


def build_exporting(tools: Tools) -> Exporting:
    return Exporting(db=tools.db, vault=tools.vault, clock=tools.clock)


def build_restoring(tools: Tools, schedule: Schedule) -> Restoring:
    placing = Placing(db=tools.db, vault=tools.vault, clock=tools.clock)
    return Restoring(db=tools.db, vault=tools.vault, clock=tools.clock, schedule=schedule, placing=placing)


def build_import_loading(tools: Tools, work: ImportWork) -> Loading:
    return Loading(db=tools.db, vault=tools.vault, clock=tools.clock, rotates=_rotating(tools), started=work.wakeup.set)


def build_import_checking(settings: Settings, tools: Tools) -> Checking:
    budgets, concurrency = rates(settings), settings.imports.concurrency
    tokens = tools.providers.tokens
    return Checking(
        db=tools.db,
        digests=tools.digests,
        rotates=_rotating(tools),
        single_use=frozenset(name for name, provider in tokens.items() if provider.single_use),
        speeds=Speeds(
            source=budgets.source * (1 - RESERVE),
            provider=budgets.provider * (1 - RESERVE),
            mail_host=concurrency / 4 / _LOGIN_SECONDS,
            process=_ROWS_A_SECOND,
        ),
    )


def build_remaining(tools: Tools) -> Remaining:
    return Remaining(db=tools.db, vault=tools.vault)


def _rotating(tools: Tools) -> frozenset[ProviderName]:
    """Providers whose refresh tokens end with their use, or may do so."""
    tokens = tools.providers.tokens
    return frozenset(name for name, provider in tokens.items() if provider.rotates or provider.single_use)
