"""Refresh of stored credentials: on request, on the clock, and while a whole source fails.

It must not know the HTTP API, sign-in pages or how a grant is first connected.
"""
