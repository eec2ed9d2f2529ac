"""One folder per provider: how it proves a credential, what it refuses, what is known of it. registry.py lists them.

It knows net; no SQL, no keys, no grant. The folders do not know each other.
"""
