"""Builds the calendars that this server keeps."""

from opengrant.assembly.tools import Tools
from opengrant.calendars.expansion import Expansions
from opengrant.calendars.hosted import HostedCalendars, HostedEvents
from opengrant.calendars.rederiving import Rederiving
from opengrant.calendars.service import CalendarService
from opengrant.grants.manage import Grants
from opengrant.providers.registry import FACTS
from opengrant.store.grants import grants as stored_grants


def build_calendars(tools: Tools, grants: Grants, rederiving: Rederiving) -> CalendarService:
    hosted = HostedCalendars(
        db=tools.db,
        clock=tools.clock,
        rederiving=rederiving,
        stays=lambda grant: stored_grants.stays(grant, tools.db.dialect),
    )
    return CalendarService(
        db=tools.db,
        clock=tools.clock,
        grants=grants,
        hosted_calendars=hosted,
        hosted_events=HostedEvents(db=tools.db, clock=tools.clock, calendars=hosted, expansions=Expansions()),
        places={name: facts.calendar for name, facts in FACTS.items()},
    )
