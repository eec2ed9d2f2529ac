"""grants/schedule.py: when a grant is looked after next."""

from dataclasses import replace
from itertools import cycle

from hypothesis import given
from hypothesis import strategies as st

from opengrant.grants.schedule import Schedule
from opengrant.model import SECOND, Grant, Micros, ProviderName

DAY = 86_400 * SECOND
AT = 1_800_000_000 * SECOND
GRANT = Grant(
    "grant", "app", ProviderName.GOOGLE, "connector", "ana@example.com", "ana@example.com", "valid",
    (), {}, AT, AT, AT, 1,
)  # fmt: skip

# As the settings allow them.
dice = st.floats(min_value=0, max_value=1, exclude_max=True)
schedules = st.builds(
    lambda ahead, idle_after, probe_every, confirm_after, rolls: Schedule(
        int(ahead * SECOND),
        int(idle_after * SECOND),
        int(probe_every * SECOND),
        int(confirm_after * SECOND),
        cycle(rolls).__next__,
    ),
    ahead=st.floats(1, 86_400),
    idle_after=st.floats(60, 90 * 86_400),
    probe_every=st.floats(1, 90 * 86_400),
    confirm_after=st.floats(1, 86_400),
    rolls=st.lists(dice, min_size=1, max_size=5),
)
lives = st.integers(2 * SECOND, 400 * DAY)
"""What a token has left when it is made: read_tokens() makes less than nothing five minutes."""


def schedule(*rolls: float, ahead: int = 600) -> Schedule:
    return Schedule(ahead * SECOND, 7 * DAY, DAY, 900 * SECOND, cycle(rolls or (0.5,)).__next__)


def used(life: Micros | None, *, ago: Micros = 0) -> Grant:
    return replace(GRANT, token_expires_at=None if life is None else AT + life, used_at=AT - ago)


@given(schedules, lives)
def test_a_token_that_is_in_use_is_renewed_before_its_end_and_not_at_once(plan: Schedule, life: Micros) -> None:
    due_at = plan.next(used(life), at=AT)
    assert due_at is not None
    assert AT < due_at < AT + life


@given(schedules, lives)
def test_what_is_short_is_renewed_in_the_second_half_of_its_life(plan: Schedule, life: Micros) -> None:
    """Or a tenth sooner by chance, which is a fifth of what is left."""
    due_at = plan.next(used(life), at=AT)
    assert due_at is not None
    assert due_at - AT >= life // 2 - life // 10 - 1


@given(schedules, lives)
def test_nothing_is_renewed_much_sooner_than_the_operator_says(plan: Schedule, life: Micros) -> None:
    due_at = plan.next(used(life), at=AT)
    assert due_at is not None
    assert AT + life - due_at <= plan.ahead + plan.ahead // 5


@given(schedules, st.integers(-400 * DAY, 400 * DAY))
def test_a_proven_grant_is_never_due_in_the_past(plan: Schedule, life: Micros) -> None:
    """Not even when the answer took longer to be written than its token lives."""
    due_at = plan.next(used(life), at=AT)
    assert due_at is not None
    assert due_at >= AT


def test_a_token_of_an_hour_is_renewed_ten_to_twelve_minutes_before_its_end() -> None:
    hour = 3600 * SECOND
    assert schedule(0.0).next(used(hour), at=AT) == AT + hour - 600 * SECOND
    last = schedule(0.999_999).next(used(hour), at=AT)
    assert last is not None
    assert AT + hour - 720 * SECOND <= last <= AT + hour - 719 * SECOND


@given(lives, dice, dice)
def test_chance_tells_apart_what_was_made_together(life: Micros, one: float, other: float) -> None:
    ahead = min(600 * SECOND, life // 2)
    first, second = schedule(one).next(used(life), at=AT), schedule(other).next(used(life), at=AT)
    assert first is not None
    assert second is not None
    assert abs(abs(first - second) - abs(one - other) * (ahead // 5)) <= 1


@given(schedules, lives, st.integers(1, 400 * DAY))
def test_what_nobody_needs_is_renewed_every_six_to_eight_days(plan: Schedule, life: Micros, longer: Micros) -> None:
    due_at = plan.next(used(life, ago=plan.idle_after + longer), at=AT)
    assert due_at is not None
    assert 6 * DAY - SECOND <= due_at - AT <= 8 * DAY + SECOND


@given(schedules, lives)
def test_what_was_never_asked_for_is_not_idle_yet(plan: Schedule, life: Micros) -> None:
    due_at = plan.next(replace(used(life), used_at=None), at=AT)
    assert due_at is not None
    assert due_at < AT + life


@given(schedules, st.integers(0, 400 * DAY))
def test_a_password_is_proven_at_its_own_pace(plan: Schedule, ago: Micros) -> None:
    due_at = plan.next(replace(used(None, ago=ago), provider=ProviderName.IMAP), at=AT)
    assert due_at is not None
    assert abs(due_at - AT - plan.probe_every) <= plan.probe_every / 10 + 1


@given(schedules, st.sampled_from([ProviderName.VIRTUAL_CALENDAR, ProviderName.NYLAS]))
def test_what_has_no_credential_is_never_due(plan: Schedule, provider: ProviderName) -> None:
    assert plan.next(replace(used(None), provider=provider), at=AT) is None


@given(dice, st.integers(1, 10_000), st.booleans())
def test_a_wait_is_at_least_half_and_at_most_all_of_its_bound(roll: float, failures: int, limited: bool) -> None:
    first, longest = (30, 3600) if limited else (1, 900)
    bound = min(first * 2 ** min(failures - 1, 30), longest) * SECOND
    wait = schedule(roll).again(failures, rate_limited=limited, wanted=None)
    assert bound // 2 <= wait <= bound


@given(dice, st.integers(1, 10_000), st.integers(0, 10_000), st.booleans())
def test_more_failures_never_mean_a_shorter_wait(roll: float, failures: int, more: int, limited: bool) -> None:
    plan = schedule(roll)
    sooner = plan.again(failures, rate_limited=limited, wanted=None)
    assert sooner <= plan.again(failures + more, rate_limited=limited, wanted=None)


@given(dice, st.integers(1, 10_000), st.booleans(), st.floats(1, 3600))
def test_what_a_provider_asks_for_it_gets(roll: float, failures: int, limited: bool, wanted: float) -> None:
    wait = schedule(roll).again(failures, rate_limited=limited, wanted=wanted)
    assert int(wanted * SECOND) <= wait <= (wanted + 1) * SECOND


@given(dice, st.floats(-1e9, 1e9))
def test_but_neither_nothing_nor_for_ever(roll: float, wanted: float) -> None:
    wait = schedule(roll).again(1, rate_limited=True, wanted=wanted)
    assert SECOND <= wait <= 3601 * SECOND


def test_a_million_in_a_day_do_not_come_together() -> None:
    """Made in one second, due over two minutes: no second has more than its share by more than one."""
    rolls = [number / 10_000 for number in range(10_000)]
    due = [schedule(roll).next(used(3600 * SECOND), at=AT) for roll in rolls]
    seconds = [(one or 0) // SECOND for one in due]
    assert max(seconds.count(second) for second in set(seconds)) <= 10_000 / 120 + 1
