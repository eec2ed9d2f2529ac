"""Nodes that watch one mailbox, and die before and after they have written what they saw."""

from io import BytesIO

import pytest

from tests.announcing import subscribe
from tests.fakes.receiver import Hook
from tests.mail.mailbox import OWNER, mail, owner_of
from tests.nodes.node import nodes, until
from tests.peers.dovecot import Dovecot
from tests.peers.postgres import Postgres
from tests.support import LiveServer, data, imap


def test_each_message_is_told_once_whichever_node_dies(
    postgres: Postgres, dovecot: Dovecot, hook: Hook, log_stream: BytesIO, tmp_path_factory: pytest.TempPathFactory
) -> None:
    env = {"OPENGRANT_DATABASE_URL": postgres.create_database(), "OPENGRANT_WATCH__EVERY": "1", **dovecot.settings()}
    with LiveServer(env, tmp_path_factory.mktemp("watching"), log_stream) as live, owner_of(dovecot) as owner:
        tenant = live.tenant()
        tenant.connector("imap")
        grant_id = data(tenant.connect("imap", imap(dovecot, OWNER)))["id"]
        subscribe(tenant, hook, "message.created")
        tenant.http.close()

        def told() -> list[str]:
            return [one.object["id"] for one in hook.received]

        def holders() -> set[str]:
            return {row[0] for row in live.rows("select owner from mail_watches where folders is not null") if row[0]}

        def time_passes() -> None:
            """So much that a node that says nothing is taken to be gone."""
            live.rows("update mail_watchers set until = 1")

        with nodes(live, {"OPENGRANT_FAULT": "watch.looked:2"}) as (first,):
            until(holders, "nothing is watched")
            owner.put(mail(1))
            first.dies()
            assert told() == []
        time_passes()
        with nodes(live, {"OPENGRANT_FAULT": "watch.kept:2"}) as (second,):
            until(lambda: len(told()) == 1, "what the first node saw is lost")
            owner.put(mail(2))
            second.dies()
        time_passes()
        with nodes(live, {}, {}):
            until(lambda: len(told()) == 2, "what the second node wrote is lost")
            until(holders, "nothing is watched")
            owner.put(mail(3))
            until(lambda: len(told()) == 3, "two nodes tell nothing")
            owner.put(mail(4))
            until(lambda: len(told()) == 4, "two nodes tell nothing")
            assert len(holders()) == 1
        assert told() == [f"<{number}@example.com>" for number in range(1, 5)]
        assert len(live.rows("select 1 from deliveries")) == 4
        assert live.rows("select grant_id from mail_watches") == [(grant_id,)]
