"""Zoom's scopes: granular and classic ones, and which covers which. Source: Zoom Developer, "OAuth scopes".

Granular scopes name a resource (`meeting:write:meeting`), the classic ones of older apps do not (`meeting:write`).
Either may end in `:admin` or `:master`, for more users than the owner.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from opengrant.providers.facts import Ability

_LEVELS = {"admin": 1, "master": 2}
_CLASSIC = {"read": frozenset({"read"}), "write": frozenset({"write", "update", "delete"})}
"""Classic action → the granular actions that it covers."""


def abilities(scope: str) -> tuple[Ability, ...]:
    """What a scope lets an application do."""
    asked = _read(scope)
    match asked.service:
        case "user" if asked.action == "read":
            return ("profile",)
        case "meeting":
            return ("meetings_read",) if asked.action in {"read", "list"} else ("meetings_change",)
        case _:
            return ("other",)


def missing(granted: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Which of `wanted` are neither granted nor covered by granted ones, in either kind of scope."""
    known = [_read(scope) for scope in granted]
    return tuple(scope for scope in wanted if not _covered(_read(scope), known))


@dataclass(frozen=True, slots=True)
class _Scope:
    """`service` may do `action` on `resource` ("": a classic scope, for all resources), for users up to `level`."""

    service: str
    action: str
    resource: str
    level: int


def _read(scope: str) -> _Scope:
    words = scope.lower().split(":")
    level = _LEVELS.get(words[-1], 0)
    if level:
        words.pop()
    service, action, resource, *_ = (*words, "", "")
    return _Scope(service, action, resource, level)


def _covered(wanted: _Scope, granted: Iterable[_Scope]) -> bool:
    fitting = [one for one in granted if one.service == wanted.service and one.level >= wanted.level]
    if any(_allows(one, wanted) for one in fitting):
        return True
    if wanted.resource or wanted.action not in _CLASSIC:
        return False
    # A classic scope is granted too when all granular scopes that it covers are granted.
    return {one.action for one in fitting if one.resource == wanted.service} >= _CLASSIC[wanted.action]


def _allows(granted: _Scope, wanted: _Scope) -> bool:
    if (granted.action, granted.resource) == (wanted.action, wanted.resource):
        return True
    return not granted.resource and wanted.action in _CLASSIC.get(granted.action, ())
