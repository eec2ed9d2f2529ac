"""The Retry-After header: how long a server asks us to wait."""

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from opengrant.model import SECOND, Micros

_SHORTEST, _LONGEST = 1.0, 3600.0


def retry_after(headers: Mapping[str, str], at: Micros) -> float | None:
    """Seconds to wait, from seconds or an HTTP date, between a second and an hour; None when unreadable or absent.

    headers  names in lower case, or case-insensitive
    at       when the answer came
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - at / SECOND
        except (ValueError, OverflowError):
            return None
    if math.isnan(seconds):
        return None
    return min(max(seconds, _SHORTEST), _LONGEST)
