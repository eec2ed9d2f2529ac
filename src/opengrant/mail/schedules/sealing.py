"""A message that waits, as it is stored: sealed in pieces, since a database keeps and reseals small values best.

The first piece, `head`, says to whom the message goes and of how many pieces it is made; the others are its bytes.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from pydantic_core import from_json, to_json

from opengrant.mail.metadata import Pairs
from opengrant.mail.mime import LOOP_LIMIT
from opengrant.mail.outgoing import Ready
from opengrant.model.mail import Address
from opengrant.store.mail.outgoing import KIND
from opengrant.store.secrets import SecretRow
from opengrant.vault import Owner, Unsealable, Vault

PIECE = 64 * 1024
"""Bytes."""
_HEAD = "head"
_VERSION = 1


class Kept(NamedTuple):
    """pairs: metadata that the message has once it is sent."""

    mail: Ready
    pairs: Pairs | None = None


async def seal(vault: Vault, application_id: str, id_: str, kept: Kept) -> list[SecretRow]:
    if len(kept.mail.raw) > LOOP_LIMIT:
        return await asyncio.to_thread(_seal, vault, application_id, id_, kept)
    return _seal(vault, application_id, id_, kept)


async def unseal(vault: Vault, rows: Sequence[SecretRow]) -> Kept:
    """Raises Unsealable, also where pieces are missing."""
    if len(rows) > LOOP_LIMIT // PIECE:
        return await asyncio.to_thread(_unseal, vault, rows)
    return _unseal(vault, rows)


def _seal(vault: Vault, application_id: str, id_: str, kept: Kept) -> list[SecretRow]:
    mail = kept.mail
    parts = [mail.raw[start : start + PIECE] for start in range(0, len(mail.raw), PIECE)]
    head = {
        "v": _VERSION,
        "pieces": len(parts),
        "message_id": mail.message_id,
        "date": mail.date,
        "sender": mail.sender,
        "recipients": mail.recipients,
        "bcc": [(one.email, one.name) for one in mail.bcc],
        "metadata": kept.pairs,
    }
    pieces = {_HEAD: to_json(head)} | {f"{number:05d}": part for number, part in enumerate(parts)}
    return [
        SecretRow(application_id, KIND, id_, purpose, vault.seal(plain, Owner(application_id, KIND, id_, purpose)))
        for purpose, plain in pieces.items()
    ]


def _unseal(vault: Vault, rows: Sequence[SecretRow]) -> Kept:
    opened = {
        row.purpose: vault.open(row.sealed, Owner(row.application_id, KIND, row.owner_id, row.purpose)) for row in rows
    }
    head = from_json(opened.pop(_HEAD, b"{}"))
    if len(opened) != head.get("pieces"):
        raise Unsealable("A piece of a stored message is missing.")
    mail = Ready(
        raw=b"".join(opened[purpose] for purpose in sorted(opened)),
        message_id=head["message_id"],
        date=head["date"],
        sender=head["sender"],
        recipients=tuple(head["recipients"]),
        bcc=tuple(Address(email, name) for email, name in head["bcc"]),
    )
    return Kept(mail, head["metadata"])
