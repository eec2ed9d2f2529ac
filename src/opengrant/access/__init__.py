"""Access: API keys, service accounts, request signatures, console sessions, rate limits, idempotency.

It must not know what a request does afterwards: no grant, connector or provider.
"""
