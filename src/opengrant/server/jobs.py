"""Which jobs a process runs."""

from collections.abc import Sequence

from opengrant.jobs.alive import alive, seen
from opengrant.jobs.announce import announce
from opengrant.jobs.clock_steps import ahead
from opengrant.jobs.deliver import deliver
from opengrant.jobs.derive_again import derive_again
from opengrant.jobs.imports import imports
from opengrant.jobs.loop import Job
from opengrant.jobs.measure import measure
from opengrant.jobs.refresh import refresh, replay
from opengrant.jobs.sweep import activity as write_activity
from opengrant.jobs.sweep import address_index, fold, key_uses, old_requests, requests, sweep
from opengrant.jobs.watch import watch
from opengrant.services import Services


def of_worker(services: Services) -> Sequence[Job]:
    """What a process without HTTP does for itself: write its counts, set the gauges of the installation,
    say that it runs."""
    return [write_activity(services), measure(services), seen(services)]


def of_server(services: Services) -> Sequence[Job]:
    """What a process with HTTP does for itself."""
    return [*of_worker(services), key_uses(services), replay(services), requests(services)]


def shared(services: Services) -> Sequence[Job]:
    """The background work of the installation, which any of its processes may do."""
    return [
        alive(services),
        sweep(services),
        old_requests(services),
        fold(services),
        address_index(services),
        refresh(services),
        announce(services),
        deliver(services),
        ahead(services),
        derive_again(services),
        watch(services),
        imports(services),
    ]
