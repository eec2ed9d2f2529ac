"""A node dies as by `kill -9` at each step of sending: a repeat with its Idempotency-Key never sends twice."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

import httpx
import pytest

from opengrant.model import SECOND
from tests.mail.mailbox import OWNER, owner_of
from tests.nodes.node import nodes
from tests.peers.dovecot import Dovecot
from tests.peers.postfix import Postfix
from tests.support import LiveServer, Tenant, data, imap

POINTS = ("send.prepared", "send.handing_over", "send.taken", "send.filed")


class Case(NamedTuple):
    """soon, later: the answers to a repeat at once, and after the time in which it may still be under way."""

    soon: httpx.Response
    later: httpx.Response
    last: httpx.Response
    received: int
    copies: int


@pytest.fixture(scope="module")
def server(sqlite_server: LiveServer) -> LiveServer:
    return sqlite_server


@pytest.fixture(scope="module")
def crashed(sqlite_server: LiveServer, dovecot: Dovecot, postfix: Postfix) -> Iterator[dict[str, Case]]:
    tenant = sqlite_server.tenant()
    tenant.connector("imap")
    grant = data(tenant.connect("imap", imap(dovecot, OWNER, **postfix.settings())))["id"]
    postfix.forget()
    with closing(tenant.http), owner_of(dovecot) as owner:
        with nodes(sqlite_server, *({"OPENGRANT_FAULT": point} for point in POINTS), work=False) as started:
            for point, node in zip(POINTS, started, strict=True):
                headers = {**asked(point)["headers"], "Authorization": f"Bearer {tenant.api_key}"}
                with pytest.raises(httpx.TransportError):
                    node.http.post(f"/v3/grants/{grant}/messages/send", json=asked(point)["json"], headers=headers)
                node.dies()
        soon = {point: repeat(tenant, grant, point) for point in POINTS}
        sqlite_server.rows("update idempotency set created_at = created_at - $1", 200 * SECOND)
        later = {point: repeat(tenant, grant, point) for point in POINTS}
        last = {point: repeat(tenant, grant, point) for point in POINTS}
        raws = [one.raw for one in postfix.received(3)]
        owner.client.select("Sent", readonly=True)
        copies = str(owner.client.fetch("1:*", "(BODY.PEEK[HEADER])"))
        yield {
            point: Case(
                soon[point],
                later[point],
                last[point],
                sum(f"Subject: {point}".encode() in raw for raw in raws),
                copies.count(f"Subject: {point}"),
            )
            for point in POINTS
        }


def asked(point: str) -> dict[str, Any]:
    said = {"to": [{"email": "ana@example.com"}], "subject": point, "body": "Hello"}
    return {"json": said, "headers": {"Idempotency-Key": point}}


def repeat(tenant: Tenant, grant: str, point: str) -> httpx.Response:
    return tenant.http.post(f"/v3/grants/{grant}/messages/send", **asked(point))


def test_what_may_still_be_under_way_is_not_begun_again(crashed: dict[str, Case]) -> None:
    for case in crashed.values():
        assert (case.soon.status_code, case.soon.json()["error"]["type"]) == (409, "api.concurrent_idempotent_request")


def test_what_was_not_handed_over_is_sent_by_the_repeat(crashed: dict[str, Case]) -> None:
    case = crashed["send.prepared"]
    assert (case.later.status_code, case.received, case.copies) == (200, 1, 1), case.later.text
    assert data(case.last) == data(case.later)


@pytest.mark.parametrize(("point", "received"), [("send.handing_over", 0), ("send.taken", 1)])
def test_where_nobody_knows_the_answer_says_so(crashed: dict[str, Case], point: str, received: int) -> None:
    case = crashed[point]
    assert (case.later.status_code, case.later.json()["error"]["type"]) == (504, "provider_error")
    assert "Look in the folder for sent mail" in case.later.json()["error"]["message"]
    assert (case.received, case.copies) == (received, 0)
    assert case.last.json()["error"] == case.later.json()["error"]
    assert case.last.headers["idempotent-response"] == "true"


def test_what_lies_in_the_folder_for_sent_mail_was_sent(crashed: dict[str, Case]) -> None:
    case = crashed["send.filed"]
    assert (case.later.status_code, case.received, case.copies) == (200, 1, 1), case.later.text
    sent = data(case.later)
    assert (sent["subject"], sent["folders"]) == ("send.filed", ["Sent"])
    assert data(case.last) == sent
