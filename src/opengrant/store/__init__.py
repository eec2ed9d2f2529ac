"""The tables: one file each, on two engines with one interface. It handles sealed bytes, never a plain secret.

It must not know a provider or a route.
"""
