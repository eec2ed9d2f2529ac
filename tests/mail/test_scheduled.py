"""Messages that are sent later: kept sealed, listed, cancelled, handed over once."""

import uuid
from dataclasses import replace
from typing import Any

import pytest

from opengrant.errors import InvalidData, RateLimited
from opengrant.mail.outgoing import Ready
from opengrant.mail.schedules.schedules import BOUNDS, Schedules, Waiting
from opengrant.mail.schedules.sealing import PIECE
from opengrant.model import SECOND
from tests.mail.mailbox import OWNER
from tests.support import Tenant, data, problem

DAY = 24 * 3600


class Kept:
    """Schedules of a grant, made beneath the API."""

    def __init__(self, tenant: Tenant, path: str) -> None:
        self.tenant, self.live, self.path = tenant, tenant.server, path
        self.services = self.live.services
        self.service: Schedules = self.services.schedules
        pattern = path.rpartition("/")[2]
        self.grant = self.live.call(self.services.grants.get(tenant.application, pattern))

    def clock(self) -> int:
        return int(self.services.schedules.clock())

    def add(self, *, ahead: int = 3600, text: bytes = b"Hello\r\n") -> Any:
        id_ = f"<{self.clock()}@example.test>"
        raw = b"Subject: secret plans\r\n\r\n" + text
        ready = Ready(raw=raw, message_id=id_, date=0, sender=OWNER, recipients=("ana@example.com",))
        at = self.clock() // SECOND + ahead
        return self.live.call(
            self.service.add(self.tenant.application, self.grant, ready, send_at=at, id_=str(uuid.uuid4()))
        )

    def pieces(self, id_: str) -> list[bytes]:
        rows = self.live.rows("select sealed from secrets where owner_kind = 'outgoing' and owner_id = $1", id_)
        return [bytes(row[0]) for row in rows]

    def shown(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = data(self.tenant.get(f"{self.path}/messages/schedules"))
        return found

    def sweep(self) -> None:
        self.live.call(self.services.schedules.forget(self.tenant.application))


@pytest.fixture
def kept(tenant: Tenant, grant: str) -> Kept:
    return Kept(tenant, grant)


def test_they_are_listed_by_time_and_found_by_id(kept: Kept, tenant: Tenant, stranger: Tenant) -> None:
    assert kept.shown() == []
    later, sooner = kept.add(ahead=7200), kept.add(ahead=120)
    shown = kept.shown()
    assert [one["schedule_id"] for one in shown] == [sooner.id, later.id]
    assert shown[0]["status"] == {"code": "pending", "description": "Waits until it is sent."}
    assert "close_time" not in shown[0]
    at = f"{kept.path}/messages/schedules/{later.id}"
    assert data(tenant.get(at)) == shown[1]
    assert problem(tenant.get(at + "x"))[:2] == (404, "not_found_error")
    assert problem(stranger.get(at))[:2] == (404, "grant.not_found")


def test_one_that_is_cancelled_is_closed_and_its_message_is_gone(kept: Kept, tenant: Tenant) -> None:
    one = kept.add()
    at = f"{kept.path}/messages/schedules/{one.id}"
    answer = tenant.delete(at)
    assert (answer.status_code, list(data(answer))) == (202, ["message"])
    assert kept.pieces(one.id) == []
    closed = data(tenant.get(at))
    assert closed["status"]["code"] == "cancelled"
    assert abs(closed["close_time"] - kept.clock() // SECOND) <= 90
    assert problem(tenant.delete(at))[:2] == (404, "not_found_error")
    assert problem(tenant.delete(at + "x"))[:2] == (404, "not_found_error")


def test_a_message_is_stored_sealed_and_in_pieces(kept: Kept) -> None:
    one = kept.add(text=b"secret words " * PIECE)
    pieces = kept.pieces(one.id)
    assert len(pieces) == 15
    assert not any(b"secret" in piece for piece in pieces)
    assert max(map(len, pieces)) < PIECE + 100


@pytest.mark.parametrize("ahead", [-5, 0, 50, 30 * DAY + 60])
def test_the_time_is_a_minute_ahead_and_a_month_at_most(kept: Kept, ahead: int) -> None:
    with pytest.raises(InvalidData, match="send_at: "):
        kept.add(ahead=ahead)


def test_so_many_may_wait_and_no_more(kept: Kept) -> None:
    kept.service = replace(kept.service, bounds=replace(BOUNDS, of_grant=Waiting(2, 1 << 20)))
    first = kept.add()
    kept.add()
    with pytest.raises(RateLimited, match="2 messages of one grant"):
        kept.add()
    kept.tenant.delete(f"{kept.path}/messages/schedules/{first.id}")
    kept.add()
    kept.service = replace(kept.service, bounds=replace(BOUNDS, of_application=Waiting(100, 1 << 20)))
    with pytest.raises(RateLimited, match="of one application wait to be sent, of 1 MB"):
        kept.add(text=bytes(1 << 20))


def test_closed_ones_are_shown_for_three_days_after_their_time(kept: Kept, tenant: Tenant) -> None:
    old, new, waits = kept.add(), kept.add(), kept.add()
    for one in (old, new):
        tenant.delete(f"{kept.path}/messages/schedules/{one.id}")
    for one, days in ((old, 3), (new, 2), (waits, 4)):
        kept.live.rows("update outgoing set send_at = $2 where id = $1", one.id, kept.clock() - days * DAY * SECOND - 1)
    kept.sweep()
    assert {one["schedule_id"] for one in kept.shown()} == {new.id, waits.id}


def test_they_go_with_their_grant(kept: Kept, tenant: Tenant) -> None:
    one = kept.add()
    assert tenant.delete(kept.path).status_code == 200
    assert kept.pieces(one.id) == []
    assert kept.live.rows("select count(*) from outgoing where id = $1", one.id)[0][0] == 0
