"""The cookies of a request, in order and with duplicates.

Starlette's parser returns a dict: the last of two cookies with one name wins. We have to see both, because another
host of the domain may have set one of them.
"""

from collections.abc import Iterator, Sequence


def cookie_pairs(headers: Sequence[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """(name, value) of each cookie."""
    for name, value in headers:
        if name == b"cookie":
            for pair in value.split(b";"):
                key, _, text = pair.strip().partition(b"=")
                yield key, text
