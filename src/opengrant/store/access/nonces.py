"""Nonces of signed requests: each is accepted once per account."""

from opengrant.model import Micros
from opengrant.store.engine.port import Statement, Steps


def spend(account_id: str, nonce: str, *, at: Micros, forget_before: Micros) -> Steps[bool]:
    """Whether the nonce is new. Nonces seen before `forget_before` are deleted first, and count as new.

    One statement checks and stores: of two requests with one nonce, on any nodes, one wins.
    """
    yield Statement("delete from nonces where account_id = $1 and seen_at < $2", (account_id, forget_before))
    rows = yield Statement(
        "insert into nonces (account_id, nonce, seen_at) values ($1, $2, $3) on conflict do nothing returning 1",
        (account_id, nonce, at),
    )
    return bool(rows)
