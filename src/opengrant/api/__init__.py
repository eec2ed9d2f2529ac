"""The HTTP API: turns a request into one call of a service, and its result into an answer.

It must not know store, vault, providers or net.
"""
