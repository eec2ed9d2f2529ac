"""Seals and opens bytes with master keys. It must not know SQL, HTTP or a grant."""

from opengrant.vault.keys import Keyring, MasterKey, MasterKeyError
from opengrant.vault.seal import Owner, Unsealable, Vault

__all__ = ["Keyring", "MasterKey", "MasterKeyError", "Owner", "Unsealable", "Vault"]
