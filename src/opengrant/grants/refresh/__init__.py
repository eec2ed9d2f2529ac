"""Keeping grants alive: on request, on the clock, and when a whole source fails.

It must not know HTTP of its own API, sign-in pages or how a grant is first connected.
"""
