"""Words for a cause that passes: the server is busy, something is broken, another try may work.

Such words count more than every word of refusal in the same sentence, for every provider: servers put them beside
`invalid_grant`, 535 and [AUTHENTICATIONFAILED]. The search is for whole words, so that "corporate" is no "rate".
Addresses and links are left out: the words in them are names.

The time is linear in the length of the text: it is split once, and phrases are searched as plain text.

Sources  Postfix and Cyrus SASL ("generic failure", "Connection lost to authentication server"), Dovecot ("Temporary
         authentication failure", "Internal error occurred"), Gmail's SMTP error reference ("Too many login attempts,
         please try again later"), Yahoo ("(#AUTH005) Too many bad auth attempts", "Server error - Please try again
         later"), NetEase ("Too many bad login attempts"), Exchange ("Temporary server error")
"""

from typing import Literal

Passing = Literal["throttled", "broken", "later", "again"]
"""A cause that passes. throttled: the server wants fewer calls. broken: something behind it does not work now.
later: another try at another time may work. again: only "try again", which some servers say to a wrong password too.
"""

_THROTTLED = (
    *("rate", "ratelimit", "ratelimited", "throttle", "throttled", "throttling", "slow down"),
    *("limit exceeded", "limits exceeded", "limit reached", "exceeded the limit", "exceeds the limit"),
    *("connection limit", "login limit", "request limit", "frequency limit", "frequency limited"),
    *("too frequent", "too frequently", "too fast", "too quickly"),
    *("concurrent connections", "maximum number of connections", "maximum connections"),
)
_BROKEN = (
    *("temporary", "temporarily", "transient", "tempfail", "unavailable", "busy", "overload", "overloaded"),
    *("internal error", "internal server error", "internal failure", "server error", "server failure"),
    *("system error", "system failure", "system problem", "backend error", "backend failure", "database error"),
    *("generic failure", "generic error", "unexpected error", "technical difficulties", "technical problem"),
    *("connection lost", "lost connection", "connection refused", "connection reset", "connection error"),
    *("connection failed", "no connection", "timed out", "timeout", "time out"),
    *("cannot connect", "could not connect", "unable to connect", "failed to connect"),
    *("cannot contact", "could not contact", "unable to contact", "maintenance", "shutting down"),
)
_LATER = (
    *("again later", "try later", "retry later", "come back later", "try again in", "try again after"),
    *("try again shortly", "try again soon", "try again tomorrow", "retry in", "retry after", "please wait"),
)
_AGAIN = ("try again",)

# "Too many" of these passes with time; too many characters, arguments or recipients does not.
_MANY = frozenset(
    {
        *("attempt", "attempts", "auth", "authentication", "authentications", "bad", "call", "calls", "client"),
        *("clients", "concurrent", "connection", "connections", "error", "errors", "failed", "failure", "failures"),
        *("incorrect", "invalid", "log", "logged", "login", "logins", "logon", "logons", "open", "queries", "refresh"),
        *("request", "requests", "retries", "session", "sessions", "sign", "simultaneous", "token", "tokens", "tries"),
        *("unsuccessful", "users", "wrong"),
    }
)
_NEAR = 3
"""How many words after "too many" may name the thing."""
_UNITS = {"second": 1, "seconds": 1, "minute": 60, "minutes": 60, "min": 60, "hour": 3600, "hours": 3600}
_LONGEST = 3600


def plain(text: str, *, links: bool = True) -> str:
    """Lower case; one space for all that is no letter or digit; a space at both ends; no addresses."""
    kept = (part for part in text.casefold().split() if "@" not in part and (links or "://" not in part))
    return f" {' '.join(''.join(char if char.isalnum() else ' ' for char in ' '.join(kept)).split())} "


def spelled(code: str) -> str:
    """A code as words: rateLimitExceeded, too_many_requests."""
    letters = zip(f" {code}", code, strict=False)
    return "".join(f" {char}" if char.isupper() and before.islower() else char for before, char in letters)


def passing(text: str) -> Passing | None:
    """The cause that passes, if the text names one; of several the most specific."""
    said = plain(text, links=False)
    if _names(said, _THROTTLED) or _too_many(said):
        return "throttled"
    if _names(said, _BROKEN):
        return "broken"
    if _names(said, _LATER):
        return "later"
    return "again" if _names(said, _AGAIN) else None


def _names(said: str, phrases: tuple[str, ...]) -> bool:
    return any(f" {phrase} " in said for phrase in phrases)


def _too_many(said: str) -> bool:
    behind = said.split(" too many ")[1:]
    return any(not _MANY.isdisjoint(part.split(maxsplit=_NEAR)[:_NEAR]) for part in behind)


def wait_named(text: str) -> float | None:
    """Seconds that the sentence asks to wait, an hour at most; None where it names none."""
    words = plain(text, links=False).split()
    for before, number, unit in zip(words, words[1:], words[2:], strict=False):
        if before in ("in", "after", "wait", "for") and unit in _UNITS and number.isdecimal() and len(number) <= 6:
            return float(min(max(int(number), 1) * _UNITS[unit], _LONGEST))
    return None
