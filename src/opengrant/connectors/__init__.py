"""Connectors and their credentials, how to set one up, and the check that one works.

It must not know grants, which depend on it.
"""
