"""Who may call: API keys, service accounts, request signatures, console sessions, rate limits, idempotency.

It must not know what a caller does afterwards: no grant, connector or provider.
"""
