"""How much CPU something takes: of this thread alone, since others of the process have work of their own."""

import math
import time
from collections.abc import Callable

_TRIES = 10
LINEAR = 8
"""Four times the size costs four times as much; what grows with its square costs sixteen."""


def growth(act: Callable[[int], object], small: int, large: int) -> float:
    """How many times as much `large` costs as `small`.

    The least of some tries counts for each, and there are more while the result is not linear: what else the machine
    does adds to single tries.
    """
    least = {small: math.inf, large: math.inf}
    found = math.inf
    for count in range(_TRIES):
        for size, before in least.items():
            least[size] = min(before, _once(act, size))
        found = least[large] / least[small]
        if count >= 2 and found < LINEAR:
            break
    return found


def cost(act: Callable[[int], object], size: int) -> float:
    """Seconds, the least of three."""
    return min(_once(act, size) for _ in range(3))


def _once(act: Callable[[int], object], size: int) -> float:
    began = time.thread_time()
    act(size)
    # Below a hundredth of a second, the machine is measured rather than the code.
    return max(time.thread_time() - began, 0.01)
