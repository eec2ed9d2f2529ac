"""Sealing: AES-256-GCM with a key for one owner and one purpose.

    0x01 │ key tag, 4 bytes │ nonce, 12 bytes │ ciphertext │ GCM tag, 16 bytes

The layout is Tink's. The AES key is derived from the master key for the owner, so that the number of messages under one
key stays far below the limit of random 96-bit nonces (docs/decisions/0004-sealing.md). The owner is bound twice: by the
derived key and as associated data.
"""

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from opengrant.model import Sealed
from opengrant.model.basics import record
from opengrant.vault.keys import Keyring, MasterKey

VERSION = b"\x01"
NONCE_BYTES = 12
HEADER_BYTES = 1 + 4 + NONCE_BYTES


class Unsealable(Exception):
    """A ciphertext does not open: wrong owner, altered bytes, or a missing master key."""


@record
class Owner:
    """The owner and purpose of a ciphertext. For another owner it does not open."""

    application_id: str
    kind: str
    id: str
    purpose: str

    def label(self) -> bytes:
        # The length precedes each part: ("a", "bc") and ("ab", "c") are different owners.
        label = b""
        for text in (self.application_id, self.kind, self.id, self.purpose):
            part = text.encode()
            label += len(part).to_bytes(4, "big") + part
        return label


class Vault:
    """Seals with the first key of the ring, opens with any."""

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring

    def seal(self, plain: bytes, owner: Owner) -> Sealed:
        """Encrypt `plain` for `owner`. Each call uses a fresh random nonce."""
        key, label, nonce = self.keyring.sealing, owner.label(), os.urandom(NONCE_BYTES)
        return Sealed(key.id, VERSION + key.tag + nonce + _cipher(key, label).encrypt(nonce, plain, label))

    def open(self, sealed: Sealed, owner: Owner) -> bytes:
        """Decrypt what was sealed for `owner`. Raises Unsealable."""
        data = sealed.data
        if len(data) < HEADER_BYTES or data[:1] != VERSION:
            raise Unsealable("The stored ciphertext is not in a known format.")
        key = self.keyring.by_tag.get(data[1:5])
        if key is None:
            raise Unsealable(f"Master key {sealed.key_id!r} is needed and not among the configured ones.")
        label = owner.label()
        try:
            return _cipher(key, label).decrypt(data[5:HEADER_BYTES], data[HEADER_BYTES:], label)
        except InvalidTag:
            raise Unsealable(f"A ciphertext of {owner.kind} {owner.id!r} does not open with its key.") from None


def _cipher(key: MasterKey, label: bytes) -> AESGCM:
    # Keyed BLAKE2b (RFC 7693) is a pseudo-random function and the master key is uniformly random, so this derives a key
    # safely. `person` separates this use from other uses of the key.
    return AESGCM(hashlib.blake2b(label, key=key.value, digest_size=32, person=b"opengrant seal 1").digest())
