"""Builds the services of imports."""

import contextlib
from datetime import timedelta

from opengrant import metrics
from opengrant.assembly.grants import GrantsRoom, rates
from opengrant.assembly.tools import Tools
from opengrant.imports.pacing import Limits, Pacing
from opengrant.imports.verifying import Verifying
from opengrant.imports.working import ImportWork
from opengrant.model import SECOND, Application
from opengrant.model.imports import RestoredRow, RowResult
from opengrant.settings import Settings
from opengrant.store.engine.port import Steps


def build_import_work(
    settings: Settings, tools: Tools, grants: GrantsRoom, opened: contextlib.AsyncExitStack
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
        restore=_restore,
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


def _restore(app: Application, row: RestoredRow, /, *, hold_refresh: bool) -> Steps[RowResult]:
    raise NotImplementedError
    yield
