"""What must not happen twice: attempts under an Idempotency-Key, on both engines."""

from typing import Any

import pytest

from opengrant.access.idempotency import Attempt, Idempotency, Outcome
from opengrant.errors import (
    ConcurrentIdempotentRequest,
    InvalidData,
    InvalidIdempotentRequest,
    MailDeferred,
    MaySent,
    OpenGrantError,
)
from opengrant.model import SECOND
from tests.support import Tenant


class Died(BaseException):
    """The process ends."""


class Attempts:
    """Of one application under one key. seen: what each that ran was told of an earlier one."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self.seen: list[bool] = []

    def __call__(
        self, *, within: str = "a", body: bytes = b"same", hands_over: bool = False, ends: BaseException | None = None
    ) -> Outcome:
        service: Idempotency = self._tenant.server.services.idempotency

        async def run(attempt: Attempt) -> dict[str, Any]:
            self.seen.append(attempt.handed_over)
            if hands_over:
                await attempt.hand_over()
            if ends is not None:
                raise ends
            return {"number": len(self.seen)}

        return self._tenant.server.call(service.one_attempt(self._tenant.application, "key", body, run, within=within))

    def after(self, seconds: int) -> None:
        sql = "update idempotency set created_at = created_at - $1 where application_id = $2"
        self._tenant.server.rows(sql, seconds * SECOND, self._tenant.application.id)


@pytest.fixture
def attempt(tenant: Tenant) -> Attempts:
    return Attempts(tenant)


def test_the_first_answer_is_that_of_an_hour(attempt: Attempts) -> None:
    assert attempt() == ({"number": 1}, False)
    assert attempt() == ({"number": 1}, True)
    assert attempt(within="b") == ({"number": 2}, False)
    with pytest.raises(InvalidIdempotentRequest):
        attempt(body=b"another")
    attempt.after(3700)
    assert attempt(body=b"another") == ({"number": 3}, False)


def test_what_was_handed_over_is_remembered_until_its_fate_is_known(attempt: Attempts) -> None:
    with pytest.raises(Died):
        attempt(hands_over=True, ends=Died())
    with pytest.raises(ConcurrentIdempotentRequest):
        attempt()
    attempt.after(200)
    for _ in range(2):  # it cannot be found out yet
        with pytest.raises(MailDeferred):
            attempt(ends=MailDeferred("later"))
    assert attempt() == ({"number": 4}, False)
    assert attempt() == ({"number": 4}, True)
    assert attempt.seen == [False, True, True, True]
    attempt.after(3700)
    attempt()
    assert attempt.seen[-1] is False


@pytest.mark.parametrize("refusal", [InvalidData("no", provider_error={"code": "5.1.1"}), MaySent()])
def test_a_refusal_comes_back_as_it_was(attempt: Attempts, refusal: OpenGrantError) -> None:
    for replayed in (False, True):
        with pytest.raises(type(refusal)) as refused:
            attempt(ends=refusal)
        told = refused.value
        assert (told.message, told.provider_error, told.replayed) == (
            refusal.message,
            refusal.provider_error,
            replayed,
        )
    assert len(attempt.seen) == 1


def test_a_refusal_that_says_to_try_again_is_tried_again(attempt: Attempts) -> None:
    with pytest.raises(MailDeferred):
        attempt(hands_over=True, ends=MailDeferred("later"))
    assert attempt() == ({"number": 2}, False)
    assert attempt.seen == [False, False]
