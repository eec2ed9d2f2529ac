"""Scheduled send though nodes die: no message is lost, and none goes out twice.

At each step a process dies (failpoints.py): after the claim, after the mark, after the mail server took the message,
after its copy was filed. A real Postfix takes the messages, a real Dovecot keeps the copies.
"""

from collections import Counter
from collections.abc import Iterator
from email import message_from_bytes
from io import BytesIO

import pytest

from opengrant.model import SECOND
from tests.mail.mailbox import OWNER, Owner, owner_of
from tests.nodes.node import nodes, until
from tests.peers.dovecot import ACCOUNTS, Dovecot
from tests.peers.postfix import Postfix
from tests.peers.postgres import Postgres
from tests.support import LiveServer, Tenant, data, imap

pytestmark = pytest.mark.timeout(300)

DEATHS = ("scheduled.claimed", "scheduled.marked", "send.taken", "scheduled.answered")
SUBJECTS = tuple(f"{place} of {len(DEATHS)}" for place in range(len(DEATHS)))


@pytest.fixture(params=["sqlite", "postgres"])
def tenant(
    request: pytest.FixtureRequest,
    dovecot: Dovecot,
    tmp_path_factory: pytest.TempPathFactory,
    log_stream: BytesIO,
) -> Iterator[Tenant]:
    env = dict(dovecot.settings())
    if request.param == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        env["OPENGRANT_DATABASE_URL"] = postgres.create_database()
    with LiveServer(env, tmp_path_factory.mktemp("scheduled"), log_stream) as live:
        made = live.tenant()
        made.connector("imap")
        yield made
        made.http.close()


def connected(tenant: Tenant, dovecot: Dovecot, postfix: Postfix, username: str = OWNER) -> str:
    return f"/v3/grants/{data(tenant.connect('imap', imap(dovecot, username, **postfix.settings())))['id']}"


def schedule(tenant: Tenant, grant: str, subject: str) -> str:
    at = int(tenant.server.services.schedules.clock()) // SECOND + 100
    body = {"to": [{"email": "ana@example.com"}], "subject": subject, "body": "Hello", "send_at": at}
    answer = tenant.post(f"{grant}/messages/send", body)
    assert answer.status_code == 202, answer.text
    return str(data(answer)["schedule_id"])


def let_time_pass(live: LiveServer) -> None:
    """Until all is due, and the claims of the dead have ended."""
    live.rows("update outgoing set send_at = send_at - $1, run_at = 1 where state = 'pending'", 100 * SECOND)


def pending(tenant: Tenant, grant: str) -> bool:
    """Whether any message waits. What waits for another try, after a mail server was too busy, is due at once."""
    tenant.server.rows("update outgoing set run_at = 1 where state = 'pending' and owner is null")
    return "pending" in states(tenant, grant)


def states(tenant: Tenant, grant: str) -> Counter[str]:
    return Counter(one["status"]["code"] for one in data(tenant.get(f"{grant}/messages/schedules")))


def subjects(raws: list[bytes]) -> Counter[str]:
    return Counter(str(message_from_bytes(raw)["Subject"]) for raw in raws)


def copies(owner: Owner) -> Counter[str]:
    owner.client.select("Sent", readonly=True)
    found = owner.client.fetch("1:*", "(BODY.PEEK[HEADER])")[1]
    return subjects([one[1] for one in found if isinstance(one, tuple)])


def test_a_node_dies_at_each_step_and_each_message_is_sent_once_or_said_to_be_in_doubt(
    tenant: Tenant, dovecot: Dovecot, postfix: Postfix
) -> None:
    live = tenant.server
    with owner_of(dovecot) as owner:
        postfix.forget()
        grant = connected(tenant, dovecot, postfix)
        for subject in SUBJECTS:
            schedule(tenant, grant, subject)
        let_time_pass(live)
        # Each dies with its first message: of one grant a process sends one at a time.
        with nodes(live, *({"OPENGRANT_FAULT": death} for death in DEATHS)) as victims:
            for victim in victims:
                victim.dies()
        assert states(tenant, grant) == {"pending": len(DEATHS)}
        let_time_pass(live)
        with nodes(live, {}, {}):
            until(lambda: not pending(tenant, grant), "what was due was not sent")
        received = subjects([one.raw for one in postfix.received(3)])
        shown = {one["schedule_id"]: one["status"] for one in data(tenant.get(f"{grant}/messages/schedules"))}
        assert Counter(one["code"] for one in shown.values()) == {"success": 2, "failed": 2}
        assert all(
            "whether it was sent is not known" in one["description"]
            for one in shown.values()
            if one["code"] == "failed"
        )
        # One of those in doubt had been sent, the other one had not; nothing was sent twice.
        assert sorted(received.values()) == [1, 1, 1]
        assert sorted(copies(owner).values()) == [1, 1]
        assert live.rows("select count(*) from secrets where owner_kind = 'outgoing'")[0][0] == 0


@pytest.mark.parametrize("tenant", ["postgres"], indirect=True)
def test_two_nodes_share_what_is_due(tenant: Tenant, dovecot: Dovecot, postfix: Postfix) -> None:
    live = tenant.server
    with owner_of(dovecot):
        postfix.forget()
        grants = [connected(tenant, dovecot, postfix, username) for username in ACCOUNTS if "@" in username]
        numbers = range(5)
        for grant in grants:
            for number in numbers:
                schedule(tenant, grant, f"{grant[-12:]} {number}")
        let_time_pass(live)
        with nodes(live, {}, {}):
            until(lambda: not any(pending(tenant, grant) for grant in grants), "not all were sent")
        assert all(states(tenant, grant) == {"success": len(numbers)} for grant in grants)
        received = subjects([one.raw for one in postfix.received(len(grants) * len(numbers))])
        assert received == {f"{grant[-12:]} {number}": 1 for grant in grants for number in numbers}
