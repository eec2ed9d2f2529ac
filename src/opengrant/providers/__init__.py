"""One file per provider: how it proves a credential and says whose it is. Knows net; no SQL, no keys."""
