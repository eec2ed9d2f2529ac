"""Builds webhooks and the sending of deliveries."""

import contextlib

from opengrant import metrics
from opengrant.assembly.network import comma_separated
from opengrant.assembly.tools import Tools
from opengrant.events.contents import Contents
from opengrant.events.deliveries import Deliveries
from opengrant.events.sending import DeliverySender, DeliveryTerms
from opengrant.events.webhooks import Webhooks
from opengrant.model import SECOND
from opengrant.settings import Settings


def build_deliveries(settings: Settings, tools: Tools) -> Deliveries:
    return Deliveries(
        db=tools.silent,
        clock=tools.clock,
        keep=int(settings.webhooks.keep * SECOND),
        wakeup=tools.wakeup,
        observe=metrics.set_pending_deliveries,
        source=settings.webhooks.source,
    )


def build_delivery_sender(
    settings: Settings, tools: Tools, contents: Contents, opened: contextlib.AsyncExitStack
) -> DeliverySender:
    named = settings.webhooks
    sender = DeliverySender(
        db=tools.silent,
        vault=tools.vault,
        receivers=tools.network.receivers,
        contents=contents,
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


def build_webhooks(settings: Settings, tools: Tools) -> Webhooks:
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
