"""Parameters of a statement, the same on both engines: str, int of 64 bits, bytes, None.

Callers check user input. This check prevents that one engine stores what the other refuses. Messages name the position
of a parameter and never its value.
"""

from collections.abc import Sequence
from typing import Any

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1


def plain(args: tuple[Any, ...]) -> Sequence[Any]:
    """The parameters as plain str, int, bytes and None. An enum member becomes its str, a bool its int.

    Raises  ValueError for text with NUL or a lone surrogate, and for integers beyond 64 bits.
            TypeError for any other type.
    """
    for value in args:
        kind = type(value)
        if kind is str:
            if not value.isascii() or "\0" in value:
                break
        elif kind is int:
            if not _INT_MIN <= value <= _INT_MAX:
                break
        elif value is not None and kind is not bytes:
            break
    else:
        return args  # nearly always: all of them are plain already
    return [_plain(value, place) for place, value in enumerate(args, 1)]


def _plain(value: Any, place: int) -> Any:
    kind = type(value)
    if kind is str:
        if "\0" in value:
            raise ValueError(f"parameter ${place}: text must not contain NUL")
        if not value.isascii():
            _check_surrogates(value, place)
        return value
    if kind is int:
        if not _INT_MIN <= value <= _INT_MAX:
            raise ValueError(f"parameter ${place}: an integer must fit 64 bits")
        return value
    if value is None or kind is bytes:
        return value
    if isinstance(value, str):
        return _plain(str.__str__(value), place)
    if isinstance(value, int):
        return _plain(int(value), place)
    raise TypeError(f"parameter ${place}: {kind.__name__} cannot be stored; use str, int, bytes or None")


def _check_surrogates(value: str, place: int) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        # Not chained: a UnicodeEncodeError holds the whole text.
        raise ValueError(f"parameter ${place}: text must not contain a lone surrogate") from None
