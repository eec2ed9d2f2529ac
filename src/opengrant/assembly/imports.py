"""Builds the services of imports: the way in, and the way out."""

import contextlib
from datetime import timedelta

from opengrant import metrics
from opengrant.assembly.grants import GrantsRoom, rates
from opengrant.assembly.tools import Tools
from opengrant.grants.schedule import Schedule
from opengrant.imports.exporting import Exporting
from opengrant.imports.loading import Loading
from opengrant.imports.pacing import Limits, Pacing
from opengrant.imports.placing import Placing
from opengrant.imports.restoring import Restoring
from opengrant.imports.verifying import Verifying
from opengrant.imports.working import ImportWork
from opengrant.model import SECOND
from opengrant.settings import Settings


def build_import_work(
    settings: Settings, tools: Tools, grants: GrantsRoom, restoring: Restoring, opened: contextlib.AsyncExitStack
) -> ImportWork:
    pacing = Pacing(
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


def build_import_loading(tools: Tools) -> Loading:
    tokens = tools.providers.tokens
    rotates = frozenset(name for name, provider in tokens.items() if provider.rotates or provider.single_use)
    return Loading(db=tools.db, vault=tools.vault, clock=tools.clock, rotates=rotates)
