"""Tables of access: API keys, service accounts, nonces, console sessions, rate limits, idempotency.

They must not know other subjects.
"""
