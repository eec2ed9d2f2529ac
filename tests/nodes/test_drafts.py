"""A node dies as by `kill -9` at each step of changing and sending a draft: nothing is lost, nothing is sent twice."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest

from opengrant.model import SECOND
from tests.mail.mailbox import OWNER, Owner, owner_of
from tests.nodes.node import nodes
from tests.peers.dovecot import Dovecot
from tests.peers.postfix import Postfix
from tests.support import LiveServer, Tenant, data, imap

FOLDER = "Entwuerfe"
POINTS = ("draft.saved", "send.taken", "draft.sent")


class Mailbox(NamedTuple):
    tenant: Tenant
    grant: str
    owner: Owner
    postfix: Postfix
    drafts: dict[str, str]

    def lying(self, point: str) -> int:
        """How many versions of a draft there are."""
        self.owner.client.select(FOLDER, readonly=True)
        found: bytes = self.owner.client.search(None, "HEADER", "MESSAGE-ID", f'"{self.drafts[point]}"')[1][0]
        self.owner.client.close()
        return len(found.split())

    def received(self, point: str, count: int) -> int:
        """count: of all messages."""
        return sum(f"Subject: {point}".encode() in one.raw for one in self.postfix.received(count))

    def ask(self, http: httpx.Client, verb: str, point: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tenant.api_key}"}
        return http.request(verb, f"{self.grant}/drafts/{quote(self.drafts[point], safe='')}", headers=headers, **more)

    def send(self, point: str) -> httpx.Response:
        return self.ask(self.tenant.http, "POST", point)


@pytest.fixture(scope="module")
def crashed(sqlite_server: LiveServer, dovecot: Dovecot, postfix: Postfix) -> Iterator[Mailbox]:
    """Each node has died at its point, and what it was doing does not count as under way any more."""
    tenant = sqlite_server.tenant()
    tenant.connector("imap")
    grant = f"/v3/grants/{data(tenant.connect('imap', imap(dovecot, OWNER, **postfix.settings())))['id']}"
    postfix.forget()
    with closing(tenant.http), owner_of(dovecot) as owner:
        owner.make(FOLDER)
        drafts = {}
        for point in POINTS:
            said = {"to": [{"email": "ana@example.com"}], "subject": point, "body": "Hello"}
            drafts[point] = data(tenant.post(f"{grant}/drafts", said))["id"]
        mailbox = Mailbox(tenant, grant, owner, postfix, drafts)
        with nodes(sqlite_server, *({"OPENGRANT_FAULT": point} for point in POINTS), work=False) as started:
            for point, node in zip(POINTS, started, strict=True):
                verb, said = ("PUT", {"subject": f"{point} anew"}) if point == "draft.saved" else ("POST", {})
                with pytest.raises(httpx.TransportError):
                    mailbox.ask(node.http, verb, point, json=said)
                node.dies()
        assert mailbox.send("send.taken").json()["error"]["type"] == "api.concurrent_idempotent_request"
        sqlite_server.rows("update idempotency set created_at = created_at - $1", 200 * SECOND)
        yield mailbox


def test_a_change_that_was_broken_off_shows_its_new_version_alone(crashed: Mailbox) -> None:
    assert crashed.lying("draft.saved") == 2
    listed = data(crashed.tenant.get(f"{crashed.grant}/drafts"))
    assert [one["subject"] for one in listed if one["id"] == crashed.drafts["draft.saved"]] == ["draft.saved anew"]
    changed = data(crashed.ask(crashed.tenant.http, "PUT", "draft.saved", json={"body": "Bye"}))
    assert (changed["subject"], changed["body"]) == ("draft.saved anew", "Bye")
    assert crashed.lying("draft.saved") == 1


def test_where_nobody_knows_the_answer_says_so_until_the_draft_is_changed(crashed: Mailbox) -> None:
    for _ in range(2):
        answer = crashed.send("send.taken")
        assert (answer.status_code, answer.json()["error"]["type"]) == (504, "provider_error")
    assert (crashed.lying("send.taken"), crashed.received("send.taken", 2)) == (1, 1)
    crashed.ask(crashed.tenant.http, "PUT", "send.taken", json={"body": "Once more"})
    assert crashed.send("send.taken").status_code == 200
    assert (crashed.lying("send.taken"), crashed.received("send.taken", 3)) == (0, 2)


def test_what_was_sent_is_erased_by_the_repeat(crashed: Mailbox) -> None:
    assert crashed.lying("draft.sent") == 1
    sent = data(crashed.send("draft.sent"))
    assert (sent["subject"], sent["folders"]) == ("draft.sent", ["Sent"])
    assert (crashed.lying("draft.sent"), crashed.received("draft.sent", 2)) == (0, 1)
    assert crashed.send("draft.sent").status_code == 404
