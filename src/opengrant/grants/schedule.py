"""When a grant is due next. Pure: the time and the random numbers are arguments."""

from collections.abc import Callable
from dataclasses import dataclass

from opengrant.model import SECOND, Grant, Micros, ProviderName
from opengrant.providers.registry import FACTS

_HOUR = 3600 * SECOND
_DAY = 24 * _HOUR

IDLE_EVERY = 7 * _DAY
"""How often an idle refresh token is used, so that it does not end: far more often than `idle_days` of any provider."""
_NO_CREDENTIAL = frozenset(name for name, facts in FACTS.items() if facts.holds == "nothing")
_FIRST_WAIT, _LONGEST_WAIT = 1, 900
_FIRST_WAIT_LIMITED, _LONGEST_WAIT_LIMITED = 30, 3600

Dice = Callable[[], float]
"""A number of [0, 1), as random.random gives it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The settings of the schedule.

    ahead          how long before its end a token is renewed
    idle_after     a grant that was not used for so long is idle
    probe_every    how often a password is proven again
    confirm_after  when a refused password is tried once more: outages of mail servers look like refusals
    attention_after  a grant that has only failed for so long, and is valid still, needs a person to look at it
    """

    ahead: Micros
    idle_after: Micros
    probe_every: Micros
    confirm_after: Micros
    dice: Dice
    attention_after: Micros = 7 * 86_400 * SECOND

    def next(self, grant: Grant, *, at: Micros) -> Micros | None:
        """For a grant that has just been proven. None: it has nothing that could go bad."""
        return self.after(grant.provider, ends_at=grant.token_expires_at, used_at=grant.used_at, at=at)

    def after(
        self, provider: ProviderName, *, ends_at: Micros | None, used_at: Micros | None, at: Micros
    ) -> Micros | None:
        """As `next`, from the columns of the grant that count.

        ends_at  the end of its access token
        used_at  when it was last needed
        """
        if provider in _NO_CREDENTIAL:
            return None
        if ends_at is None:
            return at + self._about(self.probe_every, 0.1)
        if used_at is not None and at - used_at > self.idle_after:
            return at + self._about(IDLE_EVERY, 1 / 7)
        life = max(ends_at - at, 2 * SECOND)
        # Short tokens are renewed at half their life; the jitter spreads grants that were made together.
        ahead = min(self.ahead, life // 2)
        # Counted from now: a token that was expired on arrival is not requested again at once.
        return at + life - ahead - int(self.dice() * min(ahead // 5, life // 4))

    def again(self, failures: int, *, rate_limited: bool, wanted: float | None) -> Micros:
        """How long to wait after so many failures in a row. `wanted`: seconds that the provider asked for."""
        if wanted is not None:
            return int((min(max(wanted, 1.0), _LONGEST_WAIT_LIMITED) + self.dice()) * SECOND)
        first, longest = (_FIRST_WAIT_LIMITED, _LONGEST_WAIT_LIMITED) if rate_limited else (_FIRST_WAIT, _LONGEST_WAIT)
        # Half of it is random, so that grants that failed together are not retried together.
        wait = min(first * 2 ** min(failures - 1, 20), longest)
        return int(wait * (0.5 + self.dice() / 2) * SECOND)

    def _about(self, span: Micros, by: float) -> Micros:
        return int(span * (1 + by * (2 * self.dice() - 1)))
