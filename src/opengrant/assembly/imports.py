"""Builds the services of imports: the way in, and the way out."""

from opengrant.assembly.tools import Tools
from opengrant.grants.schedule import Schedule
from opengrant.imports.exporting import Exporting
from opengrant.imports.placing import Placing
from opengrant.imports.restoring import Restoring


def build_exporting(tools: Tools) -> Exporting:
    return Exporting(db=tools.db, vault=tools.vault, clock=tools.clock)


def build_restoring(tools: Tools, schedule: Schedule) -> Restoring:
    placing = Placing(db=tools.db, vault=tools.vault, clock=tools.clock)
    return Restoring(db=tools.db, vault=tools.vault, clock=tools.clock, schedule=schedule, placing=placing)
