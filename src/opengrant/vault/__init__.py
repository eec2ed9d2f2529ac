"""Seal and open: keys and bytes. Knows no SQL, no HTTP, no grant."""

from opengrant.vault.keys import Keyring, MasterKey, MasterKeyError
from opengrant.vault.seal import Owner, Unsealable, Vault

__all__ = ["Keyring", "MasterKey", "MasterKeyError", "Owner", "Unsealable", "Vault"]
